"""The hottest door: a mailing stands there when, and only when, its bytes are safe."""

import asyncio

import pytest

from postoffice.model.errors import OutOfRoom
from postoffice.model.mailing import NewMailing, Source
from postoffice.model.ports import StoredDocument
from postoffice.model.states import MailingState
from postoffice.store import mailings
from postoffice.store.book import MailingBook
from postoffice.store.database import Database
from tests.conftest import FixedClock

DOCUMENT = StoredDocument("ab" * 32, 603)


async def _all(database: Database, organisation_id: str) -> list[MailingState]:
    async with database.read() as connection:
        return [one.state for one in await mailings.some(connection, organisation_id=organisation_id)]


async def test_nothing_is_committed_before_the_bytes_are_safe(database: Database, organisation_id: str, clock: FixedClock) -> None:
    book = MailingBook(database, clock)
    safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    new = NewMailing(organisation_id, Source.UPLOAD, "letters")
    taking = asyncio.create_task(book.receive_mailing(new, DOCUMENT, "application/pdf", safe))
    await asyncio.sleep(0.2)
    assert not taking.done()
    assert await _all(database, organisation_id) == []
    safe.set_result(None)
    mailing, work = await taking
    assert (mailing.number, mailing.original, work.queue) == (1, DOCUMENT.sha256, "compose")
    assert await _all(database, organisation_id) == [MailingState.RECEIVED]


async def test_bytes_that_could_not_be_kept_leave_no_mailing(database: Database, organisation_id: str, clock: FixedClock) -> None:
    book = MailingBook(database, clock)
    new = NewMailing(organisation_id, Source.UPLOAD, "letters")

    async def full() -> None:
        await asyncio.sleep(0.05)
        raise OutOfRoom("disk-full", "The disk is full.")

    with pytest.raises(OutOfRoom):
        await book.receive_mailing(new, DOCUMENT, "application/pdf", full())
    assert await _all(database, organisation_id) == []
    mailing, _ = await book.receive_mailing(new, DOCUMENT, "application/pdf", asyncio.sleep(0))
    assert mailing.number == 1


async def test_many_at_once_get_each_a_number(database: Database, organisation_id: str, clock: FixedClock) -> None:
    book = MailingBook(database, clock)
    new = NewMailing(organisation_id, Source.UPLOAD, "letters")
    taken = await asyncio.gather(*(book.receive_mailing(new, DOCUMENT, "application/pdf", asyncio.sleep(0)) for _ in range(40)))
    assert sorted(mailing.number for mailing, _ in taken) == list(range(1, 41))
