"""How fast a carrier with a rate may be used, by all workers together: one row says when the next piece may go."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.schema import paces
from postoffice.store.upsert import insert_into


async def wait(connection: AsyncConnection, organisation_id: str, carrier: str, now: datetime) -> timedelta:
    """How long until the next piece may go; zero: now. Locks the row, so that `spend` in the same transaction belongs to it."""
    mine = paces.select().where(paces.c.organisation_id == organisation_id, paces.c.carrier == carrier).with_for_update()
    row = (await connection.execute(mine)).first()
    if row is None:
        fresh = {"organisation_id": organisation_id, "carrier": carrier, "next_at": now}
        await connection.execute(insert_into(connection, paces).on_conflict_do_nothing(), fresh)
        row = (await connection.execute(mine)).one()
    next_at: datetime = row.next_at
    return max(timedelta(), next_at - now)


async def spend(connection: AsyncConnection, organisation_id: str, carrier: str, now: datetime, time: timedelta) -> None:
    """What goes now takes up `time` of the rate."""
    await connection.execute(
        sa.update(paces).where(paces.c.organisation_id == organisation_id, paces.c.carrier == carrier).values(next_at=now + time)
    )
