"""Queries about organisations, users, sessions and API keys. The caller owns the transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import new_id
from postoffice.model.people import ApiKey, Grant, Organisation, Role, User
from postoffice.store.keys import hash_token, new_token
from postoffice.store.prepared import insert_now
from postoffice.store.schema import api_keys, audit, grants, organisations, passkeys, sessions, sign_in_steps, users

#: argon2id with 19 MiB and two passes (OWASP's first choice for busy servers): the web process must stay small
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


async def add_organisation(
    connection: AsyncConnection, *, name: str, slug: str, document_key: bytes, now: datetime, **more: Any
) -> str:
    """A fresh organisation; `document_key` is already wrapped."""
    organisation_id = new_id()
    values = {"country": "FR", "language": "fr", "timezone": "Europe/Paris", "currency": "EUR", "settings": {}} | more
    await connection.execute(
        organisations.insert(),
        {"id": organisation_id, "name": name, "slug": slug, "document_key": document_key, "created_at": now, **values},
    )
    return organisation_id


async def organisation(connection: AsyncConnection, organisation_id: str) -> Organisation:
    """One organisation; NotFound otherwise."""
    row = (await connection.execute(organisations.select().where(organisations.c.id == organisation_id))).mappings().first()
    if row is None:
        raise NotFound("no-such-organisation", "There is no such organisation.")
    return _organisation(row)


async def hold_organisation(connection: AsyncConnection, organisation_id: str) -> Organisation:
    """The same, and nobody else changes it until the transaction ends: its settings are one value, changed by several pages.

    Rows that name it are written meanwhile: what is locked is no key.
    """
    which = organisations.c.id == organisation_id
    await connection.execute(sa.select(organisations.c.id).where(which).with_for_update(key_share=True))
    return await organisation(connection, organisation_id)


async def first_organisation(connection: AsyncConnection) -> Organisation | None:
    """The oldest organisation: the one that `up` made."""
    row = (await connection.execute(organisations.select().order_by(organisations.c.id).limit(1))).mappings().first()
    return _organisation(row) if row else None


async def named(connection: AsyncConnection, name: str) -> Organisation:
    """An organisation by its short name or id; NotFound otherwise."""
    which = sa.or_(organisations.c.slug == name, organisations.c.id == name)
    row = (await connection.execute(organisations.select().where(which))).mappings().first()
    if row is None:
        raise NotFound("no-such-organisation", "There is no such organisation.", help="Name it by its short name.")
    return _organisation(row)


async def all_organisations(connection: AsyncConnection) -> list[Organisation]:
    """Every organisation, oldest first."""
    return [_organisation(row) for row in (await connection.execute(organisations.select().order_by(organisations.c.id))).mappings()]


async def all_organisation_ids(connection: AsyncConnection) -> list[str]:
    """Every organisation, oldest first."""
    return list(await connection.scalars(sa.select(organisations.c.id).order_by(organisations.c.id)))


async def update_organisation(connection: AsyncConnection, organisation_id: str, **values: Any) -> None:
    """Change its name, language, settings ..."""
    await connection.execute(organisations.update().where(organisations.c.id == organisation_id).values(**values))


async def document_key(connection: AsyncConnection, organisation_id: str) -> bytes:
    """The wrapped document key of an organisation."""
    key = await connection.scalar(sa.select(organisations.c.document_key).where(organisations.c.id == organisation_id))
    if key is None:
        raise NotFound("no-such-organisation", "There is no such organisation.")
    return bytes(key)


def _organisation(row: Mapping[Any, Any]) -> Organisation:
    names = ("id", "name", "slug", "country", "language", "timezone", "currency")
    return Organisation(**{name: row[name] for name in names}, settings=dict(row["settings"]))


async def add_user(
    connection: AsyncConnection,
    *,
    organisation_id: str,
    email: str,
    name: str,
    password: str,
    roles: Sequence[Grant],
    now: datetime,
    language: str = "fr",
    must_change: bool = False,
) -> str:
    """A fresh user with roles; Conflict where the e-mail address has an account."""
    email = email.strip().lower()
    if await connection.scalar(sa.select(users.c.id).where(users.c.email == email)):
        raise Conflict("user-exists", "There is an account for this e-mail address already.", help="Change its rights instead.")
    user_id = new_id()
    await connection.execute(
        users.insert(),
        {
            "id": user_id,
            "organisation_id": organisation_id,
            "email": email,
            "name": name,
            "password_hash": str(password if isinstance(password, Hashed) else await hash_password(password)),
            "must_change_password": must_change,
            "language": language,
            "failed_tries": 0,
            "created_at": now,
        },
    )
    await set_grants(connection, organisation_id, user_id, roles, now)
    return user_id


async def set_grants(connection: AsyncConnection, organisation_id: str, user_id: str, roles: Sequence[Grant], now: datetime) -> None:
    """Replace a user's roles."""
    await connection.execute(grants.delete().where(grants.c.user_id == user_id))
    for grant in dict.fromkeys(roles):
        await connection.execute(
            grants.insert(),
            {
                "id": new_id(),
                "organisation_id": organisation_id,
                "user_id": user_id,
                "role": grant.role.value,
                "printer_id": grant.printer_id,
                "created_at": now,
            },
        )


