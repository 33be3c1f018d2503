"""Planning: items a second through the whole step (contacts, ledger, duplicates, limits, deliveries, events) on SQLite and PostgreSQL,
and plans a second of the pure policy. The peer is what cannot be saved: inserting as many bare rows of deliveries with executemany.
"""

import argparse
import asyncio
import gc
import os
import sqlite3
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from postoffice.actions import pricing, steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.item import NewItem
from postoffice.model.mailing import Options
from postoffice.routing import tariff
from postoffice.routing.plan import Facts
from postoffice.store import migrate, people
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests import servers
from tests.pipeline.house import Office, open_office, people_items

LADDER = Options(channel=None, ladder="email-link 3d > sms-link 2d > post")
PURE = 20_000


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios. `arguments.count`: the most items (100,000); growth is measured at a tenth and a hundredth of it."""
    most = getattr(arguments, "count", 0) or 100_000
    sizes = sorted({max(100, most // 100), max(100, most // 10), most})  # letters of one size are alike: twice would be sent twice
    pure = _pure()
    bare = _bare_rows(most)
    figures: dict[str, Any] = {"pure_plans_per_cpu_second": round(pure), "bare_rows_per_second": round(bare)}
    ratios: dict[str, Any] = {}
    with servers.postgresql() as url:
        for name, base in (("sqlite", ""), ("postgresql", url)):
            rates = asyncio.run(_office_rates(base, sizes))
            for size, (wall, cpu) in zip(sizes, rates, strict=True):
                figures[f"{name}_items_per_second_of_{size}"] = round(size / wall)
                figures[f"{name}_items_per_cpu_second_of_{size}"] = round(size / cpu)
            ratios[f"{name}_rate_of_all_to_rate_of_a_hundredth"] = round((size / rates[-1][0]) / (sizes[0] / rates[0][0]), 2)
            ratios[f"{name}_to_bare_rows"] = round((sizes[-1] / rates[-1][0]) / bare, 3)
    return {"figures": figures, "ratios": ratios}


def _pure() -> float:
    """Plans with prices a CPU second: three kinds of recipients in turn, one with everything open, one refused, one by paper only."""
    rates = tariff.load(datetime.now(UTC).date())
    carriers = {channel: f"my-{channel.value}" for channel in Channel}
    reach = {Channel.EMAIL: "a@example.fr", Channel.SMS: "+33639980000", Channel.POST: "Mme Anne"}
    kinds = [
        Facts(reach),
        Facts(reach, suppressed=frozenset({Channel.EMAIL}), refused={Channel.SMS: "opted-out"}),
        Facts({Channel.POST: "Mme Anne"}),
    ]
    start = time.process_time()
    for number in range(PURE):
        pricing.planned(kinds[number % 3], LADDER, None, carriers, 1 + number % 4, rates)
    return PURE / (time.process_time() - start)


def _bare_rows(count: int) -> float:
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        base = sqlite3.connect(Path(folder) / "rows.db")
        base.execute("PRAGMA journal_mode=WAL")
        base.execute(
            "CREATE TABLE rows (id TEXT PRIMARY KEY, item TEXT, channel TEXT, carrier TEXT, state TEXT, cost INTEGER, at TEXT)"
        )
        base.execute("CREATE INDEX of_item ON rows (item)")
        rows = [(f"{n:026}", f"{n:026}", "email", "my-email", "queued", 1, "2026-11-22") for n in range(count)]
        start = time.perf_counter()
        for first in range(0, count, 500):
            base.executemany("INSERT INTO rows VALUES (?,?,?,?,?,?,?)", rows[first : first + 500])
            base.commit()
        spent = time.perf_counter() - start
        base.close()
    return count / spent


async def _office_rates(url: str, sizes: list[int]) -> list[tuple[float, float]]:
    """(seconds, CPU seconds of this process) of planning a mailing of each size, every one in the same growing house."""
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        async with AsyncExitStack() as stack:
            office = await _open(Path(folder), url, stack)
            return [await _plan(office, size) for size in sizes]


async def _open(folder: Path, url: str, stack: AsyncExitStack) -> Office:
    database = Database(url or f"sqlite+aiosqlite:///{folder / 'office.db'}")
    stack.push_async_callback(database.close)
    await migrate.upgrade(database)
    keyring, clock = Keyring(bytes(range(32))), _Clock()

    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    async with database.write() as connection:
        organisation_id = await people.add_organisation(
            connection, name="Bench", slug="bench", document_key=keyring.wrap(bytes(32)), now=clock.now()
        )
    office = await open_office(database, FileDocuments(folder / "documents", key_of), keyring, clock, organisation_id)
    stack.push_async_callback(office.carriers.real.close)
    return office


async def _plan(office: Office, size: int) -> tuple[float, float]:
    mailing = await office.drafts(_items(size), LADDER)
    await steering.send(office.house, mailing, LADDER, OFFICE)
    (batch,) = await office.open_batches("plan")
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    assert await office.pipeline(f"bench:{os.getpid()}").work(batch)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    states = await office.states(mailing)
    assert states == {"queued": size}, states
    return spent


def _items(size: int) -> list[NewItem]:
    """Letters to as many people, each with a number and a digest of its own, so that nobody is taken for another."""
    return [
        replace(one, digest=f"{size:032x}{one.first_page:032x}", mobile=f"+336{one.first_page:08}", fax="")
        for one in people_items(size)
    ]
