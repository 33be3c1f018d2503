"""One history of migrations, and it makes exactly what schema.py says, on both databases."""

from postoffice.store import migrate
from postoffice.store.database import Database


async def test_migrations_and_schema_agree(database: Database) -> None:
    assert await migrate.differences(database) == []


async def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    await migrate.upgrade(database)
    assert await migrate.is_current(database)
