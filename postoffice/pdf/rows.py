"""Letters of a page put into rows and lines as an eye reads them: which stand on one line, in which order, and where words part."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from postoffice.model.finding import Box
from postoffice.pdf.document import MM

#: a gap wider than this many character sizes separates columns (justified text stays below one)
_COLUMN_GAP = 1.5
#: a gap that is wider than the usual one between letters by this many character sizes is a space, in a line that has spaces in the file
_WORD_GAP = 0.4
#: the same in a line whose file has none (each letter placed by itself): a space is 0.2 to 0.3 sizes wide
_PLACED_GAP = 0.15
#: in scripts whose file order runs against the order of reading it, the gap alone tells
_RIGHT_TO_LEFT_GAP = 0.22
#: a line with fewer letters does not tell how far they usually are apart
FEW_LETTERS = 6
#: what printing turns letters and spaces into
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ft", "ﬆ": "st", "\u00a0": " ", "\u202f": " ", "\u2007": " "}
)
INVISIBLE = frozenset({0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x0002, 0xFFFE})
#: a space in the file is one even where letters are set so tight that they overlap
REAL_SPACE = -0.2


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


@dataclass(slots=True)
class Char:
    """A visible letter: its code point, its edges from the left in mm, and where it stands."""

    code: int
    x: float
    right: float
    base: float  #: of its baseline, mm from the top
    size: float  #: mm
    before: float  #: from this gap on (in character sizes) a space stands before it: by the file, or as pdfium guesses
    index: int  #: pdfium's


def rows_of(chars: list[Char], box: Box) -> list[list[Char]]:
    """Characters grouped by baseline from top to bottom; rows whose middle lies outside the box's height are left out."""
    rows: list[list[Char]] = []
    for char in sorted(chars, key=lambda one: one.base):
        # raised letters (1er) belong to their line; the next line is a whole size away
        if rows and char.base - rows[-1][0].base < 0.4 * max(char.size, rows[-1][0].size):
            rows[-1].append(char)
        else:
            rows.append([char])
    return [_in_order(row) for row in rows if box[1] - 0.5 <= _middle(row) <= box[1] + box[3] + 0.5]


def _middle(row: list[Char]) -> float:
    """The height of the middle of small letters."""
    return sum(char.base - 0.3 * char.size for char in row) / len(row)


def _in_order(row: list[Char]) -> list[Char]:
    """From left to right; what is drawn twice for boldness once; an accent drawn on its own after its letter."""
    ordered: list[Char] = []
    for char in sorted(row, key=_place):
        for last in ordered[-3:]:
            if last.code == char.code and _drawn_again(char, last):
                break
        else:
            ordered.append(char)
    return ordered


def _drawn_again(char: Char, last: Char) -> bool:
    """The same letter at the same place, save within a ligature (ff), whose letters share one place and follow one another."""
    return abs(last.x - char.x) < 0.12 * char.size and (abs(char.index - last.index) > 1 or char.x != last.x)


def _place(char: Char) -> float:
    return char.right if unicodedata.combining(chr(char.code)) else (char.x + char.right) / 2


def runs_of(row: list[Char]) -> list[list[Char]]:
    """A row cut at gaps that are wider than a space can be."""
    runs: list[list[Char]] = []
    edge = 0.0
    for char in row:
        if runs and char.x - edge <= _COLUMN_GAP * char.size:
            runs[-1].append(char)
            edge = max(edge, char.right)
        else:
            runs.append([char])
            edge = char.right
    return runs


def line_of(runs: list[list[Char]], usual: float = 0.0) -> Line:
    """Runs of one row as a line. `usual`: gap between letters where the line is too short to tell, in character sizes."""
    letters: list[str] = []
    chars = [char for run in runs for char in run]
    edge = chars[0].x
    own = _usual_gap(chars)
    usual = usual if own is None else own
    word = _WORD_GAP if any(char.before == REAL_SPACE for char in chars) else _PLACED_GAP
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
    box = rounded(left, top, right - left, bottom - top)
    return Line(tidy("".join(letters)), box, round(size / MM, 1), round(max(gaps, default=0.0), 1))


def _usual_gap(chars: list[Char]) -> float | None:
    """The usual gap between letters that no space parts, in character sizes; None for too few letters to tell."""
    if len(chars) < FEW_LETTERS:
        return None
    gaps = sorted((char.x - last.right) / char.size for last, char in pairwise(chars) if char.before != REAL_SPACE)
    if not gaps:
        return 0.0
    third, middle = gaps[len(gaps) // 3], gaps[len(gaps) // 2]
    # "6 A RUE N° 12": half of the gaps are spaces, and then the middle one is a space too
    return max(0.0, third if middle - third > _PLACED_GAP else middle)


def usual_of(rows: list[list[Char]]) -> float:
    """The same for all rows together: the middle one of those that tell."""
    told = sorted(gap for row in rows if (gap := _usual_gap(row)) is not None)
    return told[len(told) // 2] if told else 0.0


def tidy(text: str) -> str:
    """Composed letters, plain spaces, single, reading order."""
    plain = "".join(letter for letter in text.translate(_LIGATURES) if ord(letter) not in INVISIBLE)
    return _logical(" ".join(unicodedata.normalize("NFC", plain).split()))


def rounded(x: float, y: float, width: float, height: float) -> Box:
    return (round(x, 2), round(y, 2), round(width, 2), round(height, 2))


def _logical(text: str) -> str:
    """Letters in reading order for a line that was put together from left to right: Hebrew and Arabic are turned round."""
    if not any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text):
        return text
    turned = text[::-1]
    return re.sub(r"[0-9A-Za-z\u00c0-\u024f]+(?:[.,:/ -][0-9A-Za-z\u00c0-\u024f]+)*", lambda match: match.group()[::-1], turned)
