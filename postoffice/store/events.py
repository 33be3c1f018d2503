"""Events: what happened to mailings, items and contacts, written once and never changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import new_id
from postoffice.model.states import EventKind
from postoffice.store.schema import events
from postoffice.store.upsert import insert_into


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
    if not new:
        return 0
    values = [_values(event, now) for event in new]
    told_once = [value for value in values if value["fingerprint"]]
    own = [value for value in values if not value["fingerprint"]]
    written = 0
    if own:
        await connection.execute(events.insert(), own)
        written += len(own)
    if told_once:
        prints = [value["fingerprint"] for value in told_once]
        known = set(await connection.scalars(sa.select(events.c.fingerprint).where(events.c.fingerprint.in_(prints))))
        fresh = {value["fingerprint"]: value for value in told_once if value["fingerprint"] not in known}
        if fresh:
            insert = insert_into(connection, events)
            await connection.execute(insert.on_conflict_do_nothing(index_elements=["fingerprint"]), list(fresh.values()))
        written += len(fresh)
    return written


def _values(event: NewEvent, now: datetime) -> dict[str, Any]:
    fingerprint = hashlib.sha256(f"{event.delivery_id or event.item_id}|{event.once}".encode()).hexdigest() if event.once else None
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
    """A contact's timeline over all its items, oldest first."""
    return await _lines(connection, events.c.contact_id == contact_id, limit)


async def _lines(connection: AsyncConnection, which: Any, limit: int = 1000) -> list[Line]:
    found = await connection.execute(events.select().where(which).order_by(events.c.at, events.c.id).limit(limit))
    return [
        Line(
            row["id"],
            EventKind(row["kind"]),
            row["source"],
            row["actor_id"],
            row["at"],
            row["recorded_at"],
            row["code"],
            row["text"],
            row["detail"] or {},
            row["mailing_id"],
            row["item_id"],
            row["delivery_id"],
        )
        for row in found.mappings()
    ]
