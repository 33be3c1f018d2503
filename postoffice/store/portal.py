"""What the portal asks of the database: a contact's letters, addresses and wishes. The caller owns the transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.ids import new_id
from postoffice.model.item import Item
from postoffice.model.mailing import LinkProof, Mailing
from postoffice.model.states import ItemState
from postoffice.store import contact_book, rows
from postoffice.store.behind import Parts
from postoffice.store.prepared import Prepared
from postoffice.store.schema import contact_points, contacts, items, links, mailings, privacy_requests, suppressions

#: the marks that a sender sets on a letter; the word is kept among the item's fields
MARK = "mark"
MARKS = ("", "unpaid", "paid", "to-sign", "signed")

#: what reached its recipient, or was on its way: the rest is the sender's own business
SENT = (ItemState.HANDED_OVER, ItemState.IN_PRODUCTION, ItemState.MAILED, ItemState.DELIVERED, ItemState.RETURNED)


#: reasons of the suppression list that are the recipient's own word, and end with it
OWN_WORD = ("unsubscribed", "opt-out")
_MOST = 200  #: letters that a history shows


class Letter(NamedTuple):
    """One letter of a contact, with its mailing."""

    item: Item
    mailing: Mailing


def letters(connection: sa.Connection, organisation_id: str, contact_id: str, *, live: bool, confidential: bool) -> list[Letter]:
    """What was sent to a contact, newest first; without what staff blocked and, unless `confidential`, without what asks for a code."""
    found = _LETTERS.rows(connection, {"organisation": organisation_id, "contact": contact_id, "live": live})
    return _readable(found, confidential=confidential)


def letter(
    connection: sa.Connection, organisation_id: str, contact_id: str, item_id: str, *, live: bool, confidential: bool
) -> Letter | None:
    """One of `letters`; None where it is none of them."""
    found = _LETTER.rows(connection, {"organisation": organisation_id, "contact": contact_id, "live": live, "item": item_id})
    return next(iter(_readable(found, confidential=confidential)), None)


def needs_code(mailing: Mailing) -> bool:
    """Whether its sender wants a one-time code before anybody reads it."""
    return mailing.options.proof is LinkProof.CODE


_PARTS = Parts(list(items.c), list(mailings.c))


def _of() -> Any:
    own = links.c.item_id == items.c.id, links.c.parent_id.is_(None)
    blocked = sa.exists().where(*own, links.c.revoked_at.is_not(None)) & ~sa.exists().where(*own, links.c.revoked_at.is_(None))
    return (
        sa.select(*_PARTS.columns)
        .join(mailings, mailings.c.id == items.c.mailing_id)
        .where(
            items.c.contact_id == sa.bindparam("contact"),
            items.c.organisation_id == sa.bindparam("organisation"),
            sa.or_(*(items.c.state == state.value for state in SENT)),
            mailings.c.live == sa.bindparam("live"),
            ~blocked,
        )
    )


_LETTERS = Prepared(lambda _connection: _of().order_by(items.c.id.desc()).limit(_MOST))
_LETTER = Prepared(lambda _connection: _of().where(items.c.id == sa.bindparam("item")))


def _readable(found: Sequence[Sequence[Any]], *, confidential: bool) -> list[Letter]:
    read = [Letter(rows.item(item), rows.mailing(mailing)) for item, mailing in map(_PARTS.of, found)]
    return [one for one in read if confidential or not needs_code(one.mailing)]


async def mark(connection: AsyncConnection, item_id: str, word: str, now: datetime) -> None:
    """Set the sender's mark on a letter; empty takes it away."""
    known = await connection.scalar(sa.select(items.c.fields).where(items.c.id == item_id).with_for_update())
    fields = {name: value for name, value in (known or {}).items() if name != MARK} | ({MARK: word} if word else {})
    await connection.execute(items.update().where(items.c.id == item_id).values(fields=fields, updated_at=now))


