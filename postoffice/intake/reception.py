"""The reception: the one way by which bytes become a mailing, whichever door they came through.

Bytes are stored first, as a document; then one transaction writes the mailing and the batch of work that reads it; then the
bell is rung. Whoever dies in between leaves either nothing or a complete mailing.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from postoffice.model.errors import Conflict, TooLarge, Unreadable
from postoffice.model.mailing import Mailing, NewMailing
from postoffice.model.ports import Bell, Documents, PrinterCard, StoredDocument, Tracer, Work
from postoffice.model.states import MailingState
from postoffice.model.tracing import NO_TRACES

__all__ = ["Book", "Intake", "PrinterCard", "Reception", "Work"]

CALM = 0.1  #: seconds without a new mailing after which a burst is over
LONGEST_BURST = 4.0  #: seconds that a mailing of a burst waits for its reader at most


class Book(Protocol):
    """What the reception writes to; the store implements it. Every method is one transaction."""

    async def printer_by_token(self, token: str) -> PrinterCard | None:
        """The printer that a token opens; None for an unknown or revoked one (the two look alike from outside)."""
        ...

    async def waiting_jobs(self, printer_id: str) -> int:
        """How many mailings of this printer are not yet read or wait for a person."""
        ...

    async def open_mailing(self, new: NewMailing) -> Mailing:
        """A mailing whose bytes are still to come (state receiving)."""
        ...

    async def store_mailing(self, mailing_id: str, document: StoredDocument, media_type: str) -> tuple[Mailing, Work]:
        """receiving -> received, with the work that reads it. Conflict when it is no longer receiving."""
        ...

    async def receive_mailing(
        self, new: NewMailing, document: StoredDocument, media_type: str, kept: Awaitable[object] | bytes
    ) -> tuple[Mailing, Work]:
        """Open and store at once. `kept` are the document's sealed bytes, written with the mailing; or they are being kept
        elsewhere: then everything is written before, but nothing is committed until that is done, and nothing where it fails."""
        ...

    async def abort_mailing(self, mailing_id: str) -> None:
        """receiving -> aborted; nothing for any other state."""
        ...

    async def cancel_mailing(self, mailing_id: str) -> Mailing:
        """Take a mailing back; Conflict when it is too late."""
        ...

    async def mailing_by_number(self, printer_id: str, number: int) -> Mailing | None:
        """A print job of this printer."""
        ...

    async def mailings_of_printer(
        self, printer_id: str, states: Sequence[MailingState], sender_name: str | None, limit: int
    ) -> Sequence[Mailing]:
        """Print jobs of this printer in these states, newest first; of one requesting user where `sender_name` is given."""
        ...


class Intake:
    """One upload in progress: write the bytes, then `accept`. Leaving without it removes every trace."""

    def __init__(self, reception: "Reception", new: NewMailing, upload_limit: int, opened: Mailing | None) -> None:
        self._reception = reception
        self._new = new
        self._limit = upload_limit
        self._opened = opened
        self._upload = reception.documents.upload(new.organisation_id)
        self.size = 0
        self.head = b""  #: the first bytes, for telling the kind of document
        self.mailing: Mailing | None = None

    async def __aenter__(self) -> "Intake":
        self._sink = await self._upload.__aenter__()
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            await self._upload.__aexit__(type(error) if error else None, error, None)
        finally:
            if self.mailing is None and self._opened is not None:
                await self._reception.book.abort_mailing(self._opened.id)

    async def write(self, chunk: bytes) -> None:
        """Add bytes. TooLarge past the printer's limit, OutOfRoom when the disk is full."""
        self.size += len(chunk)
        if self._limit and self.size > self._limit:
            raise TooLarge(
                "too-large",
                f"This document is larger than the {self._limit // 1_000_000} MB that one job may have.",
                help="Print it in parts, or ask your administrator to raise the limit.",
                limit=self._limit,
            )
        if len(self.head) < 4096:
            self.head += chunk[: 4096 - len(self.head)]
        await self._sink.write(chunk)

    async def accept(self, media_type: str) -> Mailing:
        """The upload is complete: store it, write the mailing, ring. Unreadable where there was not a single byte."""
        if not self.size:
            raise Unreadable("empty", "The document is empty: not a single byte came in.", help="Print or upload it again.")
        with self._reception.traces.span("receive", source=self._new.source.value, bytes=self.size) as span:
            self.mailing, work = await self._store(media_type)
            span.set(mailing=self.mailing.id)
        self._reception.ring_soon(work)
        return self.mailing

    async def _store(self, media_type: str) -> tuple[Mailing, Work]:
        book = self._reception.book
        if self._opened is None and (sealed := self._sink.sealed()) is not None:
            return await book.receive_mailing(self._new, self._sink.named(), media_type, sealed)
        if self._opened is None:  # the disk syncs the bytes while the transaction is written
            document = self._sink.named()
            durable = asyncio.ensure_future(self._sink.finish())
            try:
                return await book.receive_mailing(self._new, document, media_type, durable)
            finally:
                await asyncio.wait({durable})
                durable.exception()  # told by the book; here it only must not be forgotten
        return await book.store_mailing(self._opened.id, await self._sink.finish(), media_type)


