"""Rolling upgrade: processes of the version before go on while the new schema is there already, so migrations only add."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from postoffice.store.database import Database
from postoffice.store.migrate import _config

Shape = dict[str, dict[str, dict[str, Any]]]
HISTORY = list(reversed(list(ScriptDirectory.from_config(_config()).walk_revisions())))


def shape_of(sync: sa.Connection) -> Shape:
    """table -> column -> what old code meets: its type, whether it may be left out; and rules over several columns."""
    look = sa.inspect(sync)
    return {
        table: {
            **{
                one["name"]: {
                    "type": str(one["type"]),
                    "empty": one["nullable"] and one["default"] is None,  # where it is left out
                    "optional": bool(one["nullable"] or one["default"] is not None or one.get("autoincrement") is True),
                }
                for one in look.get_columns(table)
            },
            "*": {
                "unique": {tuple(one["column_names"]) for one in (*look.get_unique_constraints(table), *_unique(look, table))},
                "checks": {one["sqltext"] for one in look.get_check_constraints(table)},
            },
        }
        for table in look.get_table_names()
    }


def _unique(look: sa.Inspector, table: str) -> list[Any]:
    return [one for one in look.get_indexes(table) if one["unique"] and None not in one["column_names"]]


def broken(before: Shape, after: Shape) -> list[str]:
    """What old code, which knows `before`, would stumble over in `after`."""
    found = []
    for table, columns in before.items():
        now = after.get(table, {})
        gone = set(columns) - set(now)
        found += [f"{table}.{name} is gone" for name in sorted(gone)]
        for name in sorted(set(columns) - gone - {"*"}):
            if columns[name]["type"] != now[name]["type"] and not _wider(columns[name]["type"], now[name]["type"]):
                found.append(f"{table}.{name} is {now[name]['type']}, was {columns[name]['type']}")
            if columns[name]["optional"] and not now[name]["optional"]:
                found.append(f"{table}.{name} must be given now")
        found += [f"{table}.{name} is new and must be given" for name in sorted(set(now) - set(columns)) if not now[name]["optional"]]
        for rule in ("unique", "checks") if now else ():
            fresh = sorted(now["*"][rule] - columns["*"][rule])
            found += [f"{table} has a new rule: {one}" for one in fresh if rule == "checks" or not _never_met(one, columns, now)]
    return found


def _never_met(names: tuple[str, ...], before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Two rows with nothing in a column are never the same: so old code, which leaves a new column empty, breaks no such rule."""
    return any(name not in before and now[name]["empty"] for name in names)


def _wider(before: str, after: str) -> bool:
    """A longer VARCHAR takes all that a shorter one took."""
    lengths = [one.removeprefix("VARCHAR(").removesuffix(")") for one in (before, after)]
    return all(one.isdecimal() for one in lengths) and int(lengths[0]) <= int(lengths[1])


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        base = Database(f"sqlite+aiosqlite:///{tmp_path / 'office.db'}")
        yield base
        await base.close()
        return
    server = Database(request.getfixturevalue("postgresql_server"))
    async with server.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("CREATE DATABASE rolling"))
        base = Database(server.url.set(database="rolling").render_as_string(hide_password=False))
        yield base
        await base.close()
        await connection.execute(sa.text("DROP DATABASE rolling WITH (FORCE)"))
    await server.close()


@pytest.mark.slow
async def test_each_migration_only_adds(empty: Database) -> None:
    before: Shape = {}
    wrong: list[str] = []
    for one in HISTORY:
        async with empty.write() as connection:
            await connection.run_sync(lambda sync, to=one.revision: command.upgrade(_config(sync), to))
        async with empty.read() as connection:
            after = await connection.run_sync(shape_of)
        wrong += [f"{one.revision}: {what}" for what in broken(before, after)]
        before = after
    assert wrong == [] and len(before) > 40


def test_one_line_of_migrations() -> None:
    assert [one.down_revision for one in HISTORY[1:]] == [one.revision for one in HISTORY[:-1]]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("ALTER TABLE letter ADD COLUMN weight INTEGER", []),
        ("ALTER TABLE letter ADD COLUMN weight INTEGER NOT NULL DEFAULT 0", []),
        ("CREATE TABLE stamp (id INTEGER NOT NULL)", []),
        ("ALTER TABLE letter DROP COLUMN town", ["letter.town is gone"]),
        ("ALTER TABLE letter RENAME COLUMN town TO place", ["letter.town is gone"]),
        ("CREATE UNIQUE INDEX one ON letter (town)", ["letter has a new rule: ('town',)"]),
        ("DROP TABLE letter", ["letter.* is gone", "letter.id is gone", "letter.town is gone"]),
    ],
)
def test_what_would_break_old_code_is_seen(statement: str, what: list[str]) -> None:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE letter (id INTEGER NOT NULL PRIMARY KEY, town TEXT)"))
        before = shape_of(connection)
        connection.execute(sa.text(statement))
        assert broken(before, shape_of(connection)) == what
    engine.dispose()
