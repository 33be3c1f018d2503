"""Queries that stop what waits for somebody who wants no more, or who must be written to no more."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery
from postoffice.model.mailing import Options
from postoffice.model.states import DeliveryState, EventKind
from postoffice.store import deliveries, events, rows
from postoffice.store.deliveries import Change
from postoffice.store.finishing import finish_if_done
from postoffice.store.schema import deliveries as table
from postoffice.store.schema import items, mailings

WHY = {
    "opted-out": "The recipient wants no more of this; it was stopped before hand-over.",
    "suppressed": "The address was put on the suppression list after this was planned; nothing was handed over.",
}


async def stop_queued(
    connection: AsyncConnection,
    organisation_id: str,
    now: datetime,
    *,
    code: str,
    contact_id: str | None,
    to: Collection[str] = (),
    channel: Channel | None = None,
    purposes: Collection[str] | None = None,
) -> int:
    """End live deliveries that are queued for a contact or to these addresses, with a reason; how many.

    `channel`, `purposes` None: all. A refusal, not a cancellation: the item climbs to a rung that is still open to its recipient.
    What is being handed over this moment was marked before, and is looked at by its worker (see pipeline.blocking).
    """
    whose: list[sa.ColumnElement[bool]] = [table.c.to.in_(to)] if to else []
    whose += [items.c.contact_id == contact_id] if contact_id else []
    if not whose:
        return 0
    query = (
        sa.select(table, mailings.c.options, items.c.contact_id)
        .join(items, items.c.id == table.c.item_id)
        .join(mailings, mailings.c.id == table.c.mailing_id)
        .where(
            table.c.organisation_id == organisation_id,
            table.c.state == DeliveryState.QUEUED.value,
            mailings.c.live.is_(True),
            sa.or_(*whose),
        )
        .order_by(table.c.id)
        .with_for_update(of=table)
    )
    if channel is not None:
        query = query.where(table.c.channel == channel.value)
    found = list((await connection.execute(query)).mappings())
    meant = [row for row in found if purposes is None or Options.from_dict(row["options"]).purpose.value in purposes]
    stopped = [(rows.delivery(row), row["contact_id"]) for row in meant]
    await _end(connection, stopped, code, now)
    return len(stopped)


async def _end(connection: AsyncConnection, stopped: Sequence[tuple[Delivery, str | None]], code: str, now: datetime) -> None:
    if not stopped:
        return
    changes = [Change(one, "refuse", error=WHY[code], code=code) for one, _ in stopped]
    await deliveries.record(connection, None, changes, now, timedelta())
    await events.add(connection, [left_out(one, contact_id, code, now) for one, contact_id in stopped], now)
    for mailing_id in sorted({one.mailing_id for one, _ in stopped}):
        await finish_if_done(connection, mailing_id, now)


def left_out(one: Delivery, contact_id: str | None, code: str, now: datetime) -> events.NewEvent:
    """What the timeline says of a delivery that was not handed over because of its recipient's word."""
    return events.NewEvent(
        one.organisation_id,
        EventKind.REFUSED,
        "office",
        now,
        mailing_id=one.mailing_id,
        item_id=one.item_id,
        delivery_id=one.id,
        contact_id=contact_id,
        code=code,
        text=WHY[code],
    )
