"""Whole contacts, many at a time: read with their addresses, written, changed. The caller owns the transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.address import PostalAddress
from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.store import contact_keys
from postoffice.store.contact_keys import AT_ONCE, BEHIND, Key
from postoffice.store.lists import asked_of_each, one_of, shared_by_few
from postoffice.store.prepared import insert_of
from postoffice.store.schema import contact_keys as contact_keys_table
from postoffice.store.schema import contact_points, contacts
from postoffice.store.upsert import insert_into

Place = tuple[str, str, PostalAddress | None]  #: channel, value, address
_owner = asked_of_each(contacts.c.organisation_id)


@dataclass(frozen=True, slots=True)
class FullPoint:
    """One address of a contact with its health: good, doubtful or dead, why and since when."""

    id: str
    contact_id: str  #: whose it is; another one than the contact's where that was merged
    channel: str
    value: str
    address: PostalAddress | None
    position: int
    health: str
    health_reason: str
    health_at: datetime | None


@dataclass(frozen=True, slots=True)
class FullContact:
    """A contact with its addresses, those of contacts that were merged into it included."""

    id: str
    organisation_id: str
    kind: str
    name: str
    company: str
    language: str
    preferred_channel: str | None
    external_ids: Mapping[str, str]
    attributes: Mapping[str, Any]
    tags: tuple[str, ...]
    points: tuple[FullPoint, ...]
    merged_into: str | None
    import_id: str | None
    erased_at: datetime | None
    created_at: datetime
    updated_at: datetime

    def values(self, channel: str) -> tuple[str, ...]:
        """Its addresses on a channel, the one to use first in front."""
        return tuple(point.value for point in self.points if point.channel == channel)


@dataclass(frozen=True, slots=True)
class Card:
    """As much of a contact as tells whether a letter is for it. `addresses`: its own before those of contacts merged into it."""

    id: str
    name: str
    company: str
    addresses: tuple[PostalAddress, ...]


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact to be written."""

    values: Mapping[str, Any]  #: columns of the contact
    points: Sequence[Place]  #: channel, value, address
    keys: Collection[Key]
    id: str = ""  #: made where it is empty


_CONTACT = insert_of(contacts)
_POINT = insert_of(contact_points, once=True)


async def by_ids(connection: AsyncConnection, organisation_id: str, contact_ids: Iterable[str]) -> dict[str, FullContact]:
    """Several contacts; unknown ones are absent."""
    wanted = sorted(set(contact_ids))
    found: dict[str, FullContact] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        query = contacts.select().where(_owner == organisation_id, one_of(connection, contacts.c.id, some))
        rows = (await connection.execute(query)).mappings().all()
        points = await _points(connection, [row["id"] for row in rows])
        found |= {row["id"]: _full(row, points[row["id"]]) for row in rows}
    return found


async def get(connection: AsyncConnection, organisation_id: str, contact_id: str) -> FullContact:
    """One contact; NotFound otherwise."""
    found = await by_ids(connection, organisation_id, [contact_id])
    if contact_id not in found:
        raise NotFound("no-such-contact", "There is no such contact.", help="Look for it in the list of contacts.")
    return found[contact_id]


async def hold(
    connection: AsyncConnection, organisation_id: str, contact_ids: Iterable[str], *, shared: bool = False, standing: bool = False
) -> set[str]:
    """Keep contacts from being changed, merged or erased by anybody else until the transaction ends; those of them that are not erased.

    Whoever writes something about a person holds the contact first: what arrives while it is erased would outlive the erasure.
    `shared`: others who do not change it may hold it as well. `standing`: without those that were merged into others.
    """
    alive = [_owner == organisation_id, contacts.c.erased_at.is_(None)]
    alive += [asked_of_each(contacts.c.merged_into).is_(None)] if standing else []
    wanted, found = sorted(set(contact_ids)), set[str]()
    for start in range(0, len(wanted), AT_ONCE):
        some = one_of(connection, contacts.c.id, wanted[start : start + AT_ONCE])
        query = sa.select(contacts.c.id).where(*alive, some).order_by(contacts.c.id)  # in order: nobody waits in a circle
        query = query.with_for_update(read=shared, key_share=not shared)
        found.update(await connection.scalars(query))
    return found


