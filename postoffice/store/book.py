"""The reception's book (see intake.reception.Book) over the database."""

import time
from collections.abc import Awaitable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.mailing import Mailing, NewMailing
from postoffice.model.ports import Clock, PrinterCard, StoredDocument, Work
from postoffice.model.states import EventKind, MailingState
from postoffice.model.tracing import carried
from postoffice.store import batches, events, mailings, printers, receiving
from postoffice.store.database import Database
from postoffice.store.keys import hash_token
from postoffice.store.receiving import READ_QUEUE

#: seconds that a printer's card and its count of waiting jobs may be old
REMEMBER = 0.5
NOTE_USE_EVERY = 300.0  # seconds between two notes that a printer's token is in use


class MailingBook:
    """Writes what the reception takes in; every method is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._cards: dict[str, tuple[float, PrinterCard]] = {}
        self._waiting: dict[str, tuple[float, int]] = {}
        self._noted: dict[str, float] = {}

    async def printer_by_token(self, token: str) -> PrinterCard | None:
        """See Book. Remembered for REMEMBER seconds: a print job asks several times; a revoked token opens nothing after that."""
        now = time.monotonic()
        key = hash_token(token)
        known = self._cards.get(key)
        if known is not None and now < known[0]:
            return known[1]
        async with self._database.read() as connection:
            found = await printers.by_token(connection, token)
        self._cards = {each: card for each, card in self._cards.items() if now < card[0]}
        if found is None:
            return None
        printer, token_id, user_id = found
        await self._note_use(token_id, now)
        shared = {name: getattr(printer, name) for name in printers.Printer.__slots__}
        card = PrinterCard(**shared, user_id=user_id)
        self._cards[key] = (now + REMEMBER, card)
        return card

    async def _note_use(self, token_id: str, now: float) -> None:
        """When a token was last used, for the page that revokes it: written now and then, never for each request."""
        if now < self._noted.get(token_id, 0.0):
            return
        self._noted[token_id] = now + NOTE_USE_EVERY
        async with self._database.write() as connection:
            await printers.touch_token(connection, token_id, self._clock.now())

    async def waiting_jobs(self, printer_id: str) -> int:
        """See Book. Counted anew every REMEMBER seconds; what was taken in between is added."""
        now = time.monotonic()
        until, count = self._waiting.get(printer_id, (0.0, 0))
        if now >= until:
            async with self._database.read() as connection:
                count = await mailings.count_waiting(connection, printer_id)
            self._waiting[printer_id] = (now + REMEMBER, count)
        return count

    async def open_mailing(self, new: NewMailing) -> Mailing:
        """See Book."""
        async with self._database.write() as connection:
            return await mailings.add(connection, new, self._clock.now())

    async def store_mailing(self, mailing_id: str, document: StoredDocument, media_type: str) -> tuple[Mailing, Work]:
        """See Book."""
        async with self._database.write() as connection:
            mailing = await mailings.get(connection, mailing_id)
            return await self._store(connection, mailing, document, media_type)

    async def receive_mailing(
        self, new: NewMailing, document: StoredDocument, media_type: str, kept: Awaitable[object] | bytes
    ) -> tuple[Mailing, Work]:
        """See Book."""
        now, journey = self._clock.now(), carried()
        content, before = (kept, None) if isinstance(kept, bytes) else (None, kept)
        taken = await self._database.at_once(
            lambda connection: receiving.receive(connection, new, document, media_type, content, now, journey), before
        )
        if new.printer_id in self._waiting:
            until, count = self._waiting[new.printer_id]
            self._waiting[new.printer_id] = (until, count + 1)
        return taken

    async def _store(
        self, connection: AsyncConnection, mailing: Mailing, document: StoredDocument, media_type: str
    ) -> tuple[Mailing, Work]:
        now = self._clock.now()
        await mailings.stored(connection, mailing, document, media_type, now)
        batch_id = await add_reading(connection, mailing, now)
        await events.add(
            connection,
            [events.NewEvent(mailing.organisation_id, EventKind.RECEIVED, mailing.source.value, now, mailing_id=mailing.id)],
            now,
        )
        return await mailings.get(connection, mailing.id), Work(READ_QUEUE, batch_id, 1)

    async def abort_mailing(self, mailing_id: str) -> None:
        """See Book."""
        async with self._database.write() as connection:
            mailing = await mailings.get(connection, mailing_id)
            if mailing.state is MailingState.RECEIVING:
                await mailings.command(connection, mailing, "abort")

    async def cancel_mailing(self, mailing_id: str) -> Mailing:
        """See Book."""
        async with self._database.write() as connection:
            mailing = await mailings.get(connection, mailing_id)
            await mailings.command(connection, mailing, "cancel", finished_at=self._clock.now())
            return await mailings.get(connection, mailing_id)

    async def mailing_by_number(self, printer_id: str, number: int) -> Mailing | None:
        """See Book."""
        async with self._database.read() as connection:
            return await mailings.by_number(connection, printer_id, number)

    async def mailings_of_printer(
        self, printer_id: str, states: Sequence[MailingState], sender_name: str | None, limit: int
    ) -> Sequence[Mailing]:
        """See Book."""
        async with self._database.read() as connection:
            return await mailings.some(connection, printer_id=printer_id, states=states, sender_name=sender_name, limit=limit)


async def add_reading(connection: AsyncConnection, mailing: Mailing, now: datetime) -> str:
    """The batch of work that reads a mailing."""
    return await batches.add(
        connection,
        organisation_id=mailing.organisation_id,
        step="read",
        subject_id=mailing.id,
        queue=READ_QUEUE,
        now=now,
        priority=3,
    )
