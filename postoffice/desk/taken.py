"""Letters that a carrier has taken: calling one back while it still can be, and reading the proofs that came back."""

from dataclasses import dataclass

from aiohttp import web

from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of, load_item
from postoffice.house import House
from postoffice.model.delivery import Delivery, Receipt
from postoffice.model.errors import Conflict, NotFound, PostOfficeError, Refused, TryLater
from postoffice.model.item import Item
from postoffice.model.ports import Carrier, Recalls
from postoffice.model.states import DELIVERY_COMMANDS, EventKind
from postoffice.store import deliveries, events
from postoffice.store.deliveries import Change
from postoffice.store.finishing import finish_if_done


@dataclass(frozen=True, slots=True)
class Called:
    """A delivery that its carrier may give back."""

    delivery: Delivery
    carrier: Recalls


async def recallable(house: House, item: Item) -> Called | None:
    """The item's delivery, where its carrier has it and may give it back; whether it still does, only the carrier knows."""
    if item.delivery_id is None:
        return None
    async with house.database.read() as connection:
        delivery = await deliveries.get(connection, item.delivery_id)
    if delivery is None or delivery.state not in DELIVERY_COMMANDS["recall"][0] or not delivery.reference:
        return None
    try:
        carrier: Carrier = await house.carriers.get(item.organisation_id, delivery.carrier)
    except PostOfficeError:  # removed, or switched off
        return None
    return Called(delivery, carrier) if isinstance(carrier, Recalls) else None


async def recall(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/recall: the carrier is asked first, outside of any transaction."""
    mailing, item = await load_item(request)
    house, visit = house_of(request), request[VISIT]
    called = await recallable(house, item)
    if called is None:
        raise _too_late()
    try:
        await called.carrier.recall(Receipt(called.delivery.id, called.delivery.reference))
    except Refused:
        raise _too_late() from None
    except TryLater:
        raise Conflict("carrier-silent", "The carrier does not answer now.", help="Try again in a moment.") from None
    now = house.clock.now()
    told = events.NewEvent(
        item.organisation_id,
        EventKind.CANCELLED,
        "staff",
        now,
        mailing_id=item.mailing_id,
        item_id=item.id,
        delivery_id=called.delivery.id,
        contact_id=item.contact_id,
        actor_id=visit.actor.user_id,
        detail={"recalled": called.delivery.carrier},
    )
    async with house.database.write() as connection:
        await deliveries.record(connection, None, [Change(called.delivery, "recall")], now, house.lease)
        await events.add(connection, [told], now)
        await finish_if_done(connection, mailing.id, now)
    return go(request, f"/i/{item.id}?done=cancelled&n=1")


def _too_late() -> Conflict:
    return Conflict("recall-too-late", "The carrier does not give this letter back any more.", help="It can no longer be stopped.")


async def proof(request: web.Request) -> web.StreamResponse:
    """GET /i/{item}/proofs/{event}: a document that the carrier sent back."""
    _mailing, item = await load_item(request)
    house = house_of(request)
    async with house.database.read() as connection:
        line = await events.of_id(connection, item.id, request.match_info["event"])
    document = line.detail.get("document") if line is not None and line.kind is EventKind.PROVEN else None
    if line is None or not document:
        raise NotFound("no-proof", "There is no such document about this letter.", help="Reload the page.")
    content = await house.documents.get(item.organisation_id, str(document))
    headers = {"Content-Disposition": f'attachment; filename="{line.code or "proof"}.pdf"', "X-Content-Type-Options": "nosniff"}
    return web.Response(body=content, content_type="application/pdf", headers=headers)
