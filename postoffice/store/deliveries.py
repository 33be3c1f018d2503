"""Queries about deliveries: the hot statements of dispatch, and what news does to them.

Marking and recording always show the batch's fencing token; a stale token changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.delivery import Delivery, Event
from postoffice.model.states import DELIVERY_COMMANDS, DeliveryState, after_news
from postoffice.store import batches as work
from postoffice.store import handing, ladders, rows
from postoffice.store.prepared import insert_rows
from postoffice.store.schema import UtcTime, deliveries

#: states in which a carrier may have news that is worth asking for
ASKABLE = (DeliveryState.IN_DOUBT, DeliveryState.HANDED_OVER, DeliveryState.IN_PRODUCTION, DeliveryState.MAILED)
TAKEN = (DeliveryState.HANDED_OVER, DeliveryState.IN_PRODUCTION, DeliveryState.MAILED, DeliveryState.DELIVERED, DeliveryState.RETURNED)
_FAILED = (DeliveryState.FAILED, DeliveryState.RETURNED)
ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.RETURNED, DeliveryState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one delivery after its carrier was called. `command` is a word of DELIVERY_COMMANDS."""

    delivery: Delivery
    command: str
    reference: str = ""
    cost: int | None = None
    error: str = ""
    code: str = ""
    not_before: datetime | None = None


class LostLease(Exception):
    """The batch has another owner now: stop at once, write nothing."""


async def add_all(connection: AsyncConnection, values: Sequence[dict[str, Any]]) -> None:
    """Write fresh deliveries (state queued)."""
    defaults = {
        "state": DeliveryState.QUEUED.value,
        "attempt": 0,
        "reference": "",
        "cost": 0,
        "error": "",
        "code": "",
        "not_before": None,
        "handed_over_at": None,
        "ended_at": None,
    }
    await insert_rows(connection, deliveries, [{**defaults, **one} for one in values])


async def mark(connection: AsyncConnection, batch: work.Batch, limit: int, now: datetime, lease: timedelta) -> handing.Marked:
    """Check the token, renew the lease, and mark up to `limit` due deliveries of the batch as `sending`, in the order of their ids.

    LostLease where the batch has another owner.
    """
    marked = await connection.run_sync(handing.mark, batch, limit, now, lease)
    if marked is None:
        raise LostLease(batch.id)
    return marked.read()


async def orphans(connection: AsyncConnection, batch: work.Batch) -> list[Delivery]:
    """What a dead owner left `sending` or in doubt. Only meaningful for the one who just claimed the batch."""
    states = (DeliveryState.SENDING.value, DeliveryState.IN_DOUBT.value)
    found = await connection.execute(deliveries.select().where(deliveries.c.batch_id == batch.id, deliveries.c.state.in_(states)))
    return [rows.delivery(row) for row in found.mappings()]


async def record(
    connection: AsyncConnection, batch: work.Batch | None, changes: Sequence[Change], now: datetime, lease: timedelta
) -> None:
    """Write outcomes, in deliveries and items. LostLease where the batch has another owner; no batch: a person did it."""
    if batch is not None and not await work.renew(connection, batch, now, lease):
        raise LostLease(batch.id)
    if not changes:
        return
    for word in dict.fromkeys(change.command for change in changes):
        of_word = [parameters(change, now) for change in changes if change.command == word]
        if word == "hand_over":
            await connection.run_sync(handing.taken, of_word, now)
        else:
            await connection.execute(_outcome(word, now), of_word)
    await connection.run_sync(handing.show, [(change.delivery.item_id, change.delivery.id) for change in changes], now)
    if failed := [change.delivery.item_id for change in changes if DELIVERY_COMMANDS[change.command][1] in _FAILED]:
        await ladders.wake(connection, failed)


def _outcome(word: str, now: datetime) -> sa.Update:
    sources, target = DELIVERY_COMMANDS[word]
    legal = sa.or_(*(deliveries.c.state == state.value for state in sources))  # an expanding IN cannot have many parameter sets
    update = deliveries.update().where(deliveries.c.id == sa.bindparam("b_id"))
    return update.where(legal).values(
        state=target.value,
        reference=sa.bindparam("b_reference"),
        cost=sa.bindparam("b_cost"),
        error=sa.bindparam("b_error"),
        code=sa.bindparam("b_code"),
        not_before=sa.bindparam("b_not_before"),
        ended_at=now if target in ENDED else None,
    )


