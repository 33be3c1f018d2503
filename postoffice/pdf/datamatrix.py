"""The DataMatrix on our paper: who this sheet belongs to, and which of how many it is. Written, stamped and read in this one place.

ISO/IEC 16022, ECC 200, 22 x 22 modules: 30 code words, of which base 256 takes two. The content, 24 bytes:

| bytes | what |
|---|---|
| 0-1 | `P` and the version, 1 |
| 2-17 | the opaque id, 16 bytes: says nothing to whom it is not ours |
| 18-19, 20-21 | number of the sheet from 1, and of how many (unsigned, high byte first; 0 of 0: the item as a whole) |
| 22-23 | CRC-16/CCITT (polynomial 0x1021, start 0xFFFF) of all before: tells our code from another's that happens to look alike |

The inserter reads the sheet's number to close the envelope behind the last one; on returned mail the same code names the item.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from postoffice.later import zxingcpp
from postoffice.model.finding import Box

VERSION = 1
#: bytes of an opaque id
ID_BYTES = 16
#: mm across, quiet zone of one module on each side included: 0.5 mm a module is read from a scan at 200 dpi (4 pixels) with noise
SIDE = 13.0
#: the standard's quiet zone, in modules
_QUIET = 1
_LAYOUT = struct.Struct(">cB16sHH")
_MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says. `sheet` 0 of `sheets` 0 where it names an item as a whole."""

    id: bytes  #: 16 bytes
    sheet: int = 0
    sheets: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A code found in a picture, with the corners of its place in pixels (left, top, right, bottom)."""

    code: Code
    place: tuple[int, int, int, int]


def encode(code: Code) -> bytes:
    """The 24 bytes of a code. ValueError for an id that has not 16 bytes or a number beyond 65,535."""
    if len(code.id) != ID_BYTES or not 0 <= code.sheet <= code.sheets <= 0xFFFF:
        raise ValueError(f"an id of {len(code.id)} bytes, sheet {code.sheet} of {code.sheets}")
    body = _LAYOUT.pack(b"P", VERSION, code.id, code.sheet, code.sheets)
    return body + struct.pack(">H", binascii.crc_hqx(body, 0xFFFF))


def decode(content: bytes) -> Code | None:
    """The inverse; None for what is not ours, damaged, or of a version that this one does not know."""
    if len(content) != _LAYOUT.size + 2:
        return None
    body, (check,) = content[:-2], struct.unpack(">H", content[-2:])
    if binascii.crc_hqx(body, 0xFFFF) != check:
        return None
    mark, version, identity, sheet, sheets = _LAYOUT.unpack(body)
    return Code(identity, sheet, sheets) if mark == b"P" and version == VERSION else None


def modules(code: Code) -> list[str]:
    """The symbol's rows from the top, quiet zone left out: "1" is black."""
    symbol = zxingcpp.create_barcode(encode(code), zxingcpp.BarcodeFormat.DataMatrix, force_square=True)
    drawn: Any = symbol.to_image(scale=1, add_quiet_zones=False)
    view = memoryview(drawn)
    rows, columns = drawn.shape
    return ["".join("1" if view[row, column] < 128 else "0" for column in range(columns)) for row in range(rows)]


def draw(code: Code, x: float, y: float, *, height: float = 297.0, side: float = SIDE) -> bytes:
    """Operators that draw the code in a square of `side` mm, its corner at x, y mm from the top left of a page `height` mm high.

    The quiet zone is painted white, runs of black modules are one rectangle each: vectors, sharp on every printer.
    """
    rows = modules(code)
    step = side / (len(rows) + 2 * _QUIET)
    parts = [b"q 1 g %s f 0 g" % _rectangle(x, y, side, side, height)]
    for number, row in enumerate(rows):
        top = y + (number + _QUIET) * step
        parts += [_rectangle(x + (_QUIET + start) * step, top, length * step, step, height) for start, length in _runs(row)]
    return b"\n".join([*parts, b"f Q"])


def box(x: float, y: float, side: float = SIDE) -> Box:
    """The place that `draw` takes."""
    return (x, y, side, side)


def _rectangle(x: float, y: float, width: float, down: float, height: float) -> bytes:
    return b"%.3f %.3f %.3f %.3f re" % (x * _MM, (height - y - down) * _MM, width * _MM, down * _MM)


def _runs(row: str) -> list[tuple[int, int]]:
    """(start, length) of the black runs of a row."""
    found, start = [], -1
    for place, module in enumerate(row + "0"):
        if module == "1" and start < 0:
            start = place
        elif module == "0" and start >= 0:
            found.append((start, place - start))
            start = -1
    return found


def read(image: Image.Image) -> list[Seen]:
    """Our codes in a picture (any mode, 150 dpi or more, turned or not), in the order of their place from the top."""
    found = []
    for symbol in zxingcpp.read_barcodes(image.convert("L"), zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.DataMatrix)):
        code = decode(symbol.bytes)
        if code is not None:
            found.append(Seen(code, _place(symbol.position)))
    return sorted(found, key=lambda one: one.place[1])


def _place(position: zxingcpp.Position) -> tuple[int, int, int, int]:
    corners = [position.top_left, position.top_right, position.bottom_left, position.bottom_right]
    across, down = [corner.x for corner in corners], [corner.y for corner in corners]
    return (min(across), min(down), max(across), max(down))


#: places for the code in mm, the best first: edges of the sheet that letters leave free and folding does not cross
PLACES: Sequence[tuple[float, float]] = tuple(
    (x, y) for x in (5.0, 192.0) for y in (279.0, 262.0, 245.0, 180.0, 160.0, 135.0, 115.0, 25.0, 6.0)
)


def free_place(taken: Sequence[Box], side: float = SIDE, places: Sequence[tuple[float, float]] = PLACES) -> tuple[float, float] | None:
    """The first place where the code touches none of the boxes that are taken (mm); None where there is none."""
    for x, y in places:
        if not any(left < x + side and left + across > x and top < y + side and top + down > y for left, top, across, down in taken):
            return x, y
    return None