class Hashed(str):
    """A password's argon2id hash: what was hashed before a transaction began."""

    __slots__ = ()


def hash_now(password: str) -> Hashed:
    """argon2id; tens of milliseconds by design."""
    return Hashed(_hasher.hash(password))


async def hash_password(password: str) -> Hashed:
    """The same in a thread. Do it before a transaction: SQLite's only writer must not wait for it."""
    return await asyncio.to_thread(hash_now, password)


async def user(connection: AsyncConnection, user_id: str) -> User | None:
    """A user with roles."""
    return await _user(connection, users.c.id == user_id)


async def user_by_email(connection: AsyncConnection, email: str) -> User | None:
    """A user by e-mail address."""
    return await _user(connection, users.c.email == email.strip().lower())


async def all_users(connection: AsyncConnection, organisation_id: str) -> list[User]:
    """Everybody of an organisation, by name."""
    found = await connection.execute(sa.select(users.c.id).where(users.c.organisation_id == organisation_id).order_by(users.c.name))
    return [one for user_id in found.scalars() if (one := await user(connection, user_id))]


async def _user(connection: AsyncConnection, which: Any) -> User | None:
    has_passkey = sa.exists().where(passkeys.c.user_id == users.c.id).label("has_passkey")
    row = (await connection.execute(sa.select(users, has_passkey).where(which))).mappings().first()
    if row is None:
        return None
    given = await connection.execute(sa.select(grants.c.role, grants.c.printer_id).where(grants.c.user_id == row["id"]))
    return User(
        row["id"],
        row["organisation_id"],
        row["email"],
        row["name"],
        row["language"],
        row["must_change_password"],
        row["disabled_at"] is not None,
        tuple(Grant(Role(role), printer_id) for role, printer_id in given),
        row["totp_secret"] is not None,
        bool(row["has_passkey"]),
    )


