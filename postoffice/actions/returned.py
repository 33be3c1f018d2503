"""A letter came back: what follows from it, whoever tells it: a clerk at the station, a scan, a print house's webhook or file.

The effect is one: the delivery is `returned` (and its item climbs to the next rung), the address is marked and blocked as
`tracking.returned.rules` says, an entry stands in the list, and programs hear of it. An entry made by mistake can be undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.house import House
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery, Event
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.ports import StoredDocument
from postoffice.model.returned import Reason, Way
from postoffice.model.states import EventKind
from postoffice.store import batches, contact_book, deliveries, events, items, mailings, people, points, scans, suppressions
from postoffice.store import returned as entries
from postoffice.store.finishing import finish_if_done
from postoffice.store.receiving import READ_QUEUE
from postoffice.store.returned import Corrected, Entry
from postoffice.store.scans import Outcome
from postoffice.store.stopping import stop_queued
from postoffice.store.unreturning import unreturn
from postoffice.tracking.returned.rules import Effect, effect_of, reason_of


@dataclass(frozen=True, slots=True)
class Came:
    """A returned letter that somebody entered. `already`: it stood there before, and nothing was changed."""

    entry: Entry
    item: Item
    mailing: Mailing
    already: bool


async def enter(
    house: House,
    organisation_id: str,
    delivery_id: str,
    reason: Reason,
    actor: Actor,
    way: Way,
    *,
    document: str | None = None,
) -> Came:
    """Enter a returned letter. NotFound where no letter of this organisation is meant, Conflict where it never left the house."""
    async with house.database.write() as connection:
        return await _enter(connection, house, organisation_id, delivery_id, reason, actor, way, document)


async def _enter(
    connection: AsyncConnection,
    house: House,
    organisation_id: str,
    delivery_id: str,
    reason: Reason,
    actor: Actor,
    way: Way,
    document: str | None,
) -> Came:
    now = house.clock.now()
    delivery = await deliveries.get(connection, delivery_id)
    if delivery is None or delivery.organisation_id != organisation_id or delivery.channel is not Channel.POST:
        raise unknown()
    item = await _of_the_living(connection, await items.get(connection, delivery.item_id, organisation_id))
    mailing = await mailings.get(connection, delivery.mailing_id, organisation_id)
    if (known := await entries.of_delivery(connection, delivery_id)) is not None:
        return Came(known, item, mailing, already=True)
    if delivery.state in entries.NEVER_LEFT:
        raise Conflict("never-left", "This letter was not posted yet: it cannot have come back.", help="Look at it in its mailing.")
    if document and not await mailings.hold_document(connection, organisation_id, document):
        document = None  # its time as a proof is over
    event = Event(EventKind.RETURNED, now, key=delivery.id, code=reason.value)
    await deliveries.climb(connection, {delivery.id: [event]}, now)
    entry_id = await take_effect(connection, house, mailing, delivery, item, reason, way=way, actor=actor.name, document=document)
    if entry_id is None:  # somebody noted it this very moment
        known = await entries.of_delivery(connection, delivery_id)
        assert known is not None
        return Came(known, item, mailing, already=True)
    await events.add(connection, [_event(delivery, item, actor, reason, way, entry_id, now)], now)
    await finish_if_done(connection, mailing.id, now)
    made = await entries.get(connection, organisation_id, entry_id)
    return Came(made, await items.get(connection, item.id), mailing, already=False)


async def keep_picture(house: House, organisation_id: str, picture: bytes) -> str:
    """Store an envelope's picture as proof; its document."""
    stored = await house.documents.put(organisation_id, picture)
    async with house.database.write() as connection:
        await mailings.note_document(connection, organisation_id, stored, "image/jpeg", house.clock.now())
    return stored.sha256


async def settle_page(
    house: House, organisation_id: str, scan_id: str, page: int, actor: Actor, delivery_id: str | None
) -> Came | None:
    """A person says which letter a doubtful page shows; None: none of ours. Conflict where another one was named before, and that
    was not undone."""
    async with house.database.write() as connection:
        scan = await scans.get(connection, organisation_id, scan_id)
        found = await scans.hold_page(connection, scan_id, page)
        if found is None:
            raise NotFound("no-such-scan", "There is no such scan.", help="Look for it at the station.")
        before = None if found.delivery_id in (None, delivery_id) else await entries.of_delivery(connection, str(found.delivery_id))
        if before is not None:
            raise Conflict("decided-already", "This was decided already.", help="Reload the page.")
        if delivery_id is None:
            await scans.settle(connection, scan_id, page, Outcome.ASIDE)
            return None
        came = await _enter(connection, house, organisation_id, delivery_id, scan.reason, actor, Way.ADDRESS, found.document)
        await scans.settle(connection, scan_id, page, Outcome.SETTLED, delivery_id)
        return came


