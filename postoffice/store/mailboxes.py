"""Queries about mailboxes: where a carrier's mail comes back to, how far it was fetched, and how that went."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict
from postoffice.model.ids import new_id
from postoffice.store.schema import mailboxes


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """A mailbox. `settings` are sealed (see carriers.unseal); `last_error` is a failure's code, message, help and facts."""

    id: str
    organisation_id: str
    carrier: str
    address: str | None
    settings: Mapping[str, Any]
    fetching: bool
    forward_to: str
    uid_validity: int | None
    last_uid: int
    checked_at: datetime | None
    last_ok_at: datetime | None
    last_error_at: datetime | None
    last_error: Mapping[str, Any] | None
    failures: int


def _row(row: Mapping[Any, Any]) -> MailboxRow:
    return MailboxRow(**{name: row[name] for name in MailboxRow.__slots__})


async def of_carrier(connection: AsyncConnection, organisation_id: str, carrier: str) -> MailboxRow | None:
    """A carrier's mailbox, if it has one."""
    query = mailboxes.select().where(mailboxes.c.organisation_id == organisation_id, mailboxes.c.carrier == carrier)
    row = (await connection.execute(query)).mappings().first()
    return _row(row) if row else None


async def organisation_of(connection: AsyncConnection, address: str) -> str | None:
    """Whose address it is that our own door takes."""
    found: str | None = await connection.scalar(sa.select(mailboxes.c.organisation_id).where(mailboxes.c.address == address.lower()))
    return found


async def keep(
    connection: AsyncConnection,
    organisation_id: str,
    carrier: str,
    now: datetime,
    *,
    address: str,
    settings: Mapping[str, Any],
    fetching: bool,
    forward_to: str,
    afresh: bool,
) -> None:
    """Set up a carrier's mailbox, or change it. `afresh`: another mailbox than before, so nothing of it was fetched yet.

    Conflict where another organisation or carrier takes mail for this address.
    """
    address = address.lower()
    taken = await connection.scalar(
        sa.select(mailboxes.c.id).where(
            mailboxes.c.address == address,
            sa.or_(mailboxes.c.organisation_id != organisation_id, mailboxes.c.carrier != carrier),
        )
    )
    if address and taken:
        raise Conflict("mailbox-address", "Another carrier takes mail for this address.", help="Choose another one.", field="address")
    values: dict[str, Any] = {
        "address": address or None,
        "settings": dict(settings),
        "fetching": fetching,
        "forward_to": forward_to,
        "failures": 0,
        "checked_at": None,
        "last_error": None,
        "last_error_at": None,
    }
    if afresh:
        values |= {"uid_validity": None, "last_uid": 0, "last_ok_at": None}
    same = (mailboxes.c.organisation_id == organisation_id, mailboxes.c.carrier == carrier)
    changed = await connection.execute(mailboxes.update().where(*same).values(**values))
    if not changed.rowcount:
        fresh = {"id": new_id(), "organisation_id": organisation_id, "carrier": carrier, "created_at": now, "last_uid": 0}
        await connection.execute(mailboxes.insert().values(**{**fresh, **values}))


async def remove(connection: AsyncConnection, organisation_id: str, carrier: str) -> None:
    """Forget a carrier's mailbox; what was fetched from it stays."""
    await connection.execute(mailboxes.delete().where(mailboxes.c.organisation_id == organisation_id, mailboxes.c.carrier == carrier))


async def claim(
    connection: AsyncConnection, owner: str, now: datetime, lease: timedelta, every: timedelta, at_most: timedelta
) -> MailboxRow | None:
    """The mailbox that waits longest and is due, for us alone until the lease ends; None where none is.

    One that failed waits twice as long after each failure, `at_most` at the most.
    """
    free = sa.or_(mailboxes.c.lease_until.is_(None), mailboxes.c.lease_until < now)
    waited: list[sa.ColumnElement[bool]] = [mailboxes.c.checked_at.is_(None)]
    for failures in range(8):
        wait = min(every * 2**failures, at_most)
        same = mailboxes.c.failures == failures if failures < 7 else mailboxes.c.failures >= failures
        waited.append(sa.and_(same, mailboxes.c.checked_at <= now - wait))
    chosen = (
        sa.select(mailboxes.c.id)
        .where(mailboxes.c.fetching.is_(True), free, sa.or_(*waited))
        .order_by(mailboxes.c.checked_at.asc().nulls_first(), mailboxes.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = await connection.execute(
        mailboxes.update()
        .where(mailboxes.c.id == chosen.scalar_subquery(), free)
        .values(lease_owner=owner, lease_until=now + lease)
        .returning(*mailboxes.c)
    )
    row = found.mappings().first()
    return _row(row) if row else None


async def advance(
    connection: AsyncConnection, mailbox_id: str, owner: str, uid_validity: int, last_uid: int, now: datetime, lease: timedelta
) -> bool:
    """Everything up to `last_uid` is stored; False where the mailbox is no longer ours (then stop at once)."""
    changed = await connection.execute(
        _ours(mailbox_id, owner).values(uid_validity=uid_validity, last_uid=last_uid, lease_until=now + lease)
    )
    return changed.rowcount == 1


async def release(
    connection: AsyncConnection, mailbox: MailboxRow, owner: str, now: datetime, error: Mapping[str, Any] | None = None
) -> None:
    """It was looked at: well, or with a failure. Its next turn comes by itself."""
    values: dict[str, Any] = {"lease_owner": None, "lease_until": None, "checked_at": now}
    if error is None:
        values |= {"last_ok_at": now, "failures": 0, "last_error": None}
    else:
        values |= {"last_error_at": now, "last_error": dict(error), "failures": mailbox.failures + 1}
    await connection.execute(_ours(mailbox.id, owner).values(**values))


def _ours(mailbox_id: str, owner: str) -> sa.Update:
    return mailboxes.update().where(mailboxes.c.id == mailbox_id, mailboxes.c.lease_owner == owner)
