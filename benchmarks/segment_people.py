"""Contacts, events, purchases and consents by the million, made by the databases themselves: seconds instead of an import's hours.

Half of the events and purchases belong to a fifth of the contacts. Numbers come from products with primes modulo a prime: spread, and
the same in every run.
"""

import asyncio
import contextlib
import sqlite3
from datetime import datetime

import sqlalchemy as sa

from postoffice.store.database import Database

YEARS = 2
_SPAN = YEARS * 365 * 86_400
_PRIME = 2_147_483_647
_CACHE = 1_000_000  # kilobytes


class Dialect:
    """How both databases write the same thing."""

    def __init__(self, database: Database) -> None:
        self.sqlite = database.is_sqlite

    def series(self, first: int, last: int) -> str:
        """A table `s` of the numbers `i` from first to last."""
        if not self.sqlite:
            return f"(SELECT i FROM generate_series({first}, {last}) AS g(i)) AS s"
        return f"(WITH RECURSIVE r(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM r WHERE i < {last}) SELECT i FROM r) AS s"

    def key(self, letter: str, number: str) -> str:
        """An id of 26 letters from a number."""
        return f"printf('{letter}%025d', {number})" if self.sqlite else f"'{letter}' || lpad(({number})::text, 25, '0')"

    def ago(self, seconds: str) -> str:
        """The moment so many seconds before :now."""
        if self.sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%S.000000', :now, '-' || ({seconds}) || ' seconds')"
        return f"CAST(:now AS timestamptz) - ({seconds}) * interval '1 second'"

    def json(self, text: str) -> str:
        """A text as a column of JSON."""
        return text if self.sqlite else f"CAST({text} AS jsonb)"

    def text(self, number: str) -> str:
        """A number as text."""
        return f"CAST({number} AS TEXT)"


def _spread(factor: int, number: str = "i") -> str:
    return f"(CAST({number} AS BIGINT) * {factor} % {_PRIME})"


def _whose(people: int) -> str:
    """The owner's number: every second line belongs to the first fifth."""
    return f"CASE WHEN i % 2 = 0 THEN {_spread(48_271)} % {max(1, people // 5)} ELSE {_spread(69_621)} % {people} END"


