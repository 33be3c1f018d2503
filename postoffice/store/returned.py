"""Queries about paper that came back: entries, scans and their pages. The caller owns the transaction."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery
from postoffice.model.errors import NotFound
from postoffice.model.ids import first_id_of, new_id
from postoffice.model.item import Item
from postoffice.model.returned import Reason, Way
from postoffice.model.states import DeliveryState
from postoffice.store import rows
from postoffice.store.schema import deliveries, items, mailings, returned
from postoffice.store.upsert import insert_into

#: a picture of an envelope proves that a letter came back: kept as long as claims can be made, then it may go
KEPT = timedelta(days=5 * 365)
#: letters older than this are hardly still on their way back
LOOK_BACK = timedelta(days=548)
NEVER_LEFT = frozenset({DeliveryState.QUEUED, DeliveryState.CANCELLED})


class Corrected(StrEnum):
    """What became of an address that the post corrected."""

    OPEN = ""
    ACCEPTED = "accepted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Entry:
    """A returned letter as it was entered."""

    id: str
    organisation_id: str
    delivery_id: str
    item_id: str
    mailing_id: str
    contact_id: str | None
    reason: Reason
    code: str
    way: Way
    document: str | None
    actor: str
    corrected: PostalAddress | None
    corrected_state: str
    before: Mapping[str, Any] = field(repr=False)
    created_at: datetime = field(kw_only=True)
    undone_at: datetime | None = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A letter that may be the one in somebody's hand."""

    delivery: Delivery
    item: Item
    mailing_name: str
    printer_id: str | None
    user_id: str | None


async def add(
    connection: AsyncConnection,
    delivery: Delivery,
    contact_id: str | None,
    reason: Reason,
    way: Way,
    actor: str,
    now: datetime,
    *,
    code: str = "",
    document: str | None = None,
    corrected: PostalAddress | None = None,
) -> str | None:
    """Write an entry; its id, None where this delivery was entered already."""
    values = {
        "id": new_id(),
        "organisation_id": delivery.organisation_id,
        "delivery_id": delivery.id,
        "item_id": delivery.item_id,
        "mailing_id": delivery.mailing_id,
        "contact_id": contact_id,
        "reason": reason.value,
        "code": code[:60],
        "way": way.value,
        "document": document,
        "keep_until": now + KEPT if document else None,
        "actor": actor[:80],
        "corrected": corrected.as_dict() if corrected else None,
        "corrected_state": Corrected.OPEN.value,
        "before": {},
        "created_at": now,
    }
    insert = insert_into(connection, returned).values(values).on_conflict_do_nothing().returning(returned.c.id)
    made = await connection.scalar(insert)
    return str(made) if made is not None else None


async def note_before(connection: AsyncConnection, entry_id: str, before: Mapping[str, Any]) -> None:
    """What an entry changed, as it was."""
    await connection.execute(returned.update().where(returned.c.id == entry_id).values(before=dict(before)))


async def undo(connection: AsyncConnection, entry_id: str, now: datetime) -> bool:
    """An entry is none any more; False where it was undone before."""
    open_one = (returned.c.id == entry_id, returned.c.undone_at.is_(None))
    return bool((await connection.execute(returned.update().where(*open_one).values(undone_at=now))).rowcount)


