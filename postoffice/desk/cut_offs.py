"""The last hours of hand-over of a print house: what comes later leaves on its next working day."""

from aiohttp import web

from postoffice.desk.admin import note, of_whole_office
from postoffice.desk.carriers import load_carrier
from postoffice.desk.choices import text_of
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of
from postoffice.routing.cutoffs import DAYS, read
from postoffice.store import carriers


async def change(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/cut-offs: fields day-0 (Monday) to day-6, each an hour or nothing."""
    of_whole_office(request[VISIT])
    carrier, form, house = await load_carrier(request), await request.post(), house_of(request)
    hours = read([text_of(form, f"day-{number}", 8)[:5] for number in range(DAYS)])
    async with house.database.write() as connection:
        await carriers.update(connection, carrier.id, cut_offs=list(hours) or None)
        await note(request, connection, "carrier.cut-offs", carrier.id)
    return go(request, f"/admin/carriers/{carrier.name}?done=kept")
