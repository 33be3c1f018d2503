"""Documents in an S3-compatible store: sealed here, as on disk (see `documents`), sent in parts, one object each.

    <folder>/<organisation>/<2 digits>/<sha256>

A document is sealed into a file on its way in, since its name is known only at its end; what is then on disk is closed to others and
is removed. On its way out it is opened piece by piece. So memory stays flat both ways, and the store never sees a plain byte.

What was kept in the data folder before is still read there; `postoffice migrate` brings it to the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from postoffice.later import miniopy_api, miniopy_error
from postoffice.model.errors import PostOfficeError, Unavailable
from postoffice.model.ports import StoredDocument
from postoffice.store.documents import (
    HEAD,
    IN_ROW,
    SEALED,
    FileDocuments,
    FileUpload,
    KeyOf,
    RowOf,
    Unsealing,
    decrypted,
    disk_full_is_clear,
    missing,
)

PART = 5 * 1024 * 1024  #: bytes in one request, the least that S3 takes; a document may have 10,000 parts
TRIES = (0.0, 0.3, 1.5)  #: seconds before each try; stores answer "slow down" now and then
_PATIENCE = aiohttp.ClientTimeout(total=None, connect=5, sock_read=30)
_GONE = ("NoSuchKey", "NoSuchObject")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the store is. `prefix`: ends in a slash where there is one."""

    bucket: str
    prefix: str
    host: str
    secure: bool
    region: str
    key: str
    secret: str


def place_from(url: str, key: str, secret: str) -> Place:
    """Of s3://bucket/folder?endpoint=https://host:port&region=eu-west-3 (Amazon's where no endpoint is given).

    PostOfficeError: not of this form, or without keys.
    """
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    region = asked.get("region", "us-east-1")
    endpoint = urlsplit(asked.get("endpoint", "https://s3.amazonaws.com"))
    right = (
        parts.scheme == "s3"
        and parts.netloc
        and endpoint.scheme in ("http", "https")
        and endpoint.netloc
        and not endpoint.path.strip("/")
    )
    if not right or "@" in parts.netloc or "@" in endpoint.netloc or set(asked) - {"endpoint", "region"}:
        raise _setting(
            "The address of the documents' store cannot be read.", "Write s3://bucket/folder?endpoint=https://host&region=..."
        )
    if not key or not secret:
        raise _setting("The documents' store has no keys.", "Set POSTOFFICE_DOCUMENTS_KEY and POSTOFFICE_DOCUMENTS_SECRET.")
    folder = parts.path.strip("/")
    prefix = f"{folder}/" if folder else ""
    return Place(parts.netloc, prefix, endpoint.netloc, endpoint.scheme == "https", region, key, secret)


class Store:
    """The objects of one place, by their path below the prefix. Unavailable where the store does not answer or refuses."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._session: aiohttp.ClientSession | None = None
        self._client: miniopy_api.Minio | None = None

    def _minio(self) -> miniopy_api.Minio:
        """Made when first used: a session belongs to the running loop."""
        if self._client is None:
            place = self._place
            self._session = aiohttp.ClientSession(timeout=_PATIENCE)
            lines: Any = _Lines(self._session)
            self._client = miniopy_api.Minio(
                place.host, place.key, place.secret, secure=place.secure, region=place.region, session=lines
            )
        return self._client

    async def put(self, path: str, source: Path) -> None:
        """Store a file's bytes, in parts: whole or not at all."""
        size = source.stat().st_size
        part = PART if size != PART else PART + 1  # of just this size, the client would hand the open file to its socket
        for pause in TRIES:
            await asyncio.sleep(pause)
            try:
                with _told(), await asyncio.to_thread(open, source, "rb") as file:
                    await self._minio().put_object(
                        self._place.bucket, self._place.prefix + path, file, size, part_size=part, num_parallel_uploads=1
                    )
                return
            except Unavailable:
                if pause == TRIES[-1]:
                    raise

    @asynccontextmanager
    async def get(self, path: str) -> AsyncIterator[aiohttp.StreamReader]:
        """Its bytes as they come. NotFound: there is no such object."""
        response = await self._answer(path)
        try:
            with _told():
                yield response.content
        finally:
            response.close()

    async def _answer(self, path: str) -> aiohttp.ClientResponse:
        for pause in TRIES[:-1]:
            await asyncio.sleep(pause)
            with contextlib.suppress(Unavailable), _told():
                return await self._minio().get_object(self._place.bucket, self._place.prefix + path)
        with _told():
            return await self._minio().get_object(self._place.bucket, self._place.prefix + path)

    async def remove(self, path: str) -> None:
        """Remove an object; one that is not there will do."""
        with _told():
            await self._minio().remove_object(self._place.bucket, self._place.prefix + path)

    async def names(self, under: str = "") -> AsyncIterator[tuple[str, int, datetime]]:
        """(path, size, time of change) of all objects below a folder, in the order of their paths."""
        prefix = self._place.prefix
        with _told():
            async for one in self._minio().list_objects(self._place.bucket, prefix + under, recursive=True):
                if one.object_name and one.last_modified:
                    yield one.object_name.removeprefix(prefix), one.size or 0, one.last_modified

    async def folders(self, under: str = "") -> AsyncIterator[str]:
        """Names of the folders right below a folder."""
        start = self._place.prefix + under
        with _told():
            async for one in self._minio().list_objects(self._place.bucket, start):
                if one.object_name and one.is_dir:
                    yield one.object_name.removeprefix(start).rstrip("/")

    async def close(self) -> None:
        """Hang up."""
        session, self._session, self._client = self._session, None, None
        if session is not None:
            await session.close()


