"""Compressed documents unfold in small pieces; damage and early ends are told."""

import asyncio
import gzip
import random
import zlib
from collections.abc import AsyncIterator

import pytest

from postoffice.intake.ipp.body import Document, inflated, plain
from postoffice.intake.ipp.values import IppError
from postoffice.intake.ipp.words import Status
from postoffice.model.errors import Unreadable

TEXT = b"%PDF-1.4\n" + random.Random(3).randbytes(50_000) + b"a" * 300_000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


async def pieces_of(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def unfold(compression: str, data: bytes, size: int = 4096) -> bytes:
    return b"".join([piece async for piece in inflated(compression, pieces_of(data, size))])


@pytest.mark.parametrize("size", [1, 3, 1000, 1_000_000])
@pytest.mark.parametrize(
    ("compression", "data"),
    [("gzip", gzip.compress(TEXT, mtime=0)), ("deflate", raw_deflate(TEXT)), ("deflate", zlib.compress(TEXT))],
    ids=["gzip", "raw deflate", "deflate in zlib's wrapping"],
)
async def test_it_unfolds_whatever_the_pieces(compression: str, data: bytes, size: int) -> None:
    assert await unfold(compression, data, size) == TEXT


async def test_gzip_in_several_members_and_with_padding() -> None:
    assert await unfold("gzip", gzip.compress(b"one ", mtime=0) + gzip.compress(b"two", mtime=0) + b"\0" * 600, 7) == b"one two"
    assert await unfold("deflate", raw_deflate(b"one") + b"\r\n", 2) == b"one"


async def test_what_unfolds_greatly_comes_in_small_pieces() -> None:
    sizes = [len(piece) async for piece in inflated("gzip", pieces_of(gzip.compress(b"\0" * 20_000_000, mtime=0), 65_536))]
    assert sum(sizes) == 20_000_000 and max(sizes) <= 65_536


@pytest.mark.parametrize(
    ("compression", "data"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)[:-1]),
        ("gzip", gzip.compress(TEXT, mtime=0)[:100]),
        ("gzip", b"\x1f"),
        ("gzip", b"%PDF-1.4 not compressed at all"),
        ("gzip", gzip.compress(b"one", mtime=0) + b"rubbish"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-8] + b"\0" * 8),
        ("deflate", raw_deflate(TEXT)[:-1]),
        ("deflate", b"\xff\xff\xff\xff"),
    ],
)
@pytest.mark.parametrize("size", [1, 4096])
async def test_damage_is_told(compression: str, data: bytes, size: int) -> None:
    with pytest.raises(IppError) as error:
        await unfold(compression, data, size)
    assert error.value.status is Status.COMPRESSION_ERROR


async def test_nothing_at_all_is_nothing() -> None:
    assert await unfold("gzip", b"") == b""


async def test_a_stalled_upload_ends() -> None:
    async def never() -> bytes:
        await asyncio.sleep(30)
        return b""

    source = plain(b"begin", never, 0.05)
    assert await anext(source) == b"begin"
    with pytest.raises(IppError) as error:
        await anext(source)
    assert error.value.status is Status.TIMEOUT


@pytest.mark.parametrize("size", [1, 5000, 1_000_000])
async def test_a_document_loses_its_preamble_and_knows_its_kind(size: int) -> None:
    preamble = b"\x1b%-12345X@PJL ENTER LANGUAGE=PDF\r\n"
    document = Document(pieces_of(preamble + TEXT, size))
    assert b"".join([piece async for piece in document.pieces()]) == TEXT
    assert document.media_type == "application/pdf"


async def test_an_unknown_kind_is_refused_before_it_is_all_there() -> None:
    seen = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal seen
        while True:
            seen += 1000
            yield b"x" * 1000

    with pytest.raises(Unreadable) as error:
        await anext(Document(endless()).pieces())
    assert error.value.code == "unknown-kind" and seen < 10_000
