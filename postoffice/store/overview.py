"""Queries that only pages ask: what needs somebody, today's volumes, why items failed. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.mailing import Mailing
from postoffice.model.states import ItemState, MailingState
from postoffice.store import rows
from postoffice.store.schema import batches, deliveries, mailings
from postoffice.store.schema import items as item_rows


async def stuck(
    connection: AsyncConnection, organisation_id: str, printer_ids: Sequence[str] | None, user_id: str, limit: int = 20
) -> list[tuple[Mailing, ItemState, int]]:
    """Mailings that were sent and have items that need a person: held ones, and those perhaps handed over."""
    needy = [ItemState.HELD.value, ItemState.IN_DOUBT.value]
    counted = (
        sa.select(item_rows.c.mailing_id, item_rows.c.state, sa.func.count().label("number"))
        .where(item_rows.c.organisation_id == organisation_id, item_rows.c.state.in_(needy))
        .group_by(item_rows.c.mailing_id, item_rows.c.state)
        .subquery()
    )
    query = (
        sa.select(mailings, counted.c.state.label("item_state"), counted.c.number.label("item_number"))
        .join(counted, counted.c.mailing_id == mailings.c.id)
        .where(mailings.c.state.in_([MailingState.SENDING.value, MailingState.FINISHED.value]))
        .order_by(mailings.c.number)
        .limit(limit)
    )
    if printer_ids is not None:
        query = query.where(sa.or_(mailings.c.printer_id.in_(printer_ids), mailings.c.user_id == user_id))
    found = (await connection.execute(query)).mappings()
    return [(rows.mailing(row), ItemState(row["item_state"]), int(row["item_number"])) for row in found]


async def volumes(connection: AsyncConnection, organisation_id: str, since: datetime) -> dict[Channel, tuple[int, int]]:
    """For each channel: how many items carriers took since then, and how many of those failed or came back."""
    lost = sa.case((deliveries.c.state.in_(["failed", "returned"]), 1), else_=0)
    found = await connection.execute(
        sa.select(deliveries.c.channel, sa.func.count(), sa.func.sum(lost))
        .where(deliveries.c.organisation_id == organisation_id, deliveries.c.handed_over_at >= since)
        .group_by(deliveries.c.channel)
    )
    return {Channel(channel): (int(number), int(failed or 0)) for channel, number, failed in found}


async def set_aside(connection: AsyncConnection, organisation_id: str) -> int:
    """Pieces of work that failed too often and wait for an administrator."""
    query = sa.select(sa.func.count()).where(batches.c.organisation_id == organisation_id, batches.c.state == "dead")
    return int(await connection.scalar(query) or 0)


async def reasons(connection: AsyncConnection, mailing_id: str, limit: int = 8) -> list[tuple[str, str, int]]:
    """Why items of a mailing failed: the carrier's code and words, and how many; the most frequent first."""
    number = sa.func.count().label("number")
    query: Any = (
        sa.select(deliveries.c.code, deliveries.c.error, number)
        .join(item_rows, item_rows.c.delivery_id == deliveries.c.id)
        .where(item_rows.c.mailing_id == mailing_id, item_rows.c.state.in_(["failed", "returned", "in_doubt"]))
        .group_by(deliveries.c.code, deliveries.c.error)
        .order_by(number.desc())
        .limit(limit)
    )
    return [(code, error, int(count)) for code, error, count in await connection.execute(query)]
