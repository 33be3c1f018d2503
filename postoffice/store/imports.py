"""Imports of contacts: what was brought, chosen, tried and written. The caller owns the transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import new_id
from postoffice.store.schema import (
    campaign_members,
    consents,
    contact_import_lines,
    contact_imports,
    contact_keys,
    contact_points,
    contacts,
    events,
    items,
    purchases,
    segment_members,
)
from postoffice.store.upsert import insert_into


class ImportState(StrEnum):
    """Where an import stands. Working states have a batch that does the work."""

    READING = "reading"  #: the file becomes rows
    MAPPING = "mapping"  #: a person says what its columns are
    TRYING = "trying"  #: what would change is found out
    TRIED = "tried"  #: a person looks at the difference
    APPLYING = "applying"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"  #: the file cannot be read


#: command -> states that it starts from, and the state that it leads to
COMMANDS: Mapping[str, tuple[tuple[ImportState, ...], ImportState]] = {
    "offer": ((ImportState.READING,), ImportState.MAPPING),
    "try": ((ImportState.MAPPING, ImportState.TRIED), ImportState.TRYING),
    "tell": ((ImportState.TRYING,), ImportState.TRIED),
    "change": ((ImportState.TRIED,), ImportState.MAPPING),
    "apply": ((ImportState.TRIED,), ImportState.APPLYING),
    "end": ((ImportState.APPLYING,), ImportState.DONE),
    "bring": ((ImportState.READING,), ImportState.DONE),  # purchases: nobody says anything of their columns
    "undo": ((ImportState.DONE,), ImportState.UNDOING),
    "undone": ((ImportState.UNDOING,), ImportState.UNDONE),
    "fail": ((ImportState.READING, ImportState.TRYING), ImportState.FAILED),
}
#: tables whose rows say that a contact is in use, beside the ledger
_USES = (items, events, purchases, segment_members, campaign_members)
PURCHASES = "purchases"  #: in `choices["of"]`: the file is not of contacts
WORKING = (ImportState.READING, ImportState.TRYING, ImportState.APPLYING, ImportState.UNDOING)


@dataclass(frozen=True, slots=True)
class Import:
    """An import as it stands in the database."""

    id: str
    organisation_id: str
    name: str
    document: str
    table: str | None
    state: ImportState
    facts: Mapping[str, Any]
    choices: Mapping[str, Any]
    outcome: Mapping[str, Any]
    rows: int
    next_row: int
    error: Mapping[str, Any] | None
    actor: str
    created_at: datetime
    finished_at: datetime | None


def _import(row: Mapping[Any, Any]) -> Import:
    return Import(state=ImportState(row["state"]), **{name: row[name] for name in Import.__slots__ if name != "state"})


async def add(
    connection: AsyncConnection, organisation_id: str, name: str, document: str, actor: str, now: datetime, *, of: str = ""
) -> str:
    """A file that was brought; the import's id. `of`: contacts, or PURCHASES."""
    import_id = new_id()
    row: dict[str, Any] = {
        "id": import_id,
        "organisation_id": organisation_id,
        "name": name[:255],
        "document": document,
        "actor": actor[:80],
    }
    row |= {"state": ImportState.READING.value, "facts": {}, "choices": {"of": of} if of else {}, "outcome": {}, "created_at": now}
    await connection.execute(contact_imports.insert(), row)
    return import_id


