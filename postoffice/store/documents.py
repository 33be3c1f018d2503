"""Documents on disk: immutable bytes named by their SHA-256, encrypted with their organisation's key.

A file is `magic (8) | nonce prefix (7) | chunk | chunk ...`: 64 KiB of plain text a chunk, AES-256-GCM, nonce = prefix + 32-bit
counter + last-chunk flag (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizar 2015), so that chunks can be
neither swapped nor cut off. Written beside its place, synced, renamed, folder synced.

A document of at most IN_ROW bytes that comes with its mailing may stay, sealed alike, in its row (see store.receiving).
"""

import asyncio
import contextlib
import errno
import hashlib
import io
import os
import shutil
import struct
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postoffice.model.errors import NotFound, OutOfRoom, PostOfficeError
from postoffice.model.ports import StoredDocument

CHUNK = 64 * 1024
_MAGIC = b"PODOC\x00\x00\x01"
_TAG = 16
HEAD = len(_MAGIC) + 7  #: bytes before the first piece
SEALED = CHUNK + _TAG  #: bytes of each sealed piece but the last
_SMALL = 256 * 1024  # below this a whole file is written in one hop to a thread
#: bytes that may stay in their row: a page of text has 2 to 30 kB, and a database reads such blobs quicker than a file system
IN_ROW = 32 * 1024

T = TypeVar("T")
KeyOf = Callable[[str], Awaitable[bytes]]
"""organisation id -> its document key, 32 bytes"""
RowOf = Callable[[str, str], Awaitable[bytes | None]]
"""organisation id, SHA-256 -> the sealed bytes that its row keeps, None where a file has them"""


