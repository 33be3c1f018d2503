"""Documents on disk: encrypted, durable, whole or not at all."""

import asyncio
import hashlib
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from postoffice.model.errors import NotFound, OutOfRoom, PostOfficeError
from postoffice.store.documents import CHUNK, FileDocuments

ORG, OTHER = "0" * 25 + "a", "0" * 25 + "b"
HEAD = 15  # magic and nonce prefix


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def sealed(folder: Path, sha256: str) -> Path:
    return folder / "documents" / ORG / sha256[:2] / sha256


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 8 * CHUNK, 8 * CHUNK + 1, 300_000])
async def test_comes_back_as_it_went_in(documents: FileDocuments, size: int) -> None:
    content = os.urandom(size)
    stored = await documents.put(ORG, content)
    assert stored.sha256 == hashlib.sha256(content).hexdigest() and stored.size == size
    assert await documents.get(ORG, stored.sha256) == content
    assert all(len(piece) <= CHUNK for piece in [one async for one in documents.stream(ORG, stored.sha256)])
    async with documents.as_file(ORG, stored.sha256) as path:
        assert path.read_bytes() == content and path.stat().st_mode & 0o077 == 0
    assert not path.exists()


async def test_no_plain_bytes_on_disk(documents: FileDocuments, tmp_path: Path) -> None:
    content = b"MADAME DUPONT doit 1 234,56 EUR. " * 20_000
    async with documents.upload(ORG) as upload:
        for start in range(0, len(content), 70_000):
            await upload.write(content[start : start + 70_000])
        on_the_way = b"".join(path.read_bytes() for path in files(tmp_path / "documents"))
        stored = await upload.finish()
    assert len(on_the_way) > CHUNK and b"DUPONT" not in on_the_way
    (only,) = files(tmp_path / "documents")
    assert b"DUPONT" not in only.read_bytes() and only.name == stored.sha256
    assert only.stat().st_mode & 0o077 == 0


async def test_the_same_bytes_twice_are_one_file(documents: FileDocuments, tmp_path: Path) -> None:
    first = await documents.put(ORG, b"same" * 50_000)
    assert await documents.put(ORG, b"same" * 50_000) == first
    assert len(files(tmp_path / "documents")) == 1
    await documents.put(OTHER, b"same" * 50_000)
    assert len(files(tmp_path / "documents")) == 2, "organisations share nothing"
    assert (await documents.get(ORG, first.sha256)) == b"same" * 50_000


async def test_many_at_the_same_time(documents: FileDocuments, tmp_path: Path) -> None:
    stored = await asyncio.gather(*(documents.put(ORG, b"same" * 50_000) for _ in range(8)))
    assert len(set(stored)) == 1 and len(files(tmp_path / "documents")) == 1


def damage(how: str, good: bytes) -> bytes:
    chunk = CHUNK + 16
    body = bytearray(good)
    if how == "altered":
        body[HEAD + 100] ^= 1
    elif how == "altered tail":
        body[-1] ^= 1
    elif how == "cut":
        del body[-10:]
    elif how == "cut at a chunk":
        del body[HEAD + chunk :]
    elif how == "only the head":
        del body[HEAD:]
    elif how == "less than the head":
        del body[5:]
    elif how == "emptied":
        body.clear()
    elif how == "swapped":
        one, two = body[HEAD : HEAD + chunk], body[HEAD + chunk : HEAD + 2 * chunk]
        body[HEAD : HEAD + 2 * chunk] = two + one
    elif how == "longer":
        body += body[HEAD : HEAD + chunk]
    assert bytes(body) != good
    return bytes(body)


WAYS = ["altered", "altered tail", "cut", "cut at a chunk", "only the head", "less than the head", "emptied", "swapped", "longer"]


@pytest.mark.parametrize("how", WAYS)
async def test_damage_is_noticed(documents: FileDocuments, tmp_path: Path, how: str) -> None:
    stored = await documents.put(ORG, os.urandom(3 * CHUNK + 7))
    path = sealed(tmp_path, stored.sha256)
    path.write_bytes(damage(how, path.read_bytes()))
    with pytest.raises(PostOfficeError) as caught:
        await documents.get(ORG, stored.sha256)
    assert caught.value.code == "document-damaged" and caught.value.help
    with pytest.raises(PostOfficeError):
        async with documents.as_file(ORG, stored.sha256):
            pass
    assert files(tmp_path / "documents") == [path], "no half-written plain copy"


async def test_a_file_in_the_place_of_another_is_noticed(documents: FileDocuments, tmp_path: Path) -> None:
    one, two = await documents.put(ORG, b"yours"), await documents.put(ORG, b"mine")
    sealed(tmp_path, one.sha256).write_bytes(sealed(tmp_path, two.sha256).read_bytes())
    with pytest.raises(PostOfficeError):
        await documents.get(ORG, one.sha256)


