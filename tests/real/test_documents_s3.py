"""Documents in an S3 store: what holds for files on disk holds for objects, and for a store that is away or lies."""

import asyncio
import hashlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from postoffice.model.errors import NotFound, PostOfficeError, Unavailable
from postoffice.store.documents import CHUNK, HEAD, SEALED, FileDocuments
from postoffice.store.documents_s3 import PART, S3Documents, Store, path_of, place_from
from tests.real.s3 import KEY, SECRET, Server, s3_server
from tests.store.test_documents import WAYS, damage

pytestmark = [pytest.mark.real, pytest.mark.slow]
ORG, OTHER = "0" * 25 + "a", "0" * 25 + "b"


async def key_of(organisation_id: str) -> bytes:
    return organisation_id.encode().ljust(32, b"k")[:32]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
async def documents(server: Server, tmp_path: Path) -> AsyncIterator[S3Documents]:
    opened = S3Documents(tmp_path / "documents", place_from(server.url, KEY, SECRET), key_of)
    yield opened
    await opened.close()


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def raw(store: Store, path: str) -> bytes:
    async with store.get(path) as reader:
        return await reader.read()


async def replaced(store: Store, path: str, content: bytes, folder: Path) -> None:
    (folder / "forged").write_bytes(content)
    await store.put(path, folder / "forged")


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 300_000, PART - HEAD - 5, 2 * PART + 7])
async def test_comes_back_as_it_went_in(documents: S3Documents, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    stored = await documents.put(ORG, content)
    assert stored.sha256 == hashlib.sha256(content).hexdigest() and stored.size == size
    assert await documents.put(ORG, content) == stored, "twice is fine"
    assert await documents.get(ORG, stored.sha256) == content
    assert all(len(piece) <= CHUNK for piece in [one async for one in documents.stream(ORG, stored.sha256)])
    async with documents.as_file(ORG, stored.sha256) as path:
        assert path.read_bytes() == content and path.stat().st_mode & 0o077 == 0
    assert left(tmp_path) == [], "nothing stays on this machine"


async def test_a_sealed_document_of_exactly_one_part(documents: S3Documents) -> None:
    size = PART - HEAD - 16 * -(-PART // SEALED)
    stored = await documents.put(ORG, bytes(size))
    assert len(await raw(documents.store, path_of(ORG, stored.sha256))) == PART
    assert await documents.get(ORG, stored.sha256) == bytes(size)


async def test_the_store_sees_no_plain_byte(documents: S3Documents) -> None:
    stored = await documents.put(ORG, b"MADAME DUPONT doit 1 234,56 EUR. " * 20_000)
    sealed = await raw(documents.store, path_of(ORG, stored.sha256))
    assert b"DUPONT" not in sealed
    assert [name async for name, _, _ in documents.store.names(ORG)].count(path_of(ORG, stored.sha256)) == 1


@pytest.mark.parametrize("how", WAYS)
async def test_damage_is_noticed(documents: S3Documents, tmp_path: Path, how: str) -> None:
    stored = await documents.put(ORG, os.urandom(3 * CHUNK + 7))
    path = path_of(ORG, stored.sha256)
    await replaced(documents.store, path, damage(how, await raw(documents.store, path)), tmp_path)
    with pytest.raises(PostOfficeError) as caught:
        await documents.get(ORG, stored.sha256)
    assert caught.value.code == "document-damaged"
    with pytest.raises(PostOfficeError):
        async with documents.as_file(ORG, stored.sha256):
            pass
    assert [one.name for one in left(tmp_path)] == ["forged"], "no half-written plain copy"


async def test_another_organisations_key_opens_nothing(documents: S3Documents, tmp_path: Path) -> None:
    stored = await documents.put(ORG, b"secret of another kind")
    with pytest.raises(NotFound):
        await documents.get(OTHER, stored.sha256)
    sealed = await raw(documents.store, path_of(ORG, stored.sha256))
    await replaced(documents.store, path_of(OTHER, stored.sha256), sealed, tmp_path)
    with pytest.raises(PostOfficeError) as caught:
        await documents.get(OTHER, stored.sha256)
    assert caught.value.code == "document-damaged"


async def test_an_upload_that_breaks_off_leaves_nothing(documents: S3Documents, tmp_path: Path) -> None:
    before = [name async for name, _, _ in documents.store.names()]

    async def break_off() -> None:
        async with documents.upload(ORG) as upload:
            await upload.write(b"x" * 1_000_000)
            raise RuntimeError("the line broke")

    with pytest.raises(RuntimeError, match="the line broke"):
        await break_off()
    task = asyncio.create_task(documents.put(ORG, os.urandom(4 * PART)))
    await asyncio.sleep(0.15)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(tmp_path) == [] and [name async for name, _, _ in documents.store.names()] == before


async def test_what_the_data_folder_held_is_read_and_brought_over(documents: S3Documents, tmp_path: Path) -> None:
    content = os.urandom(100_000)
    stored = await FileDocuments(tmp_path / "documents", key_of).put(ORG, content)
    assert await documents.get(ORG, stored.sha256) == content, "before it was brought over"
    assert await documents.adopt(tmp_path / "documents") == 1 and left(tmp_path) == []
    assert await documents.get(ORG, stored.sha256) == content
    assert await documents.adopt(tmp_path / "documents") == 0


async def test_what_nothing_names_any_more_is_removed_but_for_what_has_just_come(documents: S3Documents) -> None:
    stored = await documents.put(ORG, os.urandom(1000))
    assert not await documents.remove(ORG, stored.sha256, 3600, time.time())
    for _ in range(2):
        assert await documents.remove(ORG, stored.sha256, 3600, time.time() + 7200)
    with pytest.raises(NotFound):
        await documents.get(ORG, stored.sha256)


async def test_a_store_that_is_away_is_said_and_what_comes_then_is_kept_nowhere(tmp_path: Path) -> None:
    with s3_server() as server:
        documents = S3Documents(tmp_path / "documents", place_from(server.url, KEY, SECRET), key_of)
        stored = await documents.put(ORG, b"x" * 100_000)
        server.stop()
        for call in (documents.put(ORG, b"y" * 100_000), documents.get(ORG, stored.sha256)):
            with pytest.raises(Unavailable) as caught:
                await call
            assert caught.value.status == 503 and caught.value.help and "127.0.0.1" not in caught.value.message
        assert left(tmp_path) == []
        server.start()
        assert await documents.get(ORG, stored.sha256) == b"x" * 100_000
        await documents.close()


async def test_wrong_keys_and_no_bucket_are_said(server: Server, tmp_path: Path) -> None:
    for url, key in ((server.url, "nobody"), (server.url.replace("post/", "nowhere/"), KEY)):
        documents = S3Documents(tmp_path / "documents", place_from(url, key, SECRET), key_of)
        with pytest.raises(Unavailable):
            await documents.put(ORG, b"x" * 100_000)
        await documents.close()


def test_memory_stays_flat(server: Server, tmp_path: Path) -> None:
    """100 MB in and out again, in a process of its own: its peak memory grows by some parts, not by the document."""
    program = f"""
        import asyncio, resource
        from pathlib import Path
        from postoffice.store.documents_s3 import S3Documents, place_from
        async def key_of(_): return bytes(32)
        async def main():
            documents = S3Documents(Path({str(tmp_path)!r}), place_from({server.url!r}, {KEY!r}, {SECRET!r}), key_of)
            await documents.put("a", bytes(2_000_000))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            piece = bytes(range(256)) * 256
            async with documents.upload("a") as upload:
                for _ in range(1600):
                    await upload.write(piece)
                stored = await upload.finish()
            size = 0
            async for part in documents.stream("a", stored.sha256):
                size += len(part)
            assert size == 1600 * 65536
            await documents.close()
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 40_000, f"{done.stdout} KB"
