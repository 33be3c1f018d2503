"""Queries that tell how the office fares: signs of life, totals by state, carriers' health. None of them tells whose mail it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.schema import batches, carriers, heartbeats, items


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """A process that wrote a heartbeat lately. `age` in seconds."""

    owner: str
    kind: str
    queues: tuple[str, ...]
    age: float


async def answers(connection: AsyncConnection) -> None:
    """Raises where the database does not answer."""
    await connection.execute(sa.text("SELECT 1"))


async def signs_of_life(connection: AsyncConnection, now: datetime) -> list[SignOfLife]:
    """Every process that is known."""
    found = await connection.execute(sa.select(heartbeats.c.owner, heartbeats.c.kind, heartbeats.c.queues, heartbeats.c.seen_at))
    return [SignOfLife(owner, kind, tuple(queues), max(0.0, (now - seen_at).total_seconds())) for owner, kind, queues, seen_at in found]


async def items_by_state(connection: AsyncConnection) -> dict[str, int]:
    """How many items of the whole office stand in each state. Walks an index of one entry per item: ask seldom."""
    found = await connection.execute(sa.select(items.c.state, sa.func.count()).group_by(items.c.organisation_id, items.c.state))
    totals: dict[str, int] = {}
    for state, number in found:
        totals[state] = totals.get(state, 0) + number
    return totals


async def carriers_in_trouble(connection: AsyncConnection) -> Sequence[tuple[str, str, bool]]:
    """Enabled carriers by kind: channel, kind, and whether the last thing heard of it was an error."""
    trouble = sa.and_(
        carriers.c.last_error_at.is_not(None),
        sa.or_(carriers.c.last_ok_at.is_(None), carriers.c.last_ok_at < carriers.c.last_error_at),
    )
    query = sa.select(carriers.c.channel, carriers.c.kind, trouble).where(carriers.c.enabled.is_(True))
    return [(channel, kind, bool(bad)) for channel, kind, bad in await connection.execute(query)]


async def set_aside(connection: AsyncConnection) -> int:
    """Batches that failed too often and wait for a person."""
    return int(await connection.scalar(sa.select(sa.func.count()).where(batches.c.state == "dead")) or 0)
