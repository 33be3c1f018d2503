"""Recipients a second through the engine: claim, mark, send (a carrier without latency), record; on SQLite and PostgreSQL.

One peer is the usual way, an arq job for each recipient, which marks its row, sends, and records. The other is the bare driver
(sqlite3, asyncpg) that does the least that the promise asks for: per chunk one transaction that marks, and one that records outcome
and event, durable on disk like ours. A ratio of 1 to it would mean that leases, fencing, items' states, pieces, the last look at who
wants no mail, and timelines are free.
"""

import argparse
import asyncio
import multiprocessing
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from benchmarks import job_each
from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.ids import new_id
from postoffice.model.mailing import Options
from postoffice.model.ports import Abilities
from postoffice.store import migrate, people
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from postoffice.wiring import SystemClock
from postoffice.worker import rest_collector
from tests import servers
from tests.pipeline.house import Office, open_office, people_items

CHUNK, BATCH, AT_ONCE = 500, 2000, 2
WORKERS = 2  #: processes that dispatch at the same time
JOBS = 1_000  #: of the peer that has a job for each recipient: it is slow


class InstantCarrier:
    """Takes everything at once."""

    name = "instant"

    def __init__(self, channel: Channel) -> None:
        self.abilities = Abilities(channel, keeps_keys=True, batch=BATCH, chunk=CHUNK)
        self.taken = 0

    async def send(self, piece: Piece) -> Receipt:
        """Yes."""
        self.taken += 1
        return Receipt(piece.key, f"r-{piece.key}")

    async def send_many(self, pieces: Sequence[Piece]) -> Sequence[Receipt]:
        """Yes to all."""
        self.taken += len(pieces)
        return [Receipt(piece.key, f"r-{piece.key}") for piece in pieces]

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """Nothing to tell."""
        return ()

    def read(self, knock: Knock) -> Sequence[Event]:
        """Nobody knocks."""
        return ()

    async def close(self) -> None:
        """Nothing is open."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures (items a second by database and step: by the clock, and by CPU second of the workers) and ratios.

    `arguments.count`: items (10,000). Planning is one process; to dispatch are WORKERS, on as many cores where these are free.
    """
    count = getattr(arguments, "count", 0) or 10_000
    figures: dict[str, Any] = {"items": count}
    ratios: dict[str, float] = {}
    folder = Path(tempfile.mkdtemp(prefix="postoffice-bench-"))
    try:
        _measure("sqlite", f"sqlite+aiosqlite:///{folder / 'office.db'}", folder, count, figures)
        figures["sqlite_bare_per_s"] = count / _bare_sqlite(folder / "bare.db", count)
        figures["sqlite_job_each_per_s"] = job_each.on_sqlite(folder / "each.db", min(count, JOBS))
        try:
            with servers.postgresql() as url:
                _measure("postgresql", url, folder, count, figures)
                figures["postgresql_bare_per_s"] = count / asyncio.run(_bare_postgresql(url, count))
                figures["postgresql_job_each_per_s"] = job_each.on_postgresql(url, min(count, JOBS))
        except pytest.skip.Exception as missing:
            figures["postgresql"] = f"left out: {missing}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for kind in ("sqlite", "postgresql"):
        if f"{kind}_bare_per_s" in figures:
            ratios[f"{kind}_dispatch_to_bare_driver"] = figures[f"{kind}_post_dispatch_per_s"] / figures[f"{kind}_bare_per_s"]
            ratios[f"{kind}_dispatch_to_a_job_each"] = figures[f"{kind}_post_dispatch_per_s"] / figures[f"{kind}_job_each_per_s"]
    return {"figures": figures, "ratios": ratios}


def _measure(kind: str, url: str, folder: Path, count: int, figures: dict[str, Any]) -> None:
    for channel in (Channel.POST, Channel.EMAIL):
        for step, rate in asyncio.run(_walk(url, folder / kind / channel.value, channel, count)).items():
            figures[f"{kind}_{channel.value}_{step}"] = rate


async def _walk(url: str, folder: Path, channel: Channel, count: int) -> dict[str, float]:
    """Items a second in planning by one process, and in dispatch by WORKERS processes as a worker's are."""
    rest_collector()
    database = Database(url)
    await migrate.upgrade(database)
    async with database.write() as connection:
        organisation_id = await people.add_organisation(
            connection, name="Bench", slug=new_id(), document_key=Keyring(bytes(32)).wrap(bytes(32)), now=SystemClock().now()
        )
    office = await _office(database, folder, channel, organisation_id, again=False)
    try:
        mailing = await office.drafts(people_items(count), Options(channel=channel))
        await steering.send(office.house, mailing, mailing.options, OFFICE)
        cpu = time.process_time()
        rates = {"plan_per_s": count / await work(office, await office.due())}
        rates["plan_per_cpu_s"] = count / (time.process_time() - cpu)
        rates |= await asyncio.to_thread(_dispatch, url, folder, channel, organisation_id, count)
        assert await office.states(mailing) == {"handed_over": count}, office.log.lines
        return rates
    finally:
        await office.carriers.real.close()
        await database.close()


