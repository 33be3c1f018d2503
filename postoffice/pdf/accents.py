"""Accents looked at again: what a recogniser leaves out on capitals, or takes one for another, is there to be seen in the picture.

A word's picture is cut into connected pieces of ink. Tall pieces are letters, small ones above them accents and dots. Only where there
is one letter per piece is a word touched; then each vowel gets the accent that its picture has: strokes that rise or fall, two dots, a
roof, or none.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

#: combining accents by what is seen
_ACUTE, _GRAVE, _ROOF, _DOTS, _RING, _TILDE = "\u0301", "\u0300", "\u0302", "\u0308", "\u030a", "\u0303"
#: letters and the accents that they bear in western Europe
_BEARERS = {
    "a": _ACUTE + _GRAVE + _ROOF + _DOTS + _RING + _TILDE, "e": _ACUTE + _GRAVE + _ROOF + _DOTS, "i": _ACUTE + _GRAVE + _ROOF + _DOTS,
    "o": _ACUTE + _GRAVE + _ROOF + _DOTS + _TILDE, "u": _ACUTE + _GRAVE + _ROOF + _DOTS, "n": _TILDE,
}  # fmt: skip
_ABOVE = frozenset({_ACUTE, _GRAVE, _ROOF, _DOTS, _RING, _TILDE})
#: signs that are one piece of ink each
_SIGNS = "-.,'’"
#: how far above its letter an accent stands at most, as part of the letter's height
_FAR = 0.4
#: from here on a mark rises or falls, as part of its width; strokes do by more than a third
_LEANING = 0.24
_CEDILLA = "\u0327"
#: the least height of letters, pixels, at which a stroke's direction can be seen
_LEAST = 14


@dataclass(slots=True)
class _Piece:
    """A connected piece of ink: its box, and for each of its rows the ink's extent."""

    left: int
    top: int
    right: int
    bottom: int
    rows: dict[int, tuple[int, int, int]]  #: row: (leftmost, rightmost, pixels)

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def with_accents(text: str, image: Image.Image) -> str:
    """A word as recognised, with the accents that its picture shows. The same text where the picture does not tell."""
    letters = _letters(text)
    if not letters or image.height < _LEAST:
        return text
    pieces = _pieces(image)
    tall = max((piece.height for piece in pieces), default=0)
    if tall < _LEAST:
        return text
    bodies, marks = _sorted_out(pieces, tall)
    if len(bodies) != len(letters):
        return text
    judged = [_judged(*one, bodies) for one in zip(letters, bodies, _owners(bodies, marks), strict=True)]
    return unicodedata.normalize("NFC", "".join(judged))


def _letters(text: str) -> list[str]:
    """Each letter with its accents (decomposed); empty where the word has signs whose pieces cannot be counted."""
    found: list[str] = []
    for sign in unicodedata.normalize("NFD", text):
        if unicodedata.combining(sign) and found:
            found[-1] += sign
        elif sign.isalnum() or sign in _SIGNS:
            found.append(sign)
        else:
            return []
    return found


def _pieces(image: Image.Image) -> list[_Piece]:
    """Connected pieces of ink (corners connect), from left to right; specks left out."""
    wide, high = image.size
    low, top = image.getextrema()
    limit = (int(low) + int(top)) // 2  # type: ignore[arg-type]
    content = image.point(lambda tone: 1 if tone < limit else 0).tobytes()
    parents: list[int] = []
    runs: list[tuple[int, int, int]] = []  # row, start, end
    above: list[int] = []
    for row in range(high):
        here: list[int] = []
        for start, end in _runs(content[row * wide : (row + 1) * wide]):
            number = len(runs)
            runs.append((row, start, end))
            parents.append(number)
            here.append(number)
            for other in above:
                if runs[other][1] <= end and runs[other][2] >= start:
                    parents[_root(parents, other)] = _root(parents, number)
        above = here
    return _gathered(runs, parents)


def _runs(line: bytes) -> list[tuple[int, int]]:
    """(start, end) of each run of ones."""
    found = []
    start = line.find(1)
    while start >= 0:
        end = line.find(0, start)
        end = len(line) if end < 0 else end
        found.append((start, end))
        start = line.find(1, end)
    return found


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def _gathered(runs: Sequence[tuple[int, int, int]], parents: list[int]) -> list[_Piece]:
    pieces: dict[int, _Piece] = {}
    for number, (row, start, end) in enumerate(runs):
        piece = pieces.setdefault(_root(parents, number), _Piece(start, row, end, row + 1, {}))
        piece.left, piece.right = min(piece.left, start), max(piece.right, end)
        piece.top, piece.bottom = min(piece.top, row), max(piece.bottom, row + 1)
        left, right, count = piece.rows.get(row, (start, end, 0))
        piece.rows[row] = (min(left, start), max(right, end), count + end - start)
    # what touches the upper edge hangs down from the line above
    kept = [piece for piece in pieces.values() if piece.height > 1 and piece.width > 1 and piece.top > 0]
    return sorted(kept, key=lambda piece: (piece.left + piece.right) / 2)


