"""Pages as TIFF for fax: RFC 2301 profile F with T.6 (Group 4) coding, one strip a page, 1728 dots wide, A4. Knows no letter.

Page by page, so that memory does not grow with the document; a long document can be drawn in shares by several processes. The
thresholds were chosen by reading the result with OCR.
"""

import ctypes
import io
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from PIL import Image, ImageChops

from postoffice.model.errors import TooLarge
from postoffice.model.finding import Box
from postoffice.pdf.contrast import Plan, prepare
from postoffice.pdf.document import Frame, frame_of, open_page, open_pdf
from postoffice.pdf.engine import Document, Page, pdfium
from postoffice.pdf.g4 import encode

WIDTH = 1728  #: dots in a line, ITU-T T.30
_ACROSS = WIDTH / 215.0  #: dots per mm, ITU-T T.4
_PAPER = 297.0  #: mm
MAX_PAGES = 500
_THRESHOLD = 170  #: between the weight of letters and the holes in them
_BAND = 6.0  #: mm at the top that the header line needs
_LINE = (8.0, 4.2)  #: the header line: points, and mm from the top
_FOOT = (10.0, 4.5, 4.0)  #: lines at the foot: points (they are typed off), mm from the bottom to the last, and mm from line to line
_POINTS_WIDE = 215.0 / 25.4 * 72
_LEFT = 24.0  #: points at both sides that our lines leave free
_MIDDLE = 0.12  #: share of middle tones in a picture from which it is a photograph, not a scanned text
#: 0 is paper's last dot and 63 ink's: two dots a cell that grow from their middle, so that the screen lies at 45 degrees
_CELL = (
    (24, 10, 12, 26, 35, 47, 49, 37),
    (8, 0, 2, 14, 45, 59, 61, 51),
    (22, 6, 4, 16, 43, 57, 63, 53),
    (30, 20, 18, 28, 33, 41, 55, 39),
    (34, 46, 48, 36, 25, 11, 13, 27),
    (44, 58, 60, 50, 9, 1, 3, 15),
    (42, 56, 62, 52, 23, 7, 5, 17),
    (32, 40, 54, 38, 31, 21, 19, 29),
)
_INK = [0, *[255] * 255]


@dataclass(frozen=True, slots=True)
class FaxLook:
    """How pages are drawn. `header`: a line for the top of each page, in it `{page}` and `{pages}`; empty: none.

    `cover`: the lines of a page before the others; empty: none.
    """

    fine: bool = True  #: 204 x 196 dpi; else 204 x 98
    header: str = ""
    cover: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()  #: lines for the foot of the last page, below all that stands on it

    @property
    def foot_band(self) -> float:
        """mm at the bottom of the last page that its lines need."""
        return _FOOT[1] + _FOOT[2] * len(self.foot) + 1.0 if self.foot else 0.0


class _Sheet(NamedTuple):
    """The grey page in the making: one byte a dot, 255 is paper."""

    dots: bytearray
    rows: int
    down: float  #: rows per mm

    def memory(self) -> Any:
        """The dots for C functions. They must be let go of before the sheet can end."""
        return (ctypes.c_ubyte * len(self.dots)).from_buffer(self.dots)

    def clean(self) -> None:
        """White paper again."""
        ctypes.memset(self.memory(), 255, len(self.dots))


class _Place(NamedTuple):
    """Where a page lies on the sheet, in dots; `turned`: by a quarter, because it is wider than high."""

    x: int
    y: int
    width: int
    height: int
    turned: bool


class _Text(NamedTuple):
    """A line of ours."""

    line: str
    size: float  #: points
    down: float  #: mm from the top to the foot of the letters
    left: float = _LEFT  #: points


class Share(NamedTuple):
    """Consecutive pages of a fax, coded: the strips with their rows."""

    strips: list[tuple[bytes, int]]
    pages: int  #: of the whole fax


