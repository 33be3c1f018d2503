"""Scans and pictures of returned letters go when their time is over; what something else names stays."""

from datetime import timedelta
from pathlib import Path

import pytest

from postoffice.model.errors import NotFound
from postoffice.model.returned import Reason
from postoffice.store import retention, scans
from postoffice.store import schema as tables
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from tests.conftest import FixedClock

DAY = 86_400.0


async def _scan(database: Database, organisation_id: str, document: str, page: str, clock: FixedClock) -> str:
    async with database.write() as connection:
        scan = await scans.add(connection, organisation_id, Reason.UNKNOWN, "bin.pdf", document, "Zoé", clock.now())
        await scans.keep(connection, organisation_id, [scans.Page(scan, 1, scans.Outcome.ENTERED, "d" * 26, document=page)])
        await scans.change(connection, scan, state="done")
    return scan


async def test_old_scans_go_with_their_bytes_and_what_others_name_stays(
    database: Database, organisation_id: str, clock: FixedClock, tmp_path: Path
) -> None:
    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    store = FileDocuments(tmp_path, key_of)
    batch, mine, shared = [(await store.put(organisation_id, word)).sha256 for word in (b"batch", b"a page", b"a shared page")]
    old = await _scan(database, organisation_id, batch, mine, clock)
    await _scan(database, organisation_id, batch, shared, clock)
    clock.pass_by(hours=24 * 80)
    young = await _scan(database, organisation_id, shared, mine, clock)
    async with database.write() as connection:
        assert await retention.sweep(connection, clock.now()) == [], "not yet"
    clock.pass_by(hours=24 * 11)
    async with database.write() as connection:
        freed = await retention.sweep(connection, clock.now())
        assert freed == [(organisation_id, batch)], "the young scan names the other two"
        assert await retention.sweep(connection, clock.now()) == []
        assert [one.id for one in await scans.lately(connection, organisation_id)] == [young] and old != young
        assert await scans.pages(connection, old) == []
    now = (store._place(organisation_id, batch)).stat().st_mtime
    assert not await store.remove(organisation_id, batch, DAY, now + DAY / 2), "it may just have come anew"
    for _ in range(2):
        assert await store.remove(organisation_id, batch, DAY, now + 2 * DAY)
    with pytest.raises(NotFound):
        await store.get(organisation_id, batch)
    assert await store.get(organisation_id, mine) == b"a page"


async def test_a_scan_that_is_still_read_stays(database: Database, organisation_id: str, clock: FixedClock) -> None:
    scan = await _scan(database, organisation_id, "a" * 64, "b" * 64, clock)
    async with database.write() as connection:
        await scans.change(connection, scan, state="reading")
        clock.pass_by(hours=24 * 400)
        assert await retention.sweep(connection, clock.now()) == []


async def test_the_picture_of_an_entry_is_kept_as_long_as_claims_can_be_made(
    database: Database, organisation_id: str, clock: FixedClock
) -> None:
    row = {"id": "r" * 26, "organisation_id": organisation_id, "delivery_id": "d" * 26, "item_id": "i" * 26, "mailing_id": "m" * 26}
    more = {"reason": "unknown", "code": "", "way": "code", "document": "c" * 64, "keep_until": clock.now() + timedelta(days=30)}
    async with database.write() as connection:
        last = {"actor": "Zoé", "before": {}, "created_at": clock.now()}
        await connection.execute(tables.returned.insert(), row | more | last)
        assert await retention.sweep(connection, clock.now()) == []
        clock.pass_by(hours=24 * 31)
        assert await retention.sweep(connection, clock.now()) == [(organisation_id, "c" * 64)]
        kept = (await connection.execute(tables.returned.select())).one()
    assert kept.document is None and kept.reason == "unknown"
