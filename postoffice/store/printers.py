"""Queries about virtual printers and their tokens. The caller owns the transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.model.mailing import Options
from postoffice.store.keys import Keyring, hash_token
from postoffice.store.schema import printer_tokens, printers


@dataclass(frozen=True, slots=True)
class Printer:
    """A virtual printer as it stands in the database."""

    id: str
    organisation_id: str
    name: str
    info: str
    location: str
    layout: str
    split_rule: str
    options: Options
    automatic: bool
    live: bool
    accepting: bool
    max_bytes: int
    max_jobs: int


@dataclass(frozen=True, slots=True)
class Token:
    """A printer's token; the secret itself is derived by the keyring, see `secret_of`."""

    id: str
    printer_id: str
    user_id: str | None
    label: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def _printer(row: Mapping[Any, Any]) -> Printer:
    names = [name for name in Printer.__slots__ if name != "options"]
    return Printer(**{name: row[name] for name in names}, options=Options.from_dict(row["options"]))


async def add(connection: AsyncConnection, *, organisation_id: str, name: str, now: datetime, **more: Any) -> str:
    """A fresh printer; returns its id. `more` are columns that differ from the usual ones."""
    printer_id = new_id()
    values = {
        "info": "",
        "location": "",
        "layout": "fr",
        "split_rule": "address",
        "options": Options().as_dict(),
        "automatic": False,
        "live": True,
        "accepting": True,
        "max_bytes": 600_000_000,
        "max_jobs": 10_000,
    } | more
    await connection.execute(
        printers.insert(),
        {"id": printer_id, "organisation_id": organisation_id, "name": name, "created_at": now, **values},
    )
    return printer_id


async def get(connection: AsyncConnection, printer_id: str, organisation_id: str | None = None) -> Printer:
    """One printer; NotFound otherwise."""
    query = printers.select().where(printers.c.id == printer_id, printers.c.removed_at.is_(None))
    if organisation_id is not None:
        query = query.where(printers.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-printer", "There is no such printer.", help="Look for it in the list of printers.")
    return _printer(row)


async def fields_of(connection: AsyncConnection, printer_id: str) -> list[dict[str, Any]]:
    """The rules that read fields of this printer's letters; see compose.fields."""
    return list(await connection.scalar(sa.select(printers.c.fields).where(printers.c.id == printer_id)) or [])


async def all_of(connection: AsyncConnection, organisation_id: str) -> list[Printer]:
    """An organisation's printers, oldest first."""
    query = printers.select().where(printers.c.organisation_id == organisation_id, printers.c.removed_at.is_(None))
    return [_printer(row) for row in (await connection.execute(query.order_by(printers.c.id))).mappings()]


async def update(connection: AsyncConnection, printer_id: str, **values: Any) -> None:
    """Change a printer's columns."""
    await connection.execute(printers.update().where(printers.c.id == printer_id).values(**values))


async def add_token(
    connection: AsyncConnection, keyring: Keyring, printer: Printer, *, label: str, now: datetime, user_id: str | None = None
) -> str:
    """A fresh token for a printer; returns the token itself."""
    token_id = new_id()
    token = keyring.printer_token(token_id)
    await connection.execute(
        printer_tokens.insert(),
        {
            "id": token_id,
            "organisation_id": printer.organisation_id,
            "printer_id": printer.id,
            "user_id": user_id,
            "label": label,
            "token_hash": hash_token(token),
            "created_at": now,
        },
    )
    return token


async def tokens(connection: AsyncConnection, printer_id: str) -> list[Token]:
    """A printer's tokens, revoked ones too, oldest first."""
    query = printer_tokens.select().where(printer_tokens.c.printer_id == printer_id).order_by(printer_tokens.c.id)
    return [Token(**{name: row[name] for name in Token.__slots__}) for row in (await connection.execute(query)).mappings()]


async def revoke_token(connection: AsyncConnection, organisation_id: str, token_id: str, now: datetime) -> None:
    """From now on the token opens nothing."""
    await connection.execute(
        printer_tokens.update()
        .where(
            printer_tokens.c.id == token_id,
            printer_tokens.c.organisation_id == organisation_id,
            printer_tokens.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )


async def touch_token(connection: AsyncConnection, token_id: str, now: datetime) -> None:
    """Note that a token was used (now and then is enough)."""
    await connection.execute(printer_tokens.update().where(printer_tokens.c.id == token_id).values(last_used_at=now))


async def by_token(connection: AsyncConnection, token: str) -> tuple[Printer, str, str | None] | None:
    """The printer that a token opens, the token's id and its user; None where unknown, revoked or removed."""
    query = (
        sa.select(printers, printer_tokens.c.id.label("token_id"), printer_tokens.c.user_id.label("token_user_id"))
        .join(printer_tokens, printer_tokens.c.printer_id == printers.c.id)
        .where(
            printer_tokens.c.token_hash == hash_token(token),
            printer_tokens.c.revoked_at.is_(None),
            printers.c.removed_at.is_(None),
        )
    )
    row = (await connection.execute(query)).mappings().first()
    return (_printer(row), row["token_id"], row["token_user_id"]) if row else None
