"""What recipients ask of the data-protection officer, to be answered within a month (GDPR, article 12)."""

from datetime import timedelta
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.desk.admin import note, of_whole_office
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.errors import Conflict
from postoffice.model.people import Right
from postoffice.store import contacts, portal

WITHIN = timedelta(days=30)


async def waiting(connection: AsyncConnection, request: web.Request) -> int:
    """For Today: how many requests wait for whoever may answer them."""
    visit = request[VISIT]
    return len(await portal.requests(connection, visit.organisation.id)) if visit.user.may(Right.PRIVACY) else 0


async def requests_page(request: web.Request) -> web.StreamResponse:
    """GET /privacy/requests"""
    visit = request[VISIT]
    of_whole_office(visit, Right.PRIVACY)
    async with house_of(request).database.read() as connection:
        found = await portal.requests(connection, visit.organisation.id)
        known = await contacts.brief(connection, visit.organisation.id, {one.contact_id for one in found})
    listed: list[dict[str, Any]] = [
        {"request": one, "contact": known.get(one.contact_id), "until": one.created_at + WITHIN} for one in found
    ]
    return render(request, "requests.html", {"listed": listed})


async def answer(request: web.Request) -> web.StreamResponse:
    """POST /privacy/requests/{request}: done or refused, with the reason; the trail and the row keep who said so."""
    visit, form, house = request[VISIT], await request.post(), house_of(request)
    of_whole_office(visit, Right.PRIVACY)
    state, words = text_of(form, "state", 10), text_of(form, "answer", 1000)
    if state not in ("done", "refused"):
        raise unknown_word()
    request_id = request.match_info["request"]
    async with house.database.write() as connection:
        changed = await portal.answer(connection, visit.organisation.id, request_id, state, visit.user.id, words, house.clock.now())
        if changed:
            await note(request, connection, "privacy.answered", request_id, state=state)
    if not changed:
        raise Conflict("answered-already", "This request was answered already.", help="Reload the page.")
    return go(request, "/privacy/requests?done=kept")