async def take_scan(house: House, organisation_id: str, reason: Reason, name: str, document: StoredDocument, actor: Actor) -> str:
    """An uploaded scan is read by a worker from now on; its id."""
    now = house.clock.now()
    async with house.database.write() as connection:
        await mailings.note_document(connection, organisation_id, document, "application/octet-stream", now)
        scan_id = await scans.add(connection, organisation_id, reason, name, document.sha256, actor.name, now)
        batch_id = await batches.add(
            connection, organisation_id=organisation_id, step="returned", subject_id=scan_id, queue=READ_QUEUE, now=now, priority=5
        )
    await house.bell.ring(READ_QUEUE, batch_id, 1)
    return scan_id


def unknown() -> NotFound:
    """A code or a name that stands for no letter that was posted."""
    return NotFound(
        "no-such-letter-back",
        "This is no letter that this office has posted.",
        help="Look for it by name, reference or postcode; a letter that was erased is not found any more.",
    )


def _event(delivery: Delivery, item: Item, actor: Actor, reason: Reason, way: Way, entry_id: str, now: Any) -> events.NewEvent:
    return events.NewEvent(
        delivery.organisation_id,
        EventKind.RETURNED,
        "staff" if actor.user_id else "office",
        now,
        mailing_id=delivery.mailing_id,
        item_id=delivery.item_id,
        delivery_id=delivery.id,
        contact_id=item.contact_id,
        actor_id=actor.user_id,
        code=reason.value,
        detail={"reason": reason.value, "way": way.value, "returned": entry_id},
    )


async def told(
    connection: AsyncConnection, house: House, mailing: Mailing, delivery: Delivery, item: Item, event: Event, carrier: str
) -> None:
    """A print house's news of a returned letter, as `enter` would have it. `delivery`, `item`: as they were before the news."""
    reason = reason_of(event.code, event.text, dead=event.address_dead)
    corrected = address_of(event.detail.get("corrected_address"))
    await take_effect(
        connection, house, mailing, delivery, item, reason, way=Way.HOUSE, actor=carrier, code=event.code, corrected=corrected
    )


async def take_effect(
    connection: AsyncConnection,
    house: House,
    mailing: Mailing,
    delivery: Delivery,
    item: Item,
    reason: Reason,
    *,
    way: Way,
    actor: str,
    code: str = "",
    document: str | None = None,
    corrected: PostalAddress | None = None,
) -> str | None:
    """Write the entry and do to the address what the rules say; the entry's id, None where one stands. Trials block nothing real."""
    now = house.clock.now()
    item = await _of_the_living(connection, item)
    corrected = corrected if item.contact_id else None
    entry_id = await entries.add(
        connection, delivery, item.contact_id, reason, way, actor, now, code=code, document=document, corrected=corrected
    )
    if entry_id is None:
        return None
    before: dict[str, Any] = {"state": delivery.state.value}
    if mailing.live:
        known = await points.of_contact(connection, item.organisation_id, item.contact_id) if item.contact_id else []
        here = suppressions.normal(Channel.POST, delivery.to, item.address)
        health = next((one.health for one in known if _text(one) == here), points.GOOD)
        effect = effect_of(reason, health)
        before["points"] = await _mark(connection, item, effect, here, reason, house)
        before["suppressions"] = await _block(connection, house, delivery, item, effect, known, reason, actor)
    await entries.note_before(connection, entry_id, before)
    return entry_id


async def _of_the_living(connection: AsyncConnection, item: Item) -> Item:
    """The item with its contact held; without one where that was erased: nothing more is written about this person."""
    if item.contact_id and item.contact_id not in await contact_book.hold(connection, item.organisation_id, [item.contact_id]):
        return replace(item, contact_id=None)
    return item


def _text(point: points.Point) -> str:
    return suppressions.normal(point.channel, point.value, point.address)


async def _mark(connection: AsyncConnection, item: Item, effect: Effect, here: str, reason: Reason, house: House) -> list[list[str]]:
    if not effect.health or item.contact_id is None:
        return []

    def meant(point: points.Point) -> bool:
        same = point.channel is Channel.POST and _text(point) == here
        return same and not (effect.health == points.DOUBTFUL and point.health == points.DEAD)

    why = f"returned-{reason.value}"
    changed = await points.mark(connection, item.organisation_id, item.contact_id, meant, effect.health, why, house.clock.now())
    return [[one.id, one.health, one.health_reason] for one in changed]


async def _block(
    connection: AsyncConnection,
    house: House,
    delivery: Delivery,
    item: Item,
    effect: Effect,
    known: list[points.Point],
    reason: Reason,
    actor: str,
) -> list[str]:
    if not effect.block:
        return []
    meant = {(Channel.POST, suppressions.normal(Channel.POST, delivery.to, item.address))}
    if effect.whole_contact:
        meant |= {(one.channel, _text(one)) for one in known}
        own = ((Channel.EMAIL, item.email), (Channel.SMS, item.mobile), (Channel.FAX, item.fax))
        meant |= {(channel, suppressions.normal(channel, to, None)) for channel, to in own if to}
    now = house.clock.now()
    made = [
        await suppressions.add(
            connection,
            organisation_id=item.organisation_id,
            channel=channel,
            address_hash=house.keyring.blind(text),
            reason=f"returned-{reason.value}",
            origin=actor if not actor.startswith("user:") else "staff",
            now=now,
            contact_id=item.contact_id,
            mailing_id=item.mailing_id,
        )
        for channel, text in sorted(meant)
    ]
    if effect.whole_contact:
        await stop_queued(connection, item.organisation_id, now, code="suppressed", contact_id=item.contact_id)
    return [one for one in made if one]


