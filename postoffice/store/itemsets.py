"""All items of a mailing at once: taken down as they stand, put back, regrouped. Every function takes a connection."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict
from postoffice.model.ids import new_id
from postoffice.model.item import Item, NewItem
from postoffice.model.states import ItemState
from postoffice.store import rows
from postoffice.store.schema import items

_INSERT_ROWS = 500
#: what may still be taken back: nothing of it was planned
_UNPLANNED = (ItemState.DRAFT.value, ItemState.HELD.value, ItemState.EXCLUDED.value)
_TIMES = ("opened_at", "updated_at")


async def take_down(connection: AsyncConnection, mailing_id: str) -> list[dict[str, Any]]:
    """All columns of all items, as JSON, in order."""
    found = await connection.execute(items.select().where(items.c.mailing_id == mailing_id).order_by(items.c.position))
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()} for row in found.mappings()
    ]


async def put_back(connection: AsyncConnection, mailing_id: str, shapes: Sequence[Mapping[str, Any]]) -> None:
    """The items as `take_down` told them, in place of those that stand there. Conflict once one of these was planned."""
    known = set(items.c.keys())
    values = []
    for shape in shapes:
        value = {name: shape[name] for name in shape if name in known}
        values.append(value | {name: datetime.fromisoformat(value[name]) for name in _TIMES if value.get(name)})
    await _replace(connection, mailing_id, values)


async def all_of(connection: AsyncConnection, mailing_id: str) -> list[Item]:
    """All items, in order; nobody else changes them until this transaction ends."""
    query = items.select().where(items.c.mailing_id == mailing_id).order_by(items.c.position).with_for_update()
    return [rows.item(row) for row in (await connection.execute(query)).mappings()]


async def regroup(connection: AsyncConnection, mailing_id: str, old: Sequence[Item], drafts: Sequence[NewItem], now: datetime) -> int:
    """`drafts` in place of the draft items among `old`; the others stay. Returns how many items there are now.

    An item that begins where an old one began keeps its id.
    """
    found = await connection.execute(items.select().where(items.c.mailing_id == mailing_id))
    before = {row["first_page"]: dict(row) for row in found.mappings()}
    staying = {item.first_page for item in old if item.state is not ItemState.DRAFT}
    values = [before[page] for page in staying]
    template = next((row for page, row in before.items() if page not in staying), None)
    for new in drafts if template else ():
        own = before.get(new.first_page, {})
        kept = {name: own[name] for name in ("id", "address_read") if name in own}
        shape = {**template, "id": new_id(), **rows.new_item(new), **kept, "updated_at": now, "contact_id": None}  # type: ignore[dict-item]
        values.append(shape)
    values.sort(key=lambda row: int(row["first_page"]))
    await _replace(connection, mailing_id, [{**row, "position": position} for position, row in enumerate(values, 1)])
    return len(values)


async def _replace(connection: AsyncConnection, mailing_id: str, values: Sequence[Mapping[str, Any]]) -> None:
    mine = items.c.mailing_id == mailing_id
    if await connection.scalar(sa.select(sa.func.count()).where(mine, items.c.state.not_in(_UNPLANNED))):
        raise Conflict("item-sent", "A letter of this mailing was sent already.", help="Reload the page to see where they stand.")
    await connection.execute(items.delete().where(mine))
    for start in range(0, len(values), _INSERT_ROWS):
        await connection.execute(items.insert(), [dict(row) for row in values[start : start + _INSERT_ROWS]])
