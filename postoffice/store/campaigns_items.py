"""Items of a campaign's wave, written as they are planned: one insert each. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.item import Item
from postoffice.model.states import ItemState
from postoffice.store import rows
from postoffice.store.prepared import insert_of
from postoffice.store.schema import items, merge_rows

_ITEM = insert_of(items)
_ROW = insert_of(merge_rows)


async def add_planned(connection: AsyncConnection, some: Sequence[tuple[Item, Mapping[str, Any]]], now: datetime) -> None:
    """Write fresh items with their plans. Each mapping has plan, delivery_id, cost, state, held_reason, contact_id, rungs_left, as
    `items.planned` takes them, and `name` for lists."""
    made = [_row(item, planned, now) for item, planned in some]
    await connection.run_sync(lambda sync: _ITEM.run_all(sync, made))


def _row(item: Item, planned: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    address = item.address.as_dict() if item.address else None
    return {
        "id": item.id,
        "organisation_id": item.organisation_id,
        "mailing_id": item.mailing_id,
        "position": item.position,
        "first_page": item.first_page,
        "pages": item.pages,
        "state": planned["state"],
        "held_reason": planned["held_reason"],
        "name": (str(planned["name"]) or rows.name_of(item.address, item.email))[:300],
        "address": address,
        "address_read": None,
        "postcode": rows.postcode_of(item.address),
        "email": item.email[:320],
        "mobile": item.mobile[:20],
        "fax": item.fax[:20],
        "reference": item.reference[:200],
        "fields": None,
        "parts": None,
        "channel": None,
        "findings": [],
        "level": None,
        "contact_id": planned["contact_id"],
        "match": {"by": "campaign", "score": 1.0, "filled": []},
        "plan": planned["plan"],
        "rung": 0,
        "rungs_left": planned["rungs_left"],
        "delivery_id": planned["delivery_id"],
        "cost": planned["cost"],
        "opened_at": None,
        "updated_at": now,
        "digest": None,
        "again": False,
    }


async def keep_rows(
    connection: AsyncConnection, organisation_id: str, mailing_id: str, some: Sequence[tuple[int, int, Mapping[str, Any]]]
) -> None:
    """(position, row number, data) of messages whose fields come from a spreadsheet: what they say stays as it was."""
    made = [
        {"mailing_id": mailing_id, "first_page": position, "organisation_id": organisation_id, "number": number, "data": dict(data)}
        for position, number, data in some
    ]
    await connection.run_sync(lambda sync: _ROW.run_all(sync, made))


#: what an item is before its plan is known
FRESH = ItemState.DRAFT
