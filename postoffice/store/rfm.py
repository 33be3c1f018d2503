"""How recently, how often and for how much customers buy: made anew in pieces, then read. Who reads owns the transaction.

What the scores mean, and the rule for ties, is campaigns.rfm's business: scores of equal values are equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.database import Database
from postoffice.store.lists import asked_of_each, one_of
from postoffice.store.prepared import insert_rows
from postoffice.store.schema import UtcTime, contacts, organisations, purchases, rfm_runs, rfm_scores
from postoffice.store.upsert import insert_into

AGES_AFTER = timedelta(days=1)
PIECE = 5_000  #: customers whose scores are written in one transaction


@dataclass(frozen=True, slots=True)
class Run:
    """When it was made: what was bought after `reference_at`, or in another currency, is not looked at."""

    reference_at: datetime
    currency: str
    customers: int
    due: bool


@dataclass(frozen=True, slots=True)
class Score:
    """What one customer came to."""

    last_at: datetime
    purchases: int
    amount: int
    recency: int
    frequency: int
    monetary: int
    group: str


async def make(database: Database, organisation_id: str, groups: Sequence[Sequence[str]], now: datetime, piece: int = PIECE) -> int:
    """Reckon all scores anew, with purchases up to `now`; how many customers there are. `groups`: campaigns.rfm.MAP.

    It reads at one moment and writes in pieces, so that others write in between; until its end some customers have their scores of
    before. Twice changes nothing, and what died in between is found by `stale` again.
    """
    async with database.write() as connection:
        currency = await _begin(connection, organisation_id, now)
    query = _reckoned(organisation_id, currency, groups, now).order_by(sa.literal_column("contact_id"))
    names = [column.name for column in rfm_scores.columns]
    last, customers = "", 0
    some: list[dict[str, Any]]
    async with database.read() as reading:
        found = await reading.stream(query)
        async for part in found.partitions(piece):
            some = [dict(zip(names, row, strict=True)) for row in part]
            async with database.write() as connection:
                customers += await _replace(connection, organisation_id, last, some)
            last = str(some[-1]["contact_id"])
    async with database.write() as connection:
        table = rfm_scores.c
        await connection.execute(rfm_scores.delete().where(table.organisation_id == organisation_id, table.contact_id > last))
        values = {"reference_at": now, "currency": currency, "customers": customers}  # not `due`: purchases may have come meanwhile
        await connection.execute(rfm_runs.update().where(rfm_runs.c.organisation_id == organisation_id).values(values))
    return customers


async def _begin(connection: AsyncConnection, organisation_id: str, now: datetime) -> str:
    """Note that it is being made, as one that is too old until it is done; the currency."""
    currency = str(await connection.scalar(sa.select(organisations.c.currency).where(organisations.c.id == organisation_id)))
    old = now - AGES_AFTER
    insert = insert_into(connection, rfm_runs).values(
        organisation_id=organisation_id, reference_at=old, currency=currency, customers=0, due=False
    )
    before = rfm_runs.c.reference_at
    older = {"due": False, "reference_at": sa.case((before < old, before), else_=sa.literal(old, UtcTime))}
    await connection.execute(insert.on_conflict_do_update(index_elements=["organisation_id"], set_=older))
    return currency


async def _replace(connection: AsyncConnection, organisation_id: str, after: str, some: Sequence[Mapping[str, Any]]) -> int:
    """Write the scores of the customers that follow `after`, in place of those that stand there; of how many.

    Who was erased or merged since these were read is left out.
    """
    table, ids = rfm_scores.c, [row["contact_id"] for row in some]
    range_ = table.organisation_id == organisation_id, table.contact_id > after, table.contact_id <= ids[-1]
    await connection.execute(rfm_scores.delete().where(*range_))
    there = contacts.c.erased_at.is_(None), asked_of_each(contacts.c.merged_into).is_(None), one_of(connection, contacts.c.id, ids)
    still = set(await connection.scalars(sa.select(contacts.c.id).where(*there).with_for_update(key_share=True)))
    rows = [row for row in some if row["contact_id"] in still]
    await insert_rows(connection, rfm_scores, rows, once=True)
    return len(rows)


def _reckoned(organisation_id: str, currency: str, groups: Sequence[Sequence[str]], now: datetime) -> sa.Select[tuple[object, ...]]:
    owner, real = contacts.alias("owner"), purchases.c.amount > 0
    whose = sa.func.coalesce(owner.c.merged_into, owner.c.id)
    facts = (
        sa.select(
            whose.label("contact_id"),
            sa.func.max(sa.case((real, purchases.c.bought_at))).label("last_at"),
            sa.func.sum(sa.case((real, 1), else_=0)).label("purchases"),
            sa.cast(sa.func.sum(purchases.c.amount), sa.BigInteger).label("amount"),
        )
        .select_from(purchases)
        .join(owner, owner.c.id == purchases.c.contact_id)
        .where(
            purchases.c.organisation_id == organisation_id,
            purchases.c.currency == currency,
            purchases.c.bought_at <= now,
            owner.c.erased_at.is_(None),
        )
        .group_by(whose)
        .having(sa.func.sum(sa.case((real, 1), else_=0)) > 0)
        .cte("facts")
    )
    everybody = sa.func.count().over()

    def quintile(column: sa.ColumnElement[object]) -> sa.ColumnElement[int]:
        return 1 + 5 * (sa.func.rank().over(order_by=column) - 1) // everybody  # rank - 1: how many are strictly worse

    scored = sa.select(
        facts,
        quintile(facts.c.last_at).label("recency"),
        quintile(facts.c.purchases).label("frequency"),
        quintile(facts.c.amount).label("monetary"),
    ).cte("scored")
    mean = (scored.c.frequency + scored.c.monetary + 1) // 2
    group = sa.case(
        *(
            (sa.and_(scored.c.recency == row, mean == column), str(word))
            for row, words in enumerate(groups, 1)
            for column, word in enumerate(words, 1)
        )
    )
    return sa.select(sa.literal(organisation_id), *scored.c, group)


async def run(connection: AsyncConnection, organisation_id: str) -> Run | None:
    """When the scores were made; None: never."""
    row = (await connection.execute(rfm_runs.select().where(rfm_runs.c.organisation_id == organisation_id))).one_or_none()
    return Run(row.reference_at, row.currency, row.customers, row.due) if row else None


async def told(connection: AsyncConnection, organisation_id: str) -> None:
    """Purchases came in: the scores are to be made anew."""
    await connection.execute(rfm_runs.update().where(rfm_runs.c.organisation_id == organisation_id).values(due=True))


async def stale(connection: AsyncConnection, now: datetime) -> list[str]:
    """Organisations with purchases whose scores are a day old, out of date, or were never made."""
    known = sa.select(rfm_runs.c.organisation_id).where(
        rfm_runs.c.due == sa.false(), rfm_runs.c.reference_at > now - AGES_AFTER, rfm_runs.c.reference_at <= now
    )
    bought = sa.exists().where(purchases.c.organisation_id == organisations.c.id)
    return list(await connection.scalars(sa.select(organisations.c.id).where(bought, organisations.c.id.not_in(known))))


async def sizes(connection: AsyncConnection, organisation_id: str) -> dict[str, tuple[int, int]]:
    """{group: (customers, what they came to in hundredths)}."""
    table = rfm_scores.c
    query = sa.select(table.group, sa.func.count(), sa.func.sum(table.amount)).where(table.organisation_id == organisation_id)
    return {group: (int(number), int(amount)) for group, number, amount in await connection.execute(query.group_by(table.group))}


async def of_contact(connection: AsyncConnection, organisation_id: str, contact_id: str) -> Score | None:
    """One customer's scores; None for who never bought."""
    query = rfm_scores.select().where(rfm_scores.c.organisation_id == organisation_id, rfm_scores.c.contact_id == contact_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return Score(**{name: row[name] for name in Score.__slots__}) if row else None
