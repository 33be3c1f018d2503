"""Text in a box, in the order that an eye reads it, whatever the order in the file.

pdfium cuts a page into text lines in file order. Only the lines whose ends lie near the box are looked at letter by letter: its own
"bounded text" pulls in whatever touches the box, and letter by letter for the whole page costs more than parsing it.
"""

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from postoffice.model.finding import Box
from postoffice.pdf.document import MM, Frame, frame_of
from postoffice.pdf.engine import Page, pdfium
from postoffice.pdf.garbage import is_bad

#: a gap wider than this many character sizes separates columns (justified text stays below one)
_COLUMN_GAP = 1.5
#: a gap that is wider than the usual one between letters by this many character sizes is a space, in a line that has spaces in the file
_WORD_GAP = 0.4
#: the same in a line whose file has none (each letter placed by itself): a space is 0.2 to 0.3 sizes wide
_PLACED_GAP = 0.15
#: the same where pdfium guesses a space: letters that hang to the left (J) leave little of it
_GUESSED_GAP = 0.06
#: a space in the file is one even where letters are set so tight that they overlap
_REAL_SPACE = -0.2
#: in scripts whose file order runs against the order of reading it, the gap alone tells
_RIGHT_TO_LEFT_GAP = 0.22
#: a line that begins this far left of the box (mm) still belongs to it: windows are drawn by hand
LEFT_SLACK = 2.0
#: a line that runs on this far beyond the right edge (mm) without a gap is read in one go, not letter by letter
_OVERFLOW = 15.0
#: mm by which letters of one line stand higher or lower, raised and large ones too
_UNEVEN = 25.0
#: a line with fewer letters does not tell how far they usually are apart
_FEW_LETTERS = 6
#: letters of a line looked at for a missing Unicode table
_PROBE = 12
#: what printing turns letters and spaces into
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ft", "ﬆ": "st", "\u00a0": " ", "\u202f": " ", "\u2007": " "}
)
_VISIBLE = re.compile(r"[^\s\x00-\x1f](?:[^\r\n]*[^\s\x00-\x1f])?")
_INVISIBLE = frozenset({0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x0002, 0xFFFE})
#: what pdfium makes of a hyphen that it takes for one of a broken word; the page shows it all the same
_BROKEN = frozenset({0x0002, 0xFFFE})
#: letters that ligatures are made of
_JOINING = frozenset(map(ord, "fijlst"))
_SPACES = frozenset({0x20, 0xA0, 0x09, 0x0A, 0x0D, 0x202F, 0x2007, 0x2002, 0x2003, 0x2009})
#: asked for each letter
_loose_box, _unicode_of, _origin_of = pdfium.FPDFText_GetLooseCharBox, pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetCharOrigin


@dataclass(frozen=True, slots=True)
class Line:
    """Text on one line, its box in mm on the page as seen, the height of its characters in points, and the widest gap within it, mm."""

    text: str
    box: Box
    size: float = 10.0
    gap: float = 0.0

    @property
    def right(self) -> float:
        """Right edge, mm."""
        return self.box[0] + self.box[2]

    @property
    def bottom(self) -> float:
        """Bottom edge, mm."""
        return self.box[1] + self.box[3]


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


