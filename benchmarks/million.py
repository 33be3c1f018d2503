"""A campaign through a running office: real web, worker and redis processes, items planned and handed to the sandbox print house.

While it runs, single invoices come in by the same door, and each is timed from the door to its hand-over: the campaign must not
stand before them. Told besides: how the rate at the end compares with that of the beginning, and the peak memory of each process.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.office import Running, office, peak_megabytes
from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.compose.trial import trial_letters
from postoffice.house import House
from postoffice.logs import set_up
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.item import NewItem
from postoffice.model.mailing import Mailing, NewMailing, Options, Source
from postoffice.pdf.sniff import PDF
from postoffice.settings import load
from postoffice.store import deliveries, items, mailings
from postoffice.store.schema import deliveries as rows
from postoffice.store.schema import organisations
from postoffice.wiring import open_house
from tests import servers

COUNT, SLICE = 10_000, 5_000
ALONE, INVOICES, EVERY = 8, 100, 2.0  #: before the campaign; during it at most; seconds apart
HANDED = "invoice handed over, median s"
LONGEST = 4 * 3600.0
TAKEN = [state.value for state in deliveries.TAKEN]


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios on SQLite, and on PostgreSQL where it is installed. `arguments.count`: items (10,000)."""
    count = getattr(arguments, "count", 0) or COUNT
    only = getattr(arguments, "database", "") or ""
    figures: dict[str, Any] = {"items": count}
    ratios: dict[str, float] = {}
    for kind in ("sqlite", "postgresql"):
        if only and only != kind:
            continue
        try:
            with _database(kind) as settings, office(child_processes=1, **settings) as running:
                measured = asyncio.run(_campaign(running, count))
        except pytest.skip.Exception as missing:
            figures[kind] = f"left out: {missing}"
            continue
        ratios[f"{kind} rate at the end to that at the start"] = measured.pop("end to start")
        ratios[f"{kind} invoice during the campaign to one alone"] = measured.pop("invoice to alone")
        figures |= {f"{kind} {name}": value for name, value in measured.items()}
    return {"figures": figures, "ratios": ratios}


@contextmanager
def _database(kind: str) -> Iterator[dict[str, str]]:
    if kind == "sqlite":
        yield {}
    else:
        with servers.postgresql() as url:
            yield {"database_url": url}


@dataclass
class Invoices:
    """Single letters that came in while the campaign ran."""

    mailing_ids: list[str]
    over: asyncio.Event


async def _campaign(running: Running, count: int) -> dict[str, Any]:
    log = set_up(level="error", as_json=True, process="bench")
    url = running.environment.get("POSTOFFICE_DATABASE_URL", "")
    settings = load(running.data, **({"database_url": url} if url else {}))
    async with open_house(settings, log) as house:
        async with house.database.read() as connection:
            organisation_id = str(await connection.scalar(sa.select(organisations.c.id)))
        mailing = await _write(house, organisation_id, count)
        alone = Invoices([], asyncio.Event())
        await _print_invoices(house, organisation_id, alone, ALONE)
        undisturbed = await _waits(house, alone.mailing_ids)
        start, clock = time.perf_counter(), house.clock.now()
        await steering.send(house, mailing, mailing.options, OFFICE)
        invoices = Invoices([], asyncio.Event())
        printing = asyncio.create_task(_print_invoices(house, organisation_id, invoices, INVOICES))
        planned = await _wait(house, mailing, count)
        spent = time.perf_counter() - start
        invoices.over.set()
        await printing
        seconds = await _handed_by_second(house, mailing.id, clock)
        waits = await _waits(house, invoices.mailing_ids)
    memory = {f"{name} peak MB": peak_megabytes(pid) for name, pid in (("web", running.web_pid), ("worker", running.worker_pid))}
    first, last = _rates(seconds)
    return {
        "seconds": spent,
        "seconds until planned": planned,
        "items/s": count / spent,
        "items/s in the first fifth": first,
        "items/s in the last fifth": last,
        "end to start": last / first,
        **memory,
        **waits,
        "invoice alone, median s": undisturbed[HANDED],
        "invoice to alone": waits[HANDED] / undisturbed[HANDED],
    }


