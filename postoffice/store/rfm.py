"""How recently, how often and for how much customers buy: made anew as a whole, then read. The caller owns the transaction.

What the scores mean, and the rule for ties, is campaigns.rfm's business: scores of equal values are equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.schema import contacts, organisations, purchases, rfm_runs, rfm_scores

AGES_AFTER = timedelta(days=1)


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


async def make(connection: AsyncConnection, organisation_id: str, groups: Sequence[Sequence[str]], now: datetime) -> int:
    """Reckon all scores anew, with purchases up to `now`; how many customers there are. `groups`: campaigns.rfm.MAP."""
    currency = await connection.scalar(sa.select(organisations.c.currency).where(organisations.c.id == organisation_id))
    await connection.execute(rfm_scores.delete().where(rfm_scores.c.organisation_id == organisation_id))
    names = [column.name for column in rfm_scores.columns]
    await connection.execute(rfm_scores.insert().from_select(names, _reckoned(organisation_id, str(currency), groups, now)))
    counted = sa.select(sa.func.count()).where(rfm_scores.c.organisation_id == organisation_id)
    customers = int(await connection.scalar(counted) or 0)
    await connection.execute(rfm_runs.delete().where(rfm_runs.c.organisation_id == organisation_id))
    row = {"organisation_id": organisation_id, "reference_at": now, "currency": currency, "customers": customers, "due": False}
    await connection.execute(rfm_runs.insert(), row)
    return customers


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
