"""What was heard and belongs to nothing: answers of people whom no letter went to, and a carrier's last news."""

from datetime import timedelta
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.desk.page import render
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.model.errors import NotAllowed
from postoffice.store import events, news
from postoffice.store.carriers import CarrierRow

SHOWN = 100
LATELY = timedelta(days=7)  #: answers that Today counts


async def answers(request: web.Request) -> web.StreamResponse:
    """GET /answers: they belong to no printer, so a right that is narrowed to some does not show them."""
    visit, house = request[VISIT], house_of(request)
    if visit.printer_ids is not None:
        raise NotAllowed("not-allowed", "You have no right to do this.", help="Ask your administrator for the right.")
    async with house.database.read() as connection:
        found = await events.loose(connection, visit.organisation.id, limit=SHOWN)
    return render(request, "answers.html", {"found": found})


async def waiting(connection: AsyncConnection, request: web.Request) -> dict[str, Any]:
    """For Today: how many answers lately belong to no letter, and how much news could not be understood, by carrier."""
    visit: Visit = request[VISIT]
    if visit.printer_ids is not None:
        return {"loose": 0, "failed_news": {}}
    since = house_of(request).clock.now() - LATELY
    return {
        "loose": await events.count_loose(connection, visit.organisation.id, since),
        "failed_news": await news.failures(connection, visit.organisation.id),
    }


async def heard_of(request: web.Request, carrier: CarrierRow) -> dict[str, Any]:
    """For a carrier's page: where its provider calls, what it told lately, and how many knocks were turned away."""
    house = house_of(request)
    async with house.database.read() as connection:
        return {
            "webhook": house.url + news.door_path(house.keyring, carrier.id, carrier.name),
            "secure": house.secure,
            "lately": await news.latest(connection, carrier.organisation_id, carrier.name, 8),
            "forged": await news.forged(connection, carrier.organisation_id, carrier.id),
        }
