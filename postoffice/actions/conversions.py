"""What the sender's own system says a message led to: an order, a sign-up, a payment. Told twice it is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.house import House
from postoffice.model.states import EventKind
from postoffice.store import events
from postoffice.store.schema import campaign_members, items, mailings

#: why a line is not written
REASONS = ("no-item", "not-sent-yet")


@dataclass(frozen=True, slots=True)
class Conversion:
    """One thing that a message led to. `item_id`, or the campaign and the contact. `value` in millionths of the currency."""

    external_id: str
    at: datetime
    value: int = 0
    item_id: str = ""
    campaign_id: str = ""
    contact_id: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the lines: how many were new, known before, and (place, reason) of the refused."""

    written: int
    known: int
    refused: Sequence[tuple[int, str]]


async def tell(house: House, organisation_id: str, live: bool, some: Sequence[Conversion], actor: Actor) -> Told:
    """Write those that are new. What is wrong with one line stops none of the others."""
    now, refused, new = house.clock.now(), [], []
    async with house.database.write() as connection:
        for place, one in enumerate(some):
            item = await _item(connection, organisation_id, live, one)
            if item is None:
                refused.append((place, "no-item"))
            elif item["sent_at"] is None or one.at < item["sent_at"]:
                refused.append((place, "not-sent-yet"))
            else:
                new.append(_event(organisation_id, one, item, actor))
        written = await events.add(connection, new, now)
    return Told(written, len(new) - written, refused)


async def _item(connection: AsyncConnection, organisation_id: str, live: bool, one: Conversion) -> Any:
    query = (
        sa.select(items.c.id, items.c.mailing_id, items.c.contact_id, items.c.delivery_id, mailings.c.sent_at)
        .join(mailings, mailings.c.id == items.c.mailing_id)
        .where(items.c.organisation_id == organisation_id, mailings.c.live.is_(live))
    )
    if one.item_id:
        query = query.where(items.c.id == one.item_id)
    else:  # the last that this contact got of it
        query = query.join(campaign_members, campaign_members.c.item_id == items.c.id).where(
            campaign_members.c.campaign_id == one.campaign_id, campaign_members.c.contact_id == one.contact_id
        )
        query = query.order_by(campaign_members.c.at.desc())
    return (await connection.execute(query.limit(1))).mappings().first()


def _event(organisation_id: str, one: Conversion, item: Any, actor: Actor) -> events.NewEvent:
    return events.NewEvent(
        organisation_id,
        EventKind.CONVERTED,
        actor.name,
        one.at,
        mailing_id=item["mailing_id"],
        item_id=item["id"],
        delivery_id=item["delivery_id"],
        contact_id=item["contact_id"],
        actor_id=actor.user_id,
        detail={"value": one.value},
        once=f"conversion-{one.external_id}",
        unplaced=True,
    )
