"""Sheets: painted pages of a letter, cut at the places where cells stand, to be printed again with other cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from postoffice.compose.render.book import Book
from postoffice.compose.render.engine import pydyf
from postoffice.compose.render.painting import SCALE, Stream, operators

#: a constant part of a page becomes an object of its own, shared by all letters, from so many bytes on
_SHARED = 600

#: what a link of a letter may be; no scripts, no files
_SCHEMES = frozenset(("http", "https", "mailto", "tel"))

#: number of a cell, place among its fragments -> what it paints
Pieces = Mapping[tuple[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Link:
    """A clickable rectangle in points. `target`: an address, or (page of the letter from 0, x, y)."""

    rectangle: tuple[float, float, float, float]
    target: str | tuple[int, float, float]


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a fragment of a cell stands, and what it painted on the first letter."""

    cell: int
    fragment: int
    content: bytes


@dataclass(slots=True)
class Sheet:
    """One page: `parts` in the order of painting."""

    head: bytes
    parts: list[bytes | Slot]
    links: list[Link]
    plan: list[list[bytes | Slot] | int] = field(default_factory=list)  # an object's number, or what goes into the letter's own stream


class Sheets:
    """The pages of a letter. `varying`: cells that were ever printed with other texts."""

    def __init__(self, sheets: list[Sheet], resources: int) -> None:
        self._sheets = sheets
        self._resources = resources
        self.varying: set[int] = set()
        self._planned = False

    @staticmethod
    def of(pages: Sequence[Any], streams: Sequence[Stream], links: list[list[Link]], resources: int, cells: frozenset[int]) -> "Sheets":
        """The pages as painted; only `cells` can be printed anew."""
        sheets = []
        fragments: dict[int, int] = {}
        for page, stream, page_links in zip(pages, streams, links, strict=True):
            sheets.append(Sheet(_head(page, resources), list(_parts(stream, cells, fragments)), page_links))
        return Sheets(sheets, resources)

    def __len__(self) -> int:
        return len(self._sheets)

    def put(self, book: Book, pieces: Pieces) -> None:
        """Print the pages into a book; a cell without a piece is printed as on the first letter."""
        if not self._planned:
            for sheet in self._sheets:
                sheet.plan = list(self._plan(book, sheet))
            self._planned = True
        numbers = [book.reserve() for _ in self._sheets]
        for sheet, number in zip(self._sheets, numbers, strict=True):
            contents = [part if isinstance(part, int) else book.put_stream(_joined(part, pieces)) for part in sheet.plan]
            book.page(number, sheet.head, contents, _annotations(sheet.links, numbers, book.archival))

    def contents(self, pieces: Pieces) -> list[bytes]:
        """The pages' streams as they would be printed."""
        return [_joined(sheet.parts, pieces) for sheet in self._sheets]

    def vary(self, cells: set[int]) -> bool:
        """Make room for other texts in these cells; whether any of them is new."""
        if cells <= self.varying:
            return False
        self.varying |= cells
        self._planned = False
        return True

    def _plan(self, book: Book, sheet: Sheet) -> Iterator[list[bytes | Slot] | int]:
        """Long constant parts become objects, the rest goes into a stream of the letter's own."""
        own: list[bytes | Slot] = []
        for part in _merged(sheet.parts, self.varying):
            if isinstance(part, Slot) or len(part) < _SHARED:
                own.append(part)
                continue
            if own:
                yield own
                own = []
            yield book.put_stream(part, 9)
        if own:
            yield own


def print_once(book: Book, pages: Sequence[Any], streams: Sequence[Stream], links: list[list[Link]], resources: int) -> None:
    """Print pages that will not be wanted again."""
    numbers = [book.reserve() for _ in pages]
    for page, stream, page_links, number in zip(pages, streams, links, numbers, strict=True):
        content = book.put_stream(operators(stream))
        book.page(number, _head(page, resources), [content], _annotations(page_links, numbers, book.archival))