async def _office(database: Database, folder: Path, channel: Channel, organisation_id: str, *, again: bool) -> Office:
    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    documents, keyring = FileDocuments(folder, key_of), Keyring(bytes(32))
    office = await open_office(database, documents, keyring, SystemClock(), organisation_id, again=again)
    office.carriers.mine[channel] = InstantCarrier(channel)
    return office


def _dispatch(url: str, folder: Path, channel: Channel, organisation_id: str, count: int) -> dict[str, float]:
    """Figures of WORKERS processes that begin together; each has its share of the batches, as the bell would give it."""
    fresh = multiprocessing.get_context("spawn")
    start, told = fresh.Barrier(WORKERS), fresh.SimpleQueue()
    common = (url, folder, channel, organisation_id, start, told)
    workers = [fresh.Process(target=_worker, args=(number, *common)) for number in range(WORKERS)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert not any(one.exitcode for one in workers), [one.exitcode for one in workers]
    spent: list[tuple[float, float, float, int]] = [told.get() for _ in workers]
    assert sum(taken for *_, taken in spent) == count, spent
    wall = max(end for _, end, _, _ in spent) - min(begun for begun, *_ in spent)
    return {"dispatch_per_s": count / wall, "dispatch_per_cpu_s": count / sum(cpu for _, _, cpu, _ in spent)}


def _worker(number: int, url: str, folder: Path, channel: Channel, organisation_id: str, start: Any, told: Any) -> None:
    """(begun, ended by the clock that all processes share, CPU seconds, taken by its carrier) to `told`."""

    async def main() -> None:
        rest_collector()
        database = Database(url)
        office = await _office(database, folder, channel, organisation_id, again=True)
        share = (await office.due())[number::WORKERS]
        start.wait()
        begun, cpu = time.monotonic(), time.process_time()
        await work(office, share)
        ended, spent = time.monotonic(), time.process_time() - cpu
        carrier: Any = office.carriers.mine[channel]
        told.put((begun, ended, spent, carrier.taken))
        await office.carriers.real.close()
        await database.close()

    asyncio.run(main())


async def work(office: Office, due: Sequence[str] | None = None) -> float:
    """Seconds for these batches (all that are due), AT_ONCE at the same time as a worker does."""
    due = await office.due() if due is None else due
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(batch_id: str) -> None:
        async with gate:
            await office.pipeline().work(batch_id)

    start = time.perf_counter()
    await asyncio.gather(*map(one, due))
    return time.perf_counter() - start


_DELIVERIES = "create table d (id text primary key, state text, reference text, attempt integer)"
_EVENTS = "create table e (id text primary key, delivery text, kind text)"


def _bare_sqlite(path: Path, count: int) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        for statement in ("pragma journal_mode=wal", "pragma synchronous=full", _DELIVERIES, _EVENTS, "begin"):
            base.execute(statement)
        ids = [new_id() for _ in range(count)]
        base.executemany("insert into d values (?, 'queued', '', 0)", [(one,) for one in ids])
        base.execute("commit")
        start = time.perf_counter()
        for first in range(0, count, CHUNK):
            some = [(one,) for one in ids[first : first + CHUNK]]
            base.execute("begin immediate")
            base.executemany("update d set state = 'sending', attempt = attempt + 1 where id = ? and state = 'queued'", some)
            base.execute("commit")
            base.execute("begin immediate")
            base.executemany("update d set state = 'handed_over', reference = id where id = ? and state = 'sending'", some)
            base.executemany("insert into e values (?, ?, 'handed_over')", [(new_id(), one) for (one,) in some])
            base.execute("commit")
        return time.perf_counter() - start


async def _bare_postgresql(url: str, count: int) -> float:
    host = sa.make_url(url).query["host"]
    connection = await asyncpg.connect(host=str(host), user="postgres", database="postgres")
    try:
        await connection.execute(_DELIVERIES)
        await connection.execute(_EVENTS)
        ids = [new_id() for _ in range(count)]
        await connection.executemany("insert into d values ($1, 'queued', '', 0)", [(one,) for one in ids])
        start = time.perf_counter()
        for first in range(0, count, CHUNK):
            some = [(one,) for one in ids[first : first + CHUNK]]
            async with connection.transaction():
                mark = "update d set state = 'sending', attempt = attempt + 1 where id = $1 and state = 'queued'"
                await connection.executemany(mark, some)
            async with connection.transaction():
                record = "update d set state = 'handed_over', reference = id where id = $1 and state = 'sending'"
                await connection.executemany(record, some)
                await connection.executemany("insert into e values ($1, $2, 'handed_over')", [(new_id(), one) for (one,) in some])
        return time.perf_counter() - start
    finally:
        await connection.close()
