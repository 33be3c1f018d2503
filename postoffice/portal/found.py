"""What lies behind a link: the letter, its sender, its recipient, and the words of its reader."""

from typing import NamedTuple

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.house import HOUSE, House
from postoffice.model.channel import Purpose
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import Organisation
from postoffice.model.states import EventKind
from postoffice.portal.brand import Brand, brand_of
from postoffice.portal.forms import network_of
from postoffice.portal.pages import language_of
from postoffice.store import events, people
from postoffice.store.behind import Behind
from postoffice.store.contacts import Contact
from postoffice.store.links import Link
from postoffice.words import N_, Words

#: what a letter is, said without anything that only its recipient may know
TITLES = {
    Purpose.INVOICE: N_("{sender} sends you an invoice"),
    Purpose.CONTRACT: N_("{sender} sends you a contract"),
    Purpose.SERVICE: N_("{sender} sends you a message"),
    Purpose.PROMOTION: N_("{sender} sends you a message"),
    Purpose.OTHER: N_("{sender} sends you a letter"),
}


class Found(NamedTuple):
    """Everything that a page says of a link."""

    link: Link
    item: Item
    mailing: Mailing
    organisation: Organisation
    contact: Contact | None
    words: Words
    brand: Brand


async def as_read(request: web.Request, behind: Behind) -> Found:
    """The same in the reader's language and the sender's look."""
    organisation, contact = behind.organisation, behind.contact
    language = language_of(request, [contact.language if contact else "", organisation.language])
    words = Words(language, organisation.timezone, organisation.currency)
    return Found(*behind, words, await brand_of(request.app[HOUSE], organisation))


def title_of(found: Found) -> str:
    """Who wrote and what it is, in one line."""
    return found.words.gettext(TITLES[found.mailing.options.purpose], sender=found.organisation.name)


def event(found: Found, kind: EventKind, house: House, once: str = "", **detail: str) -> events.NewEvent:
    """News from the recipient."""
    return events.NewEvent(
        found.link.organisation_id,
        kind,
        "recipient",
        house.clock.now(),
        mailing_id=found.mailing.id,
        item_id=found.item.id,
        delivery_id=found.link.delivery_id,
        contact_id=found.item.contact_id,
        once=once,
        detail=detail,
    )


async def note(connection: AsyncConnection, request: web.Request, link: Link, action: str, subject: str, **detail: object) -> None:
    """See `note_now`."""
    await connection.run_sync(lambda short: note_now(short, request, link, action, subject, **detail))


def note_now(connection: sa.Connection, request: web.Request, link: Link, action: str, subject: str, **detail: object) -> None:
    """A line in the audit trail: which link did what, from which network; nothing that was typed, no address, no name."""
    people.note_now(
        connection,
        organisation_id=link.organisation_id,
        actor=f"link:{link.id}",
        action=action,
        subject=subject,
        now=request.app[HOUSE].clock.now(),
        detail={"network": network_of(request), **detail},
    )
