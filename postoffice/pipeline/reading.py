"""Read: the submitted bytes become a PDF, its pages are read in slices by child processes, and items are cut from them."""

import asyncio
import tempfile
from pathlib import Path

from postoffice.actions import duplicates, recutting, steering
from postoffice.actions.actor import OFFICE
from postoffice.compose import kept
from postoffice.compose.reading import Reading, check_choice, slice_size, slices, zones_needed
from postoffice.house import House
from postoffice.model.errors import PostOfficeError, TooLarge
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind, MailingState
from postoffice.pdf import convert
from postoffice.pdf.document import DocumentFacts, inspect
from postoffice.pdf.outline import outline
from postoffice.pdf.sniff import PDF
from postoffice.pipeline import matching, merging
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, events, mailings
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease

SLICE = 100  #: pages per piece of work: about a second, so that progress moves and both cores work
AT_ONCE = 4  #: slices in the workshop at the same time


async def read(house: House, batch: Batch, stop: Stop) -> None:
    """Cut the mailing into items. What is wrong with the document ends in the mailing's error, in words, not in a retry."""
    async with house.database.write() as connection:
        mailing = await mailings.get(connection, batch.subject_id)
        if mailing.state in (MailingState.RECEIVED, MailingState.READING):
            await mailings.command(connection, mailing, "read")
    if mailing.state in (MailingState.RECEIVED, MailingState.READING):
        try:
            reading = None
            if mailing.media_type == merging.MEDIA_TYPE:
                with house.traces.span("merge"):
                    await merging.merge(house, batch, mailing, stop)
            else:
                with house.traces.span("convert", bytes=mailing.original_size):
                    mailing, facts = await _as_pdf(house, batch, mailing)
                with house.traces.span("cut", pages=mailing.pages) as span:
                    reading, pages = await _read_items(house, batch, mailing, facts, stop)
                    span.set(items=len(reading.items))
        except PostOfficeError as error:
            if error.status >= 500:  # ours to mend (disk full): try again later
                raise
            await _fail(house, batch, mailing, error)
            return
        if reading is not None:
            await _offer(house, batch, mailing, reading, pages)
    with house.traces.span("match"):
        await matching.match_mailing(house, batch, mailing, stop)
    await _go_on(house, batch)


async def _as_pdf(house: House, batch: Batch, mailing: Mailing) -> tuple[Mailing, DocumentFacts]:
    """The mailing with its PDF and number of pages; converted once, however often this step runs."""
    assert mailing.original is not None
    if mailing.document is None and mailing.media_type == PDF:
        sha256 = mailing.original
    elif mailing.document is None:
        sha256 = await _convert(house, mailing)
    else:
        sha256 = mailing.document
    async with house.documents.as_file(mailing.organisation_id, sha256) as path:
        facts = await house.workshop.run(inspect, path)
    if facts.pages > house.limits.max_pages:
        raise TooLarge(
            "too-many-pages",
            f"This document has {facts.pages} pages; one job may have {house.limits.max_pages}.",
            help="Print it in parts, or ask your administrator to raise the limit.",
            pages=facts.pages,
            limit=house.limits.max_pages,
        )
    async with merging.own(house, batch) as connection:
        await mailings.update(connection, mailing.id, document=sha256, pages=facts.pages, pages_read=0)
        return await mailings.get(connection, mailing.id), facts


async def _convert(house: House, mailing: Mailing) -> str:
    assert mailing.original is not None
    with tempfile.TemporaryDirectory(prefix="po-convert-") as folder:
        target = Path(folder) / "document.pdf"
        async with house.documents.as_file(mailing.organisation_id, mailing.original) as source:
            await house.workshop.run(convert.to_pdf, source, mailing.media_type, target)
        stored = await house.documents.put_file(mailing.organisation_id, target)
    async with house.database.write() as connection:
        await mailings.note_document(connection, mailing.organisation_id, stored, PDF, house.clock.now())
    return stored.sha256


async def _read_items(house: House, batch: Batch, mailing: Mailing, document: DocumentFacts, stop: Stop) -> tuple[Reading, str]:
    """Read all pages, cut, and keep what was read for cutting anew: under which SHA-256."""
    assert mailing.document is not None
    check_choice(mailing.layout, mailing.split_rule)
    rules = await recutting.rules_of(house, mailing)
    zones = zones_needed(mailing.split_rule, rules)
    entries = await recutting.entries_of(house, mailing, mailing.split_rule)
    gate = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def one_slice(path: Path, first: int, count: int) -> bytes:
        nonlocal done
        async with gate:
            stop.check()
            facts = await house.workshop.run(kept.read_slice, path, first, count, mailing.layout, zones)
            done += count
            async with merging.own(house, batch) as connection:
                await mailings.update(connection, mailing.id, pages_read=min(done, mailing.pages))
            return facts

    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        entry_points = await house.workshop.run(outline, path)
        sizes = slices(mailing.pages, min(SLICE, slice_size(document)))
        tasks = [asyncio.create_task(one_slice(path, first, count)) for first, count in sizes]
        try:
            parts = await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
    whole = kept.Kept(mailing.layout, zones, document, entry_points, tuple(parts))
    pages = await recutting.keep(house, mailing, whole)
    return await house.workshop.run(kept.conclude_kept, whole, mailing.split_rule, entries, rules), pages


async def _offer(house: House, batch: Batch, mailing: Mailing, reading: Reading, pages: str) -> None:
    """Write the items and let the person choose. Nothing where the mailing was taken back meanwhile. `pages`: what was read of them."""
    now = house.clock.now()
    async with merging.own(house, batch) as connection:
        current = await mailings.get(connection, mailing.id)
        if current.state is not MailingState.READING:
            return
        await mailings.command(connection, current, "offer", ready_at=now)
        held = await recutting.write_items(connection, current, reading, now)
        await mailings.update(connection, mailing.id, pages_read=reading.pages, kept=pages)
        event = events.NewEvent(
            mailing.organisation_id,
            EventKind.READ,
            "office",
            now,
            mailing_id=mailing.id,
            detail={"items": len(reading.items), "held": held, "pages": reading.pages},
        )
        await events.add(connection, [event], now)


async def _go_on(house: House, batch: Batch) -> None:
    """An automatic printer sends by itself what nothing speaks against; then the work is done.

    In this order: whoever dies in between leaves the batch open, and the next one comes by here again.
    """
    async with house.database.read() as connection:
        mailing = await mailings.get(connection, batch.subject_id)
    if mailing.state is MailingState.WAITING:
        await duplicates.hold(house, mailing)
    if mailing.automatic and mailing.state is MailingState.WAITING:
        try:
            await steering.send(house, mailing, mailing.options, OFFICE)
        except PostOfficeError as obstacle:  # all items are held, an envelope is too small, or somebody was quicker
            house.log.info("mailing.waits_for_a_person", mailing=mailing.id, code=obstacle.code)
    async with house.database.write() as connection:
        await batches.finish(connection, batch, house.clock.now())


async def _fail(house: House, batch: Batch, mailing: Mailing, error: PostOfficeError) -> None:
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.finish(connection, batch, now):
            raise LostLease(batch.id)
        if (await mailings.get(connection, mailing.id)).state is not MailingState.READING:  # taken back meanwhile
            return
        shape = mailings.as_error(error.code, error.message, error.help, error.facts)
        await mailings.command(connection, mailing, "fail", error=shape, finished_at=now)
    house.log.info("mailing.unreadable", mailing=mailing.id, code=error.code)
