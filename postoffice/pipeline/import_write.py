"""The writing half of an import: a sorted piece becomes rows of the database; an import is taken back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.contacts.difference import Known
from postoffice.contacts.keys import external, keys_of
from postoffice.contacts.sorting import Draft, Sorting
from postoffice.house import House
from postoffice.model.consent import Entry, Means
from postoffice.pipeline.stop import Stop
from postoffice.privacy import ledger
from postoffice.store import batches, consents, contact_book, contact_keys, imports
from postoffice.store.batches import Batch
from postoffice.store.contact_book import NewContact
from postoffice.store.deliveries import LostLease
from postoffice.store.imports import Import

__all__ = ["external", "undo", "write"]
_SLICE = 1_000
_COLUMNS = ("kind", "name", "company", "language", "preferred_channel", "external_ids", "attributes", "tags")


async def write(house: House, connection: AsyncConnection, one: Import, sorting: Sorting, now: datetime) -> int:
    """Write what a piece came to; how many consents were left withdrawn since a file cannot bring them back."""
    fresh = [draft for draft in sorting.drafts.values() if draft.fresh]
    new = [
        NewContact(
            _values(draft.known) | {"match_key": _match_key(house, one, draft), "import_id": one.id},
            draft.points,
            draft.keys,
            draft.known.id,
        )
        for draft in fresh
    ]
    await contact_book.add_all(connection, one.organisation_id, new, now)
    lines, keys = [], []
    changed = [draft for draft in sorting.drafts.values() if not draft.fresh and (draft.values or draft.points)]
    held = await contact_book.hold(connection, one.organisation_id, [draft.known.id for draft in changed])
    for draft in changed:
        if draft.known.id not in held:  # erased since it was looked up: nothing is written about this person any more
            continue
        values = {name: value or None if name == "preferred_channel" else value for name, value in draft.values.items()}
        added = await contact_book.change(connection, one.organisation_id, draft.known.id, values, draft.points, now)
        keys.append((draft.known.id, draft.keys))
        assert draft.before is not None
        before = {name: _plain(getattr(draft.before, name)) for name in draft.values}
        lines.append(
            {
                "row": -draft.row - 1,
                "kind": "changed",
                "contact_id": draft.known.id,
                "before": {"values": before, "points": added, "at": now.isoformat()},
            }
        )
    await contact_keys.write(connection, one.organisation_id, keys)
    await imports.add_lines(connection, one, lines)
    return await _consents(connection, one, sorting, now)


def _values(known: Known) -> dict[str, Any]:
    values = {name: _plain(getattr(known, name)) for name in _COLUMNS}
    return values | {"preferred_channel": known.preferred_channel or None, "tags": list(known.tags) or None}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value


def _match_key(house: House, one: Import, draft: Draft) -> str:
    text = draft.text or f"id|{draft.known.id}"  # somebody else with the same name and address has the usual key
    return house.keyring.blind(f"contact|{one.organisation_id}|{text}")


async def _consents(connection: AsyncConnection, one: Import, sorting: Sorting, now: datetime) -> int:
    told = {contact_id: draft.consents for contact_id, draft in sorting.drafts.items() if draft.consents}
    asked = [contact_id for contact_id in told if not sorting.drafts[contact_id].fresh]
    there = await consents.of_contacts(connection, one.organisation_id, asked) if asked else {}
    lines, kept = [], 0
    proof = {"import": one.id, "operator": one.actor}
    for contact_id, said in told.items():
        for (purpose, channel), given in said.items():
            standing = ledger.standing(there.get(contact_id, ()), purpose, channel)
            if standing is False and given:
                kept += 1
            elif standing is not given:
                lines.append((contact_id, Entry(purpose, channel, given, now, Means.IMPORT, proof)))
    await consents.add(connection, one.organisation_id, lines)
    return kept


async def undo(house: House, batch: Batch, one: Import, stop: Stop) -> None:
    """Take back what nobody has used or changed since: contacts that were made, and changes; the rest stays and is counted."""
    outcome = dict(one.outcome)
    outcome.setdefault("undo_at", house.clock.now().isoformat())
    async with house.database.write() as connection:
        await imports.note(connection, one.id, outcome=outcome)
    removed, restored, after = outcome.get("removed", 0), outcome.get("restored", 0), ""
    while True:
        stop.check()
        async with house.database.write() as connection:
            if not await batches.renew(connection, batch, house.clock.now(), house.lease):
                raise LostLease(batch.id)
            some, after = await imports.untouched(connection, one, after, _SLICE)
            if not after:
                break
            await imports.remove(connection, some)
            removed += len(some)
            await imports.note(connection, one.id, outcome=outcome | {"removed": removed, "restored": restored})
    restored += await _restore(house, batch, one, datetime.fromisoformat(outcome["undo_at"]), stop)
    async with house.database.write() as connection:
        left = await imports.remaining(connection, one)
        shape = outcome | {"removed": removed, "restored": restored, "left": left}
        await imports.command(connection, one, "undone", outcome=shape, finished_at=house.clock.now())


async def _restore(house: House, batch: Batch, one: Import, begun: datetime, stop: Stop) -> int:
    """The last changes first: a contact that several rows changed goes back step by step."""
    restored, after = 0, -(2**62)
    while True:
        stop.check()
        async with house.database.write() as connection:
            if not await batches.renew(connection, batch, house.clock.now(), house.lease):
                raise LostLease(batch.id)
            lines = await imports.lines(connection, one, ("changed",), after=after, limit=_SLICE)
            if not lines:
                return restored
            held = await contact_book.hold(connection, one.organisation_id, [line["contact_id"] for line in lines])
            full = await contact_book.by_ids(connection, one.organisation_id, held)
            for line in lines:
                restored += await _restore_one(connection, one, full.get(line["contact_id"]), line["before"], begun)
            after = lines[-1]["row"]


async def _restore_one(
    connection: AsyncConnection, one: Import, full: contact_book.FullContact | None, before: Mapping[str, Any], begun: datetime
) -> bool:
    if full is None or full.updated_at not in (datetime.fromisoformat(before["at"]), begun):
        return False  # somebody changed it since: that counts more
    values = dict(before["values"])
    if "preferred_channel" in values:
        values["preferred_channel"] = values["preferred_channel"] or None
    await contact_book.remove_points(connection, one.organisation_id, before["points"])
    await contact_book.change(connection, one.organisation_id, full.id, values, (), begun)
    again = (await contact_book.by_ids(connection, one.organisation_id, [full.id]))[full.id]
    places = [point.address for point in again.points if point.address]
    await contact_keys.replace(
        connection, one.organisation_id, full.id, keys_of(again.name, again.company, places, again.external_ids, again.tags)
    )
    return True
