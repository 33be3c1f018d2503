"""Watched folders: rested files are taken once, whatever breaks in between; bad ones say why."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postoffice.intake.folder import REFUSED, TAKEN, Folders, WatchedFolder, folder_name
from postoffice.intake.reception import Reception
from postoffice.model.mailing import Mailing, NewMailing
from postoffice.model.ports import PrinterCard, StoredDocument, Work
from postoffice.model.states import MailingState
from postoffice.store import mailings, printers
from postoffice.store.book import MailingBook
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.folders import FolderMemory
from postoffice.store.keys import Keyring
from tests.conftest import FixedClock
from tests.doors import KeptBell, KeptLog, add_organisation
from tests.migrated import sqlite_at

PDF = b"%PDF-1.4\n%%EOF\n"


class Crash(BaseException):
    """The process dies here."""


class Place:
    """A watched folder with everything behind it."""

    def __init__(self, path: Path, database: Database, documents: FileDocuments, clock: FixedClock, card: PrinterCard) -> None:
        self.path, self.database, self.documents, self.clock, self.card = path, database, documents, clock, card
        self.log = KeptLog()
        self.memory = FolderMemory(database, clock)
        self.open()

    def open(self, documents: object = None, book: type[MailingBook] = MailingBook) -> None:
        """Begin anew, as after a restart."""
        kept: Any = documents or self.documents
        reception = Reception(book(self.database, self.clock), kept, KeptBell())
        self.folder = WatchedFolder(self.path, self.card, reception, self.memory, self.clock, self.log)

    def restart(self, documents: object = None, book: type[MailingBook] = MailingBook) -> None:
        self.folder.close()
        self.open(documents, book)

    async def rounds(self, number: int = 2) -> int:
        taken = 0
        for _ in range(number):
            taken += await self.folder.round()
            self.clock.pass_by(seconds=4)
        return taken

    def drop(self, name: str, content: bytes = PDF) -> Path:
        self.path.mkdir(exist_ok=True)
        path = self.path / name
        path.write_bytes(content)
        return path

    async def states(self) -> list[MailingState]:
        async with self.database.read() as connection:
            return sorted(one.state for one in await mailings.some(connection, printer_id=self.card.id))

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.path / folder).iterdir())


async def _made(database: Database, documents: FileDocuments, clock: FixedClock, organisation_id: str, path: Path) -> Place:
    async with database.write() as connection:
        await printers.add(connection, organisation_id=organisation_id, name="Factures", now=clock.now(), automatic=True)
    card = (await FolderMemory(database, clock).printers(organisation_id))[0]
    return Place(path, database, documents, clock, card)


@pytest.fixture
async def place(documents: FileDocuments, clock: FixedClock, keyring: Keyring, tmp_path: Path) -> AsyncIterator[Place]:
    base = sqlite_at(tmp_path / "folder.db")
    made = await _made(base, documents, clock, await add_organisation(base, keyring, clock), tmp_path / "in")
    yield made
    made.folder.close()
    await base.close()


@pytest.fixture
async def place_on_both(
    database: Database, documents: FileDocuments, clock: FixedClock, organisation_id: str, tmp_path: Path
) -> AsyncIterator[Place]:
    made = await _made(database, documents, clock, organisation_id, tmp_path / "in")
    yield made
    made.folder.close()


async def test_a_rested_file_is_taken_once_with_the_printer_s_settings(place: Place) -> None:
    place.drop("a.pdf")
    assert await place.folder.round() == 0, "a file must rest first"
    place.clock.pass_by(seconds=4)
    assert await place.folder.round() == 1
    assert await place.rounds() == 0
    assert await place.states() == [MailingState.RECEIVED] and place.names(TAKEN) == ["1-a.pdf"]
    async with place.database.read() as connection:
        taken = (await mailings.some(connection, printer_id=place.card.id))[0]
    assert (taken.name, taken.automatic, taken.source.value, taken.original_size) == ("a.pdf", True, "folder", len(PDF))
    assert not any("a.pdf" in str(line) for line in place.log.lines), "file names are personal data"


async def test_a_file_that_still_grows_and_temporary_ones_are_left_alone(place: Place) -> None:
    names = [".a.pdf", "a.pdf.part", "~$a.docx", "a.pdf~", "a.tmp", "a.crdownload", "Thumbs.db"]
    for name in names:
        place.drop(name)
    (place.path / "folder.pdf").mkdir()
    (place.path / "link.pdf").symlink_to("/etc/passwd")
    growing = place.drop("b.pdf")
    for step in range(4):
        await place.folder.round()
        growing.write_bytes(PDF * (step + 2))
        place.clock.pass_by(seconds=4)
    assert await place.states() == [] and all((place.path / name).exists() for name in [*names, "b.pdf", "link.pdf"])
    assert await place.rounds(3) == 1


class DyingDocuments:
    """Dies when the first byte is to be written."""

    def upload(self, organisation_id: str) -> object:
        raise Crash


class DyingBook(MailingBook):
    """Dies right after the mailing was stored, before the file is moved."""

    async def store_mailing(self, mailing_id: str, document: StoredDocument, media_type: str) -> tuple[Mailing, Work]:
        await super().store_mailing(mailing_id, document, media_type)
        raise Crash


@pytest.mark.parametrize("where", ["bytes", "stored"])
async def test_a_crash_neither_loses_nor_doubles_a_file(place_on_both: Place, where: str) -> None:
    place = place_on_both
    place.drop("a.pdf")
    place.restart(*((DyingDocuments(),) if where == "bytes" else (None, DyingBook)))
    await place.folder.round()
    place.clock.pass_by(seconds=4)
    with pytest.raises(Crash):
        await place.folder.round()
    assert (place.path / "a.pdf").exists()
    assert await place.states() == [MailingState.RECEIVING if where == "bytes" else MailingState.RECEIVED]
    place.restart()
    await place.rounds(3)
    assert [state for state in await place.states() if state is not MailingState.ABORTED] == [MailingState.RECEIVED]
    assert not (place.path / "a.pdf").exists() and len(place.names(TAKEN)) == 1


async def test_stored_but_not_moved_is_moved_after_a_restart(place: Place) -> None:
    path = place.drop("a.pdf")
    content, times = path.read_bytes(), path.stat()
    await place.rounds()
    moved = place.path / TAKEN / "1-a.pdf"
    moved.unlink()  # as if the process had died right before the move
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    place.restart()
    await place.rounds()
    assert moved.exists() and not path.exists() and await place.states() == [MailingState.RECEIVED]
    path.write_bytes(content)  # and now somebody drops the very same file again
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    await place.rounds()
    assert place.names(REFUSED) == ["a.pdf", "a.pdf.txt"] and "mailing 1" in (place.path / REFUSED / "a.pdf.txt").read_text()
    assert await place.states() == [MailingState.RECEIVED]


async def test_bad_files_are_refused_with_a_text_that_says_why(place: Place) -> None:
    place.card = replace(place.card, max_bytes=100)
    place.restart()
    for name, content in (("empty.pdf", b""), ("words.docx", b"PK\x03\x04"), ("large.pdf", PDF * 20), ("good.pdf", PDF)):
        place.drop(name, content)
    await place.rounds()
    assert place.names(TAKEN) == ["1-good.pdf"]
    assert place.names(REFUSED) == ["empty.pdf", "empty.pdf.txt", "large.pdf", "large.pdf.txt", "words.docx", "words.docx.txt"]
    for name in ("empty.pdf", "large.pdf", "words.docx"):
        assert len((place.path / REFUSED / f"{name}.txt").read_text().splitlines()) == 2
    place.drop("empty.pdf", b"")
    await place.rounds()
    assert "empty (2).pdf" in place.names(REFUSED)


async def test_what_cannot_be_read_later_on_moves_to_refused(place: Place) -> None:
    place.drop("a.pdf")
    await place.rounds()
    async with place.database.write() as connection:
        mailing = (await mailings.some(connection, printer_id=place.card.id))[0]
        problem = mailings.as_error("pdf-encrypted", "This PDF is protected by a password.", "Save it without.", {})
        await mailings.command(connection, mailing, "fail", error=problem)
    await place.rounds(1)
    assert place.names(TAKEN) == [] and "password" in (place.path / REFUSED / "1-a.pdf.txt").read_text()


async def test_a_paused_printer_leaves_files_where_they_are(place: Place) -> None:
    place.card = replace(place.card, accepting=False)
    place.restart()
    place.drop("a.pdf")
    assert await place.rounds(3) == 0 and (place.path / "a.pdf").exists() and await place.states() == []
    place.folder.printer = replace(place.card, accepting=True)
    assert await place.rounds(3) == 1


async def test_a_second_watcher_waits(place: Place) -> None:
    place.drop("a.pdf")
    await place.folder.round()
    first = place.folder
    place.open()
    assert await place.rounds(3) == 0
    first.close()
    assert await place.rounds(3) == 1
    assert await place.states() == [MailingState.RECEIVED]


class Broken:
    """A store that is away."""

    async def claim(self, new: NewMailing, fingerprint: str) -> tuple[Mailing, bool]:
        raise OSError("away")

    async def verdicts(self, mailing_ids: object) -> dict[str, None]:
        return {}


async def test_a_store_that_is_away_is_told_once_and_nothing_is_lost(place: Place) -> None:
    place.drop("a.pdf")
    memory, place.memory = place.memory, Broken()  # type: ignore[assignment]
    place.restart()
    assert await place.rounds(5) == 0
    assert [line[1] for line in place.log.lines].count("folder.trouble") <= 3 and (place.path / "a.pdf").exists()
    place.memory = memory
    place.restart()
    assert await place.rounds(3) == 1


async def test_each_printer_has_a_folder_and_the_list_is_followed(place: Place, tmp_path: Path) -> None:
    cards = [place.card, replace(place.card, id="x" * 26, name="Relances & rappels / 2")]

    async def known() -> list[PrinterCard]:
        return cards

    reception = Reception(MailingBook(place.database, place.clock), place.documents, KeptBell())
    folders = Folders(tmp_path / "root", known, reception, place.memory, place.clock, place.log, settle=0)
    await folders.refresh()
    assert sorted(folder.path.name for folder in folders.watched.values()) == ["factures", "relances-rappels-2"]
    watching = asyncio.create_task(folders.run(every=0.01))
    await asyncio.sleep(0.05)
    (tmp_path / "root" / "factures" / "a.pdf").write_bytes(PDF)
    for _ in range(100):
        await asyncio.sleep(0.02)
        if await place.states() == [MailingState.RECEIVED]:
            break
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert await place.states() == [MailingState.RECEIVED]
    cards.pop()
    await folders.refresh()
    assert list(folders.watched) == [place.card.id]
    assert folder_name("../..") == "printer" and folder_name("Été 2026") == "été-2026"
