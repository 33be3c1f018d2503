"""Where sealed documents stand, for those who look after all of them: a folder on disk, or an S3 store.

`verify` looks through a shelf folder by folder (an organisation and the first two digits), `backup` takes it as a list of paths.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from postoffice.store.documents import decrypted, place_of
from postoffice.store.documents_s3 import Place, Store, opened, path_of


class Standing(NamedTuple):
    """Of a sealed document: bytes, and Unix time at which it came."""

    size: int
    since: float


class Shelf(Protocol):
    """A place of documents."""

    async def folders(self) -> list[tuple[str, str]]:
        """(organisation id, first two digits) of what there is, in order."""
        ...

    async def folder(self, organisation_id: str, two: str) -> Mapping[str, Standing]:
        """SHA-256 -> what stands there."""
        ...

    def pieces(self, organisation_id: str, sha256: str, key: bytes) -> AsyncGenerator[bytes, None]:
        """The plain bytes. NotFound, PostOfficeError document-damaged, Unavailable."""
        ...


class FileShelf:
    """See Shelf."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def folders(self) -> list[tuple[str, str]]:
        """See Shelf."""
        return await asyncio.to_thread(self._folders)

    def _folders(self) -> list[tuple[str, str]]:
        organisations = [name for name in _names(self._root) if len(name) == 26]
        return [(one, two) for one in organisations for two in _names(self._root / one) if len(two) == 2]

    async def folder(self, organisation_id: str, two: str) -> Mapping[str, Standing]:
        """See Shelf."""
        return await asyncio.to_thread(self._folder, self._root / organisation_id / two)

    def _folder(self, folder: Path) -> dict[str, Standing]:
        found = {}
        for entry in os.scandir(folder) if folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                known = entry.stat()
                found[entry.name] = Standing(known.st_size, known.st_mtime)
        return found

    async def pieces(self, organisation_id: str, sha256: str, key: bytes) -> AsyncGenerator[bytes, None]:
        """See Shelf."""
        pieces = decrypted(place_of(self._root, organisation_id, sha256), sha256, key)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece


class StoreShelf:
    """See Shelf; over a store, and over what still lies in the data folder."""

    def __init__(self, store: Store, files: FileShelf) -> None:
        self._store = store
        self._files = files

    async def folders(self) -> list[tuple[str, str]]:
        """See Shelf."""
        found = set(await self._files.folders())
        for organisation_id in [name async for name in self._store.folders() if len(name) == 26]:
            found |= {(organisation_id, two) async for two in self._store.folders(f"{organisation_id}/")}
        return sorted(found)

    async def folder(self, organisation_id: str, two: str) -> Mapping[str, Standing]:
        """See Shelf."""
        found = dict(await self._files.folder(organisation_id, two))
        async for path, size, since in self._store.names(f"{organisation_id}/{two}/"):
            found[path.rpartition("/")[2]] = Standing(size, since.timestamp())
        return found

    async def pieces(self, organisation_id: str, sha256: str, key: bytes) -> AsyncGenerator[bytes, None]:
        """See Shelf."""
        here = sha256 in await self._files.folder(organisation_id, sha256[:2])
        source = self._files.pieces(organisation_id, sha256, key) if here else opened(self._store, organisation_id, sha256, key)
        async for piece in source:
            yield piece


class StoreList:
    """A store as a list of sealed documents, for a thread that may wait (see backup.Source)."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __enter__(self) -> "StoreList":
        self._runner = asyncio.Runner()
        self._store = Store(self._place)
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._store.close())
        self._runner.close()

    def walk(self) -> Iterator[str]:
        """Paths below the prefix, in order."""
        names = self._store.names()

        async def following() -> str:
            async for path, _, _ in names:
                return path
            return ""

        while path := self._runner.run(following()):
            organisation_id, _, rest = path.partition("/")
            if len(organisation_id) == 26 and path == path_of(organisation_id, rest[3:]):
                yield path

    def bring(self, path: str, place: Path, *, link: bool) -> None:
        """Copy a sealed document to a file, which is synced. A store has no links."""
        self._runner.run(self._copy(path, place))

    async def _copy(self, path: str, place: Path) -> None:
        part = place.with_name(f"{place.name}.part")
        async with self._store.get(path) as reader:
            with await asyncio.to_thread(_private, part) as file:
                async for piece in reader.iter_chunked(256 * 1024):
                    file.write(piece)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
        part.rename(place)


def _private(path: Path) -> BinaryIO:
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []
