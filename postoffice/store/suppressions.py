"""Queries about the suppression list. Addresses are kept as keyed hashes: the list survives erasure and tells nothing."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.ids import new_id
from postoffice.store.schema import suppressions


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
) -> None:
    """Block an address from now on, for one purpose or for all; once is enough."""
    enough = [suppressions.c.purpose.is_(None)] + ([suppressions.c.purpose == purpose.value] if purpose else [])
    known = await connection.scalar(
        sa.select(suppressions.c.id).where(
            suppressions.c.organisation_id == organisation_id,
            suppressions.c.channel == channel.value,
            suppressions.c.address_hash == address_hash,
            sa.or_(*enough),
            *_in_force(now),
        )
    )
    if known is None:
        await connection.execute(
            suppressions.insert(),
            {
                "id": new_id(),
                "organisation_id": organisation_id,
                "channel": channel.value,
                "purpose": purpose.value if purpose else None,
                "address_hash": address_hash,
                "reason": reason,
                "origin": origin,
                "created_at": now,
                "lifted_reason": "",
            },
        )


async def among(
    connection: AsyncConnection, organisation_id: str, purpose: Purpose, hashes: Collection[str], now: datetime
) -> set[tuple[Channel, str]]:
    """Which of these address hashes are blocked for a purpose now."""
    found = await connection.execute(
        sa.select(suppressions.c.channel, suppressions.c.address_hash).where(
            suppressions.c.organisation_id == organisation_id,
            suppressions.c.address_hash.in_(hashes),
            *_in_force(now),
            sa.or_(suppressions.c.purpose.is_(None), suppressions.c.purpose == purpose.value),
        )
    )
    return {(Channel(channel), address_hash) for channel, address_hash in found}


def _in_force(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return suppressions.c.lifted_at.is_(None), sa.or_(suppressions.c.expires_at.is_(None), suppressions.c.expires_at > now)
