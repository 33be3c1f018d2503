"""`postoffice migrate`: bring the database to the newest schema."""

import argparse
import asyncio
from pathlib import Path

from postoffice.commands.common import add_data, settings_of
from postoffice.settings import Settings
from postoffice.store import migrate
from postoffice.store.database import Database
from postoffice.store.documents_s3 import Place, S3Documents
from postoffice.wiring import documents_place


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
    place = documents_place(settings)
    if place is not None and (number := asyncio.run(bring_over(settings, place, settings.data / "documents"))):
        print(f"{number:,} documents were brought from the data folder to the store.")
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


async def bring_over(settings: Settings, place: Place, folder: Path) -> int:
    """Sealed documents of a folder to an S3 store; each is removed here once it is there. How many. Unavailable: the store is not."""
    documents = S3Documents(settings.data / "documents", place, _no_key)
    try:
        return await documents.adopt(folder)
    finally:
        await documents.close()


async def _no_key(_organisation_id: str) -> bytes:
    raise AssertionError("documents are brought over as they are sealed")
