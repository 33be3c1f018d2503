"""Trying fields on letters: only the zones and the text of the pages that a rule looks at, nothing else of them."""

from collections.abc import Sequence
from pathlib import Path

from postoffice.compose.fields import FieldRule, Fields, read_fields, zones_of_fields
from postoffice.compose.pages import ZONE_CHARACTERS, PageFacts
from postoffice.compose.read_address import AddressReading
from postoffice.compose.signs import kept_text
from postoffice.model.errors import Unreadable
from postoffice.model.finding import Box
from postoffice.model.layout import LAYOUTS
from postoffice.pdf.document import frame_of, open_page, open_pdf
from postoffice.pdf.engine import Document
from postoffice.pdf.text import PageText


def try_fields(path: Path, layout: str, letters: Sequence[Sequence[tuple[int, int]]], rules: Sequence[FieldRule]) -> list[Fields]:
    """What the rules read on letters. `letters`: the runs of pages of each, see Item.runs. In a child process; raises as `open_pdf`."""
    zones = zones_of_fields(rules)
    with open_pdf(path) as document:
        return [read_fields(_pages(document, runs, rules, zones), rules, zones, LAYOUTS[layout].country) for runs in letters]


def _pages(document: Document, runs: Sequence[tuple[int, int]], rules: Sequence[FieldRule], zones: Sequence[Box]) -> list[PageFacts]:
    """The pages of a letter that some rule looks at; its first and last are always among them. Of letters together: the first's."""
    first, count = runs[0]
    every = any(rule.page == "any" for rule in rules)
    wanted = range(first, first + count) if every else sorted({first, first + count - 1})
    return [_page(document, number, zones) for number in wanted]


def _page(document: Document, number: int, zones: Sequence[Box]) -> PageFacts:
    nothing = AddressReading("none")
    try:
        with open_page(document, number - 1) as page:
            frame = frame_of(page)
            with PageText(page, frame) as text:
                read = tuple(text.zone(zone).text[:ZONE_CHARACTERS] for zone in zones)
                return PageFacts(number, frame.width, frame.height, nothing, zones=read, text=kept_text(text.text))
    except Unreadable:
        return PageFacts(number, 0.0, 0.0, nothing)