def fax_tiff(source: Path, target: BinaryIO, look: FaxLook) -> int:
    """Write the PDF's pages as one TIFF; how many. Raises as `open_pdf` and `open_page`, TooLarge above MAX_PAGES."""
    with open_pdf(source) as document:
        pages = _pages(document, look)
        _write_tiff(_strips(document, look, range(pages), pages), pages, look, target)
    return pages


def fax_tiff_bytes(pdf: bytes, look: FaxLook) -> tuple[bytes, int]:
    """The same from bytes to bytes (about 30 KB a page), for a child process: the TIFF and its pages."""
    return joined([fax_share(pdf, look)], look)


def fax_share(pdf: bytes, look: FaxLook, number: int = 0, shares: int = 1) -> Share:
    """Share `number` (from 0) of `shares` of a document, drawn and coded, for a child process; `joined` puts them together. Raises as
    `fax_tiff`.
    """
    with tempfile.NamedTemporaryFile(prefix="postoffice-fax-", suffix=".pdf") as source:
        source.write(pdf)
        source.flush()
        with open_pdf(Path(source.name)) as document:
            pages = _pages(document, look)
            mine = range(pages * number // shares, pages * (number + 1) // shares)
            return Share(list(_strips(document, look, mine, pages)), pages)


def joined(shares: Sequence[Share], look: FaxLook) -> tuple[bytes, int]:
    """The TIFF of all shares in their order, and its pages."""
    target = io.BytesIO()
    pages = shares[0].pages
    _write_tiff((strip for share in shares for strip in share.strips), pages, look, target)
    return target.getvalue(), pages


def _pages(document: Document, look: FaxLook) -> int:
    pages = len(document) + bool(look.cover)
    if pages > MAX_PAGES:
        raise TooLarge("fax-too-long", f"A fax of {pages} pages is longer than can be sent.", help="Send it in parts.", pages=pages)
    return pages


def _write_tiff(strips: Iterator[tuple[bytes, int]], pages: int, look: FaxLook, target: BinaryIO) -> None:
    target.write(b"II*\x00" + struct.pack("<I", 8))
    place = 8
    for number, (strip, rows) in enumerate(strips):
        place += target.write(_leaf(strip, rows, look.fine, place, number, pages))


def _leaf(strip: bytes, rows: int, fine: bool, place: int, number: int, pages: int) -> bytes:
    """One page's directory, its fractions and its strip, for offset `place`; tags of RFC 2301, 2.2 and 4."""
    short, long, fraction = 3, 4, 5
    tags = [
        (254, long, 1, 2),  # a page of several
        (256, short, 1, WIDTH),
        (257, long, 1, rows),
        (258, short, 1, 1),
        (259, short, 1, 4),  # T.6
        (262, short, 1, 0),  # 0 is white
        (266, short, 1, 1),
        (273, long, 1, 0),
        (274, short, 1, 1),
        (277, short, 1, 1),
        (278, long, 1, rows),
        (279, long, 1, len(strip)),
        (282, fraction, 1, 0),
        (283, fraction, 1, 0),
        (293, long, 1, 0),  # T6Options
        (296, short, 1, 2),  # dots per inch
        (297, short, 2, number | pages << 16),
    ]
    behind = place + 2 + 12 * len(tags) + 4
    values = {282: behind, 283: behind + 8, 273: behind + 16}
    body = b"".join(struct.pack("<HHII", tag, kind, count, values.get(tag, value)) for tag, kind, count, value in tags)
    padded = strip + b"\0" * (len(strip) % 2)
    following = behind + 16 + len(padded) if number + 1 < pages else 0
    fractions = struct.pack("<4I", 204, 1, 196 if fine else 98, 1)
    return struct.pack("<H", len(tags)) + body + struct.pack("<I", following) + fractions + padded


def _strips(document: Document, look: FaxLook, some: range, pages: int) -> Iterator[tuple[bytes, int]]:
    """Coded strip and rows of some pages (from 0) of the fax, all drawn on the same sheet."""
    down = 7.7 if look.fine else 3.85
    rows = round(_PAPER * down)
    sheet = _Sheet(bytearray(b"\xff") * (WIDTH * rows), rows, down)
    for number in some:
        _fill(sheet, document, look, number, pages)
        yield encode(sheet.dots, WIDTH, rows, _THRESHOLD), rows


def _fill(sheet: _Sheet, document: Document, look: FaxLook, number: int, pages: int) -> None:
    """Draw page `number` (from 0, a cover counted) of the fax."""
    header, last = look.header.format(page=number + 1, pages=pages), number + 1 == pages
    texts = [_Text(header, *_LINE)] if header else []
    sheet.clean()
    if look.cover and number == 0:
        texts += _cover(look.cover)
    else:
        with open_page(document, number - bool(look.cover)) as page:
            _draw(page, sheet, _BAND if header else 0.0, look.foot_band if last else 0.0)
    if last:
        texts += _feet(look.foot)
    if texts:
        _write(document, sheet, texts)


def _draw(page: Page, sheet: _Sheet, above: float, below: float) -> None:
    """A page on the white sheet. `above`, `below`: mm that lines of ours need; where something stands there, the page makes room."""
    frame = frame_of(page)
    plan = prepare(page, frame)
    place = _place(frame, sheet, 0.0, 0.0)
    _render(page, sheet, place)
    above = above if _is_inked(sheet, 0, round(above * sheet.down)) else 0.0
    below = below if _is_inked(sheet, sheet.rows - round(below * sheet.down), sheet.rows) else 0.0
    if above or below:
        sheet.clean()
        place = _place(frame, sheet, above, below)
        _render(page, sheet, place)
    _dots(sheet, plan, frame, place)


def _is_inked(sheet: _Sheet, first: int, end: int) -> bool:
    """Whether anything stands in these rows."""
    return sheet.dots.count(255, WIDTH * first, WIDTH * end) < WIDTH * (end - first)


def _place(frame: Frame, sheet: _Sheet, above: float, below: float) -> _Place:
    """Full size where it fits, in the middle, from the top; larger pages are made smaller."""
    width, height = max(1.0, frame.width), max(1.0, frame.height)
    turned = width > height
    if turned:
        width, height = height, width
    scale = min(1.0, WIDTH / _ACROSS / width, (_PAPER - above - below) / height)
    across, down = max(1, round(width * scale * _ACROSS)), max(1, round(height * scale * sheet.down))
    return _Place((WIDTH - across) // 2, round(above * sheet.down), across, down, turned)


def _render(page: Page, sheet: _Sheet, place: _Place) -> None:
    bitmap = pdfium.FPDFBitmap_CreateEx(WIDTH, sheet.rows, pdfium.FPDFBitmap_Gray, sheet.memory(), WIDTH)
    try:
        pdfium.FPDF_RenderPageBitmap(bitmap, page, *place[:4], int(place.turned), pdfium.FPDF_ANNOT)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)


def _dots(sheet: _Sheet, plan: Plan, frame: Frame, place: _Place) -> None:
    """Photographs and tinted areas become dots; scanned text stays for the threshold."""
    boxes = [(0.0, 0.0, frame.width, frame.height)] if plan.crowded else plan.toned
    if not boxes:
        return
    image = Image.frombuffer("L", (WIDTH, sheet.rows), sheet.dots, "raw", "L", 0, 1)
    for box in boxes:
        corners = _on_sheet(box, frame, place, sheet.rows)
        if corners[2] <= corners[0] or corners[3] <= corners[1]:
            continue
        part = image.crop(corners)
        if _is_toned(part):
            screen = _screen(sheet.rows).crop(corners)
            _lay(sheet, ImageChops.subtract(part, screen).point(_INK), corners)


@lru_cache(maxsize=2)
def _screen(rows: int) -> Image.Image:
    """The thresholds of every dot of a sheet. Growing dots, not scattered ones: they take a third of the time on the line."""
    lines = [bytes(round(value * 252 / 64) + 2 for value in line) * (WIDTH // 8) for line in _CELL]
    return Image.frombytes("L", (WIDTH, rows), b"".join(lines[number % 8] for number in range(rows)))


def _lay(sheet: _Sheet, part: Image.Image, corners: tuple[int, int, int, int]) -> None:
    left, top, right, _ = corners
    width, rows = right - left, part.tobytes()
    for number in range(part.height):
        start = (top + number) * WIDTH + left
        sheet.dots[start : start + width] = rows[number * width : (number + 1) * width]


def _on_sheet(box: Box, frame: Frame, place: _Place, rows: int) -> tuple[int, int, int, int]:
    """A box in mm of the page as seen: left, top, right, bottom in dots of the sheet."""
    x, y, width, height = box
    if place.turned:  # clockwise: what was at the left is at the top
        x, y, width, height = frame.height - y - height, x, height, width
    wide, high = (frame.height, frame.width) if place.turned else (frame.width, frame.height)
    across, down = place.width / max(1.0, wide), place.height / max(1.0, high)
    left, top = place.x + int(x * across), place.y + int(y * down)
    right, bottom = place.x + int((x + width) * across) + 1, place.y + int((y + height) * down) + 1
    return max(0, left), max(0, top), min(WIDTH, right), min(rows, bottom)


def _is_toned(part: Image.Image) -> bool:
    sample = part.resize((-(-part.width // 4), -(-part.height // 4)), Image.Resampling.NEAREST)
    return sum(sample.histogram()[64:208]) > _MIDDLE * sample.width * sample.height


def _cover(lines: tuple[str, ...]) -> Iterator[_Text]:
    """Texts with size and height for a cover page: the first line large, as many as fit."""
    for number, line in enumerate(lines[:40]):
        yield _Text(line[:100], 26.0 if number == 0 else 12.0, 30.0 + 6.5 * number, 56.0)


def _feet(lines: tuple[str, ...]) -> Iterator[_Text]:
    """The lines of the foot, the last one lowest; as wide as the sheet at most."""
    for number, line in enumerate(lines):
        yield _Text(line, _FOOT[0], _PAPER - _FOOT[1] - _FOOT[2] * (len(lines) - 1 - number))


def _write(document: Document, sheet: _Sheet, texts: list[_Text]) -> None:
    """Lines of text, drawn by a page that is taken out again."""
    page = pdfium.FPDFPage_New(document, len(document), _POINTS_WIDE, _PAPER / 25.4 * 72)
    try:
        for line, size, down, left in texts:
            text = pdfium.FPDFPageObj_NewTextObj(document, b"Helvetica", ctypes.c_float(size))
            wide = ctypes.create_string_buffer((line + "\0").encode("utf-16-le"))
            pdfium.FPDFText_SetText(text, ctypes.cast(wide, pdfium.FPDF_WIDESTRING))
            pdfium.FPDFPageObj_Transform(text, _narrowing(text, left), 0, 0, 1, left, (_PAPER - down) / 25.4 * 72)
            pdfium.FPDFPage_InsertObject(page, text)
        _render(page, sheet, _Place(0, 0, WIDTH, sheet.rows, False))
    finally:
        pdfium.FPDF_ClosePage(page)
        pdfium.FPDFPage_Delete(document, len(document) - 1)


def _narrowing(text: Any, left: float) -> float:
    """By how much a line is made narrower to end before the sheet does."""
    sides = [ctypes.c_float() for _ in range(4)]
    pdfium.FPDFPageObj_GetBounds(text, *(ctypes.byref(side) for side in sides))
    return min(1.0, (_POINTS_WIDE - left - _LEFT) / max(1.0, sides[2].value))
