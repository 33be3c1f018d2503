"""Queries about contacts. The caller owns the transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.model.item import Item
from postoffice.store import contact_book, contact_keys, rows
from postoffice.store.lists import asked_of_each, one_of
from postoffice.store.prepared import insert_rows
from postoffice.store.schema import contact_points, contacts, items


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or company as it stands in the database."""

    id: str
    organisation_id: str
    kind: str
    name: str
    language: str
    preferred_channel: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Point:
    """One address of a contact on one channel."""

    channel: str
    value: str
    health: str


async def brief(connection: AsyncConnection, organisation_id: str, contact_ids: Collection[str]) -> dict[str, Contact]:
    """Several contacts by id; unknown ones are absent."""
    query = sa.select(*(contacts.c[name] for name in Contact.__slots__))
    mine = asked_of_each(contacts.c.organisation_id) == organisation_id, one_of(connection, contacts.c.id, contact_ids)
    return {row.id: Contact(*row) for row in await connection.execute(query.where(*mine))}


_NOTHING: Mapping[str, Any] = {}  # of all fresh contacts: it is put into JSON once


class Found(dict[str, str]):
    """{what was looked for: contact id}. `fresh`: the ids of contacts that were made just now: persons, nothing else is known."""

    def __init__(self, known: Mapping[str, str], fresh: Collection[str] = ()) -> None:
        super().__init__(known)
        self.fresh = frozenset(fresh)


async def find_or_add(
    connection: AsyncConnection, organisation_id: str, wanted: Mapping[str, Mapping[str, Any]], now: datetime
) -> Found:
    """Contacts by match key, made where missing.

    `wanted`: {match_key: {"name": str, "points": [(channel, value, address or None)], "keys": entries of the index}}.
    """
    known = await contact_book.by_match_keys(connection, organisation_id, wanted)
    held = await contact_book.hold(connection, organisation_id, known.values(), shared=True)
    known = {key: contact_id for key, contact_id in known.items() if contact_id in held}  # not who was erased this very moment
    missing = sorted(set(wanted) - set(known))  # everybody inserts in the same order: nobody waits for one another in a circle
    made = await _add(connection, organisation_id, {key: wanted[key] for key in missing}, now)
    others = sorted(set(wanted) - set(made))
    await _add_points(connection, organisation_id, [(made[key], wanted[key]) for key in sorted(made)], now, once=False)
    if missing and others:
        known = await contact_book.by_match_keys(connection, organisation_id, others)  # somebody may have been quicker
    await _add_points(connection, organisation_id, [(known[key], wanted[key]) for key in others], now, once=True)
    return Found(known | made, made.values())


async def _add(
    connection: AsyncConnection, organisation_id: str, wanted: Mapping[str, Mapping[str, Any]], now: datetime
) -> dict[str, str]:
    """Make contacts; {match key: id} of those that nobody else made meanwhile."""
    rows = [_fresh(organisation_id, key, str(one["name"])[:300], now) for key, one in wanted.items()]
    made = {row["match_key"]: row["id"] for row in rows}
    if await insert_rows(connection, contacts, rows, once=True) < len(rows):
        own = sa.select(contacts.c.match_key, contacts.c.id).where(one_of(connection, contacts.c.id, made.values()))
        made = {row.match_key: row.id for row in await connection.execute(own)}
    entries = [(contact_id, wanted[key].get("keys", ())) for key, contact_id in made.items()]
    await contact_keys.write(connection, organisation_id, entries, fresh=True)
    return made


async def _add_points(
    connection: AsyncConnection, organisation_id: str, owners: Sequence[tuple[str, Mapping[str, Any]]], now: datetime, *, once: bool
) -> None:
    rows = [
        {
            "id": new_id(),
            "organisation_id": organisation_id,
            "contact_id": contact_id,
            "channel": channel,
            "value": value,
            "address": address,
            "health": "good",
            "created_at": now,
            "position": 0,
            "health_reason": "",
        }
        for contact_id, one in owners
        for (channel, value), address in {(channel, value[:500]): address for channel, value, address in one["points"]}.items()
    ]
    await insert_rows(connection, contact_points, rows, once=once)


def _fresh(organisation_id: str, key: str, name: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organisation_id": organisation_id,
        "kind": "person",
        "name": name,
        "match_key": key,
        "language": "",
        "preferred_channel": None,
        "external_ids": _NOTHING,
        "attributes": _NOTHING,
        "company": "",
        "created_at": now,
        "updated_at": now,
    }


def _contact(row: Mapping[Any, Any]) -> Contact:
    return Contact(**{name: row[name] for name in Contact.__slots__})


async def get(connection: AsyncConnection, contact_id: str, organisation_id: str) -> Contact:
    """One contact; NotFound otherwise."""
    query = contacts.select().where(contacts.c.id == contact_id, contacts.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-contact", "There is no such contact.", help="Look for it in the list of contacts.")
    return _contact(row)


async def points(connection: AsyncConnection, contact_id: str) -> list[Point]:
    """A contact's addresses with their health."""
    found = await connection.execute(
        sa.select(contact_points.c.channel, contact_points.c.value, contact_points.c.health)
        .where(contact_points.c.contact_id == contact_id)
        .order_by(contact_points.c.channel, contact_points.c.id)
    )
    return [Point(*row) for row in found]


async def search(
    connection: AsyncConnection, organisation_id: str, text: str, *, after: str = "", limit: int = 50
) -> Sequence[Contact]:
    """Contacts whose name or addresses contain `text`, by name, after the (name, id) of the last one as `name\\x1fid`."""
    query = contacts.select().where(contacts.c.organisation_id == organisation_id)
    if text:
        pattern = "%" + text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        owners = sa.select(contact_points.c.contact_id).where(
            contact_points.c.organisation_id == organisation_id, sa.func.lower(contact_points.c.value).like(pattern, escape="\\")
        )
        query = query.where(sa.or_(sa.func.lower(contacts.c.name).like(pattern, escape="\\"), contacts.c.id.in_(owners)))
    if after:
        name, _, contact_id = after.partition("\x1f")
        query = query.where(sa.or_(contacts.c.name > name, sa.and_(contacts.c.name == name, contacts.c.id > contact_id)))
    found = await connection.execute(query.order_by(contacts.c.name, contacts.c.id).limit(limit))
    return [_contact(row) for row in found.mappings()]


async def items_of(connection: AsyncConnection, contact_id: str, organisation_id: str, limit: int = 100) -> list[Item]:
    """What was sent to a contact and to those that it stands for, newest first."""
    behind = sa.select(contacts.c.id).where(contacts.c.merged_into == contact_id)
    mine = sa.or_(items.c.contact_id == contact_id, items.c.contact_id.in_(behind))
    query = items.select().where(mine, items.c.organisation_id == organisation_id)
    found = await connection.execute(query.order_by(items.c.id.desc()).limit(limit))
    return [rows.item(row) for row in found.mappings()]
