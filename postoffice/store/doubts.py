"""Items that may be for a contact, until a person decides; and how items' contacts were found. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.states import ItemState
from postoffice.store.prepared import Prepared
from postoffice.store.schema import contact_doubts, items, mailings
from postoffice.store.upsert import insert_into

_OPEN = [state.value for state in (ItemState.DRAFT, ItemState.HELD, ItemState.EXCLUDED)]


@dataclass(frozen=True, slots=True)
class Doubt:
    """An item and whom it may be for: `candidates` [{"contact", "score", "reasons"}], the best first."""

    item_id: str
    mailing_id: str
    candidates: Sequence[Mapping[str, Any]]
    created_at: datetime
    decided_at: datetime | None


async def unmatched(connection: AsyncConnection, mailing_id: str, after: int, limit: int) -> list[sa.RowMapping]:
    """Rows of items that nobody looked a contact up for yet, after a position; they stay as they are until this transaction ends."""
    query = items.select().where(
        items.c.mailing_id == mailing_id,
        items.c.position > after,
        sa.or_(items.c.match.is_(None), sa.cast(items.c.match, sa.String) == "null"),
        items.c.state.in_(_OPEN),
    )
    return list((await connection.execute(query.order_by(items.c.position).limit(limit).with_for_update())).mappings())


async def matched(connection: AsyncConnection, found: Sequence[Mapping[str, Any]]) -> None:
    """Write what was found: each has b_id, contact_id, match, email, mobile, fax. Items that were sent meanwhile stay as they are."""
    open_states = {f"open_{number}": state for number, state in enumerate(_OPEN)}
    await connection.run_sync(_MATCHED.run_all, [{**one, **open_states} for one in found])


def _matched(_connection: sa.Connection) -> sa.Update:
    still = sa.or_(*(items.c.state == sa.bindparam(f"open_{number}", type_=sa.String) for number in range(len(_OPEN))))
    update = items.update().where(items.c.id == sa.bindparam("b_id", type_=sa.String), still)
    return update.values(**{name: sa.bindparam(name) for name in ("contact_id", "match", "email", "mobile", "fax")})


_MATCHED = Prepared(_matched)


async def add(connection: AsyncConnection, organisation_id: str, new: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Doubts, each with item_id, mailing_id, candidates; one that is there already is left alone."""
    if new:
        extra = {
            "organisation_id": organisation_id,
            "created_at": now,
            "decision": "",
            "actor": "",
            "decided_at": None,
            "contact_id": None,
        }
        await connection.execute(insert_into(connection, contact_doubts).on_conflict_do_nothing(), [dict(one) | extra for one in new])


async def page(
    connection: AsyncConnection, organisation_id: str, *, mailing_id: str = "", after: str = "", limit: int = 20
) -> list[Doubt]:
    """Doubts that wait for a person; those of items that were cut anew are left out."""
    table = contact_doubts.c
    query = contact_doubts.select().join(items, items.c.id == table.item_id)
    query = query.where(table.organisation_id == organisation_id, table.decided_at.is_(None), table.item_id > after)
    if mailing_id:
        query = query.where(table.mailing_id == mailing_id)
    return [_doubt(row) for row in (await connection.execute(query.order_by(table.item_id).limit(limit))).mappings()]


async def count(connection: AsyncConnection, organisation_id: str, mailing_id: str = "") -> int:
    """How many wait."""
    table = contact_doubts.c
    query = sa.select(sa.func.count()).select_from(contact_doubts.join(items, items.c.id == table.item_id))
    query = query.where(table.organisation_id == organisation_id, table.decided_at.is_(None))
    return int(await connection.scalar(query.where(table.mailing_id == mailing_id) if mailing_id else query) or 0)


async def get(connection: AsyncConnection, organisation_id: str, item_id: str) -> Doubt:
    """One doubt; NotFound otherwise."""
    query = contact_doubts.select().where(contact_doubts.c.organisation_id == organisation_id, contact_doubts.c.item_id == item_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-doubt", "Nothing is to be decided about this letter.", help="Look at the list of doubtful letters.")
    return _doubt(row)


async def decide(connection: AsyncConnection, doubt: Doubt, decision: str, contact_id: str | None, actor: str, now: datetime) -> bool:
    """Keep a decision (same | new); False where somebody was quicker."""
    which = contact_doubts.c.item_id == doubt.item_id, contact_doubts.c.decided_at.is_(None)
    values = {"decided_at": now, "decision": decision, "contact_id": contact_id, "actor": actor[:80]}
    return (await connection.execute(contact_doubts.update().where(*which).values(**values))).rowcount == 1


async def set_contact(connection: AsyncConnection, item_id: str, contact_id: str, match: Mapping[str, Any], now: datetime) -> None:
    """An item's contact by a person's decision, whatever became of the item."""
    values = {"contact_id": contact_id, "match": dict(match), "updated_at": now}
    await connection.execute(items.update().where(items.c.id == item_id).values(**values))


async def waiting_mailings(connection: AsyncConnection, organisation_id: str, limit: int = 20) -> list[tuple[str, str, int]]:
    """(mailing id, name, doubts) of mailings with doubts, newest first."""
    table = contact_doubts.c
    joined = contact_doubts.join(items, items.c.id == table.item_id).join(mailings, mailings.c.id == table.mailing_id)
    query = sa.select(mailings.c.id, mailings.c.name, sa.func.count()).select_from(joined)
    query = query.where(table.organisation_id == organisation_id, table.decided_at.is_(None)).group_by(mailings.c.id, mailings.c.name)
    return [(row[0], row[1], row[2]) for row in await connection.execute(query.order_by(mailings.c.id.desc()).limit(limit))]


def _doubt(row: Mapping[Any, Any]) -> Doubt:
    return Doubt(**{name: row[name] for name in Doubt.__slots__})
