"""Cutting a mailing anew from what was kept of its pages, undoing that, letters that share envelopes, fields: whichever door asks.

Each is one transaction and ends in the transition table; what a person may lose by it is kept first, so that it can be undone.
"""

import json
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import steering
from postoffice.actions.actor import Actor
from postoffice.compose import field_reading, kept, recheck, together
from postoffice.compose.fields import FieldRule, Fields, field_rules
from postoffice.compose.findings import finding
from postoffice.compose.order import Entry
from postoffice.compose.reading import Reading, load_rows, zones_needed
from postoffice.compose.rules import OrderRule, parse_rule
from postoffice.house import House
from postoffice.model.channel import Purpose
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.item import Item, NewItem
from postoffice.model.mailing import Mailing, Options
from postoffice.model.states import MAILING_COMMANDS, ItemState, MailingState
from postoffice.store import items, itemsets, mailings, people, printers

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNDO_TYPE = "application/x-postoffice-items"


async def rules_of(house: House, mailing: Mailing) -> tuple[FieldRule, ...]:
    """The rules by which fields of this mailing are read: its own, else those of its printer as they are now."""
    shapes: Sequence[dict[str, Any]] = mailing.fields or ()
    if mailing.fields is None and mailing.printer_id:
        async with house.database.read() as connection:
            shapes = await printers.fields_of(connection, mailing.printer_id)
    return field_rules(shapes)


async def entries_of(house: House, mailing: Mailing, rule_text: str) -> list[Entry]:
    """The rows of the spreadsheet that an order rule names; none for other rules. PostOfficeError unreadable-spreadsheet."""
    rule = parse_rule(rule_text)
    if not isinstance(rule, OrderRule):
        return []
    if not _SHA256.fullmatch(rule.file):
        raise PostOfficeError(
            "no-spreadsheet", "The spreadsheet of this cutting rule is missing.", help="Bring it in with the document."
        )
    async with house.documents.as_file(mailing.organisation_id, rule.file) as path:
        return await house.workshop.run(load_rows, path, mailing.layout)


async def keep(house: House, mailing: Mailing, whole: kept.Kept) -> str:
    """Put what was read of the pages into the store of documents; under which SHA-256."""
    stored = await house.documents.put(mailing.organisation_id, kept.pack(whole))
    async with house.database.write() as connection:
        await mailings.note_document(connection, mailing.organisation_id, stored, kept.MEDIA_TYPE, house.clock.now())
    return stored.sha256


async def write_items(connection: AsyncConnection, mailing: Mailing, reading: Reading, now: datetime, **cuts: Any) -> int:
    """Write a reading's items, put together as the options ask, with what is to be said of the mailing; how many are held.

    A mailing that is not surely cut no longer leaves by itself. `cuts`: more to keep beside the proposals.
    """
    proposed, options = _one_purpose(reading.items, mailing.options)
    made = together.gather(proposed, options)
    held = await items.add_all(connection, mailing.organisation_id, mailing.id, made, now)
    shape = {"proposals": [one.as_dict() for one in reading.proposals], "rule": reading.rule, "sure": reading.sure, **cuts}
    await mailings.update(
        connection,
        mailing.id,
        items=len(made),
        findings=mailings.as_findings(reading.findings),
        options=options.as_dict(),
        automatic=mailing.automatic and reading.sure,
        cuts=shape,
    )
    return held


def _one_purpose(found: Sequence[NewItem], options: Options) -> tuple[list[NewItem], Options]:
    """The purpose that markers or rows tell becomes the mailing's; letters with another one are held: opt-outs and law hang on it."""
    told = Counter(item.fields["purpose"] for item in found if "purpose" in item.fields)
    if not told:
        return list(found), options
    usual = Purpose(told.most_common(1)[0][0])
    checked = []
    for item in found:
        other = item.fields.get("purpose", usual.value)
        if other != usual.value:
            item = replace(item, findings=(*item.findings, finding("marker-other-purpose", item.first_page, text=other)))
        checked.append(item)
    return checked, replace(options, purpose=usual)


async def recut(house: House, mailing: Mailing, layout: str, rule_text: str, actor: Actor) -> bool:
    """Cut in another way. From what was kept of the pages, at once and with a way back, where that is enough; else the pages are read
    again by the worker. Returns whether it is done already. PostOfficeError order-mismatch and others leave everything as it is."""
    recheck.check_rule(rule_text)
    rules = await rules_of(house, mailing)
    entries = await entries_of(house, mailing, rule_text)
    reading = None
    if mailing.kept and mailing.state in MAILING_COMMANDS["recut"][0]:
        async with house.documents.as_file(mailing.organisation_id, mailing.kept) as path:
            reading = await house.workshop.run(_cut_kept, path, layout, rule_text, entries, rules)
    if reading is None:
        await steering.recut(house, mailing, layout, rule_text, actor)
        return False
    undo = await _snapshot(house, mailing)
    now = house.clock.now()
    async with house.database.write() as connection:
        for word in ("recut", "read", "offer"):
            current = await mailings.get(connection, mailing.id)
            more: dict[str, Any] = {"split_rule": rule_text, "automatic": False, "error": None} if word == "recut" else {}
            await mailings.command(connection, current, word, **more)
        await write_items(connection, await mailings.get(connection, mailing.id), reading, now, undo=undo)
        await mailings.update(connection, mailing.id, ready_at=now)
        await _audit(connection, house, mailing, actor, "mailing.recut", rule=rule_text, layout=layout)
    return True


