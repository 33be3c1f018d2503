"""Items over REST: look, correct, take back, timeline, pages."""

from typing import Any

from aiohttp import web

from postoffice.actions import steering
from postoffice.api import shapes, shaping
from postoffice.api.call import Call
from postoffice.model.disposition import content_disposition
from postoffice.model.errors import Conflict
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.pdf.cut import cut_together
from postoffice.store import events


async def get_item(call: Call) -> shapes.Item:
    """One item."""
    item, _ = await call.item()
    return shaping.item(item)


async def change_item(call: Call) -> shapes.Item:
    """Corrections, in this order: taken in again, address and numbers, released, left out."""
    item, mailing = await call.item()
    told = call.told(shapes.ItemChange)
    if told.excluded is False:
        await _exclude(call, mailing, item, include=True)
        item, mailing = await call.item()
    await _edit(call, mailing, item, told)
    if told.held is False:
        item, mailing = await call.item()
        await steering.release(call.house, item, call.actor)
    if told.excluded:
        await _exclude(call, mailing, item, include=False)
    item, _ = await call.item()
    return shaping.item(item)


async def _edit(call: Call, mailing: Mailing, item: Item, told: shapes.ItemChange) -> None:
    named = told.model_fields_set & {"email", "mobile", "fax", "reference"}
    values: dict[str, Any] = {name: value for name in named if (value := getattr(told, name)) is not None}
    if told.address_lines is not None:
        values["lines"] = [line.strip() for line in told.address_lines if line.strip()]
    if told.channel is not None:
        values["channel"] = told.channel
    if values:
        await steering.edit_item(call.house, mailing, item, call.actor, **values)
    if "channel" in told.model_fields_set and told.channel is None:
        await steering.follow_plan(call.house, item)


async def _exclude(call: Call, mailing: Mailing, item: Item, *, include: bool) -> None:
    if not await steering.exclude(call.house, mailing, [item.id], call.actor, include=include):
        raise Conflict(
            "item-state",
            f"This letter is {item.state.value}: it cannot be left out or taken in any more.",
            help="Read it again to see where it stands.",
            state=item.state.value,
        )


async def cancel_item(call: Call) -> shapes.Item:
    """Stop an item that no carrier has yet; 409 when it is too late."""
    item, _ = await call.item()
    await steering.cancel_item(call.house, item, call.actor)
    item, _ = await call.item()
    return shaping.item(item)


async def list_events(call: Call) -> shapes.Timeline:
    """What happened to an item, oldest first."""
    item, _ = await call.item()
    async with call.house.database.read() as connection:
        lines = await events.of_item(connection, item.id)
    return shapes.Timeline(data=[shaping.event(line) for line in lines])


async def item_pdf(call: Call) -> web.Response:
    """The item's pages as a PDF of their own."""
    item, mailing = await call.item()
    if mailing.document is None:
        raise Conflict("no-document", "This mailing has no pages yet.", help="Ask again once it was read.")
    async with call.house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        content = (await call.house.workshop.run(cut_together, path, [item.runs]))[0]
    name = f"{mailing.name} {item.position}"
    disposition = content_disposition(name, download=call.asked(shapes.PdfQuery).download)
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=content, content_type="application/pdf", headers=headers)
