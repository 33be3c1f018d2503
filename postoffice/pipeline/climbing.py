"""Climb: an item whose delivery failed, or was waited for in vain, goes by the next rung of its plan that can be taken today.

One batch of work per mailing watches over it. It sleeps until the next wait ends, and is woken at once by whatever writes a failure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.pricing import price_of
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery
from postoffice.model.errors import PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import DeliveryState, EventKind, MailingState
from postoffice.pipeline.queueing import Queued, hour_of, queue_deliveries, zone_of
from postoffice.pipeline.recipients import Recipient, recipients
from postoffice.pipeline.stop import Stop
from postoffice.routing import tariff
from postoffice.routing.plan import Rung, obstacle, options_on
from postoffice.store import batches, budgets, events, ladders, mailings, people
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.receiving import READ_QUEUE

STEP = ladders.STEP
SLICE = 200  #: items per transaction
LOOK_AGAIN = timedelta(days=1)  #: at the latest, where nothing has a time of its own
#: news of a mailing that comes later than this is told, but starts nothing any more
WATCHED = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Climb:
    """One item that leaves its rung: for the one named, or, without one, for none."""

    item: Item
    left: Delivery
    who: Recipient
    number: int
    rung: Rung | None
    price: int
    passed_over: Mapping[Channel, str]
    stopped: str = ""  #: why it goes no further although a rung is open: over-limit, too-late


async def watch(connection: AsyncConnection, mailing: Mailing, now: datetime) -> None:
    """See that a batch of work watches over the ladders of a mailing; once is enough."""
    if not await ladders.is_watched(connection, mailing.id):
        await batches.add(
            connection,
            organisation_id=mailing.organisation_id,
            step=STEP,
            subject_id=mailing.id,
            queue=READ_QUEUE,
            now=now,
            not_before=now + LOOK_AGAIN,
            priority=5,
            ring_now=False,
        )


async def climb(house: House, batch: Batch, stop: Stop) -> None:
    """Climb whatever can; then sleep until the next wait ends, or end where no item has a rung left."""
    async with house.database.read() as connection:
        mailing = await mailings.get(connection, batch.subject_id)
        zone = zone_of(await people.organisation(connection, mailing.organisation_id))
    carriers = await house.carriers.names(mailing.organisation_id, live=mailing.live)
    sizes = {name: (await house.carriers.get(mailing.organisation_id, name)).abilities.batch for name in set(carriers.values())}
    while await _slice(house, batch, mailing, carriers, sizes, zone):
        stop.check()
    await _sleep(house, batch, mailing)


async def _slice(
    house: House, batch: Batch, mailing: Mailing, carriers: Mapping[Channel, str], sizes: Mapping[str, int], zone: str
) -> bool:
    """One transaction: up to SLICE items leave their rung. False where there was none."""
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        pairs = await ladders.to_climb(connection, mailing.id, now, SLICE)
        if not pairs:
            return False
        current = await mailings.locked(connection, mailing.id)  # before anything is spent, as planning does
        known = await recipients(house, connection, mailing, [item for item, _ in pairs], now)
        climbs = [_next(mailing, item, left, known[item.id], carriers, now) for item, left in pairs]
        climbs = await _within_limits(connection, mailing, climbs, now)
        rings = await _write(connection, current, climbs, sizes, now, zone)
    for queue, batch_id in rings:
        await house.bell.ring(queue, batch_id, 1)
    return True


def _next(mailing: Mailing, item: Item, left: Delivery, who: Recipient, carriers: Mapping[Channel, str], now: datetime) -> Climb:
    """The next rung that can be taken today: what was open when the plan was made may be closed by now."""
    rates = tariff.load(tariff.day(mailing.options, now))
    passed_over: dict[Channel, str] = {}
    if _still_waits(item, left):
        return Climb(item, left, who, item.rung, None, 0, passed_over)
    if mailing.options.not_after and now >= mailing.options.not_after:
        return Climb(item, left, who, item.rung, None, 0, passed_over, "too-late")
    for number in range(item.rung + 1, len(item.plan)):
        rung = Rung.from_dict(item.plan[number])
        closed = obstacle(rung.channel, who.facts, carriers)
        if not closed:
            try:
                price = price_of(options_on(rung, mailing.options), rung.channel, item.pages, rates)
                return Climb(item, left, who, number, rung, price, passed_over)
            except PostOfficeError as problem:
                closed = problem.code
        passed_over[rung.channel] = closed
    return Climb(item, left, who, len(item.plan) - 1, None, 0, passed_over)


async def _within_limits(connection: AsyncConnection, mailing: Mailing, climbs: Sequence[Climb], now: datetime) -> list[Climb]:
    """Those that this month's limits allow to go on; the others stay where they are, and their timeline says why."""
    if not mailing.live or not any(one.price for one in climbs):
        return list(climbs)
    purse = await budgets.open_purse(connection, mailing, mailing.options, now)
    kept = []
    for one in climbs:
        goes = one.rung is None or purse.take(one.price)
        kept.append(one if goes else replace(one, rung=None, price=0, stopped="over-limit"))
    await budgets.keep(connection, mailing, mailing.options, purse, now)
    return kept