def _cut_kept(path: Path, layout: str, rule: str, entries: Sequence[Entry], rules: Sequence[FieldRule]) -> Reading | None:
    """In a child process: cut from the kept pages; None where they do not tell enough."""
    whole = kept.unpack(path.read_bytes())
    if whole is None or not kept.suits(whole, layout, zones_needed(rule, rules)):
        return None
    return kept.conclude_kept(whole, rule, entries, rules)


async def _snapshot(house: House, mailing: Mailing) -> dict[str, Any]:
    """The items as they stand, corrections by hand included, kept as a document: what `undo` puts back."""
    async with house.database.read() as connection:
        rows = await itemsets.take_down(connection, mailing.id)
    content = zlib.compress(json.dumps(rows, ensure_ascii=False).encode(), 3)
    stored = await house.documents.put(mailing.organisation_id, content)
    async with house.database.write() as connection:
        await mailings.note_document(connection, mailing.organisation_id, stored, _UNDO_TYPE, house.clock.now())
    return {
        "items": stored.sha256,
        "rule": mailing.split_rule,
        "layout": mailing.layout,
        "options": mailing.options.as_dict(),
        "findings": mailings.as_findings(mailing.findings),
        "cuts": {name: value for name, value in mailing.cuts.items() if name != "undo"},
    }


async def undo(house: House, mailing: Mailing, actor: Actor) -> None:
    """Put back the items as they were before the last cut, or before letters were put together. Conflict without anything to undo."""
    before = mailing.cuts.get("undo")
    if not before or mailing.state is not MailingState.WAITING:
        raise Conflict("nothing-to-undo", "There is nothing to undo here.", help="Reload the page to see where the mailing stands.")
    content = await house.documents.get(mailing.organisation_id, before["items"])
    rows = json.loads(zlib.decompress(content))
    async with house.database.write() as connection:
        current = await mailings.locked(connection, mailing.id)
        if current.state is not MailingState.WAITING or current.cuts.get("undo") != before:
            raise Conflict("mailing-state", "This mailing has changed meanwhile.", help="Reload the page to see where it stands.")
        await itemsets.put_back(connection, mailing.id, rows)
        await mailings.update(
            connection,
            mailing.id,
            split_rule=before["rule"],
            layout=before["layout"],
            options=before["options"],
            findings=before["findings"],
            items=len(rows),
            cuts=before["cuts"],
        )
        await _audit(connection, house, mailing, actor, "mailing.recut-undone", rule=before["rule"])


async def share_envelopes(house: House, mailing: Mailing, options: Options, actor: Actor) -> None:
    """Put letters together as the options ask, or apart; what was corrected by hand stays. Conflict unless the mailing waits."""
    before = await _snapshot(house, mailing)
    now = house.clock.now()
    async with house.database.write() as connection:
        current = await mailings.locked(connection, mailing.id)
        if current.state is not MailingState.WAITING:
            raise Conflict("mailing-state", "This mailing was sent already.", help="Reload the page to see where it stands.")
        old = await itemsets.all_of(connection, mailing.id)
        drafts = together.scatter([recheck.unchanged(item) for item in old if item.state is ItemState.DRAFT])
        count = await itemsets.regroup(connection, mailing.id, old, together.gather(drafts, options), now)
        await mailings.update(connection, mailing.id, items=count, options=options.as_dict(), cuts={**current.cuts, "undo": before})
        await _audit(connection, house, mailing, actor, "mailing.together", together=options.together.value, items=count)


async def try_fields(house: House, mailing: Mailing, rules: Sequence[FieldRule], some: Sequence[Item]) -> list[tuple[Item, Fields]]:
    """What the rules read on these letters, without keeping anything."""
    assert mailing.document is not None
    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        found = await house.workshop.run(field_reading.try_fields, path, mailing.layout, [item.runs for item in some], tuple(rules))
    return list(zip(some, found, strict=True))


async def set_fields(house: House, mailing: Mailing, rules: Sequence[FieldRule], actor: Actor, *, printer: bool) -> None:
    """Keep the rules with the mailing (and, where asked, with its printer for the next ones) and read the mailing again with them."""
    shapes = [rule.as_dict() for rule in rules]
    async with house.database.write() as connection:
        await mailings.update(connection, mailing.id, fields=shapes)
        if printer and mailing.printer_id:
            await printers.update(connection, mailing.printer_id, fields=shapes)
            await _audit(connection, house, mailing, actor, "printer.fields", printer=mailing.printer_id)
        mailing = await mailings.get(connection, mailing.id)
    await recut(house, mailing, mailing.layout, mailing.split_rule, actor)


async def _audit(connection: AsyncConnection, house: House, mailing: Mailing, actor: Actor, action: str, **detail: Any) -> None:
    await people.note(
        connection,
        organisation_id=mailing.organisation_id,
        actor=actor.name,
        action=action,
        subject=mailing.id,
        now=house.clock.now(),
        detail=detail,
    )
