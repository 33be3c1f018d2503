"""Import contacts: a file becomes a table, a trial says what would change, then pieces of it are written, each once; or taken back."""

import asyncio
import gc
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.contacts.difference import Known
from postoffice.contacts.sorting import Incoming, Kind, Placed, Sorting
from postoffice.house import House
from postoffice.model.errors import PostOfficeError
from postoffice.pipeline import import_rows, import_write, importing_purchases
from postoffice.pipeline.garbage import less_garbage
from postoffice.pipeline.import_seen import Seen
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, contact_book, contact_keys, imports, mailings
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.imports import Import, ImportState

STEP = "import"
QUEUE = "compose"
BLOCKS = 2  #: of import_rows.BLOCK rows, in one transaction: the index is written in order, so larger pieces cost less
EXAMPLES = 200  #: changes that a trial shows
MOST_LINES = 10_000  #: refused rows that are kept to be looked at
_TABLE = "application/x-postoffice-rows"


async def run(house: House, batch: Batch, stop: Stop) -> None:
    """Do what the import waits for. Every part can be begun again: what is written says how far it was."""
    async with house.database.read() as connection:
        one = await imports.get(connection, batch.subject_id)
    work = {
        ImportState.READING: importing_purchases.bring if one.choices.get("of") == imports.PURCHASES else _read,
        ImportState.TRYING: _try,
        ImportState.APPLYING: _apply,
        ImportState.UNDOING: import_write.undo,
    }.get(one.state)
    if work is not None:
        try:
            with less_garbage():
                await work(house, batch, one, stop)
        except PostOfficeError as error:
            if error.status >= 500 or one.state not in (ImportState.READING, ImportState.TRYING):
                raise
            await _fail(house, one, error)
    async with house.database.write() as connection:
        await batches.finish(connection, batch, house.clock.now())


async def _fail(house: House, one: Import, error: PostOfficeError) -> None:
    shape = mailings.as_error(error.code, error.message, error.help, error.facts)
    async with house.database.write() as connection:
        await imports.command(connection, one, "fail", error=shape, finished_at=house.clock.now())
    house.log.info("import.unreadable", subject=one.id, code=error.code)


async def _read(house: House, _batch: Batch, one: Import, _stop: Stop) -> None:
    """The file as a table, with what can be said of it."""
    with tempfile.TemporaryDirectory(prefix="po-import-") as folder:
        target = Path(folder) / "rows"
        async with house.documents.as_file(one.organisation_id, one.document) as source:
            facts = await house.workshop.run(import_rows.make_table, source, target)
        stored = await house.documents.put_file(one.organisation_id, target)
    async with house.database.write() as connection:
        now = house.clock.now()
        await mailings.note_document(connection, one.organisation_id, stored, _TABLE, now)
        await imports.command(connection, one, "offer", table=stored.sha256, facts=facts.as_dict(), rows=facts.rows)


async def _try(house: House, batch: Batch, one: Import, stop: Stop) -> None:
    """What would become of each row, without writing any."""
    tally = Tally()
    async with house.database.write() as connection:
        await imports.clear_lines(connection, one.id)
    with Seen() as seen:
        async with _pieces(house, one, stop) as pieces:
            async for number, rows in pieces:
                async with house.database.read() as connection:
                    sorting = await sorting_of(house, connection, one.organisation_id, rows)
                for row in rows:
                    placed = _place(sorting, row)
                    if placed.kind is Kind.NEW and seen.met(row):
                        placed = Placed(Kind.AGAIN)
                    tally.add(row, placed)
                await _progress(house, batch, one, number, tally)
                del sorting  # as in `_apply`
    async with house.database.write() as connection:
        await imports.command(connection, one, "tell", outcome=tally.as_dict(), next_row=0)


async def _apply(house: House, batch: Batch, one: Import, stop: Stop) -> None:
    """Write piece by piece; a piece and the note that it is written are one transaction."""
    tally = Tally.from_dict(one.outcome if one.next_row else {})
    async with _pieces(house, one, stop) as pieces:
        async for number, rows in pieces:
            now = house.clock.now()
            async with house.database.write() as connection:
                if not await batches.renew(connection, batch, now, house.lease):
                    raise LostLease(batch.id)
                sorting = await sorting_of(house, connection, one.organisation_id, rows, import_id=one.id)
                for row in rows:
                    tally.add(row, _place(sorting, row))
                kept = await import_write.write(house, connection, one, sorting, now)
                tally.counts["kept_withdrawn"] += kept
                await imports.add_lines(connection, one, tally.taken_lines())
                await imports.note(connection, one.id, next_row=number, outcome=tally.as_dict())
            del sorting  # before the next piece is waited for: what is alive is looked through for circles
    async with house.database.write() as connection:
        await imports.command(connection, one, "end", finished_at=house.clock.now(), outcome=tally.as_dict())
    house.log.info("import.done", subject=one.id, rows=one.rows)


def _place(sorting: Sorting, row: Incoming) -> Placed:
    if row.wrong and row.wrong[0].code == "import-hidden":
        return Placed(Kind.REFUSED, code="import-hidden")
    return sorting.place(row)


