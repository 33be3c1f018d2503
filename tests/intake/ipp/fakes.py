"""A post office in memory for the printer's tests: a book, documents in a folder, a bell and a log that remember."""

import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from postoffice.intake.ipp.web import add_routes
from postoffice.intake.reception import Reception
from postoffice.model.errors import NotFound, OutOfRoom
from postoffice.model.ids import new_id
from postoffice.model.mailing import Mailing, NewMailing, Options
from postoffice.model.ports import PrinterCard, StoredDocument, Work
from postoffice.model.states import MailingState, command_mailing

TOKEN = "correct-horse-battery-staple"
CARD = PrinterCard(
    id="01hprinter0000000000000000",
    organisation_id="01horganisation00000000000",
    name="Post office",
    info="Letters for the post",
    location="First floor",
    layout="fr",
    split_rule="address",
    options=Options(),
    automatic=False,
    live=False,
    accepting=True,
    max_bytes=0,
    max_jobs=0,
    user_id=None,
)


class MemoryBook:
    """A Book whose mailings are read by themselves `ready_after` their reception."""

    def __init__(self, *, ready_after: timedelta = timedelta(days=1)) -> None:
        self.printers: dict[str, PrinterCard] = {TOKEN: CARD}
        self.mailings: dict[str, Mailing] = {}
        self.by_number: dict[int, str] = {}
        self.ready_after = ready_after
        self._numbers = itertools.count(1)

    async def printer_by_token(self, token: str) -> PrinterCard | None:
        return self.printers.get(token)

    async def waiting_jobs(self, printer_id: str) -> int:
        if len(self.mailings) > 1000:
            return 0
        waiting = (MailingState.RECEIVING, MailingState.RECEIVED, MailingState.READING, MailingState.WAITING)
        return sum(one.state in waiting for one in self.mailings.values())

    async def open_mailing(self, new: NewMailing) -> Mailing:
        mailing = Mailing(
            id=new_id(),
            number=next(self._numbers),
            organisation_id=new.organisation_id,
            source=new.source,
            name=new.name,
            state=MailingState.RECEIVING,
            layout=new.layout,
            split_rule=new.split_rule,
            options=new.options,
            automatic=new.automatic,
            live=new.live,
            printer_id=new.printer_id,
            user_id=new.user_id,
            api_key_id=new.api_key_id,
            document=None,
            original=None,
            original_size=0,
            media_type=new.media_type,
            pages=0,
            pages_read=0,
            items=0,
            findings=(),
            error=None,
            sender_name=new.sender_name,
            created_at=datetime.now(UTC),
            received_at=None,
            ready_at=None,
            sent_at=None,
            finished_at=None,
        )
        self.by_number[mailing.number] = mailing.id
        return self._keep(mailing)

    async def store_mailing(self, mailing_id: str, document: StoredDocument, media_type: str) -> tuple[Mailing, Work]:
        mailing = self.mailings[mailing_id]
        stored = replace(
            mailing,
            state=command_mailing(mailing.state, "store"),
            original=document.sha256,
            original_size=document.size,
            media_type=media_type,
            received_at=datetime.now(UTC),
        )
        return self._keep(stored), Work("read", new_id(), 1)

    async def receive_mailing(
        self, new: NewMailing, document: StoredDocument, media_type: str, kept: Awaitable[object] | bytes
    ) -> tuple[Mailing, Work]:
        if not isinstance(kept, bytes):
            await kept
        return await self.store_mailing((await self.open_mailing(new)).id, document, media_type)

    async def abort_mailing(self, mailing_id: str) -> None:
        mailing = self.mailings[mailing_id]
        if mailing.state is MailingState.RECEIVING:
            self._keep(replace(mailing, state=MailingState.ABORTED))

    async def cancel_mailing(self, mailing_id: str) -> Mailing:
        mailing = self.mailings[mailing_id]
        return self._keep(replace(mailing, state=command_mailing(mailing.state, "cancel")))

    async def mailing_by_number(self, printer_id: str, number: int) -> Mailing | None:
        found = self.by_number.get(number)
        mailing = self._aged(self.mailings[found]) if found else None
        return mailing if mailing and mailing.printer_id == printer_id else None

    async def mailings_of_printer(
        self, printer_id: str, states: Sequence[MailingState], sender_name: str | None, limit: int
    ) -> Sequence[Mailing]:
        aged = [self._aged(one) for one in reversed(self.mailings.values())]
        found = [one for one in aged if one.printer_id == printer_id and one.state in states]
        return [one for one in found if sender_name is None or one.sender_name == sender_name][:limit]

    def become(self, mailing: Mailing, state: MailingState, **changes: Any) -> None:
        """What other rooms would do to a mailing."""
        self._keep(replace(self.mailings[mailing.id], state=state, **changes))

    def _aged(self, mailing: Mailing) -> Mailing:
        ready = mailing.received_at and mailing.received_at + self.ready_after
        if mailing.state is MailingState.RECEIVED and ready and ready <= datetime.now(UTC):
            return self._keep(replace(mailing, state=MailingState.WAITING, ready_at=ready, items=1, pages=1, pages_read=1))
        return mailing

    def _keep(self, mailing: Mailing) -> Mailing:
        self.mailings[mailing.id] = mailing
        return mailing


