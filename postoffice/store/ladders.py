"""Queries for climbing: who leaves a rung, when the next wait ends, and the batch of work that watches over it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.delivery import Delivery
from postoffice.model.item import Item
from postoffice.model.states import ITEM_COMMANDS, DeliveryState
from postoffice.store import rows
from postoffice.store.schema import batches, deliveries, items

STEP = "climb"
FAILED = (DeliveryState.FAILED.value, DeliveryState.RETURNED.value)
#: states in which a recipient is waited for
WAITED = (
    DeliveryState.HANDED_OVER.value,
    DeliveryState.IN_PRODUCTION.value,
    DeliveryState.MAILED.value,
    DeliveryState.DELIVERED.value,
)


async def is_watched(connection: AsyncConnection, mailing_id: str) -> bool:
    """Whether an open batch watches over the ladders of a mailing."""
    query = sa.select(batches.c.id).where(batches.c.subject_id == mailing_id, batches.c.step == STEP, batches.c.state == "open")
    return await connection.scalar(query.limit(1)) is not None


async def wake(connection: AsyncConnection, item_ids: Sequence[str]) -> None:
    """Items failed: whoever watches over those that have a rung left looks at once."""
    mailings = sa.select(items.c.mailing_id).where(items.c.id.in_(item_ids), items.c.rungs_left > 0)
    await connection.execute(
        batches.update()
        .where(batches.c.step == STEP, batches.c.state == "open", batches.c.subject_id.in_(mailings))
        .values(not_before=None, rung_at=None)
    )


def _above(mailing_id: str) -> sa.ColumnElement[bool]:
    """Items with a rung left that nobody has read, with their present delivery."""
    return sa.and_(
        items.c.mailing_id == mailing_id,
        items.c.rungs_left > 0,
        items.c.opened_at.is_(None),
        items.c.delivery_id == deliveries.c.id,
        items.c.state == deliveries.c.state,
    )


async def to_climb(connection: AsyncConnection, mailing_id: str, now: datetime, limit: int) -> list[tuple[Item, Delivery]]:
    """Items whose delivery failed or was waited for long enough; nobody else changes them until this transaction ends.

    What somebody else changes this moment is left to the next look: who writes a failure waits for the batch that climbs, to wake it.
    """
    query = items.select().where(_due(mailing_id, now)).order_by(items.c.position).limit(limit)
    found = await connection.execute(query.with_for_update(key_share=True, skip_locked=True))
    some = [rows.item(row) for row in found.mappings()]
    theirs = deliveries.select().where(deliveries.c.id.in_([one.delivery_id for one in some]))
    current = await connection.execute(theirs.with_for_update(key_share=True, skip_locked=True))
    by_id = {row["id"]: rows.delivery(row) for row in current.mappings()}
    return [(one, by_id[one.delivery_id]) for one in some if one.delivery_id in by_id]


async def any_to_climb(connection: AsyncConnection, mailing_id: str, now: datetime) -> bool:
    """Whether there is any, even one that somebody else changes this moment."""
    return await connection.scalar(sa.select(items.c.id).where(_due(mailing_id, now)).limit(1)) is not None


def _due(mailing_id: str, now: datetime) -> sa.ColumnElement[bool]:
    """That an item leaves its rung."""
    over = sa.or_(
        deliveries.c.state.in_(FAILED),
        sa.and_(deliveries.c.wait_until <= now, deliveries.c.state.in_(WAITED)),
    )
    mine = sa.and_(items.c.mailing_id == mailing_id, items.c.rungs_left > 0)  # said outside, too: an index finds them
    return sa.and_(mine, sa.exists().where(_above(mailing_id), over).correlate(items))


async def next_wait(connection: AsyncConnection, mailing_id: str, now: datetime) -> tuple[datetime | None, bool]:
    """When the next wait ends, None where none runs; and whether any item has a rung left that it may still need."""
    waiting = sa.and_(deliveries.c.wait_until > now, deliveries.c.state.in_(WAITED))
    query = sa.select(sa.func.min(sa.case((waiting, deliveries.c.wait_until))), sa.func.count()).where(_above(mailing_id))
    until, left = (await connection.execute(query)).one()
    return until, bool(left)


async def count(connection: AsyncConnection, mailing_id: str) -> int:
    """How many items may still go by another rung."""
    return int(await connection.scalar(sa.select(sa.func.count()).where(_above(mailing_id))) or 0)


async def end(connection: AsyncConnection, mailing_id: str, now: datetime, limit: int) -> bool:
    """Items of a mailing climb no more, `limit` of them at once; False where none was left. What was handed over stays where it is."""
    mine = sa.select(items.c.id).where(items.c.mailing_id == mailing_id, items.c.rungs_left > 0)
    ids = list(await connection.scalars(mine.order_by(items.c.id).limit(limit)))
    waits = sa.select(deliveries.c.id).where(deliveries.c.item_id.in_(ids), deliveries.c.wait_until.is_not(None))
    waits = waits.order_by(deliveries.c.id).with_for_update(key_share=True)  # deliveries before items: see mailings.locked
    await connection.execute(deliveries.update().where(deliveries.c.id.in_(waits)).values(wait_until=None))
    await connection.execute(items.update().where(items.c.id.in_(ids)).values(rungs_left=0, updated_at=now))
    return bool(ids)


async def step_up(connection: AsyncConnection, item: Item, delivery_id: str, number: int, left: int, price: int, now: datetime) -> None:
    """The item goes by another rung: a command of the transition table, guarded in the database as well."""
    sources, target = ITEM_COMMANDS["climb"]
    values: dict[str, Any] = {"rung": number, "rungs_left": left, "delivery_id": delivery_id, "cost": items.c.cost + price}
    await connection.execute(
        items.update()
        .where(items.c.id == item.id, items.c.delivery_id == item.delivery_id, items.c.state.in_([state.value for state in sources]))
        .values(state=target.value, updated_at=now, **values)
    )


async def stay(connection: AsyncConnection, item: Item, left: Delivery, *, exhausted: bool) -> None:
    """The item remains where it is: no rung is open (`exhausted`), or what was waited for came in the end."""
    await connection.execute(deliveries.update().where(deliveries.c.id == left.id).values(wait_until=None))
    if exhausted:
        await connection.execute(items.update().where(items.c.id == item.id).values(rungs_left=0))
