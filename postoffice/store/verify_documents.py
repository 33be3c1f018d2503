"""Rows of documents against the files that they stand for, a page of rows and a folder of files at a time. Changes nothing."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from postoffice.model.errors import NotFound, PostOfficeError, Unavailable
from postoffice.store import people
from postoffice.store.database import Database
from postoffice.store.documents import decrypted, sealed_size
from postoffice.store.keys import Keyring
from postoffice.store.schema import (
    contact_imports,
    documents,
    mailings,
    mails,
    returned,
    returned_pages,
    returned_scans,
    sandbox_box,
)
from postoffice.store.shelf import Shelf, Standing
from postoffice.store.verify import EXAMPLES, Result

PAGE = 500
YOUNG = 3600.0  #: seconds; a file without a row may be on its way in
_LEFT_OVER = 6 * 3600.0  #: unfinished uploads of this age belong to a process that is gone

#: columns that name a document
NAMING: tuple[sa.Column[str], ...] = (
    mailings.c.document,
    mailings.c.original,
    mailings.c.kept,
    mails.c.document,
    contact_imports.c.document,
    contact_imports.c.table,
    returned.c.document,
    returned_scans.c.document,
    returned_pages.c.document,
    sandbox_box.c.document,
)


class Row(NamedTuple):
    """A document's row; `content` only where its row keeps the bytes, and only its size unless it is to be read."""

    organisation_id: str
    sha256: str
    size: int
    in_row: int | None


@dataclass
class _Tally:
    word: str
    about: str
    grave: bool = True
    looked: int = 0
    faults: int = 0
    examples: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        self.faults += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(what)

    def result(self) -> Result:
        return Result(self.word, self.about, self.looked, self.faults, self.examples, self.grave)


async def ask_documents(database: Database, shelf: Shelf, folder: Path, keyring: Keyring | None, *, deep: bool) -> list[Result]:
    """Missing, cut short and (`deep`, which reads and opens every byte) damaged documents; names without a document; stray files.

    `shelf` has the documents, `folder` what is on its way. `keyring` None: there is no master key, and nothing can be opened.
    """
    missing = _Tally("documents", "each document's bytes are there")
    length = _Tally("lengths", "each document has the length that it should have")
    damaged = _Tally("contents", "each document opens, and its bytes are those of its name")
    keys: dict[str, bytes | None] = {}
    stand = _Standings(shelf)
    async for page in _pages(database):
        for row in page:
            missing.looked += 1
            there = await stand.length(row.organisation_id, row.sha256) if row.in_row is None else row.in_row
            if there is None:
                missing.note(row.sha256)
                continue
            length.looked += 1
            if there != sealed_size(row.size):
                length.note(row.sha256)
            if deep:
                damaged.looked += 1
                if not await _opens(database, keyring, keys, row, shelf):
                    damaged.note(row.sha256)
    results = [missing.result(), length.result()]
    if deep:
        results.append(damaged.result())
    return [*results, await _named(database, shelf), await _stray(database, shelf), await asyncio.to_thread(_left_over, folder)]


async def _pages(database: Database) -> AsyncIterator[list[Row]]:
    """All rows in order; each page is a look of its own, so that a long reading holds nothing up."""
    table = documents.c
    after = ("", "")
    while True:
        query = sa.select(table.organisation_id, table.sha256, table.size, sa.func.length(table.content))
        query = query.where(sa.tuple_(table.organisation_id, table.sha256) > after)
        async with database.read() as connection:
            found = (await connection.execute(query.order_by(table.organisation_id, table.sha256).limit(PAGE))).all()
        if not found:
            return
        yield [Row(*row) for row in found]
        after = (found[-1][0], found[-1][1])


