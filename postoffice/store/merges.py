"""Contacts that are one: one stands for the other, and everything stays where it is, so that they can be parted again.

Whoever reads what belongs to a contact reads its whole `group`. The caller owns the transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import new_id
from postoffice.store.schema import contact_merges, contacts


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge that stands."""

    id: str
    kept_id: str
    gone_id: str
    followers: Sequence[str]
    actor: str
    reason: str
    created_at: datetime


async def group(connection: AsyncConnection, organisation_id: str, contact_id: str) -> list[str]:
    """The contact and those that it stands for."""
    mine = sa.or_(contacts.c.id == contact_id, contacts.c.merged_into == contact_id)
    return list(await connection.scalars(sa.select(contacts.c.id).where(contacts.c.organisation_id == organisation_id, mine)))


async def whole(connection: AsyncConnection, organisation_id: str, contact_id: str) -> list[str]:
    """All that are one with this contact, whichever of them stands for the others. NotFound for none."""
    return await group(connection, organisation_id, await standing_for(connection, organisation_id, contact_id))


async def standing_for(connection: AsyncConnection, organisation_id: str, contact_id: str) -> str:
    """The contact that stands for this one: itself unless it was merged. NotFound for none."""
    query = sa.select(sa.func.coalesce(contacts.c.merged_into, contacts.c.id))
    found = await connection.scalar(query.where(contacts.c.organisation_id == organisation_id, contacts.c.id == contact_id))
    if found is None:
        raise NotFound("no-such-contact", "There is no such contact.", help="Look for it in the list of contacts.")
    return str(found)


async def merge(
    connection: AsyncConnection, organisation_id: str, kept_id: str, gone_id: str, actor: str, reason: str, now: datetime
) -> str:
    """Let `kept` stand for `gone` and for whom that stood; the merge's id. Conflict where either is merged or erased already."""
    query = sa.select(contacts.c.id, contacts.c.merged_into, contacts.c.erased_at).where(
        contacts.c.organisation_id == organisation_id, contacts.c.id.in_([kept_id, gone_id])
    )
    both = {row.id: row for row in await connection.execute(query.with_for_update())}
    if kept_id not in both or gone_id not in both:
        raise NotFound("no-such-contact", "There is no such contact.", help="Look for it in the list of contacts.")
    if kept_id == gone_id or any(row.merged_into or row.erased_at for row in both.values()):
        raise Conflict(
            "cannot-merge", "These two contacts cannot be merged.", help="Choose two different ones that stand for themselves."
        )
    followers = sorted(set(await group(connection, organisation_id, gone_id)) - {gone_id})
    await connection.execute(
        contacts.update().where(contacts.c.id.in_([gone_id, *followers])).values(merged_into=kept_id, updated_at=now)
    )
    await connection.execute(contacts.update().where(contacts.c.id == kept_id).values(updated_at=now))
    merge_id = new_id()
    row = {"id": merge_id, "organisation_id": organisation_id, "kept_id": kept_id, "gone_id": gone_id, "followers": followers}
    await connection.execute(contact_merges.insert(), row | {"actor": actor[:80], "reason": reason[:300], "created_at": now})
    return merge_id


async def part(connection: AsyncConnection, organisation_id: str, merge_id: str, now: datetime) -> Merge:
    """Undo a merge: what belonged to whom belongs to it again. Conflict where a later merge hides it."""
    table = contact_merges.c
    query = contact_merges.select().where(table.organisation_id == organisation_id, table.id == merge_id, table.undone_at.is_(None))
    row = (await connection.execute(query.with_for_update())).mappings().first()
    if row is None:
        raise NotFound("no-such-merge", "This merge was undone already.", help="Reload the page.")
    one = Merge(**{name: row[name] for name in Merge.__slots__})
    where = contacts.c.organisation_id == organisation_id
    moved = await connection.execute(
        contacts.update()
        .where(where, contacts.c.id == one.gone_id, contacts.c.merged_into == one.kept_id)
        .values(merged_into=None, updated_at=now)
    )
    if moved.rowcount != 1:
        raise Conflict("merged-again", "These contacts were merged with another one since.", help="Undo that merge first.")
    followers = contacts.c.id.in_(list(one.followers))
    await connection.execute(contacts.update().where(where, followers).values(merged_into=one.gone_id, updated_at=now))
    await connection.execute(contacts.update().where(contacts.c.id == one.kept_id).values(updated_at=now))
    await connection.execute(contact_merges.update().where(table.id == merge_id).values(undone_at=now))
    return one


async def of_contact(connection: AsyncConnection, organisation_id: str, contact_id: str) -> list[Merge]:
    """Merges that stand, by which this contact stands for others; the latest first."""
    table = contact_merges.c
    query = contact_merges.select().where(
        table.organisation_id == organisation_id, table.kept_id == contact_id, table.undone_at.is_(None)
    )
    found = (await connection.execute(query.order_by(table.id.desc()))).mappings()
    return [Merge(**{name: row[name] for name in Merge.__slots__}) for row in found]
