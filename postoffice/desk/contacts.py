"""Contacts: whom do I write to, may I, and what became of it?"""

from typing import Any

from aiohttp import web

from postoffice.actions import addressbook
from postoffice.desk import optouts, segment_customers
from postoffice.desk.links import Opening, opening_of
from postoffice.desk.page import render
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import Right
from postoffice.privacy import ledger
from postoffice.store import consents, contact_book, contact_search, contacts, doubts, events, links, mailings, merges, people
from postoffice.store.contact_search import Look
from postoffice.store.links import Link

PAGE = 50
SEPARATOR = "\x1f"
HEALTHS = ("good", "doubtful", "dead")


def look_of(request: web.Request) -> Look:
    """What the address asks to see: q, tag, channel, health."""
    text, tag, channel, health = (request.query.get(name, "").strip()[:100] for name in ("q", "tag", "channel", "health"))
    return addressbook.look_for(text, tag, channel if channel in set(Channel) else "", health if health in HEALTHS else "")


async def all_contacts(request: web.Request) -> web.StreamResponse:
    """GET /contacts?q=&tag=&channel=&health=&after="""
    visit = request[VISIT]
    name, _, last_id = request.query.get("after", "").partition(SEPARATOR)
    after = (name, last_id) if is_id(last_id) else None
    mine = visit.organisation.id
    async with house_of(request).database.read() as connection:
        ids = await contact_search.page(connection, mine, look_of(request), after=after, limit=PAGE + 1)
        found = await contact_book.by_ids(connection, mine, ids[:PAGE])
        tags = await contact_search.tags(connection, mine)
        waiting = await doubts.count(connection, mine)
    shown = [found[one] for one in ids[:PAGE] if one in found]
    more = f"{shown[-1].name}{SEPARATOR}{shown[-1].id}" if len(ids) > PAGE and shown else ""
    context = {
        "found": shown,
        "q": request.query.get("q", "").strip()[:100],
        "more": more,
        "first": after is None,
        "tags": tags,
        "channels": list(Channel),
        "healths": HEALTHS,
        "doubts": waiting,
    }
    return render(request, "contacts.html", context)


def contact_id_of(request: web.Request) -> str:
    """The id in the address; NotFound for what is none."""
    contact_id = request.match_info["contact"]
    if not is_id(contact_id):
        raise NotFound("no-such-contact", "There is no such contact.", help="Look for it in the list of contacts.")
    return contact_id


async def contact_page(request: web.Request) -> web.StreamResponse:
    """GET /contacts/{contact}: what the visitor may see of everything that was sent to it."""
    visit, contact_id = request[VISIT], contact_id_of(request)
    mine = visit.organisation.id
    async with house_of(request).database.read() as connection:
        contact = await contact_book.get(connection, mine, contact_id)
        sent = await contacts.items_of(connection, contact_id, mine)
        of = {one: await mailings.get(connection, one) for one in {item.mailing_id for item in sent}}
        lines = await events.of_contact(connection, contact_id)
        secure = await links.of_contact(connection, mine, contact_id)
        staff = {one.id: one.name for one in await people.all_users(connection, mine)}
        said = (await consents.of_contacts(connection, mine, [contact_id])).get(contact_id, [])
        stands_for = await merges.of_contact(connection, mine, contact_id)
        behind = await contact_book.by_ids(connection, mine, [one.gone_id for one in stands_for])
        marketing = (
            await segment_customers.of_contact(house_of(request), connection, mine, contact_id) if contact.erased_at is None else {}
        )
        word = await optouts.word_context(connection, visit, contact_id) if contact.erased_at is None else {}
    allowed = _allowed(visit, sent, of)
    seen = {item.mailing_id for item in allowed}
    context: dict[str, Any] = {
        "contact": contact,
        "points": contact.points,
        "sent": allowed,
        "mailings": of,
        "openings": _openings(allowed, secure, lines),
        "timeline": [line for line in lines if line.mailing_id is None or line.mailing_id in seen],
        "staff": staff,
        "ledger": said,
        "standing": {
            (purpose, channel): ledger.standing(said, purpose.value, channel.value) for purpose in Purpose for channel in Channel
        },
        "all_channels": list(Channel),
        "all_purposes": list(Purpose),
        "merged": [(one, behind[one.gone_id]) for one in stands_for if one.gone_id in behind],
        "given_by": addressbook.GIVEN_BY,
        "may_edit": visit.may(Right.SUBMIT),
        "may_erase": visit.may(Right.PRIVACY),
        **word,
        **marketing,
    }
    return render(request, "contact.html", context)


def _openings(sent: list[Item], secure: list[Link], lines: list[events.Line]) -> dict[str, Opening]:
    """Who opened each letter that had a secure link, by item."""
    of: dict[str, list[Link]] = {}
    for one in secure:
        of.setdefault(one.item_id, []).append(one)
    return {
        item.id: opening_of(item, of[item.id], [line for line in lines if line.item_id == item.id]) for item in sent if item.id in of
    }


def _allowed(visit: Visit, sent: list[Item], of: dict[str, Mailing]) -> list[Item]:
    return [item for item in sent if visit.may(Right.SEE, of[item.mailing_id])]