@dataclass(slots=True)
class _Char:
    code: int
    x: float
    right: float
    base: float  #: of its baseline, mm from the top
    size: float  #: mm
    before: float  #: from this gap on (in character sizes) a space stands before it: by the file, or as pdfium guesses
    index: int  #: pdfium's


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
        chars: list[_Char] = []
        lines: list[Line] = []
        crossing: list[Box] = []
        probes = [0, 0]
        for span in self._near(box):
            middle = (span.top + span.bottom) / 2
            if upright and span.left < box[0] - LEFT_SLACK and self._unbroken_at(box[0], middle):
                crossing.append(_rounded(span.left, span.top, span.right - span.left, span.bottom - span.top))
            elif upright and box[0] - LEFT_SLACK <= span.left and span.right > right + _OVERFLOW and self._unbroken_at(right, middle):
                lines.append(self._whole(span))
            else:
                chars += self._chars(span, probes)
        rows = _rows(chars, box)
        usual = _usual_of(rows) if any(len(row) < _FEW_LETTERS for row in rows) else 0.0
        for row in rows:
            runs = _runs(row)
            crossing += [_line([run]).box for run in runs if run[0].x < box[0] - LEFT_SLACK and run[-1].right > box[0] + LEFT_SLACK]
            own = [run for run in runs if box[0] - LEFT_SLACK <= run[0].x < right]
            if own:
                lines.append(_line(own, usual))
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
        box = _rounded(span.left, span.top, span.right - span.left, span.bottom - span.top)
        return Line(_tidy(text), box, round(self._size(span.first) / MM, 1))

    def _box(self, index: int) -> Box:
        """The cell of a character, mm: loose (as high as the font, as wide as its advance), tight where text is turned."""
        if _loose_box(self._raw, index, self._to_rect):
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

    def _chars(self, span: _Span, probes: list[int]) -> Iterator[_Char]:
        """The letters of a span; `probes` counts those that were looked at and those without a reliable letter."""
        raw, space, size, seen = self._raw, math.inf, self._size(span.first), self.frame.seen
        x, y = ctypes.c_double(), ctypes.c_double()
        origin, joined = (0.0, 0.0), list[_Char]()  # of the ligature that may be going on
        to_x, to_y = ctypes.byref(x), ctypes.byref(y)
        for index in range(span.first, span.last + 1):
            code = _unicode_of(raw, index)
            if code in _SPACES:
                # pdfium makes up spaces where gaps are wide for it: in spaced-out text, between all letters
                space = min(space, _GUESSED_GAP if pdfium.FPDFText_IsGenerated(raw, index) else _REAL_SPACE)
                continue
            if code in _BROKEN:
                code = 0x2D
            if code in _INVISIBLE:
                continue
            if index - span.first < _PROBE:
                probes[0] += 1
                probes[1] += pdfium.FPDFText_HasUnicodeMapError(raw, index) == 1 or is_bad(code)
            left, _, width, _ = self._box(index)
            space = math.inf if 0x590 <= code < 0x900 else space
            _origin_of(raw, index, to_x, to_y)
            place = (x.value, y.value)
            base = seen(*place, *place)[1]
            char = _Char(code, left, left + width, base, size, space, index)
            if code not in _JOINING or origin != place:
                joined = []
            origin = place
            if code in _JOINING:  # one glyph of several letters: they share its extent, and their order holds on turned pages too
                joined.append(char)
                for one in joined:
                    one.x, one.right = min(left, joined[0].x), max(left + width, joined[0].right)
            yield char
            space = math.inf


def _rows(chars: list[_Char], box: Box) -> list[list[_Char]]:
    """Characters grouped by baseline from top to bottom; rows whose middle lies outside the box's height are left out."""
    rows: list[list[_Char]] = []
    for char in sorted(chars, key=lambda one: one.base):
        # raised letters (1er) belong to their line; the next line is a whole size away
        if rows and char.base - rows[-1][0].base < 0.4 * max(char.size, rows[-1][0].size):
            rows[-1].append(char)
        else:
            rows.append([char])
    return [_in_order(row) for row in rows if box[1] - 0.5 <= _middle(row) <= box[1] + box[3] + 0.5]


def _middle(row: list[_Char]) -> float:
    """The height of the middle of small letters."""
    return sum(char.base - 0.3 * char.size for char in row) / len(row)


def _in_order(row: list[_Char]) -> list[_Char]:
    """From left to right; what is drawn twice for boldness once; an accent drawn on its own after its letter."""
    ordered: list[_Char] = []
    for char in sorted(row, key=_place):
        for last in ordered[-3:]:
            if last.code == char.code and _drawn_again(char, last):
                break
        else:
            ordered.append(char)
    return ordered