def parameters(change: Change, now: datetime) -> dict[str, Any]:
    """What is written of a delivery by this change."""
    if change.command == "hand_over":
        waits: dict[str, Any] = {"b_wait_until": now + change.delivery.wait if change.delivery.wait else None}
    else:
        waits = {"b_not_before": change.not_before}
    return {
        "b_id": change.delivery.id,
        "b_reference": (change.reference or change.delivery.reference)[:255],
        "b_cost": change.delivery.cost if change.cost is None else change.cost,
        "b_error": change.error[:1000],
        "b_code": change.code[:60],
        **waits,
    }


async def next_due(connection: AsyncConnection, batch_id: str) -> tuple[int, datetime | None]:
    """How many deliveries of a batch are still queued, and the earliest hour among them (None: at once)."""
    row = (
        await connection.execute(
            sa.select(
                sa.func.count(),
                sa.func.min(deliveries.c.not_before),
                sa.func.sum(sa.case((deliveries.c.not_before.is_(None), 1), else_=0)),
            ).where(deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.QUEUED.value)
        )
    ).one()
    count, earliest, at_once = row
    return int(count), None if at_once else earliest


async def askable(connection: AsyncConnection, batch_id: str, arrived_since: datetime | None = None) -> list[Delivery]:
    """Deliveries of a dispatch batch that their carrier may have news of, or (`arrived_since`) proofs of their end."""
    may: sa.ColumnElement[bool] = deliveries.c.state.in_([state.value for state in ASKABLE])
    if arrived_since is not None:
        arrived = deliveries.c.state.in_([DeliveryState.DELIVERED.value, DeliveryState.RETURNED.value])
        may = sa.or_(may, sa.and_(arrived, deliveries.c.ended_at >= arrived_since))
    found = await connection.execute(deliveries.select().where(deliveries.c.batch_id == batch_id, may))
    return [rows.delivery(row) for row in found.mappings()]


async def get(connection: AsyncConnection, delivery_id: str) -> Delivery | None:
    """One delivery."""
    row = (await connection.execute(deliveries.select().where(deliveries.c.id == delivery_id))).mappings().first()
    return rows.delivery(row) if row else None


async def by_ids(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Delivery]:
    """Several deliveries by id."""
    found = await connection.execute(deliveries.select().where(deliveries.c.id.in_(ids)))
    return {row["id"]: rows.delivery(row) for row in found.mappings()}


async def of_item(connection: AsyncConnection, item_id: str) -> list[Delivery]:
    """All attempts for an item, oldest first."""
    found = await connection.execute(deliveries.select().where(deliveries.c.item_id == item_id).order_by(deliveries.c.id))
    return [rows.delivery(row) for row in found.mappings()]


async def find(
    connection: AsyncConnection, organisation_id: str, carrier: str, told: Sequence[Event]
) -> dict[tuple[str, str], Delivery]:
    """The organisation's deliveries that events speak of, by (key, reference)."""
    keys = {event.key for event in told if event.key}
    references = {event.reference for event in told if event.reference and not event.key}
    found = await connection.execute(
        deliveries.select().where(
            deliveries.c.organisation_id == organisation_id,
            deliveries.c.carrier == carrier,
            sa.or_(deliveries.c.id.in_(keys), deliveries.c.reference.in_(references)),
        )
    )
    known = [rows.delivery(row) for row in found.mappings()]
    by_key = {delivery.id: delivery for delivery in known}
    by_reference = {delivery.reference: delivery for delivery in known if delivery.reference}
    meant = ((event, by_key.get(event.key) or by_reference.get(event.reference)) for event in told)
    return {(event.key, event.reference): delivery for event, delivery in meant if delivery}


