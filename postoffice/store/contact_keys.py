"""The index beside the contacts: words, other programs' numbers, tags, and what alike people share. The caller owns the transaction.

What its entries are made of is contacts.keys' business: here they are pairs of kind and value.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict
from postoffice.store.lists import one_of, shared_by_few, table_of
from postoffice.store.prepared import Prepared, insert_of
from postoffice.store.schema import contact_keys, contacts
from postoffice.store.upsert import insert_into

AT_ONCE = 5_000  #: values of one IN list: far below what either database takes
BEHIND = 4  #: contacts that one may stand for when it is counted how many share a value
Key = tuple[str, str]
LEARNT = "m"  #: entries that a person's decision made: they stay when the others are made anew


def _add_key(connection: sa.Connection) -> Any:
    pairs = ["organisation_id", "kind", "value", "contact_id"]
    return insert_into(connection, contact_keys).on_conflict_do_nothing(index_elements=pairs)


_KEY = Prepared(_add_key, ["organisation_id", "kind", "value", "contact_id"])
_FIRST_KEY = insert_of(contact_keys)


async def write(
    connection: AsyncConnection, organisation_id: str, entries: Iterable[tuple[str, Collection[Key]]], *, fresh: bool = False
) -> None:
    """Add entries: (contact id, keys). Those that are there stay; `fresh`: contacts that were just made, which have none. Conflict
    where another contact has the same external number."""
    # neighbours are written together
    rows = sorted({(kind, value, contact_id) for contact_id, keys in entries for kind, value in keys})
    if not rows:
        return
    kinds, values, contact_ids = zip(*rows, strict=True)
    columns = {"organisation_id": [organisation_id] * len(rows), "kind": kinds, "value": values, "contact_id": contact_ids}
    try:
        await connection.run_sync((_FIRST_KEY if fresh else _KEY).run_columns, columns)
    except sa.exc.IntegrityError:
        raise Conflict(
            "external-id-taken", "Another contact has this number already.", help="Look for it, or merge the two contacts."
        ) from None


async def replace(connection: AsyncConnection, organisation_id: str, contact_id: str, keys: Collection[Key]) -> None:
    """Make a contact's entries anew."""
    mine = contact_keys.c.contact_id == contact_id, contact_keys.c.kind != LEARNT
    found = await connection.execute(sa.select(contact_keys.c.kind, contact_keys.c.value).where(*mine))
    there = {(row.kind, row.value) for row in found}
    gone = there - set(keys)
    if gone:
        both = sa.tuple_(contact_keys.c.kind, contact_keys.c.value)
        await connection.execute(
            contact_keys.delete().where(contact_keys.c.organisation_id == organisation_id, *mine, both.in_(sorted(gone)))
        )
    await write(connection, organisation_id, [(contact_id, set(keys) - there)])


async def holders(
    connection: AsyncConnection, organisation_id: str, kind: str, values: Iterable[str], most: int = 0
) -> dict[str, list[str]]:
    """{value: ids of its contacts}, merged ones as those that stand for them. `most`: a value that more have is left out, and not
    read either: half the book may live in one street."""
    wanted, found = sorted(set(values)), defaultdict[str, dict[str, None]](dict)  # in order, each once: some are shared by hundreds
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        listed = one_of(connection, contact_keys.c.value, some)
        if most:
            same = {"organisation_id": organisation_id, "kind": kind}
            listed = shared_by_few(connection, contact_keys.c.value, same, some, most * BEHIND)
        query = (
            sa.select(contact_keys.c.value, sa.func.coalesce(contacts.c.merged_into, contacts.c.id))
            .join(contacts, contacts.c.id == contact_keys.c.contact_id)
            .where(
                contact_keys.c.organisation_id == organisation_id,
                contact_keys.c.kind == kind,
                listed,
            )
        )
        for value, contact_id in await connection.execute(query):
            found[value][contact_id] = None
    return {value: list(ids) for value, ids in found.items() if not most or len(ids) <= most}


async def holders_of_numbers(
    connection: AsyncConnection, organisation_id: str, numbers: Iterable[str], split: str
) -> dict[str, list[str]]:
    """{another program's number: ids of contacts that have it in any program}. `split` stands between number and program."""
    entries: list[tuple[str, str]] = []
    wanted = sorted(set(numbers))
    for start in range(0, len(wanted), AT_ONCE):
        query = _entries(connection, organisation_id, wanted[start : start + AT_ONCE], split)
        entries += [(number, one) for number, one in await connection.execute(query) if one is not None]
    stand_for = await _standing_for(connection, {one for _number, one in entries})
    found = defaultdict[str, dict[str, None]](dict)
    for number, one in entries:
        found[number][stand_for[one]] = None
    return {number: list(ids) for number, ids in found.items()}


def _entries(connection: AsyncConnection, organisation_id: str, numbers: Sequence[str], split: str) -> sa.Select[Any]:
    """(number, contact id; None in SQLite where nobody has it), written so that each number is looked for by itself in the index: left
    to themselves both databases may read the numbers of the whole book, for each slice of a mailing anew."""
    listed, key = table_of(connection, numbers), contact_keys.c
    begun = sa.and_(key.value >= listed.c.value + split, key.value < listed.c.value + chr(ord(split) + 1))
    mine = sa.and_(key.organisation_id == organisation_id, key.kind == "x", begun)
    if connection.dialect.name == "sqlite":  # an outer join keeps its order
        joined = listed.outerjoin(contact_keys, mine)
        return sa.select(listed.c.value, key.contact_id).select_from(joined).order_by(key.value)
    held = sa.select(key.value, key.contact_id).where(mine).limit(AT_ONCE).lateral("held")
    return sa.select(listed.c.value, held.c.contact_id).select_from(listed.join(held, sa.true())).order_by(held.c.value)


async def _standing_for(connection: AsyncConnection, contact_ids: Collection[str]) -> dict[str, str]:
    """{contact id: the id of whom it belongs to now}."""
    wanted, found = sorted(contact_ids), dict[str, str]()
    for start in range(0, len(wanted), AT_ONCE):
        stands = sa.func.coalesce(contacts.c.merged_into, contacts.c.id)
        query = sa.select(contacts.c.id, stands).where(one_of(connection, contacts.c.id, wanted[start : start + AT_ONCE]))
        found |= {row[0]: row[1] for row in await connection.execute(query)}
    return found


async def forget(connection: AsyncConnection, contact_ids: Collection[str]) -> None:
    """Remove all entries of contacts."""
    await connection.execute(contact_keys.delete().where(contact_keys.c.contact_id.in_(contact_ids)))
