"""Queries about an organisation's carriers. The caller owns the transaction."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.store.keys import Keyring
from postoffice.store.schema import carriers


@dataclass(frozen=True, slots=True)
class CarrierRow:
    """A configured carrier. `kind` is a line of the catalogue; `sealed` are its settings with secrets still wrapped."""

    id: str
    organisation_id: str
    name: str
    kind: str
    channel: Channel
    sealed: Mapping[str, Any]
    enabled: bool
    preferred: int
    last_ok_at: datetime | None
    last_error_at: datetime | None
    last_error: str
    cut_offs: Sequence[str] | None = None  #: seven last hours of hand-over, see routing.cutoffs; None: not known


def seal(keyring: Keyring, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings for the database: one wrapped blob, since any of them may tell something."""
    return {"sealed": base64.b64encode(keyring.wrap(json.dumps(dict(settings)).encode())).decode()}


def unseal(keyring: Keyring, sealed: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `seal`."""
    if "sealed" not in sealed:
        return dict(sealed)
    opened: dict[str, Any] = json.loads(keyring.unwrap(base64.b64decode(sealed["sealed"])))
    return opened


def _row(row: Mapping[Any, Any]) -> CarrierRow:
    names = [name for name in CarrierRow.__slots__ if name not in ("channel", "sealed")]
    return CarrierRow(channel=Channel(row["channel"]), sealed=row["settings"], **{name: row[name] for name in names})


async def add(
    connection: AsyncConnection,
    *,
    organisation_id: str,
    name: str,
    kind: str,
    channel: Channel,
    settings: Mapping[str, Any],
    now: datetime,
    preferred: int = 0,
    enabled: bool = True,
) -> str:
    """A carrier for an organisation; `settings` are already sealed."""
    carrier_id = new_id()
    await connection.execute(
        carriers.insert(),
        {
            "id": carrier_id,
            "organisation_id": organisation_id,
            "name": name,
            "kind": kind,
            "channel": channel.value,
            "settings": dict(settings),
            "enabled": enabled,
            "preferred": preferred,
            "last_error": "",
            "created_at": now,
        },
    )
    return carrier_id


async def all_of(connection: AsyncConnection, organisation_id: str) -> list[CarrierRow]:
    """An organisation's carriers, the preferred ones of each channel first."""
    query = carriers.select().where(carriers.c.organisation_id == organisation_id)
    query = query.order_by(carriers.c.channel, carriers.c.preferred.desc(), carriers.c.id)
    return [_row(row) for row in (await connection.execute(query)).mappings()]


async def by_name(connection: AsyncConnection, organisation_id: str, name: str) -> CarrierRow:
    """One carrier; NotFound otherwise."""
    query = carriers.select().where(carriers.c.organisation_id == organisation_id, carriers.c.name == name)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-carrier", f"There is no carrier named {name}.", help="Look for it on the page of carriers.")
    return _row(row)


async def find(connection: AsyncConnection, organisation_id: str, name: str) -> CarrierRow | None:
    """One carrier, None where it was removed."""
    query = carriers.select().where(carriers.c.organisation_id == organisation_id, carriers.c.name == name)
    row = (await connection.execute(query)).mappings().first()
    return _row(row) if row else None


async def by_id(connection: AsyncConnection, carrier_id: str) -> CarrierRow | None:
    """One carrier of whatever organisation, for those who prove that they know it."""
    row = (await connection.execute(carriers.select().where(carriers.c.id == carrier_id))).mappings().first()
    return _row(row) if row else None


async def all_enabled(connection: AsyncConnection) -> list[CarrierRow]:
    """The carriers in use, of all organisations."""
    query = carriers.select().where(carriers.c.enabled).order_by(carriers.c.id)
    return [_row(row) for row in (await connection.execute(query)).mappings()]


async def update(connection: AsyncConnection, carrier_id: str, **values: Any) -> None:
    """Change a carrier's columns."""
    await connection.execute(carriers.update().where(carriers.c.id == carrier_id).values(**values))


async def note_health(connection: AsyncConnection, organisation_id: str, name: str, now: datetime, error: str = "") -> None:
    """Remember that a carrier answered, or what went wrong with it."""
    values: dict[str, Any] = {"last_error_at": now, "last_error": error[:1000]} if error else {"last_ok_at": now}
    await connection.execute(
        carriers.update().where(carriers.c.organisation_id == organisation_id, carriers.c.name == name).values(**values)
    )


async def remove(connection: AsyncConnection, organisation_id: str, carrier_id: str) -> None:
    """Forget a carrier; its deliveries keep its name."""
    await connection.execute(sa.delete(carriers).where(carriers.c.id == carrier_id, carriers.c.organisation_id == organisation_id))
