"""Checks of paper: page size, printable area, what pages are made of, pages and sheets of an item."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from postoffice.compose.findings import finding
from postoffice.compose.sheets import MOST_SHEETS, sheets_of
from postoffice.model.finding import Box, Finding, Severity
from postoffice.model.item import NewItem
from postoffice.model.layout import Layout
from postoffice.pdf.document import DocumentFacts
from postoffice.pdf.raster import Graphic
from postoffice.pdf.survey import Mark

_A4 = (210.0, 297.0)
#: mm by which a page may differ from A4 (old PostScript drivers round to whole points and beyond)
_TOLERANCE = 2.0
#: mm by which ink may pass the printable area before it is told
_SLACK = 1.0

#: kind of a mark on a page -> code of its finding
_OF_MARKS = {
    "font": "font-not-embedded",
    "type3": "font-type3",
    "tiny": "text-tiny",
    "thin": "line-thin",
    "coarse": "image-coarse",
    "transparent": "transparency",
    "colour": "colour",
}
#: findings that templates cause: told once for the document where many letters have them. Fonts are told apart by name
_OF_TEMPLATE = frozenset({*_OF_MARKS.values(), "window-not-clear"})
_BY_TEXT = frozenset({"font-not-embedded", "font-type3"})
#: told once in a letter, at the first page, however many pages have it
_ONCE = frozenset({*_BY_TEXT, "colour", "transparency", "line-thin"})
#: letters that may each tell of the same defect; more of them share one remark
_EACH = 2
#: every reader and printer has these, or metrically the same (ISO 32000-1, 9.6.2.2)
_STANDARD_FONTS = ("Helvetica", "Times-", "Courier", "Symbol", "ZapfDingbats")
_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
#: mm: what is thinner is a rule, as under the sender's line in a DIN window
_RULE = 1.0


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


def of_marks(page: int, marks: Iterable[Mark]) -> list[Finding]:
    """What a survey of a page found, as findings."""
    found = []
    for mark in marks:
        standard = mark.kind == "font" and mark.text.startswith(_STANDARD_FONTS)
        found.append(finding(_OF_MARKS[mark.kind], page, mark.box, mark.text, Severity.INFO if standard else None))
    return found


def in_window(drawn: Iterable[Graphic], layout: Layout) -> list[Box]:
    """Graphics that reach into the window beside the address; what covers all of it is a background and no obstacle by itself."""
    x, y, width, height = layout.window
    found = []
    for thing in drawn:
        left, top, across, down = thing.box
        overlaps = left < x + width and left + across > x and top < y + height and top + down > y
        covers = left <= x and top <= y and left + across >= x + width and top + down >= y + height
        if overlaps and not covers and min(across, down) > _RULE:
            found.append((round(left, 1), round(top, 1), round(across, 1), round(down, 1)))
    return found


def check_window(page: int, obstacles: Sequence[Box]) -> list[Finding]:
    """What stands in the window of a page that bears an address; told once, at the first obstacle."""
    return [finding("window-not-clear", page, obstacles[0])] if obstacles else []


def check_copies(first_page: int, looks: Sequence[int | None]) -> list[Finding]:
    """Whether a page of a letter looks like an earlier one of it. `looks`: per page a number for its look, None where blank."""
    seen: dict[int, int] = {}
    for number, look in enumerate(looks, first_page):
        if look is None:
            continue
        if look in seen:
            return [finding("page-duplicate", number, None, f"{seen[look] - first_page + 1} = {number - first_page + 1}")]
        seen[look] = number
    return []


def fold(items: Sequence[NewItem]) -> tuple[list[NewItem], list[Finding]]:
    """(items, findings of the document): what the template causes in many letters is told once, at its first place.

    The text of the shared remark is the name of the font, or how many letters are concerned.
    """
    items = [_once(item) for item in items]
    bearers: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for item in items:
        for key, one in {_template_key(one): one for one in reversed(item.findings)}.items():
            if key is not None:
                bearers[key].append(one)
    shared = {key: found for key, found in bearers.items() if len(found) > _EACH}
    kept = [
        replace(item, findings=tuple(one for one in item.findings if _template_key(one) not in shared)) if shared else item
        for item in items
    ]
    return kept, [replace(found[0], text=key[1] or f"× {len(found)}") for key, found in shared.items()]


def _once(item: NewItem) -> NewItem:
    """An item without the repetitions of what one remark is enough for; what matters most comes first."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for one in item.findings:
        key = _template_key(one)
        if key is not None and one.code in _ONCE:
            if key in seen:
                continue
            seen.add(key)
        kept.append(one)
    return replace(item, findings=tuple(sorted(kept, key=lambda one: _RANK[one.severity])))


def _template_key(one: Finding) -> tuple[str, str] | None:
    if one.code not in _OF_TEMPLATE:
        return None
    return (one.code, one.text if one.code in _BY_TEXT else "")


def of_first_page(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of a page that begins an item: there, landscape hides the address."""
    return [
        finding(one.code, one.page, one.box_mm, one.text, Severity.ERROR) if one.code == "page-landscape" else one for one in findings
    ]


def of_document(facts: DocumentFacts) -> list[Finding]:
    """What is to be said of the document as a whole."""
    told = {
        "pdf-forms": facts.forms,
        "pdf-xfa": facts.xfa,
        "pdf-scripts": facts.scripts,
        "pdf-restricted": facts.restricted,
        "pdf-repaired": facts.repaired,
    }
    found = [finding(code) for code, holds in told.items() if holds]
    if facts.attachments:
        found.append(finding("pdf-attachments", text=", ".join(facts.attachments)))
    return found
