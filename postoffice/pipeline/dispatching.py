"""Dispatch: chunk by chunk, mark under the fencing token, call the carrier outside of any transaction, record in one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.dispatch.doubt import Settle, settle
from postoffice.dispatch.hand_over import Answer, Outcome, hand_over, not_made
from postoffice.dispatch.retry import Retry, next_try, patience
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery, Receipt
from postoffice.model.errors import CarrierError, PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.ports import Carrier, Paced
from postoffice.model.states import DeliveryState, EventKind
from postoffice.pipeline import hours
from postoffice.pipeline.blocking import leave_out_blocked
from postoffice.pipeline.news import apply_news, block_address
from postoffice.pipeline.pieces import Bench
from postoffice.pipeline.queueing import zone_of
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, deliveries, events, handing, items, mailings, paces, people
from postoffice.store import carriers as carrier_rows
from postoffice.store.batches import Batch
from postoffice.store.deliveries import Change, LostLease
from postoffice.store.finishing import finish_if_done
from postoffice.store.handing import Marked

#: a batch whose carrier was removed or switched off looks again after this
CARRIER_AGAIN = timedelta(minutes=1)
#: a pause that is waited for with the batch in hand; a longer one is left to the batch's hour
SHORT_PAUSE = timedelta(seconds=0.5)
LONGEST_PAUSE = timedelta(minutes=15)  #: until a carrier is asked again whether it still wants to be left alone
#: workers that died over a delivery before it has to wait: the lease paces them too, so it is rather they than the delivery
DEATHS = 5
NOTHING = Marked((), {})
KINDS = {
    "hand_over": EventKind.HANDED_OVER,
    "put_back": EventKind.DEFERRED,
    "refuse": EventKind.REFUSED,
    "doubt": EventKind.IN_DOUBT,
}


async def dispatch(house: House, batch: Batch, stop: Stop) -> None:
    """Hand the batch's deliveries to its carrier. Ends done, put off until the next one is due, or lost to another owner."""
    async with house.database.read() as connection:
        mailing = await mailings.get(connection, batch.subject_id)
        organisation = await people.organisation(connection, mailing.organisation_id)
    await hours.end_late(house, batch, mailing)
    try:
        carrier = await house.carriers.get(mailing.organisation_id, batch.data["carrier"])
    except PostOfficeError as missing:  # removed, switched off, settings that cannot be read: a person mends it, nothing is lost
        await _wait_for_carrier(house, batch, missing)
        return
    health = Health(house, mailing.organisation_id, carrier.name)
    async with Bench(house, mailing, organisation) as bench:
        await _settle_orphans(house, batch, mailing, carrier)
        pace = hours.Pace(house, batch, mailing, zone_of(organisation))
        while (marked := await _next(house, batch, carrier, stop, pace)) and marked.deliveries:
            if some := await leave_out_blocked(house, batch, mailing, marked):
                with house.traces.span("chunk", channel=carrier.abilities.channel.value, carrier=carrier.name, deliveries=len(some)):
                    await health.note(await _hand_over_chunk(house, batch, mailing, carrier, bench, some, marked.items))
            if house.limits.chunk_delay:
                await asyncio.sleep(house.limits.chunk_delay)
            stop.check()
            await hours.end_late(house, batch, mailing)
    if marked is not None:
        await _close(house, batch, mailing, carrier)


@dataclass
class Health:
    """What is told of a carrier while one batch goes through it; written only when it changes, since all batches share its row."""

    house: House
    organisation_id: str
    carrier: str
    _told: str | None = None

    async def note(self, trouble: str) -> None:
        """`trouble` in words, empty for none."""
        if trouble != self._told:
            self._told = trouble
            async with self.house.database.write() as connection:
                await carrier_rows.note_health(connection, self.organisation_id, self.carrier, self.house.clock.now(), trouble)


async def _wait_for_carrier(house: House, batch: Batch, missing: PostOfficeError) -> None:
    house.log.warning("carrier.not_to_be_had", batch=batch.id, carrier=batch.data["carrier"], code=missing.code)
    now = house.clock.now()
    async with house.database.write() as connection:
        await batches.put_off(connection, batch, now + CARRIER_AGAIN)
        await carrier_rows.note_health(connection, batch.organisation_id, batch.data["carrier"], now, missing.message)


