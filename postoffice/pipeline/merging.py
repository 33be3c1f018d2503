"""Merge: a template and its rows become letters, in parts by child processes, then one document with an item for each row.

Runs as the step that reads other mailings, and like it can run twice. A part whose process dies is printed in halves, so that in the
end only the row that kills it is held.
"""

import asyncio
import contextlib
import pickle
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import templating
from postoffice.compose.findings import finding
from postoffice.compose.merge import printing, records
from postoffice.compose.merge.checks import Problem
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.printing import Chunk, Made
from postoffice.house import House
from postoffice.model.errors import PostOfficeError, TimedOut
from postoffice.model.finding import Finding, Severity
from postoffice.model.item import NewItem
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind, MailingState
from postoffice.pdf import cut
from postoffice.pdf.sniff import PDF
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, events, items, mailings, people, templates
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease

MEDIA_TYPE = records.MEDIA_TYPE
SIZE = 200  #: rows of one part: some seconds where each is laid out, so that progress moves
CLEARED = 2000  #: rows that a died run left, removed at a time
AT_ONCE = 2  #: parts in the workshop at the same time


@dataclass(slots=True)
class _Job:
    """What one merge holds while it runs: files in a folder, little in memory."""

    house: House
    mailing: Mailing
    content: Content
    sender: str
    folder: Path
    pictures: Path | None
    done: int = 0
    pages: list[int] = field(default_factory=list)  #: of each part
    faulty: int = 0

    def part(self, number: int, kind: str) -> Path:
        """A file of part `number`: gz (its rows), pdf, made (what became of them)."""
        return self.folder / f"{number}.{kind}"


async def merge(house: House, batch: Batch, mailing: Mailing, stop: Stop) -> None:
    """Make the letters and offer them. PostOfficeError where the template cannot be used at all."""
    assert mailing.original is not None
    with tempfile.TemporaryDirectory(prefix="po-merge-") as made:
        folder = Path(made)
        async with house.documents.as_file(mailing.organisation_id, mailing.original) as path:
            told, counts = await house.workshop.run(records.split, path, folder, SIZE)
        async with own(house, batch) as connection:
            version = await templates.version(connection, mailing.organisation_id, version_id=told.version_id)
            organisation = await people.organisation(connection, mailing.organisation_id)
            await mailings.update(connection, mailing.id, pages=sum(counts), pages_read=0)
        content = Content.from_dict(version.content)
        async with templating.pictures(house, mailing.organisation_id, content) as pictures:
            job = _Job(house, mailing, content, organisation.name, folder, pictures, pages=[0] * len(counts))
            await _print_all(job, batch, counts, stop)
        document = folder / "document.pdf"
        await house.workshop.run(cut.join, [job.part(number, "pdf") for number in range(len(counts))], document)
        stored = await house.documents.put_file(mailing.organisation_id, document)
        now = house.clock.now()
        async with house.database.write() as connection:
            await mailings.note_document(connection, mailing.organisation_id, stored, PDF, now)
        await _offer(job, batch, stored.sha256, version.id, told.day, now)


async def _print_all(job: _Job, batch: Batch, counts: list[int], stop: Stop) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            stop.check()
            chunk = await _print(job, job.part(number, "gz"), job.part(number, "pdf"), first=number == 0)
            job.pages[number] = chunk.pages
            job.faulty += sum(bool(made.problems) for made in chunk.made)
            await asyncio.to_thread(job.part(number, "made").write_bytes, pickle.dumps(chunk.made, pickle.HIGHEST_PROTOCOL))
            job.done += counts[number]
            async with own(job.house, batch) as connection:
                await mailings.update(connection, job.mailing.id, pages_read=job.done)

    tasks = [asyncio.create_task(one(number)) for number in range(len(counts))]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _print(job: _Job, packed: Path, target: Path, *, first: bool) -> Chunk:
    """A part in a child process; in halves where the process does not live through it."""
    run = job.house.workshop.run
    try:
        return await run(printing.print_chunk, packed, job.content, job.pictures, target, job.sender, first)
    except (TimedOut, MemoryError) as death:
        halves = packed.with_suffix("")
        halves.mkdir()
        size = await run(records.halve, packed, halves)
        if size == 1:
            return await run(printing.print_refusal, packed, job.content, target, _why(death))
        parts = [halves / "0.pdf", halves / "1.pdf"]
        chunks = [await _print(job, part.with_suffix(".gz"), part, first=False) for part in parts]
        await run(cut.join, parts, target)
        for made in chunks[1].made:
            made.first += chunks[0].pages
        return Chunk(chunks[0].made + chunks[1].made, chunks[0].pages + chunks[1].pages)