def links_of(pages: Sequence[Any], resolved: Sequence[Any]) -> list[list[Link]]:
    """The links of each page; those within the letter lead to their page."""
    places: dict[str, tuple[int, float, float]] = {}
    for index, (page, (_, anchors)) in enumerate(zip(pages, resolved, strict=True)):
        for name, x, y in anchors:
            places.setdefault(name, (index, x * SCALE, (page.height - y) * SCALE))
    found: list[list[Link]] = []
    for page, (links, _) in zip(pages, resolved, strict=True):
        listed = []
        for kind, target, (x1, y1, x2, y2), _ in links:
            rectangle = (x1 * SCALE, (page.height - y1) * SCALE, x2 * SCALE, (page.height - y2) * SCALE)
            if kind == "external" and target.partition(":")[0].lower() in _SCHEMES:
                listed.append(Link(rectangle, target))
            elif kind == "internal" and target in places:
                listed.append(Link(rectangle, places[target]))
        found.append(listed)
    return found


def _parts(stream: Stream, cells: frozenset[int], fragments: dict[int, int]) -> Iterator[bytes | Slot]:
    """Constants and slots of a page. `fragments` counts the fragments of each cell over the pages."""
    place = 0
    for cell, start, end in runs(stream):
        if cell not in cells:
            continue
        yield operators(stream, place, start)
        yield Slot(cell, fragments.get(cell, 0), operators(stream, start, end))
        fragments[cell] = fragments.get(cell, 0) + 1
        place = end
    yield operators(stream, place)


def runs(stream: Stream) -> list[tuple[int, int, int]]:
    """(cell, start, end) of each unbroken run of operators that a cell painted. A broken cell has several on its page."""
    found: list[tuple[int, int, int]] = []
    for cell, start, end in stream.spans:
        if found and found[-1][0] == cell and found[-1][2] + 1 == start:
            found[-1] = (cell, found[-1][1], end)
        else:
            found.append((cell, start, end))
    return found


def _merged(parts: Sequence[bytes | Slot], varying: set[int]) -> list[bytes | Slot]:
    merged: list[bytes | Slot] = []
    for part in parts:
        plain = part.content if isinstance(part, Slot) and part.cell not in varying else part
        if isinstance(plain, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] = merged[-1] + b"\n" + plain
        else:
            merged.append(plain)
    return merged


def _joined(parts: Sequence[bytes | Slot], pieces: Pieces) -> bytes:
    return b"\n".join(part if isinstance(part, bytes) else pieces.get((part.cell, part.fragment), part.content) for part in parts)


def _head(page: Any, resources: int) -> bytes:
    """The page's boxes as WeasyPrint sets them (bleed box at most 10 points beyond the trim box)."""
    bleed = {side: page.bleed[side] * SCALE for side in ("left", "top", "right", "bottom")}
    width, height = page.width * SCALE, page.height * SCALE
    media = (-bleed["left"], -bleed["top"], width + bleed["right"], height + bleed["bottom"])
    near = {side: min(10, value) for side, value in bleed.items()}
    around = (-near["left"], -near["top"], width + near["right"], height + near["bottom"])
    shown = [pydyf.Array(box).data for box in (media, (0, 0, width, height), around)]
    return b"/MediaBox%b/TrimBox%b/BleedBox%b/Resources %d 0 R" % (*shown, resources)


def _annotations(links: Sequence[Link], pages: Sequence[int], archival: bool) -> bytes:
    if not links:
        return b""
    return b"/Annots[" + b"".join(_annotation(link, pages, archival) for link in links) + b"]"


def _annotation(link: Link, pages: Sequence[int], archival: bool) -> bytes:
    if isinstance(link.target, str):
        action = b"/A<</Type/Action/S/URI/URI %b>>" % pydyf.String(link.target).data
    else:
        page, x, y = link.target
        action = b"/Dest%b" % pydyf.Array([b"%d 0 R" % pages[page], "/XYZ", x, y, 0]).data
    flags = b"/F 4" if archival else b""  # printed (ISO 19005-3, 6.3.2)
    return b"<</Type/Annot/Subtype/Link/Rect%b/BS<</W 0>>%b%b>>" % (pydyf.Array(link.rectangle).data, flags, action)