async def get(connection: AsyncConnection, organisation_id: str, entry_id: str) -> Entry:
    """One entry; NotFound otherwise."""
    query = returned.select().where(returned.c.id == entry_id, returned.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-return", "There is no such returned letter.", help="Look for it in the list.")
    return _entry(row)


async def of_delivery(connection: AsyncConnection, delivery_id: str) -> Entry | None:
    """The entry that stands for a delivery."""
    query = returned.select().where(returned.c.delivery_id == delivery_id, returned.c.undone_at.is_(None))
    row = (await connection.execute(query)).mappings().first()
    return _entry(row) if row else None


async def last(connection: AsyncConnection, organisation_id: str, *, actor: str = "", limit: int = 10, before: str = "") -> list[Entry]:
    """Entries that stand, the newest first; `actor`: only theirs."""
    query = returned.select().where(returned.c.organisation_id == organisation_id, returned.c.undone_at.is_(None))
    if actor:
        query = query.where(returned.c.actor == actor)
    if before:
        query = query.where(returned.c.id < before)
    found = await connection.execute(query.order_by(returned.c.id.desc()).limit(limit))
    return [_entry(row) for row in found.mappings()]


async def offers(connection: AsyncConnection, organisation_id: str, contact_id: str) -> list[Entry]:
    """New addresses of a contact that the post told of and nobody has decided about."""
    query = returned.select().where(
        returned.c.organisation_id == organisation_id,
        returned.c.contact_id == contact_id,
        returned.c.corrected_state == Corrected.OPEN.value,
        returned.c.undone_at.is_(None),
    )
    entries = [_entry(row) for row in (await connection.execute(query.order_by(returned.c.id.desc()))).mappings()]
    return [one for one in entries if one.corrected]


async def decide(connection: AsyncConnection, entry_id: str, state: Corrected) -> bool:
    """Note a person's decision about a corrected address; False where there was one."""
    open_one = (returned.c.id == entry_id, returned.c.corrected_state == Corrected.OPEN.value)
    return bool((await connection.execute(returned.update().where(*open_one).values(corrected_state=state.value))).rowcount)


async def count_by_reason(connection: AsyncConnection, organisation_id: str, since: datetime) -> dict[Reason, int]:
    """How many came back since then, by reason."""
    query = (
        sa.select(returned.c.reason, sa.func.count())
        .where(returned.c.organisation_id == organisation_id, returned.c.undone_at.is_(None), returned.c.id >= first_id_of(since))
        .group_by(returned.c.reason)
    )
    return {Reason(word): int(number) for word, number in await connection.execute(query)}


async def export(connection: AsyncConnection, organisation_id: str, size: int = 500) -> AsyncIterator[list[tuple[Entry, Item, str]]]:
    """All that stands, the newest first, in slices: entry, its letter, the mailing's name."""
    before = ""
    while entries := await last(connection, organisation_id, before=before, limit=size):
        before = entries[-1].id
        ids = [one.item_id for one in entries]
        found = await connection.execute(items.select().where(items.c.id.in_(ids)))
        letters = {row["id"]: rows.item(row) for row in found.mappings()}
        named = await connection.execute(
            sa.select(mailings.c.id, mailings.c.name).where(mailings.c.id.in_({one.mailing_id for one in entries}))
        )
        names = {row.id: row.name for row in named}
        yield [(one, letters[one.item_id], names.get(one.mailing_id, "")) for one in entries if one.item_id in letters]


def _entry(row: Mapping[Any, Any]) -> Entry:
    names = [name for name in Entry.__slots__ if name not in ("reason", "way", "corrected")]
    return Entry(
        reason=Reason(row["reason"]),
        way=Way(row["way"]),
        corrected=PostalAddress.from_dict(row["corrected"]),
        **{name: row[name] for name in names},
    )


async def by_delivery(connection: AsyncConnection, organisation_id: str, ids: Sequence[str]) -> dict[str, Found]:
    """Posted letters by their delivery's id, as codes name it."""
    return {one.delivery.id: one for one in await _found(connection, organisation_id, [deliveries.c.id.in_(ids)], None, len(ids))}


async def by_postcode(connection: AsyncConnection, organisation_id: str, postcodes: Sequence[str], since: datetime) -> list[Found]:
    """Letters that were posted since then to any of these postcodes, the newest first; 3,000 at most."""
    return await _found(connection, organisation_id, [items.c.postcode.in_(postcodes)], since, 3_000)


async def by_text(connection: AsyncConnection, organisation_id: str, text: str, since: datetime, limit: int = 60) -> list[Found]:
    """Posted letters whose reference or postcode is, or whose name may contain, what was typed: a name, or a name and a postcode.

    Accents and capitals are left open here (SQLite folds ASCII alone): the caller compares what is found.
    """
    typed = " ".join(text.split())
    ways = [items.c.reference == typed, items.c.postcode == typed, sa.func.lower(items.c.name).like(_pattern(typed), escape="\\")]
    name, _, postcode = typed.rpartition(" ")
    if name and postcode.isdigit():
        ways.append(sa.and_(items.c.postcode == postcode, sa.func.lower(items.c.name).like(_pattern(name), escape="\\")))
    return await _found(connection, organisation_id, [sa.or_(*ways)], since, limit)


def _pattern(text: str) -> str:
    """Any letter where one may bear an accent."""
    plain = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return "%" + re.sub(r"[aceinouy]|[^\x00-\x7f]", "_", plain) + "%"


async def _found(
    connection: AsyncConnection, organisation_id: str, which: Sequence[sa.ColumnElement[bool]], since: datetime | None, limit: int
) -> list[Found]:
    query = (
        sa.select(deliveries.c.id)
        .join(items, items.c.id == deliveries.c.item_id)
        .where(deliveries.c.organisation_id == organisation_id, deliveries.c.channel == Channel.POST.value, *which)
        .order_by(deliveries.c.id.desc())
        .limit(limit)
    )
    if since is not None:
        left = deliveries.c.state.not_in([state.value for state in NEVER_LEFT])
        query = query.where(deliveries.c.id >= first_id_of(since), left)
    ids = list(await connection.scalars(query))
    of = {
        row["id"]: rows.delivery(row)
        for row in (await connection.execute(deliveries.select().where(deliveries.c.id.in_(ids)))).mappings()
    }
    item_ids = {one.item_id for one in of.values()}
    letters = {
        row["id"]: rows.item(row) for row in (await connection.execute(items.select().where(items.c.id.in_(item_ids)))).mappings()
    }
    query_mailings = sa.select(mailings.c.id, mailings.c.name, mailings.c.printer_id, mailings.c.user_id)
    named = await connection.execute(query_mailings.where(mailings.c.id.in_({one.mailing_id for one in of.values()})))
    facts = {row.id: row for row in named}
    return [
        Found(
            of[one],
            letters[of[one].item_id],
            facts[of[one].mailing_id].name,
            facts[of[one].mailing_id].printer_id,
            facts[of[one].mailing_id].user_id,
        )
        for one in ids
    ]
