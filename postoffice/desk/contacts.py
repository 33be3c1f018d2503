"""Contacts: whom do I write to, and what became of it?"""

from aiohttp import web

from postoffice.desk import optouts
from postoffice.desk.page import render
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import Right
from postoffice.store import contacts, events, mailings, people

PAGE = 50
SEPARATOR = "\x1f"  # of store.contacts.search


async def all_contacts(request: web.Request) -> web.StreamResponse:
    """GET /contacts?q=&after="""
    visit, text = request[VISIT], request.query.get("q", "").strip()[:100]
    after = request.query.get("after", "")
    async with house_of(request).database.read() as connection:
        found = await contacts.search(connection, visit.organisation.id, text, after=after, limit=PAGE + 1)
    last = found[PAGE - 1] if len(found) > PAGE else None
    more = f"{last.name}{SEPARATOR}{last.id}" if last else ""
    return render(request, "contacts.html", {"found": found[:PAGE], "q": text, "more": more, "first": not after})


async def contact_page(request: web.Request) -> web.StreamResponse:
    """GET /contacts/{contact}: what the visitor may see of everything that was sent to it."""
    visit, contact_id = request[VISIT], request.match_info["contact"]
    if not is_id(contact_id):
        raise NotFound("no-such-contact", "There is no such contact.", help="Look for it in the list of contacts.")
    async with house_of(request).database.read() as connection:
        contact = await contacts.get(connection, contact_id, visit.organisation.id)
        points = await contacts.points(connection, contact_id)
        sent = await contacts.items_of(connection, contact_id, visit.organisation.id)
        of = {one: await mailings.get(connection, one) for one in {item.mailing_id for item in sent}}
        lines = await events.of_contact(connection, contact_id)
        staff = {one.id: one.name for one in await people.all_users(connection, visit.organisation.id)}
        word = await optouts.word_context(connection, visit, contact_id)
    allowed = _allowed(visit, sent, of)
    seen = {item.mailing_id for item in allowed}
    context = {
        "contact": contact,
        "points": points,
        "sent": allowed,
        "mailings": of,
        "timeline": [line for line in lines if line.mailing_id is None or line.mailing_id in seen],
        "staff": staff,
        **word,
    }
    return render(request, "contact.html", context)


def _allowed(visit: Visit, sent: list[Item], of: dict[str, Mailing]) -> list[Item]:
    return [item for item in sent if visit.may(Right.SEE, of[item.mailing_id])]