async def _next(house: House, batch: Batch, carrier: Carrier, stop: Stop, pace: hours.Pace) -> Marked | None:
    """The next chunk, marked; empty: none is left or due; None: nothing can go for a while, and the batch was put off."""
    while True:
        with house.traces.span("claim") as span:
            pause, marked = await _mark(house, batch, carrier, pace)
            span.set(deliveries=len(marked.deliveries))
        if not pause:
            return marked
        if pause > SHORT_PAUSE:
            return None if await _pause(house, batch, carrier, pause) else NOTHING
        await asyncio.sleep(pause.total_seconds())
        stop.check()


async def _mark(house: House, batch: Batch, carrier: Carrier, pace: hours.Pace) -> tuple[timedelta, Marked]:
    """Mark the next chunk; or how long nothing can go, by the hour, the carrier's own word or a rate, and then nothing is marked."""
    if quiet := pace.quiet():
        return quiet, NOTHING
    wait = carrier.wait() if isinstance(carrier, Paced) else 0.0
    if wait:
        return timedelta(seconds=wait), NOTHING
    now, rate, most = house.clock.now(), carrier.abilities.per_second, carrier.abilities.chunk
    if not rate and not pace.counts:
        found = await house.database.at_once(partial(handing.mark, batch=batch, most=most, now=now, lease=house.lease))
        if found is None:
            raise LostLease(batch.id)
        return timedelta(), found.read()
    async with house.database.write() as connection:
        if rate:
            if pause := await paces.wait(connection, batch.organisation_id, carrier.name, now):
                return pause, NOTHING
            most = min(most, max(1, int(rate)))  # what one second takes: a burst no longer than that
        if pause := await pace.wait(connection, now):
            return pause, NOTHING
        marked = await deliveries.mark(connection, batch, pace.at_most(most), now, house.lease)
        await pace.spend(connection, now, len(marked.deliveries))
        if rate and marked.deliveries:
            time = timedelta(seconds=len(marked.deliveries) / rate)
            await paces.spend(connection, batch.organisation_id, carrier.name, now, time)
    return timedelta(), marked


async def _pause(house: House, batch: Batch, carrier: Carrier, pause: timedelta) -> bool:
    """Leave the batch until the carrier takes something again; others go on meanwhile. False: nothing is left to hand over."""
    async with house.database.write() as connection:
        left, _ = await deliveries.next_due(connection, batch.id)
        if left and not await batches.put_off(connection, batch, house.clock.now() + min(pause, LONGEST_PAUSE)):
            raise LostLease(batch.id)
    house.log.debug("carrier.paced", batch=batch.id, carrier=carrier.name, left=left, seconds=round(pause.total_seconds(), 1))
    return left > 0


async def _hand_over_chunk(
    house: House,
    batch: Batch,
    mailing: Mailing,
    carrier: Carrier,
    bench: Bench,
    some: Sequence[Delivery],
    known: Mapping[str, Item],
) -> str:
    """Hand over and record; what troubles the carrier, in words."""
    try:
        with house.traces.span("make"):
            pieces = await bench.pieces(some, known)
    except PostOfficeError as fault:  # pages or template cannot be had: nothing was handed over
        outcomes = [not_made(delivery.id, fault) for delivery in some]
    except Exception as bug:  # the carrier was not called: none of these is in doubt, whatever broke
        reason = "The message could not be made; see the log."
        outcomes = [Outcome(delivery.id, Answer.LATER, reason=reason, code=type(bug).__name__) for delivery in some]
        await _record(house, batch, mailing, carrier, some, outcomes, known)
        raise
    else:
        with house.traces.span("hand over"):
            handed = iter(await hand_over(carrier, pieces, house.log, house.traces))
        unmade = bench.take_unmade()
        outcomes = [not_made(one.id, unmade[one.id]) if one.id in unmade else next(handed) for one in some]
    await _record(house, batch, mailing, carrier, some, outcomes, known)
    return next((outcome.reason for outcome in outcomes if outcome.answer in (Answer.LATER, Answer.DOUBT)), "")


async def _record(
    house: House,
    batch: Batch,
    mailing: Mailing,
    carrier: Carrier,
    some: Sequence[Delivery],
    outcomes: Sequence[Outcome],
    known: Mapping[str, Item],
) -> None:
    with house.traces.span("record"):
        await _write(house, batch, mailing, carrier, some, outcomes, known)


