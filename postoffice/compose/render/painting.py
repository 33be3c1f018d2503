"""Painting by WeasyPrint into streams that note where each cell's text stands."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from postoffice.compose.render import pointers
from postoffice.compose.render.engine import Box, draw, fonts, pdf_fonts, pdf_stream, pydyf

#: PDF points per CSS pixel
SCALE = 0.75


class Inks:
    """Fonts and pictures of one PDF, shared by all its letters: each is written once."""

    def __init__(self, color_space: Any, profiles: dict[str, Any], intent: str | None) -> None:
        self.fonts: dict[Any, Any] = {}
        self.images: dict[str, Any] = {}
        self.color_space = color_space
        self.profiles = profiles
        self.intent = intent
        self._by_address: dict[int, tuple[Any, Any, float]] = {}

    def resources(self) -> Any:
        """Empty resources for the pages of one letter."""
        return pydyf.Dictionary(
            {
                "ExtGState": pydyf.Dictionary(),
                "XObject": pydyf.Dictionary(),
                "Pattern": pydyf.Dictionary(),
                "Shading": pydyf.Dictionary(),
                "ColorSpace": self.color_space.reference,
            }
        )

    def font(self, pango_font: Any) -> tuple[Any, float]:
        """WeasyPrint's font and size of a Pango font. The Pango font is kept, so that its address stays its own."""
        address = pointers.address_of(pango_font)
        known = self._by_address.get(address)
        if known is None:
            key, description, size = fonts.get_pango_font_key(pango_font)
            if key not in self.fonts:
                self.fonts[key] = pdf_fonts.Font(pango_font, description, size)
            known = self._by_address[address] = (pointers.held(pango_font), self.fonts[key], size)
        return known[1], known[2]


class Stream(pdf_stream.Stream):  # type: ignore[misc]
    """A page's content. What a cell paints stands for itself: it leans on no colour or font set before, and nothing leans on it."""

    def __init__(self, inks: Inks, resources: Any, rectangle: tuple[float, float, float, float]) -> None:
        super().__init__(inks.fonts, rectangle, resources, inks.images, None, inks.profiles, inks.intent, compress=False)
        self._inks = inks
        self.spans: list[tuple[int, int, int]] = []  #: (cell, start, end) in the list of operators

    def add_font(self, pango_font: Any) -> tuple[Any, float]:
        """See pdf.stream.Stream."""
        return self._inks.font(pango_font)

    def seal(self) -> None:
        """Forget colour and font, and keep apart what comes next."""
        self.stream.append(b"")
        self._current_color = self._current_color_stroke = None
        self._current_alpha = self._current_alpha_stroke = None
        self._current_font = self._old_font = None

    @contextmanager
    def marked(self, box: Box, tag: str) -> Iterator[None]:
        """WeasyPrint calls it around each run of text and each picture."""
        cell = box.__dict__.get("cell")
        if cell is None:
            yield
            return
        self.seal()
        start = len(self.stream)
        yield
        self.seal()
        self.spans.append((cell, start, len(self.stream)))


def paint(page: Any, inks: Inks, resources: Any) -> Stream:
    """The content of a laid out page (WeasyPrint's Page)."""
    left, top = -page.bleed["left"], -page.bleed["top"]
    width, height = page.width - left + page.bleed["right"], page.height - top + page.bleed["bottom"]
    stream = Stream(inks, resources, (left, top, width, height))
    stream.transform(d=-1, f=page.height * SCALE)
    page.paint(stream, SCALE)
    return stream


def operators(stream: Stream, start: int = 0, end: int | None = None) -> bytes:
    """Part of a stream as bytes."""
    return b"\n".join(item if type(item) is bytes else as_bytes(item) for item in stream.stream[start:end])


def as_bytes(item: Any) -> bytes:
    """An operator as pydyf writes it."""
    if type(item) is bytes:
        return item
    return item.data if isinstance(item, pydyf.Object) else str(item).encode("ascii")


def paint_lines(lines: Sequence[Box], inks: Inks, resources: Any) -> bytes:
    """What the lines of a cell paint, as it would stand in their page's stream."""
    stream = Stream(inks, resources, (0, 0, 0, 0))
    for line in lines:
        for box in line.descendants():
            box.background = None  # boxes in free cells have none, see cells
        draw.draw_inline_level(stream, None, line)
    if not stream.spans:
        return b""
    return operators(stream, stream.spans[0][1])