def _drawn_again(char: _Char, last: _Char) -> bool:
    """The same letter at the same place, save within a ligature (ff), whose letters share one place and follow one another."""
    return abs(last.x - char.x) < 0.12 * char.size and (abs(char.index - last.index) > 1 or char.x != last.x)


def _place(char: _Char) -> float:
    return char.right if unicodedata.combining(chr(char.code)) else (char.x + char.right) / 2


def _runs(row: list[_Char]) -> list[list[_Char]]:
    """A row cut at gaps that are wider than a space can be."""
    runs: list[list[_Char]] = []
    edge = 0.0
    for char in row:
        if runs and char.x - edge <= _COLUMN_GAP * char.size:
            runs[-1].append(char)
            edge = max(edge, char.right)
        else:
            runs.append([char])
            edge = char.right
    return runs


def _line(runs: list[list[_Char]], usual: float = 0.0) -> Line:
    """Runs of one row as a line. `usual`: gap between letters where the line is too short to tell, in character sizes."""
    letters: list[str] = []
    chars = [char for run in runs for char in run]
    edge = chars[0].x
    own = _usual_gap(chars)
    usual = usual if own is None else own
    word = _WORD_GAP if any(char.before == _REAL_SPACE for char in chars) else _PLACED_GAP
    for number, char in enumerate(chars):
        gap = (char.x - edge) / char.size
        least = word if char.code < 0x590 else _RIGHT_TO_LEFT_GAP
        if number and gap > (least if least < char.before else char.before) + usual:
            letters.append(" ")
        letters.append(chr(char.code))
        edge = char.right
    size = sorted(char.size for char in chars)[len(chars) // 2]
    left, right = chars[0].x, max(char.right for char in chars)
    top, bottom = min(char.base - 0.8 * char.size for char in chars), max(char.base + 0.22 * char.size for char in chars)
    gaps = [after[0].x - before[-1].right for before, after in zip(runs, runs[1:], strict=False)]
    box = _rounded(left, top, right - left, bottom - top)
    return Line(_tidy("".join(letters)), box, round(size / MM, 1), round(max(gaps, default=0.0), 1))


def _usual_gap(chars: list[_Char]) -> float | None:
    """The usual gap between letters that no space parts, in character sizes; None for too few letters to tell."""
    if len(chars) < _FEW_LETTERS:
        return None
    gaps = sorted((char.x - last.right) / char.size for last, char in pairwise(chars) if char.before != _REAL_SPACE)
    if not gaps:
        return 0.0
    third, middle = gaps[len(gaps) // 3], gaps[len(gaps) // 2]
    # "6 A RUE N° 12": half of the gaps are spaces, and then the middle one is a space too
    return max(0.0, third if middle - third > _PLACED_GAP else middle)


def _usual_of(rows: list[list[_Char]]) -> float:
    """The same for all rows together: the middle one of those that tell."""
    told = sorted(gap for row in rows if (gap := _usual_gap(row)) is not None)
    return told[len(told) // 2] if told else 0.0


def _tidy(text: str) -> str:
    """Composed letters, plain spaces, single, reading order."""
    plain = "".join(letter for letter in text.translate(_LIGATURES) if ord(letter) not in _INVISIBLE)
    return _logical(" ".join(unicodedata.normalize("NFC", plain).split()))


def _rounded(x: float, y: float, width: float, height: float) -> Box:
    return (round(x, 2), round(y, 2), round(width, 2), round(height, 2))


def _logical(text: str) -> str:
    """Letters in reading order for a line that was put together from left to right: Hebrew and Arabic are turned round."""
    if not any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text):
        return text
    turned = text[::-1]
    return re.sub(r"[0-9A-Za-z\u00c0-\u024f]+(?:[.,:/ -][0-9A-Za-z\u00c0-\u024f]+)*", lambda match: match.group()[::-1], turned)
