"""Track: news of carriers is applied through the transition table, told on timelines, and may block an address or climb a plan."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.house import House
from postoffice.model.delivery import Delivery, Event
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.store import deliveries, events, items, mailings, suppressions
from postoffice.store.finishing import finish_if_done


async def apply_news(house: House, organisation_id: str, carrier: str, told: Sequence[Event]) -> int:
    """Apply what a carrier told; how many events were new. Late, double and out-of-order news is harmless.

    News of deliveries that are not ours (another organisation's, or never sent) is left out and counted in the log.
    """
    if not told:
        return 0
    now = house.clock.now()
    async with house.database.write() as connection:
        known = await deliveries.find(connection, organisation_id, carrier, told)
        pairs = [(known[event.key, event.reference], event) for event in told if (event.key, event.reference) in known]
        if len(pairs) < len(told):
            house.log.warning("news.of_nothing", carrier=carrier, count=len(told) - len(pairs))
        found = await items.by_ids(connection, list({delivery.item_id for delivery, _ in pairs}))
        written = await events.add(
            connection, [_event(delivery, event, found.get(delivery.item_id), carrier) for delivery, event in pairs], now
        )
        by_delivery: dict[str, list[Event]] = defaultdict(list)
        for delivery, event in pairs:
            by_delivery[delivery.id].append(event)
        if by_delivery:
            await deliveries.climb(connection, by_delivery, now)
        for delivery, event in pairs:
            if event.address_dead and delivery.item_id in found:
                mailing = await mailings.get(connection, delivery.mailing_id)
                await block_address(connection, house, mailing, delivery, found[delivery.item_id], event.code, carrier)
        touched = {delivery.mailing_id for delivery, _ in pairs}
        for mailing_id in touched:
            await finish_if_done(connection, mailing_id, now)
    return written


def _event(delivery: Delivery, event: Event, item: Item | None, carrier: str) -> events.NewEvent:
    return events.NewEvent(
        delivery.organisation_id,
        event.kind,
        carrier,
        event.at,
        mailing_id=delivery.mailing_id,
        item_id=delivery.item_id,
        delivery_id=delivery.id,
        contact_id=item.contact_id if item else None,
        code=event.code,
        text=event.text,
        detail=dict(event.detail),
        once=f"{event.kind.value}|{event.at.isoformat()}|{event.code}",
    )


async def block_address(
    connection: AsyncConnection, house: House, mailing: Mailing, delivery: Delivery, item: Item, reason: str, origin: str
) -> None:
    """An address that is truly dead is not used again, for any purpose. Trials of the sandbox block nothing real."""
    if not mailing.live:
        return
    blind = house.keyring.blind(suppressions.normal(delivery.channel, delivery.to, item.address))
    await suppressions.add(
        connection,
        organisation_id=delivery.organisation_id,
        channel=delivery.channel,
        address_hash=blind,
        reason=reason[:40] or "dead",
        origin=origin,
        now=house.clock.now(),
    )
