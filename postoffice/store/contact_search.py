"""Lists of contacts by words, tags, channels and health, a page at a time whatever their number. The caller owns the transaction.

No scan: each filter is a range of an index. The smallest one is looked at first, and what it leaves is sorted; where even that is wide
(a very common word, a channel that everybody has), contacts are walked in the order of their names until the page is full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.lists import asked_of_each, one_of
from postoffice.store.schema import contact_keys, contact_points, contacts

_NARROW = 5_000  #: entries that are cheaper fetched and sorted than walked by
_SORTED = 25_000  #: entries that are sooner sorted than found again among all that one walks by
_MOST_WORDS = 5
_END = "\x7f"  # behind all letters that words are made of


@dataclass(frozen=True, slots=True)
class Look:
    """What a list shows. `words` are bare (contacts.words.tokens) and may be beginnings; `typed` is looked for among e-mail addresses,
    numbers and other programs' numbers, in place of several words."""

    words: tuple[str, ...] = ()
    typed: str = ""
    tag: str = ""
    channel: str = ""
    health: str = ""


def _filters(organisation_id: str, look: Look) -> list[sa.Select[Any]]:
    """Each filter as the ids of the contacts that it leaves."""
    key, point = contact_keys.c, contact_points.c
    found = []
    of_key = sa.select(key.contact_id).where(key.organisation_id == organisation_id)
    if look.typed:
        ends = look.typed + "\U0010ffff"
        by_point = sa.select(point.contact_id).where(
            point.organisation_id == organisation_id,
            point.channel.in_(["email", "sms", "fax"]),
            point.value >= look.typed,
            point.value < ends,
        )
        by_number = of_key.where(key.kind == "x", key.value >= look.typed, key.value < look.typed + _END)
        ways = [by_point] if "@" in look.typed else [by_point, by_number]
        if len(look.words) == 1:  # a postcode looks like a number
            ways.append(of_key.where(key.kind == "w", key.value >= look.words[0], key.value < look.words[0] + _END))
        found.append(sa.union_all(*ways) if len(ways) > 1 else by_point)
    else:
        found += [of_key.where(key.kind == "w", key.value >= word, key.value < word + _END) for word in look.words[:_MOST_WORDS]]
    if look.tag:
        found.append(of_key.where(key.kind == "t", key.value == look.tag))
    if look.channel or look.health:
        mine = sa.select(point.contact_id).where(point.organisation_id == organisation_id)
        if look.channel:
            mine = mine.where(point.channel == look.channel)
        found.append(mine.where(point.health == look.health) if look.health else mine)
    return found  # type: ignore[return-value]


async def page(
    connection: AsyncConnection, organisation_id: str, look: Look, *, after: tuple[str, str] | None = None, limit: int = 50
) -> list[str]:
    """Ids of contacts that fit, by name then id, after the (name, id) of the last one; merged and erased ones are left out."""
    query = sa.select(contacts.c.id).where(asked_of_each(contacts.c.merged_into).is_(None), contacts.c.erased_at.is_(None))
    owner: sa.ColumnElement[str] = asked_of_each(contacts.c.organisation_id)
    if after:
        name, contact_id = after
        query = query.where(sa.or_(contacts.c.name > name, sa.and_(contacts.c.name == name, contacts.c.id > contact_id)))
        query = query.where(contacts.c.name >= name)  # the same once more, so that the index begins there
    by_name: tuple[Any, ...] = (asked_of_each(contacts.c.name), contacts.c.id)  # its index would be walked from its beginning
    filters = _filters(organisation_id, look)
    narrow: list[str] | None = None
    for one in filters:
        ids = await _few(connection, one)
        if ids is not None and (narrow is None or len(ids) < len(narrow)):
            narrow = ids
    if narrow is not None:
        query = query.where(one_of(connection, contacts.c.id, narrow))
        others = filters if len(filters) > 1 else []
    elif (first := await _smallest(connection, filters)) is not None:
        query = query.where(contacts.c.id.in_(_standing(first)))
        others = [one for one in filters if one is not first]
    else:  # no list leads: the index of names does
        owner, by_name, others = contacts.c.organisation_id, (contacts.c.name, contacts.c.id), filters
    for one in others:
        query = query.where(_holds(one))
    return list(await connection.scalars(query.where(owner == organisation_id).order_by(*by_name).limit(limit)))


async def _smallest(connection: AsyncConnection, filters: Sequence[sa.Select[Any]]) -> sa.Select[Any] | None:
    """The filter that leaves the fewest; None where even that leaves more than _SORTED."""
    counted = []
    for place, one in enumerate(filters):
        some = one.limit(_SORTED + 1).subquery()
        counted.append((int(await connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0), place))
    number, place = min(counted, default=(_SORTED + 1, 0))
    return filters[place] if number <= _SORTED else None


def _standing(ids: sa.Select[Any]) -> sa.CompoundSelect[Any]:
    """The contacts that a filter leaves, and those that stand for them."""
    own = sa.select(ids.subquery().c.contact_id)
    other = contacts.alias("other")
    return sa.union(own, sa.select(other.c.merged_into).where(other.c.merged_into.is_not(None), other.c.id.in_(own)))


async def _few(connection: AsyncConnection, ids: sa.Select[Any]) -> list[str] | None:
    """The contacts that a filter leaves, with those that stand for them; None for more than _NARROW."""
    found = list(await connection.scalars(ids.limit(_NARROW + 1)))
    if len(found) > _NARROW:
        return None
    unique = sorted(set(found))
    standing = sa.select(contacts.c.merged_into).where(contacts.c.id.in_(unique), contacts.c.merged_into.is_not(None))
    return sorted({*unique, *(one for one in await connection.scalars(standing) if one)})


def _holds(ids: sa.Select[Any]) -> sa.ColumnElement[bool]:
    """Whether a contact is among a filter's, asked contact by contact."""
    inner = ids.subquery()
    group = sa.or_(inner.c.contact_id == contacts.c.id)
    return sa.exists().where(group)


async def changed(
    connection: AsyncConnection, organisation_id: str, since: tuple[datetime, str] | None, limit: int
) -> Sequence[tuple[str, datetime]]:
    """(id, when) of contacts in the order in which they were changed, after a place; merged and erased ones are among them."""
    table = contacts.c
    query = sa.select(table.id, table.updated_at).where(table.organisation_id == organisation_id)
    if since:
        moment, contact_id = since
        query = query.where(table.updated_at >= moment)
        query = query.where(sa.or_(table.updated_at > moment, table.id > contact_id))
    found = await connection.execute(query.order_by(table.updated_at, table.id).limit(limit))
    return [(row.id, row.updated_at) for row in found]


async def tags(connection: AsyncConnection, organisation_id: str, limit: int = 50) -> list[str]:
    """Tags that contacts have, found by leaps over the index: as many steps as there are tags."""
    found: list[str] = []
    last = ""
    while len(found) < limit:
        query = sa.select(sa.func.min(contact_keys.c.value)).where(
            contact_keys.c.organisation_id == organisation_id, contact_keys.c.kind == "t", contact_keys.c.value > last
        )
        value = await connection.scalar(query)
        if value is None:
            break
        found.append(value)
        last = value
    return found
