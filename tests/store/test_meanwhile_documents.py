"""The same bytes come again, or are named anew, while the time of an old scan with these bytes is over: they are not lost."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Unavailable
from postoffice.model.mailing import NewMailing, Source
from postoffice.model.ports import StoredDocument
from postoffice.model.returned import Reason
from postoffice.store import mailings, receiving, retention, scans
from postoffice.store.database import Database
from tests.conftest import FixedClock
from tests.meanwhile import held_up

pytestmark = pytest.mark.slow

BIN = StoredDocument("a" * 64, 5)
PDF = "application/pdf"


async def _scanned(connection: AsyncConnection, organisation_id: str, clock: FixedClock) -> None:
    """A scan of these bytes, as the station takes it in."""
    await mailings.note_document(connection, organisation_id, BIN, PDF, clock.now())
    scan = await scans.add(connection, organisation_id, Reason.UNKNOWN, "bin.pdf", BIN.sha256, "Zoé", clock.now())
    await scans.change(connection, scan, state="done")


async def _received(connection: AsyncConnection, organisation_id: str, clock: FixedClock) -> None:
    """A letter of these bytes, whose row keeps them."""
    new = NewMailing(organisation_id, Source.UPLOAD, "again")
    await connection.run_sync(receiving.receive, new, BIN, PDF, b"sealed bytes", clock.now(), {})


async def _kept(database: Database, organisation_id: str) -> bytes | None:
    """What the document's row keeps; None where there is none."""
    async with database.read() as connection:
        table = retention.documents
        found = (await connection.execute(table.select().where(table.c.organisation_id == organisation_id))).all()
        return found[0].content or b"a file has them" if found else None


@pytest.mark.parametrize("again", [_scanned, _received])
@pytest.mark.parametrize("first", ["they come", "they go"])
async def test_bytes_that_come_again_while_they_go_stay(
    database: Database, organisation_id: str, clock: FixedClock, again: object, first: str
) -> None:
    async with database.write() as connection:
        await _scanned(connection, organisation_id, clock)
    clock.pass_by(days=91)

    async def come() -> None:
        async with database.write() as connection:
            await again(connection, organisation_id, clock)  # type: ignore[operator]

    async def go() -> list[retention.Named]:
        async with database.write() as connection:
            return await retention.sweep(connection, clock.now())

    async with database.write() as connection:
        if first == "they come":
            await again(connection, organisation_id, clock)  # type: ignore[operator]
            second: asyncio.Task[object] = asyncio.create_task(go())
        else:
            assert await retention.sweep(connection, clock.now()) == [(organisation_id, BIN.sha256)]
            second = asyncio.create_task(come())
        await held_up(database, second)
    if first == "they come":
        assert await second == []
    await second
    assert await _kept(database, organisation_id) == (b"sealed bytes" if again is _received else b"a file has them")


class Away:
    """retention.Bytes that do not answer at first."""

    def __init__(self) -> None:
        self.here, self.removed = False, list[str]()

    async def remove(self, organisation_id: str, sha256: str, older_than_seconds: float, now: float) -> bool:
        """See retention.Bytes."""
        if not self.here:
            raise Unavailable("documents-away", "The store of documents does not answer.")
        self.removed.append(sha256)
        return True


@pytest.mark.parametrize("again", [False, True])
async def test_what_could_not_be_removed_is_removed_later_but_for_what_came_again(
    database: Database, organisation_id: str, clock: FixedClock, again: bool
) -> None:
    async with database.write() as connection:
        await _scanned(connection, organisation_id, clock)
    clock.pass_by(days=91)
    away = Away()
    leaving = retention.Leaving(database, away, 3600)
    with pytest.raises(Unavailable):
        await leaving.go_on(clock.now())
    async with database.write() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(retention.documents)) == 0
        if again:
            await _received(connection, organisation_id, clock)
    away.here = True
    for _ in range(2):
        await leaving.go_on(clock.now())
    assert away.removed == ([] if again else [BIN.sha256])
