"""Leases: what only one process of the whole fleet may do at a time. The caller owns the transaction."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.schema import leases
from postoffice.store.upsert import insert_into


async def take(connection: AsyncConnection, organisation_id: str, name: str, owner: str, now: datetime, span: timedelta) -> bool:
    """Take or prolong the lease `name`; False while another living owner has it."""
    values = {"name": name, "organisation_id": organisation_id, "owner": owner, "until": now + span}
    insert = insert_into(connection, leases).values(values)
    free = sa.or_(leases.c.owner == owner, leases.c.until < now)
    taken = insert.on_conflict_do_update(index_elements=["name"], set_={"owner": owner, "until": now + span}, where=free)
    return await connection.scalar(taken.returning(leases.c.name)) is not None


async def give_back(connection: AsyncConnection, name: str, owner: str) -> None:
    """Let go of a lease, if it is still ours."""
    await connection.execute(leases.delete().where(leases.c.name == name, leases.c.owner == owner))


async def owner_of(connection: AsyncConnection, name: str, now: datetime) -> str:
    """Who has the lease now; empty for nobody."""
    return str(await connection.scalar(sa.select(leases.c.owner).where(leases.c.name == name, leases.c.until >= now)) or "")
