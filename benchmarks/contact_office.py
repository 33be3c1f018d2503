"""A house with nothing but a database, documents and child processes, for measurements of contacts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from postoffice.house import House
from postoffice.model.ids import new_id
from postoffice.store import migrate, people
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from postoffice.wiring import SystemClock
from postoffice.workshop import ProcessWorkshop
from tests.pipeline.house import open_office


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[House, str]]:
    """The house over SQLite in `folder`, and its organisation."""
    database, keyring, clock = Database(f"sqlite+aiosqlite:///{folder / 'office.db'}"), Keyring(bytes(32)), SystemClock()
    await migrate.upgrade(database)
    async with database.read() as connection:
        known = await people.all_organisation_ids(connection)
    if not known:
        async with database.write() as connection:
            word = new_id()
            known = [
                await people.add_organisation(
                    connection, name="Bench", slug=word, document_key=keyring.wrap(bytes(32)), now=clock.now()
                )
            ]

    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    office = await open_office(database, FileDocuments(folder / "documents", key_of), keyring, clock, known[0])
    workshop = ProcessWorkshop(children=1, seconds=300, megabytes=0)
    try:
        yield replace(office.house, workshop=workshop), known[0]
    finally:
        workshop.close()
        await office.carriers.real.close()
        await database.close()
