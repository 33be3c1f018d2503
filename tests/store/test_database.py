"""Short readings and short writings in one go, on both databases."""

import sqlite3
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from postoffice.store import people, tries
from postoffice.store.database import Database
from postoffice.store.schema import audit
from postoffice.store.tries import Limit
from tests.migrated import sqlite_at


def _note(connection: sa.Connection, organisation_id: str, now: datetime) -> None:
    people.note_now(connection, organisation_id=organisation_id, actor="office", action="x", subject="y", now=now, detail={"a": 1})


async def test_what_was_written_in_one_go_is_seen_by_the_next_look(database: Database, organisation_id: str, clock: Any) -> None:
    limits = [Limit("scope", 1, tries.FORGOTTEN)]
    for _ in range(2):
        waited = await database.at_once(
            partial(tries.count_now, organisation_id=organisation_id, limits=limits, now=clock.now()),
        )
    assert waited == await database.look(partial(tries.wait_now, limits=limits, now=clock.now())) == tries.FORGOTTEN
    await database.at_once(partial(_note, organisation_id=organisation_id, now=clock.now()))
    async with database.read() as connection:
        (line,) = await connection.execute(sa.select(audit))
    assert (line.detail, line.at) == ({"a": 1}, clock.now())


async def test_a_failure_writes_nothing_and_lets_the_next_go_on(database: Database, organisation_id: str, clock: Any) -> None:
    def fail(connection: sa.Connection) -> None:
        _note(connection, organisation_id, clock.now())
        raise ValueError

    for run in (database.at_once, database.look):
        with pytest.raises(ValueError):
            await run(fail)
    async with database.read() as connection:
        assert (await connection.execute(sa.select(audit))).first() is None
    await database.at_once(partial(_note, organisation_id=organisation_id, now=clock.now()))


async def test_a_look_waits_for_no_writer_and_a_lock_is_told_as_doors_know_it(tmp_path: Path, clock: Any) -> None:
    database = sqlite_at(tmp_path / "office.db")
    await database.at_once(lambda connection: connection.connection.cursor().execute("PRAGMA busy_timeout=0") and None)
    with closing(sqlite3.connect(tmp_path / "office.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not await database.look(partial(tries.wait_now, limits=[Limit("scope", 1, tries.FORGOTTEN)], now=clock.now()))
        with pytest.raises(DBAPIError, match="locked"):
            await database.at_once(lambda _connection: None)
        other.execute("ROLLBACK")
    await database.at_once(lambda _connection: None)
    await database.close()
