"""Plan: each item that can go gets its ladder, its first delivery and its contact; deliveries are packed into batches."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import pricing
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.ids import new_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.pipeline import climbing, matching
from postoffice.pipeline.garbage import less_garbage
from postoffice.pipeline.queueing import Queued, hour_of, queue_deliveries, zone_of
from postoffice.pipeline.recipients import Recipient, recipients
from postoffice.pipeline.stop import Stop
from postoffice.routing import tariff
from postoffice.routing.plan import Facts, Plan
from postoffice.store import batches, budgets, events, items, mailings, people, statistics, twins
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.finishing import finish_if_done

SLICE = 1000  #: items per transaction: a third of a second, in which SQLite lets nobody else write


@dataclass(frozen=True, slots=True)
class Ready:
    """A planned item: what is written of it."""

    item: Item
    who: Recipient
    plan: Plan
    price: int
    delivery_id: str
    hour: datetime | None  #: not before


async def plan(house: House, batch: Batch, stop: Stop) -> None:
    """Plan all draft items of the mailing, slice by slice; each slice is one transaction and leaves no half-planned item."""
    async with house.database.read() as connection:
        mailing = await mailings.get(connection, batch.subject_id)
        zone = zone_of(await people.organisation(connection, mailing.organisation_id))
    if mailing.state not in (MailingState.PLANNING, MailingState.SENDING):
        await _finish(house, batch, mailing)
        return
    carriers = await house.carriers.names(mailing.organisation_id, live=mailing.live)
    sizes = {name: (await house.carriers.get(mailing.organisation_id, name)).abilities.batch for name in set(carriers.values())}
    after: int | None = 0
    with less_garbage():
        while after is not None:
            stop.check()
            with house.traces.span("plan slice"):
                await statistics.refresh(house.database)
            after = await _plan_slice(house, batch, mailing, after, carriers, sizes, zone)
    await _finish(house, batch, mailing)


async def _finish(house: House, batch: Batch, mailing: Mailing) -> None:
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.finish(connection, batch, now):
            raise LostLease(batch.id)
        current = await mailings.get(connection, mailing.id)
        if current.state is MailingState.PLANNING:
            await mailings.command(connection, current, "dispatch")
        await budgets.settle(connection, current)
        await finish_if_done(connection, mailing.id, now)


async def _plan_slice(
    house: House, batch: Batch, mailing: Mailing, after: int, carriers: Mapping[Channel, str], sizes: Mapping[str, int], zone: str
) -> int | None:
    """Plan the drafts after a position; the last one's position, None where there were none."""
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        some, unmatched = await items.locked_drafts(connection, mailing.id, after, SLICE)
        if not some:
            return None
        unseen = [item for item in some if item.id in unmatched]  # cut by hand since the mailing was read
        found = await matching.look(house, connection, mailing.organisation_id, unseen, now)
        some = [replace(item, **found[item.id]) if found.get(item.id, {}).get("contact_id") else item for item in some]
        known = await recipients(house, connection, mailing, some, now)
        planner = Planner(mailing, carriers, now, zone)
        ready = [planner.prepare(item, known[item.id]) for item in some]
        twice = await twins.gone_before(connection, mailing, some, now)
        ready = [_held(one, twins.REASON) if one.item.id in twice and one.plan.rungs else one for one in ready]
        ready = await within_limits(connection, mailing, ready, now)
        rung_for = await queue_deliveries(connection, mailing, [queued(one) for one in ready if one.plan.rungs], sizes, now)
        await items.planned(connection, [found.get(one.item.id, {}) | _planned(one, now) for one in ready])
        await events.add(connection, [told(mailing, one, now) for one in ready], now)
        if any(len(one.plan.rungs) > 1 for one in ready):
            await climbing.watch(connection, mailing, now)
    for queue, batch_id in rung_for:
        await house.bell.ring(queue, batch_id, 1)
    return some[-1].position


def queued(one: Ready) -> Queued:
    """What its fresh delivery is made of."""
    return Queued(one.item.id, one.plan.rungs[0], 0, one.price, one.delivery_id, one.hour, one.who.country)


