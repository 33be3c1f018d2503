"""Queries about clicks on the links of mailings. The caller owns the transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.clicks import Clicker
from postoffice.store.schema import click_counts, click_hits, click_links
from postoffice.store.upsert import insert_into

_ROWS = 200


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a mailing, as its template has it."""

    number: int
    language: str
    part: str
    address: str
    label: str
    fixed: bool


@dataclass(frozen=True, slots=True)
class LinkClicks:
    """What is known of the clicks on a link. `people`: who agreed to be known, each once; `somebody`: clicks of others."""

    link: Link
    people: int
    somebody: int
    machines: int
    by_day: Mapping[str, Mapping[Clicker, int]] = field(default_factory=dict)  #: ISO date (UTC) -> kind of clicker -> clicks


@dataclass(frozen=True, slots=True)
class Hit:
    """A person's first click on a link."""

    delivery_id: str
    item_id: str
    contact_id: str | None
    number: int
    address: str
    label: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Open:
    """A click that is not settled yet."""

    organisation_id: str
    mailing_id: str
    delivery_id: str
    item_id: str
    contact_id: str | None
    number: int
    at: datetime


async def register(connection: AsyncConnection, organisation_id: str, mailing_id: str, links: Sequence[Link]) -> None:
    """Write what the counted addresses of a mailing lead to, before any of its mail goes. Twice is once; what is there stays."""
    values = [
        {"mailing_id": mailing_id, "organisation_id": organisation_id, **{name: getattr(one, name) for name in Link.__slots__}}
        for one in links
    ]
    for start in range(0, len(values), _ROWS):
        insert = insert_into(connection, click_links).on_conflict_do_nothing(index_elements=["mailing_id", "number"])
        await connection.execute(insert, values[start : start + _ROWS])


async def links(connection: AsyncConnection, mailing_id: str) -> list[Link]:
    """All links of a mailing, by number."""
    query = click_links.select().where(click_links.c.mailing_id == mailing_id).order_by(click_links.c.number)
    return [_link(row) for row in await connection.execute(query)]


async def link(connection: AsyncConnection, mailing_id: str, number: int) -> Link | None:
    """One link of a mailing."""
    query = click_links.select().where(click_links.c.mailing_id == mailing_id, click_links.c.number == number)
    row = (await connection.execute(query)).first()
    return _link(row) if row else None


def _link(row: sa.Row[tuple[object, ...]]) -> Link:
    return Link(*(getattr(row, name) for name in Link.__slots__))


async def count(
    connection: AsyncConnection, organisation_id: str, mailing_id: str, number: int, clicker: Clicker, at: datetime, by: int = 1
) -> None:
    """Add to the count of a link, a day and a kind of clicker."""
    values = {"mailing_id": mailing_id, "number": number, "day": at.date().isoformat(), "clicker": clicker.value}
    insert = insert_into(connection, click_counts).values(**values, organisation_id=organisation_id, count=by)
    more = {"count": click_counts.c.count + insert.excluded.count}
    await connection.execute(insert.on_conflict_do_update(index_elements=list(values), set_=more))


async def hit(connection: AsyncConnection, new: Open, clicker: Clicker, *, settled: bool) -> None:
    """The first time that a recipient, or a machine in their place, followed a link; later times change nothing."""
    values = {name: getattr(new, name) for name in Open.__slots__}
    values |= {"clicker": clicker.value, "settled_at": new.at if settled else None}
    await connection.execute(insert_into(connection, click_hits).values(**values).on_conflict_do_nothing())


async def unsettled(connection: AsyncConnection, before: datetime, most: int = 500) -> dict[str, list[Open]]:
    """Deliveries with a click of before then that is not settled, each with all of its open ones."""
    waiting = sa.select(click_hits.c.delivery_id).where(click_hits.c.settled_at.is_(None), click_hits.c.at <= before)
    ids = list(await connection.scalars(waiting.distinct().limit(most)))
    query = click_hits.select().where(click_hits.c.delivery_id.in_(ids), click_hits.c.settled_at.is_(None))
    found: dict[str, list[Open]] = defaultdict(list)
    for row in await connection.execute(query.order_by(click_hits.c.at)):
        found[row.delivery_id].append(Open(*(getattr(row, name) for name in Open.__slots__)))
    return dict(found)


async def settle(connection: AsyncConnection, one: Open, now: datetime, *, machine: bool) -> bool:
    """It was a person, or a machine; False where somebody else settled it first."""
    mine = click_hits.c.delivery_id == one.delivery_id, click_hits.c.number == one.number
    person = click_hits.c.clicker == Clicker.PERSON.value
    still = *mine, person, click_hits.c.settled_at.is_(None)
    if machine:  # and it may click as a person later
        return bool((await connection.execute(click_hits.delete().where(*still))).rowcount)
    return bool((await connection.execute(click_hits.update().where(*still).values(settled_at=now))).rowcount)


async def by_link(connection: AsyncConnection, mailing_id: str) -> list[LinkClicks]:
    """Clicks on each link of a mailing, also on those that nobody followed, by number."""
    query = sa.select(click_counts).where(click_counts.c.mailing_id == mailing_id).order_by(click_counts.c.day)
    counts: dict[int, dict[str, dict[Clicker, int]]] = defaultdict(dict)
    for row in (await connection.execute(query)).mappings():
        counts[row["number"]].setdefault(row["day"], {})[Clicker(row["clicker"])] = row["count"]
    return [_sum(one, counts[one.number]) for one in await links(connection, mailing_id)]


def _sum(link: Link, days: Mapping[str, Mapping[Clicker, int]]) -> LinkClicks:
    total = {kind: sum(day.get(kind, 0) for day in days.values()) for kind in Clicker}
    return LinkClicks(link, total[Clicker.PERSON], total[Clicker.SOMEBODY], total[Clicker.MACHINE], days)


async def people(connection: AsyncConnection, mailing_id: str) -> list[Hit]:
    """Who followed which link when, of those who agreed to be known; machines are left out. By time."""
    joined = click_hits.outerjoin(
        click_links, sa.and_(click_links.c.mailing_id == click_hits.c.mailing_id, click_links.c.number == click_hits.c.number)
    )
    columns = [click_hits.c[name] for name in ("delivery_id", "item_id", "contact_id", "number")]
    query = sa.select(*columns, click_links.c.address, click_links.c.label, click_hits.c.at).select_from(joined)
    mine = click_hits.c.mailing_id == mailing_id, click_hits.c.clicker == Clicker.PERSON.value, click_hits.c.settled_at.is_not(None)
    found = await connection.execute(query.where(*mine).order_by(click_hits.c.at, click_hits.c.number))
    return [Hit(**row) for row in found.mappings()]
