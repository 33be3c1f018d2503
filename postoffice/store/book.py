"""The reception's book (see intake.reception.Book) over the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.mailing import Mailing, NewMailing
from postoffice.model.ports import Clock, PrinterCard, StoredDocument, Work
from postoffice.model.states import EventKind, MailingState
from postoffice.store import batches, events, mailings, printers
from postoffice.store.database import Database

#: the kind of work that reading is; see pipeline.QUEUES
READ_QUEUE = "compose"


class MailingBook:
    """Writes what the reception takes in; every method is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def printer_by_token(self, token: str) -> PrinterCard | None:
        """See Book."""
        async with self._database.read() as connection:
            found = await printers.by_token(connection, token)
        if found is None:
            return None
        printer, _token_id, user_id = found
        shared = {name: getattr(printer, name) for name in printers.Printer.__slots__}
        return PrinterCard(**shared, user_id=user_id)

    async def waiting_jobs(self, printer_id: str) -> int:
        """See Book."""
        async with self._database.read() as connection:
            return await mailings.count_waiting(connection, printer_id)

    async def open_mailing(self, new: NewMailing) -> Mailing:
        """See Book."""
        async with self._database.write() as connection:
            return await mailings.add(connection, new, self._clock.now())

    async def store_mailing(self, mailing_id: str, document: StoredDocument, media_type: str) -> tuple[Mailing, Work]:
        """See Book."""
        async with self._database.write() as connection:
            mailing = await mailings.get(connection, mailing_id)
            return await self._store(connection, mailing, document, media_type)

    async def receive_mailing(self, new: NewMailing, document: StoredDocument, media_type: str) -> tuple[Mailing, Work]:
        """See Book."""
        async with self._database.write() as connection:
            mailing = await mailings.add(connection, new, self._clock.now())
            return await self._store(connection, mailing, document, media_type)

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
