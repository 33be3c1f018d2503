"""Text in a box, in the order that an eye reads it, whatever the order in the file.

pdfium cuts a page into text lines in file order. Only the lines whose ends lie near the box are looked at letter by letter: its own
"bounded text" pulls in whatever touches the box, and letter by letter for the whole page costs more than parsing it.
"""

import ctypes
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from postoffice.model.finding import Box
from postoffice.pdf.document import MM, Frame, frame_of
from postoffice.pdf.engine import Page, pdfium
from postoffice.pdf.garbage import is_bad
from postoffice.pdf.rows import FEW_LETTERS, INVISIBLE, REAL_SPACE, Char, Line, line_of, rounded, rows_of, runs_of, tidy, usual_of

#: the same where pdfium guesses a space: letters that hang to the left (J) leave little of it
_GUESSED_GAP = 0.06
#: a line that begins this far left of the box (mm) still belongs to it: windows are drawn by hand
LEFT_SLACK = 2.0
#: a line that runs on this far beyond the right edge (mm) without a gap is read in one go, not letter by letter
_OVERFLOW = 15.0
#: mm by which letters of one line stand higher or lower, raised and large ones too
_UNEVEN = 25.0
#: letters of a line looked at for a missing Unicode table
_PROBE = 12
_VISIBLE = re.compile(r"[^\s\x00-\x1f](?:[^\r\n]*[^\s\x00-\x1f])?")
#: what pdfium makes of a hyphen that it takes for one of a broken word; the page shows it all the same
_BROKEN = frozenset({0x0002, 0xFFFE})
#: letters that ligatures are made of
_JOINING = frozenset(map(ord, "fijlst"))
_SPACES = frozenset({0x20, 0xA0, 0x09, 0x0A, 0x0D, 0x202F, 0x2007, 0x2002, 0x2003, 0x2009})


@dataclass(frozen=True, slots=True)
class ZoneText:
    """What stands in a box: the lines that begin in it, and the places of text that runs into it from the left.

    `garbled` is the share of characters that the fonts give no reliable letter for.
    """

    lines: tuple[Line, ...]
    crossing: tuple[Box, ...] = ()
    garbled: float = 0.0

    @property
    def text(self) -> str:
        """The lines, joined by line feeds."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Span:
    """One of pdfium's own lines: first and last visible character, and the box between them."""

    first: int
    last: int
    left: float
    right: float
    top: float
    bottom: float


