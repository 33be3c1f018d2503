"""Passwords as they are checked, and sign-ins that are half done.

The caller owns the transaction; a password is hashed outside of it: SQLite's one writer must not wait for argon2.
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.people import User
from postoffice.store import people
from postoffice.store.keys import Keyring, hash_token, new_token
from postoffice.store.schema import sign_in_steps, users

STEP_LIFETIME = timedelta(minutes=10)
STEP_TRIES = 5  # wrong codes until a half-done sign-in ends


class Known(NamedTuple):
    """What a typed e-mail address and a password are judged by. `user_id` is empty for an address that has no account in use."""

    user_id: str
    password_hash: str


async def known(connection: AsyncConnection, email: str) -> Known:
    """The account of an address. One that has none, or a disabled one, gives a hash that no password fits and costs as much."""
    query = sa.select(users.c.id, users.c.password_hash).where(users.c.email == email.strip().lower(), users.c.disabled_at.is_(None))
    nobody = await asyncio.to_thread(_nobody)  # hashed once, at whoever comes first
    row = (await connection.execute(query)).first()
    return Known(row.id, row.password_hash) if row else Known("", nobody)


async def fits(account: Known, password: str) -> bool:
    """Whether it is the password: tens of milliseconds in a thread, so hold no transaction meanwhile."""
    right = await asyncio.to_thread(people.fits, account.password_hash, password)
    return right and bool(account.user_id)


@cache
def _nobody() -> str:
    return people.hash_now(secrets.token_hex(16))


async def passed(connection: AsyncConnection, account: Known, now: datetime) -> User | None:
    """Note that the right password was typed; None where the account was disabled or its password changed since it was read."""
    which = users.c.id == account.user_id, users.c.password_hash == account.password_hash, users.c.disabled_at.is_(None)
    done = await connection.execute(users.update().where(*which).values(last_seen_at=now))
    return await people.user(connection, account.user_id) if done.rowcount else None


@dataclass(frozen=True, slots=True)
class Step:
    """A sign-in (or the setting up of a second factor) that waits for its next page."""

    purpose: str
    user_id: str | None
    secret: Mapping[str, Any]  #: a challenge, or the secret of an app; wrapped in the database
    detail: Mapping[str, Any]
    wrong: int


async def begin(
    connection: AsyncConnection,
    keyring: Keyring,
    organisation_id: str,
    user_id: str | None,
    purpose: str,
    now: datetime,
    secret: Mapping[str, Any] | None = None,
    **detail: Any,
) -> str:
    """A fresh step: its token, which only the browser keeps."""
    token = new_token()
    row: dict[str, Any] = {
        "token_hash": hash_token(token),
        "organisation_id": organisation_id,
        "user_id": user_id,
        "purpose": purpose,
        "wrong": 0,
    }
    row |= {"sealed": keyring.wrap(json.dumps(dict(secret or {})).encode()), "detail": detail}
    await connection.execute(sign_in_steps.insert(), row | {"created_at": now, "expires_at": now + STEP_LIFETIME})
    return token


async def step(connection: AsyncConnection, keyring: Keyring, token: str, purpose: str, now: datetime) -> Step | None:
    """A step that is still open; None otherwise."""
    which = (
        sign_in_steps.c.token_hash == hash_token(token),
        sign_in_steps.c.purpose == purpose,
        sign_in_steps.c.expires_at > now,
        sign_in_steps.c.wrong < STEP_TRIES,
    )
    row = (await connection.execute(sign_in_steps.select().where(*which))).first()
    if row is None:
        return None
    return Step(row.purpose, row.user_id, json.loads(keyring.unwrap(row.sealed)), row.detail, row.wrong)


async def end(connection: AsyncConnection, token: str) -> bool:
    """A step is done and opens nothing again; False where it was ended before: of two at once, one may go on."""
    done = await connection.execute(sign_in_steps.delete().where(sign_in_steps.c.token_hash == hash_token(token)))
    return bool(done.rowcount)


async def count_wrong(connection: AsyncConnection, token: str) -> None:
    """One of its few tries is gone."""
    which = sign_in_steps.c.token_hash == hash_token(token)
    await connection.execute(sign_in_steps.update().where(which).values(wrong=sign_in_steps.c.wrong + 1))


async def end_all(connection: AsyncConnection, user_id: str) -> None:
    """Nothing half done of this user goes on: the password or the second factor changed."""
    await connection.execute(sign_in_steps.delete().where(sign_in_steps.c.user_id == user_id))


async def sweep(connection: AsyncConnection, now: datetime) -> None:
    """Forget steps that nobody finished."""
    await connection.execute(sign_in_steps.delete().where(sign_in_steps.c.expires_at < now))
