"""How often something was tried, by link, contact, number and network address: counters that survive a restart.

A try is counted before it is judged, in the transaction that judges it: tries at the same moment wait for one another's row.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.schema import tries
from postoffice.store.upsert import insert_into

#: counters that nothing was added to for so long are forgotten; longer than any limit's window
FORGOTTEN = timedelta(days=2)


class Limit(NamedTuple):
    """So many tries within a window that begins with the first. `scope`: a keyed hash of what is limited, at most 64 letters."""

    scope: str
    most: int
    within: timedelta


async def wait(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> timedelta:
    """How long until one more try is allowed by all limits; zero: now. Counts nothing."""
    found = await connection.execute(sa.select(tries).where(tries.c.scope.in_([one.scope for one in limits])))
    known = {row.scope: row for row in found}
    waits = [
        known[one.scope].since + one.within - now
        for one in limits
        if one.scope in known and known[one.scope].number >= one.most and known[one.scope].since + one.within > now
    ]
    return max(waits, default=timedelta())


async def count(connection: AsyncConnection, organisation_id: str, limits: Sequence[Limit], now: datetime) -> timedelta:
    """Count one try against each limit; how long it has to wait where it is one too many, zero where it may go on.

    Needs a writing transaction. Always in one order of scopes, so that two tries never wait for each other in a circle.
    """
    longest = timedelta()
    for one in sorted(limits):
        fresh = tries.c.since <= now - one.within
        statement = insert_into(connection, tries).values(scope=one.scope, organisation_id=organisation_id, number=1, since=now)
        again = statement.on_conflict_do_update(
            index_elements=["scope"],
            set_={"number": sa.case((fresh, 1), else_=tries.c.number + 1), "since": sa.case((fresh, now), else_=tries.c.since)},
        ).returning(tries.c.number, tries.c.since)
        row = (await connection.execute(again)).one()
        if row.number > one.most:
            longest = max(longest, row.since + one.within - now)
    return longest


async def forgive(connection: AsyncConnection, limits: Sequence[Limit]) -> None:
    """Take back what `count` counted: the try was right."""
    for one in sorted(limits):
        await connection.execute(tries.update().where(tries.c.scope == one.scope, tries.c.number > 0).values(number=tries.c.number - 1))


async def sweep(connection: AsyncConnection, now: datetime) -> None:
    """Forget counters that count no more."""
    await connection.execute(tries.delete().where(tries.c.since < now - FORGOTTEN))
