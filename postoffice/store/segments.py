"""Queries about segments: the list, one with all that its rules name, its members and their number. The caller owns the transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.model.segment import Segment, SegmentKind
from postoffice.model.states import CampaignState
from postoffice.store.schema import campaigns, contacts, mailings, organisations, segment_members, segments
from postoffice.store.segment_sql import Frame, condition
from postoffice.store.upsert import insert_into

PAGE = 5_000


def live(organisation_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Contacts that somebody may write to: neither merged into another one nor erased."""
    return contacts.c.organisation_id == organisation_id, contacts.c.merged_into.is_(None), contacts.c.erased_at.is_(None)


async def get(connection: AsyncConnection, organisation_id: str, segment_id: str) -> Segment:
    """One segment with what its rules name; NotFound otherwise, also for one that was removed."""
    found = await _rows(connection, organisation_id, [segment_id])
    if segment_id not in found:
        raise NotFound("no-such-segment", "There is no such segment.", help="Look for it in the list of segments.")
    return await complete(connection, _segment(found[segment_id]))


async def complete(connection: AsyncConnection, segment: Segment) -> Segment:
    """The segment with the rules of all segments that its rules name, and theirs. What was removed is absent."""
    others: dict[str, Mapping[str, Any]] = {}
    frozen: set[str] = {segment.id} if segment.kind is SegmentKind.FROZEN else set()
    wanted = set() if frozen else set(named(segment.rules))
    while wanted:
        for row in (await _rows(connection, segment.organisation_id, wanted)).values():
            if row["kind"] == SegmentKind.FROZEN.value:
                frozen.add(row["id"])
            else:
                others[row["id"]] = row["rules"]
        seen = wanted | set(others) | frozen
        wanted = {one for rules in others.values() for one in named(rules)} - seen
    return replace(segment, others=others, frozen=frozenset(frozen))


