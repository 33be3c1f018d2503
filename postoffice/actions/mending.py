"""Fixes of a mailing's document, whichever door asks: applied to one letter or to all with a finding, undone, checked again.

The document as it was read stays in the store: a fix makes a new one and is written down, and undoing makes the document anew from the
first one with the fixes that are left. What a person corrected is never taken back by a fix.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.compose.fixes import catalogue
from postoffice.compose.fixes.catalogue import Fix
from postoffice.compose.preflight import fold
from postoffice.house import House
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.finding import Finding, Severity
from postoffice.model.item import Item, NewItem, worst
from postoffice.model.mailing import Mailing
from postoffice.model.ports import StoredDocument
from postoffice.model.states import ItemState, MailingState
from postoffice.pdf.sniff import PDF
from postoffice.store import items, itemsets, mailings, people

#: pages that one fix treats at most: it is done while a person waits
MOST_PAGES = 2_000
_OPEN = (ItemState.DRAFT, ItemState.HELD, ItemState.EXCLUDED)
#: findings that reading the pages again makes anew; those of cutting and of fields stay
_OF_PAGES = (
    "page-", "content-", "window-", "address-", "no-address", "ocr-", "font-", "text-tiny", "line-", "image-", "transparency", "colour",
    "too-many-sheets", "only-duplex-fits",
)  # fmt: skip
_OF_ADDRESS = ("address-", "no-address", "ocr-")
_OF_CUTTING = ("address-repeated",)


async def concerned(house: House, mailing: Mailing, fix: Fix) -> list[Item]:
    """The letters that a fix would treat: those with a finding that it answers, all where the finding is the document's."""
    async with house.database.read() as connection:
        every = await items.page(connection, mailing.id, items.Filter(), after=0, limit=1_000_000)
    whole = any(one.code in fix.answers for one in mailing.findings)
    return [one for one in every if one.state in _OPEN and (whole or any(found.code in fix.answers for found in one.findings))]


def pages_of(fix: Fix, some: Sequence[Item]) -> list[int]:
    """The pages of these letters that a fix treats."""
    pages: set[int] = set()
    for item in some:
        for first, count in item.runs:
            if first:
                pages.update(catalogue.pages_for(fix, item.findings, first, count))
    return sorted(pages)


async def apply(house: House, mailing: Mailing, word: str, actor: Actor, item: Item | None = None) -> None:
    """Apply a fix to one letter, or to all that it concerns. Conflict where the mailing no longer waits or was changed meanwhile."""
    fix = catalogue.get(word)
    some = [one for one in await concerned(house, mailing, fix) if item is None or one.id == item.id]
    pages = pages_of(fix, some)
    if not pages:
        raise Conflict("nothing-to-fix", "No letter has anything that this would mend.", help="Reload the page.")
    step = {"word": word, "pages": pages, "at": house.clock.now().isoformat(), "by": actor.name}
    await _rebuild(house, mailing, [*mailing.fixes, step], pages, actor, f"fix.{word}")


async def undo(house: House, mailing: Mailing, number: int, actor: Actor) -> None:
    """Take fix `number` (from 0) back; the others stay."""
    if not 0 <= number < len(mailing.fixes):
        raise Conflict("nothing-to-undo", "This was undone already.", help="Reload the page.")
    left = [one for place, one in enumerate(mailing.fixes) if place != number]
    await _rebuild(house, mailing, left, mailing.fixes[number]["pages"], actor, "fix.undo")


