"""What a month may cost, and what it has cost so far: per organisation, printer and cost centre. The caller owns the transaction.

Pressing "send" reserves the quoted price in all three counters at once, in the transaction of the button itself: the counters' rows are
locked, so of two presses at the same moment the second sees what the first took. Planning turns the reservation into what the letters
really cost and gives back the rest. Trials cost nothing and count nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict
from postoffice.model.ids import new_id
from postoffice.model.mailing import Mailing, Options
from postoffice.model.states import DeliveryState
from postoffice.store.schema import budgets, deliveries, items, mailings, organisations, spendings
from postoffice.store.upsert import insert_into

ORGANISATION, PRINTER, COST_CENTRE = "organisation", "printer", "cost-centre"
SCOPES = (ORGANISATION, PRINTER, COST_CENTRE)
_WHOSE = {ORGANISATION: "the organisation", PRINTER: "this printer", COST_CENTRE: "this cost centre"}


@dataclass(slots=True)
class Counter:
    """One limit with what was spent; `amount` None: unlimited."""

    scope: str
    subject: str
    spent: int
    amount: int | None

    @property
    def left(self) -> int | None:
        """What may still be spent; never under nothing. None: as much as one likes."""
        return None if self.amount is None else max(0, self.amount - self.spent)


@dataclass(slots=True)
class Purse:
    """The counters that a mailing spends from, locked until the transaction ends."""

    counters: list[Counter]
    taken: int = field(default=0)

    def tightest(self) -> Counter | None:
        """The counter that has least left; None where none is limited."""
        limited = [one for one in self.counters if one.left is not None]
        return min(limited, key=lambda one: one.left or 0, default=None)

    def take(self, price: int) -> bool:
        """Spend, where every limit has so much left; whether it did. Kept by `Budgets.keep`."""
        if price and any(one.left is not None and one.left < price for one in self.counters):
            return False
        for one in self.counters:
            one.spent += price
        self.taken += price
        return True


def month_of(moment: datetime, zone: str) -> str:
    """The month that a moment belongs to, by the wall clock of a zone: 2026-11."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


async def _month(connection: AsyncConnection, organisation_id: str, moment: datetime) -> str:
    zone = await connection.scalar(sa.select(organisations.c.timezone).where(organisations.c.id == organisation_id))
    return month_of(moment, zone or "UTC")


def _whom(mailing: Mailing, options: Options) -> list[tuple[str, str]]:
    found = [(COST_CENTRE, options.cost_centre.strip()[:100]), (ORGANISATION, ""), (PRINTER, mailing.printer_id or "")]
    return [(scope, subject) for scope, subject in found if subject or scope == ORGANISATION]


async def open_purse(connection: AsyncConnection, mailing: Mailing, options: Options, now: datetime) -> Purse:
    """What may be spent on a mailing at this moment. Everybody else who would spend of the same waits for this transaction."""
    month, organisation_id = await _month(connection, mailing.organisation_id, now), mailing.organisation_id
    whom = _whom(mailing, options)
    fresh = [
        {"organisation_id": organisation_id, "scope": scope, "subject": subject, "month": month, "spent": 0} for scope, subject in whom
    ]
    await connection.execute(insert_into(connection, spendings).on_conflict_do_nothing(), fresh)
    mine = sa.or_(*(sa.and_(spendings.c.scope == scope, spendings.c.subject == subject) for scope, subject in whom))
    query = sa.select(spendings.c.scope, spendings.c.subject, spendings.c.spent).where(
        spendings.c.organisation_id == organisation_id, spendings.c.month == month, mine
    )
    rows = list(await connection.execute(query.order_by(spendings.c.scope, spendings.c.subject).with_for_update()))
    known = await _amounts(connection, organisation_id)
    return Purse([Counter(row.scope, row.subject, row.spent, known.get((row.scope, row.subject))) for row in rows])


async def _amounts(connection: AsyncConnection, organisation_id: str) -> dict[tuple[str, str], int]:
    query = sa.select(budgets.c.scope, budgets.c.subject, budgets.c.amount).where(budgets.c.organisation_id == organisation_id)
    return {(row.scope, row.subject): row.amount for row in await connection.execute(query)}


async def _add(connection: AsyncConnection, mailing: Mailing, options: Options, month: str, price: int) -> None:
    if not price:
        return
    for scope, subject in sorted(_whom(mailing, options)):  # one order for all, lest two wait for each other
        await connection.execute(
            spendings.update()
            .where(
                spendings.c.organisation_id == mailing.organisation_id,
                spendings.c.scope == scope,
                spendings.c.subject == subject,
                spendings.c.month == month,
            )
            .values(spent=spendings.c.spent + price)
        )


async def keep(connection: AsyncConnection, mailing: Mailing, options: Options, purse: Purse, now: datetime) -> None:
    """Write what was taken out of a purse."""
    await _add(connection, mailing, options, await _month(connection, mailing.organisation_id, now), purse.taken)


async def reserve(connection: AsyncConnection, mailing: Mailing, options: Options, price: int, now: datetime) -> None:
    """Set the quoted price aside for a mailing that is sent now. Conflict (over-limit-...) says whose limit, and what is left of it."""
    if not mailing.live:
        return
    purse = await open_purse(connection, mailing, options, now)
    if not purse.take(price):
        raise await _over(connection, mailing, purse, price)
    await keep(connection, mailing, options, purse, now)
    await connection.execute(mailings.update().where(mailings.c.id == mailing.id).values(quoted=price))


