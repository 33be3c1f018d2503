"""What is kept for a time only: scans of returned letters, and the pictures that prove a return. The caller owns the transaction.

A scan has done its work once its letters are entered: each entry keeps a picture of its own envelope, as long as claims can be made.
"""

from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.database import Database
from postoffice.store.lists import one_of
from postoffice.store.schema import documents, returned, returned_pages, returned_scans
from postoffice.store.verify_documents import NAMING

SCANS_KEPT = timedelta(days=90)
AT_ONCE = 200  #: scans, or pictures, of one transaction
Named = tuple[str, str]  #: organisation, document


async def sweep(connection: AsyncConnection, now: datetime) -> list[Named]:
    """Forget some scans and pictures whose time is over. Returns the documents that nothing names any more; their bytes may go."""
    freed = {*await _scans(connection, now), *await _pictures(connection, now)}
    if not freed:
        return []
    await _hold(connection, freed)
    gone = sorted(freed - await _named(connection, freed))
    for organisation_id, sha256 in gone:
        await connection.execute(documents.delete().where(documents.c.organisation_id == organisation_id, documents.c.sha256 == sha256))
    return gone


class Bytes(Protocol):
    """Where the bytes of documents lie."""

    async def remove(self, organisation_id: str, sha256: str, older_than_seconds: float, now: float) -> bool:
        """See store.documents.FileDocuments."""
        ...


class Leaving:
    """Documents that nothing names any more, until their bytes are gone, too: where those cannot be removed now, the next time."""

    def __init__(self, database: Database, documents: Bytes, older_than_seconds: float) -> None:
        """`older_than_seconds`: bytes that came since then may be those of an upload whose row is still to be written."""
        self._database = database
        self._documents = documents
        self._older = older_than_seconds
        self._left: list[Named] = []

    async def go_on(self, now: datetime) -> None:
        """Forget what is over, then its bytes. Unavailable, OSError: the rest waits for the next time."""
        async with self._database.write() as connection:
            freed = await sweep(connection, now)
        self._left += freed
        while self._left:
            which, (organisation_id, sha256) = documents.c.organisation_id, self._left[-1]
            async with self._database.read() as connection:
                back = await connection.scalar(sa.select(which).where(which == organisation_id, documents.c.sha256 == sha256))
            if back is None:  # else these bytes came again, and stay
                await self._documents.remove(organisation_id, sha256, self._older, now.timestamp())
            self._left.pop()


async def _scans(connection: AsyncConnection, now: datetime) -> list[Named]:
    scan = returned_scans.c
    query = sa.select(scan.id, scan.organisation_id, scan.document).where(
        scan.created_at < now - SCANS_KEPT, scan.state.in_(("done", "failed"))
    )
    old = list(await connection.execute(query.order_by(scan.id).limit(AT_ONCE)))
    if not old:
        return []
    ids = [row.id for row in old]
    page = returned_pages.c
    pages = sa.select(page.organisation_id, page.document).where(page.scan_id.in_(ids), page.document.is_not(None))
    freed = [(row.organisation_id, row.document) for row in await connection.execute(pages)]
    await connection.execute(returned_pages.delete().where(page.scan_id.in_(ids)))
    await connection.execute(returned_scans.delete().where(scan.id.in_(ids)))
    return freed + [(row.organisation_id, row.document) for row in old]


async def _pictures(connection: AsyncConnection, now: datetime) -> list[Named]:
    one = returned.c
    query = sa.select(one.id, one.organisation_id, one.document).where(one.keep_until < now, one.document.is_not(None))
    old = list(await connection.execute(query.order_by(one.id).limit(AT_ONCE)))
    if old:
        values = {"document": None, "keep_until": None}
        await connection.execute(returned.update().where(one.id.in_([row.id for row in old])).values(**values))
    return [(row.organisation_id, row.document) for row in old]


async def _hold(connection: AsyncConnection, some: set[Named]) -> None:
    """Let those who bring these bytes again, or name them, this moment come first or wait until they are gone: whoever names a document
    holds its row (mailings.note_document, store.receiving, actions.returned)."""
    which = sa.tuple_(documents.c.organisation_id, documents.c.sha256)
    wanted = sorted(some)
    for start in range(0, len(wanted), AT_ONCE):
        query = sa.select(documents.c.sha256).where(which.in_(wanted[start : start + AT_ONCE]))
        await connection.execute(query.order_by(documents.c.organisation_id, documents.c.sha256).with_for_update())


async def _named(connection: AsyncConnection, some: set[Named]) -> set[Named]:
    """Those of some documents that something still names. One look at each column, since few of them are indexed."""
    found: set[Named] = set()
    for column in NAMING:
        owner = column.table.c.organisation_id
        query = sa.select(owner, column).where(one_of(connection, column, {sha256 for _, sha256 in some})).distinct()
        found |= {(row[0], row[1]) for row in await connection.execute(query)}
    return found