class FileUpload:
    """See ports.Upload. Bytes are gathered to whole chunks, so memory stays at two chunks."""

    def __init__(self, folder: Path, place: Callable[[str], Path], key: bytes, in_row: int = 0) -> None:
        self._folder = folder
        self._in_row = in_row
        self._place = place
        self._cipher = AESGCM(key)
        self._prefix = os.urandom(7)
        self._count = 0
        self._size = 0
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._thread: asyncio.Future[Any] | None = None

    async def write(self, chunk: bytes) -> None:
        """Add bytes; OutOfRoom when the disk is full."""
        self._pending += chunk
        if len(self._pending) > _SMALL:
            await self._in_thread(lambda: self._flush(last=False))

    def named(self) -> StoredDocument:
        """See ports.Upload."""
        digest = self._digest.copy()
        digest.update(self._pending)
        return StoredDocument(digest.hexdigest(), self._size + len(self._pending))

    def sealed(self) -> bytes | None:
        """See ports.Upload."""
        if self._file is not None or len(self._pending) > self._in_row:
            return None
        return _MAGIC + self._prefix + self._cipher.encrypt(_nonce(self._prefix, 0, True), bytes(self._pending), None)

    async def finish(self) -> StoredDocument:
        """Write what is left, sync, and give the file its name."""
        return await self._in_thread(self._finish)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        running = asyncio.ensure_future(asyncio.to_thread(work))
        self._thread = running
        return await asyncio.shield(running)

    async def settle(self) -> None:
        """Wait for what a cancelled call left running in its thread: only then can every trace be removed."""
        if self._thread is not None:
            await asyncio.wait({self._thread})

    def discard(self) -> None:
        """Remove every trace; harmless after `finish`."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk says so again for what was not yet written
                self._file.close()
            self._file = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        self._pending.clear()

    def _flush(self, *, last: bool) -> None:
        with disk_full_is_clear():
            if self._file is None:
                handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
                self._path = Path(name)
                self._file = os.fdopen(handle, "wb")
                self._file.write(_MAGIC + self._prefix)
            take = len(self._pending) if last else (len(self._pending) - 1) // CHUNK * CHUNK
            data = bytes(self._pending[:take])
            del self._pending[:take]
            self._digest.update(data)
            self._size += take
            pieces = [data[start : start + CHUNK] for start in range(0, take, CHUNK)] or ([b""] if last else [])
            for index, piece in enumerate(pieces):
                final = last and index == len(pieces) - 1
                self._file.write(self._cipher.encrypt(_nonce(self._prefix, self._count, final), piece, None))
                self._count += 1

    def _whole(self, *, sync: bool) -> StoredDocument:
        """The sealed file is complete and closed at `self._path`."""
        self._flush(last=True)
        assert self._file is not None
        with disk_full_is_clear():
            self._file.flush()
            if sync:
                os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
        return StoredDocument(self._digest.hexdigest(), self._size)

    def _finish(self) -> StoredDocument:
        stored = self._whole(sync=True)
        assert self._path is not None
        target = self._place(stored.sha256)
        with disk_full_is_clear():
            fresh = not target.parent.exists()
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.replace(self._path, target)
            self._path = None
            _sync_folder(target.parent)
            if fresh:
                _sync_folder(target.parent.parent)
                _sync_folder(target.parent.parent.parent)
        return stored


class FileDocuments:
    """See ports.Documents; keeps files under `folder/<organisation>/<2 digits>/<sha256>`."""

    def __init__(self, folder: Path, key_of: KeyOf, *, row_of: RowOf | None = None, min_free: int = 0) -> None:
        self._folder = folder
        self._row_of = row_of
        self._incoming = folder / "incoming"
        self._plain = folder / "plain"
        self._key_of = key_of
        self._min_free = min_free
        self._prepared: set[str] = set()
        for each in (self._incoming, self._plain):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _prepare(self, organisation_id: str) -> None:
        """All folders of an organisation at once: one by one, each would cost its first document two syncs more."""
        folder = self._folder / organisation_id
        with disk_full_is_clear():
            for number in range(256):
                (folder / f"{number:02x}").mkdir(parents=True, exist_ok=True, mode=0o700)
            _sync_folder(folder)
            _sync_folder(self._folder)

    def _place(self, organisation_id: str, sha256: str) -> Path:
        return place_of(self._folder, organisation_id, sha256)

    @asynccontextmanager
    async def upload(self, organisation_id: str) -> AsyncIterator[FileUpload]:
        """See ports.Documents."""
        self.check_room()
        key = await self._key_of(organisation_id)
        if organisation_id not in self._prepared:
            await asyncio.to_thread(self._prepare, organisation_id)
            self._prepared.add(organisation_id)
        in_row = IN_ROW if self._row_of else 0
        upload = FileUpload(self._incoming, lambda sha256: self._place(organisation_id, sha256), key, in_row)
        try:
            yield upload
        finally:
            await upload.settle()
            upload.discard()

    def check_room(self) -> None:
        """OutOfRoom where less disk is free than the settings ask for."""
        if self._min_free and shutil.disk_usage(self._folder).free < self._min_free:
            raise _out_of_room()

    async def put(self, organisation_id: str, content: bytes) -> StoredDocument:
        """See ports.Documents."""
        async with self.upload(organisation_id) as upload:
            await upload.write(content)
            return await upload.finish()

    async def put_file(self, organisation_id: str, path: Path) -> StoredDocument:
        """See ports.Documents."""
        async with self.upload(organisation_id) as upload:
            with await asyncio.to_thread(open, path, "rb") as file:
                while piece := await asyncio.to_thread(file.read, 4 * CHUNK):
                    await upload.write(piece)
            return await upload.finish()

    async def get(self, organisation_id: str, sha256: str) -> bytes:
        """See ports.Documents."""
        return b"".join([piece async for piece in self.stream(organisation_id, sha256)])

    async def stream(self, organisation_id: str, sha256: str) -> AsyncIterator[bytes]:
        """See ports.Documents."""
        key = await self._key_of(organisation_id)
        pieces = decrypted(await self._source(organisation_id, sha256), sha256, key)
        while True:
            several = await asyncio.to_thread(_take, pieces, 8)
            for piece in several:
                yield piece
            if len(several) < 8:
                return

    @asynccontextmanager
    async def as_file(self, organisation_id: str, sha256: str) -> AsyncIterator[Path]:
        """See ports.Documents. The plain file is private (0600), in the office's own folder, and removed at the end."""
        key = await self._key_of(organisation_id)
        source = await self._source(organisation_id, sha256)
        writing = asyncio.ensure_future(asyncio.to_thread(self._write_plain, source, sha256, key))
        try:
            path = await asyncio.shield(writing)
        except asyncio.CancelledError:
            writing.add_done_callback(_remove_written)  # its thread goes on: no plain copy may stay behind
            raise
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def _source(self, organisation_id: str, sha256: str) -> Path | bytes:
        """Where a document's sealed bytes are: its file, or what its row keeps."""
        place = self._place(organisation_id, sha256)
        if self._row_of is None or place.exists():
            return place
        return await self._row_of(organisation_id, sha256) or place

    def _write_plain(self, source: Path | bytes, sha256: str, key: bytes) -> Path:
        handle, name = tempfile.mkstemp(dir=self._plain, suffix=".tmp")
        try:
            with disk_full_is_clear(), os.fdopen(handle, "wb") as file:
                for piece in decrypted(source, sha256, key):
                    file.write(piece)
        except BaseException:
            os.unlink(name)
            raise
        return Path(name)

    async def remove(self, organisation_id: str, sha256: str, older_than_seconds: float, now: float) -> bool:
        """Remove a document that nothing names any more; not one that has just come anew. Whether it is gone."""
        return await asyncio.to_thread(self._remove, organisation_id, sha256, older_than_seconds, now)

    def _remove(self, organisation_id: str, sha256: str, older_than_seconds: float, now: float) -> bool:
        place = self._place(organisation_id, sha256)
        with contextlib.suppress(FileNotFoundError):
            if now - place.stat().st_mtime <= older_than_seconds:
                return False
            place.unlink()
        return True

    async def close(self) -> None:
        """Nothing is held open."""

    def sweep(self, older_than_seconds: float, now: float) -> int:
        """Remove unfinished uploads and plain copies that a killed process left behind; how many."""
        removed = 0
        for folder in (self._incoming, self._plain):
            for path in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if now - path.stat().st_mtime > older_than_seconds:
                        path.unlink()
                        removed += 1
        return removed


