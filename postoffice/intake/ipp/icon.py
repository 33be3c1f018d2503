"""The printer's picture: an envelope, drawn here so that no image file need be kept. Print dialogs show it."""

import struct
import zlib
from functools import cache

SIZE = 128
_BLUE, _WHITE, _CLEAR = b"\x1f\x5f\xa8\xff", b"\xff\xff\xff\xff", b"\0\0\0\0"


@cache
def png() -> bytes:
    """A PNG of 128 by 128 pixels, with transparency."""
    rows = b"".join(b"\0" + b"".join(_pixel(x, y) for x in range(SIZE)) for y in range(SIZE))
    head = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _pixel(x: int, y: int) -> bytes:
    left, right, top, bottom = 8, SIZE - 9, 28, SIZE - 29
    if not (left <= x <= right and top <= y <= bottom):
        return _CLEAR
    edge = min(x - left, right - x, y - top, bottom - y) < 5
    flap = abs(min(x - left, right - x) * 0.75 - (y - top)) < 4  # from the upper corners down to the middle
    return _BLUE if edge or flap else _WHITE


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
