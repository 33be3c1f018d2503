"""One-time codes: six digits, ten minutes, one use, five tries, bound to the request that asked for them (OWASP ASVS 5.0, 6.5 and 6.6).

What is kept of a code is keyed by the request's own token, which is not kept: a copy of the database tells no code.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import new_id
from postoffice.store.keys import hash_token, new_token
from postoffice.store.schema import codes

DIGITS = 6
LIFETIME = timedelta(minutes=10)
TRIES = 5
_KEPT = timedelta(days=1)  #: after its end, for the trail


class Judged(StrEnum):
    """What a typed code came to."""

    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"  #: used, ended, five times wrong, of another request, or never asked for


class Asked(NamedTuple):
    """A fresh code. `ask` goes into the form that the code is typed into; `code` goes to the recipient and nowhere else."""

    id: str
    ask: str
    code: str


async def make(
    connection: AsyncConnection, organisation_id: str, link_id: str, purpose: str, now: datetime, sealed: bytes | None = None
) -> Asked:
    """A code for one request; earlier codes of the same link for the same purpose end. `sealed`: a new address that it confirms."""
    earlier = (codes.c.link_id == link_id, codes.c.purpose == purpose, codes.c.used_at.is_(None), codes.c.expires_at > now)
    await connection.execute(codes.update().where(*earlier).values(expires_at=now))
    asked = Asked(new_id(), new_token(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}")
    row: dict[str, Any] = {
        "id": asked.id,
        "organisation_id": organisation_id,
        "ask_hash": hash_token(asked.ask),
        "purpose": purpose,
        "link_id": link_id,
    }
    row |= {"code_hash": _hash(asked.ask, asked.code), "sealed": sealed, "wrong": 0, "created_at": now, "expires_at": now + LIFETIME}
    await connection.execute(codes.insert(), row)
    return asked


async def judge(
    connection: AsyncConnection, link_id: str, purpose: str, ask: str, typed: str, now: datetime
) -> tuple[Judged, bytes | None]:
    """Judge and count in one; the sealed address of a right one. Needs a writing transaction."""
    which = (codes.c.ask_hash == hash_token(ask), codes.c.link_id == link_id, codes.c.purpose == purpose)
    row = (await connection.execute(codes.select().where(*which).with_for_update())).one_or_none()
    if row is None or row.used_at is not None or row.expires_at <= now or row.wrong >= TRIES:
        return Judged.OVER, None
    if not hmac.compare_digest(
        row.code_hash, _hash(ask, "".join(letter for letter in typed if letter.isdecimal() and letter.isascii()))
    ):
        await connection.execute(codes.update().where(codes.c.id == row.id).values(wrong=codes.c.wrong + 1))
        return Judged.OVER if row.wrong + 1 >= TRIES else Judged.WRONG, None
    await connection.execute(codes.update().where(codes.c.id == row.id).values(used_at=now))
    return Judged.RIGHT, row.sealed


async def open_purpose(connection: AsyncConnection, link_id: str, ask: str, now: datetime) -> str:
    """For what a request waits for its code; empty where it does not."""
    which = (codes.c.ask_hash == hash_token(ask), codes.c.link_id == link_id, codes.c.used_at.is_(None), codes.c.expires_at > now)
    return await connection.scalar(sa.select(codes.c.purpose).where(*which, codes.c.wrong < TRIES)) or ""


async def sweep(connection: AsyncConnection, now: datetime) -> None:
    """Forget codes that ended long ago."""
    await connection.execute(codes.delete().where(codes.c.expires_at < now - _KEPT))


def _hash(ask: str, code: str) -> str:
    return hmac.digest(ask.encode(), code.encode(), hashlib.sha256).hex()
