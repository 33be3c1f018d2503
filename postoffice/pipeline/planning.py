"""Plan: each item that can go gets its ladder, its first delivery and its contact; deliveries are packed into batches."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import paper_of
from postoffice.contacts.match import match_text
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.pipeline.stop import Stop
from postoffice.routing import tariff
from postoffice.routing.plan import Facts, Plan, Rung, make_plan
from postoffice.store import batches, contacts, deliveries, events, items, mailings, suppressions
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.finishing import finish_if_done

SLICE = 500  #: items per transaction


@dataclass(frozen=True, slots=True)
class Ready:
    """A planned item: what is written of it."""

    item: Item
    plan: Plan
    price: int
    contact_id: str | None
    delivery_id: str


async def plan(house: House, batch: Batch, stop: Stop) -> None:
    """Plan all draft items of the mailing, slice by slice; each slice is one transaction and leaves no half-planned item."""
    async with house.database.read() as connection:
        mailing = await mailings.get(connection, batch.subject_id)
    if mailing.state not in (MailingState.PLANNING, MailingState.SENDING):
        await _finish(house, batch, mailing)
        return
    carriers = await house.carriers.names(mailing.organisation_id, live=mailing.live)
    sizes = {name: (await house.carriers.get(mailing.organisation_id, name)).abilities.batch for name in set(carriers.values())}
    after: int | None = 0
    while after is not None:
        stop.check()
        after = await _plan_slice(house, batch, mailing, after, carriers, sizes)
    await _finish(house, batch, mailing)


async def _finish(house: House, batch: Batch, mailing: Mailing) -> None:
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.finish(connection, batch, now):
            raise LostLease(batch.id)
        current = await mailings.get(connection, mailing.id)
        if current.state is MailingState.PLANNING:
            await mailings.command(connection, current, "dispatch")
        await finish_if_done(connection, mailing.id, now)


async def _plan_slice(
    house: House, batch: Batch, mailing: Mailing, after: int, carriers: Mapping[Channel, str], sizes: Mapping[str, int]
) -> int | None:
    """Plan the drafts after a position; the last one's position, None where there were none."""
    now = house.clock.now()
    rung_for: list[tuple[str, str]] = []
    async with house.database.write() as connection:
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        some = await items.locked_drafts(connection, mailing.id, after, SLICE)
        if not some:
            return None
        blocked = await _suppressed(house, connection, mailing, some)
        people = await _contacts(house, connection, mailing, some)
        ready = [
            _prepare(house, mailing, item, blocked.get(item.id, frozenset()), carriers, people.get(item.id), now.date())
            for item in some
        ]
        by_carrier: dict[tuple[Channel, str], list[Ready]] = defaultdict(list)
        for one in ready:
            if one.plan.rungs:
                by_carrier[one.plan.rungs[0].channel, one.plan.rungs[0].carrier].append(one)
        for (channel, carrier), group in by_carrier.items():
            for start in range(0, len(group), sizes[carrier]):
                batch_id = await add_dispatch(connection, house, mailing, channel, carrier)
                rung_for.append((channel.value, batch_id))
                pack = group[start : start + sizes[carrier]]
                await deliveries.add_all(connection, [_delivery(mailing, one, batch_id, now) for one in pack])
        await items.planned(connection, [_planned(one, now) for one in ready])
        await events.add(connection, [_event(mailing, one, now) for one in ready], now)
    for queue, batch_id in rung_for:
        await house.bell.ring(queue, batch_id, 1)
    return some[-1].position


async def add_dispatch(connection: AsyncConnection, house: House, mailing: Mailing, channel: Channel, carrier: str) -> str:
    """The batch of work that hands deliveries to one carrier, not before the hour that the sender chose."""
    return await batches.add(
        connection,
        organisation_id=mailing.organisation_id,
        step="dispatch",
        subject_id=mailing.id,
        queue=channel.value,
        now=house.clock.now(),
        not_before=mailing.options.send_at,
        priority=6 if mailing.options.purpose.is_promotional else 4,
        data={"channel": channel.value, "carrier": carrier},
    )


def reach_of(item: Item) -> dict[Channel, str]:
    """The channels that an item has an address for."""
    found = {
        Channel.POST: item.address.name if item.address else "",
        Channel.EMAIL: item.email,
        Channel.SMS: item.mobile,
        Channel.FAX: item.fax,
    }
    return {channel: to for channel, to in found.items() if to}