def address_of(told_address: Any) -> PostalAddress | None:
    """An address as a house writes it: with lines, or with fields of its own names. None where there is too little."""
    if not isinstance(told_address, Mapping):
        return None
    fields = {
        str(key).lower(): " ".join(str(value).split())[:100] for key, value in told_address.items() if isinstance(value, str | int)
    }

    def first(*names: str) -> str:
        return next((fields[name] for name in names if fields.get(name)), "")

    postcode, town = first("postcode", "zip", "zip_code", "postal_code"), first("town", "city")
    street = " ".join(filter(None, (first("number", "house_number"), first("street", "address", "address_line1"))))
    country = first("country", "country_code").upper()
    lines = told_address.get("lines")
    if isinstance(lines, list):
        plain = tuple(" ".join(str(line).split())[:100] for line in lines[:7] if str(line).strip())
    else:
        plain = tuple(filter(None, (first("company"), first("name"), first("address_line2"), street, f"{postcode} {town}".strip())))
    enough = len(plain) >= 2 and (isinstance(lines, list) or (postcode and town))
    return PostalAddress(plain, postcode, town, country if len(country) == 2 else "") if enough else None


async def undo(house: House, organisation_id: str, entry_id: str, actor: Actor) -> bool:
    """Take an entry back: address, blocks and letter stand as before. False: the letter had gone on by the next rung already,
    and that stays; all else is undone. Conflict where it was undone before."""
    now = house.clock.now()
    async with house.database.write() as connection:
        entry = await entries.get(connection, organisation_id, entry_id)
        if not await entries.undo(connection, entry_id, now):
            raise Conflict("undone-already", "This was undone already.", help="Reload the page.")
        await _unmark(connection, entry, now)
        for suppression_id in entry.before.get("suppressions", ()):
            line = await suppressions.get(connection, organisation_id, suppression_id)
            if line.lifted_at is None:
                await suppressions.lift(connection, organisation_id, suppression_id, "entered by mistake", actor.name, now)
        whole = await unreturn(connection, entry.delivery_id, now)
        told_of = events.NewEvent(
            organisation_id,
            EventKind.EDITED,
            "staff",
            now,
            mailing_id=entry.mailing_id,
            item_id=entry.item_id,
            delivery_id=entry.delivery_id,
            contact_id=entry.contact_id,
            actor_id=actor.user_id,
            code="return-undone",
        )
        await events.add(connection, [told_of], now)
        await _note(connection, house, entry, actor, "returned.undo")
    return whole


async def _unmark(connection: AsyncConnection, entry: Entry, now: datetime) -> None:
    """The addresses that this entry marked are as before; those of which something else was told since stay as that says."""
    if entry.contact_id is None:
        return
    await contact_book.hold(connection, entry.organisation_id, [entry.contact_id])
    there = {one.id: one for one in await points.of_contact(connection, entry.organisation_id, entry.contact_id)}
    for point_id, health, why in entry.before.get("points", ()):
        mine = effect_of(entry.reason, health).health, f"returned-{entry.reason.value}"
        if (one := there.get(point_id)) and (one.health, one.health_reason) == mine:
            await points.put_back(connection, one._replace(health=health, health_reason=why), now)


async def decide(house: House, organisation_id: str, entry_id: str, actor: Actor, *, accept: bool) -> None:
    """A person's word about the new address that the post told of: taken over as the contact's first one, or not."""
    now = house.clock.now()
    async with house.database.write() as connection:
        entry = await entries.get(connection, organisation_id, entry_id)
        held = await contact_book.hold(connection, organisation_id, [entry.contact_id] if entry.contact_id else [])
        if entry.corrected is None or entry.contact_id not in held:
            raise NotFound("no-new-address", "No new address was told of.", help="Reload the page.")
        if not await entries.decide(connection, entry_id, Corrected.ACCEPTED if accept else Corrected.DECLINED):
            raise Conflict("decided-already", "This was decided already.", help="Reload the page.")
        if accept:
            await points.add_address(connection, organisation_id, str(entry.contact_id), entry.corrected, now)
        await _note(connection, house, entry, actor, "contact.new-address" if accept else "contact.new-address-declined")


async def _note(connection: AsyncConnection, house: House, entry: Entry, actor: Actor, action: str) -> None:
    await people.note(
        connection,
        organisation_id=entry.organisation_id,
        actor=actor.name,
        action=action,
        subject=entry.contact_id or entry.item_id,
        now=house.clock.now(),
        detail={"returned": entry.id},
    )
