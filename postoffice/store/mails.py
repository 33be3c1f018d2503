"""Queries about mails that came back. The bytes lie in the store of documents; a row says what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery
from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.store import rows
from postoffice.store.schema import deliveries, mails
from postoffice.store.upsert import insert_into

NEW, READ, ASIDE = "new", "read", "aside"  #: to be read; made news; speaks of no delivery of ours


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail whose bytes are stored. `fingerprint`: 64 hex digits, the same for copies that came by other ways."""

    organisation_id: str
    way: str  #: door | mailbox
    fingerprint: str
    document: str
    size: int
    carrier: str = ""  #: whose mailbox it was fetched from
    envelope_to: str = ""  #: whom the door took it for


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it stands in the database."""

    id: str
    organisation_id: str
    way: str
    carrier: str
    envelope_to: str
    document: str
    size: int
    state: str
    kind: str
    delivery_id: str | None
    error: str
    received_at: datetime
    read_at: datetime | None
    forwarded_at: datetime | None


def _mail(row: Mapping[Any, Any]) -> Mail:
    return Mail(**{name: row[name] for name in Mail.__slots__})


async def add(connection: AsyncConnection, new: NewMail, now: datetime) -> str | None:
    """Keep a mail; its id, or None where the same one was kept before."""
    mail_id = new_id()
    insert = insert_into(connection, mails).values(
        id=mail_id,
        organisation_id=new.organisation_id,
        way=new.way,
        carrier=new.carrier[:80],
        envelope_to=new.envelope_to[:320],
        fingerprint=new.fingerprint,
        document=new.document,
        size=new.size,
        state=NEW,
        kind="",
        error="",
        received_at=now,
    )
    kept = await connection.execute(insert.on_conflict_do_nothing(index_elements=["organisation_id", "fingerprint"]))
    return mail_id if kept.rowcount == 1 else None


async def get(connection: AsyncConnection, organisation_id: str, mail_id: str) -> Mail:
    """One mail; NotFound otherwise."""
    query = mails.select().where(mails.c.id == mail_id, mails.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-mail", "There is no such e-mail.", help="Look for it on the letter's timeline.")
    return _mail(row)


async def settle(
    connection: AsyncConnection, mail_id: str, state: str, now: datetime, *, kind: str, delivery_id: str | None, error: str = ""
) -> None:
    """Write what reading it came to."""
    values = {"state": state, "kind": kind, "delivery_id": delivery_id, "error": error[:1000], "read_at": now}
    await connection.execute(mails.update().where(mails.c.id == mail_id).values(**values))


async def forwarded(connection: AsyncConnection, mail_id: str, now: datetime) -> None:
    """It went on to a person."""
    await connection.execute(mails.update().where(mails.c.id == mail_id).values(forwarded_at=now))


async def forwarded_since(connection: AsyncConnection, organisation_id: str, since: datetime) -> int:
    """How many went on to people lately."""
    query = sa.select(sa.func.count()).where(mails.c.organisation_id == organisation_id, mails.c.forwarded_at >= since)
    return int(await connection.scalar(query) or 0)


async def last_of(connection: AsyncConnection, organisation_id: str, carrier: str, count: int) -> list[Mail]:
    """The last mails of a carrier's mailbox, the newest first."""
    query = mails.select().where(mails.c.organisation_id == organisation_id, mails.c.carrier == carrier)
    query = query.order_by(mails.c.received_at.desc(), mails.c.id.desc()).limit(count)
    return [_mail(row) for row in (await connection.execute(query)).mappings()]


async def spoken_of(connection: AsyncConnection, organisation_id: str, delivery_id: str, message_id: str) -> Delivery | None:
    """The organisation's e-mail that a mail names by its id or by its Message-ID."""
    names: list[sa.ColumnElement[bool]] = [deliveries.c.id == delivery_id] if delivery_id else []
    names += [deliveries.c.reference == message_id] if message_id else []
    if not names:
        return None
    return await _latest(connection, organisation_id, sa.or_(*names))


async def last_to(
    connection: AsyncConnection, organisation_id: str, address: str, since: datetime, states: Sequence[str]
) -> Delivery | None:
    """The organisation's latest e-mail to an address, as written or in small letters, that was handed over since then."""
    same = deliveries.c.to.in_({address, address.lower()})
    return await _latest(
        connection, organisation_id, sa.and_(same, deliveries.c.handed_over_at >= since, deliveries.c.state.in_(states))
    )


async def _latest(connection: AsyncConnection, organisation_id: str, which: sa.ColumnElement[bool]) -> Delivery | None:
    query = deliveries.select().where(
        deliveries.c.organisation_id == organisation_id, deliveries.c.channel == Channel.EMAIL.value, which
    )
    row = (await connection.execute(query.order_by(deliveries.c.id.desc()).limit(1))).mappings().first()
    return rows.delivery(row) if row else None
