"""Forgetting a person. The caller owns the transaction.

Gone: name, company, addresses, numbers, tags, attributes, purchases, what the contact was found by, doubts. Blanked on ended letters:
address, e-mail, numbers, fields, findings, where their deliveries went, what the sandbox shows of them. Kept, and told: letters
still on their way (as long as they are), the documents as long as their retention runs, the ledger of consents (proof, by a number
without a name), keyed hashes on the suppression list.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.states import ItemState
from postoffice.store.schema import (
    click_hits,
    consents,
    contact_doubts,
    contact_import_lines,
    contact_keys,
    contact_points,
    contacts,
    deliveries,
    events,
    items,
    purchases,
    returned,
    rfm_scores,
    sandbox_box,
    segment_members,
    suppressions,
)

_ENDED = [state.value for state in (ItemState.DELIVERED, ItemState.FAILED, ItemState.RETURNED, ItemState.CANCELLED, ItemState.EXCLUDED)]

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """What outlives an erasure, as numbers of rows."""

    letters_blanked: int  #: ended letters whose address was emptied; their documents stay until their mailing's retention ends
    letters_under_way: int  #: not ended: they keep their address until they are
    consents: int  #: lines of the ledger, proof of what was allowed or refused
    suppressions: int  #: hashes: so that nobody writes to the person again

    def as_dict(self) -> dict[str, int]:
        """For the audit trail."""
        return asdict(self)


async def erase(connection: AsyncConnection, organisation_id: str, contact_ids: Sequence[str], now: datetime) -> Kept:
    """Erase a contact and those that it stands for. Twice is once."""
    mine = items.c.organisation_id == organisation_id, items.c.contact_id.in_(contact_ids)
    blank: dict[str, Any] = {
        "name": "",
        "address": None,
        "address_read": None,
        "email": "",
        "mobile": "",
        "fax": "",
        "fields": None,
        "match": {},
        "findings": [],
    }
    await _blank_ways(connection, organisation_id, mine)
    blanked = await connection.execute(items.update().where(*mine, items.c.state.in_(_ENDED)).values(**blank))
    moving = await connection.scalar(sa.select(sa.func.count()).where(*mine, items.c.state.not_in(_ENDED)))
    await connection.execute(events.update().where(events.c.contact_id.in_(contact_ids)).values(text=""))
    for table in (contact_keys, contact_points, click_hits, purchases, rfm_scores, segment_members):
        await connection.execute(table.delete().where(table.c.contact_id.in_(contact_ids)))
    of_items = sa.select(items.c.id).where(*mine)
    await connection.execute(contact_doubts.delete().where(contact_doubts.c.item_id.in_(of_items)))
    lines = contact_import_lines.c.contact_id.in_(contact_ids)
    await connection.execute(contact_import_lines.update().where(lines).values(before=None, contact_id=None, kind="erased"))
    for contact_id in contact_ids:
        values: dict[str, Any] = {
            "name": "",
            "company": "",
            "match_key": f"erased-{contact_id}",
            "language": "",
            "preferred_channel": None,
        }
        values |= {"external_ids": {}, "attributes": {}, "tags": None, "import_id": None}
        of_one = contacts.c.id == contact_id, contacts.c.organisation_id == organisation_id
        await connection.execute(
            contacts.update().where(*of_one).values(**values, updated_at=now, erased_at=sa.func.coalesce(contacts.c.erased_at, now))
        )
    said = await connection.scalar(sa.select(sa.func.count()).where(consents.c.contact_id.in_(contact_ids)))
    entries = returned.update().where(returned.c.organisation_id == organisation_id, returned.c.contact_id.in_(contact_ids))
    await connection.execute(entries.values(contact_id=None, corrected=None))
    about = suppressions.c.contact_id.in_(contact_ids)
    blocked = await connection.execute(suppressions.update().where(about).values(contact_id=None))
    return Kept(blanked.rowcount, int(moving or 0), int(said or 0), blocked.rowcount)


async def _blank_ways(connection: AsyncConnection, organisation_id: str, mine: Sequence[sa.ColumnElement[bool]]) -> None:
    """Where ended letters went: their deliveries, plans, and the copies that the sandbox shows. The rows stay, for the figures."""
    ended = list(await connection.execute(sa.select(items.c.id, items.c.plan).where(*mine, items.c.state.in_(_ENDED))))
    for row in ended:
        bare = [rung | {"to": ""} for rung in row.plan]
        await connection.execute(items.update().where(items.c.id == row.id).values(plan=bare))
    for start in range(0, len(ended), _AT_ONCE):
        of_them = deliveries.c.item_id.in_([row.id for row in ended[start : start + _AT_ONCE]])
        keys = sa.select(deliveries.c.id).where(deliveries.c.organisation_id == organisation_id, of_them)
        shown = {"to": "", "subject": "", "text": "", "html": "", "address_lines": []}
        await connection.execute(sandbox_box.update().where(sandbox_box.c.key.in_(keys)).values(**shown))
        await connection.execute(deliveries.update().where(of_them).values(to="", error=""))