def _nonce(prefix: bytes, count: int, last: bool) -> bytes:
    return prefix + struct.pack(">IB", count, last)


def _opened(source: Path | bytes) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return open(source, "rb")
    except FileNotFoundError:
        raise missing() from None


def missing() -> NotFound:
    """What is said of bytes that are not where they should be."""
    return NotFound("document-missing", "This document is not in the store.", help="Restore it from a backup.")


def place_of(folder: Path, organisation_id: str, sha256: str) -> Path:
    """Where the file of a document lies under the documents' folder."""
    return folder / organisation_id / sha256[:2] / sha256


def sealed_size(size: int) -> int:
    """Bytes on disk of a document of `size` bytes."""
    return HEAD + size + _TAG * max(1, -(-size // CHUNK))


def decrypted(source: Path | bytes, sha256: str, key: bytes) -> Iterator[bytes]:
    """The plain bytes of a sealed file, or of what a row keeps, chunk by chunk. NotFound: no such file; PostOfficeError
    document-damaged: other bytes than those of its name, or another key."""
    with _opened(source) as file:
        unsealing = Unsealing(file.read(HEAD), sha256, key)
        piece = file.read(SEALED)
        while True:
            ahead = file.read(SEALED)
            yield unsealing.piece(piece, last=not ahead)
            if not ahead:
                return
            piece = ahead


class Unsealing:
    """Opens a document piece by piece, in order. PostOfficeError document-damaged: see `decrypted`."""

    def __init__(self, head: bytes, sha256: str, key: bytes) -> None:
        """`head`: the first HEAD bytes."""
        if head[: len(_MAGIC)] != _MAGIC:
            raise _damaged()
        self._prefix = head[len(_MAGIC) :]
        self._cipher = AESGCM(key)
        self._sha256 = sha256
        self._digest = hashlib.sha256()
        self._count = 0

    def piece(self, sealed: bytes, *, last: bool) -> bytes:
        """The plain bytes of the next SEALED bytes, or fewer in the last piece."""
        try:
            plain = self._cipher.decrypt(_nonce(self._prefix, self._count, last), sealed, None)
        except (InvalidTag, ValueError) as error:
            raise _damaged() from error
        self._digest.update(plain)
        if last and self._digest.hexdigest() != self._sha256:  # a whole file in the place of another
            raise _damaged()
        self._count += 1
        return plain


def _remove_written(writing: "asyncio.Future[Path]") -> None:
    if not writing.cancelled() and writing.exception() is None:
        writing.result().unlink(missing_ok=True)


def _take(pieces: Iterator[bytes], count: int) -> list[bytes]:
    taken: list[bytes] = []
    for piece in pieces:
        taken.append(piece)
        if len(taken) == count:
            break
    return taken


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged() -> PostOfficeError:
    return PostOfficeError("document-damaged", "A stored document is damaged or has another key.", help="Restore it from a backup.")


def _out_of_room() -> OutOfRoom:
    return OutOfRoom(
        "disk-full",
        "The office's disk is full: the document was not taken in, nothing was kept of it.",
        help="Free some space in the data folder, then send it again.",
    )


@contextlib.contextmanager
def disk_full_is_clear() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _out_of_room() from error
        raise
