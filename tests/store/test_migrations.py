"""One history of migrations, and it makes exactly what schema.py says, on both databases."""

import socket
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from postoffice.model.errors import PostOfficeError
from postoffice.store import migrate
from postoffice.store.database import MIGRATIONS, Database


async def test_migrations_and_schema_agree(database: Database) -> None:
    assert await migrate.differences(database) == []


async def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    await migrate.upgrade(database)
    await migrate.check(database)


def test_the_names_of_files_tell_their_order() -> None:
    history = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert migrate.revisions() == [one.revision for one in history][::-1]


@pytest.mark.parametrize(("revision", "accepted"), [(None, False), ("0001", False), ("9999", True)])
async def test_an_older_schema_is_refused_and_a_newer_one_taken(tmp_path: Path, revision: str | None, accepted: bool) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'office.db'}")
    try:
        if revision:
            await migrate.upgrade(database)
            async with database.write() as connection:
                await connection.execute(sa.text("UPDATE alembic_version SET version_num = :number"), {"number": revision})
        if accepted:
            await migrate.check(database)
        else:
            with pytest.raises(PostOfficeError) as refused:
                await migrate.check(database)
            assert refused.value.code == "schema-too-old" and "postoffice migrate" in refused.value.help
    finally:
        await database.close()


async def test_a_database_that_is_away_is_said_without_its_password() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = Database(f"postgresql+asyncpg://office:opensesame@127.0.0.1:{port}/office")
    with pytest.raises(PostOfficeError) as refused:
        await migrate.check(database)
    await database.close()
    assert refused.value.code == "no-database" and "opensesame" not in refused.value.message
