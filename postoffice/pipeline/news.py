"""Track: news of carriers is applied through the transition table, told on timelines, and may block an address."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Delivery, Event
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import NEWS, EventKind
from postoffice.store import answers, deliveries, events, items, mailings, suppressions
from postoffice.store.carriers import find as find_carrier
from postoffice.store.finishing import finish_if_done

#: what a recipient says that blocks the address: the reason on the suppression list
OPT_OUTS: Mapping[EventKind, str] = {EventKind.OPTED_OUT: "opt-out", EventKind.COMPLAINED: "complaint"}


@dataclass(frozen=True, slots=True)
class Told:
    """A piece of news with the raw news behind it (None: it was asked for)."""

    event: Event
    news_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some news: how many events were new, and of which raw news a part names no delivery (yet)."""

    written: int
    of_nothing: frozenset[str | None] = frozenset()


@dataclass(frozen=True, slots=True)
class Placed:
    """News with what it belongs to: a delivery, a contact alone, or neither (an answer from somebody unknown)."""

    told: Told
    delivery: Delivery | None
    contact_id: str | None = None
    item: Item | None = None
    mailing: Mailing | None = None


async def apply_news(house: House, organisation_id: str, carrier: str, told: Sequence[Event]) -> int:
    """Apply what a carrier told; how many events were new. Late, double and out-of-order news is harmless.

    News of deliveries that are not ours (another organisation's, or never sent) is left out and counted in the log. An answer
    without key (its detail has `from`) is laid to the last delivery to its sender; where there is none it is kept all the same.
    """
    return (await take(house, organisation_id, carrier, [Told(event) for event in told])).written


async def take(house: House, organisation_id: str, carrier: str, told: Sequence[Told]) -> Taken:
    """The same, for news with raw news behind it."""
    if not told:
        return Taken(0)
    now = house.clock.now()
    async with house.database.write() as connection:
        placed, of_nothing = await _place(connection, organisation_id, carrier, told)
        if of_nothing:
            house.log.warning("news.of_nothing", carrier=carrier, count=len(of_nothing))
        placed = await _with_mailing(connection, placed)
        fresh = await events.add_fresh(connection, [_event(one, organisation_id, carrier) for one in placed], now)
        by_delivery: dict[str, list[Event]] = defaultdict(list)
        for one in placed:
            if one.delivery:
                by_delivery[one.delivery.id].append(one.told.event)
        if by_delivery:
            await deliveries.climb(connection, by_delivery, now)
        for number in fresh:  # what was told before may have been lifted by a person since: it blocks no second time
            await _block(connection, house, organisation_id, carrier, placed[number])
        for mailing_id in sorted({one.mailing.id for one in placed if one.mailing}):
            await finish_if_done(connection, mailing_id, now)
    return Taken(len(fresh), frozenset(one.news_id for one in of_nothing))


async def _place(
    connection: AsyncConnection, organisation_id: str, carrier: str, told: Sequence[Told]
) -> tuple[list[Placed], list[Told]]:
    known = await deliveries.find(connection, organisation_id, carrier, [one.event for one in told])
    row = None
    placed: list[Placed] = []
    of_nothing: list[Told] = []
    for one in told:
        event = one.event
        delivery = known.get((event.key, event.reference)) if event.key or event.reference else None
        sender = str(event.detail.get("from", ""))
        if delivery:
            placed.append(Placed(one, delivery))
        elif not sender:
            of_nothing.append(one)
        else:
            row = row or await find_carrier(connection, organisation_id, carrier)
            channel = Channel(event.detail["channel"]) if event.detail.get("channel") in set(Channel) else row.channel if row else None
            last = await answers.last_delivery(connection, organisation_id, channel, sender, event.at) if channel else None
            contact = await answers.contact_of(connection, organisation_id, channel, sender) if channel and not last else None
            placed.append(Placed(one, last, contact))
    return placed, of_nothing


