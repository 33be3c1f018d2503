"""The portal over a real house, with letters that were sent and their links."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.intake.reception import Reception
from postoffice.model.channel import Purpose
from postoffice.model.item import Item
from postoffice.model.mailing import LinkProof, NewMailing, Options, Source
from postoffice.model.ports import Sent
from postoffice.portal import add_portal
from postoffice.store import contacts, items, links, sandbox
from postoffice.store import schema as tables
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.conftest import FixedClock
from tests.doors import Office, add_organisation, letters, open_office
from tests.migrated import sqlite_at

WRONG = "00000"


@dataclass
class Letter:
    """A letter that waits behind a link."""

    office: Office
    item: Item
    token: str
    proof: str

    @property
    def path(self) -> str:
        return f"/l/{self.token}"


async def sent(
    office: Office,
    number: int = 2,
    *,
    organisation_id: str = "",
    subject: str = "Facture 2026-11",
    purpose: Purpose = Purpose.INVOICE,
    proof: tuple[str, str] | None = None,
    wanted: LinkProof = LinkProof.AUTO,
) -> list[Letter]:
    """Letters that were read, each with a link; the proof is the postcode unless told otherwise."""
    house = office.house
    options = Options(subject=subject, purpose=purpose, proof=wanted)
    new = NewMailing(organisation_id or office.organisation_id, Source.API, "Facturation interne.docx", options=options)
    reception: Reception = house.reception
    async with reception.intake(new) as intake:
        await intake.write(letters(number))
        mailing = await intake.accept("application/pdf")
    for _ in range(100):  # the door rings in the background
        await office.work()
        async with house.database.read() as connection:
            if found := await items.page(connection, mailing.id, items.Filter()):
                break
        await asyncio.sleep(0.02)
    made = []
    for item in found:
        kind, text = proof or ("postcode", item.address.postcode if item.address else "75008")
        token = house.keyring.link_token(item.id)
        value = {
            "organisation_id": item.organisation_id,
            "item_id": item.id,
            "delivery_id": None,
            "token": token,
            "proof": kind,
            "proof_text": text,
            "created_at": house.clock.now(),
            "expires_at": house.clock.now() + timedelta(days=90),
        }
        async with house.database.write() as connection:
            await links.add_missing(connection, [value])
        made.append(Letter(office, item, token, text))
    return made


async def belongs(letters: list[Letter], name: str = "Anne", *, email: str = "anne@example.net", mobile: str = "+33639980001") -> str:
    """Letters that one contact got, handed over; the contact's id."""
    office, item = letters[0].office, letters[0].item
    house, whose = letters[0].office.house, letters[0].item.organisation_id
    points = [("email", email, None), ("sms", mobile, None)]
    async with house.database.write() as connection:
        made = await contacts.find_or_add(connection, whose, {f"key-{name}": {"name": name, "points": points}}, office.clock.now())
        contact_id = made[f"key-{name}"]
        for letter in letters:
            values = {"contact_id": contact_id, "state": "delivered", "email": email, "mobile": mobile}
            await connection.execute(tables.items.update().where(tables.items.c.id == letter.item.id).values(**values))
    assert item.id
    return contact_id


async def sandboxed(office: Office) -> list[Sent]:
    """What the sandbox carriers took, newest first."""
    async with office.house.database.read() as connection:
        ids = set(await connection.scalars(sa.select(tables.sandbox_box.c.organisation_id)))
        return [one for each in ids for one, _copies in await sandbox.page(connection, each)]


async def last_code(office: Office) -> str:
    """The one-time code that was sent last."""
    newest = max(await sandboxed(office), key=lambda one: (one.sent_at, one.key))
    found = re.search(r"\b(\d{6})\b", newest.text)
    assert found
    return found[1]


def dump(office: Office) -> str:
    """Everything in the database, as text."""
    with closing(sqlite3.connect(f"file:{office.house.database.url.database}?mode=ro", uri=True)) as connection:
        return "\n".join(connection.iterdump())


@pytest.fixture
async def office(documents: FileDocuments, keyring: Keyring, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    base = sqlite_at(tmp_path / "portal.db")
    organisation_id = await add_organisation(base, keyring, clock)
    async with open_office(base, documents, keyring, clock, organisation_id, add_portal) as opened:
        yield opened
    await base.close()


@pytest.fixture
async def office_on_both(
    database: Database, documents: FileDocuments, keyring: Keyring, clock: FixedClock, organisation_id: str
) -> AsyncIterator[Office]:
    async with open_office(database, documents, keyring, clock, organisation_id, add_portal) as opened:
        yield opened