async def _write(
    house: House,
    batch: Batch,
    mailing: Mailing,
    carrier: Carrier,
    some: Sequence[Delivery],
    outcomes: Sequence[Outcome],
    known: Mapping[str, Item],
) -> None:
    changes = [_change(house, mailing, carrier, *pair) for pair in zip(some, outcomes, strict=True)]
    now = house.clock.now()
    whole = all(change.command == "hand_over" and change.delivery.item_id in known for change in changes)
    if whole and await _record_taken(house, batch, mailing, carrier, changes, known):
        return
    async with house.database.write() as connection:
        await deliveries.record(connection, batch, changes, now, house.lease)
        await _tell(connection, house, mailing, carrier, changes)
        for change, outcome in zip(changes, outcomes, strict=True):
            if outcome.address_dead:
                found = await items.get(connection, change.delivery.item_id)
                await block_address(connection, house, mailing, change.delivery, found, outcome.code, carrier.name)


async def _record_taken(
    house: House, batch: Batch, mailing: Mailing, carrier: Carrier, changes: Sequence[Change], known: Mapping[str, Item]
) -> bool:
    """Nearly every chunk is taken whole: then all of it is written in one go. False: somebody listens, nothing was written."""
    now = house.clock.now()
    contacts = {one.id: one.contact_id for one in known.values()}
    done = await house.database.at_once(
        partial(
            handing.record_taken,
            batch=batch,
            told=[deliveries.parameters(change, now) for change in changes],
            moved=[(change.delivery.item_id, change.delivery.id) for change in changes],
            happened=_handed(mailing, carrier, changes, contacts, now),
            now=now,
            lease=house.lease,
        )
    )
    if done is None:
        raise LostLease(batch.id)
    return done


def _handed(
    mailing: Mailing, carrier: Carrier, changes: Sequence[Change], contacts: Mapping[str, str | None], now: datetime
) -> list[dict[str, Any]]:
    """What `_event` tells of hand-overs, as rows: nearly all of each is alike, so that it is made once for a chunk."""
    if not changes:
        return []
    (alike,) = events.own([_event(mailing, carrier, changes[0], contacts, now)], now)
    return [
        {
            **alike,
            "id": new_id(),
            "item_id": change.delivery.item_id,
            "delivery_id": change.delivery.id,
            "contact_id": contacts.get(change.delivery.item_id),
            "code": change.code[:60],
            "text": change.error[:1000],
            "detail": {"reference": change.reference, "attempt": change.delivery.attempt},
        }
        for change in changes
    ]


def _retry(house: House, mailing: Mailing, delivery: Delivery, asked: timedelta | None) -> Retry:
    since = max(delivery.created_at, mailing.options.send_at or delivery.created_at)
    longest = patience(mailing.options, house.limits.give_up)
    return next_try(attempt=delivery.attempt, created_at=since, now=house.clock.now(), asked=asked, longest=longest)


def _change(house: House, mailing: Mailing, carrier: Carrier, delivery: Delivery, outcome: Outcome) -> Change:
    if outcome.answer is Answer.TAKEN and outcome.receipt:
        receipt = outcome.receipt
        return Change(delivery, "hand_over", receipt.reference, receipt.cost, outcome.reason if outcome.code else "", outcome.code)
    if outcome.answer is Answer.LATER:
        asked = outcome.later.after if outcome.later else None
        retry = _retry(house, mailing, delivery, asked)
        if retry.at is not None:
            return Change(delivery, "put_back", error=outcome.reason, code=outcome.code, not_before=retry.at)
        return Change(delivery, "refuse", error=f"Given up after {delivery.attempt} tries: {outcome.reason}", code=outcome.code)
    if outcome.answer is Answer.DOUBT:
        return _doubt(house, mailing, carrier, delivery, outcome.reason, outcome.code)
    return Change(delivery, "refuse", error=outcome.reason, code=outcome.code)


