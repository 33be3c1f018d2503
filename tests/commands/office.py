"""An office as it lies on disk, without running processes, for the verbs that look after it."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.commands.founding import found_office
from postoffice.house import House
from postoffice.logs import set_up
from postoffice.model.channel import Channel, Purpose
from postoffice.model.item import NewItem
from postoffice.model.mailing import NewMailing, Options, Source
from postoffice.pdf.sniff import PDF
from postoffice.pipeline import Pipeline
from postoffice.settings import Settings
from postoffice.store import batches, items, mailings, people
from postoffice.store.database import Database
from postoffice.wiring import open_house

SMALL, LARGE = b"a small document", b"large" * 40_000


@dataclass
class Lying:
    """`settings` name it. It has one mailing, sent by the e-mail sandbox, and documents in files and in a row."""

    settings: Settings
    organisation_id: str
    mailing_id: str
    documents: Sequence[str]

    async def write(self, *statements: Any) -> None:
        """Change what the program would not."""
        database = Database(self.settings.database)
        async with database.write() as connection:
            for statement in statements:
                await connection.execute(statement)
        await database.close()

    async def rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        database = Database(self.settings.database)
        async with database.read() as connection:
            found = (await connection.execute(query)).all()
        await database.close()
        return found

    def file(self, sha256: str) -> Path:
        return self.settings.data / "documents" / self.organisation_id / sha256[:2] / sha256


async def lying(data: Path, migrated: Path | None = None, *, letters: int = 3, more_documents: int = 0, **settings: Any) -> Lying:
    """A fresh office. `migrated`: an empty SQLite office to copy, else the settings' own database, which is migrated."""
    known = Settings(data=data, redis_url=f"unix://{data}/nobody.sock", min_free_megabytes=1, child_processes=1, **settings)
    data.mkdir(parents=True, mode=0o700)
    if migrated:
        shutil.copyfile(migrated, data / "office.db")
    await found_office(known)
    async with open_house(known, set_up(level="critical", as_json=True, process="test")) as house:
        async with house.database.read() as connection:
            organisation = await people.first_organisation(connection)
        assert organisation
        stored = [await house.documents.put(organisation.id, LARGE + bytes([number])) for number in range(3)]
        stored += [await house.documents.put(organisation.id, b"%d" % number) for number in range(more_documents)]
        async with house.database.write() as connection:
            for one in stored:
                await mailings.note_document(connection, organisation.id, one, PDF, house.clock.now())
        mailing_id = await _send(house, organisation.id, stored[0], letters)
    return Lying(known, organisation.id, mailing_id, [one.sha256 for one in stored])


async def _send(house: House, organisation_id: str, document: Any, letters: int) -> str:
    now = house.clock.now()
    options = Options(channel=Channel.EMAIL, purpose=Purpose.INVOICE)
    some = [NewItem(number, 1, None, (), f"bob{number}@recipient.example") for number in range(1, letters + 1)]
    async with house.database.write() as connection:
        mailing = await mailings.add(connection, NewMailing(organisation_id, Source.API, "invoices", options=options), now)
        await mailings.stored(connection, mailing, document, PDF, now)
        await mailings.command(connection, mailing, "read", document=document.sha256)
        await items.add_all(connection, organisation_id, mailing.id, some, now)
        await mailings.command(connection, mailing, "offer", ready_at=now, items=letters)
        mailing = await mailings.get(connection, mailing.id)
    await steering.send(house, mailing, mailing.options, OFFICE)
    pipeline = Pipeline(house, "test")
    for _ in range(4):
        async with house.database.write() as connection:
            rings = await batches.due(connection, house.clock.now(), deaf=True)
        for ring in rings:
            await pipeline.work(ring.batch_id)
    return mailing.id