async def _opens(database: Database, keyring: Keyring | None, keys: dict[str, bytes | None], row: Row, shelf: Shelf) -> bool:
    key = await _key(database, keyring, keys, row.organisation_id)
    if key is None:
        return False
    if row.in_row is not None:
        where = (documents.c.organisation_id == row.organisation_id, documents.c.sha256 == row.sha256)
        async with database.read() as connection:
            content = await connection.scalar(sa.select(documents.c.content).where(*where))
        if content:
            return await asyncio.to_thread(_reads, content, row, key)
    try:
        async with aclosing(shelf.pieces(row.organisation_id, row.sha256, key)) as pieces:
            return sum([len(piece) async for piece in pieces]) == row.size
    except Unavailable:  # says nothing of the document
        raise
    except (PostOfficeError, OSError):
        return False


async def _key(database: Database, keyring: Keyring | None, keys: dict[str, bytes | None], organisation_id: str) -> bytes | None:
    if organisation_id not in keys:
        async with database.read() as connection:
            wrapped = await people.document_key(connection, organisation_id)
        try:
            keys[organisation_id] = keyring.unwrap(wrapped) if keyring else None
        except PostOfficeError:  # another master key: each document then counts as one that does not open
            keys[organisation_id] = None
    return keys[organisation_id]


def _reads(source: bytes, row: Row, key: bytes) -> bool:
    try:
        return sum(len(piece) for piece in decrypted(source, row.sha256, key)) == row.size
    except (PostOfficeError, NotFound, OSError):
        return False


class _Standings:
    """Lengths of sealed documents. Rows come in the order of the shelf, so that each of its folders is looked at once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._at = ("", "")
        self._known: Mapping[str, Standing] = {}

    async def length(self, organisation_id: str, sha256: str) -> int | None:
        """None where it is not there."""
        at = (organisation_id, sha256[:2])
        if at != self._at:
            self._at, self._known = at, await self._shelf.folder(*at)
        found = self._known.get(sha256)
        return found.size if found else None


async def _named(database: Database, shelf: Shelf) -> Result:
    """What other rows name must be a document."""
    tally = _Tally("named", "what other rows name is a document")
    for column in NAMING:
        table = column.table
        given = sa.and_(column.is_not(None), column != "")
        known = sa.and_(documents.c.organisation_id == table.c.organisation_id, documents.c.sha256 == column)
        absent = sa.select(table.c.organisation_id, column).distinct()
        absent = absent.select_from(table.outerjoin(documents, known)).where(given, documents.c.sha256.is_(None))
        async with database.read() as connection:
            tally.looked += int(await connection.scalar(sa.select(sa.func.count()).select_from(table).where(given)) or 0)
            async with connection.stream(absent) as found:
                async for organisation_id, sha256 in found:
                    if sha256 not in await shelf.folder(organisation_id, sha256[:2]):
                        tally.note(sha256)
    return tally.result()


async def _stray(database: Database, shelf: Shelf) -> Result:
    """Files that no row of `documents` stands for. Pictures that only settings name are such, too: untidy, not lost."""
    tally = _Tally("stray", "each file has its row", grave=False)
    for organisation_id, two in await shelf.folders():
        young = time.time() - YOUNG
        names = sorted(name for name, one in (await shelf.folder(organisation_id, two)).items() if one.since < young)
        if names:
            tally.looked += len(names)
            where = (documents.c.organisation_id == organisation_id, documents.c.sha256 >= two, documents.c.sha256 < two + "g")
            async with database.read() as connection:
                known = set(await connection.scalars(sa.select(documents.c.sha256).where(*where)))
            for name in names:
                if name not in known:
                    tally.note(name)
    return tally.result()


def _files(folder: Path, before: float) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.stat().st_mtime < before)


def _left_over(folder: Path) -> Result:
    tally = _Tally("left-over", "no unfinished upload was left behind", grave=False)
    for name in ("incoming", "plain"):
        for path in _files(folder / name, time.time() - _LEFT_OVER) if (folder / name).is_dir() else []:
            tally.looked += 1
            tally.note(path)
    return tally.result()
