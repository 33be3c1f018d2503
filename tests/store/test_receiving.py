"""The hottest door: a mailing stands there when, and only when, its bytes are safe."""

import asyncio
from pathlib import Path

import pytest

from postoffice.intake.reception import Reception
from postoffice.model.errors import NotFound, OutOfRoom
from postoffice.model.mailing import NewMailing, Source
from postoffice.model.ports import StoredDocument
from postoffice.model.states import MailingState
from postoffice.store import mailings
from postoffice.store.book import MailingBook
from postoffice.store.database import Database
from postoffice.store.documents import IN_ROW, FileDocuments
from tests.conftest import FixedClock
from tests.pipeline.house import SilentBell

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
    assert (mailing.number, mailing.original, work.queue) == (1, DOCUMENT.sha256, "compose-first")
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


async def test_a_small_document_stays_in_its_row_sealed(
    database: Database, organisation_id: str, clock: FixedClock, tmp_path: Path
) -> None:
    async def key_of(_organisation_id: str) -> bytes:
        return bytes(range(32))

    async def row_of(owner: str, sha256: str) -> bytes | None:
        async with database.read() as connection:
            return await mailings.document_content(connection, owner, sha256)

    documents = FileDocuments(tmp_path / "documents", key_of, row_of=row_of)
    reception = Reception(MailingBook(database, clock), documents, SilentBell())
    for text in (b"a letter to Anna", b"a letter to Bert" * 5000):
        async with reception.intake(NewMailing(organisation_id, Source.UPLOAD, "letters")) as intake:
            await intake.write(text)
            mailing = await intake.accept("application/pdf")
        assert mailing.original and await documents.get(organisation_id, mailing.original) == text
        async with documents.as_file(organisation_id, mailing.original) as path:
            assert path.read_bytes() == text
        kept = await row_of(organisation_id, mailing.original)
        assert (kept is not None) == (len(text) <= IN_ROW)
        assert kept is None or b"Anna" not in kept
    files = [path for path in (tmp_path / "documents").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [mailing.original]
    with pytest.raises(NotFound):
        await documents.get(organisation_id, "0" * 64)


async def test_bytes_in_a_row_are_not_overwritten(database: Database, organisation_id: str, clock: FixedClock) -> None:
    book = MailingBook(database, clock)
    new = NewMailing(organisation_id, Source.UPLOAD, "letters")
    for content in (asyncio.sleep(0), b"first", b"second"):  # sealed anew each time: any of them will do, but it may not be lost
        await book.receive_mailing(new, DOCUMENT, "application/pdf", content)
    async with database.read() as connection:
        assert await mailings.document_content(connection, organisation_id, DOCUMENT.sha256) == b"first"


async def test_many_at_once_get_each_a_number(database: Database, organisation_id: str, clock: FixedClock) -> None:
    book = MailingBook(database, clock)
    new = NewMailing(organisation_id, Source.UPLOAD, "letters")
    taken = await asyncio.gather(*(book.receive_mailing(new, DOCUMENT, "application/pdf", asyncio.sleep(0)) for _ in range(40)))
    assert sorted(mailing.number for mailing, _ in taken) == list(range(1, 41))
