"""Queries about mailings. Every function takes a connection; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.finding import Finding
from postoffice.model.mailing import Mailing, NewMailing, Options
from postoffice.model.ports import StoredDocument
from postoffice.model.states import MAILING_COMMANDS, MailingState, command_mailing
from postoffice.store import receiving, rows
from postoffice.store.schema import documents, mailings
from postoffice.store.upsert import insert_into

#: states in which a mailing asks for somebody's attention or work
OPEN_STATES = tuple(state.value for state in MailingState if state not in (MailingState.FINISHED, MailingState.CANCELLED))


async def add(connection: AsyncConnection, new: NewMailing, now: datetime) -> Mailing:
    """A fresh mailing in state receiving."""
    number = await connection.run_sync(lambda sync: receiving.next_number(sync, new.organisation_id))
    values = receiving.fresh(new, number, now)
    await connection.execute(mailings.insert(), values)
    return rows.mailing(values)


async def get(connection: AsyncConnection, mailing_id: str, organisation_id: str | None = None) -> Mailing:
    """One mailing, of this organisation where one is given; NotFound otherwise."""
    query = mailings.select().where(mailings.c.id == mailing_id)
    if organisation_id is not None:
        query = query.where(mailings.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-mailing", "There is no such mailing.", help="Look for it in the list of mailings.")
    return rows.mailing(row)


async def locked(connection: AsyncConnection, mailing_id: str) -> Mailing:
    """One mailing as it stands now; nobody else changes it until this transaction ends. NotFound where it is gone.

    Whoever holds several rows takes deliveries first, then items, the mailing, and what was spent: nobody waits in a circle.
    """
    found = await connection.execute(mailings.select().where(mailings.c.id == mailing_id).with_for_update(key_share=True))
    row = found.mappings().first()
    return rows.mailing(row) if row else await get(connection, mailing_id)


async def by_number(connection: AsyncConnection, printer_id: str, number: int) -> Mailing | None:
    """A print job of this printer."""
    query = mailings.select().where(mailings.c.printer_id == printer_id, mailings.c.number == number)
    row = (await connection.execute(query)).mappings().first()
    return rows.mailing(row) if row else None


async def some(
    connection: AsyncConnection,
    *,
    organisation_id: str | None = None,
    printer_id: str | None = None,
    printer_ids: Sequence[str] | None = None,
    user_id: str | None = None,
    states: Sequence[MailingState] = (),
    sender_name: str | None = None,
    live: bool | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Mailing]:
    """Mailings, newest first; `before` is the number of the last one of the page before."""
    query = mailings.select().order_by(mailings.c.number.desc()).limit(limit)
    if organisation_id is not None:
        query = query.where(mailings.c.organisation_id == organisation_id)
    if printer_id is not None:
        query = query.where(mailings.c.printer_id == printer_id)
    if printer_ids is not None:
        query = query.where(sa.or_(mailings.c.printer_id.in_(printer_ids), mailings.c.user_id == user_id))
    if states:
        query = query.where(mailings.c.state.in_([state.value for state in states]))
    if sender_name is not None:
        query = query.where(mailings.c.sender_name == sender_name)
    if live is not None:
        query = query.where(mailings.c.live.is_(live))
    if before is not None:
        query = query.where(mailings.c.number < before)
    return [rows.mailing(row) for row in (await connection.execute(query)).mappings()]


async def count_by_state(connection: AsyncConnection, organisation_id: str) -> dict[MailingState, int]:
    """How many mailings stand in each state."""
    found = await connection.execute(
        sa.select(mailings.c.state, sa.func.count()).where(mailings.c.organisation_id == organisation_id).group_by(mailings.c.state)
    )
    return {MailingState(state): count for state, count in found}


async def count_waiting(connection: AsyncConnection, printer_id: str) -> int:
    """Mailings of a printer that are not yet sent."""
    states = ("receiving", "received", "reading", "waiting")
    query = sa.select(sa.func.count()).where(mailings.c.printer_id == printer_id, mailings.c.state.in_(states))
    return int(await connection.scalar(query) or 0)


async def command(connection: AsyncConnection, mailing: Mailing, word: str, **values: Any) -> MailingState:
    """Apply a command of the transition table, guarded in the database as well; Conflict where it is not allowed.

    Two people who press at once: the second finds the state changed and gets Conflict.
    """
    sources, target = MAILING_COMMANDS[word]
    result = await connection.execute(
        mailings.update()
        .where(mailings.c.id == mailing.id, mailings.c.state.in_([state.value for state in sources]))
        .values(state=target.value, **values)
    )
    if result.rowcount != 1:
        current = await connection.scalar(sa.select(mailings.c.state).where(mailings.c.id == mailing.id))
        command_mailing(MailingState(current) if current else mailing.state, word)
        raise AssertionError(f"the table allows {word} from {current}, the guard did not")
    return target


async def stored(connection: AsyncConnection, mailing: Mailing, document: StoredDocument, media_type: str, now: datetime) -> None:
    """receiving -> received: the original bytes are safe."""
    await note_document(connection, mailing.organisation_id, document, media_type, now)
    await command(
        connection,
        mailing,
        "store",
        original=document.sha256,
        original_size=document.size,
        media_type=media_type,
        received_at=now,
    )


async def note_document(
    connection: AsyncConnection, organisation_id: str, document: StoredDocument, media_type: str, now: datetime
) -> None:
    """Write a document's row; the same bytes twice are one row. It is held until whatever names it is written, too: old scans of
    these bytes may be going this moment."""
    row = {
        "organisation_id": organisation_id,
        "sha256": document.sha256,
        "size": document.size,
        "media_type": media_type,
        "created_at": now,
    }
    insert, same = insert_into(connection, documents).values(row), {"size": documents.c.size}
    await connection.execute(insert.on_conflict_do_update(index_elements=["organisation_id", "sha256"], set_=same))


async def hold_document(connection: AsyncConnection, organisation_id: str, sha256: str) -> bool:
    """Whether there is such a document, which stays there until the transaction ends: for whoever names it without its bytes."""
    where = documents.c.organisation_id == organisation_id, documents.c.sha256 == sha256
    return await connection.scalar(sa.select(documents.c.size).where(*where).with_for_update(read=True)) is not None


async def document_content(connection: AsyncConnection, organisation_id: str, sha256: str) -> bytes | None:
    """The sealed bytes that a document's row keeps; None where there is no such row, or a file has them."""
    where = sa.and_(documents.c.organisation_id == organisation_id, documents.c.sha256 == sha256)
    content: bytes | None = await connection.scalar(sa.select(documents.c.content).where(where))
    return content


async def update(connection: AsyncConnection, mailing_id: str, **values: Any) -> None:
    """Change columns that are not the state."""
    assert "state" not in values
    await connection.execute(mailings.update().where(mailings.c.id == mailing_id).values(**values))


async def set_options(connection: AsyncConnection, mailing: Mailing, options: Options) -> None:
    """What the person chose; Conflict when the mailing no longer waits for options."""
    result = await connection.execute(
        mailings.update()
        .where(mailings.c.id == mailing.id, mailings.c.state.in_(["waiting", "received", "reading", "receiving"]))
        .values(options=options.as_dict())
    )
    if result.rowcount != 1:
        current = await get(connection, mailing.id)
        command_mailing(current.state, "send")


def as_error(code: str, message: str, help: str, facts: Mapping[str, object]) -> dict[str, Any]:
    """The shape of `mailings.error`."""
    return {"code": code, "message": message, "help": help, "facts": {key: str(value) for key, value in facts.items()}}


def as_findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The shape of `mailings.findings`."""
    return [finding.as_dict() for finding in findings]
