"""Queries by which an administrator looks after accounts. The caller owns the transaction."""

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict, NotFound
from postoffice.model.people import Role, User
from postoffice.store import people
from postoffice.store.keys import hash_token
from postoffice.store.schema import grants, sessions, users


async def get(connection: AsyncConnection, user_id: str, organisation_id: str) -> User:
    """An account of this organisation; NotFound otherwise."""
    found = await people.user(connection, user_id)
    if found is None or found.organisation_id != organisation_id:
        raise NotFound("no-such-user", "There is no such account.", help="Look for it in the list of people.")
    return found


async def hold(connection: AsyncConnection, user_id: str, organisation_id: str) -> User:
    """The same, and nobody else changes its password, factors or state until the transaction ends.

    Whoever opens a session, or changes what opens one, holds the account first, before any other row of it.
    """
    await connection.execute(sa.select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True))
    return await get(connection, user_id, organisation_id)


async def rename(connection: AsyncConnection, user_id: str, name: str, language: str) -> None:
    """Another name and language."""
    await connection.execute(users.update().where(users.c.id == user_id).values(name=name, language=language))


async def disable(connection: AsyncConnection, user_id: str, now: datetime) -> None:
    """The account opens nothing any more; what was done with it stays. Its sessions end."""
    await connection.execute(users.update().where(users.c.id == user_id, users.c.disabled_at.is_(None)).values(disabled_at=now))
    await connection.execute(sessions.delete().where(sessions.c.user_id == user_id))


async def enable(connection: AsyncConnection, user_id: str) -> None:
    """The account works again, with the password that it had."""
    await connection.execute(users.update().where(users.c.id == user_id).values(disabled_at=None))


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


class OpenSession(NamedTuple):
    """A browser in which somebody is signed in. `mark` names it on their own page; the cookie cannot be guessed from it."""

    mark: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


_MARK = 24  # of the 64 digits of the cookie's hash


def mark_of(token: str) -> str:
    """The mark of the session that a cookie opens."""
    return hash_token(token)[:_MARK]


async def open_sessions(connection: AsyncConnection, user_id: str, now: datetime, idle: timedelta) -> list[OpenSession]:
    """Where somebody is signed in, the latest used first."""
    which = sessions.c.user_id == user_id, sessions.c.expires_at > now, sessions.c.seen_at > now - idle
    found = await connection.execute(sessions.select().where(*which).order_by(sessions.c.seen_at.desc(), sessions.c.token_hash))
    return [OpenSession(one.token_hash[:_MARK], one.address, one.agent, one.created_at, one.seen_at, one.expires_at) for one in found]


async def end_sessions(connection: AsyncConnection, user_id: str, *, only: str = "", but: str = "") -> int:
    """End sessions of somebody by mark: `only` this one, or all `but` this one; how many ended."""
    mark = sa.func.substr(sessions.c.token_hash, 1, _MARK)
    which = mark == only if only else mark != but
    return int((await connection.execute(sessions.delete().where(sessions.c.user_id == user_id, which))).rowcount)


async def prove(connection: AsyncConnection, token: str, now: datetime) -> None:
    """The owner of this session just proved to be it."""
    await connection.execute(sessions.update().where(sessions.c.token_hash == hash_token(token)).values(proved_at=now))


async def keep_an_administrator(connection: AsyncConnection, organisation_id: str) -> None:
    """Called after a change, in its transaction: Conflict where nobody could administrate the whole office any more.

    The organisation is held, so that two administrators who remove each other at the same moment are judged in turn.
    """
    await people.hold_organisation(connection, organisation_id)
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
