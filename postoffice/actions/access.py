"""Everything that is kept of one contact, as a ZIP that is made while it is read: for the person who asks for it (GDPR, article 15).

contact.json has what is known, consents with their proof, the timeline; documents/ has the letters as PDFs, those that are still there.
"""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

from postoffice.house import House
from postoffice.model.errors import PostOfficeError
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.pdf.cut import cut_together
from postoffice.store import consents, contact_book, contacts, events, mailings, merges, purchases

_MOST_LETTERS = 100_000


class _Pipe(io.RawIOBase):
    """Takes what the ZIP writer writes, until somebody asks for it."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        """See io."""
        return True

    def write(self, some: Any) -> int:
        """See io."""
        self._held += some
        return len(some)

    def taken(self) -> bytes:
        """What was written since the last time."""
        held, self._held = bytes(self._held), bytearray()
        return held


async def export(house: House, organisation_id: str, contact_id: str) -> AsyncIterator[bytes]:
    """The ZIP in pieces. NotFound before the first one where there is no such contact."""
    known, letters = await _known(house, organisation_id, contact_id)
    pipe, missing = _Pipe(), []
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for item, mailing in letters:
            name = f"documents/{mailing.number}-{item.position}.pdf"
            try:
                content = await _document(house, mailing, item)
            except PostOfficeError as error:
                missing.append({"file": name, "why": error.code})
                continue
            await asyncio.to_thread(archive.writestr, name, content)
            yield pipe.taken()
        text = json.dumps(known | {"documents_not_there": missing}, ensure_ascii=False, indent=2, default=str)
        archive.writestr("contact.json", text)
        yield pipe.taken()
    yield pipe.taken()


async def _known(house: House, organisation_id: str, contact_id: str) -> tuple[dict[str, Any], list[tuple[Item, Mailing]]]:
    async with house.database.read() as connection:
        ids = await merges.group(connection, organisation_id, contact_id)
        people = await contact_book.by_ids(connection, organisation_id, [contact_id, *ids])
        one = await contact_book.get(connection, organisation_id, contact_id)
        ledgers = (await consents.of_contacts(connection, organisation_id, [contact_id])).get(contact_id, [])
        lines = await events.of_contact(connection, contact_id, limit=_MOST_LETTERS)
        sent = await contacts.items_of(connection, contact_id, organisation_id, limit=_MOST_LETTERS)
        bought = await purchases.of_contact(connection, organisation_id, contact_id, limit=_MOST_LETTERS)
        of = {number: await mailings.get(connection, number) for number in {item.mailing_id for item in sent}}
    known = {
        "contact": _plain(one),
        "merged": [_plain(other) for other in people.values() if other.id != contact_id],
        "consents": [
            {name: getattr(entry, name) for name in ("purpose", "channel", "given", "at", "means", "proof")} for entry in ledgers
        ],
        "purchases": [line._asdict() for line in bought],
        "letters": [_letter(item, of[item.mailing_id]) for item in sent],
        "timeline": [{name: getattr(line, name) for name in ("at", "kind", "source", "code", "text", "item_id")} for line in lines],
    }
    return known, [(item, of[item.mailing_id]) for item in sent]


def _plain(one: contact_book.FullContact) -> dict[str, Any]:
    shape = {name: getattr(one, name) for name in contact_book.FullContact.__slots__ if name not in ("points", "organisation_id")}
    points = [
        {name: getattr(point, name) for name in ("channel", "value", "health", "health_reason", "health_at")} for point in one.points
    ]
    return shape | {"points": points}


def _letter(item: Item, mailing: Mailing) -> dict[str, Any]:
    named = ("id", "position", "pages", "state", "email", "mobile", "fax", "reference", "fields", "opened_at", "updated_at")
    lines = list(item.address.lines) if item.address else []
    return {"mailing": mailing.name, "number": mailing.number, "address": lines} | {name: getattr(item, name) for name in named}


async def _document(house: House, mailing: Mailing, item: Item) -> bytes:
    if mailing.document is None:
        raise PostOfficeError("document-missing", "This document is not in the store.")
    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        return (await house.workshop.run(cut_together, path, [item.runs]))[0]
