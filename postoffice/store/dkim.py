"""Queries about keys that sign for domains. The private halves are wrapped by the master key. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import new_id
from postoffice.store.keys import Keyring
from postoffice.store.schema import dkim_keys


@dataclass(frozen=True, slots=True)
class DkimRow:
    """A key as it stands in the database."""

    id: str
    organisation_id: str
    domain: str
    selector: str
    algorithm: str
    wrapped: bytes
    record: str
    created_at: datetime
    seen_at: datetime | None
    retired_at: datetime | None

    def pem(self, keyring: Keyring) -> str:
        """The private key."""
        return keyring.unwrap(self.wrapped).decode()


async def add(
    connection: AsyncConnection,
    *,
    organisation_id: str,
    domain: str,
    selector: str,
    algorithm: str,
    wrapped: bytes,
    record: str,
    now: datetime,
) -> None:
    """A key that signs nothing before its record was seen."""
    given = {"organisation_id": organisation_id, "domain": domain, "selector": selector, "algorithm": algorithm}
    await connection.execute(dkim_keys.insert(), {"id": new_id(), **given, "wrapped": wrapped, "record": record, "created_at": now})


async def all_of(connection: AsyncConnection, organisation_id: str, domain: str | None = None) -> list[DkimRow]:
    """An organisation's keys by domain, the newest first."""
    query = dkim_keys.select().where(dkim_keys.c.organisation_id == organisation_id)
    if domain is not None:
        query = query.where(dkim_keys.c.domain == domain)
    found = await connection.execute(query.order_by(dkim_keys.c.domain, dkim_keys.c.id.desc()))
    return [DkimRow(**row) for row in found.mappings()]


def signing(rows: Sequence[DkimRow]) -> list[DkimRow]:
    """Those that sign now: of each domain and algorithm the newest whose record was seen; RSA first, which all verify."""
    newest: dict[tuple[str, str], DkimRow] = {}
    for row in rows:
        if row.seen_at is not None and row.retired_at is None:
            newest.setdefault((row.domain, row.algorithm), row)
    return sorted(newest.values(), key=lambda row: (row.domain, row.algorithm != "rsa"))


async def seen(connection: AsyncConnection, row: DkimRow, now: datetime) -> None:
    """Its record was found: it signs from now on, and older keys of its kind do no more. Nothing where it was forgotten meanwhile."""
    same = (
        dkim_keys.c.organisation_id == row.organisation_id,
        dkim_keys.c.domain == row.domain,
        dkim_keys.c.algorithm == row.algorithm,
    )
    first = sa.func.coalesce(dkim_keys.c.seen_at, now, type_=dkim_keys.c.seen_at.type)
    if not (await connection.execute(sa.update(dkim_keys).where(dkim_keys.c.id == row.id).values(seen_at=first))).rowcount:
        return
    older = (*same, dkim_keys.c.id < row.id, dkim_keys.c.retired_at.is_(None))
    await connection.execute(sa.update(dkim_keys).where(*older).values(retired_at=now))


async def remove(connection: AsyncConnection, row: DkimRow, retired_before: datetime) -> bool:
    """Forget a key for good; False where it signs, or signed until lately."""
    idle = sa.or_(dkim_keys.c.seen_at.is_(None), dkim_keys.c.retired_at <= retired_before)
    return bool((await connection.execute(dkim_keys.delete().where(dkim_keys.c.id == row.id, idle))).rowcount)
