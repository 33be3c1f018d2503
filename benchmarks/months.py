"""What months as tables of their own (partitions) would bring to `events`: the same million rows as one table and as a table a month.

Compared are what months are for: taking away the oldest month (DELETE and VACUUM beside DROP), what stays on disk after it, a VACUUM of
the whole, the size of the indexes, and the price, which is a look-up that does not say its month. Bare SQL: only the tables differ.
"""

import argparse
import asyncio
import time
from typing import Any

import asyncpg

from postoffice.store.database import Database
from tests import servers

COUNT = 1_000_000
MONTHS = 12
LOOKUPS = 400
_COLUMNS = """(id varchar(26) NOT NULL, organisation_id varchar(26) NOT NULL, mailing_id varchar(26), item_id varchar(26),
    delivery_id varchar(26), contact_id varchar(26), kind varchar(24) NOT NULL, source varchar(64) NOT NULL, at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL, code varchar(64) NOT NULL, text text NOT NULL, detail json NOT NULL, fingerprint varchar(64))"""
_INDEXES = ("mailing_id, id", "item_id, at", "contact_id, at")
_FILL = """
INSERT INTO {table}
SELECT lpad(to_hex(n), 26, '0'), lpad('1', 26, '0'), lpad(to_hex(n / 900), 26, '0'), lpad(to_hex(n / 3), 26, '1'),
       lpad(to_hex(n / 3), 26, '2'), lpad(to_hex(n % 20000), 26, '3'),
       CASE WHEN n % 3 = 0 THEN 'in_production' WHEN n % 3 = 1 THEN 'handed_over' ELSE 'delivered' END, 'relay', moment, moment, '', '',
       '{{}}'::json, CASE WHEN n % 3 = 2 THEN encode(sha256(n::text::bytea), 'hex') END
FROM (SELECT n, timestamptz '2025-01-01' + n * interval '1 year' / $1::bigint AS moment
      FROM generate_series(0, $1::bigint - 1) AS n) AS one
"""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds and bytes of both, and the ratios of months to one table."""
    with servers.postgresql() as url:
        return asyncio.run(_run(url, arguments.count or COUNT))


async def _run(url: str, count: int) -> dict[str, Any]:
    connection = await asyncpg.connect(Database(url).engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        one = await _measured(connection, "one", count, months=False)
        many = await _measured(connection, "months", count, months=True)
    finally:
        await connection.close()
    figures = {f"{name}, {table}": found[name] for name in one for table, found in (("one table", one), ("months", many))}
    return {"figures": figures, "ratios": {f"{name}: months to one table": many[name] / max(one[name], 1e-6) for name in one}}


async def _measured(connection: Any, table: str, count: int, *, months: bool) -> dict[str, float]:
    await _make(connection, table, months=months)
    found = {"seconds to fill": await _took(connection, _FILL.format(table=table), count)}
    await connection.execute(f"VACUUM ANALYZE {table}")
    found["megabytes of indexes"] = await _megabytes(connection, table, "pg_indexes_size")
    found["ms a timeline of an item"] = await _lookups(connection, table, count, "item_id", "1", 3)
    found["ms a look whether news is known"] = await _known(connection, table, count)
    if months:
        found["seconds to take a month away"] = await _took(connection, f"DROP TABLE {table}_1")
    else:
        found["seconds to take a month away"] = await _took(connection, f"DELETE FROM {table} WHERE at < timestamptz '2025-02-01'")
    found["seconds of VACUUM after it"] = await _took(connection, f"VACUUM ANALYZE {table}")
    found["megabytes after it"] = await _megabytes(connection, table, "pg_total_relation_size")
    return found


async def _make(connection: Any, table: str, *, months: bool) -> None:
    await connection.execute(f"CREATE TABLE {table} {_COLUMNS} {'PARTITION BY RANGE (at)' if months else ''}")
    for month in range(1, MONTHS + 2 if months else 1):
        begin, end = f"{2025 + (month - 1) // 12}-{(month - 1) % 12 + 1:02}-01", f"{2025 + month // 12}-{month % 12 + 1:02}-01"
        await connection.execute(f"CREATE TABLE {table}_{month} PARTITION OF {table} FOR VALUES FROM ('{begin}') TO ('{end}')")
    await connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({'id, at' if months else 'id'})")
    await connection.execute(f"ALTER TABLE {table} ADD UNIQUE ({'fingerprint, at' if months else 'fingerprint'})")
    for columns in _INDEXES:
        await connection.execute(f"CREATE INDEX ON {table} ({columns})")


async def _took(connection: Any, words: str, *given: Any) -> float:
    started = time.perf_counter()
    await connection.execute(words, *given, timeout=3600)
    return time.perf_counter() - started


async def _megabytes(connection: Any, table: str, measure: str) -> float:
    words = f"SELECT sum({measure}(relid)) FROM pg_partition_tree('{table}') WHERE isleaf"
    told = await connection.fetchval(words) or await connection.fetchval(f"SELECT {measure}('{table}'::regclass)")
    return float(told) / 1e6


async def _lookups(connection: Any, table: str, count: int, column: str, sign: str, share: int) -> float:
    asked = await connection.prepare(f"SELECT * FROM {table} WHERE {column} = $1 ORDER BY at")
    started = time.perf_counter()
    for number in range(LOOKUPS):
        await asked.fetch(f"{(number * 7919) % (count // share):x}".rjust(26, sign))
    return (time.perf_counter() - started) / LOOKUPS * 1000


async def _known(connection: Any, table: str, count: int) -> float:
    prints = await connection.fetch(f"SELECT fingerprint FROM {table} WHERE fingerprint IS NOT NULL ORDER BY id LIMIT {LOOKUPS}")
    asked = await connection.prepare(f"SELECT 1 FROM {table} WHERE fingerprint = $1")
    started = time.perf_counter()
    for row in prints:
        await asked.fetch(row[0])
    return (time.perf_counter() - started) / max(1, len(prints)) * 1000
