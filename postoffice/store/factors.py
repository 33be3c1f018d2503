"""Second factors of accounts: the secret of an app, recovery codes, passkeys. The caller owns the transaction."""

import secrets
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model import totp
from postoffice.model.errors import Conflict
from postoffice.model.ids import new_id
from postoffice.model.people import User
from postoffice.store import accounts, sign_ins
from postoffice.store.keys import Keyring
from postoffice.store.schema import passkeys, recovery_codes, sessions, users

RECOVERY_CODES = 10
MOST_PASSKEYS = 20
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none like another; ten of them are 49 bits, tried five at a time


async def set_app(connection: AsyncConnection, keyring: Keyring, user_id: str, secret: bytes | None, step: int | None) -> None:
    """The app that makes this user's codes; None: no more. `step`: the one whose code proved it."""
    sealed = keyring.wrap(secret) if secret else None
    await connection.execute(users.update().where(users.c.id == user_id).values(totp_secret=sealed, totp_step=step))


async def try_app(connection: AsyncConnection, keyring: Keyring, user_id: str, typed: str, now: datetime) -> bool:
    """Whether a typed code is right; a right one is used up. Needs a writing transaction."""
    query = sa.select(users.c.totp_secret, users.c.totp_step).where(users.c.id == user_id).with_for_update()
    row = (await connection.execute(query)).first()
    if row is None or row.totp_secret is None:
        return False
    step = totp.matching_step(keyring.unwrap(row.totp_secret), typed, now, row.totp_step)
    if step is None:
        return False
    unused = sa.or_(users.c.totp_step.is_(None), users.c.totp_step < step)
    done = await connection.execute(users.update().where(users.c.id == user_id, unused).values(totp_step=step))
    return bool(done.rowcount)


async def new_recovery_codes(connection: AsyncConnection, keyring: Keyring, user: User, now: datetime) -> list[str]:
    """Ten codes in place of the earlier ones, such as "k3m9x-7pq2d"; they are shown once."""
    await accounts.hold(connection, user.id, user.organisation_id)  # of two sets at the same moment, one counts
    await connection.execute(recovery_codes.delete().where(recovery_codes.c.user_id == user.id))
    made = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    row = {"organisation_id": user.organisation_id, "user_id": user.id, "created_at": now}
    await connection.execute(
        recovery_codes.insert(), [row | {"id": new_id(), "code_hash": _recovery_hash(keyring, user.id, code)} for code in made]
    )
    return [f"{code[:5]}-{code[5:]}" for code in made]


async def use_recovery_code(connection: AsyncConnection, keyring: Keyring, user_id: str, typed: str, now: datetime) -> bool:
    """Whether it is one of the user's that was not used; it is now. Needs a writing transaction."""
    code = "".join(letter for letter in typed.lower() if letter.isalnum())
    which = (
        recovery_codes.c.user_id == user_id,
        recovery_codes.c.code_hash == _recovery_hash(keyring, user_id, code),
        recovery_codes.c.used_at.is_(None),
    )
    return bool((await connection.execute(recovery_codes.update().where(*which).values(used_at=now))).rowcount)


def _recovery_hash(keyring: Keyring, user_id: str, code: str) -> str:
    return keyring.blind(f"recovery code {user_id} {code}")


async def recovery_codes_left(connection: AsyncConnection, user_id: str) -> int:
    """How many were not used."""
    query = sa.select(sa.func.count()).where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
    return int(await connection.scalar(query) or 0)


class Passkey(NamedTuple):
    """A key that a device or a password manager keeps. `credential`: its id in base64url."""

    id: str
    user_id: str
    organisation_id: str
    name: str
    credential: str
    public_key: bytes
    uses: int
    created_at: datetime
    last_used_at: datetime | None


async def passkeys_of(connection: AsyncConnection, user_id: str) -> list[Passkey]:
    """A user's, oldest first."""
    return await _passkeys(connection, passkeys.c.user_id == user_id)


async def passkey_of_credential(connection: AsyncConnection, credential: str) -> Passkey | None:
    """Whose it is; None where it was removed or its owner is disabled."""
    in_use = sa.exists().where(users.c.id == passkeys.c.user_id, users.c.disabled_at.is_(None))
    return next(iter(await _passkeys(connection, passkeys.c.credential == credential, in_use)), None)


async def _passkeys(connection: AsyncConnection, *which: Any) -> list[Passkey]:
    found = await connection.execute(passkeys.select().where(*which).order_by(passkeys.c.id))
    return [Passkey(**{name: row[name] for name in Passkey._fields}) for row in found.mappings()]


async def add_passkey(
    connection: AsyncConnection, user: User, *, name: str, credential: str, public_key: bytes, uses: int, now: datetime
) -> str:
    """Keep one; Conflict where it is known or there are too many."""
    if await connection.scalar(sa.select(passkeys.c.id).where(passkeys.c.credential == credential)):
        raise Conflict("passkey-known", "This passkey is known already.", help="Use another device, or remove the old one first.")
    if len(await passkeys_of(connection, user.id)) >= MOST_PASSKEYS:
        raise Conflict("too-many-passkeys", "This account has as many passkeys as it may.", help="Remove one that is not used.")
    passkey_id = new_id()
    row = {"id": passkey_id, "organisation_id": user.organisation_id, "user_id": user.id, "name": name, "credential": credential}
    await connection.execute(passkeys.insert(), row | {"public_key": public_key, "uses": uses, "created_at": now})
    return passkey_id


async def use_passkey(connection: AsyncConnection, passkey: Passkey, uses: int, now: datetime) -> bool:
    """Note its use; False where its own counter did not go on: a copy of it is about (WebAuthn 6.1.1)."""
    if (uses or passkey.uses) and uses <= passkey.uses:
        return False
    which = passkeys.c.id == passkey.id, passkeys.c.uses == passkey.uses
    return bool((await connection.execute(passkeys.update().where(*which).values(uses=uses, last_used_at=now))).rowcount)


async def remove_passkey(connection: AsyncConnection, user_id: str, passkey_id: str) -> bool:
    """Forget one of the user's; False where there is no such one."""
    which = passkeys.c.id == passkey_id, passkeys.c.user_id == user_id
    return bool((await connection.execute(passkeys.delete().where(*which))).rowcount)


async def forget_all(connection: AsyncConnection, user_id: str) -> None:
    """An administrator's help for somebody who lost them: no app, no codes, no passkeys, and all sessions end."""
    await connection.execute(users.update().where(users.c.id == user_id).values(totp_secret=None, totp_step=None))
    for table in (recovery_codes, passkeys, sessions):
        await connection.execute(table.delete().where(table.c.user_id == user_id))
    await sign_ins.end_all(connection, user_id)


async def forget_recovery_codes(connection: AsyncConnection, user_id: str) -> None:
    """Codes that stand in for no second factor any more."""
    await connection.execute(recovery_codes.delete().where(recovery_codes.c.user_id == user_id))