class Reception:
    """Takes mailings in. Handed out by the wiring to every door."""

    def __init__(
        self,
        book: Book,
        documents: Documents,
        bell: Bell,
        *,
        calm: float = CALM,
        longest_burst: float = LONGEST_BURST,
        traces: Tracer = NO_TRACES,
    ) -> None:
        self.traces = traces
        self.book = book
        self.documents = documents
        self.bell = bell
        self._ringing: set[asyncio.Task[None]] = set()
        self._held: list[Work] = []
        self._calm = calm
        self._longest = longest_burst
        self._last = -calm

    def ring_soon(self, work: Work) -> None:
        """Ring without keeping the sender waiting: what is lost here the reconciler rings again.

        The first of a burst is rung for at once, those behind it when the door is calm again: readers beside it would slow the
        sender down more than they gain.
        """
        now = time.monotonic()
        calm, self._last = now - self._last >= self._calm, now
        if calm and not self._held:
            self._begin(self.bell.ring(work.queue, work.batch_id, work.attempt))
            return
        self._held.append(work)
        if len(self._held) == 1:
            self._begin(self._ring_when_calm(now))

    def _begin(self, ringing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(ringing)
        self._ringing.add(task)
        task.add_done_callback(self._ringing.discard)

    async def _ring_when_calm(self, begun: float) -> None:
        while (left := min(self._last + self._calm, begun + self._longest) - time.monotonic()) > 0:  # noqa: ASYNC110 - each new mailing moves the end
            await asyncio.sleep(left)
        held, self._held = self._held, []
        await asyncio.gather(*(self.bell.ring(work.queue, work.batch_id, work.attempt) for work in held))

    async def printer(self, token: str) -> PrinterCard | None:
        """See Book.printer_by_token."""
        return await self.book.printer_by_token(token)

    async def check_quota(self, printer: PrinterCard, announced: int | None = None) -> None:
        """Refuse early: paused printer, too many waiting jobs, or an announced size past the limit."""
        if not printer.accepting:
            raise Conflict("printer-paused", "This printer is paused.", help="Ask your administrator to resume it.")
        if announced is not None and printer.max_bytes and announced > printer.max_bytes:
            raise TooLarge(
                "too-large",
                f"This document is larger than the {printer.max_bytes // 1_000_000} MB that one job may have.",
                help="Print it in parts, or ask your administrator to raise the limit.",
                limit=printer.max_bytes,
            )
        if printer.max_jobs and await self.book.waiting_jobs(printer.id) >= printer.max_jobs:
            raise Conflict(
                "too-many-waiting",
                f"{printer.max_jobs} mailings of this printer wait already.",
                help="Send or cancel some of them on the desk first.",
                limit=printer.max_jobs,
            )

    async def open(self, new: NewMailing) -> Mailing:
        """A mailing whose bytes come later (IPP Create-Job)."""
        return await self.book.open_mailing(new)

    @asynccontextmanager
    async def intake(self, new: NewMailing, *, limit: int = 0, opened: Mailing | None = None) -> AsyncIterator[Intake]:
        """Take bytes in, at most `limit` of them (0: no limit), for a new mailing or one that was opened before."""
        async with Intake(self, new, limit, opened) as intake:
            yield intake