class _Lines:
    """The session as the client uses it: a part goes out piece by piece, where bytes would hold the loop until all were copied."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(self, method: str, url: Any, *, data: Any = None, headers: Any = None) -> aiohttp.ClientResponse:
        body = io.BytesIO(data) if isinstance(data, bytes) and data else data
        return await self._session.request(method, url, data=body, headers=headers)


class _Upload(FileUpload):
    """See ports.Upload; finished when the store has it."""

    def __init__(self, folder: Path, store: Store, organisation_id: str, key: bytes, in_row: int) -> None:
        super().__init__(folder, lambda _: folder, key, in_row)
        self._store = store
        self._organisation_id = organisation_id

    async def finish(self) -> StoredDocument:
        """See ports.Upload."""
        stored = await self._in_thread(lambda: self._whole(sync=False))
        assert self._path is not None
        await self._store.put(path_of(self._organisation_id, stored.sha256), self._path)
        return stored


class S3Documents(FileDocuments):
    """See ports.Documents; `folder` is for what is on its way in or out."""

    def __init__(self, folder: Path, place: Place, key_of: KeyOf, *, row_of: RowOf | None = None, min_free: int = 0) -> None:
        super().__init__(folder, key_of, row_of=row_of, min_free=min_free)
        self.store = Store(place)

    @asynccontextmanager
    async def upload(self, organisation_id: str) -> AsyncIterator[FileUpload]:
        """See ports.Documents."""
        self.check_room()
        key = await self._key_of(organisation_id)
        upload = _Upload(self._incoming, self.store, organisation_id, key, IN_ROW if self._row_of else 0)
        try:
            yield upload
        finally:
            await upload.settle()
            upload.discard()

    async def stream(self, organisation_id: str, sha256: str) -> AsyncIterator[bytes]:
        """See ports.Documents."""
        key = await self._key_of(organisation_id)
        here = await self._here(organisation_id, sha256)
        if here is not None:
            for piece in decrypted(here, sha256, key):
                yield piece
            return
        async with contextlib.aclosing(opened(self.store, organisation_id, sha256, key)) as pieces:
            async for piece in pieces:
                yield piece

    @asynccontextmanager
    async def as_file(self, organisation_id: str, sha256: str) -> AsyncIterator[Path]:
        """See ports.Documents."""
        handle, name = tempfile.mkstemp(dir=self._plain, suffix=".tmp")
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file, disk_full_is_clear():
                async for piece in self.stream(organisation_id, sha256):
                    file.write(piece)
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def _here(self, organisation_id: str, sha256: str) -> Path | bytes | None:
        """Its sealed bytes where they are not in the store: in their row, or still in the data folder."""
        place = self._place(organisation_id, sha256)
        if place.exists():
            return place
        return await self._row_of(organisation_id, sha256) if self._row_of else None

    async def remove(self, organisation_id: str, sha256: str, older_than_seconds: float, now: float) -> bool:
        """See FileDocuments. Unavailable where the store does not answer."""
        path = path_of(organisation_id, sha256)
        async for name, _, changed in self.store.names(path):
            if name == path and now - changed.timestamp() <= older_than_seconds:
                return False
        await self.store.remove(path)
        return await super().remove(organisation_id, sha256, older_than_seconds, now)

    async def adopt(self, folder: Path) -> int:
        """Bring the sealed documents of a folder to the store, each removed here once it is there; how many. Can be repeated."""
        number = 0
        for path in sorted(folder.glob(f"{'?' * 26}/??/{'?' * 64}")):
            await self.store.put(path.relative_to(folder).as_posix(), path)
            path.unlink()
            number += 1
        return number

    async def close(self) -> None:
        """Hang up."""
        await self.store.close()


async def opened(store: Store, organisation_id: str, sha256: str, key: bytes) -> AsyncGenerator[bytes, None]:
    """The plain bytes of an object as they come. NotFound, Unavailable, PostOfficeError document-damaged."""
    async with store.get(path_of(organisation_id, sha256)) as reader:
        unsealing = Unsealing(await _up_to(reader, HEAD), sha256, key)
        piece = await _up_to(reader, SEALED)
        while True:
            ahead = await _up_to(reader, SEALED)
            yield unsealing.piece(piece, last=not ahead)
            if not ahead:
                return
            piece = ahead


async def _up_to(reader: aiohttp.StreamReader, count: int) -> bytes:
    try:
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as end:
        return end.partial


def path_of(organisation_id: str, sha256: str) -> str:
    """An object's path below the prefix."""
    return f"{organisation_id}/{sha256[:2]}/{sha256}"


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """The client's errors as ours. Their own words may hold addresses and keys: only their code is told."""
    try:
        yield
    except miniopy_error.S3Error as error:
        if error.code in _GONE:
            raise missing() from None
        raise _away(error.code or "an error") from error
    except (miniopy_error.MinioException, aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise _away(type(error).__name__) from error


def _away(why: str) -> Unavailable:
    return Unavailable(
        "documents-away",
        f"The store of documents does not answer as it should ({why}).",
        help="Try again in some minutes; if it stays so, run `postoffice doctor`.",
    )


def _setting(message: str, help: str) -> PostOfficeError:
    return PostOfficeError("documents-setting", message, help=help)
