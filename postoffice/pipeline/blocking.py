"""The last look before hand-over: whoever opted out after the plan was made is left out."""

from collections.abc import Mapping, Sequence

from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind
from postoffice.store import deliveries, events, items, suppressions
from postoffice.store.batches import Batch
from postoffice.store.deliveries import Change

WHY = "The address was put on the suppression list after this was planned; nothing was handed over."


async def leave_out_blocked(house: House, batch: Batch, mailing: Mailing, some: Sequence[Delivery]) -> list[Delivery]:
    """Those of the marked deliveries that may go; the others end here, with their reason."""
    async with house.database.read() as connection:
        paper = [one.item_id for one in some if one.channel is Channel.POST]
        found = await items.by_ids(connection, paper) if paper else {}
        blinds = {one.id: _blind(house, one, found) for one in some}
        purpose = mailing.options.purpose
        blocked = await suppressions.among(connection, mailing.organisation_id, purpose, set(blinds.values()), house.clock.now())
    if not blocked:
        return list(some)
    out = [one for one in some if (one.channel, blinds[one.id]) in blocked]
    now = house.clock.now()
    async with house.database.write() as connection:
        await deliveries.record(
            connection, batch, [Change(one, "refuse", error=WHY, code="suppressed") for one in out], now, house.lease
        )
        contacts = await items.contact_ids(connection, [one.item_id for one in out])
        told = [
            events.NewEvent(
                mailing.organisation_id,
                EventKind.REFUSED,
                "office",
                now,
                mailing_id=mailing.id,
                item_id=one.item_id,
                delivery_id=one.id,
                contact_id=contacts.get(one.item_id),
                code="suppressed",
                text=WHY,
            )
            for one in out
        ]
        await events.add(connection, told, now)
    return [one for one in some if one not in out]


def _blind(house: House, one: Delivery, found: Mapping[str, Item]) -> str:
    item = found.get(one.item_id)
    return house.keyring.blind(suppressions.normal(one.channel, one.to, item.address if item else None))
