"""Scans of returned letters: read page by page in the workshop; what is recognised is entered, the rest waits for a person.

The step can stop and go on: pages that were written stay, and a letter is entered once.
"""

from collections.abc import Sequence
from pathlib import Path

from postoffice.actions import returned
from postoffice.actions.actor import Actor
from postoffice.house import House
from postoffice.model.errors import PostOfficeError, TimedOut
from postoffice.model.returned import Way
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, mailings, scans
from postoffice.store import returned as entries
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.scans import Outcome, Page, Scan
from postoffice.tracking.returned.matching import ranked
from postoffice.tracking.returned.recognition import Sight, likely_postcodes, look_at_pages, page_count

STEP = "returned"


async def read(house: House, batch: Batch, stop: Stop) -> None:
    """Read what is left of one scan."""
    async with house.database.read() as connection:
        scan = await scans.get(connection, batch.organisation_id, batch.subject_id)
    if scan.state == "reading":
        try:
            await _read(house, batch, scan, stop)
        except PostOfficeError as error:  # no picture at all, or one too large: told at the station
            await _end(house, scan, error)
    async with house.database.write() as connection:
        await batches.finish(connection, batch, house.clock.now())


async def _read(house: House, batch: Batch, scan: Scan, stop: Stop) -> None:
    async with house.documents.as_file(scan.organisation_id, scan.document) as path:
        pages = await house.workshop.run(page_count, path)
        if pages > house.limits.max_pages:
            raise PostOfficeError(
                "scan-too-long", f"This scan has {pages} pages: more than can be taken.", help="Scan it in parts.", pages=pages
            )
        seen = await _seen(house, scan)
        for number in range(scan.pages_read + 1, pages + 1):  # one at a time: one without a code takes some seconds
            stop.check()
            made = await _page(house, scan, number, await _look(house, path, number), seen)
            async with house.database.write() as connection:
                if not await batches.renew(connection, batch, house.clock.now(), house.lease):
                    raise LostLease(batch.id)
                await scans.keep(connection, scan.organisation_id, [made])
                await scans.change(connection, scan.id, pages=pages, pages_read=number)
    await _end(house, scan, None)


async def _look(house: House, path: Path, number: int) -> Sight:
    try:
        return (await house.workshop.run(look_at_pages, path, number, 1))[0]
    except TimedOut:  # a page that nobody can read in that time is left to people, the others go on
        return Sight()


async def _end(house: House, scan: Scan, error: PostOfficeError | None) -> None:
    told = mailings.as_error(error.code, error.message, error.help, error.facts) if error else None
    async with house.database.write() as connection:
        state = "failed" if error else "done"
        await scans.change(connection, scan.id, state=state, error=told, finished_at=house.clock.now())


async def _seen(house: House, scan: Scan) -> set[str]:
    """The letters that pages before showed, where reading goes on after a stop."""
    async with house.database.read() as connection:
        return {one.delivery_id for one in await scans.pages(connection, scan.id) if one.delivery_id}


async def _page(house: House, scan: Scan, number: int, sight: Sight, seen: set[str]) -> Page:
    proof = await _kept(house, scan, sight.proof) if sight.proof else None
    for key in sight.ids:
        if key in seen:
            return Page(scan.id, number, Outcome.SAME, key)
        outcome = await _enter(house, scan, key, proof)
        if outcome is not None:
            seen.add(key)
            return Page(scan.id, number, outcome, key, document=proof)
    candidates = await by_address(house, scan.organisation_id, sight.lines) if sight.lines else []
    return Page(scan.id, number, Outcome.DOUBTFUL if candidates else Outcome.NOTHING, None, candidates, proof)


async def _enter(house: House, scan: Scan, key: str, proof: str | None) -> Outcome | None:
    user_id = scan.actor.removeprefix("user:") if scan.actor.startswith("user:") else None
    try:
        came = await returned.enter(house, scan.organisation_id, key, scan.reason, Actor(scan.actor, user_id), Way.SCAN, document=proof)
    except PostOfficeError:  # a code of ours that names nothing (any more), or what never left: perhaps its address does
        return None
    return Outcome.ALREADY if came.already else Outcome.ENTERED


async def _kept(house: House, scan: Scan, picture: bytes) -> str:
    return await returned.keep_picture(house, scan.organisation_id, picture)


async def by_address(house: House, organisation_id: str, lines: Sequence[str]) -> list[tuple[str, int]]:
    """(delivery id, score) of letters that were posted lately to what an envelope's text may say."""
    codes = likely_postcodes(lines)
    if not codes:
        return []
    since = house.clock.now() - entries.LOOK_BACK
    async with house.database.read() as connection:
        found = await entries.by_postcode(connection, organisation_id, codes, since)
    known = [(one.delivery.id, one.item.address) for one in found if one.item.address]
    return await house.workshop.run(ranked, lines, known)
