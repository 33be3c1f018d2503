"""Queries about the suppression list. Addresses are kept as keyed hashes: the list survives erasure and tells nothing.

A line is never deleted: it ends by its expiry, or a person lifts it with a reason and it stays as history.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import new_id
from postoffice.store.lists import one_of
from postoffice.store.schema import contacts, suppressions

#: a mailbox that is full may be emptied; what else is wrong with an address does not mend itself
FULL, FULL_FOR = "mailbox-full", timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One line of the list. `purpose` None: all. `contact_name` is empty where the contact is not known (any more)."""

    id: str
    channel: str
    purpose: str | None
    reason: str
    origin: str
    created_at: datetime
    expires_at: datetime | None
    lifted_at: datetime | None
    lifted_reason: str
    lifted_by: str
    note: str
    contact_id: str | None
    mailing_id: str | None
    contact_name: str

    def holds(self, now: datetime) -> bool:
        """Whether it still blocks."""
        return self.lifted_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list shows; empty parts show all. `hashes`: only lines about one of these addresses."""

    channel: str = ""
    reason: str = ""
    state: str = ""  #: active | ended
    contact_id: str = ""
    mailing_id: str = ""
    hashes: Sequence[str] | None = None


def normal(channel: Channel, to: str, address: PostalAddress | None) -> str:
    """The text of an address that is hashed: the same address gives the same text, however it was typed."""
    text = "|".join(address.lines) if channel is Channel.POST and address else to
    return f"{channel.value}|" + "".join(text.casefold().split())


async def add(
    connection: AsyncConnection,
    *,
    organisation_id: str,
    channel: Channel,
    address_hash: str,
    reason: str,
    origin: str,
    now: datetime,
    purpose: Purpose | None = None,
    expires_at: datetime | None = None,
    contact_id: str | None = None,
    mailing_id: str | None = None,
    note: str = "",
) -> str | None:
    """Block an address from now on, for one purpose or for all; once is enough. The line's id, None where one holds already."""
    enough = [suppressions.c.purpose.is_(None)] + ([suppressions.c.purpose == purpose.value] if purpose else [])
    longer = [suppressions.c.expires_at.is_(None)] + ([suppressions.c.expires_at >= expires_at] if expires_at else [])
    known = await connection.scalar(
        sa.select(suppressions.c.id)
        .where(
            suppressions.c.organisation_id == organisation_id,
            suppressions.c.channel == channel.value,
            suppressions.c.address_hash == address_hash,
            sa.or_(*enough),
            sa.or_(*longer),
            *in_force(now),
        )
        .with_for_update(read=True)  # one that somebody lifts at this moment is none
    )
    if known is not None:
        return None
    made = new_id()
    await connection.execute(
        suppressions.insert(),
        {
            "id": made,
            "organisation_id": organisation_id,
            "channel": channel.value,
            "purpose": purpose.value if purpose else None,
            "address_hash": address_hash,
            "reason": reason[:40],
            "origin": origin[:80],
            "created_at": now,
            "expires_at": expires_at,
            "contact_id": contact_id,
            "mailing_id": mailing_id,
            "note": note[:300],
            "lifted_reason": "",
            "lifted_by": "",
        },
    )
    return made


async def among(
    connection: AsyncConnection, organisation_id: str, purpose: Purpose, hashes: Collection[str], now: datetime
) -> set[tuple[Channel, str]]:
    """Which of these address hashes are blocked for a purpose now."""
    found = await connection.execute(
        sa.select(suppressions.c.channel, suppressions.c.address_hash).where(
            suppressions.c.organisation_id == organisation_id,
            one_of(connection, suppressions.c.address_hash, hashes),
            *in_force(now),
            sa.or_(suppressions.c.purpose.is_(None), suppressions.c.purpose == purpose.value),
        )
    )
    return {(Channel(channel), address_hash) for channel, address_hash in found}


