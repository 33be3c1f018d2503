"""Queries about pictures that mail shows. The caller owns the transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.schema import mail_pictures
from postoffice.store.upsert import insert_into


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that anybody may fetch who knows its token. `original`, `document`: SHA-256 of what was uploaded, of what is shown."""

    token: str
    organisation_id: str
    original: str
    document: str
    media_type: str
    size: int
    width: int
    height: int


async def add(connection: AsyncConnection, new: Picture, now: datetime) -> None:
    """Twice is once."""
    values = {name: getattr(new, name) for name in Picture.__slots__}
    await connection.execute(insert_into(connection, mail_pictures).values(**values, created_at=now).on_conflict_do_nothing())


async def by_token(connection: AsyncConnection, token: str) -> Picture | None:
    """One picture, whoever asks."""
    row = (await connection.execute(mail_pictures.select().where(mail_pictures.c.token == token))).mappings().first()
    return Picture(**{name: row[name] for name in Picture.__slots__}) if row else None


async def of_originals(connection: AsyncConnection, organisation_id: str, originals: Collection[str]) -> dict[str, Picture]:
    """Pictures by the SHA-256 of what was uploaded; those that mail cannot show are absent."""
    query = sa.select(mail_pictures).where(
        mail_pictures.c.organisation_id == organisation_id, mail_pictures.c.original.in_(list(originals))
    )
    rows = (await connection.execute(query)).mappings()
    return {row["original"]: Picture(**{name: row[name] for name in Picture.__slots__}) for row in rows}
