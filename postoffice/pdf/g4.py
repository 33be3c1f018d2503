"""ITU-T T.6 (Group 4) coding of mostly white pages, faster than a plain call of libtiff: white rows are never packed nor coded.

In T.6 a white row below a white row is one bit. So only the rows with ink go through libtiff (by Pillow), band below band, with a
marker row between two bands; in the coded bits each marker is then replaced by one bit for each white row that was left out.

Between white rows a band's code depends on nothing else. So codes are kept for a while: what stands on page after page, or in one
fax after another (letterhead, the paragraphs of a circular letter), is coded once a process.
"""

import io
import struct
from functools import lru_cache
from typing import NamedTuple

from PIL import Image

#: rows that are looked at together; so many white ones between two bands are cheaper left out than coded
_STEP = 8
#: above this share of rows with ink, handling single bits costs more than it saves
_FULL = 0.9
_EOFB = 0x001001  #: ends a page, T.6 2.4.1.1
_EOFB_BITS = 24
#: runs of the marker row, white and black in turns, as no page bears them
_RUNS = (1, 1, 2, 3, 4, 7, 13, 2, 29, 3, 5, 17, 11, 1, 23, 4, 19, 6, 2, 31, 9, 3, 12, 8)
_KEY = 16  #: bytes by which a marker's code is found
_NAMED = 200  #: bytes that a name and its place take

#: a band: width, threshold, bytes, and their hash, whose 64 bits are keyed anew in every process, so that nobody can make two alike
_Name = tuple[int, int, int, int]


class _Code(NamedTuple):
    """Bits of a band between white rows, and of one white row below it."""

    bits: int
    length: int


class Kept:
    """Codes for the next pages, up to about `most` bytes. Then all are forgotten: what comes again is soon back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.forget()

    def forget(self) -> None:
        """So that the next page costs what a first page does."""
        self._codes: dict[_Name, _Code] = {}
        self.bytes = 0

    def get(self, name: _Name) -> _Code | None:
        """The code of a band."""
        return self._codes.get(name)

    def keep(self, codes: dict[_Name, _Code]) -> None:
        """Add new ones."""
        size = sum(code.length // 8 + _NAMED for code in codes.values())
        if self.bytes + size > self._most:
            self.forget()
        self._codes.update(codes)
        self.bytes += size


KEPT = Kept(4_000_000)  #: of this process


def encode(grey: bytearray, width: int, height: int, threshold: int, kept: Kept = KEPT) -> bytes:
    """One strip of T.6 bits (most significant first, 1 is ink) for `height` rows of `width` grey bytes, 255 being paper.

    A pixel is ink where it is darker than `threshold` (1..255). The last row is made white.
    """
    white = b"\xff" * width
    grey[width * (height - 1) :] = white
    bands = _bands(grey, width, height)
    if not bands:
        return _Bits().whites(height).done()
    if sum(bottom - top for top, bottom in bands) > _FULL * height:
        return _libtiff(grey, width, threshold)
    view = memoryview(grey)
    parts = [bytes(view[top * width : bottom * width]) for top, bottom in bands]
    names = [(width, threshold, len(part), hash(part)) for part in parts]
    codes = _codes(dict(zip(names, parts, strict=True)), width, threshold, kept)
    if codes is None:
        return _libtiff(grey, width, threshold)
    out = _Bits().whites(bands[0][0])
    tops = [*(top for top, _ in bands[1:]), height]
    for name, (_, bottom), top in zip(names, bands, tops, strict=True):
        out.add(*codes[name]).whites(top - bottom - 1)
    return out.done()


def _codes(bands: dict[_Name, bytes], width: int, threshold: int, kept: Kept) -> dict[_Name, _Code] | None:
    """The codes of some bands, from those that are kept or from libtiff; None where they cannot be told apart in its bits."""
    codes = {name: code for name in bands if (code := kept.get(name))}
    new = {name: part for name, part in bands.items() if name not in codes}
    if new:
        found = _coded(list(new.values()), width, threshold)
        if found is None:
            return None
        fresh = dict(zip(new, found, strict=True))
        kept.keep(fresh)
        codes |= fresh
    return codes


def _coded(parts: list[bytes], width: int, threshold: int) -> list[_Code] | None:
    """The code of each band by one call of libtiff. None where a band itself bears the marker, which is as good as impossible."""
    white, marker = b"\xff" * width, _marker(width)
    rows: list[bytes] = []
    for part in parts:
        rows += (part, white, marker.row, white)
    coded = _libtiff(b"".join(rows[:-2]), width, threshold)
    places = marker.places(coded)
    if len(places) != len(parts) - 1:
        return None
    starts = [0, *(place + marker.bits for place in places)]
    ends = [*places, _length(coded)]
    return [_Code(_cut(coded, start, end), end - start) for start, end in zip(starts, ends, strict=True)]


def _bands(grey: bytearray, width: int, height: int) -> list[tuple[int, int]]:
    """First and behind-last rows of what has ink, from top to bottom, at least one white row between two."""
    white, block = b"\xff" * width, b"\xff" * (width * _STEP)
    found: list[list[int]] = []
    for start in range(0, height - 1, _STEP):
        if grey.startswith(block[: (height - start) * width], start * width):
            continue
        if found and found[-1][1] == start:
            found[-1][1] += _STEP
        else:
            found.append([start, start + _STEP])
    for band in found:
        band[1] = min(band[1], height)
        while grey.startswith(white, band[0] * width):
            band[0] += 1
        while grey.startswith(white, (band[1] - 1) * width):
            band[1] -= 1
    return [(top, bottom) for top, bottom in found]


class _Bits:
    """Bits in a row, kept as whole bytes and a rest."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._rest = self._count = 0

    def add(self, value: int, count: int) -> "_Bits":
        """The lowest `count` bits of `value`."""
        value |= self._rest << count
        whole, self._count = divmod(self._count + count, 8)
        self._bytes += (value >> self._count).to_bytes(whole, "big")
        self._rest = value & ((1 << self._count) - 1)
        return self

    def whites(self, rows: int) -> "_Bits":
        """White rows below a white row."""
        return self.add((1 << rows) - 1, rows)

    def done(self) -> bytes:
        """All, with the end mark, filled up to whole bytes."""
        self.add(_EOFB, _EOFB_BITS)
        return bytes(self.add(0, -self._count % 8)._bytes)


