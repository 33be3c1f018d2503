"""Clearing the window: what is not the address is taken away."""

from collections.abc import Sequence
from pathlib import Path

from postoffice.compose.pages import read_pages
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Box
from postoffice.model.layout import Layout
from postoffice.pdf import mend
from postoffice.pdf.document import frame_of, open_page, open_pdf
from postoffice.pdf.text import PageText


def clear_window(source: Path, pages: Sequence[int], target: Path, layout: Layout) -> None:
    """Take everything out of the window of pages but the lines of the address.

    PostOfficeError fix-not-possible where a page has no whole address, or where the rest of the page would change.
    """
    places: dict[int, list[Box]] = {}
    for number in pages:
        reading = read_pages(source, number, 1, layout.name)[0].reading
        if reading.kind != "complete" or reading.box is None:
            raise PostOfficeError(
                "fix-not-possible",
                f"There is no whole address in the window of page {number}: it cannot be told what may stay.",
                help="Correct the address first, or put an address sheet before the letter.",
            )
        places[number] = around(layout.window, _lines(source, number, layout, reading.box))
    mend.clear(source, places, target)


def _lines(source: Path, number: int, layout: Layout, address: Box) -> Box:
    """The box of the address with all of its letters: lines that begin in it may run beyond the window."""
    with open_pdf(source) as document, open_page(document, number - 1) as page, PageText(page, frame_of(page)) as text:
        lines = [line for line in text.zone(layout.window).lines if _middle_in(line.box, address)]
    right = max((line.right for line in lines), default=address[0] + address[2])
    return (address[0], address[1], max(address[2], right - address[0]), address[3])


def _middle_in(line: Box, address: Box) -> bool:
    return address[1] - 0.5 <= line[1] + line[3] / 2 <= address[1] + address[3] + 0.5


def around(window: Box, kept: Box) -> list[Box]:
    """The window without a box in it: above, below, left and right of it, each without overlap; slivers are left out."""
    x, y, wide, high = window
    left, top = max(x, kept[0]), max(y, kept[1])
    right, bottom = min(x + wide, kept[0] + kept[2]), min(y + high, kept[1] + kept[3])
    parts = [
        (x, y, wide, top - y),
        (x, bottom, wide, y + high - bottom),
        (x, top, left - x, bottom - top),
        (right, top, x + wide - right, bottom - top),
    ]
    return [part for part in parts if part[2] > 0.5 and part[3] > 0.5]
