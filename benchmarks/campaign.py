"""Campaigns: messages a second beside plain e-mail of the same run, and a campaign that is killed, paused and refused at random.

Two parts. *Speed*: mailings whose letters stand there already, from the button to the sink, and campaigns from the launch to the sink
(finding their recipients included), one after the other in interleaved rounds. *Hard days*: `--count` (100,000) contacts, one in
twenty opted out before, some more in the middle; a worker that is killed -9 twice, a campaign that is paused and resumed, a sink that
now and then refuses softly (-r) or for good (-f). Counted at the sink: who got it how often.
"""

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import sqlalchemy as sa

from benchmarks.engine import work
from benchmarks.mail.campaign_worker import office_in
from postoffice.actions import campaigns as acting
from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.campaign import Campaign, Design
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Entry, Means
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Ground, Options
from postoffice.model.states import CampaignState
from postoffice.store import consents, migrate, people, schema
from postoffice.store.database import Database
from postoffice.store.keys import Keyring
from tests.pipeline.campaigning import AUTHOR, again, crowd, launched, version_of
from tests.pipeline.house import Office, people_items
from tests.real.rspamd import free_port

ROUNDS, SPEED = 3, 3_000
COUNT = 100_000
_PIECE = 5_000
_STILL = 15.0  # seconds: longer than a dead worker's batches wait
_OPTIONS = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
CHECKOUT = Path(__file__).resolve().parents[1]


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures, and the ratio of the campaign's messages a second to those of the plain mailing."""
    count = getattr(arguments, "count", 0) or COUNT
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        rates = asyncio.run(_speed(folder))
        figures |= {f"{name}_per_second": median(found) for name, found in rates.items()}
        pairs = zip(rates["campaign"], rates["plain"], strict=True)
        ratios = {"campaign_beside_plain": median(ours / plain for ours, plain in pairs)}
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as made:
        folder = Path(made)
        folder.chmod(0o777)
        figures |= asyncio.run(hard_days(folder, count))
    return {"figures": figures, "ratios": ratios}


