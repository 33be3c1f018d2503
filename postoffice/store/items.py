"""Queries about items. Every function takes a connection; the caller owns the transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.finding import Finding, Severity
from postoffice.model.ids import new_id
from postoffice.model.item import Item, NewItem, worst
from postoffice.model.states import ITEM_COMMANDS, ItemState, command_item
from postoffice.store import rows
from postoffice.store.plain import Plain
from postoffice.store.prepared import Prepared, insert_rows
from postoffice.store.schema import items, mailings

_INSERT_ROWS = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list of items shows. `search` looks in names, references and addresses of e-mail."""

    states: tuple[ItemState, ...] = ()
    levels: tuple[Severity, ...] = ()
    search: str = ""


async def add_all(
    connection: AsyncConnection, organisation_id: str, mailing_id: str, new: Sequence[NewItem], now: datetime, *, after: int = 0
) -> int:
    """Write what the cutter proposed, from position 1; items with an error are held at once. Returns how many are held.

    Whatever an earlier reading of the same mailing left is removed first, so that reading twice changes nothing. `after`: the
    position that a first part ended at.
    """
    if not after:
        await connection.execute(items.delete().where(items.c.mailing_id == mailing_id))
    held = 0
    values = []
    for position, one in enumerate(new, start=after + 1):
        reason = next((finding.code for finding in one.findings if finding.severity is Severity.ERROR), "")
        held += bool(reason)
        values.append(_values(organisation_id, mailing_id, position, one, reason, now))
    for start in range(0, len(values), _INSERT_ROWS):
        await insert_rows(connection, items, values[start : start + _INSERT_ROWS])
    return held


async def clear(connection: AsyncConnection, mailing_id: str, most: int) -> int:
    """Remove up to `most` items that an earlier reading of a mailing left; how many went. None of them may have been planned."""
    some = sa.select(items.c.id).where(items.c.mailing_id == mailing_id).limit(most)
    return int((await connection.execute(items.delete().where(items.c.id.in_(some)))).rowcount)


def _values(organisation_id: str, mailing_id: str, position: int, new: NewItem, reason: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organisation_id": organisation_id,
        "mailing_id": mailing_id,
        "position": position,
        "state": (ItemState.HELD if reason else ItemState.DRAFT).value,
        "held_reason": reason,
        "contact_id": None,
        "plan": [],
        "rung": 0,
        "delivery_id": None,
        "cost": 0,
        "opened_at": None,
        "updated_at": now,
        **rows.new_item(new),
    }


