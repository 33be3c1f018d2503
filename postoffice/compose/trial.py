"""Letters to try the post office with: French business letters with a known truth, written straight as PDF.

No renderer: 500 letters in well under a second. Helvetica is named, not embedded (every reader and printer has it or its twin), in
WinAnsi encoding; its widths (Adobe's font metrics) are enough to break lines.
"""

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from postoffice.compose.trial_words import (
    BODIES,
    CLOSING,
    COMPANIES,
    EXTRAS,
    FIRST_NAMES,
    LAST_NAMES,
    SENDER,
    STREETS,
    TITLES,
    TOWNS,
    WIDTHS,
    WIDTHS_BOLD,
)
from postoffice.model.layout import LAYOUTS

_MM = 72 / 25.4
_HEIGHT = 297.0
_INK, _ACCENT, _PALE = (0.13, 0.15, 0.19), (0.05, 0.33, 0.48), (0.45, 0.49, 0.54)
_LEFT, _RIGHT = 22.0, 188.0
_LEADING = 5.2
#: mm from the top where the text of the first and of following pages begins, and where it ends
_FIRST, _NEXT, _END = 108.0, 32.0, 268.0


@dataclass(frozen=True, slots=True)
class TrialLetter:
    """What a reader must find: first page (from 1), pages, address lines."""

    first_page: int
    pages: int
    lines: tuple[str, ...]


def trial_letters(count: int, seed: int = 1, layout: str = "fr") -> bytes:
    """A merged PDF of `count` letters; see `trial_merge`."""
    return trial_merge(count, seed, layout)[0]


def trial_merge(count: int, seed: int = 1, layout: str = "fr") -> tuple[bytes, list[TrialLetter]]:
    """A merged PDF of `count` letters of 1 to 3 pages, and its truth. The same arguments give the same bytes."""
    chance = random.Random(seed)  # noqa: S311  nothing is secret here
    paper = _Paper()
    truth: list[TrialLetter] = []
    previous: tuple[str, ...] = ()
    for number in range(1, count + 1):
        lines = _address(chance)
        while lines == previous:
            lines = _address(chance)
        previous = lines
        first = len(paper.pages) + 1
        _letter(paper, chance, number, lines, layout)
        truth.append(TrialLetter(first, len(paper.pages) + 1 - first, lines))
    return paper.finish(), truth


def _address(chance: random.Random) -> tuple[str, ...]:
    lines = [chance.choice(COMPANIES)] if chance.random() < 0.25 else []
    lines.append(f"{chance.choice(TITLES)} {chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}")
    if chance.random() < 0.2:
        lines.append(chance.choice(EXTRAS))
    lines.append(f"{chance.randint(1, 180)} {chance.choice(STREETS)}")
    return (*lines, chance.choice(TOWNS))


def _letter(paper: "_Paper", chance: random.Random, number: int, lines: tuple[str, ...], layout: str) -> None:
    """One letter: flow its paragraphs over as many pages as they need."""
    subject, paragraphs, rows = _content(chance, number)
    pages: list[_Page] = [_Page()]
    _head(pages[0], lines, layout, number, subject)
    y = _FIRST
    for paragraph in paragraphs:
        for line, last in _broken(paragraph, _RIGHT - _LEFT, 10.5):
            if y > _END:
                pages.append(_following(number))
                y = _NEXT
            pages[-1].justified(_LEFT, y, line, _RIGHT - _LEFT, 10.5, stretch=not last)
            y += _LEADING
        y += 2.4
        if rows and paragraph is paragraphs[1]:
            if y + 7 * (len(rows) + 1) > _END:
                pages.append(_following(number))
                y = _NEXT
            y = _table(pages[-1], y, rows)
    if y + 24 > _END:
        pages.append(_following(number))
        y = _NEXT
    pages[-1].text(_LEFT + 100, y + 10, SENDER[6], 10.5)
    pages[-1].text(_LEFT + 100, y + 15, SENDER[7], 9, colour=_PALE)
    for position, page in enumerate(pages, 1):
        _foot(page, position, len(pages))
        paper.add(page)


