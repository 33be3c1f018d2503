"""A tag on many contacts at once. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store import contact_book, contact_keys
from postoffice.store.schema import contact_keys as keys
from postoffice.store.schema import contacts


async def put(connection: AsyncConnection, organisation_id: str, contact_ids: Sequence[str], tag: str, now: datetime) -> None:
    """Give them the tag; who has it keeps it."""
    alive = await _change(connection, organisation_id, contact_ids, tag, now, there=True)
    await contact_keys.write(connection, organisation_id, [(one, [("t", tag)]) for one in alive])


async def take(connection: AsyncConnection, organisation_id: str, contact_ids: Sequence[str], tag: str, now: datetime) -> None:
    """Take the tag from them."""
    await _change(connection, organisation_id, contact_ids, tag, now, there=False)
    mine = keys.c.organisation_id == organisation_id, keys.c.kind == "t", keys.c.value == tag, keys.c.contact_id.in_(contact_ids)
    await connection.execute(keys.delete().where(*mine))


async def _change(
    connection: AsyncConnection, organisation_id: str, contact_ids: Sequence[str], tag: str, now: datetime, *, there: bool
) -> set[str]:
    """Those of them that are not erased."""
    held = await contact_book.hold(connection, organisation_id, contact_ids)
    found = (await connection.execute(sa.select(contacts.c.id, contacts.c.tags).where(contacts.c.id.in_(held)))).all()
    rows = [
        {"b_id": row.id, "b_tags": sorted({*(row.tags or ()), tag} if there else {*(row.tags or ())} - {tag}) or None}
        for row in found
        if (tag in (row.tags or ())) is not there
    ]
    if rows:
        update = contacts.update().where(contacts.c.id == sa.bindparam("b_id"))
        await connection.execute(update.values(tags=sa.bindparam("b_tags"), updated_at=now), rows)
    return held