def _why(death: BaseException) -> str:
    return death.message if isinstance(death, PostOfficeError) else "This letter needs more memory than it may."


class _TakenBack(Exception):
    """Nobody wants these letters any more."""


@asynccontextmanager
async def own(house: House, batch: Batch) -> AsyncIterator[AsyncConnection]:
    """A short transaction of the one who owns the batch; others write in between. LostLease: whoever lost it was asleep; another
    one has read the mailing, and a person may have mended or cut it since."""
    async with house.database.write() as connection:
        if not await batches.renew(connection, batch, house.clock.now(), house.lease):
            raise LostLease(batch.id)
        yield connection


@asynccontextmanager
async def _turn(job: _Job, batch: Batch) -> AsyncIterator[AsyncConnection]:
    """The same. _TakenBack where the mailing was cancelled."""
    async with own(job.house, batch) as connection:
        if (await mailings.get(connection, job.mailing.id)).state is not MailingState.READING:
            raise _TakenBack
        yield connection


async def _offer(job: _Job, batch: Batch, document: str, version_id: str, day: str, now: datetime) -> None:
    """Write the items, then let the person choose. Until then nobody looks at them: who dies in between leaves some, which the
    next one removes."""
    mailing = job.mailing
    with contextlib.suppress(_TakenBack):
        await _clear(job, batch)
        async with _turn(job, batch) as connection:
            await templates.begin_merge(connection, mailing.organisation_id, mailing.id, version_id, day, job.faulty)
        count, held = await _write_items(job, batch, now)
        async with _turn(job, batch) as connection:
            current = await mailings.get(connection, mailing.id)
            await mailings.command(connection, current, "offer", ready_at=now)
            pages = sum(job.pages)
            cuts = {"template": version_id, "rule": current.split_rule, "sure": True}
            values = {"document": document, "pages": pages, "pages_read": pages, "items": count, "cuts": cuts, "findings": []}
            await mailings.update(connection, mailing.id, **values)
            detail = {"items": count, "held": held, "pages": pages}
            event = events.NewEvent(mailing.organisation_id, EventKind.READ, "office", now, mailing_id=mailing.id, detail=detail)
            await events.add(connection, [event], now)


async def _clear(job: _Job, batch: Batch) -> None:
    """Remove what a run left that did not come to its end."""
    for clear in (items.clear, templates.clear_rows):
        gone = CLEARED
        while gone == CLEARED:
            async with _turn(job, batch) as connection:
                gone = await clear(connection, job.mailing.id, CLEARED)


async def _write_items(job: _Job, batch: Batch, now: datetime) -> tuple[int, int]:
    """Part by part, so that neither memory nor a transaction grows with the mailing; (how many, how many are held)."""
    mailing = job.mailing
    count = held = 0
    for number, made in _parts(job):
        before = sum(job.pages[:number])
        new = [_item(one, before) for one in made]
        rows = [(before + one.first, one.checked.number, _kept(one)) for one in made if not one.problems]
        async with _turn(job, batch) as connection:
            held += await items.add_all(connection, mailing.organisation_id, mailing.id, new, now, after=count)
            await templates.add_rows(connection, mailing.organisation_id, mailing.id, rows)
        count += len(new)
    return count, held


def _parts(job: _Job) -> Iterator[tuple[int, list[Made]]]:
    for number in range(len(job.pages)):
        yield number, pickle.loads(job.part(number, "made").read_bytes())  # noqa: S301  our own bytes, written above


def _kept(made: Made) -> dict[str, object]:
    """What the words of this letter's e-mail or SMS are made of when it goes."""
    return {"data": made.checked.data, "language": made.checked.language, "lines": list(made.checked.lines)}


def _item(made: Made, before: int) -> NewItem:
    """A record as an item."""
    checked, address, first = made.checked, made.address, before + made.first
    found = tuple(replace(one, page=first if one.page else one.page) for one in made.found)
    wrong = [finding(problem.code, first, text=problem.text(checked.number)) for problem in checked.problems]
    notes = [finding("row-no-glyph", first, text=made.notes)] if made.notes else []
    if address is None and not checked.problems:
        notes.append(finding("no-address", first, severity=Severity.INFO))
    return NewItem(
        first,
        made.pages,
        address,
        (*wrong, *_by_weight(checked.problems, found), *notes),
        checked.email,
        checked.mobile,
        checked.fax,
        checked.reference,
        checked.channel,
        checked.fields,
    )


def _by_weight(problems: list[Problem], found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What is wrong with the address of a row; nothing of it where the row itself has to be corrected first."""
    return () if problems else found