async def prefer(connection: AsyncConnection, organisation_id: str, contact_id: str, channel: Channel | None, now: datetime) -> None:
    """The channel that a contact likes best; None: no wish."""
    which = contacts.c.id == contact_id, contacts.c.organisation_id == organisation_id
    values = {"preferred_channel": channel.value if channel else None, "updated_at": now}
    await connection.execute(contacts.update().where(*which).values(**values))


async def set_point(
    connection: AsyncConnection, organisation_id: str, contact_id: str, channel: Channel, value: str, now: datetime
) -> None:
    """A contact's new address on a channel, in place of those that it had there."""
    whose = (
        contact_points.c.contact_id == contact_id,
        contact_points.c.organisation_id == organisation_id,
        contact_points.c.channel == channel.value,
    )
    await connection.execute(contact_points.delete().where(*whose))
    row = {"id": new_id(), "organisation_id": organisation_id, "contact_id": contact_id, "channel": channel.value, "value": value}
    await connection.execute(contact_points.insert(), row | {"health": "good", "created_at": now})


async def lift(
    connection: AsyncConnection, organisation_id: str, channel: Channel, hashes: Collection[str], purpose: str, now: datetime, by: str
) -> list[str]:
    """Lift what a recipient's own refusal blocked; bounces and complaints stay, whoever asks.

    Returns the addresses that were blocked for every purpose: the others are to be blocked again one by one.
    """
    which = (
        suppressions.c.organisation_id == organisation_id,
        suppressions.c.channel == channel.value,
        sa.or_(suppressions.c.purpose == purpose, suppressions.c.purpose.is_(None)),
        suppressions.c.address_hash.in_(hashes),
        suppressions.c.reason.in_(OWN_WORD),
        suppressions.c.lifted_at.is_(None),
    )
    wide = sa.select(suppressions.c.address_hash).where(*which, suppressions.c.purpose.is_(None)).distinct()
    found = list(await connection.scalars(wide))
    values = {"lifted_at": now, "lifted_reason": "the recipient said yes again", "lifted_by": by[:80]}
    await connection.execute(suppressions.update().where(*which).values(**values))
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """What a contact asked of the data-protection officer."""

    id: str
    organisation_id: str
    contact_id: str
    kind: str
    state: str
    proof: Mapping[str, Any]
    created_at: datetime
    answered_at: datetime | None
    answered_by: str | None
    answer: str


async def ask(
    connection: AsyncConnection, organisation_id: str, contact_id: str, kind: str, proof: Mapping[str, Any], now: datetime
) -> bool:
    """Write a request; False where the same waits already, or the contact was erased."""
    if not await contact_book.hold(connection, organisation_id, [contact_id]):
        return False
    if any(one.kind == kind for one in await requests(connection, organisation_id, contact_id)):
        return False
    row = {"id": new_id(), "organisation_id": organisation_id, "contact_id": contact_id, "kind": kind, "state": "open"}
    await connection.execute(privacy_requests.insert(), row | {"proof": dict(proof), "created_at": now, "answer": ""})
    return True


async def requests(connection: AsyncConnection, organisation_id: str, contact_id: str | None = None) -> Sequence[Request]:
    """Requests that wait, oldest first."""
    query = privacy_requests.select().where(privacy_requests.c.organisation_id == organisation_id, privacy_requests.c.state == "open")
    if contact_id is not None:
        query = query.where(privacy_requests.c.contact_id == contact_id)
    found = await connection.execute(query.order_by(privacy_requests.c.created_at, privacy_requests.c.id))
    return [Request(**{name: row[name] for name in Request.__slots__}) for row in found.mappings()]


async def answer(
    connection: AsyncConnection, organisation_id: str, request_id: str, state: str, by: str, words: str, now: datetime
) -> int:
    """Close a request: done or refused, with the reason. 0 where it was closed before."""
    which = (
        privacy_requests.c.id == request_id,
        privacy_requests.c.organisation_id == organisation_id,
        privacy_requests.c.state == "open",
    )
    values = {"state": state, "answered_at": now, "answered_by": by, "answer": words[:1000]}
    return int((await connection.execute(privacy_requests.update().where(*which).values(**values))).rowcount)
