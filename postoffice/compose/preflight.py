"""Checks of paper: page size, printable area, pages and sheets of an item."""

from collections.abc import Sequence

from postoffice.compose.findings import finding
from postoffice.compose.sheets import MOST_SHEETS, sheets_of
from postoffice.model.finding import Box, Finding, Severity
from postoffice.model.layout import Layout
from postoffice.pdf.document import DocumentFacts

_A4 = (210.0, 297.0)
#: mm by which a page may differ from A4 (old PostScript drivers round to whole points and beyond)
_TOLERANCE = 2.0
#: mm by which ink may pass the printable area before it is told
_SLACK = 1.0


def check_size(page: int, width: float, height: float) -> list[Finding]:
    """Whether a page is A4, and upright."""
    box = (0.0, 0.0, round(width, 1), round(height, 1))
    size = f"{width:.0f} x {height:.0f} mm"
    if abs(width - _A4[0]) <= _TOLERANCE and abs(height - _A4[1]) <= _TOLERANCE:
        return []
    if abs(width - _A4[1]) <= _TOLERANCE and abs(height - _A4[0]) <= _TOLERANCE:
        return [finding("page-landscape", page, box, size)]
    return [finding("page-not-a4", page, box, size)]


def edges(layout: Layout, width: float, height: float) -> list[Box]:
    """The four unprintable strips (left, top, right, bottom), less the tolerance."""
    left, top, right, bottom = (margin - _SLACK for margin in layout.margins)
    return [
        (0.0, 0.0, left, height),
        (0.0, 0.0, width, top),
        (width - right, 0.0, right, height),
        (0.0, height - bottom, width, bottom),
    ]


def outside(box: Box, layout: Layout, width: float, height: float) -> bool:
    """Whether a box on the page reaches into an unprintable strip."""
    x, y, across, down = box
    left, top, right, bottom = (margin - _SLACK for margin in layout.margins)
    return (x < left or y < top or x + across > width - right or y + down > height - bottom) and x + across > 0 and y + down > 0


def of_item(pages: int, first_page: int) -> list[Finding]:
    """Whether an item fits into an envelope; the number of sides is chosen later, so both are tried."""
    if sheets_of(pages, duplex=True) > MOST_SHEETS:
        return [finding("too-many-sheets", first_page, None, f"{pages}")]
    if sheets_of(pages, duplex=False) > MOST_SHEETS:
        return [finding("only-duplex-fits", first_page, None, f"{pages}")]
    return []


def of_first_page(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of a page that begins an item: there, landscape hides the address."""
    return [
        finding(one.code, one.page, one.box_mm, one.text, Severity.ERROR) if one.code == "page-landscape" else one for one in findings
    ]


def of_document(facts: DocumentFacts) -> list[Finding]:
    """What is to be said of the document as a whole."""
    told = {
        "pdf-forms": facts.forms,
        "pdf-scripts": facts.scripts,
        "pdf-restricted": facts.restricted,
        "pdf-repaired": facts.repaired,
    }
    found = [finding(code) for code, holds in told.items() if holds]
    if facts.attachments:
        found.append(finding("pdf-attachments", text=", ".join(facts.attachments)))
    return found