async def cards(connection: AsyncConnection, organisation_id: str, contact_ids: Iterable[str]) -> dict[str, Card]:
    """Names and postal addresses of several contacts; unknown and erased ones are absent. Each item of a mailing may have dozens of
    candidates, so no more is read than is compared."""
    wanted = sorted(set(contact_ids))
    found: dict[str, Card] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        mine = _owner == organisation_id, contacts.c.erased_at.is_(None), one_of(connection, contacts.c.id, some)
        named = list(await connection.execute(sa.select(contacts.c.id, contacts.c.name, contacts.c.company).where(*mine)))
        places = await _places(connection, [row.id for row in named])
        found |= {row.id: Card(*row, places.get(row.id, ())) for row in named}
    return found


async def _places(connection: AsyncConnection, contact_ids: Sequence[str]) -> dict[str, tuple[PostalAddress, ...]]:
    """{contact id: its postal addresses}, as `_points` orders them."""
    one, wanted = contact_points.c, set(contact_ids)
    columns = _stands_for().label("owner"), one.contact_id, one.position, one.id, one.address
    rows = await connection.execute(
        _of_contacts(connection, columns, contact_ids).where(one.channel == "post", one.address.is_not(None))
    )
    found: dict[str, list[tuple[bool, int, str, PostalAddress]]] = defaultdict(list)
    for owner, contact_id, position, point_id, shape in rows:
        if address := PostalAddress.from_dict(shape):
            for holder in {owner, contact_id} & wanted:
                found[holder].append((contact_id != holder, position, point_id, address))
    return {holder: tuple(place[3] for place in sorted(places, key=itemgetter(0, 1, 2))) for holder, places in found.items()}


def _stands_for() -> sa.ColumnElement[Any]:
    return sa.func.coalesce(contacts.c.merged_into, contacts.c.id)


def _of_contacts(connection: AsyncConnection, columns: Sequence[Any], contact_ids: Sequence[str]) -> sa.Select[Any]:
    """Addresses of some contacts and of those that were merged into them."""
    these = sa.or_(one_of(connection, contacts.c.id, contact_ids), one_of(connection, contacts.c.merged_into, contact_ids))
    return sa.select(*columns).join(contacts, contacts.c.id == contact_points.c.contact_id).where(these)


async def _points(connection: AsyncConnection, contact_ids: Sequence[str]) -> dict[str, list[FullPoint]]:
    """{contact id: its addresses}, those of merged contacts behind its own."""
    query = _of_contacts(connection, (contact_points, _stands_for().label("owner")), contact_ids)
    found: dict[str, list[FullPoint]] = defaultdict(list)
    wanted = set(contact_ids)
    for row in await connection.execute(query):
        point = FullPoint(
            row.id,
            row.contact_id,
            row.channel,
            row.value,
            PostalAddress.from_dict(row.address),
            row.position,
            row.health,
            row.health_reason,
            row.health_at,
        )
        for owner in {row.owner, row.contact_id} & wanted:
            found[owner].append(point)
    for owner, points in list(found.items()):
        points.sort(key=lambda one: (one.channel, one.contact_id != owner, one.position, one.id))
        unique: dict[tuple[str, str], FullPoint] = {}
        for one in points:
            unique.setdefault((one.channel, one.value), one)
        found[owner] = list(unique.values())
    return found


def _full(row: Mapping[Any, Any], points: Sequence[FullPoint]) -> FullContact:
    plain = {name: row[name] for name in FullContact.__slots__ if name not in ("points", "tags", "external_ids", "attributes")}
    return FullContact(
        **plain,
        external_ids=row["external_ids"] or {},
        attributes=row["attributes"] or {},
        tags=tuple(row["tags"] or ()),
        points=tuple(points),
    )


async def add_all(connection: AsyncConnection, organisation_id: str, new: Sequence[NewContact], now: datetime) -> list[str]:
    """Write contacts with their addresses and index; their ids, in order. Each needs a `match_key` of its own."""
    if not new:
        return []
    ids = [one.id or new_id() for one in new]
    rows = [_row(organisation_id, contact_id, one, now) for contact_id, one in zip(ids, new, strict=True)]
    await connection.run_sync(_CONTACT.run_all, rows)
    points = [
        row for contact_id, one in zip(ids, new, strict=True) for row in _point_rows(organisation_id, contact_id, one.points, now)
    ]
    await connection.run_sync(_POINT.run_all, points)
    await contact_keys.write(connection, organisation_id, zip(ids, (one.keys for one in new), strict=True), fresh=True)
    return ids


def _row(organisation_id: str, contact_id: str, new: NewContact, now: datetime) -> dict[str, Any]:
    return {
        "kind": "person",
        "name": "",
        "company": "",
        "language": "",
        "preferred_channel": None,
        "external_ids": {},
        "attributes": {},
        "tags": None,
        "import_id": None,
        "merged_into": None,
        "erased_at": None,
        **new.values,
        "id": contact_id,
        "organisation_id": organisation_id,
        "created_at": now,
        "updated_at": now,
    }