def _still_waits(item: Item, left: Delivery) -> bool:
    """Whether the time is over but what was waited for has come: a letter or a fax that arrived needs nobody to open it."""
    return left.state is DeliveryState.DELIVERED and not Rung.from_dict(item.plan[item.rung]).way.is_link


async def _write(
    connection: AsyncConnection, mailing: Mailing, climbs: Sequence[Climb], sizes: Mapping[str, int], now: datetime, zone: str
) -> list[tuple[str, str]]:
    going: list[tuple[Climb, Queued]] = []
    for one in climbs:
        if one.rung is None:
            await ladders.stay(connection, one.item, one.left, exhausted=not _still_waits(one.item, one.left))
            continue
        hour = hour_of(mailing.options, one.rung.channel, one.who.country, now, zone)
        going.append((one, Queued(one.item.id, one.rung, one.number, one.price, new_id(), hour, one.who.country)))
    rings = await queue_deliveries(connection, mailing, [queued for _, queued in going], sizes, now)
    for one, queued in going:
        left = len(one.item.plan) - 1 - one.number
        await ladders.step_up(connection, one.item, queued.delivery_id, one.number, left, one.price, now)
    if going and mailing.state is MailingState.FINISHED:
        await mailings.command(connection, mailing, "resume", finished_at=None)
    told = [_event(mailing, one, queued, now) for one, queued in going]
    await events.add(connection, [*told, *(_stopped(mailing, one, now) for one in climbs if one.stopped)], now)
    return rings


def _stopped(mailing: Mailing, one: Climb, now: datetime) -> events.NewEvent:
    """The plan ends here: nobody is waited for, so it is no item that is held."""
    return events.NewEvent(
        mailing.organisation_id,
        EventKind.PLANNED,
        "office",
        now,
        mailing_id=mailing.id,
        item_id=one.item.id,
        contact_id=one.who.contact_id,
        code=one.stopped,
        detail={"left": one.left.channel.value, "passed_over": {channel.value: why for channel, why in one.passed_over.items()}},
    )


def _event(mailing: Mailing, one: Climb, queued: Queued, now: datetime) -> events.NewEvent:
    failed = one.left.state in (DeliveryState.FAILED, DeliveryState.RETURNED)
    detail: dict[str, Any] = {
        "channel": queued.rung.channel.value,
        "carrier": queued.rung.carrier,
        "rung": queued.number,
        "left": one.left.channel.value,
        "passed_over": {channel.value: why for channel, why in one.passed_over.items()},
    }
    return events.NewEvent(
        mailing.organisation_id,
        EventKind.PLANNED,
        "office",
        now,
        mailing_id=mailing.id,
        item_id=one.item.id,
        delivery_id=queued.delivery_id,
        contact_id=one.who.contact_id,
        code="after-failure" if failed else "after-waiting",
        detail=detail,
    )


async def _sleep(house: House, batch: Batch, mailing: Mailing) -> None:
    """Until the next wait ends. The batch's row is taken first: a failure written meanwhile wakes it after us, or is seen by us."""
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.put_off(connection, batch, now + LOOK_AGAIN):
            raise LostLease(batch.id)
        if await ladders.any_to_climb(connection, mailing.id, now):
            await batches.wake(connection, [batch.id])
            return
        until, any_left = await ladders.next_wait(connection, mailing.id, now)
        if until is not None:
            await batches.put_off(connection, batch, min(until, now + LOOK_AGAIN))
        elif not any_left or now - (mailing.sent_at or now) > WATCHED:
            await batches.finish(connection, batch, now)