async def _write(house: House, organisation_id: str, count: int) -> Mailing:
    """A campaign whose items stand there, waiting for the button."""
    stored = await house.documents.put(organisation_id, b"%PDF-1.4 not looked at")
    options = Options(channel=Channel.POST, purpose=Purpose.OTHER, duplicates=False)
    now = house.clock.now()
    async with house.database.write() as connection:
        made = NewMailing(organisation_id, Source.API, "Campaign", options=options, live=True)
        mailing = await mailings.add(connection, made, now)
        await mailings.stored(connection, mailing, stored, PDF, now)
        await mailings.command(connection, mailing, "read", document=stored.sha256)
    for first in range(0, count, SLICE):
        async with house.database.write() as connection:
            new = _people(first, min(SLICE, count - first))
            await items.add_all(connection, organisation_id, mailing.id, new, now, after=first)
    async with house.database.write() as connection:
        mailing = await mailings.get(connection, mailing.id)
        await mailings.command(connection, mailing, "offer", ready_at=now, items=count)
        return replace(await mailings.get(connection, mailing.id), options=options)


def _people(first: int, count: int) -> list[NewItem]:
    return [
        NewItem(
            number,
            1,
            PostalAddress((f"Mme Anne {number}", f"{number} rue des Lilas", "75011 PARIS"), "75011", "PARIS", "FR"),
            digest=f"{number:064x}",
        )
        for number in range(first + 1, first + count + 1)
    ]


async def _print_invoices(house: House, organisation_id: str, told: Invoices, most: int) -> None:
    while not told.over.is_set() and len(told.mailing_ids) < most:
        new = NewMailing(organisation_id, Source.UPLOAD, "Invoice", options=Options(channel=Channel.POST), live=True, automatic=True)
        async with house.reception.intake(new) as intake:
            # the same letter twice would be held as a double
            await intake.write(trial_letters(1, time.time_ns() // 1_000_000))
            told.mailing_ids.append((await intake.accept(PDF)).id)
        try:
            await asyncio.wait_for(told.over.wait(), EVERY)
        except TimeoutError:
            continue


async def _wait(house: House, mailing: Mailing, count: int) -> float:
    """Wait until all are handed over; the seconds until all were planned."""
    start, planned = time.perf_counter(), 0.0
    while time.perf_counter() - start < LONGEST:
        await asyncio.sleep(1 + count / 100_000)  # to count a million takes a while, too
        async with house.database.read() as connection:
            states = await items.count_by_state(connection, mailing.id)
        words = {state.value: number for state, number in states.items()}
        if not planned and not words.get("draft"):
            planned = time.perf_counter() - start
        if sum(words.get(word, 0) for word in TAKEN) == count:
            return planned
    raise RuntimeError(f"not all were handed over within {LONGEST:.0f} s: {words}")


async def _handed_by_second(house: House, mailing_id: str, start: datetime) -> list[tuple[float, int]]:
    """(seconds since the button, how many were handed over at that moment), in order of time."""
    query = sa.select(rows.c.handed_over_at, sa.func.count()).where(rows.c.mailing_id == mailing_id).group_by(rows.c.handed_over_at)
    async with house.database.read() as connection:
        found = (await connection.execute(query.order_by(rows.c.handed_over_at))).all()
    return [((at - start).total_seconds(), number) for at, number in found]


def _rates(seconds: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Items a second in the first and in the last fifth of all hand-overs."""
    total, done, marks = sum(number for _, number in seconds), 0, [seconds[0][0]]
    for at, number in seconds:
        done += number
        while len(marks) < 6 and done >= total * len(marks) / 5:
            marks.append(at)
    return total / 5 / max(0.001, marks[1] - marks[0]), total / 5 / max(0.001, marks[5] - marks[4])


async def _waits(house: House, mailing_ids: Sequence[str]) -> dict[str, Any]:
    """Seconds of the invoices from the door to their hand-over, and to the stations on the way."""
    for _ in range(60):
        async with house.database.read() as connection:
            query = sa.select(rows.c.mailing_id, rows.c.created_at, rows.c.handed_over_at).where(rows.c.mailing_id.in_(mailing_ids))
            handed = {row[0]: row for row in await connection.execute(query) if row[2] is not None}
            came = {one: await mailings.get(connection, one) for one in mailing_ids}
        if len(handed) == len(mailing_ids):
            break
        await asyncio.sleep(1)
    legs: dict[str, list[float]] = {"read": [], "planned": [], "handed over": []}
    for one, (_, planned, at) in handed.items():
        since = came[one].received_at
        ready = came[one].ready_at
        assert since is not None and ready is not None
        for name, moment in zip(legs, (ready, planned, at), strict=True):
            legs[name].append((moment - since).total_seconds())
    waits = sorted(legs["handed over"])
    told: dict[str, Any] = {"invoices": len(waits), "invoices that did not go": len(mailing_ids) - len(waits)}
    if waits:
        told |= {f"invoice {name}, median s": statistics.median(some) for name, some in legs.items()}
        told["invoice handed over, 99th percentile s"] = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    return told
