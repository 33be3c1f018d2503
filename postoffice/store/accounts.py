"""Queries by which an administrator looks after accounts. The caller owns the transaction."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict, NotFound
from postoffice.model.people import Role, User
from postoffice.store import people
from postoffice.store.schema import grants, organisations, sessions, users


async def get(connection: AsyncConnection, user_id: str, organisation_id: str) -> User:
    """An account of this organisation; NotFound otherwise."""
    found = await people.user(connection, user_id)
    if found is None or found.organisation_id != organisation_id:
        raise NotFound("no-such-user", "There is no such account.", help="Look for it in the list of people.")
    return found


async def rename(connection: AsyncConnection, user_id: str, name: str, language: str) -> None:
    """Another name and language."""
    await connection.execute(users.update().where(users.c.id == user_id).values(name=name, language=language))


async def disable(connection: AsyncConnection, user_id: str, now: datetime) -> None:
    """The account opens nothing any more; what was done with it stays. Its sessions end."""
    await connection.execute(users.update().where(users.c.id == user_id, users.c.disabled_at.is_(None)).values(disabled_at=now))
    await connection.execute(sessions.delete().where(sessions.c.user_id == user_id))


async def enable(connection: AsyncConnection, user_id: str) -> None:
    """The account works again, with the password that it had."""
    changes = {"disabled_at": None, "failed_tries": 0, "locked_until": None}
    await connection.execute(users.update().where(users.c.id == user_id).values(changes))


async def last_seen(connection: AsyncConnection, organisation_id: str) -> dict[str, datetime]:
    """User id -> when a password or a page of theirs was last seen; absent for those who never came."""
    latest = sa.select(sessions.c.user_id, sa.func.max(sessions.c.seen_at)).where(sessions.c.organisation_id == organisation_id)
    signed_in = sa.select(users.c.id, users.c.last_seen_at).where(
        users.c.organisation_id == organisation_id, users.c.last_seen_at.is_not(None)
    )
    seen = {row.id: row.last_seen_at for row in await connection.execute(signed_in)}
    for user_id, moment in await connection.execute(latest.group_by(sessions.c.user_id)):
        seen[user_id] = max(moment, seen.get(user_id, moment))
    return seen


async def keep_an_administrator(connection: AsyncConnection, organisation_id: str) -> None:
    """Called after a change, in its transaction: Conflict where nobody could administrate the whole office any more.

    The organisation's row is locked, so that two administrators who remove each other at the same moment are judged in turn.
    """
    await connection.execute(sa.select(organisations.c.id).where(organisations.c.id == organisation_id).with_for_update())
    query = (
        sa.select(sa.func.count())
        .select_from(users.join(grants, grants.c.user_id == users.c.id))
        .where(
            users.c.organisation_id == organisation_id,
            users.c.disabled_at.is_(None),
            grants.c.role == Role.ADMINISTRATOR.value,
            grants.c.printer_id.is_(None),
        )
    )
    if not await connection.scalar(query):
        raise Conflict(
            "last-administrator",
            "This is the last administrator of the whole office: nothing was changed.",
            help="Make somebody else administrator first.",
        )
