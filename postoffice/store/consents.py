"""The consent ledger: lines are added and read, never changed."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.consent import Entry, Means
from postoffice.model.ids import new_id
from postoffice.store.lists import one_of
from postoffice.store.schema import consents, contacts


async def add(connection: AsyncConnection, organisation_id: str, lines: Sequence[tuple[str, Entry]]) -> None:
    """Write lines, (contact id, entry), at the end of the ledger."""
    if lines:
        await connection.execute(consents.insert(), [_values(organisation_id, contact_id, entry) for contact_id, entry in lines])


def _values(organisation_id: str, contact_id: str, entry: Entry) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organisation_id": organisation_id,
        "contact_id": contact_id,
        "purpose": entry.purpose,
        "channel": entry.channel,
        "given": entry.given,
        "at": entry.at,
        "means": entry.means.value,
        "proof": dict(entry.proof),
    }


async def of_contacts(connection: AsyncConnection, organisation_id: str, contact_ids: Collection[str]) -> dict[str, list[Entry]]:
    """The ledgers of several contacts, in the order of writing, with those of all that were merged with them; contacts without a line
    are absent."""
    gone = sa.select(contacts.c.id, contacts.c.merged_into).where(
        one_of(connection, contacts.c.id, contact_ids), contacts.c.merged_into.is_not(None)
    )
    stands = {row.id: row.merged_into for row in await connection.execute(gone)}
    behind: dict[str, list[str]] = defaultdict(list)  # who stands for whom of them
    for contact_id in set(contact_ids):
        behind[stands.get(contact_id, contact_id)].append(contact_id)
    mine = sa.or_(one_of(connection, consents.c.contact_id, behind), one_of(connection, contacts.c.merged_into, behind))
    query = sa.select(consents, contacts.c.merged_into).join(contacts, contacts.c.id == consents.c.contact_id)
    query = query.where(consents.c.organisation_id == organisation_id, mine)
    found: dict[str, list[Entry]] = defaultdict(list)
    for row in await connection.execute(query.order_by(consents.c.id)):
        entry = Entry(row.purpose, row.channel, row.given, row.at, Means(row.means), row.proof, row.id)
        for owner in behind[row.merged_into or row.contact_id]:
            found[owner].append(entry)
    return dict(found)
