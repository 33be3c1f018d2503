"""Figures of a year: seconds for the page's queries over many letters, on SQLite and PostgreSQL, beside the same sums without a group.

The letters are made by SQL: mailings of 2,000, a tenth of which climbed once, three events each, some unsubscribed, some came back.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import first_id_of
from postoffice.store import figures, migrate, people
from postoffice.store.database import Database
from postoffice.store.figures import Whose
from postoffice.store.keys import Keyring
from postoffice.store.schema import mailings
from tests import servers

OF_ONE = 2_000  #: letters of a mailing
_COUNT = {
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :many) SELECT n FROM c)",
    "postgresql": "(SELECT generate_series(1, CAST(:many AS int)) AS n)",
}
_PAIR = """SELECT m.id AS mid, m.organisation_id AS oid, m.sent_at AS at, m.number AS number, c.n AS n,
    substr(m.id, 1, 10) || substr(CAST(10000000000 + m.number AS text), 2) || substr(CAST(100000 + c.n AS text), 2) || '0'
    AS iid FROM mailings m, {count} c"""
_ITEMS = """INSERT INTO items (id, organisation_id, mailing_id, position, first_page, pages, state, held_reason, name, email, mobile,
    fax, reference, findings, plan, rung, delivery_id, cost, opened_at, updated_at)
    SELECT iid, oid, mid, n, n, 1, 'delivered', '', 'Mme Anne Lefèvre', 'anne@example.fr', '', '', '', '[]', '[]', 0, iid, 500000,
    CASE WHEN n % 3 = 0 THEN at END, at FROM ({pair}) p"""
_DELIVERIES = """INSERT INTO deliveries (id, organisation_id, mailing_id, item_id, rung, channel, carrier, state, attempt, "to",
    reference, cost, error, code, created_at, handed_over_at, ended_at)
    SELECT {id}, oid, mid, iid, {rung}, CASE WHEN {rung} = 1 OR n % 2 = 0 THEN 'post' ELSE 'email' END, 'one',
    CASE WHEN {rung} = 0 AND n % 10 = 0 THEN 'failed' WHEN n % 31 = 0 THEN 'returned' ELSE 'delivered' END, 1, 'anne@example.fr', iid,
    500000, '', CASE WHEN {rung} = 0 AND n % 10 = 0 THEN 'no-such-mailbox' WHEN n % 31 = 0 THEN 'moved' ELSE '' END, at, at, at
    FROM ({pair}) p WHERE {rung} = 0 OR n % 10 = 0"""
_EVENTS = """INSERT INTO events (id, organisation_id, mailing_id, item_id, delivery_id, kind, source, at, recorded_at, code, text)
    SELECT substr(iid, 1, 25) || '{last}', oid, mid, iid, iid, '{kind}', 'one', at, at, '', '' FROM ({pair}) p WHERE {when}"""
_TOLD = {"planned": "n > 0", "handed_over": "n > 0", "delivered": "n % 10 > 0", "opted_out": "n % 700 = 0", "complained": "n = 1500"}


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """`arguments.count`: letters (1,000,000)."""
    most = getattr(arguments, "count", 0) or 1_000_000
    found: dict[str, Any] = {"letters": most}
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder, servers.postgresql() as url:
        for name, base in (("sqlite", f"sqlite+aiosqlite:///{Path(folder) / 'office.db'}"), ("postgresql", url)):
            found |= {f"{name}_{word}_seconds": spent for word, spent in asyncio.run(measure(base, most)).items()}
    bases = ("sqlite", "postgresql")
    return {
        "figures": found,
        "ratios": {f"{one}_year_to_bare_sum": found[f"{one}_kept_year_seconds"] / found[f"{one}_bare_sum_seconds"] for one in bases},
    }


async def measure(url: str, most: int) -> dict[str, float]:
    """Seconds by question, counted and as kept; the slower of two."""
    database = Database(url)
    try:
        await migrate.upgrade(database)
        organisation_id, now = await fill(database, most)
        spent = await _asked(database, organisation_id, now, "")
        begun = time.perf_counter()
        await figures.keep(database, organisation_id, now)
        spent["keeping"] = time.perf_counter() - begun
        return spent | await _asked(database, organisation_id, now, "kept_")
    finally:
        await database.close()


async def _asked(database: Database, organisation_id: str, now: datetime, kept: str) -> dict[str, float]:
    soon = now + timedelta(days=1)
    year, month = (Whose(organisation_id, now - timedelta(days=days), soon) for days in (365, 31))
    asked: dict[str, Callable[[AsyncConnection], Awaitable[Any]]] = {
        "year": lambda connection: figures.by_mailing(connection, year),
        "month": lambda connection: figures.by_mailing(connection, month),
        "alerts": lambda connection: figures.alerted(connection, month),
        "bare_sum": lambda connection: connection.execute(sa.text("SELECT count(*), count(handed_over_at), sum(cost) FROM deliveries")),
    }
    spent: dict[str, float] = {}
    for word, ask in asked.items():
        for _ in range(2):
            async with database.read() as connection:
                begun = time.perf_counter()
                await ask(connection)
                spent[kept + word] = max(spent.get(kept + word, 0.0), time.perf_counter() - begun)
    return spent


async def fill(database: Database, most: int) -> tuple[str, datetime]:
    """Mailings over a year, and their letters."""
    now = datetime.now(UTC)
    async with database.write() as connection:
        organisation_id = await people.add_organisation(
            connection, name="Bench", slug="bench", document_key=Keyring(bytes(32)).wrap(bytes(32)), now=now
        )
        many = max(1, most // OF_ONE)
        await connection.execute(
            mailings.insert(),
            [_mailing(organisation_id, number, now - timedelta(days=364) * (number / many), now) for number in range(many)],
        )
    pair = _PAIR.format(count=_COUNT[database.engine.dialect.name])
    for text in (
        _ITEMS.format(pair=pair),
        _DELIVERIES.format(pair=pair, id="iid", rung=0),
        _DELIVERIES.format(pair=pair, id="substr(iid, 1, 25) || '1'", rung=1),
        *(_EVENTS.format(pair=pair, last=place, kind=kind, when=when) for place, (kind, when) in enumerate(_TOLD.items())),
    ):
        async with database.write() as connection:
            await connection.execute(sa.text(text), {"many": min(most, OF_ONE)})
    await _settled(database)
    return organisation_id, now


async def _settled(database: Database) -> None:
    """As the databases' own housekeeping leaves them."""
    words = ("ANALYZE",) if database.is_sqlite else ("VACUUM ANALYZE",)
    async with database.engine.connect() as connection:
        free = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for word in words:
            await _say(free, word)


async def _say(connection: AsyncConnection, word: str) -> None:
    await connection.exec_driver_sql(word)


def _mailing(organisation_id: str, number: int, at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "id": f"{first_id_of(at)[:10]}{number:016}",
        "organisation_id": organisation_id,
        "number": number + 1,
        "source": "api",
        "name": f"Invoices {number}",
        "state": "finished",
        "layout": "din5008-b",
        "split_rule": "",
        "options": {"cost_centre": f"C{number % 7}"},
        "automatic": False,
        "live": True,
        "items": OF_ONE,
        "findings": [],
        "created_at": at,
        "sent_at": at,
        "finished_at": min(now, at),
    }
