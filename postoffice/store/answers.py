"""Queries that lay recipients' answers to what they answer. The caller owns the transaction."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery
from postoffice.model.ids import first_id_of
from postoffice.model.states import DeliveryState
from postoffice.store import rows
from postoffice.store.schema import contact_points, deliveries

#: how far the clocks of a carrier and of the office may differ
SKEW = timedelta(minutes=10)
#: an e-mail address that is written in another case than ours is looked for among the deliveries of this time
LOOK_BACK = timedelta(days=90)
_UNSENT = [DeliveryState.QUEUED.value, DeliveryState.CANCELLED.value]


def spellings(channel: Channel, sender: str) -> list[str]:
    """How an address that a carrier names may be written with us: numbers are E.164 here, carriers leave out the plus."""
    typed = sender.strip()
    if channel not in (Channel.SMS, Channel.FAX):
        return list(dict.fromkeys((typed, typed.lower())))
    digits = re.sub(r"[^0-9]", "", typed)
    if not digits:
        return [typed]
    international = digits[2:] if digits.startswith("00") else digits
    return list(dict.fromkeys((typed, f"+{international}")))


async def last_delivery(
    connection: AsyncConnection, organisation_id: str, channel: Channel, sender: str, at: datetime
) -> Delivery | None:
    """The last delivery that had gone to `sender` on a channel when they answered, through whatever carrier."""
    found = await _last(connection, organisation_id, channel, at, deliveries.c.to.in_(spellings(channel, sender)))
    if found is None and channel is Channel.EMAIL:
        lately = deliveries.c.id >= first_id_of(at - LOOK_BACK)
        found = await _last(connection, organisation_id, channel, at, sa.and_(lately, sa.func.lower(deliveries.c.to) == sender.lower()))
    return found


async def _last(
    connection: AsyncConnection, organisation_id: str, channel: Channel, at: datetime, which: sa.ColumnElement[bool]
) -> Delivery | None:
    query = (
        deliveries.select()
        .where(
            deliveries.c.organisation_id == organisation_id,
            which,
            deliveries.c.channel == channel.value,
            deliveries.c.state.not_in(_UNSENT),
            sa.func.coalesce(deliveries.c.handed_over_at, deliveries.c.created_at) <= at + SKEW,
        )
        .order_by(sa.func.coalesce(deliveries.c.handed_over_at, deliveries.c.created_at).desc(), deliveries.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().first()
    return rows.delivery(row) if row else None


async def contact_of(connection: AsyncConnection, organisation_id: str, channel: Channel, sender: str) -> str | None:
    """The contact that an address belongs to, where it belongs to one alone."""
    query = sa.select(contact_points.c.contact_id).where(
        contact_points.c.organisation_id == organisation_id,
        contact_points.c.channel == channel.value,
        contact_points.c.value.in_(spellings(channel, sender)),
    )
    found: Sequence[str] = (await connection.scalars(query.distinct().limit(2))).all()
    return found[0] if len(found) == 1 else None