def in_force(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """That a line still blocks."""
    return suppressions.c.lifted_at.is_(None), sa.or_(suppressions.c.expires_at.is_(None), suppressions.c.expires_at > now)


async def page(
    connection: AsyncConnection, organisation_id: str, chosen: Filter, now: datetime, *, before: str = "", limit: int = 50
) -> list[Suppression]:
    """Lines of the list, newest first; `before`: the id of the last one of the page before."""
    query = _query().where(suppressions.c.organisation_id == organisation_id, *_filtered(chosen, now))
    if before:
        query = query.where(suppressions.c.id < before)
    found = await connection.execute(query.order_by(suppressions.c.id.desc()).limit(limit))
    return [_line(row) for row in found.mappings()]


async def count(connection: AsyncConnection, organisation_id: str, chosen: Filter, now: datetime) -> int:
    """How many lines a list has."""
    query = sa.select(sa.func.count()).where(suppressions.c.organisation_id == organisation_id, *_filtered(chosen, now))
    return int(await connection.scalar(query) or 0)


async def reasons(connection: AsyncConnection, organisation_id: str) -> list[str]:
    """The reasons that stand in the list, for its filter."""
    query = sa.select(suppressions.c.reason).where(suppressions.c.organisation_id == organisation_id).distinct()
    return list(await connection.scalars(query.order_by(suppressions.c.reason)))


def _filtered(chosen: Filter, now: datetime) -> list[sa.ColumnElement[bool]]:
    table = suppressions.c
    equal = {"channel": table.channel, "reason": table.reason, "contact_id": table.contact_id, "mailing_id": table.mailing_id}
    parts: list[sa.ColumnElement[bool]] = [column == getattr(chosen, name) for name, column in equal.items() if getattr(chosen, name)]
    if chosen.state:
        holds = sa.and_(*in_force(now))
        parts.append(holds if chosen.state == "active" else sa.not_(holds))
    if chosen.hashes is not None:
        parts.append(table.address_hash.in_(chosen.hashes))
    return parts


async def get(connection: AsyncConnection, organisation_id: str, suppression_id: str) -> Suppression:
    """One line; NotFound otherwise."""
    query = _query().where(suppressions.c.organisation_id == organisation_id, suppressions.c.id == suppression_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-suppression", "There is no such line on the suppression list.", help="Look for it in the list.")
    return _line(row)


async def lift(
    connection: AsyncConnection, organisation_id: str, suppression_id: str, reason: str, actor: str, now: datetime
) -> Suppression:
    """Take the block away; the line stays as history. Conflict where it was lifted before."""
    found = await get(connection, organisation_id, suppression_id)
    done = await connection.execute(
        suppressions.update()
        .where(suppressions.c.id == suppression_id, suppressions.c.lifted_at.is_(None))
        .values(lifted_at=now, lifted_reason=reason[:300], lifted_by=actor[:80])
    )
    if done.rowcount != 1:
        raise Conflict("lifted-already", "This line was lifted already.", help="Reload the page.")
    return found


async def hold(connection: AsyncConnection, organisation_id: str, channel: Channel, hashes: Collection[str]) -> set[str]:
    """Keep lines about these addresses from being lifted, or said again, by anybody else until the transaction ends; their ids."""
    about = suppressions.c.organisation_id == organisation_id, suppressions.c.channel == channel.value
    query = sa.select(suppressions.c.id).where(*about, suppressions.c.address_hash.in_(hashes), suppressions.c.lifted_at.is_(None))
    return set(await connection.scalars(query.order_by(suppressions.c.id).with_for_update()))


async def lift_told(
    connection: AsyncConnection,
    organisation_id: str,
    channel: Channel,
    hashes: Collection[str],
    held: Collection[str],
    *,
    reason: str,
    origin: str,
    why: str,
    now: datetime,
) -> list[Suppression]:
    """Lift what `origin` told for `reason` of these addresses, and nothing else that blocks them; the lines, as they were. `held`: see
    `hold`; what was written since stays."""
    chosen = Filter(channel=channel.value, reason=reason, state="active", hashes=list(hashes))
    some = await page(connection, organisation_id, chosen, now, limit=500)
    found = [one for one in some if one.origin == origin[:80] and one.id in held]
    for one in found:
        await lift(connection, organisation_id, one.id, why, "recipient", now)
    return found


def _query() -> sa.Select[Any]:
    names = [suppressions.c[name] for name in Suppression.__slots__ if name != "contact_name"]
    named = sa.func.coalesce(contacts.c.name, "").label("contact_name")
    return sa.select(*names, named).select_from(suppressions.outerjoin(contacts, contacts.c.id == suppressions.c.contact_id))


def _line(row: Mapping[Any, Any]) -> Suppression:
    return Suppression(**{name: row[name] for name in Suppression.__slots__})
