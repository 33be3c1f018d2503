"""Queries of what waits for a person: work that stands still, carriers that err, mailboxes and webhooks that do. No personal data.

The caller owns the transaction.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.states import ItemState
from postoffice.store import people
from postoffice.store.schema import (
    batches,
    carriers,
    deliveries,
    hook_endpoints,
    hook_messages,
    items,
    mailboxes,
    news,
    organisations,
)

SHOWN = 5  #: examples of each trouble
#: item state -> how long it may last while nothing holds it up
PATIENCE = {
    ItemState.QUEUED: timedelta(hours=1),
    ItemState.SENDING: timedelta(minutes=15),
    ItemState.IN_DOUBT: timedelta(hours=1),
}
_TELLING = re.compile(r"[^\s<>\"']+@[^\s<>\"']+|\+?\d[\d .()/-]{5,}\d|https?://\S+")


class DeadBatch(NamedTuple):
    """A piece of work that was set aside. `error` is a kind of error and a place in the program."""

    id: str
    step: str
    queue: str
    error: str


class CarrierTrouble(NamedTuple):
    """What a carrier said last, without addresses; `since` is when."""

    organisation: str
    name: str
    kind: str
    since: datetime
    error: str


def without_persons(text: str) -> str:
    """Words of a carrier without addresses, numbers and links."""
    return _TELLING.sub("...", text)[:200]


async def dead(connection: AsyncConnection) -> tuple[int, list[DeadBatch]]:
    """How much work was set aside, and the oldest of it."""
    where = batches.c.state == "dead"
    number = int(await connection.scalar(sa.select(sa.func.count()).where(where)) or 0)
    query = sa.select(batches.c.id, batches.c.step, batches.c.queue, batches.c.error).where(where).order_by(batches.c.id)
    return number, [DeadBatch(*row) for row in await connection.execute(query.limit(SHOWN))]


async def revive(connection: AsyncConnection, batch_id: str, now: datetime) -> str:
    """Open a piece of work that was set aside again, and note who did: its step. NotFound where no such work is set aside."""
    query = batches.update().where(batches.c.id == batch_id, batches.c.state == "dead")
    values = {"state": "open", "failures": 0, "not_before": None, "rung_at": None, "lease_owner": None, "lease_until": None}
    row = (await connection.execute(query.values(**values).returning(batches.c.organisation_id, batches.c.step))).first()
    if row is None:
        raise NotFound("no-dead-batch", "No work of this id is set aside.", help="`postoffice doctor` lists what is.")
    await people.note(connection, organisation_id=row.organisation_id, actor="office", action="batch.revive", subject=batch_id, now=now)
    return str(row.step)


async def stuck(connection: AsyncConnection, now: datetime) -> dict[ItemState, tuple[int, list[str]]]:
    """Items that have stood too long in a state that passes by itself: how many, and mailings that have some. Items that wait for
    their hour, for a carrier's wish or in a quiet time are not stuck."""
    found: dict[ItemState, tuple[int, list[str]]] = {}
    all_organisations = list(await connection.scalars(sa.select(organisations.c.id)))
    for state, patience in PATIENCE.items():
        before = now - patience
        some = sa.select(items.c.id, items.c.mailing_id).where(
            items.c.organisation_id.in_(all_organisations), items.c.state == state.value, items.c.updated_at < before
        )
        if state is ItemState.QUEUED:
            joined = items.join(deliveries, deliveries.c.id == items.c.delivery_id).outerjoin(
                batches, batches.c.id == deliveries.c.batch_id
            )
            some = some.select_from(joined).where(
                *(sa.or_(one.is_(None), one < before) for one in (deliveries.c.not_before, batches.c.not_before))
            )
        counted = some.subquery()
        number = int(await connection.scalar(sa.select(sa.func.count()).select_from(counted)) or 0)
        if number:
            examples = sa.select(counted.c.mailing_id).distinct().limit(SHOWN)
            found[state] = (number, list(await connection.scalars(examples)))
    return found


async def erring_carriers(connection: AsyncConnection) -> list[CarrierTrouble]:
    """Enabled carriers whose last word was an error."""
    trouble = sa.and_(
        carriers.c.enabled.is_(True),
        carriers.c.last_error_at.is_not(None),
        sa.or_(carriers.c.last_ok_at.is_(None), carriers.c.last_ok_at < carriers.c.last_error_at),
    )
    query = sa.select(organisations.c.slug, carriers.c.name, carriers.c.kind, carriers.c.last_error_at, carriers.c.last_error)
    query = query.join(carriers, carriers.c.organisation_id == organisations.c.id).where(trouble)
    rows = await connection.execute(query.order_by(organisations.c.slug, carriers.c.name))
    return [CarrierTrouble(slug, name, kind, at, without_persons(error)) for slug, name, kind, at, error in rows]


async def failing_mailboxes(connection: AsyncConnection) -> Sequence[Any]:
    """Mailboxes that could not be looked into: carrier's name, failures in a row."""
    query = sa.select(mailboxes.c.carrier, mailboxes.c.failures).where(mailboxes.c.fetching.is_(True), mailboxes.c.failures > 0)
    return (await connection.execute(query)).all()


async def paused_hooks(connection: AsyncConnection) -> int:
    """Webhooks of the organisations' own programs that were switched off after too many failures."""
    return int(await connection.scalar(sa.select(sa.func.count()).where(hook_endpoints.c.state != "on")) or 0)


async def backlog(connection: AsyncConnection) -> dict[str, int]:
    """News that was not read yet or could not be, and messages of webhooks that wait or were given up."""
    found: dict[str, int] = {}
    for table, prefix, states in ((news, "news", ("waiting", "failed")), (hook_messages, "webhooks", ("waiting", "dead"))):
        query = sa.select(table.c.state, sa.func.count()).where(table.c.state.in_(states)).group_by(table.c.state)
        counted: dict[str, int] = {row[0]: row[1] for row in await connection.execute(query)}
        found |= {f"{prefix}-{state}": int(counted.get(state, 0)) for state in states}
    return found