class Sink:
    """An smtp-sink that can be put in another mood: on the same port, keeping what it takes in `record`."""

    def __init__(self, record: Path | None) -> None:
        self.port = free_port()
        self._record = record
        self._process: subprocess.Popen[bytes] | None = None

    def mood(self, *options: str) -> None:
        """Begin anew with these options."""
        self.close()
        program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise PostOfficeError("no-peer", "smtp-sink is not installed.", help="It comes with Debian's package postfix.")
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        kept = ["-D", f"{self._record}-%H%M%S"] if self._record else []
        command = [program, *user, *kept, *options, f"127.0.0.1:{self.port}", "1024"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


async def _open(folder: Path, port: int) -> Office:
    database, keyring = Database(f"sqlite+aiosqlite:///{folder / 'office.db'}"), Keyring(bytes(32))
    await migrate.upgrade(database)
    async with database.write() as connection:
        office = await office_of(folder, connection, keyring)
    await database.close()
    opened = await office_in(folder, port, again=False)
    assert opened.organisation_id == office
    return opened


async def office_of(folder: Path, connection: Any, keyring: Keyring) -> str:
    """An organisation, known to the folder."""
    from datetime import UTC, datetime

    made = await people.add_organisation(
        connection, name="Bench", slug="bench", document_key=keyring.wrap(bytes(32)), now=datetime.now(UTC)
    )
    (folder / "organisation").write_text(made)
    return made


async def _close(office: Office) -> None:
    await office.carriers.mine[Channel.EMAIL].close()
    await office.carriers.real.close()
    await office.house.database.close()


async def _speed(folder: Path) -> dict[str, list[float]]:
    sink = Sink(None)
    sink.mood()
    office = await _open(folder, sink.port)
    found: dict[str, list[float]] = {"plain": [], "campaign": []}
    try:
        await crowd(office, SPEED)
        version_id = await version_of(office)
        for number in range(ROUNDS):
            mailing = await office.drafts(people_items(SPEED), Options(channel=Channel.EMAIL, duplicates=False))
            started = time.perf_counter()
            await steering.send(office.house, mailing, mailing.options, OFFICE)
            await _all_work(office)
            found["plain"].append(SPEED / (time.perf_counter() - started))
            assert await office.states(mailing) == {"handed_over": SPEED}
            started = time.perf_counter()
            made = await launched(office, design=Design(name=f"Bench {number}", options=_OPTIONS, version_id=version_id))
            await _all_work(office)
            found["campaign"].append(SPEED / (time.perf_counter() - started))
            assert await _outcomes(office, made) == {"handed_over": SPEED}
    finally:
        await _close(office)
        sink.close()
    return found


async def _all_work(office: Office) -> None:
    while await office.due():
        await work(office)


async def _outcomes(office: Office, made: Campaign) -> dict[str, int]:
    waves, items = schema.campaign_waves, schema.items
    query = sa.select(items.c.state, sa.func.count()).join(waves, waves.c.mailing_id == items.c.mailing_id)
    async with office.house.database.read() as connection:
        found = await connection.execute(query.where(waves.c.campaign_id == made.id).group_by(items.c.state))
        return dict(found.all())


async def hard_days(folder: Path, count: int, pause: float = 0.0) -> dict[str, Any]:
    """A campaign to `count` contacts that meets everything; what became of it, counted at the sink. All may write into `folder`.

    `pause`: seconds that the worker rests after each batch, so that a small campaign is not over before it is paused.
    """
    sink, chance = Sink(folder / "mail"), Random(8)
    sink.mood()
    office = await _open(folder, sink.port)
    worker: subprocess.Popen[bytes] | None = None
    try:
        ids = [one for first in range(0, count, _PIECE) for one in await crowd(office, min(_PIECE, count - first), first=first)]
        out = set(chance.sample(ids, count // 20))
        await _opt_out(office, out)
        made = await launched(office, design=Design(name="Bench", options=_OPTIONS, version_id=await version_of(office)))
        started = time.perf_counter()
        (folder / "pause").write_text(str(pause))
        worker = _worker(folder, sink.port)
        told: dict[str, Any] = {"late": set(), "memory": {}}
        marks = {0.15: "-r", 0.25: "kill", 0.4: "-f", 0.5: "out", 0.55: "pause", 0.7: "kill", 0.8: "-r"}
        for share, what in marks.items():
            await _until(office, made, share * (count - len(out)))
            worker = await _happen(office, made, what, worker, sink, folder, chance, ids, told, out)
        done = await _finish(office, made, folder)
        seconds = time.perf_counter() - started - told.get("paused", 0.0)
        return _figures(folder, count, out, told["late"], await _after_opt_out(office, told["late"]), done, seconds, await _who(office))
    finally:
        if worker is not None:
            worker.kill()
            worker.wait()
        await _close(office)
        sink.close()


def _worker(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "benchmarks.mail.campaign_worker", str(folder), str(port)]
    return subprocess.Popen(command, cwd=CHECKOUT)


async def _happen(
    office: Office,
    made: Campaign,
    what: str,
    worker: "subprocess.Popen[bytes]",
    sink: Sink,
    folder: Path,
    chance: Random,
    ids: list[str],
    told: dict[str, Any],
    out: set[str],
) -> "subprocess.Popen[bytes]":
    """One bad thing."""
    if what == "kill":
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        return _worker(folder, sink.port)
    if what in ("-r", "-f"):
        sink.mood(what, "rcpt")
        await asyncio.sleep(0.3 + chance.random())
        sink.mood()
    elif what == "out":
        told["late"] = set(chance.sample(ids, len(ids) // 50)) - out
        await _opt_out(office, told["late"])
    else:
        before = time.perf_counter()
        await acting.pause(office.house, await again(office, made), AUTHOR)
        while await _in_hand(office):  # the chunks that were begun
            await asyncio.sleep(0.2)
        first = await _handed(office)
        await asyncio.sleep(3)
        told["sent_while_paused"] = await _handed(office) - first
        assert told["sent_while_paused"] == 0
        await acting.resume(office.house, await again(office, made), AUTHOR)
        told["paused"] = time.perf_counter() - before
    return worker


async def _opt_out(office: Office, some: set[str]) -> None:
    now = office.clock.now()
    async with office.house.database.write() as connection:
        entry = Entry("*", "*", False, now, Means.PORTAL, {})
        await consents.add(connection, office.organisation_id, [(one, entry) for one in sorted(some)])


async def _handed(office: Office) -> int:
    query = sa.select(sa.func.count()).where(schema.deliveries.c.handed_over_at.is_not(None))
    async with office.house.database.read() as connection:
        return int(await connection.scalar(query) or 0)


async def _in_hand(office: Office) -> int:
    query = sa.select(sa.func.count()).where(schema.deliveries.c.state == "sending")
    async with office.house.database.read() as connection:
        return int(await connection.scalar(query) or 0)


async def _until(office: Office, made: Campaign, number: float) -> None:
    """Until that many were handed over, or nothing moves any more: what was refused waits for its next try."""
    handed, moved = await _handed(office), time.monotonic()
    while handed < number and time.monotonic() - moved < _STILL:
        await asyncio.sleep(0.3 + number / 50_000)
        before, handed = handed, await _handed(office)
        moved = moved if handed == before else time.monotonic()
        if (await again(office, made)).state in (CampaignState.FINISHED, CampaignState.CANCELLED):
            return


async def _finish(office: Office, made: Campaign, folder: Path) -> dict[str, int]:
    """Until nothing waits any more: what was refused softly comes back after a while, so the clock is put forward.

    Where the sink refused so many for good that the campaign stopped itself, a person looks and lets it go on.
    """
    shift, last, still = 0, -1, 0
    while True:
        await asyncio.sleep(0.5)
        states = await _outcomes(office, made)
        waiting = states.get("queued", 0) + states.get("sending", 0)
        if not waiting and (await again(office, made)).state is CampaignState.RUNNING and still > 4:
            return states
        state = (await again(office, made)).state
        if state is CampaignState.FINISHED:
            return states
        if state is CampaignState.PAUSED:
            await acting.resume(office.house, await again(office, made), AUTHOR)
        handed = await _handed(office)
        still = still + 1 if handed == last else 0
        last = handed
        if still > 10:
            shift, still = shift + 1200, 0
            (folder / "clock").write_text(str(shift))


async def _who(office: Office) -> dict[str, str]:
    """Address -> contact."""
    points = schema.contact_points
    async with office.house.database.read() as connection:
        found = await connection.execute(sa.select(points.c.value, points.c.contact_id).where(points.c.channel == "email"))
        return dict(found.all())


async def _after_opt_out(office: Office, late: set[str]) -> int:
    """Messages that were handed over to somebody more than a chunk's time after they had opted out."""
    deliveries, items, said = schema.deliveries, schema.items, schema.consents
    query = (
        sa.select(items.c.contact_id, deliveries.c.handed_over_at, said.c.at)
        .join(items, items.c.id == deliveries.c.item_id)
        .join(said, said.c.contact_id == items.c.contact_id)
        .where(deliveries.c.handed_over_at.is_not(None))
    )
    async with office.house.database.read() as connection:
        rows = await connection.execute(query)
        return sum(1 for contact, handed, at in rows if contact in late and (handed - at).total_seconds() > 2)


def _figures(
    folder: Path, count: int, out: set[str], late: set[str], after: int, states: dict[str, int], seconds: float, who: dict[str, str]
) -> dict[str, Any]:
    got: Counter[str] = Counter()
    for path in folder.glob("mail-*"):
        for address in re.findall(r"^X-Rcpt-Args: <([^>]+)>", path.read_text(errors="replace"), re.MULTILINE):
            got[who[address]] += 1
    memory = [float(line) for line in (folder / "memory").read_text().split()]
    tenth = memory[: max(1, len(memory) // 10)]
    return {
        "contacts": count,
        "opted_out_before": len(out),
        "opted_out_meanwhile": len(late),
        "got_it_once": sum(1 for number in got.values() if number == 1),
        "got_it_twice": sum(1 for number in got.values() if number > 1),
        "opted_out_who_got_it": sum(1 for one in out if got[one]),
        "got_it_after_opting_out": after,
        **{f"state_{state}": number for state, number in sorted(states.items())},
        "nobody_knows_why_not": count - len(out) - sum(states.values()),
        "hard_days_per_second": sum(got.values()) / seconds,
        "memory_mb_after_a_tenth": max(tenth),
        "memory_mb_at_most": max(memory),
    }