async def get(connection: AsyncConnection, item_id: str, organisation_id: str | None = None) -> Item:
    """One item, of this organisation where one is given; NotFound otherwise."""
    query = items.select().where(items.c.id == item_id)
    if organisation_id is not None:
        query = query.where(items.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-item", "There is no such letter.", help="Look for it in its mailing.")
    return rows.item(row)


async def by_ids(connection: AsyncConnection, item_ids: Sequence[str]) -> dict[str, Item]:
    """Several items by id."""
    found = await connection.execute(items.select().where(items.c.id.in_(item_ids)))
    return {row["id"]: rows.item(row) for row in found.mappings()}


async def contact_ids(connection: AsyncConnection, item_ids: Sequence[str]) -> dict[str, str | None]:
    """The contacts of several items, by item id."""
    found = await connection.execute(sa.select(items.c.id, items.c.contact_id).where(items.c.id.in_(item_ids)))
    return {row.id: row.contact_id for row in found}


async def locked(connection: AsyncConnection, item_id: str) -> Item:
    """One item as it stands now; nobody else changes it until this transaction ends."""
    row = (await connection.execute(items.select().where(items.c.id == item_id).with_for_update())).mappings().first()
    if row is None:
        raise NotFound("no-such-item", "There is no such letter.", help="Look for it in its mailing.")
    return rows.item(row)


async def locked_drafts(connection: AsyncConnection, mailing_id: str, after: int, limit: int) -> tuple[list[Item], set[str]]:
    """A slice of the items that can be planned, after a position, and the ids of those whose contact nobody looked for yet; nobody
    cancels or excludes them until this transaction ends. They are read without what no plan needs, see rows.to_send."""
    statement = _DRAFTS if connection.dialect.name == "sqlite" else _DRAFTS_LOCKED
    found = await connection.run_sync(lambda sync: statement.rows(sync, mailing=mailing_id, after=after, most=limit))
    return [rows.to_send(row) for row in found], {row[0] for row in found if row[-1]}


_UNSEEN = """CASE WHEN "match" IS NULL OR CAST("match" AS VARCHAR) IN ('null', '{}') THEN 1 ELSE 0 END"""
_OF_DRAFTS = (
    f"SELECT {rows.TO_SEND}, {_UNSEEN} FROM items WHERE mailing_id = :mailing AND state = '{ItemState.DRAFT.value}' "
    "AND position > :after ORDER BY position LIMIT :most"
)
_DRAFTS, _DRAFTS_LOCKED = Plain(_OF_DRAFTS), Plain(f"{_OF_DRAFTS} FOR UPDATE")


def _filtered(query: Any, mailing_id: str, chosen: Filter) -> Any:
    query = query.where(items.c.mailing_id == mailing_id)
    if chosen.states:
        query = query.where(items.c.state.in_([state.value for state in chosen.states]))
    if chosen.levels:
        query = query.where(items.c.level.in_([level.value for level in chosen.levels]))
    if chosen.search:
        pattern = f"%{_escape(chosen.search.lower())}%"
        columns = (items.c.name, items.c.reference, items.c.email)
        query = query.where(sa.or_(*(sa.func.lower(column).like(pattern, escape="\\") for column in columns)))
    return query


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def page(connection: AsyncConnection, mailing_id: str, chosen: Filter, *, after: int = 0, limit: int = 60) -> list[Item]:
    """Items of a mailing in order, after a position."""
    query = _filtered(items.select(), mailing_id, chosen).where(items.c.position > after)
    found = await connection.execute(query.order_by(items.c.position).limit(limit))
    return [rows.item(row) for row in found.mappings()]


async def count(connection: AsyncConnection, mailing_id: str, chosen: Filter) -> int:
    """How many items a filter shows."""
    return int(await connection.scalar(_filtered(sa.select(sa.func.count()), mailing_id, chosen)) or 0)


async def positions(connection: AsyncConnection, mailing_id: str, chosen: Filter) -> list[int]:
    """The positions of all items that a filter shows, in order: page numbers and neighbours come from them."""
    found = await connection.scalars(_filtered(sa.select(items.c.position), mailing_id, chosen).order_by(items.c.position))
    return [int(position) for position in found]


async def count_by_state(connection: AsyncConnection, mailing_id: str) -> dict[ItemState, int]:
    """How many items of a mailing stand in each state."""
    found = await connection.execute(
        sa.select(items.c.state, sa.func.count()).where(items.c.mailing_id == mailing_id).group_by(items.c.state)
    )
    return {ItemState(state): number for state, number in found}


async def any_in(connection: AsyncConnection, mailing_id: str, states: Collection[ItemState]) -> bool:
    """Whether any item of a mailing stands in one of these states; costs the same for a million."""
    query = sa.select(items.c.id).where(items.c.mailing_id == mailing_id, items.c.state.in_(sorted(state.value for state in states)))
    return await connection.scalar(query.limit(1)) is not None


async def count_by_level(connection: AsyncConnection, mailing_id: str) -> dict[Severity | None, int]:
    """How many items of a mailing have which worst finding."""
    found = await connection.execute(
        sa.select(items.c.level, sa.func.count()).where(items.c.mailing_id == mailing_id).group_by(items.c.level)
    )
    return {Severity(level) if level else None: number for level, number in found}


@dataclass(frozen=True, slots=True)
class Alike:
    """Draft items that are planned and priced alike."""

    pages: int
    channel: Channel | None  #: a person's choice for these
    reach: frozenset[Channel]  #: channels that they have an address for
    items: int
    country: str = ""  #: of the postal address; empty where it was not read


async def count_alike(connection: AsyncConnection, mailing_id: str) -> list[Alike]:
    """The draft items of a mailing by what their price hangs on: what a quote is made of."""
    has = {
        Channel.POST: sa.cast(items.c.address, sa.String) != "null",
        Channel.EMAIL: items.c.email != "",
        Channel.SMS: items.c.mobile != "",
        Channel.FAX: items.c.fax != "",
    }
    keys = [items.c.pages, items.c.channel, *(sa.case((sa.and_(there, sa.true()), 1), else_=0) for there in has.values())]
    keys.append(items.c.address["country"].as_string())
    query = sa.select(*keys, sa.func.count()).where(items.c.mailing_id == mailing_id, items.c.state == ItemState.DRAFT.value)
    found = await connection.execute(query.group_by(*keys))
    return [
        Alike(
            pages=row[0],
            channel=Channel(row[1]) if row[1] else None,
            reach=frozenset(channel for channel, there in zip(has, row[2:6], strict=True) if there),
            items=row[7],
            country=row[6] or "",
        )
        for row in found
    ]


async def command(connection: AsyncConnection, item: Item, word: str, now: datetime, **values: Any) -> ItemState:
    """Apply a command of the transition table, guarded in the database as well; Conflict where it is not allowed."""
    sources, target = ITEM_COMMANDS[word]
    result = await connection.execute(
        items.update()
        .where(items.c.id == item.id, items.c.state.in_([state.value for state in sources]))
        .values(state=target.value, updated_at=now, **values)
    )
    if result.rowcount != 1:
        command_item((await get(connection, item.id)).state, word)  # NotFound where it was merged, cut or read anew meanwhile
        raise AssertionError(f"the table allows {word}, the guard did not")
    return target


async def edit(
    connection: AsyncConnection,
    item: Item,
    now: datetime,
    *,
    address: PostalAddress | None,
    findings: Sequence[Finding],
    **points: str | None,
) -> None:
    """A person's correction: address with its fresh findings, and any of email, mobile, fax, channel, reference.

    The item is held or released by what the fresh findings say. Conflict once it was queued.
    """
    errors = [finding.code for finding in findings if finding.severity is Severity.ERROR]
    level = worst(tuple(findings))
    values: dict[str, Any] = {
        "address": address.as_dict() if address else None,
        "postcode": rows.postcode_of(address),
        "name": rows.name_of(address, points.get("email") or item.email)[:300],
        "findings": [finding.as_dict() for finding in findings],
        "level": level.value if level else None,
        "held_reason": errors[0] if errors else "",
        **points,
    }
    if item.state is ItemState.EXCLUDED:
        await update_draft(connection, item.id, now, **values)
    else:
        await command(connection, item, "hold" if errors else "release", now, **values)


async def update_draft(connection: AsyncConnection, item_id: str, now: datetime, **values: Any) -> None:
    """Change columns of an item that was not queued yet; Conflict otherwise."""
    states = [ItemState.DRAFT.value, ItemState.HELD.value, ItemState.EXCLUDED.value]
    result = await connection.execute(
        items.update().where(items.c.id == item_id, items.c.state.in_(states)).values(updated_at=now, **values)
    )
    if result.rowcount != 1:
        raise Conflict("item-sent", "This letter was sent already.", help="It can no longer be changed; send a new one.")


async def set_state(
    connection: AsyncConnection,
    mailing_id: str,
    sources: Collection[ItemState],
    target_word: str,
    now: datetime,
    ids: Sequence[str] = (),
) -> int:
    """Apply a command to all items of a mailing in these states (or to those of `ids` among them); how many changed."""
    legal, target = ITEM_COMMANDS[target_word]
    assert legal.issuperset(sources)
    query = items.update().where(items.c.mailing_id == mailing_id, items.c.state.in_([source.value for source in sources]))
    if ids:
        query = query.where(items.c.id.in_(ids))
    if target_word == "include":
        query = query.where(items.c.held_reason.not_like("row-%"))  # a row of which no letter was made, see compose.findings_merge
    result = await connection.execute(query.values(state=target.value, updated_at=now))
    return int(result.rowcount)


async def recut(
    connection: AsyncConnection,
    old: Sequence[Item],
    new: Sequence[NewItem],
    now: datetime,
) -> None:
    """Put `new` in the place of neighbouring items `old` (a merge or a cut by hand); positions behind them move along."""
    first, mailing_id = min(item.position for item in old), old[0].mailing_id
    result = await connection.execute(
        items.delete().where(
            items.c.id.in_([item.id for item in old]),
            items.c.state.in_([ItemState.DRAFT.value, ItemState.HELD.value, ItemState.EXCLUDED.value]),
        )
    )
    if result.rowcount != len(old):
        raise Conflict("item-sent", "One of these letters was sent already.", help="Reload the page to see where they stand.")
    await connection.execute(
        items.update()
        .where(items.c.mailing_id == mailing_id, items.c.position > first)
        .values(position=items.c.position + (len(new) - len(old)))
    )
    for offset, one in enumerate(new):
        reason = next((finding.code for finding in one.findings if finding.severity is Severity.ERROR), "")
        await connection.execute(items.insert(), _values(old[0].organisation_id, mailing_id, first + offset, one, reason, now))
    await connection.execute(
        mailings.update().where(mailings.c.id == mailing_id).values(items=mailings.c["items"] + (len(new) - len(old)))
    )


async def planned(connection: AsyncConnection, plans: Sequence[Mapping[str, Any]]) -> None:
    """Write plans: each mapping has b_id, plan, rung, delivery_id, cost, state, held_reason, contact_id, now; rungs_left where there
    are any; and match, email, mobile, fax where the contact was looked for only now."""
    rows = [{"rungs_left": 0, **plan, "draft": ItemState.DRAFT.value} for plan in plans]
    await connection.run_sync(_PLANNED.run_all, [row for row in rows if "match" not in row])
    await connection.run_sync(_FOUND_AND_PLANNED.run_all, [row for row in rows if "match" in row])


def _planned(*more: str) -> Prepared:
    columns = ("plan", "rung", "rungs_left", "delivery_id", "cost", "state", "held_reason", "contact_id", *more)
    still = items.c.state == sa.bindparam("draft", type_=sa.String)
    update = items.update().where(items.c.id == sa.bindparam("b_id", type_=sa.String), still)
    update = update.values(**{name: sa.bindparam(name) for name in columns}, updated_at=sa.bindparam("now"))
    return Prepared(lambda _connection: update)


_PLANNED, _FOUND_AND_PLANNED = _planned(), _planned("match", "email", "mobile", "fax")


async def total_cost(connection: AsyncConnection, mailing_id: str) -> int:
    """What the items of a mailing cost so far, in millionths."""
    return int(await connection.scalar(sa.select(sa.func.sum(items.c.cost)).where(items.c.mailing_id == mailing_id)) or 0)