def _point_rows(organisation_id: str, contact_id: str, points: Sequence[Place], now: datetime) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    places: dict[str, int] = defaultdict(int)
    for channel, value, address in points:
        shape = address.as_dict() if address else None
        row: dict[str, Any] = {
            "id": new_id(),
            "organisation_id": organisation_id,
            "contact_id": contact_id,
            "channel": channel,
            "value": value[:500],
        }
        row |= {"address": shape, "health": "good", "health_reason": "", "health_at": None}
        rows.append(row | {"created_at": now, "position": places[channel]})
        places[channel] += 1
    return rows


async def change(
    connection: AsyncConnection,
    organisation_id: str,
    contact_id: str,
    values: Mapping[str, Any],
    points: Sequence[Place],
    now: datetime,
) -> list[str]:
    """Change columns and add addresses, which are used before those that were there; the ids of the new addresses."""
    which = contacts.c.organisation_id == organisation_id, contacts.c.id == contact_id
    await connection.execute(contacts.update().where(*which).values(**values, updated_at=now))
    rows = _point_rows(organisation_id, contact_id, points, now)
    for channel in {row["channel"] for row in rows}:
        mine = contact_points.c.contact_id == contact_id, contact_points.c.channel == channel
        fresh = sum(row["channel"] == channel for row in rows)
        await connection.execute(contact_points.update().where(*mine).values(position=contact_points.c.position + fresh))
    if rows:
        await connection.execute(insert_into(connection, contact_points).on_conflict_do_nothing(), rows)
    return [row["id"] for row in rows]


async def set_order(connection: AsyncConnection, contact_id: str, order: Sequence[tuple[str, str]]) -> None:
    """Which of a contact's addresses, (channel, value), is used before which."""
    for position, (channel, value) in enumerate(order):
        mine = contact_points.c.contact_id == contact_id, contact_points.c.channel == channel, contact_points.c.value == value
        await connection.execute(contact_points.update().where(*mine).values(position=position))


async def remove_points(connection: AsyncConnection, organisation_id: str, point_ids: Collection[str]) -> None:
    """Forget addresses."""
    mine = contact_points.c.organisation_id == organisation_id
    await connection.execute(contact_points.delete().where(mine, contact_points.c.id.in_(point_ids)))


async def by_points(
    connection: AsyncConnection, organisation_id: str, channel: str, values: Iterable[str], most: int = 0
) -> dict[str, list[str]]:
    """{address: ids of the contacts that have it}, merged ones as those that stand for them. `most`: a wider shared one is left out."""
    wanted, found = sorted(set(values)), defaultdict[str, list[str]](list)
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        listed = one_of(connection, contact_points.c.value, some)
        if most:
            same = {"organisation_id": organisation_id, "channel": channel}
            listed = shared_by_few(connection, contact_points.c.value, same, some, most * BEHIND)
        query = (
            sa.select(contact_points.c.value, sa.func.coalesce(contacts.c.merged_into, contacts.c.id))
            .join(contacts, contacts.c.id == contact_points.c.contact_id)
            .where(
                contact_points.c.organisation_id == organisation_id,
                contact_points.c.channel == channel,
                listed,
            )
        )
        for value, contact_id in await connection.execute(query):
            if contact_id not in found[value]:
                found[value].append(contact_id)
    return {value: ids for value, ids in found.items() if not most or len(ids) <= most}


async def by_match_keys(connection: AsyncConnection, organisation_id: str, keys: Iterable[str]) -> dict[str, str]:
    """{match key: contact}: made with that key, or said by a person to be the one; merged ones as those that stand for them."""
    wanted = sorted(set(keys))
    found: dict[str, str] = {}
    learnt: dict[str, str] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        made = sa.select(contacts.c.match_key, _stands_for(), sa.literal(0)).where(
            contacts.c.organisation_id == organisation_id, one_of(connection, contacts.c.match_key, some)
        )
        key = contact_keys_table.c
        said = (
            sa.select(key.value, _stands_for(), sa.literal(1))
            .join(contacts, contacts.c.id == key.contact_id)
            .where(key.organisation_id == organisation_id, key.kind == contact_keys.LEARNT, one_of(connection, key.value, some))
        )
        for value, contact_id, by_person in await connection.execute(sa.union_all(made, said)):
            (learnt if by_person else found).setdefault(value, contact_id)
    return found | learnt
