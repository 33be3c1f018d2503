"""ITU-T T.6 (Group 4) coding of mostly white pages, faster than a plain call of libtiff: white rows are never packed nor coded.

In T.6 a white row below a white row is one bit. So only the rows with ink go through libtiff (by Pillow), band below band, with a
marker row between two bands; in the coded bits each marker is then replaced by one bit for each white row that was left out.
"""

import io
import struct
from functools import lru_cache

from PIL import Image

#: rows that are looked at together first: most of a letter is white
_STEP = 16
#: from how many white rows between two bands leaving them out is cheaper than coding them
_GAP = 6
#: above this share of rows with ink, handling single bits costs more than it saves
_FULL = 0.8
_EOFB = "000000000001" * 2
#: runs of the marker row, white and black in turns, as no page bears them
_RUNS = (1, 1, 2, 3, 4, 7, 13, 2, 29, 3, 5, 17, 11, 1, 23, 4, 19, 6, 2, 31, 9, 3, 12, 8)


def encode(grey: bytearray, width: int, height: int, threshold: int) -> bytes:
    """One strip of T.6 bits (most significant first, 1 is ink) for `height` rows of `width` grey bytes, 255 being paper.

    A pixel is ink where it is darker than `threshold` (1..255). The last row is taken as white.
    """
    bands = _bands(grey, width, height)
    if not bands:
        return _packed("1" * height + _EOFB)
    if sum(bottom - top for top, bottom in bands) > _FULL * height:
        return _libtiff(_ending_white(grey, width, height), width, threshold)
    marker, code = _marker(width)
    view, white = memoryview(grey), b"\xff" * width
    rows: list[bytes | memoryview] = []
    for top, bottom in bands:
        rows += (view[top * width : bottom * width], white, marker, white)
    bits = _coded(b"".join(rows[:-2]), width, threshold)
    parts = bits.split(code)
    if len(parts) != len(bands):  # the page itself bears the marker, as good as impossible: then everything is coded
        return _libtiff(_ending_white(grey, width, height), width, threshold)
    return _packed("".join(_joined(parts, bands, height)) + _EOFB)


def _joined(parts: list[str], bands: list[tuple[int, int]], height: int) -> list[str]:
    """The coded bands, each ending with the code of one white row, and the white rows that were left out."""
    out = ["1" * bands[0][0]]
    for part, (_, bottom), (top, _) in zip(parts, bands, [*bands[1:], (height, height)], strict=True):
        out += (part, "1" * (top - bottom - 1))
    return out


def _bands(grey: bytearray, width: int, height: int) -> list[tuple[int, int]]:
    """First and behind-last rows of what has ink, from top to bottom."""
    white, block = b"\xff" * width, b"\xff" * (width * _STEP)
    bands: list[tuple[int, int]] = []
    last = -_GAP - 1
    for start in range(0, height - 1, _STEP):
        if grey.startswith(block, start * width):
            continue
        for row in range(start, min(start + _STEP, height - 1)):
            if not grey.startswith(white, row * width):
                top = bands.pop()[0] if bands and row - last <= _GAP else row
                bands.append((top, row + 1))
                last = row
    return bands


@lru_cache(maxsize=4)
def _marker(width: int) -> tuple[bytes, str]:
    """A row that no page bears, and the bits that stand for it and for the white row below it."""
    row = bytearray()
    for number, run in enumerate(_RUNS):
        row += (b"\xff", b"\x00")[number % 2] * run
    row += b"\xff" * (width - len(row))
    white = b"\xff" * width
    return bytes(row), _coded(white + row + white, width, 128)[1:]


def _coded(grey: bytes, width: int, threshold: int) -> str:
    """The bits of these rows as libtiff codes them, without end mark."""
    data = _libtiff(grey, width, threshold)
    bits = f"{int.from_bytes(data, 'big'):0{len(data) * 8}b}"
    return bits[: bits.rindex(_EOFB)]


def _ending_white(grey: bytearray, width: int, height: int) -> bytes:
    return bytes(memoryview(grey)[: width * (height - 1)]) + b"\xff" * width


def _libtiff(grey: bytes, width: int, threshold: int) -> bytes:
    """These rows coded by libtiff, with end mark."""
    ink = Image.frombuffer("L", (width, len(grey) // width), grey, "raw", "L", 0, 1).point(_table(threshold), "1")
    target = io.BytesIO()
    ink.save(target, "TIFF", compression="group4", strip_size=len(grey))
    return _strip(target.getvalue())


@lru_cache(maxsize=256)
def _table(threshold: int) -> list[int]:
    return [255 if tone < threshold else 0 for tone in range(256)]


def _strip(tiff: bytes) -> bytes:
    """The only strip of libtiff's little-endian file."""
    (place,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, place)
    values = {}
    for number in range(count):
        tag, kind, _, value = struct.unpack_from("<HHII", tiff, place + 2 + 12 * number)
        values[tag] = value & 0xFFFF if kind == 3 else value
    return tiff[values[273] : values[273] + values[279]]


def _packed(bits: str) -> bytes:
    size = -(-len(bits) // 8)
    return int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")
