"""Track: news of carriers is applied through the transition table, told on timelines, and may block an address."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import optins, optouts, returned
from postoffice.actions.optouts import Address, Wish
from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Means
from postoffice.model.delivery import Delivery, Event
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.returned import Way
from postoffice.model.states import NEWS, EventKind
from postoffice.store import answers, deliveries, events, items, mailings, points, suppressions
from postoffice.store.carriers import find as find_carrier
from postoffice.store.finishing import finish_if_done
from postoffice.tracking.returned.rules import reason_of

#: what a recipient says that stops more of the same
OPT_OUTS = frozenset({EventKind.OPTED_OUT, EventKind.COMPLAINED})
FULL_BOX = "mailboxfull"  #: the word of tracking.mail.values.Reason in a bounce's detail


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
        detail=_detail(one),
        news_id=one.told.news_id,
        once=_once(event) if keyed else _once_of_answer(event, carrier),
        unplaced=not keyed,
    )


def _detail(one: Placed) -> dict[str, Any]:
    """What is told beside; of a returned letter also why it came back, in one vocabulary for all houses."""
    event = one.told.event
    if event.kind is not EventKind.RETURNED or one.delivery is None or one.delivery.channel is not Channel.POST:
        return dict(event.detail)
    reason = reason_of(event.code, event.text, dead=event.address_dead)
    return {**event.detail, "reason": reason.value, "way": Way.HOUSE.value}


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
    """What the news says of the address, or its owner says of our mail, takes effect. Trials of the sandbox block nothing real."""
    event = one.told.event
    if one.mailing and one.delivery and one.item:
        if event.kind is EventKind.RETURNED and one.delivery.channel is Channel.POST:
            await returned.told(connection, house, one.mailing, one.delivery, one.item, event, carrier)
        elif event.address_dead:
            await block_address(connection, house, one.mailing, one.delivery, one.item, event.code, carrier)
        elif event.kind is EventKind.BOUNCED and event.detail.get("reason") == FULL_BOX:
            await pause_address(connection, house, one.mailing, one.delivery, one.item, carrier)
    if event.kind is EventKind.REPLIED and event.code == optins.WORD:
        await _take_back(connection, house, organisation_id, carrier, one)
    if event.kind not in OPT_OUTS:
        return
    if one.delivery and one.mailing:
        if one.mailing.live:
            await optouts.record(connection, house, _wish(one, carrier))
        return
    row = await find_carrier(connection, organisation_id, carrier)
    if row is None or row.kind.startswith("sandbox"):
        return
    # nothing tells what it answers to: whoever writes STOP to a number of ours hears no more from it
    sender = Address(row.channel, str(event.detail["from"]))
    proof = {"carrier": carrier, "news": one.told.news_id}
    means = _means(event.kind, row.channel)
    wish = Wish(organisation_id, means, event.at, carrier, one.contact_id, None, row.channel, (sender,), proof=proof)
    await optouts.record(connection, house, wish)


async def _take_back(connection: AsyncConnection, house: House, organisation_id: str, carrier: str, one: Placed) -> None:
    """Somebody wants our short messages again. What is told of a trial concerns nothing real."""
    event, delivery = one.told.event, one.delivery
    if delivery:
        channel = delivery.channel if one.mailing and one.mailing.live else None
    else:
        row = await find_carrier(connection, organisation_id, carrier)
        channel = row.channel if row and not row.kind.startswith("sandbox") else None
    if channel is not Channel.SMS:
        return
    contact_id = one.item.contact_id if one.item else one.contact_id
    sender = str(event.detail.get("from", "")) or (delivery.to if delivery else "")
    restart = optins.Restart(organisation_id, carrier, sender, event.at, contact_id, one.told.news_id)
    await optins.record(connection, house, restart)


def _wish(one: Placed, carrier: str) -> Wish:
    event, delivery, mailing = one.told.event, one.delivery, one.mailing
    assert delivery and mailing
    address = Address(delivery.channel, delivery.to, one.item.address if one.item and delivery.channel is Channel.POST else None)
    return Wish(
        mailing.organisation_id,
        _means(event.kind, delivery.channel),
        event.at,
        carrier,
        one.item.contact_id if one.item else None,
        _concerned(mailing.options.purpose),
        delivery.channel,
        (address,),
        mailing.id,
        {"delivery": delivery.id, "carrier": carrier, "news": one.told.news_id, "mail": event.detail.get("mail")},
    )


def _means(kind: EventKind, channel: Channel) -> Means:
    """How somebody said it who answers on a channel."""
    if kind is EventKind.COMPLAINED:
        return Means.COMPLAINT
    return {Channel.SMS: Means.SMS, Channel.EMAIL: Means.EMAIL, Channel.FAX: Means.FAX, Channel.POST: Means.LETTER}[channel]


def _concerned(purpose: Purpose) -> tuple[Purpose, ...]:
    """What somebody wants no more of who says so: this kind of mail, and advertising in any case."""
    return tuple(dict.fromkeys((purpose, Purpose.PROMOTION)))


async def block_address(
    connection: AsyncConnection, house: House, mailing: Mailing, delivery: Delivery, item: Item, reason: str, origin: str
) -> None:
    """An address that is truly dead is not used again, for any purpose. Trials of the sandbox block nothing real."""
    await _ban(connection, house, mailing, delivery, item, reason[:40] or "dead", origin, points.DEAD, None)


async def pause_address(
    connection: AsyncConnection, house: House, mailing: Mailing, delivery: Delivery, item: Item, origin: str
) -> None:
    """A mailbox without room is left alone for a while."""
    until = house.clock.now() + suppressions.FULL_FOR
    await _ban(connection, house, mailing, delivery, item, suppressions.FULL, origin, points.DOUBTFUL, until)


async def _ban(
    connection: AsyncConnection,
    house: House,
    mailing: Mailing,
    delivery: Delivery,
    item: Item,
    reason: str,
    origin: str,
    health: str,
    until: datetime | None,
) -> None:
    if not mailing.live:
        return
    text, now = suppressions.normal(delivery.channel, delivery.to, item.address), house.clock.now()
    await suppressions.add(
        connection,
        organisation_id=delivery.organisation_id,
        channel=delivery.channel,
        address_hash=house.keyring.blind(text),
        reason=reason,
        origin=origin,
        now=now,
        expires_at=until,
        contact_id=item.contact_id,
        mailing_id=mailing.id,
    )
    if item.contact_id:

        def meant(point: points.Point) -> bool:
            same = point.channel is delivery.channel and suppressions.normal(point.channel, point.value, point.address) == text
            return same and not (health == points.DOUBTFUL and point.health == points.DEAD)

        await points.mark(connection, item.organisation_id, item.contact_id, meant, health, reason, now)
