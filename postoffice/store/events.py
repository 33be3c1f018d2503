"""Events: what happened to mailings, items and contacts, written once and never changed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import new_id
from postoffice.model.states import EventKind
from postoffice.store import hooks
from postoffice.store.prepared import insert_now, insert_rows
from postoffice.store.schema import contacts, events
from postoffice.store.upsert import insert_into

_PRINT = 64  # letters of a fingerprint
_ANSWERS = [kind.value for kind in (EventKind.REPLIED, EventKind.AUTO_REPLIED, EventKind.OPTED_OUT, EventKind.COMPLAINED)]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be written. `once` makes the same news told twice one event; empty for our own doings."""

    organisation_id: str
    kind: EventKind
    source: str
    at: datetime
    mailing_id: str | None = None
    item_id: str | None = None
    delivery_id: str | None = None
    contact_id: str | None = None
    actor_id: str | None = None
    code: str = ""
    text: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    news_id: str | None = None
    once: str = ""
    unplaced: bool = False  #: `once` alone tells it apart, wherever it was laid to


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline."""

    id: str
    kind: EventKind
    source: str
    actor_id: str | None
    at: datetime
    recorded_at: datetime
    code: str
    text: str
    detail: dict[str, Any]
    mailing_id: str | None
    item_id: str | None
    delivery_id: str | None


async def add(connection: AsyncConnection, new: Sequence[NewEvent], now: datetime) -> int:
    """Write events; those that were told before are left out. Returns how many were new."""
    return len(await add_fresh(connection, new, now))


async def add_fresh(connection: AsyncConnection, new: Sequence[NewEvent], now: datetime) -> list[int]:
    """Write events, and what programs of the organisation are to hear of them. Returns which of `new` were new, by position."""
    rows = [_values(event, now) for event in new]
    kept: dict[str, int] = {}
    for number, row in enumerate(rows):
        kept.setdefault(row["fingerprint"] or row["id"], number)
    await _leave_out_known(connection, kept)
    news = [rows[number] for number in kept.values() if rows[number]["fingerprint"]]
    written = {rows[number]["id"] for number in kept.values() if not rows[number]["fingerprint"]}  # our own doings are new
    await insert_rows(connection, events, [rows[number] for number in kept.values() if not rows[number]["fingerprint"]])
    if news:
        insert = insert_into(connection, events).on_conflict_do_nothing(index_elements=["fingerprint"]).returning(events.c.id)
        written |= set(await connection.scalars(insert, news))
    fresh = sorted(number for number in kept.values() if rows[number]["id"] in written)
    if fresh:
        await hooks.announce(connection, [rows[number] for number in fresh])
    return fresh


async def _leave_out_known(connection: AsyncConnection, kept: dict[str, int]) -> None:
    prints = [word for word in kept if len(word) == _PRINT]
    if prints:
        for word in await connection.scalars(sa.select(events.c.fingerprint).where(events.c.fingerprint.in_(prints))):
            del kept[word]


def add_own(connection: sa.Connection, new: Sequence[NewEvent], now: datetime) -> None:
    """Write our own doings, which nobody tells twice, and what programs of the organisation are to hear of them."""
    rows = own(new, now)
    insert_now(connection, events, rows)
    hooks.announce_now(connection, rows)


def own(new: Sequence[NewEvent], now: datetime) -> list[dict[str, Any]]:
    """Rows of our own doings, which nobody tells twice."""
    return [_values(event, now) for event in new]


def _values(event: NewEvent, now: datetime) -> dict[str, Any]:
    whose = event.organisation_id if event.unplaced else event.delivery_id or event.item_id
    fingerprint = hashlib.sha256(f"{whose}|{event.once}".encode()).hexdigest() if event.once else None
    return {
        "id": new_id(),
        "organisation_id": event.organisation_id,
        "mailing_id": event.mailing_id,
        "item_id": event.item_id,
        "delivery_id": event.delivery_id,
        "contact_id": event.contact_id,
        "kind": event.kind.value,
        "source": event.source,
        "actor_id": event.actor_id,
        "at": event.at,
        "recorded_at": now,
        "code": event.code[:60],
        "text": event.text[:1000],
        "detail": event.detail,
        "news_id": event.news_id,
        "fingerprint": fingerprint,
    }


async def of_item(connection: AsyncConnection, item_id: str) -> list[Line]:
    """An item's timeline, oldest first."""
    return await _lines(connection, events.c.item_id == item_id)