async def _rebuild(
    house: House, mailing: Mailing, fixes: Sequence[Mapping[str, Any]], pages: Sequence[int], actor: Actor, action: str
) -> None:
    """Make the document from the first one by these fixes, read the letters on `pages` again, and keep both."""
    if mailing.state is not MailingState.WAITING:
        raise Conflict("mailing-state", "This mailing was sent already.", help="Reload the page to see where it stands.")
    if len(pages) > MOST_PAGES:
        raise PostOfficeError(
            "fix-too-large",
            f"{len(pages)} pages would have to be written anew; at once it can be {MOST_PAGES}.",
            help="Mend the template and print again, or fix single letters.",
            pages=len(pages),
        )
    assert mailing.document is not None
    base = str(mailing.fixes[0]["before"]) if mailing.fixes else mailing.document
    async with house.database.read() as connection:
        every = await items.page(connection, mailing.id, items.Filter(), after=0, limit=1_000_000)
    touched = set(pages)
    some = [
        one
        for one in every
        if one.state in _OPEN and any(touched & set(range(first, first + count)) for first, count in one.runs if first)
    ]
    with tempfile.TemporaryDirectory(prefix="postoffice-fix-") as folder:
        async with house.documents.as_file(mailing.organisation_id, base) as first:
            path = await _carried_out(house, mailing, fixes, first, Path(folder))
            fresh, document = await house.workshop.run(
                catalogue.check_again, path, [(one.first_page, one.pages) for one in some if not one.parts], mailing.layout
            )
            stored = await house.documents.put_file(mailing.organisation_id, path) if fixes else StoredDocument(base, 0)
    written = [{**one, "before": base} for one in fixes]
    whole = len(some) == len(every)
    kept, shared = _settled(mailing, fresh, document, whole=whole)
    async with house.database.write() as connection:
        current = await mailings.locked(connection, mailing.id)
        here = {(one.id, *one.runs): one for one in await itemsets.all_of(connection, mailing.id)}
        if (
            current.document != mailing.document
            or current.state is not MailingState.WAITING
            or any((one.id, *one.runs) not in here for one in some)
        ):
            raise Conflict("document-changed", "The document was changed meanwhile: nothing was done.", help="Reload the page.")
        if fixes:
            await mailings.note_document(connection, mailing.organisation_id, stored, PDF, house.clock.now())
        await mailings.update(
            connection, mailing.id, document=stored.sha256, kept=None, fixes=written, findings=mailings.as_findings(shared)
        )
        for old, new in zip([one for one in some if not one.parts], kept, strict=True):
            now_there = here[(old.id, *old.runs)]  # a person may have corrected it while the pages were written anew
            if now_there.state in _OPEN:
                await _renew(connection, house, now_there, new)
        await people.note(
            connection, organisation_id=mailing.organisation_id, actor=actor.name, action=action, subject=mailing.id,
            now=house.clock.now(), detail={"pages": len(pages), "items": len(some)},
        )  # fmt: skip


async def _carried_out(house: House, mailing: Mailing, fixes: Sequence[Mapping[str, Any]], first: Path, folder: Path) -> Path:
    path = first
    for number, step in enumerate(fixes):
        target = folder / f"{number}.pdf"
        await house.workshop.run(
            catalogue.apply, path, str(step["word"]), [int(page) for page in step["pages"]], mailing.layout, target
        )
        path = target
    return path


def _settled(
    mailing: Mailing, fresh: Sequence[NewItem], document: Sequence[Finding], *, whole: bool
) -> tuple[list[NewItem], list[Finding]]:
    """(letters with their findings, findings of the document). What the document tells already is not told again by each letter."""
    kept, shared = fold(fresh)
    others = [one for one in mailing.findings if not one.code.startswith("pdf-")]
    if whole:
        others = [one for one in others if not one.code.startswith(_OF_PAGES) or one.code == "no-address-anywhere"]
    told = {one.code for one in others}
    kept = [
        NewItem(one.first_page, one.pages, one.address, tuple(found for found in one.findings if found.code not in told))
        for one in kept
    ]
    return kept, [*document, *others, *(one for one in shared if one.code not in told)]


async def _renew(connection: AsyncConnection, house: House, old: Item, new: NewItem) -> None:
    """Write a letter's findings; its address stays where it has one, since a person may have corrected it."""
    corrected = old.address is not None and old.address != old.address_read
    stays = [one for one in old.findings if not one.code.startswith(_OF_PAGES) or one.code in _OF_CUTTING]
    if corrected:
        stays += [one for one in old.findings if one.code.startswith(_OF_ADDRESS) and one not in stays]
    made = [one for one in new.findings if not (corrected and one.code.startswith(_OF_ADDRESS))]
    findings = (*stays, *made)
    known = {one.code for one in old.findings if one.severity is Severity.ERROR}
    if old.state is ItemState.DRAFT and known and {one.code for one in findings if one.severity is Severity.ERROR} <= known:
        level = worst(findings)  # a person said that it may go as it is
        shapes = [one.as_dict() for one in findings]
        await items.update_draft(connection, old.id, house.clock.now(), findings=shapes, level=level.value if level else None)
        return
    await items.edit(connection, old, house.clock.now(), address=old.address or new.address, findings=findings)