async def _over(connection: AsyncConnection, mailing: Mailing, purse: Purse, price: int) -> Conflict:
    tight = purse.tightest()
    assert tight is not None
    currency = await connection.scalar(sa.select(organisations.c.currency).where(organisations.c.id == mailing.organisation_id))
    left, limit, cost = (f"{amount / 1_000_000:.2f} {currency}" for amount in (tight.left or 0, tight.amount or 0, price))
    return Conflict(
        f"over-limit-{tight.scope}",
        f"This would cost {cost}, but {left} is left of the {limit} that {_WHOSE[tight.scope]} may spend this month: nothing was sent.",
        help="Send fewer letters or a cheaper way, wait for the next month, or ask your administrator to raise the limit.",
        cost=cost,
        left=left,
        limit=limit,
    )


async def draw(connection: AsyncConnection, mailing: Mailing, price: int) -> int:
    """Planned letters cost `price`: taken from what was reserved, as far as that goes. Returns what it does not cover."""
    reserved = await connection.scalar(sa.select(mailings.c.quoted).where(mailings.c.id == mailing.id).with_for_update())
    covered = min(price, reserved or 0)
    if covered:
        await connection.execute(mailings.update().where(mailings.c.id == mailing.id).values(quoted=mailings.c.quoted - covered))
    return price - covered


async def put_back(connection: AsyncConnection, mailing: Mailing, price: int) -> None:
    """The inverse of `draw`: these letters stay, what was drawn for them is reserved again."""
    if price:
        await connection.execute(mailings.update().where(mailings.c.id == mailing.id).values(quoted=mailings.c.quoted + price))


async def settle(connection: AsyncConnection, mailing: Mailing) -> None:
    """All is planned: what was reserved and not needed can be spent by others."""
    rest = await connection.scalar(sa.select(mailings.c.quoted).where(mailings.c.id == mailing.id).with_for_update())
    if rest is not None:
        await connection.execute(mailings.update().where(mailings.c.id == mailing.id).values(quoted=None))
        await _back(connection, mailing, rest)


async def _back(connection: AsyncConnection, mailing: Mailing, price: int) -> None:
    if mailing.live and mailing.sent_at is not None:
        month = await _month(connection, mailing.organisation_id, mailing.sent_at)
        await _add(connection, mailing, mailing.options, month, -price)


async def give_back_cancelled(connection: AsyncConnection, mailing: Mailing, at: datetime, item_id: str | None = None) -> None:
    """What was stopped at this very moment (the `now` of `deliveries.cancel_queued`) was not spent and costs nothing."""
    stopped = [
        deliveries.c.mailing_id == mailing.id,
        deliveries.c.state == DeliveryState.CANCELLED.value,
        deliveries.c.ended_at == at,
        deliveries.c.cost > 0,
    ]
    if item_id is not None:
        stopped.append(deliveries.c.item_id == item_id)
    price = int(await connection.scalar(sa.select(sa.func.sum(deliveries.c.cost)).where(*stopped)) or 0)
    if not price:
        return
    # held in the order of all: the mailing first, then what was spent
    await connection.execute(sa.select(mailings.c.id).where(mailings.c.id == mailing.id).with_for_update(key_share=True))
    own = sa.select(deliveries.c.cost).where(deliveries.c.id == items.c.delivery_id).scalar_subquery()
    of_these = items.c.delivery_id.in_(sa.select(deliveries.c.id).where(*stopped))
    await connection.execute(items.update().where(items.c.mailing_id == mailing.id, of_these).values(cost=items.c.cost - own))
    await connection.execute(deliveries.update().where(*stopped).values(cost=0))
    await _back(connection, mailing, price)


async def state(connection: AsyncConnection, organisation_id: str, now: datetime) -> list[Counter]:
    """This month's counters and limits, the organisation first; for the page of limits."""
    month = await _month(connection, organisation_id, now)
    query = sa.select(spendings.c.scope, spendings.c.subject, spendings.c.spent)
    found = await connection.execute(query.where(spendings.c.organisation_id == organisation_id, spendings.c.month == month))
    spent = {(row.scope, row.subject): row.spent for row in found}
    known = await _amounts(connection, organisation_id)
    keys = {(ORGANISATION, ""), *spent, *known}
    ordered = sorted(keys, key=lambda key: (SCOPES.index(key[0]), key[1]))
    return [Counter(scope, subject, spent.get((scope, subject), 0), known.get((scope, subject))) for scope, subject in ordered]


async def set_limit(
    connection: AsyncConnection, organisation_id: str, scope: str, subject: str, amount: int | None, now: datetime
) -> None:
    """Lay down what a month may cost; None: no limit any more."""
    assert scope in SCOPES
    mine = (budgets.c.organisation_id == organisation_id, budgets.c.scope == scope, budgets.c.subject == subject)
    if amount is None:
        await connection.execute(sa.delete(budgets).where(*mine))
        return
    values: Mapping[str, Any] = {"organisation_id": organisation_id, "scope": scope, "subject": subject, "amount": amount}
    insert = insert_into(connection, budgets).values(id=new_id(), created_at=now, **values)
    keys: Sequence[str] = ("organisation_id", "scope", "subject")
    await connection.execute(insert.on_conflict_do_update(index_elements=keys, set_={"amount": amount}))