async def of_mailing(connection: AsyncConnection, mailing_id: str, limit: int = 200) -> list[Line]:
    """What happened to a mailing as a whole (not to its items), oldest first."""
    return await _lines(connection, sa.and_(events.c.mailing_id == mailing_id, events.c.item_id.is_(None)), limit)


async def of_contact(connection: AsyncConnection, contact_id: str, limit: int = 500) -> list[Line]:
    """A contact's timeline over all its items, and of those that it stands for; the latest lines, oldest first."""
    behind = await connection.scalars(sa.select(contacts.c.id).where(contacts.c.merged_into == contact_id))
    mine = events.c.contact_id.in_([contact_id, *behind])  # as a query within this one, it would read the whole table
    last = sa.select(events.c.id).where(mine).order_by(events.c.at.desc(), events.c.id.desc()).limit(limit)
    return await _lines(connection, events.c.id.in_(last), limit)


async def loose(connection: AsyncConnection, organisation_id: str, source: str = "", limit: int = 50) -> list[Line]:
    """Answers that belong to no mailing, newest first."""
    which = sa.and_(events.c.organisation_id == organisation_id, events.c.mailing_id.is_(None), events.c.delivery_id.is_(None))
    if source:
        which = sa.and_(which, events.c.source == source)
    query = events.select().where(which, events.c.kind.in_(_ANSWERS)).order_by(events.c.at.desc(), events.c.id).limit(limit)
    return [_line(row) for row in (await connection.execute(query)).mappings()]


async def stopped_since(connection: AsyncConnection, organisation_id: str, source: str, numbers: Sequence[str], at: datetime) -> bool:
    """Whether one of these numbers asked for no more, as `source` told, after `at`."""
    later = sa.and_(events.c.organisation_id == organisation_id, events.c.source == source, events.c.at > at)
    found = await connection.scalars(sa.select(events.c.detail).where(later, events.c.kind == EventKind.OPTED_OUT.value))
    return any((detail or {}).get("from") in numbers for detail in found)


async def count_loose(connection: AsyncConnection, organisation_id: str, since: datetime) -> int:
    """How many answers since then belong to no mailing."""
    which = (events.c.organisation_id == organisation_id, events.c.mailing_id.is_(None), events.c.at >= since)
    return int(await connection.scalar(sa.select(sa.func.count()).where(*which, events.c.kind.in_(_ANSWERS))) or 0)


async def _lines(connection: AsyncConnection, which: Any, limit: int = 1000) -> list[Line]:
    found = await connection.execute(events.select().where(which).order_by(events.c.at, events.c.id).limit(limit))
    return [_line(row) for row in found.mappings()]


def _line(row: Mapping[Any, Any]) -> Line:
    names = [name for name in Line.__slots__ if name not in ("kind", "detail")]
    return Line(kind=EventKind(row["kind"]), detail=row["detail"] or {}, **{name: row[name] for name in names})


async def proofs(connection: AsyncConnection, delivery_ids: Sequence[str]) -> set[tuple[str, str]]:
    """The documents that came back about deliveries: (delivery id, the proof's word)."""
    query = sa.select(events.c.delivery_id, events.c.code).where(
        events.c.delivery_id.in_(delivery_ids), events.c.kind == EventKind.PROVEN.value
    )
    return {(delivery_id, code) for delivery_id, code in await connection.execute(query)}


async def of_id(connection: AsyncConnection, item_id: str, event_id: str) -> Line | None:
    """One line of an item's timeline."""
    found = await _lines(connection, sa.and_(events.c.id == event_id, events.c.item_id == item_id), 1)
    return found[0] if found else None