def _content(chance: random.Random, number: int) -> tuple[str, list[str], list[tuple[str, str, str]]]:
    """Subject, paragraphs and table rows of a letter; one to three pages of them."""
    subject, opening, body = chance.choice(BODIES)
    length = chance.choice((3, 3, 4, 14, 16, 26))
    pool = (*body, *(other for _, _, others in BODIES if others is not body for other in others))
    middle = [pool[step % len(pool)] for step in range(length)]
    rows = [
        (
            chance.choice(("Abonnement annuel", "Maintenance préventive", "Relevé et contrôle", "Mise en service")),
            f"{quantity}",
            _euro(price),
        )
        for quantity, price in ((chance.randint(1, 4), chance.randint(1500, 90000)) for _ in range(chance.randint(2, 5)))
    ]
    return f"{subject} n° 2026-{number:05d}", ["Madame, Monsieur,", opening, *middle, CLOSING], rows


def _euro(cents: int) -> str:
    whole = f"{cents // 100:,}".replace(",", "\u00a0")
    return f"{whole},{cents % 100:02d} €"


def _head(page: "_Page", lines: Sequence[str], layout: str, number: int, subject: str) -> None:
    """Letterhead, sender, address in the window, date, subject."""
    page.box(_LEFT, 8, _RIGHT - _LEFT, 0.9, _ACCENT)
    page.disc(_LEFT + 5, 19, 5, _ACCENT)
    page.text(_LEFT + 13, 18, SENDER[0], 15, bold=True, colour=_ACCENT)
    page.text(_LEFT + 13, 23, SENDER[1], 8.5, colour=_PALE)
    x, y, _, height = LAYOUTS[layout].window
    if x > 60:
        for step, line in enumerate((SENDER[2], SENDER[3], SENDER[4], f"Nos références : CL-{number:05d}")):
            page.text(_LEFT, 58 + 4.4 * step, line, 8.5, colour=_PALE)
    top = y + 5.5 if layout == "fr" else y + height - 27.3 + 4 if layout.startswith("din") else y + 4.5
    if layout.startswith("din"):
        page.text(x + 5, top - 5, " · ".join((SENDER[0], SENDER[2], SENDER[3])), 6, colour=_PALE)
    for step, line in enumerate(lines):
        page.text(x + 5 if layout != "fr" else x + 3, top + 4.6 * step, line, 10.5)
    page.text(_LEFT + 100, 94, "Lyon, le 3 mars 2026", 10)
    page.text(_LEFT, 100, f"Objet : {subject}", 10.5, bold=True)


def _following(number: int) -> "_Page":
    page = _Page()
    page.text(_LEFT, 18, SENDER[0], 9, bold=True, colour=_ACCENT)
    page.text(_RIGHT, 18, f"CL-{number:05d}", 8.5, colour=_PALE, right=True)
    page.box(_LEFT, 21, _RIGHT - _LEFT, 0.25, _PALE)
    return page


def _foot(page: "_Page", position: int, pages: int) -> None:
    page.box(_LEFT, 277, _RIGHT - _LEFT, 0.25, _PALE)
    page.text(_LEFT, 282, SENDER[5], 7, colour=_PALE)
    page.text(_RIGHT, 282, f"Page {position} / {pages}", 7.5, colour=_PALE, right=True)


def _table(page: "_Page", y: float, rows: Sequence[tuple[str, str, str]]) -> float:
    """A small table; returns where the text goes on."""
    page.box(_LEFT, y - 4.2, _RIGHT - _LEFT, 6.4, (0.90, 0.94, 0.96))
    for x, word, right in ((_LEFT + 2, "Désignation", False), (140, "Quantité", True), (_RIGHT - 2, "Montant TTC", True)):
        page.text(x, y, word, 9, bold=True, right=right)
    for name, quantity, amount in rows:
        y += 6.6
        page.text(_LEFT + 2, y, name, 9.5)
        page.text(140, y, quantity, 9.5, right=True)
        page.text(_RIGHT - 2, y, amount, 9.5, right=True)
        page.box(_LEFT, y + 2.2, _RIGHT - _LEFT, 0.15, _PALE)
    return y + 11