def _sorted_out(pieces: Sequence[_Piece], tall: int) -> tuple[list[_Piece], list[_Piece]]:
    """(letters, small marks above them); anything else small makes the count differ, and the word is left alone."""
    base = sorted(piece.bottom for piece in pieces if piece.height > 0.5 * tall)
    line = base[len(base) // 2]
    high = [piece for piece in pieces if piece.height < 0.45 * tall and piece.bottom < line - 0.45 * tall]
    bodies = [piece for piece in pieces if piece not in high]
    # an apostrophe stands between letters, an accent over one
    loose = [mark for mark in high if not any(_stands_over(mark, body, tall) for body in bodies)]
    marks = [mark for mark in high if mark not in loose]
    return sorted([*bodies, *loose], key=lambda piece: (piece.left + piece.right) / 2), marks


def _stands_over(mark: _Piece, body: _Piece, tall: int) -> bool:
    """Within the width of a letter; two dots stand wider than the i below them."""
    room = 0.2 * tall if mark.bottom <= body.top + 2 else 0.0
    return body.left - room <= (mark.left + mark.right) / 2 <= body.right + room


def _owners(bodies: Sequence[_Piece], marks: Sequence[_Piece]) -> list[list[_Piece]]:
    """The marks over each body: a mark belongs to the nearest one that it stands over."""
    owned: list[list[_Piece]] = [[] for _ in bodies]
    for mark in marks:
        middle = (mark.left + mark.right) / 2
        # neither within its letter nor far above it: that hangs down from another line
        under = [number for number, body in enumerate(bodies) if -_FAR * body.height <= mark.bottom - body.top <= 0.25 * body.height]
        if under:
            owned[min(under, key=lambda number: abs((bodies[number].left + bodies[number].right) / 2 - middle))].append(mark)
    return owned


def _judged(letter: str, body: _Piece, over: Sequence[_Piece], bodies: Sequence[_Piece]) -> str:
    """A letter with the accent that stands over its body, and the cedilla that hangs below."""
    base, known = letter[0], {sign for sign in letter[1:] if sign in _ABOVE}
    borne = _BEARERS.get(base.lower(), "")
    if base in "cC" and len(letter) < 3:
        usual = sorted(other.bottom for other in bodies)[len(bodies) // 2]
        return base + _CEDILLA if body.bottom > usual + 0.15 * (usual - body.top) else base if _CEDILLA in letter else letter
    if base == "i" and not over and body.height >= 0.9 * max(other.height for other in bodies):
        return "l"
    if not borne:
        return letter
    if not over:
        # an accent that touches its letter makes one high piece of both: only an ordinary height says that there is none
        tops = sorted(other.top for other in bodies if other.height > 0.6 * body.height)
        usual = tops[len(tops) // 2]
        return base if known and base != "i" and body.top >= usual - 0.1 * body.height else letter
    seen = _seen(over, base, body)
    below = "".join(sign for sign in letter[1:] if sign not in _ABOVE)
    return base + below + seen if seen == "" or seen in borne else letter


def _seen(over: Sequence[_Piece], base: str, body: _Piece) -> str:
    """What the marks over a letter are; empty for the dot of an i."""
    if len(over) == 2 and abs(over[0].top - over[1].top) <= 2 and abs(over[0].width - over[1].width) <= 2:
        return _DOTS
    mark = max(over, key=lambda one: one.width * one.height)
    if base == "i" and mark.width <= 1.35 * mark.height and mark.width <= 1.6 * max(body.width, 2):
        return _ACUTE if _lean(mark) > 0.4 else ""  # a dot of a scan leans a little to either side
    if base in "nN":
        return _TILDE
    lean = _lean(mark)
    if lean > _LEANING:
        return _ACUTE
    if lean < -_LEANING:
        return _GRAVE
    if mark.width > 2.6 * mark.height:
        return _TILDE
    top, middle = _ink(mark, 0.0, 0.34), _ink(mark, 0.34, 0.67)
    round_ = base in "aA" and mark.width < 1.3 * mark.height and middle < 0.95 * mark.width and _bottom_closes(mark)
    return _RING if round_ and top else _ROOF


def _lean(mark: _Piece) -> float:
    """How far the upper third of a mark stands to the right of its lower third, as part of its width."""
    third = max(1, mark.height // 3)
    upper = [mark.rows[row] for row in range(mark.top, mark.top + third) if row in mark.rows]
    lower = [mark.rows[row] for row in range(mark.bottom - third, mark.bottom) if row in mark.rows]
    if not upper or not lower:
        return 0.0
    middle = [sum(left + right for left, right, _ in rows) / (2 * len(rows)) for rows in (upper, lower)]
    return (middle[0] - middle[1]) / max(1, mark.width)


def _ink(mark: _Piece, start: float, end: float) -> float:
    """Mean pixels in a band of a mark's rows."""
    rows = [
        mark.rows[row][2] for row in range(mark.top + int(start * mark.height), mark.top + int(end * mark.height)) if row in mark.rows
    ]
    return sum(rows) / len(rows) if rows else 0.0


def _bottom_closes(mark: _Piece) -> bool:
    """A ring narrows again towards its bottom; a roof's feet stand apart."""
    left, right, _ = mark.rows[mark.bottom - 1]
    return right - left < 0.75 * mark.width