async def _with_mailing(connection: AsyncConnection, placed: Sequence[Placed]) -> list[Placed]:
    found = await items.by_ids(connection, list({one.delivery.item_id for one in placed if one.delivery}))
    ids = sorted({one.delivery.mailing_id for one in placed if one.delivery})
    of = {mailing_id: await mailings.get(connection, mailing_id) for mailing_id in ids}
    return [
        Placed(one.told, one.delivery, one.contact_id, found.get(one.delivery.item_id), of[one.delivery.mailing_id])
        if one.delivery
        else one
        for one in placed
    ]


def _event(one: Placed, organisation_id: str, carrier: str) -> events.NewEvent:
    event, delivery = one.told.event, one.delivery
    # an answer may be told with its key by the process that sent, and without by the one that listens: it is one answer
    keyed = delivery is not None and not event.detail.get("from")
    return events.NewEvent(
        organisation_id,
        event.kind,
        carrier,
        event.at,
        mailing_id=delivery.mailing_id if delivery else None,
        item_id=delivery.item_id if delivery else None,
        delivery_id=delivery.id if delivery else None,
        contact_id=one.item.contact_id if one.item else one.contact_id,
        code=event.code,
        text=event.text,
        detail=dict(event.detail),
        news_id=one.told.news_id,
        once=_once(event) if keyed else _once_of_answer(event, carrier),
        unplaced=not keyed,
    )


def _once(event: Event) -> str:
    """What makes two pieces of news of one delivery the same. A step of the road happens once, whenever it is told: a webhook
    and a poll name different moments for it."""
    if event.kind in NEWS:
        return f"{event.kind.value}|{event.code}|{event.text}"
    return f"{event.kind.value}|{event.at.isoformat()}|{event.code}"


def _once_of_answer(event: Event, carrier: str) -> str:
    """The same answer told again must not become a second one where a later delivery would be the last now."""
    text = hashlib.sha256(event.text.encode()).hexdigest()
    return f"{carrier}|{event.detail.get('from', '')}|{event.kind.value}|{event.at.isoformat()}|{event.code}|{text}"


async def _block(connection: AsyncConnection, house: House, organisation_id: str, carrier: str, one: Placed) -> None:
    """Put the address on the suppression list where the news says so. Trials of the sandbox block nothing real."""
    event = one.told.event
    if event.address_dead and one.mailing and one.delivery and one.item:
        await block_address(connection, house, one.mailing, one.delivery, one.item, event.code, carrier)
    if event.kind not in OPT_OUTS:
        return
    reason = OPT_OUTS[event.kind]
    if one.delivery and one.mailing:
        if one.mailing.live:
            text = suppressions.normal(one.delivery.channel, one.delivery.to, one.item.address if one.item else None)
            await _suppress(connection, house, one.delivery, text, reason, carrier, _concerned(one.mailing.options.purpose))
        return
    row = await find_carrier(connection, organisation_id, carrier)
    if row is None or row.kind.startswith("sandbox"):
        return
    # nothing tells what it answers to: whoever writes STOP to a number of ours hears no more from it
    for to in answers.spellings(row.channel, str(event.detail["from"])):
        await suppressions.add(
            connection,
            organisation_id=organisation_id,
            channel=row.channel,
            address_hash=house.keyring.blind(suppressions.normal(row.channel, to, None)),
            reason=reason,
            origin=carrier,
            now=house.clock.now(),
        )


def _concerned(purpose: Purpose) -> tuple[Purpose, ...]:
    """What somebody wants no more of who says so: this kind of mail, and advertising in any case."""
    return tuple(dict.fromkeys((purpose, Purpose.PROMOTION)))


async def _suppress(
    connection: AsyncConnection, house: House, delivery: Delivery, text: str, reason: str, origin: str, purposes: Sequence[Purpose]
) -> None:
    for purpose in purposes:
        await suppressions.add(
            connection,
            organisation_id=delivery.organisation_id,
            channel=delivery.channel,
            address_hash=house.keyring.blind(text),
            reason=reason,
            origin=origin,
            now=house.clock.now(),
            purpose=purpose,
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
