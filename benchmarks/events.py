"""The largest table, events, as it grows: what its readers and writers take at a tenth and at the whole of ten million rows.

It answers whether months must be tables of their own (partitions). They could not be without a loss: a partitioned table of
PostgreSQL can promise uniqueness only within a month, and `fingerprint` promises that news told twice, months apart, is one event.
What months would buy is that recent rows lie together; identifiers that begin with the time (ULIDs) do that for every index that
grows at its end, and the measure of it is that the figures of both sizes are alike.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.states import EventKind
from postoffice.store import events, migrate, people
from postoffice.store.database import Database
from tests import servers

COUNT = 10_000_000
MONTHS = 24
BIG = 0.1  #: share of events that belong to one large mailing
ROUNDS = 40
#: rows as they come: each event 26 digits that grow with the time, three events an item, 300 items a mailing
_FILL = """
INSERT INTO events (id, organisation_id, mailing_id, item_id, delivery_id, contact_id, kind, source, at, recorded_at, code, text,
                    detail, fingerprint)
SELECT lpad(to_hex(n), 26, '0'), :organisation,
       CASE WHEN n % 1000 = 0 THEN NULL WHEN n % 10 = 1 THEN lpad('b', 26, '0') ELSE lpad(to_hex(n / 900), 26, '0') END,
       CASE WHEN n % 1000 = 0 THEN NULL ELSE lpad(to_hex(n / 3), 26, '1') END,
       CASE WHEN n % 1000 = 0 THEN NULL ELSE lpad(to_hex(n / 3), 26, '2') END,
       lpad(to_hex(n % 200000), 26, '3'),
       CASE WHEN n % 1000 = 0 THEN 'replied' WHEN n % 3 = 0 THEN 'in_production' WHEN n % 3 = 1 THEN 'handed_over' ELSE 'delivered' END,
       'relay', moment, moment, '', '', '{}'::json,
       CASE WHEN n % 3 = 2 THEN encode(sha256(n::text::bytea), 'hex') END
FROM (SELECT n, CAST(:begin AS timestamptz) + n * CAST(:step AS interval) AS moment
      FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n) AS one
"""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of each reader and writer at both sizes, and how they grow."""
    count = arguments.count or COUNT
    with servers.postgresql() as url:
        return asyncio.run(_run(url, count))


async def _run(url: str, count: int) -> dict[str, Any]:
    database = Database(url)
    await migrate.upgrade(database)
    begin = datetime.now(UTC) - timedelta(days=30 * MONTHS)
    async with database.write() as connection:
        organisation = await people.add_organisation(connection, name="Bench", slug="bench", document_key=b"k", now=begin)
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    small: dict[str, float] = {}
    filled = 0
    for size in (count // 10, count):
        started = time.monotonic()
        await _fill(database, organisation, begin, timedelta(days=30 * MONTHS) / count, filled, size)
        figures[f"rows filled a second, up to {size:,}"] = (size - filled) / (time.monotonic() - started)
        filled = size
        for name, took in (await _measure(database, organisation, size)).items():
            figures[f"{name}, {size:,} events, ms"] = took
            if name in small:
                ratios[f"{name}: ten times the rows"] = took / small[name]
            small.setdefault(name, took)
    async with database.read() as connection:
        told = await connection.scalar(sa.text("SELECT pg_total_relation_size('events')"))
    figures["bytes an event, indexes included"] = told / count
    await database.close()
    return {"figures": figures, "ratios": ratios}


async def _fill(database: Database, organisation: str, begin: datetime, step: timedelta, first: int, last: int) -> None:
    for start in range(first, last, 250_000):
        values = {"organisation": organisation, "begin": begin, "step": step, "first": start + 1, "last": min(last, start + 250_000)}
        async with database.write() as connection:
            await connection.execute(sa.text(_FILL), values)
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("VACUUM ANALYZE events"))


async def _measure(database: Database, organisation: str, size: int) -> dict[str, float]:
    """Median milliseconds of each, over rows all along the table."""

    def some(number: int) -> int:
        return 1 + (number * 7919 * 104_729) % (size - 1)

    def padded(number: int, sign: str) -> str:
        return f"{number:x}".rjust(26, sign)

    def event(number: int, told: bool) -> events.NewEvent:
        kind = EventKind.DELIVERED if told else EventKind.HANDED_OVER
        once = f"{time.monotonic_ns()}-{number}" if told else ""
        return events.NewEvent(organisation, kind, "relay", datetime.now(UTC), delivery_id=padded(number, "2"), once=once)

    now = datetime.now(UTC)
    readers: dict[str, Callable[[AsyncConnection, int], Awaitable[object]]] = {
        "timeline of an item": lambda one, number: events.of_item(one, padded(some(number) // 3, "1")),
        "timeline of a mailing": lambda one, number: events.of_mailing(one, padded(some(number) // 900, "0")),
        "timeline of a large mailing": lambda one, number: events.of_mailing(one, padded(0xB, "0")),
        "timeline of a contact": lambda one, number: events.of_contact(one, padded(some(number) % 200_000, "3")),
        "answers of nobody, newest": lambda one, number: events.loose(one, organisation),
        "100 of our own doings": lambda one, number: events.add(one, [event(number * 100 + k, False) for k in range(100)], now),
        "100 pieces of news": lambda one, number: events.add(one, [event(number * 100 + k, True) for k in range(100)], now),
    }
    return {name: await _median(database, reader) for name, reader in readers.items()}


async def _median(database: Database, work: Callable[[AsyncConnection, int], Awaitable[object]]) -> float:
    took = []
    for number in range(ROUNDS):
        async with database.write() as connection:
            started = time.perf_counter()
            await work(connection, number)
            took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)
