"""Queries about the health of contacts' addresses: what came back marks them. The caller owns the transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.ids import new_id
from postoffice.store.schema import contact_points, contacts

DEAD, DOUBTFUL, GOOD = "dead", "doubtful", "good"


class Point(NamedTuple):
    """One address of a contact, with what is told of it."""

    id: str
    channel: Channel
    value: str
    address: PostalAddress | None
    health: str
    health_reason: str


async def of_contact(connection: AsyncConnection, organisation_id: str, contact_id: str) -> list[Point]:
    """All addresses of a contact."""
    table = contact_points.c
    query = sa.select(table.id, table.channel, table.value, table.address, table.health, table.health_reason)
    found = await connection.execute(query.where(table.organisation_id == organisation_id, table.contact_id == contact_id))
    return [
        Point(row.id, Channel(row.channel), row.value, PostalAddress.from_dict(row.address), row.health, row.health_reason)
        for row in found
    ]


async def mark(
    connection: AsyncConnection,
    organisation_id: str,
    contact_id: str,
    which: Callable[[Point], bool],
    health: str,
    reason: str,
    now: datetime,
) -> list[Point]:
    """Say how healthy some addresses of a contact are; those that changed, as they were before."""
    changed = [one for one in await of_contact(connection, organisation_id, contact_id) if which(one) and one.health != health]
    for one in changed:
        await put_back(connection, one._replace(health=health, health_reason=reason), now)
    if changed:
        await connection.execute(contacts.update().where(contacts.c.id == contact_id).values(updated_at=now))
    return changed


async def put_back(connection: AsyncConnection, point: Point, now: datetime) -> None:
    """Write a point's health as it is here."""
    await connection.execute(
        contact_points.update()
        .where(contact_points.c.id == point.id)
        .values(health=point.health, health_reason=point.health_reason[:60], health_at=now)
    )


async def add_address(
    connection: AsyncConnection, organisation_id: str, contact_id: str, address: PostalAddress, now: datetime
) -> None:
    """A postal address that the post told of: good, and the one to use first."""
    value = ", ".join(address.lines)[:500]
    table = contact_points
    known = sa.select(table.c.id).where(table.c.contact_id == contact_id, table.c.channel == Channel.POST.value, table.c.value == value)
    if (point_id := await connection.scalar(known)) is not None:
        await connection.execute(table.update().where(table.c.id == point_id).values(health=GOOD, health_reason="", health_at=now))
        return
    of_post = (table.c.contact_id == contact_id, table.c.channel == Channel.POST.value)
    await connection.execute(table.update().where(*of_post).values(position=table.c.position + 1))
    row = {"id": new_id(), "organisation_id": organisation_id, "contact_id": contact_id, "channel": Channel.POST.value, "value": value}
    await connection.execute(table.insert(), row | {"address": address.as_dict(), "health": GOOD, "created_at": now, "health_at": now})