class FolderUpload:
    """Bytes on their way into a folder."""

    def __init__(self, folder: Path, room: int) -> None:
        self._folder = folder
        self._path = folder / f"{new_id()}.part"
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()
        self._room = room
        self.size = 0

    async def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self._room and self.size > self._room:
            raise OutOfRoom("disk-full", "The disk is full: nothing was stored.", help="Tell your administrator.")
        self._hash.update(chunk)
        self._file.write(chunk)

    def named(self) -> StoredDocument:
        return StoredDocument(self._hash.hexdigest(), self.size)

    def sealed(self) -> bytes | None:
        return None

    async def finish(self) -> StoredDocument:
        self._file.close()
        name = self._hash.hexdigest()
        self._path.rename(self._folder / name)
        return StoredDocument(name, self.size)

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class FolderDocuments:
    """Documents as plain files; `room` is how many bytes one upload finds on the disk (0: any)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.room = 0

    @asynccontextmanager
    async def upload(self, organisation_id: str) -> AsyncIterator[FolderUpload]:
        upload = FolderUpload(self.folder, self.room)
        try:
            yield upload
        finally:
            upload.close()

    async def put(self, organisation_id: str, content: bytes) -> StoredDocument:
        async with self.upload(organisation_id) as upload:
            await upload.write(content)
            return await upload.finish()

    async def put_file(self, organisation_id: str, path: Path) -> StoredDocument:
        return await self.put(organisation_id, path.read_bytes())

    async def get(self, organisation_id: str, sha256: str) -> bytes:
        path = self.folder / sha256
        if not path.exists():
            raise NotFound("document", "There is no such document.")
        return path.read_bytes()

    async def stream(self, organisation_id: str, sha256: str) -> AsyncIterator[bytes]:
        yield await self.get(organisation_id, sha256)

    @asynccontextmanager
    async def as_file(self, organisation_id: str, sha256: str) -> AsyncIterator[Path]:
        yield self.folder / sha256

    def names(self) -> set[str]:
        """Everything that lies in the folder, unfinished uploads too."""
        return {one.name for one in self.folder.iterdir()}


class CountingBell:
    """A bell that remembers its rings."""

    def __init__(self) -> None:
        self.rings: list[tuple[str, str, int]] = []

    async def ring(self, queue: str, batch_id: str, attempt: int) -> None:
        self.rings.append((queue, batch_id, attempt))


class ListLog:
    """A log that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def debug(self, event: str, **facts: Any) -> None:
        self.lines.append(("debug", event, facts))

    def info(self, event: str, **facts: Any) -> None:
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: Any) -> None:
        self.lines.append(("error", event, facts))


class Office:
    """All of it together, as an aiohttp application."""

    def __init__(self, folder: Path, *, ready_after: timedelta = timedelta(days=1), **routes: Any) -> None:
        self.book = MemoryBook(ready_after=ready_after)
        self.documents = FolderDocuments(folder)
        self.bell = CountingBell()
        self.log = ListLog()
        self.reception = Reception(self.book, self.documents, self.bell)
        self.app = web.Application()
        add_routes(self.app, self.reception, public_url="https://desk.example", log=self.log, **routes)

    def change_card(self, **changes: Any) -> None:
        """Change the printer as an administrator would."""
        self.book.printers[TOKEN] = replace(self.book.printers[TOKEN], **changes)

    @property
    def mailings(self) -> list[Mailing]:
        """All of them, oldest first."""
        return list(self.book.mailings.values())