async def climb(connection: AsyncConnection, told: Mapping[str, Sequence[Event]], now: datetime) -> int:
    """Apply news, {delivery id: events}, by the transition table; how many deliveries moved."""
    current = await connection.execute(
        sa.select(deliveries.c.id, deliveries.c.item_id, deliveries.c.state, deliveries.c.wait)
        .where(deliveries.c.id.in_(list(told)))
        .order_by(deliveries.c.id)
        .with_for_update()
    )
    moves: dict[DeliveryState, list[dict[str, Any]]] = {}
    moved: list[tuple[str, str]] = []
    failed: list[str] = []
    for delivery_id, item_id, word, wait in current:
        state, last = DeliveryState(word), None
        for event in told[delivery_id]:
            reached = after_news(state, event.kind)
            if reached is not state:
                state, last = reached, event
        if last is not None:
            moves.setdefault(state, []).append(
                _news_parameters(delivery_id, state, last, now + timedelta(seconds=wait) if wait else None)
            )
            moved.append((item_id, delivery_id))
            failed += [item_id] if state in _FAILED else []
    for state, some in moves.items():
        await connection.execute(_news(state, now), some)
    await connection.run_sync(handing.show, moved, now)
    if failed:
        await ladders.wake(connection, failed)
    return len(moved)


def _news_parameters(delivery_id: str, state: DeliveryState, event: Event, wait_until: datetime | None) -> dict[str, Any]:
    words: dict[str, Any] = {"b_error": event.text[:1000], "b_code": event.code[:60]} if state in _FAILED else {}
    waits = {"b_wait_until": wait_until} if state in TAKEN else {}
    return {"b_id": delivery_id, "b_reference": event.reference[:255], **words, **waits}


def _news(state: DeliveryState, now: datetime) -> sa.Update:
    known, since = deliveries.c.reference, deliveries.c.handed_over_at
    update = deliveries.update().where(deliveries.c.id == sa.bindparam("b_id"))
    update = update.values(
        state=state.value,
        reference=sa.case((known == "", sa.bindparam("b_reference", type_=sa.String)), else_=known),
        handed_over_at=sa.func.coalesce(since, sa.literal(now, UtcTime)) if state in TAKEN else since,
        ended_at=now if state in ENDED else None,
    )
    if state in TAKEN:
        update = update.values(wait_until=sa.func.coalesce(deliveries.c.wait_until, sa.bindparam("b_wait_until", type_=UtcTime)))
    if state in _FAILED:
        return update.values(error=sa.bindparam("b_error"), code=sa.bindparam("b_code"))
    return update


async def count_by_carrier(connection: AsyncConnection, mailing_id: str) -> list[tuple[str, str, DeliveryState, int]]:
    """For a board: channel, carrier, state, how many."""
    found = await connection.execute(
        sa.select(deliveries.c.channel, deliveries.c.carrier, deliveries.c.state, sa.func.count())
        .where(deliveries.c.mailing_id == mailing_id)
        .group_by(deliveries.c.channel, deliveries.c.carrier, deliveries.c.state)
        .order_by(deliveries.c.channel, deliveries.c.carrier)
    )
    return [(channel, carrier, DeliveryState(state), count) for channel, carrier, state, count in found]


async def cancel_queued(
    connection: AsyncConnection, mailing_id: str, now: datetime, item_id: str | None = None, *, limit: int | None = None
) -> int:
    """Stop what was not yet marked for hand-over, of a mailing or of one item, `limit` at most; how many stopped.

    Whoever stops one item holds it already, and so does not wait for a worker that marks it: that one will wait for the item.
    """
    sources, target = DELIVERY_COMMANDS["cancel"]
    mine = sa.select(deliveries.c.id).where(
        deliveries.c.mailing_id == mailing_id, deliveries.c.state.in_([one.value for one in sources])
    )
    mine = mine.order_by(deliveries.c.id).limit(limit)  # in order, as whoever marks some: nobody waits in a circle
    if item_id is not None:
        mine = mine.where(deliveries.c.item_id == item_id)
    query = deliveries.update().where(deliveries.c.id.in_(mine.with_for_update(skip_locked=item_id is not None)))
    found = await connection.execute(query.values(state=target.value, ended_at=now).returning(deliveries.c.id, deliveries.c.item_id))
    stopped = [(item, delivery) for delivery, item in found]
    await connection.run_sync(handing.show, stopped, now)
    return len(stopped)


async def queued(connection: AsyncConnection, batch_id: str, limit: int) -> list[Delivery]:
    """Deliveries of a batch that nobody is handing over; nobody begins to until this transaction ends."""
    query = deliveries.select().where(deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.QUEUED.value)
    found = await connection.execute(query.order_by(deliveries.c.id).limit(limit).with_for_update())
    return [rows.delivery(row) for row in found.mappings()]
