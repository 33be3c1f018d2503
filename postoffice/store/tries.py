"""How often something was tried, by link, contact, number and network address: counters that survive a restart.

A try is counted before it is judged, in the transaction that judges it: tries at the same moment wait for one another's row.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.plain import Plain, moment
from postoffice.store.prepared import Prepared
from postoffice.store.schema import tries
from postoffice.store.upsert import insert_into

#: counters that nothing was added to for so long are forgotten; longer than any limit's window
FORGOTTEN = timedelta(days=2)


class Limit(NamedTuple):
    """So many tries within a window that begins with the first. `scope`: a keyed hash of what is limited, at most 64 letters."""

    scope: str
    most: int
    within: timedelta


_KNOWN = Plain("SELECT scope, number, since FROM tries WHERE scope IN :scopes")
_FORGIVE = Plain("UPDATE tries SET number = number - 1 WHERE scope = :scope AND number > 0")


def _count(connection: sa.Connection) -> Any:
    """The first try of a window writes its hour; one more adds to those that it holds."""
    names = ("scope", "organisation_id", "since")
    first = insert_into(connection, tries).values(number=1, **{name: sa.bindparam(name) for name in names})
    fresh = tries.c.since <= sa.bindparam("before")
    again = {
        "number": sa.case((fresh, 1), else_=tries.c.number + 1),
        "since": sa.case((fresh, first.excluded.since), else_=tries.c.since),
    }
    return first.on_conflict_do_update(index_elements=["scope"], set_=again).returning(tries.c.number, tries.c.since)


_COUNT = Prepared(_count)


def wait_now(connection: sa.Connection, limits: Sequence[Limit], now: datetime) -> timedelta:
    """How long until one more try is allowed by all limits; zero: now. Counts nothing."""
    found = _KNOWN.rows(connection, scopes=[one.scope for one in limits])
    known = {scope: (number, moment(since)) for scope, number, since in found}
    full = [(known[one.scope][1], one) for one in limits if one.scope in known and known[one.scope][0] >= one.most]
    return max((since + one.within - now for since, one in full if since + one.within > now), default=timedelta())


def count_now(connection: sa.Connection, organisation_id: str, limits: Sequence[Limit], now: datetime) -> timedelta:
    """Count one try against each limit; how long it has to wait where it is one too many, zero where it may go on.

    Needs a writing transaction. Always in one order of scopes, so that two tries never wait for each other in a circle.
    """
    longest = timedelta()
    for one in sorted(limits):
        values = {"scope": one.scope, "organisation_id": organisation_id, "since": now, "before": now - one.within}
        ((number, since),) = _COUNT.rows(connection, values)
        if number > one.most:
            longest = max(longest, since + one.within - now)
    return longest


def forgive_now(connection: sa.Connection, limits: Sequence[Limit]) -> None:
    """Take back what `count_now` counted: the try was right."""
    for one in sorted(limits):
        _FORGIVE.count(connection, scope=one.scope)


async def wait(connection: AsyncConnection, limits: Sequence[Limit], now: datetime) -> timedelta:
    """See `wait_now`."""
    return await connection.run_sync(wait_now, limits, now)


async def count(connection: AsyncConnection, organisation_id: str, limits: Sequence[Limit], now: datetime) -> timedelta:
    """See `count_now`."""
    return await connection.run_sync(count_now, organisation_id, limits, now)


async def forgive(connection: AsyncConnection, limits: Sequence[Limit]) -> None:
    """See `forgive_now`."""
    await connection.run_sync(forgive_now, limits)


async def sweep(connection: AsyncConnection, now: datetime) -> None:
    """Forget counters that count no more."""
    await connection.execute(tries.delete().where(tries.c.since < now - FORGOTTEN))