def fits(password_hash: str, password: str) -> bool:
    """Whether a hash is this password's; tens of milliseconds by design: call it in a thread, outside a transaction."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


async def set_password(connection: AsyncConnection, user_id: str, password: str, *, must_change: bool = False) -> None:
    """A new password (better hashed before the transaction); all sessions of the user end, and sign-ins that are half done.

    `must_change`: it is a first one, made by somebody else.
    """
    hashed = password if isinstance(password, Hashed) else await hash_password(password)
    await connection.execute(
        users.update()
        .where(users.c.id == user_id)
        .values(password_hash=str(hashed), must_change_password=must_change, failed_tries=0, locked_until=None)
    )
    await connection.execute(sessions.delete().where(sessions.c.user_id == user_id))
    await connection.execute(sign_in_steps.delete().where(sign_in_steps.c.user_id == user_id))


async def open_session(
    connection: AsyncConnection, user: User, now: datetime, lifetime: timedelta, *, address: str = "", agent: str = ""
) -> tuple[str, str]:
    """A fresh session: its cookie value and its CSRF word. `address`, `agent`: where from, as its owner will be shown."""
    token, csrf = new_token(), new_token()
    await connection.execute(
        sessions.insert(),
        {
            "token_hash": hash_token(token),
            "organisation_id": user.organisation_id,
            "user_id": user.id,
            "csrf": csrf,
            "address": address[:45],
            "agent": agent[:60],
            "created_at": now,
            "seen_at": now,
            "proved_at": now,
            "expires_at": now + lifetime,
        },
    )
    return token, csrf


class Session(NamedTuple):
    """Somebody who is signed in. `proved_at`: when they last typed their password or used a passkey."""

    user: User
    csrf: str
    seen_at: datetime
    proved_at: datetime


async def session(connection: AsyncConnection, token: str, now: datetime, idle: timedelta) -> Session | None:
    """The session behind a cookie; None where it ended."""
    row = (
        await connection.execute(
            sessions.select().where(
                sessions.c.token_hash == hash_token(token), sessions.c.expires_at > now, sessions.c.seen_at > now - idle
            )
        )
    ).first()
    found = await user(connection, row.user_id) if row else None
    return Session(found, row.csrf, row.seen_at, row.proved_at or row.created_at) if row and found and not found.disabled else None


async def touch_session(connection: AsyncConnection, token: str, now: datetime) -> None:
    """Note that the session is in use (once a minute is enough)."""
    await connection.execute(sessions.update().where(sessions.c.token_hash == hash_token(token)).values(seen_at=now))


async def close_session(connection: AsyncConnection, token: str) -> None:
    """Sign out."""
    await connection.execute(sessions.delete().where(sessions.c.token_hash == hash_token(token)))


async def add_api_key(
    connection: AsyncConnection, *, organisation_id: str, name: str, live: bool, role: Role, created_by: str | None, now: datetime
) -> tuple[str, str]:
    """A fresh key: its id, and the secret, which is shown once and never again."""
    key_id = new_id()
    secret = f"po_{'live' if live else 'test'}_{new_token()}"
    await connection.execute(
        api_keys.insert(),
        {
            "id": key_id,
            "organisation_id": organisation_id,
            "name": name,
            "prefix": secret[:12],
            "key_hash": hash_token(secret),
            "live": live,
            "role": role.value,
            "created_by": created_by,
            "created_at": now,
        },
    )
    return key_id, secret


async def api_key(connection: AsyncConnection, secret: str) -> ApiKey | None:
    """The key with this secret, unless revoked."""
    query = api_keys.select().where(api_keys.c.key_hash == hash_token(secret), api_keys.c.revoked_at.is_(None))
    row = (await connection.execute(query)).mappings().first()
    return _api_key(row) if row else None


async def touch_api_key(connection: AsyncConnection, key_id: str, now: datetime) -> None:
    """Note that the key is in use (once in a while is enough)."""
    await connection.execute(api_keys.update().where(api_keys.c.id == key_id).values(last_used_at=now))


async def all_api_keys(connection: AsyncConnection, organisation_id: str) -> list[ApiKey]:
    """An organisation's keys, newest first."""
    query = api_keys.select().where(api_keys.c.organisation_id == organisation_id).order_by(api_keys.c.id.desc())
    return [_api_key(row) for row in (await connection.execute(query)).mappings()]


async def revoke_api_key(connection: AsyncConnection, organisation_id: str, key_id: str, now: datetime) -> None:
    """From now on the key opens nothing."""
    await connection.execute(
        api_keys.update()
        .where(api_keys.c.id == key_id, api_keys.c.organisation_id == organisation_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def _api_key(row: Mapping[Any, Any]) -> ApiKey:
    return ApiKey(
        id=row["id"],
        organisation_id=row["organisation_id"],
        name=row["name"],
        prefix=row["prefix"],
        live=row["live"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )


_noted: ContextVar[list[str] | None] = ContextVar("noted", default=None)


def watch_notes() -> list[str]:
    """The actions that this request notes from now on: a door sees by it that a change left no line."""
    lines: list[str] = []
    _noted.set(lines)
    return lines


async def note(
    connection: AsyncConnection,
    *,
    organisation_id: str,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """A line in the audit trail. `actor` is `user:<id>`, `key:<id>` or `office`; no personal data in `detail`."""
    lines = _noted.get()
    if lines is not None:
        lines.append(action)
    await connection.run_sync(
        note_now, organisation_id=organisation_id, actor=actor, action=action, subject=subject, now=now, detail=detail
    )


def note_now(
    connection: sa.Connection,
    *,
    organisation_id: str,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """The same for a door that no `watch_notes` watches, within a transaction of database.at_once."""
    row = {"id": new_id(), "organisation_id": organisation_id, "actor": actor, "action": action, "subject": subject}
    insert_now(connection, audit, [row | {"detail": dict(detail or {}), "at": now}])


async def set_language(connection: AsyncConnection, user_id: str, language: str) -> None:
    """The language that a user reads."""
    await connection.execute(users.update().where(users.c.id == user_id).values(language=language))
