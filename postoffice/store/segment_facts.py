"""What is known of one contact, for its score. The caller owns the transaction."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.segment import Segment
from postoffice.store import merges, segments
from postoffice.store.schema import contact_points, contacts, events, purchases
from postoffice.store.segment_sql import EVENTS, condition


async def facts(
    connection: AsyncConnection, organisation_id: str, contact_id: str, now: datetime, days: int, asked: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """{happened, bought, bought_ever, reachable, and each word of `asked` as whether the contact fulfils its rules}."""
    family, since = await merges.group(connection, organisation_id, contact_id), now - timedelta(days=days)
    word_of = {kind.value: word for word, kind in EVENTS.items()}
    lately = events.c.contact_id.in_(family), events.c.kind.in_(list(word_of)), events.c.at > since, events.c.at <= now
    counted = await connection.execute(sa.select(events.c.kind, sa.func.count()).where(*lately).group_by(events.c.kind))
    mine = purchases.c.contact_id.in_(family), purchases.c.amount > 0, purchases.c.bought_at <= now
    recent = sa.func.sum(sa.case((purchases.c.bought_at > since, 1), else_=0))
    ever, bought = (await connection.execute(sa.select(sa.func.count(), recent).where(*mine))).one()
    good = contact_points.c.contact_id.in_(family), contact_points.c.health == "good"
    channels = await connection.scalars(sa.select(contact_points.c.channel).where(*good).distinct())
    frame = await segments.frame(connection, Segment("", organisation_id, "", {}), now)
    answers = {}
    for word, rule in asked.items():
        query = sa.select(contacts.c.id).where(contacts.c.id == contact_id, condition(frame, rule))
        answers[word] = await connection.scalar(query) is not None
    happened = {word_of[kind]: int(number) for kind, number in counted}
    return {"happened": happened, "bought": int(bought or 0), "bought_ever": ever, "reachable": frozenset(channels), **answers}
