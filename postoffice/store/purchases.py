"""Queries about what contacts bought. The caller owns the transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import new_id
from postoffice.store.contact_keys import AT_ONCE
from postoffice.store.schema import contact_points, contacts, purchases
from postoffice.store.upsert import insert_into


class Line(NamedTuple):
    """A purchase. `amount` in hundredths of the currency, negative for a refund."""

    contact_id: str
    external_id: str
    bought_at: datetime
    amount: int
    currency: str
    category: str
    quantity: int


async def add_all(connection: AsyncConnection, organisation_id: str, lines: Sequence[Line], now: datetime) -> list[str]:
    """Write those whose number is new; what became of each: written, known, or differs from what is there by its number."""
    known = await _known(connection, organisation_id, {line.external_id for line in lines})
    said: list[str] = []
    fresh: list[dict[str, Any]] = []
    for line in lines:
        there = known.get(line.external_id)
        if there is None:
            fresh.append({"id": new_id(), "organisation_id": organisation_id, "created_at": now, **line._asdict()})
            known[line.external_id] = line
            said.append("written")
        else:
            said.append("known" if there == line else "differs")
    if fresh:
        insert = insert_into(connection, purchases).on_conflict_do_nothing(index_elements=["organisation_id", "external_id"])
        await connection.execute(insert, fresh)
    return said


async def _known(connection: AsyncConnection, organisation_id: str, numbers: Collection[str]) -> dict[str, Line]:
    table, wanted, found = purchases.c, sorted(numbers), {}
    owner = sa.func.coalesce(contacts.c.merged_into, contacts.c.id).label("contact_id")
    for start in range(0, len(wanted), AT_ONCE):
        query = sa.select(owner, *(table[name] for name in Line._fields[1:])).join(contacts, contacts.c.id == table.contact_id)
        some = table.external_id.in_(wanted[start : start + AT_ONCE])
        for row in await connection.execute(query.where(table.organisation_id == organisation_id, some)):
            found[row.external_id] = Line(*row)
    return found


async def by_email(connection: AsyncConnection, organisation_id: str, addresses: Iterable[str]) -> dict[str, list[str]]:
    """{e-mail address: ids of its contacts}, merged ones as those that stand for them."""
    wanted, found = sorted(set(addresses)), dict[str, list[str]]()
    for start in range(0, len(wanted), AT_ONCE):
        query = (
            sa.select(contact_points.c.value, sa.func.coalesce(contacts.c.merged_into, contacts.c.id))
            .join(contacts, contacts.c.id == contact_points.c.contact_id)
            .where(
                contact_points.c.organisation_id == organisation_id,
                contact_points.c.channel == "email",
                contact_points.c.value.in_(wanted[start : start + AT_ONCE]),
            )
        )
        for value, contact_id in await connection.execute(query):
            ids = found.setdefault(value, [])
            if contact_id not in ids:
                ids.append(contact_id)
    return found


async def of_contact(connection: AsyncConnection, organisation_id: str, contact_id: str, limit: int = 50) -> list[Line]:
    """What a contact, and those that it stands for, bought last; the latest first."""
    behind = sa.select(contacts.c.id).where(contacts.c.merged_into == contact_id)
    mine = sa.or_(purchases.c.contact_id == contact_id, purchases.c.contact_id.in_(behind))
    query = sa.select(*(purchases.c[name] for name in Line._fields)).where(purchases.c.organisation_id == organisation_id, mine)
    return [Line(*row) for row in await connection.execute(query.order_by(purchases.c.bought_at.desc()).limit(limit))]


async def categories(connection: AsyncConnection, organisation_id: str, most: int = 200) -> list[str]:
    """The categories that purchases have, in alphabetical order: one step through the index for each."""
    found: list[str] = []
    table = purchases.c
    while len(found) < most:
        query = sa.select(sa.func.min(table.category)).where(
            table.organisation_id == organisation_id, table.category > (found[-1] if found else "")
        )
        if (word := await connection.scalar(query)) is None:
            break
        found.append(word)
    return found


async def count(connection: AsyncConnection, organisation_id: str) -> Mapping[str, Any]:
    """{lines, latest}: how many there are, and when the last one was."""
    query = sa.select(sa.func.count(), sa.func.max(purchases.c.bought_at)).where(purchases.c.organisation_id == organisation_id)
    lines, latest = (await connection.execute(query)).one()
    return {"lines": lines, "latest": latest}