class _Marker(NamedTuple):
    """A row that no page bears; the bits for it and for the white row below it, and those within as bytes at each of eight shifts."""

    row: bytes
    bits: int
    keys: tuple[bytes, ...]

    def places(self, coded: bytes) -> list[int]:
        """Where its code begins, in bits."""
        found: list[int] = []
        for shift, key in enumerate(self.keys):
            place = coded.find(key)
            while place >= 0:
                found.append(place * 8 - shift)
                place = coded.find(key, place + _KEY)
        return sorted(found)


@lru_cache(maxsize=4)
def _marker(width: int) -> _Marker:
    row = bytearray()
    for number, run in enumerate(_RUNS):
        row += (b"\xff", b"\x00")[number % 2] * run
    row += b"\xff" * (width - len(row))
    white = b"\xff" * width
    coded = _libtiff(white + row + white, width, 128)
    end = _length(coded)  # behind the one bit of the first white row
    keys = tuple(_cut(coded, 1 + shift, 1 + shift + _KEY * 8).to_bytes(_KEY, "big") for shift in range(8))
    return _Marker(bytes(row), end - 1, keys)


def _cut(coded: bytes, start: int, end: int) -> int:
    """Some bits as a number."""
    part = int.from_bytes(coded[start // 8 : -(-end // 8)], "big")
    return (part >> (-end % 8)) & ((1 << (end - start)) - 1)


def _length(coded: bytes) -> int:
    """Bits before the end mark, whose last bit is the last one that is set."""
    body = coded.rstrip(b"\0")
    return len(body) * 8 - ((body[-1] & -body[-1]).bit_length() - 1) - _EOFB_BITS


def _libtiff(grey: bytes | bytearray, width: int, threshold: int) -> bytes:
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
