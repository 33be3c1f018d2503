"""What watched folders took: one row a file, written in the same transaction that opens its mailing."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from postoffice.model.mailing import Mailing, NewMailing
from postoffice.model.ports import Clock, PrinterCard
from postoffice.model.states import MailingState
from postoffice.store import mailings, printers
from postoffice.store.database import Database
from postoffice.store.schema import folder_files
from postoffice.store.schema import mailings as mailing_table


class FolderMemory:
    """See intake.folder.Seen. Every method is one transaction. One process watches a folder at a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def claim(self, new: NewMailing, fingerprint: str) -> tuple[Mailing, bool]:
        """See Seen."""
        assert new.printer_id is not None
        now = self._clock.now()
        async with self._database.write() as connection:
            known_id = await connection.scalar(sa.select(folder_files.c.mailing_id).where(*_this(new.printer_id, fingerprint)))
            known = await mailings.get(connection, known_id) if known_id else None
            if known is not None and known.state not in (MailingState.RECEIVING, MailingState.ABORTED):
                return known, False
            if known is not None and known.state is MailingState.RECEIVING:
                await mailings.command(connection, known, "abort")  # whoever opened it died before the bytes were stored
            await connection.execute(folder_files.delete().where(*_this(new.printer_id, fingerprint)))
            mailing = await mailings.add(connection, new, now)
            row = {"printer_id": new.printer_id, "fingerprint": fingerprint, "mailing_id": mailing.id, "created_at": now}
            await connection.execute(folder_files.insert(), row)
        return mailing, True

    async def verdicts(self, mailing_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any] | None]:
        """See Seen."""
        waiting = [state.value for state in (MailingState.RECEIVING, MailingState.RECEIVED, MailingState.READING)]
        query = sa.select(mailing_table.c.id, mailing_table.c.state, mailing_table.c.error).where(
            mailing_table.c.id.in_(mailing_ids), mailing_table.c.state.not_in(waiting)
        )
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
        return {row.id: row.error if row.state == MailingState.FAILED.value else None for row in found}

    async def printers(self, organisation_id: str) -> list[PrinterCard]:
        """The printers whose folders are to be watched."""
        async with self._database.read() as connection:
            known = await printers.all_of(connection, organisation_id)
        return [PrinterCard(**{name: getattr(one, name) for name in printers.Printer.__slots__}, user_id=None) for one in known]


def _this(printer_id: str, fingerprint: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return folder_files.c.printer_id == printer_id, folder_files.c.fingerprint == fingerprint
