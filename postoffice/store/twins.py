"""The same letter to the same recipient: found by the digest of what it says and to whom. The caller owns the transaction."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import ItemState
from postoffice.store.lists import one_of
from postoffice.store.schema import items, mailings

REASON = "duplicate"  #: why such an item is held
SPAN = timedelta(days=30)
#: states in which an item counts as having gone: those that failed or were taken back do not stand in the way of another try
GONE = tuple(
    state.value
    for state in (
        ItemState.QUEUED,
        ItemState.SENDING,
        ItemState.IN_DOUBT,
        ItemState.HANDED_OVER,
        ItemState.IN_PRODUCTION,
        ItemState.MAILED,
        ItemState.DELIVERED,
    )
)
_DRAWERS = 64
_WAITING = (ItemState.DRAFT.value, ItemState.HELD.value)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another mailing that has letters of this one."""

    mailing_id: str
    number: int
    name: str
    created_at: datetime
    letters: int  #: of this mailing that stand in the other one too
    sent: bool  #: whether it was sent; otherwise it waits, as this one does


async def gone_before(connection: AsyncConnection, mailing: Mailing, some: Sequence[Item], now: datetime) -> set[str]:
    """The ids of those of `some` whose like went, or goes, to the same recipient within SPAN; one query.

    Of several alike within `some` the first one may go.
    """
    asked = [item for item in some if item.digest and not item.again]
    if not asked or not mailing.options.duplicates:
        return set()
    await _one_after_the_other(connection, mailing, [item.digest for item in asked])
    # what trials "sent" never left: it stands in nobody's way but another trial's
    query = (
        sa.select(items.c.digest)
        .join(mailings, mailings.c.id == items.c.mailing_id)
        .where(
            items.c.organisation_id == mailing.organisation_id,
            one_of(connection, items.c.digest, {item.digest for item in asked}),
            items.c.state.in_(GONE),
            mailings.c.sent_at > now - SPAN,
            sa.not_(one_of(connection, items.c.id, [item.id for item in asked])),
            mailings.c.live.is_(mailing.live),
        )
    )
    seen = set(await connection.scalars(query))
    found: set[str] = set()
    for item in asked:
        if item.digest in seen:
            found.add(item.id)
        seen.add(item.digest)
    return found


async def _one_after_the_other(connection: AsyncConnection, mailing: Mailing, digests: Sequence[str]) -> None:
    """Two mailings with the same letter that are planned at this moment: the second looks when the first has written.

    PostgreSQL's locks with a name are few: letters share _DRAWERS of them. SQLite has one writer anyway.
    """
    if connection.dialect.name == "sqlite":
        return
    whose = zlib.crc32(mailing.organisation_id.encode()) & 0x7FFFFFFF
    numbers = sorted({zlib.crc32(digest.encode()) % _DRAWERS for digest in digests})  # in order: nobody waits in a circle
    query = sa.text("SELECT pg_advisory_xact_lock(CAST(:whose AS int), number) FROM unnest(CAST(:numbers AS int[])) AS number")
    await connection.execute(query, {"whose": whose, "numbers": numbers})


async def hold(connection: AsyncConnection, mailing: Mailing, now: datetime) -> int:
    """Hold the drafts of a waiting mailing whose like went before; how many. One statement; a second time it changes nothing."""
    if not mailing.options.duplicates:
        return 0
    other, whose = items.alias("other"), mailings.alias("whose")
    went = (
        sa.select(sa.literal(1))
        .select_from(other.join(whose, whose.c.id == other.c.mailing_id))
        .where(
            other.c.organisation_id == mailing.organisation_id,
            other.c.digest == items.c.digest,
            other.c.mailing_id != mailing.id,
            other.c.state.in_(GONE),
            whose.c.sent_at > now - SPAN,
            whose.c.live.is_(mailing.live),
        )
    )
    result = await connection.execute(
        items.update()
        .where(
            items.c.mailing_id == mailing.id,
            items.c.state == ItemState.DRAFT.value,
            items.c.digest.is_not(None),
            items.c.again.is_(False),
            went.exists(),
        )
        .values(state=ItemState.HELD.value, held_reason=REASON, updated_at=now)
    )
    return int(result.rowcount)


async def likeness(connection: AsyncConnection, mailing: Mailing, now: datetime) -> Likeness | None:
    """The mailing that shares most letters with this one, sent within SPAN or waiting; None where there is none."""
    other = items.alias("other")
    pairs = (
        sa.select(other.c.mailing_id, sa.func.count(items.c.id.distinct()).label("letters"))
        .select_from(items.join(other, sa.and_(other.c.organisation_id == items.c.organisation_id, other.c.digest == items.c.digest)))
        .where(
            items.c.mailing_id == mailing.id,
            items.c.digest.is_not(None),
            other.c.mailing_id != mailing.id,
            other.c.state.in_((*GONE, *_WAITING)),
        )
        .group_by(other.c.mailing_id)
        .subquery()
    )
    query = sa.select(mailings.c.id, mailings.c.number, mailings.c.name, mailings.c.created_at, mailings.c.sent_at, pairs.c.letters)
    query = query.join(pairs, pairs.c.mailing_id == mailings.c.id).where(
        mailings.c.live.is_(mailing.live), mailings.c.created_at > now - SPAN
    )
    row = (await connection.execute(query.order_by(pairs.c.letters.desc(), mailings.c.number.desc()).limit(1))).first()
    return None if row is None else Likeness(row.id, row.number, row.name, row.created_at, row.letters, row.sent_at is not None)


async def release_all(connection: AsyncConnection, mailing_id: str, now: datetime) -> int:
    """A person says that all that is held as a duplicate may go; how many."""
    result = await connection.execute(
        items.update()
        .where(items.c.mailing_id == mailing_id, items.c.state == ItemState.HELD.value, items.c.held_reason == REASON)
        .values(state=ItemState.DRAFT.value, held_reason="", again=True, updated_at=now)
    )
    return int(result.rowcount)


async def held(connection: AsyncConnection, mailing_id: str) -> list[str]:
    """The ids of the letters of a mailing that are held as duplicates; nobody else changes them until this transaction ends."""
    query = sa.select(items.c.id).where(
        items.c.mailing_id == mailing_id, items.c.state == ItemState.HELD.value, items.c.held_reason == REASON
    )
    return list(await connection.scalars(query.with_for_update()))


async def count(connection: AsyncConnection, mailing_id: str) -> int:
    """How many letters of a mailing are held as duplicates."""
    query = sa.select(sa.func.count()).where(
        items.c.mailing_id == mailing_id, items.c.state == ItemState.HELD.value, items.c.held_reason == REASON
    )
    return int(await connection.scalar(query) or 0)
