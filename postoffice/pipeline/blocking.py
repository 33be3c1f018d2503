"""The last look before hand-over: whoever opted out after the plan was made is left out, by the list of addresses and by the ledger."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.house import House
from postoffice.model.delivery import Delivery
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.privacy import ledger
from postoffice.store import consents, deliveries, events, items, suppressions
from postoffice.store.batches import Batch
from postoffice.store.deliveries import Change
from postoffice.store.handing import Marked
from postoffice.store.stopping import WHY, left_out


async def leave_out_blocked(house: House, batch: Batch, mailing: Mailing, marked: Marked) -> list[Delivery]:
    """Those of the marked deliveries that may go; the others end here, with their reason."""
    some, found = marked.deliveries, dict(marked.items)
    async with house.database.read() as connection:
        if missing := [one.item_id for one in some if one.item_id not in found]:
            found |= await items.by_ids(connection, missing)
        contacts = {one.id: one.contact_id for one in found.values()}
        out = await _suppressed(connection, house, mailing, some, found)
        if mailing.live:
            out |= await _refused(connection, mailing, some, contacts)
    if not out:
        return list(some)
    now = house.clock.now()
    async with house.database.write() as connection:
        changes = [Change(one, "refuse", error=WHY[out[one.id]], code=out[one.id]) for one in some if one.id in out]
        await deliveries.record(connection, batch, changes, now, house.lease)
        told = [left_out(one, contacts.get(one.item_id), out[one.id], now) for one in some if one.id in out]
        await events.add(connection, told, now)
    return [one for one in some if one.id not in out]


async def _suppressed(
    connection: AsyncConnection, house: House, mailing: Mailing, some: Sequence[Delivery], found: Mapping[str, Item]
) -> dict[str, str]:
    blinds = {one.id: _blind(house, one, found) for one in some}
    purpose = mailing.options.purpose
    blocked = await suppressions.among(connection, mailing.organisation_id, purpose, set(blinds.values()), house.clock.now())
    return {one.id: "suppressed" for one in some if (one.channel, blinds[one.id]) in blocked}


async def _refused(
    connection: AsyncConnection, mailing: Mailing, some: Sequence[Delivery], contacts: Mapping[str, str | None]
) -> dict[str, str]:
    known = {contact_id for contact_id in contacts.values() if contact_id}
    if not known:
        return {}
    said = await consents.of_contacts(connection, mailing.organisation_id, known)
    purpose = mailing.options.purpose.value
    return {
        one.id: "opted-out"
        for one in some
        if ledger.standing(said.get(contacts.get(one.item_id) or "", ()), purpose, one.channel.value) is False
    }


def _blind(house: House, one: Delivery, found: Mapping[str, Item]) -> str:
    item = found.get(one.item_id)
    return house.keyring.blind(suppressions.normal(one.channel, one.to, item.address if item else None))