def _prepare(
    house: House,
    mailing: Mailing,
    item: Item,
    blocked: frozenset[Channel],
    carriers: Mapping[Channel, str],
    contact_id: str | None,
    on: date,
) -> Ready:
    # errors of reading hold an item before it gets here: a draft with errors was released by a person
    made = make_plan(Facts(reach_of(item), suppressed=blocked), mailing.options, item.channel, carriers)
    price = 0
    if made.rungs:
        try:
            price = tariff.load(on).price(made.rungs[0].channel, mailing.options, paper_of(item.pages, mailing.options))
        except PostOfficeError as problem:
            made = Plan((), {made.rungs[0].channel: problem.code}, held=problem.code)
    return Ready(item, made, price, contact_id, new_id())


async def _suppressed(
    house: House, connection: AsyncConnection, mailing: Mailing, some: Sequence[Item]
) -> dict[str, frozenset[Channel]]:
    wanted = {
        (item.id, channel): house.keyring.blind(suppressions.normal(channel, to, item.address))
        for item in some
        for channel, to in reach_of(item).items()
    }
    found = await suppressions.among(
        connection, mailing.organisation_id, mailing.options.purpose, set(wanted.values()), house.clock.now()
    )
    blocked: dict[str, frozenset[Channel]] = {}
    for (item_id, channel), blind in wanted.items():
        if (channel, blind) in found:
            blocked[item_id] = blocked.get(item_id, frozenset()) | {channel}
    return blocked


async def _contacts(house: House, connection: AsyncConnection, mailing: Mailing, some: Sequence[Item]) -> dict[str, str]:
    wanted: dict[str, dict[str, Any]] = {}
    keys: dict[str, str] = {}
    for item in some:
        text = match_text(item)
        if not text:
            continue
        key = house.keyring.blind(f"contact|{mailing.organisation_id}|{text}")
        keys[item.id] = key
        points = [(channel.value, *_point(channel, to, item)) for channel, to in reach_of(item).items()]
        wanted[key] = {"name": item.address.name if item.address else item.email or item.mobile or item.fax, "points": points}
    found = await contacts.find_or_add(connection, mailing.organisation_id, wanted, house.clock.now())
    return {item_id: found[key] for item_id, key in keys.items()}


def _point(channel: Channel, to: str, item: Item) -> tuple[str, dict[str, Any] | None]:
    if channel is Channel.POST and item.address:
        return ", ".join(item.address.lines), item.address.as_dict()
    return to, None


def _delivery(mailing: Mailing, one: Ready, batch_id: str, now: object) -> dict[str, Any]:
    rung: Rung = one.plan.rungs[0]
    return {
        "id": one.delivery_id,
        "organisation_id": mailing.organisation_id,
        "mailing_id": mailing.id,
        "item_id": one.item.id,
        "batch_id": batch_id,
        "rung": 0,
        "channel": rung.channel.value,
        "carrier": rung.carrier,
        "to": rung.to[:320],
        "cost": one.price,
        "created_at": now,
    }


def _planned(one: Ready, now: object) -> dict[str, Any]:
    goes = bool(one.plan.rungs)
    return {
        "b_id": one.item.id,
        "plan": [rung.as_dict() for rung in one.plan.rungs],
        "rung": 0,
        "delivery_id": one.delivery_id if goes else None,
        "cost": one.price,
        "state": (ItemState.QUEUED if goes else ItemState.HELD).value,
        "held_reason": one.plan.held,
        "contact_id": one.contact_id,
        "now": now,
    }


def _event(mailing: Mailing, one: Ready, now: Any) -> events.NewEvent:
    goes = bool(one.plan.rungs)
    return events.NewEvent(
        mailing.organisation_id,
        EventKind.PLANNED if goes else EventKind.HELD,
        "office",
        now,
        mailing_id=mailing.id,
        item_id=one.item.id,
        delivery_id=one.delivery_id if goes else None,
        contact_id=one.contact_id,
        code=one.plan.rungs[0].why if goes else one.plan.held,
        detail={
            "channel": one.plan.rungs[0].channel.value if goes else "",
            "carrier": one.plan.rungs[0].carrier if goes else "",
            "passed_over": {channel.value: why for channel, why in one.plan.passed_over.items()},
        },
    )