@asynccontextmanager
async def _pieces(house: House, one: Import, stop: Stop) -> AsyncIterator[AsyncIterator[tuple[int, list[Incoming]]]]:
    """(rows of the table that are done with this piece, its rows), the next one being read while this one is worked on."""
    assert one.table is not None
    blocks: Sequence[int] = one.facts["blocks"]
    starts = list(range(one.next_row // import_rows.BLOCK, len(blocks), BLOCKS))
    async with house.documents.as_file(one.organisation_id, one.table) as path:

        async def read(start: int) -> list[Incoming]:
            return await house.workshop.run(import_rows.read_blocks, path, blocks[start : start + BLOCKS], one.choices)

        coming: asyncio.Task[list[Incoming]] | None = asyncio.create_task(read(starts[0])) if starts else None

        async def pieces() -> AsyncIterator[tuple[int, list[Incoming]]]:
            nonlocal coming
            for place, start in enumerate(starts):
                stop.check()
                assert coming is not None
                rows = await coming
                coming = asyncio.create_task(read(starts[place + 1])) if place + 1 < len(starts) else None
                yield min((start + BLOCKS) * import_rows.BLOCK, one.rows), rows
                rows.clear()
                gc.collect()  # memory stays flat: what a piece left in circles goes with it

        try:
            yield pieces()
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)


async def sorting_of(
    house: House, connection: AsyncConnection, organisation_id: str, rows: Sequence[Incoming], import_id: str = ""
) -> Sorting:
    """All contacts that these rows may tell of, ready to be compared."""
    external = {pair for row in rows for pair in row.card.external_ids.items()}
    by_number = await contact_keys.holders(connection, organisation_id, "x", [_external(*pair) for pair in external])
    by_point: dict[tuple[str, str], list[str]] = {}
    for channel in ("email", "sms", "fax"):
        values = {value for row in rows for value in row.card.values()[channel]}
        found = await contact_book.by_points(connection, organisation_id, channel, values, most=50)
        by_point |= {(channel, value): ids for value, ids in found.items()}
    texts = {row.text: match_key(house, organisation_id, row.text) for row in rows if row.text}
    by_key = await contact_book.by_match_keys(connection, organisation_id, texts.values())
    ids = {one for some in (*by_number.values(), *by_point.values()) for one in some} | set(by_key.values())
    if import_id:  # what is written is made of what is read here: nobody changes it in between
        ids = await contact_book.hold(connection, organisation_id, ids)
    full = await contact_book.by_ids(connection, organisation_id, ids)
    known = {contact_id: known_of(one) for contact_id, one in full.items()}
    return Sorting(
        {pair: [known[one] for one in by_number.get(_external(*pair), ()) if one in known] for pair in external},
        {key: [known[one] for one in some if one in known] for key, some in by_point.items()},
        {text: known[by_key[key]] for text, key in texts.items() if by_key.get(key) in known},
        {contact_id for contact_id, one in full.items() if import_id and one.import_id == import_id},
    )


def _external(system: str, number: str) -> str:
    return import_write.external(system, number)


def match_key(house: House, organisation_id: str, text: str) -> str:
    """The blind form of contacts.match.match_text, as contacts keep it."""
    return house.keyring.blind(f"contact|{organisation_id}|{text}")


def known_of(full: contact_book.FullContact) -> Known:
    """A contact as rows are compared with it."""
    return Known(
        full.id,
        full.kind,
        full.name,
        full.company,
        full.language,
        full.preferred_channel or "",
        full.external_ids,
        full.attributes,
        full.tags,
        {channel: full.values(channel) for channel in {point.channel for point in full.points}},
    )


async def _progress(house: House, batch: Batch, one: Import, number: int, tally: "Tally") -> None:
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        await imports.add_lines(connection, one, tally.taken_lines())
        await imports.note(connection, one.id, outcome=tally.as_dict() | {"tried": number})


@dataclass(slots=True)
class Tally:
    """What became of the rows so far: counts, why rows were refused, examples of changes."""

    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    kept: int = 0

    def add(self, row: Incoming, placed: Placed) -> None:
        """Count a row."""
        self.counts[placed.kind.value] += 1
        self.fields.update(placed.fields.keys())
        refused = placed.kind in (Kind.REFUSED, Kind.CONFLICT)
        if not refused and row.wrong:
            self.counts["partly"] += 1
            self.codes.update(reason.code for reason in row.wrong)
        if refused:
            self.codes[placed.code] += 1
        if (refused or row.wrong) and self.kept < MOST_LINES:
            self.kept += 1
            code = placed.code if refused else row.wrong[0].code
            kind = placed.kind.value if refused else "partly"
            self.lines.append({"row": row.row, "kind": kind, "code": code})
        if placed.kind is Kind.CHANGED and len(self.examples) < EXAMPLES:
            self.examples.append({"row": row.row, "contact": placed.contact_id, "fields": dict(placed.fields)})

    def taken_lines(self) -> list[dict[str, Any]]:
        """The lines since the last time."""
        taken, self.lines = self.lines, []
        return taken

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept with the import."""
        return {
            "counts": dict(self.counts),
            "codes": dict(self.codes),
            "fields": dict(self.fields),
            "examples": self.examples,
            "kept": self.kept,
        }

    @staticmethod
    def from_dict(shape: Mapping[str, Any]) -> "Tally":
        """The inverse of `as_dict`."""
        counts, codes, fields = (Counter[str](shape.get(name, {})) for name in ("counts", "codes", "fields"))
        return Tally(counts, codes, fields, list(shape.get("examples", ())), [], shape.get("kept", 0))


def new_work(import_id: str, organisation_id: str, now: datetime) -> dict[str, Any]:
    """What batches.add needs for the import's next piece of work."""
    return {"organisation_id": organisation_id, "step": STEP, "subject_id": import_id, "queue": QUEUE, "now": now, "priority": 4}