def _width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a text in mm."""
    table = WIDTHS_BOLD if bold else WIDTHS
    return sum(table[code] for code in text.encode("cp1252", "replace")) * size / 1000 / _MM


def _broken(text: str, width: float, size: float) -> list[tuple[str, bool]]:
    """(line, is it the last) of a paragraph, broken at spaces."""
    space = _width(" ", size)
    lines: list[list[str]] = [[]]
    used = 0.0
    for word in text.split(" "):
        need = _word_width(word, size)
        if lines[-1] and used + space + need > width:
            lines.append([])
            used = 0.0
        used += need + (space if lines[-1] else 0.0)
        lines[-1].append(word)
    return [(" ".join(line), line is lines[-1]) for line in lines]


_known_widths: dict[tuple[str, float], float] = {}  # the texts come again and again


def _word_width(word: str, size: float) -> float:
    key = (word, size)
    if key not in _known_widths:
        if len(_known_widths) > 20_000:
            _known_widths.clear()
        _known_widths[key] = _width(word, size)
    return _known_widths[key]


class _Page:
    """A content stream in the making; places are mm from the top left corner, texts stand on their baseline."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def text(
        self, x: float, y: float, text: str, size: float, *, bold: bool = False, colour: tuple[float, ...] = _INK, right: bool = False
    ) -> None:
        """A line of text; `right`: x is its right end."""
        left = x - _width(text, size, bold=bold) if right else x
        self._show(left, y, text, size, b"/B" if bold else b"/R", colour, 0.0)

    def justified(self, x: float, y: float, text: str, width: float, size: float, *, stretch: bool) -> None:
        """A line of a paragraph, its spaces widened to fill `width` where `stretch`."""
        spaces = text.count(" ")
        slack = (
            width - sum(_word_width(word, size) for word in text.split(" ")) - spaces * _word_width(" ", size)
            if stretch and spaces
            else 0.0
        )
        self._show(x, y, text, size, b"/R", _INK, max(0.0, slack) / spaces * _MM if spaces else 0.0)

    def box(self, x: float, y: float, width: float, height: float, colour: tuple[float, ...]) -> None:
        """A filled rectangle."""
        place = f"{x * _MM:.2f} {(_HEIGHT - y - height) * _MM:.2f} {width * _MM:.2f} {height * _MM:.2f} re f"
        self._parts.append(f"{_rgb(colour)} rg {place}".encode())

    def disc(self, x: float, y: float, radius: float, colour: tuple[float, ...]) -> None:
        """A filled circle, as a line of no length with round ends."""
        a, b = x * _MM, (_HEIGHT - y) * _MM
        self._parts.append(f"{_rgb(colour)} RG 1 J {2 * radius * _MM:.2f} w {a:.2f} {b:.2f} m {a:.2f} {b:.2f} l S".encode())

    def _show(self, x: float, y: float, text: str, size: float, font: bytes, colour: tuple[float, ...], spread: float) -> None:
        place = f"{x * _MM:.2f} {(_HEIGHT - y) * _MM:.2f} Td".encode()
        letters = text.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        words = b"%.3f Tw " % spread
        self._parts.append(b"BT %s %.1f Tf %s rg %s%s (%s) Tj ET" % (font, size, _rgb(colour).encode(), words, place, letters))

    def stream(self) -> bytes:
        """The content stream, deflated."""
        return zlib.compress(b"\n".join(self._parts), 3)


def _rgb(colour: tuple[float, ...]) -> str:
    return " ".join(f"{part:.2f}" for part in colour)


class _Paper:
    """A PDF in the making: 1 catalogue, 2 page tree, 3 and 4 fonts, then two objects a page."""

    def __init__(self) -> None:
        self.pages: list[int] = []
        self._objects: list[bytes] = []

    def add(self, page: _Page) -> None:
        """Append a page."""
        stream = page.stream()
        number = 5 + len(self._objects)
        self._objects.append(b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        self._objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595.276 841.89] /Contents %d 0 R "
            b"/Resources << /Font << /R 3 0 R /B 4 0 R >> >> >>" % number
        )
        self.pages.append(number + 1)

    def finish(self) -> bytes:
        """The whole document."""
        kids = b" ".join(b"%d 0 R" % page for page in self.pages)
        font = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R /Lang (fr-FR) >>",
            b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(self.pages), kids),
            font % b"Helvetica",
            font % b"Helvetica-Bold",
            *self._objects,
        ]
        parts = [b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"]
        places = []
        at = len(parts[0])
        for number, body in enumerate(objects, 1):
            places.append(at)
            parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
            at += len(parts[-1])
        table = b"".join(b"%010d 00000 n \n" % place for place in places)
        parts.append(b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table))
        parts.append(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, at))
        return b"".join(parts)
