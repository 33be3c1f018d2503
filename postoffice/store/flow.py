"""What happened within the last minute, and what has gathered: figures for meters. None of them tells whose mail it is.

Ids grow with time, so that "within the last minute" is a short range of the primary key. The caller owns the transaction.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import first_id_of
from postoffice.model.states import EventKind
from postoffice.store.schema import batches, carriers, counters, deliveries, documents, events
from postoffice.store.upsert import insert_into

SPAN = timedelta(minutes=1)
LOST_LEASES = "lost-leases"  #: the counter's name
#: what tells that a carrier is in trouble
ERRORS = (EventKind.DEFERRED, EventKind.IN_DOUBT, EventKind.REFUSED, EventKind.EXPIRED, EventKind.BOUNCED)


class HandOver(NamedTuple):
    """Hand-overs of one kind of carrier within SPAN: how many, and seconds from when each could be sent until it was."""

    number: int
    mean: float
    longest: float


async def events_of_late(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """Events by kind: how items flow from state to state."""
    query = sa.select(events.c.kind, sa.func.count()).where(events.c.id >= first_id_of(now - SPAN)).group_by(events.c.kind)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def errors_of_late(connection: AsyncConnection, now: datetime) -> dict[tuple[str, str, str], int]:
    """(channel, kind of carrier, kind of event) -> how many, of what tells of trouble."""
    told = sa.and_(carriers.c.organisation_id == events.c.organisation_id, carriers.c.name == events.c.source)
    query = sa.select(carriers.c.channel, carriers.c.kind, events.c.kind, sa.func.count()).select_from(events.join(carriers, told))
    query = query.where(events.c.id >= first_id_of(now - SPAN), events.c.kind.in_([kind.value for kind in ERRORS]))
    rows = await connection.execute(query.group_by(carriers.c.channel, carriers.c.kind, events.c.kind))
    return {(channel, kind, event): number for channel, kind, event, number in rows}


async def hand_overs_of_late(connection: AsyncConnection, now: datetime) -> dict[tuple[str, str], HandOver]:
    """(channel, kind of carrier) -> hand-overs. The seconds count from the hour that was set for them, where there was one."""
    told = sa.and_(carriers.c.organisation_id == deliveries.c.organisation_id, carriers.c.name == deliveries.c.carrier)
    since = sa.func.coalesce(batches.c.not_before, deliveries.c.created_at)
    joined = events.join(deliveries, deliveries.c.id == events.c.delivery_id).join(carriers, told)
    seconds = _seconds(connection, since, events.c.at)
    query = sa.select(carriers.c.channel, carriers.c.kind, sa.func.count(), sa.func.avg(seconds), sa.func.max(seconds))
    query = query.select_from(joined.outerjoin(batches, batches.c.id == deliveries.c.batch_id))
    query = query.where(events.c.id >= first_id_of(now - SPAN), events.c.kind == EventKind.HANDED_OVER.value)
    rows = await connection.execute(query.group_by(carriers.c.channel, carriers.c.kind))
    return {
        (channel, kind): HandOver(number, max(0.0, float(mean or 0)), max(0.0, float(longest or 0)))
        for channel, kind, number, mean, longest in rows
    }


def _seconds(connection: AsyncConnection, since: sa.ColumnElement[datetime], until: sa.ColumnElement[datetime]) -> Any:
    if connection.dialect.name == "sqlite":
        return (sa.func.julianday(until) - sa.func.julianday(since)) * 86400.0
    return sa.func.extract("epoch", until) - sa.func.extract("epoch", since)


async def documents_stored(connection: AsyncConnection) -> tuple[int, int]:
    """How many documents, and their plain bytes. Walks the whole table: ask seldom."""
    row = (await connection.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(documents.c.size), 0)))).one()
    return int(row[0]), int(row[1])


async def abandoned(connection: AsyncConnection, now: datetime) -> int:
    """Open work whose owner's lease ran out: it died, or it hangs; the next owner settles it."""
    late = (batches.c.state == "open", batches.c.lease_until.is_not(None), batches.c.lease_until < now)
    return int(await connection.scalar(sa.select(sa.func.count()).where(*late)) or 0)


async def count_lost_lease(connection: AsyncConnection, organisation_id: str) -> None:
    """A worker found that somebody else had taken its work over."""
    insert = insert_into(connection, counters).values(organisation_id=organisation_id, name=LOST_LEASES, value=1)
    again = insert.on_conflict_do_update(index_elements=["organisation_id", "name"], set_={"value": counters.c.value + 1})
    await connection.execute(again)


async def lost_leases(connection: AsyncConnection) -> int:
    """How often that happened, ever."""
    return int(await connection.scalar(sa.select(sa.func.sum(counters.c.value)).where(counters.c.name == LOST_LEASES)) or 0)