async def test_another_organisations_key_opens_nothing(documents: FileDocuments, tmp_path: Path) -> None:
    stored = await documents.put(ORG, b"secret")
    with pytest.raises(NotFound):
        await documents.get(OTHER, stored.sha256)
    stolen = tmp_path / "documents" / OTHER / stored.sha256[:2] / stored.sha256
    stolen.parent.mkdir(parents=True)
    stolen.write_bytes(sealed(tmp_path, stored.sha256).read_bytes())
    with pytest.raises(PostOfficeError):
        await documents.get(OTHER, stored.sha256)


async def test_an_upload_that_breaks_off_leaves_nothing(documents: FileDocuments, tmp_path: Path) -> None:
    async def break_off(size: int) -> None:
        async with documents.upload(ORG) as upload:
            await upload.write(b"x" * size)
            raise RuntimeError("the line broke")

    for size in (10, 1_000_000):
        with pytest.raises(RuntimeError, match="the line broke"):
            await break_off(size)
    assert files(tmp_path / "documents") == []


async def test_a_cancelled_upload_leaves_nothing(documents: FileDocuments, tmp_path: Path) -> None:
    async def take() -> None:
        async with documents.upload(ORG) as upload:
            while True:
                await upload.write(b"x" * 300_000)

    for pause in (0.0, 0.005, 0.02, 0.05):
        task = asyncio.create_task(take())
        await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert files(tmp_path / "documents") == []


async def test_a_cancelled_reader_leaves_no_plain_copy(documents: FileDocuments, tmp_path: Path) -> None:
    stored = await documents.put(ORG, b"x" * 20_000_000)

    async def read() -> None:
        async with documents.as_file(ORG, stored.sha256):
            await asyncio.sleep(10)

    for pause in (0.0, 0.005, 0.2):
        task = asyncio.create_task(read())
        await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    for _ in range(100):
        if len(files(tmp_path / "documents")) == 1:
            break
        await asyncio.sleep(0.05)
    assert files(tmp_path / "documents") == [sealed(tmp_path, stored.sha256)]


async def test_sweep_takes_what_killed_processes_left(documents: FileDocuments, tmp_path: Path) -> None:
    stored = await documents.put(ORG, b"kept")
    for folder in ("incoming", "plain"):
        (tmp_path / "documents" / folder / "left").write_bytes(b"x")
    now = os.stat(tmp_path / "documents" / "plain" / "left").st_mtime
    assert documents.sweep(3600, now + 10) == 0
    assert documents.sweep(3600, now + 4000) == 2
    assert await documents.get(ORG, stored.sha256) == b"kept"


async def test_too_little_room_is_said_before_the_first_byte(tmp_path: Path) -> None:
    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    documents = FileDocuments(tmp_path, key_of, min_free=10**18)
    with pytest.raises(OutOfRoom):
        await documents.put(ORG, b"x")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_is_said_and_leaves_nothing(small_disk: Path) -> None:
    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    documents = FileDocuments(small_disk, key_of)
    kept = await documents.put(ORG, b"k" * 1_000_000)
    for size in (1_100_000, 3_000_000):
        with pytest.raises(OutOfRoom) as caught:
            await documents.put(ORG, b"x" * size)
        assert caught.value.help and caught.value.status == 507
    await documents.put(ORG, b"y" * 700_000)
    with pytest.raises(OutOfRoom):  # a plain copy does not fit either
        async with documents.as_file(ORG, kept.sha256):
            pass
    assert not list((small_disk / "incoming").iterdir()) and not list((small_disk / "plain").iterdir())
    assert await documents.get(ORG, kept.sha256) == b"k" * 1_000_000


async def test_a_limit_on_files_is_said_too(documents: FileDocuments, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        with pytest.raises(OutOfRoom):
            await documents.put(ORG, b"x" * 2_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files(tmp_path / "documents") == []


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    """200 MB in and out again, in a process of its own: its peak memory grows by less than 16 MB."""
    program = f"""
        import asyncio, resource, sys
        from pathlib import Path
        from postoffice.store.documents import FileDocuments
        async def key_of(_): return bytes(32)
        async def main():
            documents = FileDocuments(Path({str(tmp_path)!r}), key_of)
            await documents.put("a", bytes(2_000_000))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            piece = bytes(range(256)) * 256
            async with documents.upload("a") as upload:
                for _ in range(3200):
                    await upload.write(piece)
                stored = await upload.finish()
            size = 0
            async for part in documents.stream("a", stored.sha256):
                size += len(part)
            async with documents.as_file("a", stored.sha256) as path:
                assert path.stat().st_size == size == 3200 * 65536
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 16_000, f"{done.stdout} KB"