async def get(connection: AsyncConnection, import_id: str, organisation_id: str | None = None, *, of: str | None = None) -> Import:
    """One import, of this organisation and kind where they are given; NotFound otherwise."""
    query = contact_imports.select().where(contact_imports.c.id == import_id)
    if organisation_id is not None:
        query = query.where(contact_imports.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None or (of is not None and row["choices"].get("of", "") != of):
        raise NotFound("no-such-import", "There is no such import.", help="Look for it in the list of imports.")
    return _import(row)


async def latest(connection: AsyncConnection, organisation_id: str, limit: int = 20, *, of: str = "") -> list[Import]:
    """Imports of contacts, or of PURCHASES, newest first."""
    query = contact_imports.select().where(contact_imports.c.organisation_id == organisation_id)
    kind = sa.func.coalesce(contact_imports.c.choices["of"].as_string(), "")
    found = await connection.execute(query.where(kind == of).order_by(contact_imports.c.id.desc()).limit(limit))
    return [_import(row) for row in found.mappings()]


async def command(connection: AsyncConnection, one: Import, word: str, **values: Any) -> None:
    """Apply a command, guarded in the database as well; Conflict where it is not allowed."""
    sources, target = COMMANDS[word]
    which = contact_imports.c.id == one.id, contact_imports.c.state.in_([state.value for state in sources])
    result = await connection.execute(contact_imports.update().where(*which).values(state=target.value, **values))
    if result.rowcount != 1:
        raise Conflict("import-state", "This import stands elsewhere by now.", help="Reload the page to see where it stands.")


async def note(connection: AsyncConnection, import_id: str, **values: Any) -> None:
    """Keep how far it is."""
    assert "state" not in values
    await connection.execute(contact_imports.update().where(contact_imports.c.id == import_id).values(**values))


async def add_lines(connection: AsyncConnection, one: Import, lines: Sequence[Mapping[str, Any]]) -> None:
    """What happened to rows: each has row, kind (refused | conflict | changed), code, contact_id, before. A row has one line."""
    if lines:
        rows = [{"code": "", "contact_id": None, "before": None} | dict(line) for line in lines]
        extra = {"import_id": one.id, "organisation_id": one.organisation_id}
        await connection.execute(insert_into(connection, contact_import_lines).on_conflict_do_nothing(), [row | extra for row in rows])


async def clear_lines(connection: AsyncConnection, import_id: str) -> None:
    """Forget what an earlier trial said."""
    await connection.execute(contact_import_lines.delete().where(contact_import_lines.c.import_id == import_id))


async def lines(
    connection: AsyncConnection, one: Import, kinds: Collection[str], *, after: int = -1, limit: int = 200
) -> list[Mapping[str, Any]]:
    """Lines in the order of rows."""
    table = contact_import_lines.c
    query = contact_import_lines.select().where(table.import_id == one.id, table.kind.in_(kinds), table.row > after)
    return [dict(row) for row in (await connection.execute(query.order_by(table.row).limit(limit))).mappings()]


async def remembered(connection: AsyncConnection, organisation_id: str) -> dict[str, str]:
    """{column: target} as they were chosen for the last imports that were carried out, the newest counting most."""
    done = contact_imports.c.state.in_([ImportState.DONE.value, ImportState.APPLYING.value])
    query = sa.select(contact_imports.c.choices).where(contact_imports.c.organisation_id == organisation_id, done)
    found: dict[str, str] = {}
    for choices in await connection.scalars(query.order_by(contact_imports.c.id.desc()).limit(5)):
        for name, target in (choices.get("mapping") or {}).items():
            found.setdefault(name, target)
    return found


async def untouched(connection: AsyncConnection, one: Import, after: str, limit: int) -> tuple[list[str], str]:
    """Contacts that the import made and that nobody and nothing has used or changed since, after an id; where the next look begins,
    "" for none. Nobody uses or changes them until the transaction ends."""
    elsewhere = sa.func.coalesce(consents.c.proof["import"].as_string(), "") != one.id  # another file's word counts as well
    nothing = [
        *(~sa.exists().where(table.c.contact_id == contacts.c.id) for table in _USES),
        ~sa.exists().where(consents.c.contact_id == contacts.c.id, sa.or_(consents.c.means != "import", elsewhere)),
        contacts.c.updated_at == contacts.c.created_at,
        contacts.c.merged_into.is_(None),
    ]
    query = sa.select(contacts.c.id).where(*nothing).order_by(contacts.c.id)
    found = list(await connection.scalars(query.where(contacts.c.import_id == one.id, contacts.c.id > after).limit(limit)))
    if not found:
        return [], ""
    mine = contacts.c.id.in_(found)
    await connection.execute(sa.select(contacts.c.id).where(mine).order_by(contacts.c.id).with_for_update())
    return list(await connection.scalars(query.where(mine))), found[-1]  # again: somebody may have been waited for


async def remaining(connection: AsyncConnection, one: Import) -> int:
    """How many contacts that the import made are there."""
    return int(await connection.scalar(sa.select(sa.func.count()).where(contacts.c.import_id == one.id)) or 0)


async def remove(connection: AsyncConnection, contact_ids: Sequence[str]) -> None:
    """Take contacts away that were never used."""
    await connection.execute(contact_keys.delete().where(contact_keys.c.contact_id.in_(contact_ids)))
    await connection.execute(contact_points.delete().where(contact_points.c.contact_id.in_(contact_ids)))
    await connection.execute(consents.delete().where(consents.c.contact_id.in_(contact_ids)))
    await connection.execute(contacts.delete().where(contacts.c.id.in_(contact_ids)))