def _statements(say: Dialect, people: int, events: int) -> dict[str, str]:
    owner, spent = _whose(people), f"{_spread(39_373)} % {_SPAN}"
    buyers = people // 2
    company = "CASE i % 5 WHEN 0 THEN 'company' ELSE 'person' END"
    tags = "CASE WHEN i % 7 = 0 THEN '[\"vip\"]' END"
    fields = f"'{{\"age\": \"' || {say.text('18 + i % 70')} || '\"}}'"
    kinds = (
        "CASE WHEN i % 100 < 50 THEN 'handed_over' WHEN i % 100 < 80 THEN 'delivered' WHEN i % 100 < 89 THEN 'clicked' "
        "WHEN i % 100 < 95 THEN 'opened' WHEN i % 100 < 97 THEN 'replied' WHEN i % 100 < 99 THEN 'bounced' ELSE 'returned' END"
    )
    point = "INSERT INTO contact_points (id, organisation_id, contact_id, channel, value, health, created_at, position, health_reason) "
    return {
        "contacts": "INSERT INTO contacts (id, organisation_id, kind, name, match_key, language, external_ids, attributes, created_at, "
        f"updated_at, company, tags) SELECT {say.key('c', 'i')}, :mine, {company}, 'Name ' || i, {say.key('m', 'i')}, "
        f"CASE i % 3 WHEN 0 THEN 'en' ELSE 'fr' END, {say.json(chr(39) + '{}' + chr(39))}, {say.json(fields)}, {say.ago(spent)}, "
        f"{say.ago('0')}, '', {say.json(tags)} FROM {say.series(0, people - 1)}",
        "tags": "INSERT INTO contact_keys (organisation_id, kind, value, contact_id) "
        f"SELECT :mine, 't', 'vip', {say.key('c', 'i * 7')} FROM {say.series(0, (people - 1) // 7)}",
        "points": f"{point}SELECT {say.key('p', 'i')}, :mine, {say.key('c', 'i')}, 'email', 'n' || i || '@example.org', "
        f"CASE i % 11 WHEN 0 THEN 'dead' ELSE 'good' END, {say.ago('0')}, 0, '' FROM {say.series(0, people - 1)}",
        "consents": "INSERT INTO consents (id, organisation_id, contact_id, purpose, channel, given, at, means, proof) "
        f"SELECT {say.key('n', 'i')}, :mine, {say.key('c', f'i % {people}')}, 'promotion', 'email', i % 4 <> 0, "
        f"{say.ago(spent)}, 'form', {say.json(chr(39) + '{}' + chr(39))} FROM {say.series(0, people * 3 // 4)}",
        "purchases": "INSERT INTO purchases (id, organisation_id, contact_id, external_id, bought_at, amount, currency, category, "
        f"quantity, created_at) SELECT {say.key('b', 'i')}, :mine, {say.key('c', owner)}, 'f' || i, {say.ago(spent)}, "
        f"CASE WHEN i % 20 = 0 THEN -500 ELSE 500 + {_spread(16_807)} % 20000 END, 'EUR', 'wine', "
        f"1, {say.ago('0')} FROM {say.series(1, buyers * 2)}",
        "events": "INSERT INTO events (id, organisation_id, contact_id, kind, source, at, recorded_at, code, text) "
        f"SELECT {say.key('e', 'i')}, :mine, {say.key('c', owner)}, {kinds}, 'x', {say.ago(spent)}, {say.ago(spent)}, '', '' "
        f"FROM {say.series(1, events)}",
    }


_PLAIN_INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(:tables) AND indexname NOT IN (SELECT conname FROM pg_constraint)"
)
_TABLES = ("contacts", "contact_keys", "contact_points", "consents", "purchases", "events")


async def fill(database: Database, mine: str, people: int, events: int, now: datetime) -> None:
    """Write them all into an empty database, or in place of those of another fill; indexes are made afterwards, which is far quicker.
    At last the databases learn how many there are, as they do by themselves in time."""
    say = Dialect(database)
    statements = list(_statements(say, people, events).values())
    if say.sqlite:
        values = {"mine": mine, "now": now.strftime("%Y-%m-%d %H:%M:%S")}
        await database.engine.dispose()  # nobody else may look while nothing is journalled
        await asyncio.to_thread(_fill_sqlite, str(database.url.database), statements, values)
        return
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("TRUNCATE contacts, events CASCADE"))
        await connection.execute(sa.text("SET maintenance_work_mem = '256MB'"))
        made = await connection.execute(
            sa.text(_PLAIN_INDEXES),
            {"tables": list(_TABLES)},
        )
        indexes = [tuple(row) for row in made]
        for name, _definition in indexes:
            await connection.execute(sa.text(f"DROP INDEX {name}"))
        for statement in statements:
            await connection.execute(sa.text(statement), {"mine": mine, "now": now} if ":now" in statement else {"mine": mine})
        for _name, definition in indexes:
            await connection.execute(sa.text(definition.replace(":", "\\:")))
        await connection.execute(sa.text("VACUUM ANALYZE"))


def _fill_sqlite(path: str, statements: list[str], values: dict[str, str]) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE}", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        marks = ", ".join("?" * len(_TABLES))
        found = connection.execute(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({marks})", _TABLES
        )
        indexes = found.fetchall()
        for name, _definition in indexes:
            connection.execute(f"DROP INDEX {name}")
        for statement in statements:
            connection.execute(statement, values)
        for _name, definition in indexes:
            connection.execute(definition)
        connection.execute("ANALYZE")
        connection.execute("PRAGMA journal_mode=WAL")