def named(rule: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the segments that rules name."""
    for one in (*rule.get("all", ()), *rule.get("any", ()), *([rule["not"]] if "not" in rule else ())):
        yield from named(one)
    if rule.get("on") == "segment":
        yield str(rule["value"])


async def _rows(connection: AsyncConnection, organisation_id: str, ids: Any) -> dict[str, Mapping[str, Any]]:
    query = segments.select().where(
        segments.c.organisation_id == organisation_id, segments.c.id.in_(sorted(ids)), segments.c.removed_at.is_(None)
    )
    return {row["id"]: dict(row) for row in (await connection.execute(query)).mappings()}


def _segment(row: Mapping[Any, Any]) -> Segment:
    names = ("id", "organisation_id", "name", "rules", "origin", "created_at", "updated_at", "filled_at", "created_by")
    return Segment(kind=SegmentKind(row["kind"]), **{name: row[name] for name in names})


async def frame(connection: AsyncConnection, segment: Segment, now: datetime) -> Frame:
    """What its rules are read in."""
    own = contacts.alias()
    merged = sa.exists().where(own.c.organisation_id == organisations.c.id, own.c.merged_into > "")
    query = sa.select(organisations.c.timezone, organisations.c.currency, merged)
    row = (await connection.execute(query.where(organisations.c.id == segment.organisation_id))).one()
    return Frame(segment.organisation_id, now, ZoneInfo(row[0]), row[1], bool(row[2]), segment.others, segment.frozen)


async def _chosen(connection: AsyncConnection, segment: Segment, now: datetime) -> list[sa.ColumnElement[bool]]:
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text("SET LOCAL jit = off"))  # compiling many small looks takes half a second, and saves none
    around = await frame(connection, segment, now)
    rules = {"on": "segment", "value": segment.id} if segment.kind is SegmentKind.FROZEN else segment.rules
    above = (segment.id,) if segment.id and segment.kind is SegmentKind.DYNAMIC else ()
    return [*live(segment.organisation_id), condition(around, rules, above)]


async def members(connection: AsyncConnection, segment: Segment, now: datetime, *, after: str = "", limit: int = PAGE) -> list[str]:
    """Ids of the contacts in it, ascending, behind `after`; merged and erased ones never."""
    query = sa.select(contacts.c.id).where(*await _chosen(connection, segment, now), contacts.c.id > after)
    return list(await connection.scalars(query.order_by(contacts.c.id).limit(limit)))


async def count(connection: AsyncConnection, segment: Segment, now: datetime) -> int:
    """How many are in it."""
    query = sa.select(sa.func.count()).select_from(contacts).where(*await _chosen(connection, segment, now))
    return int(await connection.scalar(query) or 0)


async def sample(connection: AsyncConnection, segment: Segment, now: datetime, limit: int = 10) -> list[str]:
    """Ids of some that are in it: the contacts that were written down last."""
    query = sa.select(contacts.c.id).where(*await _chosen(connection, segment, now))
    return list(await connection.scalars(query.order_by(contacts.c.id.desc()).limit(limit)))


async def page(connection: AsyncConnection, organisation_id: str, *, after: str = "", limit: int = 200) -> list[Segment]:
    """The list, newest first; `after`: the id of the last one of the page before."""
    query = segments.select().where(segments.c.organisation_id == organisation_id, segments.c.removed_at.is_(None))
    if after:
        query = query.where(segments.c.id < after)
    found = await connection.execute(query.order_by(segments.c.id.desc()).limit(limit))
    return [_segment(row) for row in found.mappings()]


async def add(connection: AsyncConnection, segment: Segment, now: datetime) -> str:
    """Write a new one; its id."""
    made = segment.id or new_id()
    row = {
        "id": made,
        "organisation_id": segment.organisation_id,
        "name": segment.name[:200],
        "kind": segment.kind.value,
        "rules": dict(segment.rules),
        "origin": segment.origin,
        "created_by": segment.created_by[:80],
        "created_at": now,
        "updated_at": now,
        "filled_at": segment.filled_at,
    }
    await connection.execute(segments.insert(), row)
    return made


async def change(connection: AsyncConnection, organisation_id: str, segment_id: str, now: datetime, **values: Any) -> None:
    """New name, rules or kind; NotFound where it was removed."""
    mine = segments.c.organisation_id == organisation_id, segments.c.id == segment_id, segments.c.removed_at.is_(None)
    done = await connection.execute(segments.update().where(*mine).values(**values, updated_at=now))
    if done.rowcount != 1:
        raise NotFound("no-such-segment", "There is no such segment.", help="Look for it in the list of segments.")


async def used_by(connection: AsyncConnection, organisation_id: str, segment_id: str) -> list[Segment]:
    """The segments whose rules name it."""
    query = segments.select().where(segments.c.organisation_id == organisation_id, segments.c.removed_at.is_(None))
    found = (await connection.execute(query.order_by(segments.c.name))).mappings()
    return [_segment(row) for row in found if segment_id in set(named(row["rules"]))]


async def fill(connection: AsyncConnection, organisation_id: str, segment_id: str, contact_ids: Sequence[str]) -> None:
    """Add members to a frozen one. Twice is once."""
    rows = [{"segment_id": segment_id, "contact_id": one, "organisation_id": organisation_id} for one in contact_ids]
    if rows:
        await connection.execute(insert_into(connection, segment_members).on_conflict_do_nothing(), rows)


async def empty(connection: AsyncConnection, segment_id: str) -> None:
    """Forget the members of a frozen one."""
    await connection.execute(segment_members.delete().where(segment_members.c.segment_id == segment_id))


async def freeze(connection: AsyncConnection, segment: Segment, now: datetime) -> int:
    """Keep those who are in it now, whatever becomes of them; how many they are."""
    chosen = await _chosen(connection, segment, now)
    await empty(connection, segment.id)
    query = sa.select(sa.literal(segment.id), contacts.c.id, sa.literal(segment.organisation_id)).where(*chosen)
    await connection.execute(segment_members.insert().from_select(["segment_id", "contact_id", "organisation_id"], query))
    await change(connection, segment.organisation_id, segment.id, now, kind=SegmentKind.FROZEN.value, filled_at=now)
    counted = sa.select(sa.func.count()).where(segment_members.c.segment_id == segment.id)
    return int(await connection.scalar(counted) or 0)


async def names(connection: AsyncConnection, organisation_id: str, ids: Sequence[str]) -> dict[str, str]:
    """What segments are called, removed ones included."""
    query = sa.select(segments.c.id, segments.c.name).where(segments.c.organisation_id == organisation_id, segments.c.id.in_(ids))
    return {row.id: row.name for row in await connection.execute(query)}


async def known_fields(connection: AsyncConnection, organisation_id: str, looked_at: int = 2_000) -> list[str]:
    """Names of own fields, as the contacts that were written down last have them."""
    query = sa.select(contacts.c.attributes).where(*live(organisation_id)).order_by(contacts.c.id.desc()).limit(looked_at)
    return sorted({name for attributes in await connection.scalars(query) for name in attributes or ()})


async def has_field(connection: AsyncConnection, organisation_id: str, name: str) -> bool:
    """Whether any contact has this own field: the whole book is looked through."""
    filled = contacts.c.attributes[name].as_string().is_not(None)
    query = sa.select(contacts.c.id).where(*live(organisation_id), filled).limit(1)
    return await connection.scalar(query) is not None


async def campaigns_of(connection: AsyncConnection, organisation_id: str, segment_id: str) -> list[str]:
    """The names of campaigns that are not over and go to this segment."""
    over = [CampaignState.FINISHED.value, CampaignState.CANCELLED.value]
    query = sa.select(campaigns.c.name).where(campaigns.c.organisation_id == organisation_id, campaigns.c.state.not_in(over))
    named = campaigns.c.design["segment_id"].as_string() == segment_id
    return list(await connection.scalars(query.where(named).order_by(campaigns.c.name)))


async def mailing_name(connection: AsyncConnection, organisation_id: str, mailing_id: str) -> str:
    """What a mailing that a rule names is called; empty for none."""
    query = sa.select(mailings.c.name).where(mailings.c.organisation_id == organisation_id, mailings.c.id == mailing_id)
    return str(await connection.scalar(query) or "")
