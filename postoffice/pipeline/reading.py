"""Read: the submitted bytes become a PDF, its pages are read in slices by child processes, and items are cut from them."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from postoffice import actions
from postoffice.compose import pages as page_reader
from postoffice.compose import split
from postoffice.compose.pages import PageFacts
from postoffice.house import House
from postoffice.model.errors import Conflict, PostOfficeError, TooLarge
from postoffice.model.item import NewItem
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind, MailingState
from postoffice.pdf import convert, document
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, events, items, mailings
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease

SLICE = 100  #: pages per piece of work: about a second, so that progress moves and both cores work
AT_ONCE = 4  #: slices in the workshop at the same time


async def read(house: House, batch: Batch, stop: Stop) -> None:
    """Cut the mailing into items. What is wrong with the document ends in the mailing's error, in words, not in a retry."""
    now = house.clock.now()
    async with house.database.write() as connection:
        mailing = await mailings.get(connection, batch.subject_id)
        if mailing.state not in (MailingState.RECEIVED, MailingState.READING):
            await batches.finish(connection, batch, now)
            return
        await mailings.command(connection, mailing, "read")
    try:
        mailing = await _as_pdf(house, mailing)
        found, proposals = await _read_items(house, mailing, stop)
    except PostOfficeError as error:
        if error.status >= 500:  # ours to mend (disk full, damaged store): try again later
            raise
        await _fail(house, batch, mailing, error)
        return
    await _offer(house, batch, mailing, len(found), proposals)


async def _as_pdf(house: House, mailing: Mailing) -> Mailing:
    """The mailing with its PDF and number of pages; converted once, however often this step runs."""
    assert mailing.original is not None
    if mailing.document is None and mailing.media_type == convert.PDF:
        sha256 = mailing.original
    elif mailing.document is None:
        sha256 = await _convert(house, mailing)
    else:
        sha256 = mailing.document
    async with house.documents.as_file(mailing.organisation_id, sha256) as path:
        facts = await house.workshop.run(document.inspect, path)
    if facts.pages > house.limits.max_pages:
        raise TooLarge(
            "too-many-pages",
            f"This document has {facts.pages} pages; one job may have {house.limits.max_pages}.",
            help="Print it in parts, or ask your administrator to raise the limit.",
            pages=facts.pages,
            limit=house.limits.max_pages,
        )
    async with house.database.write() as connection:
        await mailings.update(connection, mailing.id, document=sha256, pages=facts.pages, pages_read=0)
        return await mailings.get(connection, mailing.id)


async def _convert(house: House, mailing: Mailing) -> str:
    assert mailing.original is not None
    with tempfile.TemporaryDirectory(prefix="po-convert-") as folder:
        target = Path(folder) / "document.pdf"
        async with house.documents.as_file(mailing.organisation_id, mailing.original) as source:
            await house.workshop.run(convert.to_pdf, source, mailing.media_type, target)
        stored = await house.documents.put_file(mailing.organisation_id, target)
    async with house.database.write() as connection:
        await mailings.note_document(connection, mailing.organisation_id, stored, convert.PDF, house.clock.now())
    return stored.sha256


async def _read_items(house: House, mailing: Mailing, stop: Stop) -> tuple[Sequence[PageFacts], Sequence[NewItem]]:
    assert mailing.document is not None
    rule = split.parse_rule(mailing.split_rule)
    zones = split.zones_of(rule)
    gate = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def one_slice(path: Path, first: int, count: int) -> list[PageFacts]:
        nonlocal done
        async with gate:
            stop.check()
            facts = await house.workshop.run(page_reader.read_pages, path, first, count, mailing.layout, zones)
            done += count
            async with house.database.write() as connection:
                await mailings.update(connection, mailing.id, pages_read=min(done, mailing.pages))
            return list(facts)

    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        starts = range(1, mailing.pages + 1, SLICE)
        tasks = [asyncio.create_task(one_slice(path, first, min(SLICE, mailing.pages + 1 - first))) for first in starts]
        try:
            slices = await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
    facts = [page for part in slices for page in part]
    return facts, split.cut(facts, rule, LAYOUTS[mailing.layout])


async def _offer(house: House, batch: Batch, mailing: Mailing, pages: int, proposals: Sequence[NewItem]) -> None:
    """Write the items and let the person choose; an automatic printer goes on by itself with what nothing speaks against."""
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.finish(connection, batch, now):
            raise LostLease(batch.id)
        held = await items.add_all(connection, mailing.organisation_id, mailing.id, proposals, now)
        await mailings.update(connection, mailing.id, items=len(proposals), pages_read=pages)
        await mailings.command(connection, mailing, "offer", ready_at=now)
        event = events.NewEvent(
            mailing.organisation_id,
            EventKind.READ,
            "office",
            now,
            mailing_id=mailing.id,
            detail={"items": len(proposals), "held": held, "pages": pages},
        )
        await events.add(connection, [event], now)
        ready = await mailings.get(connection, mailing.id)
    if ready.automatic and held < len(proposals):
        with suppress(Conflict):  # somebody was quicker on the page
            await actions.send(house, ready, ready.options, actions.OFFICE)


async def _fail(house: House, batch: Batch, mailing: Mailing, error: PostOfficeError) -> None:
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.finish(connection, batch, now):
            raise LostLease(batch.id)
        shape = mailings.as_error(error.code, error.message, error.help, error.facts)
        await mailings.command(connection, mailing, "fail", error=shape, finished_at=now)
    house.log.info("mailing.unreadable", mailing=mailing.id, code=error.code)