def _doubt(house: House, mailing: Mailing, carrier: Carrier, delivery: Delivery, reason: str, code: str, *, quick: int = 1) -> Change:
    """`quick`: up to so many calls the next one follows at once; then it waits, lest a carrier that breaks off be called on and on."""
    way = settle(carrier.abilities, mailing.options.purpose, delivery.attempt)
    retry = _retry(house, mailing, delivery, None)
    if way is Settle.REPEAT and retry.at is not None:
        not_before = None if delivery.attempt <= quick else retry.at
        return Change(delivery, "put_back", error=reason, code=code or "in-doubt", not_before=not_before)
    return Change(delivery, "doubt", error=reason, code=code or "in-doubt")


async def _settle_orphans(house: House, batch: Batch, mailing: Mailing, carrier: Carrier) -> None:
    """What a dead owner of this batch left behind: asked for, repeated with the same key, or left for a person."""
    async with house.database.read() as connection:
        left = await deliveries.orphans(connection, batch)
    if not left:
        return
    if not carrier.abilities.keeps_keys and carrier.abilities.can_be_asked:
        await _ask_for(house, carrier, left)
        async with house.database.read() as connection:
            left = await deliveries.orphans(connection, batch)
    reason = "The program that handed it over ended before the carrier's answer was recorded."
    fresh = [one for one in left if one.state is DeliveryState.SENDING]
    changes = [_doubt(house, mailing, carrier, delivery, reason, "in-doubt", quick=DEATHS) for delivery in fresh]
    async with house.database.write() as connection:
        await deliveries.record(connection, batch, changes, house.clock.now(), house.lease)
        await _tell(connection, house, mailing, carrier, changes)


async def _ask_for(house: House, carrier: Carrier, left: Sequence[Delivery]) -> None:
    try:
        with house.traces.span("carrier ask", kind="client", channel=carrier.abilities.channel.value, carrier=carrier.name):
            told = await carrier.ask([Receipt(delivery.id, delivery.reference) for delivery in left])
    except CarrierError as error:
        house.log.warning("carrier.not_asked", carrier=carrier.name, reason=error.code or type(error).__name__)
        return
    await apply_news(house, left[0].organisation_id, carrier.name, told)


async def _tell(connection: AsyncConnection, house: House, mailing: Mailing, carrier: Carrier, changes: Sequence[Change]) -> None:
    now = house.clock.now()
    contacts = await items.contact_ids(connection, [change.delivery.item_id for change in changes])
    await events.add(connection, [_event(mailing, carrier, change, contacts, now) for change in changes], now)


def _event(mailing: Mailing, carrier: Carrier, change: Change, contacts: Mapping[str, str | None], now: datetime) -> events.NewEvent:
    return events.NewEvent(
        mailing.organisation_id,
        KINDS[change.command],
        carrier.name,
        now,
        mailing_id=mailing.id,
        item_id=change.delivery.item_id,
        delivery_id=change.delivery.id,
        contact_id=contacts.get(change.delivery.item_id),
        code=change.code,
        text=change.error,
        detail={"reference": change.reference, "attempt": change.delivery.attempt},
    )


async def _close(house: House, batch: Batch, mailing: Mailing, carrier: Carrier) -> None:
    now = house.clock.now()
    ask_id = ""
    async with house.database.write() as connection:
        queued, due = await deliveries.next_due(connection, batch.id)
        if queued:
            await batches.put_off(connection, batch, min(due or now, mailing.options.not_after or due or now))
        elif not await batches.finish(connection, batch, now):
            raise LostLease(batch.id)
        if not queued and carrier.abilities.can_be_asked and await deliveries.askable(connection, batch.id):
            ask_id = await _add_asking(connection, house, batch, mailing, carrier)
        if not queued:
            await finish_if_done(connection, mailing.id, now)
    if ask_id:
        house.log.info("batch.done", batch=batch.id, step="dispatch", ask=ask_id)


async def _add_asking(connection: AsyncConnection, house: House, batch: Batch, mailing: Mailing, carrier: Carrier) -> str:
    now = house.clock.now()
    return await batches.add(
        connection,
        organisation_id=mailing.organisation_id,
        step="ask",
        subject_id=mailing.id,
        queue=Channel(batch.data["channel"]).value,
        now=now,
        not_before=now + timedelta(seconds=carrier.abilities.ask_after),
        priority=7,
        data={**batch.data, "dispatched": batch.id, "round": 0},
        ring_now=False,
    )
