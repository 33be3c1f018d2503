"""Queries about scans of returned letters and their pages. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.model.returned import Reason
from postoffice.store.schema import returned_pages, returned_scans
from postoffice.store.upsert import insert_into


class Outcome(StrEnum):
    """What became of a scanned page."""

    ENTERED = "entered"  #: its code was read and the letter entered
    ALREADY = "already"  #: its letter had been entered before
    SAME = "same"  #: another page of a letter of this scan
    DOUBTFUL = "doubtful"  #: perhaps one of the candidates: a person says which
    NOTHING = "nothing"  #: neither code nor address of a letter of ours
    SETTLED = "settled"  #: a person said which letter it is
    ASIDE = "aside"  #: a person said that it is none of ours


@dataclass(frozen=True, slots=True)
class Scan:
    """An uploaded scan of envelopes from one reason's bin."""

    id: str
    organisation_id: str
    reason: Reason
    name: str
    document: str
    pages: int
    pages_read: int
    state: str  #: reading | done | failed
    error: Mapping[str, Any] | None
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a scan. `candidates`: (delivery id, score 0..100), the best first."""

    scan_id: str
    page: int
    outcome: Outcome
    delivery_id: str | None = None
    candidates: Sequence[tuple[str, int]] = ()
    document: str | None = None


async def add(
    connection: AsyncConnection, organisation_id: str, reason: Reason, name: str, document: str, actor: str, now: datetime
) -> str:
    """A fresh scan to be read; its id."""
    made = new_id()
    values = {"id": made, "organisation_id": organisation_id, "reason": reason.value, "name": name[:255], "document": document}
    more = {"pages": 0, "pages_read": 0, "state": "reading", "error": None, "actor": actor, "created_at": now}
    await connection.execute(returned_scans.insert(), values | more)
    return made


async def get(connection: AsyncConnection, organisation_id: str, scan_id: str) -> Scan:
    """One scan; NotFound otherwise."""
    query = returned_scans.select().where(returned_scans.c.id == scan_id, returned_scans.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-scan", "There is no such scan.", help="Look for it at the station.")
    return _scan(row)


async def lately(connection: AsyncConnection, organisation_id: str, limit: int = 6) -> list[Scan]:
    """The last scans, the newest first."""
    query = returned_scans.select().where(returned_scans.c.organisation_id == organisation_id)
    return [_scan(row) for row in (await connection.execute(query.order_by(returned_scans.c.id.desc()).limit(limit))).mappings()]


async def change(connection: AsyncConnection, scan_id: str, **values: Any) -> None:
    """How far a scan was read, or how it ended."""
    await connection.execute(returned_scans.update().where(returned_scans.c.id == scan_id).values(**values))


async def keep(connection: AsyncConnection, organisation_id: str, pages: Sequence[Page]) -> None:
    """Write pages; those that stand already stay as they are."""
    rows = [
        {
            "scan_id": one.scan_id,
            "page": one.page,
            "organisation_id": organisation_id,
            "outcome": one.outcome.value,
            "delivery_id": one.delivery_id,
            "candidates": [list(pair) for pair in one.candidates],
            "document": one.document,
        }
        for one in pages
    ]
    if rows:
        await connection.execute(insert_into(connection, returned_pages).on_conflict_do_nothing(), rows)


async def pages(connection: AsyncConnection, scan_id: str, outcomes: Sequence[Outcome] = ()) -> list[Page]:
    """A scan's pages in order; `outcomes`: only these."""
    query = returned_pages.select().where(returned_pages.c.scan_id == scan_id)
    if outcomes:
        query = query.where(returned_pages.c.outcome.in_([one.value for one in outcomes]))
    return [_page(row) for row in await connection.execute(query.order_by(returned_pages.c.page))]


async def hold_page(connection: AsyncConnection, scan_id: str, page: int) -> Page | None:
    """One page, which nobody else settles until the transaction ends; None where there is none."""
    query = returned_pages.select().where(returned_pages.c.scan_id == scan_id, returned_pages.c.page == page)
    row = (await connection.execute(query.with_for_update())).first()
    return _page(row) if row else None


async def settle(connection: AsyncConnection, scan_id: str, page: int, outcome: Outcome, delivery_id: str | None = None) -> None:
    """A person's word about a page."""
    which = (returned_pages.c.scan_id == scan_id, returned_pages.c.page == page)
    await connection.execute(returned_pages.update().where(*which).values(outcome=outcome.value, delivery_id=delivery_id))


async def counts(connection: AsyncConnection, scan_ids: Sequence[str]) -> dict[str, dict[Outcome, int]]:
    """How many pages of each outcome, by scan."""
    table = returned_pages.c
    query = (
        sa.select(table.scan_id, table.outcome, sa.func.count())
        .where(table.scan_id.in_(scan_ids))
        .group_by(table.scan_id, table.outcome)
    )
    found: dict[str, dict[Outcome, int]] = {one: {} for one in scan_ids}
    for scan_id, word, number in await connection.execute(query):
        found[scan_id][Outcome(word)] = int(number)
    return found


async def count_doubtful(connection: AsyncConnection, organisation_id: str) -> int:
    """How many pages wait for a person."""
    query = sa.select(sa.func.count()).where(
        returned_pages.c.organisation_id == organisation_id, returned_pages.c.outcome == Outcome.DOUBTFUL.value
    )
    return int(await connection.scalar(query) or 0)


def _page(row: sa.Row[Any]) -> Page:
    candidates = tuple((str(one), int(score)) for one, score in row.candidates)
    return Page(row.scan_id, row.page, Outcome(row.outcome), row.delivery_id, candidates, row.document)


def _scan(row: Mapping[Any, Any]) -> Scan:
    return Scan(reason=Reason(row["reason"]), **{name: row[name] for name in Scan.__slots__ if name != "reason"})
