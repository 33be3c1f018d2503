"""`postoffice migrate`: bring the database to the newest schema."""

import argparse
import asyncio

from postoffice.commands.common import add_data, settings_of
from postoffice.settings import Settings
from postoffice.store import migrate
from postoffice.store.database import Database


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("migrate", help="bring the database to the newest schema")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Migrate, then make the first organisation where there is none."""
    from postoffice.commands.founding import found_office

    settings = settings_of(arguments)
    asyncio.run(upgrade(settings))
    first = asyncio.run(found_office(settings))
    print("The database is up to date.")
    if first.password:
        print(f"First sign-in: {first.email} with the password {first.password}")
    return 0


async def upgrade(settings: Settings) -> None:
    """Run the migrations that are missing."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database)
    try:
        await migrate.upgrade(database)
    finally:
        await database.close()