class Planner:
    """The plans of one slice. Most of its items are alike in all that decides, and differ only in where they go."""

    def __init__(self, mailing: Mailing, carriers: Mapping[Channel, str], now: datetime, zone: str) -> None:
        self._options, self._carriers, self._now, self._zone = mailing.options, carriers, now, zone
        self._rates = tariff.load(tariff.day(mailing.options, now))
        self._plans: dict[Hashable, tuple[Plan, int]] = {}
        self._hours: dict[tuple[Channel, str], datetime | None] = {}

    def prepare(self, item: Item, who: Recipient) -> Ready:
        """An item's plan, price and hour."""
        # errors of reading hold an item before it gets here: a draft with errors was released by a person
        made, price = self._planned(item, who.facts)
        hour = self._hour(made.rungs[0].channel, who.country) if made.rungs else None
        return Ready(item, who, made, price, new_id(), hour)

    def _planned(self, item: Item, facts: Facts) -> tuple[Plan, int]:
        alike = (item.channel, item.pages, *facts.kind)
        if alike not in self._plans:
            made, price, _fault = pricing.planned(facts, self._options, item.channel, self._carriers, item.pages, self._rates)
            self._plans[alike] = made, price
        made, price = self._plans[alike]
        return made.towards(facts.reach), price

    def _hour(self, channel: Channel, country: str) -> datetime | None:
        if (channel, country) not in self._hours:
            self._hours[channel, country] = hour_of(self._options, channel, country, self._now, self._zone)
        return self._hours[channel, country]


def _held(one: Ready, reason: str) -> Ready:
    """The same, held; its plan tells what would have been."""
    return replace(one, plan=Plan((), one.plan.passed_over, held=reason), price=0, hour=None)


async def within_limits(connection: AsyncConnection, mailing: Mailing, ready: Sequence[Ready], now: datetime) -> list[Ready]:
    """Those that this month's limits still allow; the others are held. Usually all was reserved when the mailing was sent."""
    if not mailing.live:
        return list(ready)
    short = await budgets.draw(connection, mailing, sum(one.price for one in ready))
    if not short:
        return list(ready)
    purse = await budgets.open_purse(connection, mailing, mailing.options, now)
    covered = sum(one.price for one in ready) - short
    kept = []
    for one in ready:
        own = min(one.price, covered)
        goes = purse.take(one.price - own)
        covered -= own if goes else 0
        kept.append(one if goes else _held(one, "over-limit"))
    await budgets.put_back(connection, mailing, covered)
    await budgets.keep(connection, mailing, mailing.options, purse, now)
    return kept


def _planned(one: Ready, now: object) -> dict[str, Any]:
    goes = bool(one.plan.rungs)
    return {
        "b_id": one.item.id,
        "plan": [rung.as_dict() for rung in one.plan.rungs],
        "rung": 0,
        "rungs_left": max(0, len(one.plan.rungs) - 1),
        "delivery_id": one.delivery_id if goes else None,
        "cost": one.price,
        "state": (ItemState.QUEUED if goes else ItemState.HELD).value,
        "held_reason": one.plan.held,
        "contact_id": one.who.contact_id,
        "now": now,
    }


def told(mailing: Mailing, one: Ready, now: Any) -> events.NewEvent:
    """The line of its timeline."""
    goes = bool(one.plan.rungs)
    return events.NewEvent(
        mailing.organisation_id,
        EventKind.PLANNED if goes else EventKind.HELD,
        "office",
        now,
        mailing_id=mailing.id,
        item_id=one.item.id,
        delivery_id=one.delivery_id if goes else None,
        contact_id=one.who.contact_id,
        code=one.plan.rungs[0].why if goes else one.plan.held,
        detail=_detail(
            tuple([(rung.channel, rung.carrier, rung.form) for rung in one.plan.rungs]), tuple(one.plan.passed_over.items())
        ),
    )


@lru_cache(maxsize=100)
def _detail(rungs: tuple[tuple[Channel, str, str], ...], passed_over: tuple[tuple[Channel, str], ...]) -> dict[str, Any]:
    """What the line tells beside the first word; most items of a slice share it, and so its JSON."""
    channel, carrier, _ = rungs[0] if rungs else ("", "", "")
    return {
        "channel": str(channel),
        "carrier": carrier,
        "ladder": [form or channel.value for channel, _, form in rungs],
        "passed_over": {channel.value: why for channel, why in passed_over},
    }