class PageText:
    """The text of one open page. Close it before the page."""

    def __init__(self, page: Page, frame: Frame | None = None) -> None:
        self.frame = frame or frame_of(page)
        self._handle = page.get_textpage()
        self._raw = self._handle.raw
        self._count: int = pdfium.FPDFText_CountChars(self._raw)
        self._text: str | None = None
        self._starts: list[tuple[int, int, Box]] | None = None
        self._rect = pdfium.FS_RECTF()
        self._to_rect = ctypes.byref(self._rect)

    def __enter__(self) -> "PageText":
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    @property
    def characters(self) -> int:
        """How many characters, spaces included."""
        return max(0, self._count)

    @property
    def raw(self) -> Any:
        """pdfium's own handle, for questions about single characters."""
        return self._raw

    def index_of(self, place: int) -> int:
        """pdfium's index of a character of `text`; -1 where it was made up between others (ends of lines)."""
        return int(pdfium.FPDFText_GetCharIndexFromTextIndex(self._raw, place))

    def box_of(self, index: int) -> Box:
        """The cell of a character by pdfium's index, mm."""
        return self._box(index)

    def size_of(self, index: int) -> float:
        """Size of a character's font by pdfium's index, mm."""
        return self._size(index)

    @property
    def text(self) -> str:
        """All text, in file order, lines ended by CR LF."""
        if self._text is None:
            self._text = self._handle.get_text_range() if self._count > 0 else ""
        return self._text

    def rectangles(self) -> list[Box]:
        """Boxes of the pieces of text, mm, in file order."""
        left, top, right, bottom = (ctypes.c_double() for _ in range(4))
        links = [ctypes.byref(one) for one in (left, top, right, bottom)]
        boxes = []
        for number in range(max(0, pdfium.FPDFText_CountRects(self._raw, 0, -1))):
            if pdfium.FPDFText_GetRect(self._raw, number, *links):
                boxes.append(self.frame.seen(left.value, bottom.value, right.value, top.value))
        return boxes

    def zone(self, box: Box) -> ZoneText:
        """The text whose lines begin in `box` (mm as seen) and are centred in its height."""
        right = box[0] + box[2]
        upright = self.frame.rotation == 0
        chars: list[Char] = []
        lines: list[Line] = []
        crossing: list[Box] = []
        probes = [0, 0]
        for span in self._near(box):
            middle = (span.top + span.bottom) / 2
            if upright and span.left < box[0] - LEFT_SLACK and self._unbroken_at(box[0], middle):
                crossing.append(rounded(span.left, span.top, span.right - span.left, span.bottom - span.top))
            elif upright and box[0] - LEFT_SLACK <= span.left and span.right > right + _OVERFLOW and self._unbroken_at(right, middle):
                lines.append(self._whole(span))
            else:
                chars += self._chars(span, probes)
        rows = rows_of(chars, box)
        usual = usual_of(rows) if any(len(row) < FEW_LETTERS for row in rows) else 0.0
        for row in rows:
            runs = runs_of(row)
            crossing += [line_of([run]).box for run in runs if run[0].x < box[0] - LEFT_SLACK and run[-1].right > box[0] + LEFT_SLACK]
            own = [run for run in runs if box[0] - LEFT_SLACK <= run[0].x < right]
            if own:
                lines.append(line_of(own, usual))
        lines.sort(key=lambda line: line.box[1] + line.box[3])
        return ZoneText(tuple(line for line in lines if line.text), tuple(crossing), round(probes[1] / max(1, probes[0]), 2))

    def _near(self, box: Box) -> Iterator[_Span]:
        """pdfium's own lines that may have part in `box`, by the places of their ends."""
        top, bottom, left, right = box[1] - 1, box[1] + box[3] + 1, box[0] - LEFT_SLACK, box[0] + box[2]
        upright = self.frame.rotation == 0
        for first, last, start in self._lines():
            if upright and not top - _UNEVEN <= start[1] <= bottom + _UNEVEN:
                continue
            end = self._box(last)
            sides = (min(start[0], end[0]), max(start[0] + start[2], end[0] + end[2]))
            span = _Span(first, last, *sides, min(start[1], end[1]), max(start[1] + start[3], end[1] + end[3]))
            if span.bottom >= top and span.top <= bottom and span.right >= left and span.left <= right:
                yield span

    def _unbroken_at(self, x: float, y: float) -> bool:
        """Whether a letter covers the place: then text runs through it."""
        across, down = self.frame.points(x, y)
        index = pdfium.FPDFText_GetCharIndexAtPos(self._raw, across, down, 0.5, 0.5)
        return index >= 0 and pdfium.FPDFText_GetUnicode(self._raw, index) not in _SPACES

    def _lines(self) -> list[tuple[int, int, Box]]:
        """(first and last visible character, the first one's cell) of each of pdfium's lines. Ends are only asked for where needed."""
        if self._starts is None:
            self._starts = []
            where = pdfium.FPDFText_GetCharIndexFromTextIndex
            for match in _VISIBLE.finditer(self.text):
                first, last = where(self._raw, match.start()), where(self._raw, match.end() - 1)
                if 0 <= first <= last < self._count:
                    self._starts.append((first, last, self._box(first)))
        return self._starts

    def _whole(self, span: _Span) -> Line:
        """A span as one line, as pdfium tells it."""
        count = span.last - span.first + 1
        buffer = (ctypes.c_ushort * (count + 1))()
        written = pdfium.FPDFText_GetText(self._raw, span.first, count, buffer)
        text = bytes(buffer)[: max(0, written - 1) * 2].decode("utf-16-le", errors="replace")
        box = rounded(span.left, span.top, span.right - span.left, span.bottom - span.top)
        return Line(tidy(text), box, round(self._size(span.first) / MM, 1))

    def _box(self, index: int) -> Box:
        """The cell of a character, mm: loose (as high as the font, as wide as its advance), tight where text is turned."""
        if pdfium.FPDFText_GetLooseCharBox(self._raw, index, self._to_rect):
            left, bottom, right, top = self._rect.left, self._rect.bottom, self._rect.right, self._rect.top
            if right > left and top > bottom:
                return self.frame.seen(left, bottom, right, top)
        sides = [ctypes.c_double() for _ in range(4)]  # left, right, bottom, top
        pdfium.FPDFText_GetCharBox(self._raw, index, *(ctypes.byref(side) for side in sides))
        return self.frame.seen(sides[0].value, sides[2].value, sides[1].value, sides[3].value)

    def _size(self, index: int) -> float:
        """Size of a character's font, mm."""
        matrix = pdfium.FS_MATRIX()
        scale = 1.0
        if pdfium.FPDFText_GetMatrix(self._raw, index, ctypes.byref(matrix)):
            scale = math.hypot(matrix.c, matrix.d) or 1.0
        return float(abs(pdfium.FPDFText_GetFontSize(self._raw, index)) * scale * MM) or 1.0

    def _chars(self, span: _Span, probes: list[int]) -> Iterator[Char]:
        """The letters of a span; `probes` counts those that were looked at and those without a reliable letter."""
        raw, space, size, seen = self._raw, math.inf, self._size(span.first), self.frame.seen
        x, y = ctypes.c_double(), ctypes.c_double()
        origin, joined = (0.0, 0.0), list[Char]()  # of the ligature that may be going on
        to_x, to_y = ctypes.byref(x), ctypes.byref(y)
        unicode_of, origin_of = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetCharOrigin  # asked for each letter
        for index in range(span.first, span.last + 1):
            code = unicode_of(raw, index)
            if code in _SPACES:
                # pdfium makes up spaces where gaps are wide for it: in spaced-out text, between all letters
                space = min(space, _GUESSED_GAP if pdfium.FPDFText_IsGenerated(raw, index) else REAL_SPACE)
                continue
            if code in _BROKEN:
                code = 0x2D
            if code in INVISIBLE:
                continue
            if index - span.first < _PROBE:
                probes[0] += 1
                probes[1] += pdfium.FPDFText_HasUnicodeMapError(raw, index) == 1 or is_bad(code)
            left, _, width, _ = self._box(index)
            space = math.inf if 0x590 <= code < 0x900 else space
            origin_of(raw, index, to_x, to_y)
            place = (x.value, y.value)
            base = seen(*place, *place)[1]
            char = Char(code, left, left + width, base, size, space, index)
            if code not in _JOINING or origin != place:
                joined = []
            origin = place
            if code in _JOINING:  # one glyph of several letters: they share its extent, and their order holds on turned pages too
                joined.append(char)
                for one in joined:
                    one.x, one.right = min(left, joined[0].x), max(left + width, joined[0].right)
            yield char
            space = math.inf
