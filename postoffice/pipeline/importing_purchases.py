"""Bring purchases in from a file, piece by piece, and make the groups of customers anew. Begun again, it goes on behind what was noted;
what was written before is known by its number and counts once."""

from pathlib import Path

from postoffice.actions import purchases as telling
from postoffice.actions import segments
from postoffice.actions.actor import Actor
from postoffice.compose.sheet_rows import is_workbook, read_rows, stream_rows
from postoffice.house import House
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, imports, people
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.imports import Import


async def bring(house: House, batch: Batch, one: Import, stop: Stop) -> None:
    """The whole file. PostOfficeError where it cannot be read, or its columns say nothing."""
    async with house.database.read() as connection:
        organisation = await people.organisation(connection, one.organisation_id)

    async def noted(row: int, outcome: telling.Outcome) -> None:
        stop.check()
        now = house.clock.now()
        async with house.database.write() as connection:
            if not await batches.renew(connection, batch, now, house.lease):
                raise LostLease(batch.id)
            await imports.note(connection, one.id, next_row=row, outcome=outcome.as_dict())

    async with house.documents.as_file(one.organisation_id, one.document) as path:
        rows = await house.workshop.run(count_rows, path)
        async with house.database.write() as connection:
            await imports.note(connection, one.id, rows=rows)
        actor, zone, currency = Actor(one.actor), organisation.timezone, organisation.currency
        before = telling.Outcome.from_dict(one.outcome) if one.next_row else telling.Outcome()
        outcome = await telling.bring(house, one.organisation_id, path, zone, currency, actor, before, one.next_row, noted)
    await segments.reckon(house, one.organisation_id)
    async with house.database.write() as connection:
        done = {"outcome": outcome.as_dict(), "finished_at": house.clock.now(), "next_row": rows}
        await imports.command(connection, one, "bring", **done)
    house.log.info("purchases.done", subject=one.id, rows=rows)


def count_rows(path: Path) -> int:
    """In a child process: rows behind the one with the names of columns."""
    return max(0, (len(read_rows(path)) if is_workbook(path) else sum(1 for _ in stream_rows(path))) - 1)
