"""Letters that may be for a contact: the same, another one of those, or somebody new. A person decides; it is remembered."""

from typing import Any

from aiohttp import web

from postoffice.actions import addressbook
from postoffice.desk.choices import text_of
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.ids import is_id
from postoffice.model.people import Right
from postoffice.store import contact_book, doubts, items, mailings

PAGE = 20


async def doubts_page(request: web.Request) -> web.StreamResponse:
    """GET /contacts/doubts?mailing=&after="""
    visit = request[VISIT]
    mine, asked = visit.organisation.id, request.query.get("mailing", "")
    mailing_id = asked if is_id(asked) else ""
    async with house_of(request).database.read() as connection:
        waiting = await doubts.page(connection, mine, mailing_id=mailing_id, after=request.query.get("after", "")[:26], limit=PAGE + 1)
        letters = await items.by_ids(connection, [one.item_id for one in waiting])
        people = await contact_book.by_ids(connection, mine, {one["contact"] for doubt in waiting for one in doubt.candidates})
        of = {one: await mailings.get(connection, one) for one in {doubt.mailing_id for doubt in waiting}}
        count = await doubts.count(connection, mine, mailing_id)
    shown = [doubt for doubt in waiting[:PAGE] if visit.may(Right.SEE, of[doubt.mailing_id])]
    context: dict[str, Any] = {"doubts": shown, "letters": letters, "people": people, "mailings": of, "count": count}
    context["more"] = waiting[PAGE - 1].item_id if len(waiting) > PAGE else ""
    return render(request, "contact-doubts.html", context)


async def decide(request: web.Request) -> web.StreamResponse:
    """POST /contacts/doubts/{item}: `contact` is the one, empty for none of them."""
    visit = request[VISIT]
    chosen = text_of(await request.post(), "contact")
    await addressbook.decide(house_of(request), visit.organisation.id, request.match_info["item"], chosen, visit.actor)
    return go(request, "/contacts/doubts?done=decided")
