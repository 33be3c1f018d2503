"""Reading pages: what cutting and checking need to know of each, in one pass. Runs in a child process, for a slice of a document."""

import re
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from postoffice.compose.countries import country_of
from postoffice.compose.findings import finding
from postoffice.compose.preflight import check_size, check_window, edges, in_window, of_marks, outside
from postoffice.compose.read_address import AddressReading, read_address
from postoffice.compose.signs import barcode_on, kept_text, markers_on
from postoffice.model.errors import PostOfficeError, Unreadable
from postoffice.model.finding import Box, Finding, Severity
from postoffice.model.layout import LAYOUTS, Layout
from postoffice.pdf.document import MM, Frame, frame_of, open_page, open_pdf
from postoffice.pdf.engine import Document, Page
from postoffice.pdf.garbage import is_plausible
from postoffice.pdf.ocr import DPI, OcrLine, read_pictures
from postoffice.pdf.ocr import languages as ocr_languages
from postoffice.pdf.raster import Graphic, ink, picture
from postoffice.pdf.rows import Line
from postoffice.pdf.survey import Memory, survey
from postoffice.pdf.text import LEFT_SLACK, PageText, ZoneText

#: share of unreliable letters above which the window is read as a picture
_GARBLED = 0.3
#: letters of a page that its plausibility is judged by
_SAMPLE = 1500
#: windows per run of Tesseract: one run holds their pictures (400 KB each) at the same time
_OCR_BATCH = 16
#: what a text zone may hold; an expression is tried on no more
ZONE_CHARACTERS = 400
#: mm read left, right, and above and below a window that is a picture: letters cut through are recognised as nonsense
_BEFORE, _BEHIND, _ABOUT = 12.0, 20.0, 5.0
#: mm: texts lower or wider than this tell nothing of where a letter begins
_MARK_DEPTH, _MARK_WIDTH = 130.0, 110.0
#: mm between two letters or words of one line
_LETTER_GAP = 2.0
#: one language reads its own accents best; addresses abroad are read again in theirs
_LANGUAGES = {"FR": "fra", "DE": "deu", "AT": "deu", "CH": "deu", "LI": "deu", "GB": "eng", "IE": "eng", "US": "eng"}
#: "2 of 3"; what stands before it, or that nothing does, makes it a page number. Digits first: text has few
_COUNTED = re.compile(r"(?i)(?<!\d)(\d{1,4})\s*(?:/|sur|of|von|de|aus)\s*(\d{1,4})\b")
_PAGE_WORD = re.compile(r"(?i)\b(?:page|seite|pag\.?|p\.|feuillet|blatt)\s*:?\s*$")
_ALONE = re.compile(r"^\s*-?\s*\d{1,3}\s*/\s*\d{1,3}\s*-?\s*$")


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What is known of a page. Small and picklable; 10,000 of them are a few megabytes."""

    page: int  #: from 1 within the document
    width: float  #: mm as seen
    height: float
    reading: AddressReading
    zones: tuple[str, ...] = ()  #: text of each zone asked for, lines joined by line feeds
    characters: int = 0
    image_only: bool = False  #: drawn on, but without text
    plausible: bool = True  #: False: its text is garbage
    blank: bool = False
    ocr: float | None = None  #: confidence where the window was read as a picture
    numbering: tuple[int, int] | None = None  #: "page 2 of 3" as printed on it
    marks: frozenset[tuple[int, int, int]] = frozenset()  #: places of short texts in its upper part, in half millimetres
    text: bytes = b""  #: all of it, packed; see compose.signs
    markers: tuple[str, ...] = ()  #: see compose.signs.markers_on
    barcode: str = ""  #: see compose.signs.barcode_on
    findings: tuple[Finding, ...] = ()
    look: int | None = None  #: the same for pages that look the same; None for a blank one


@dataclass(slots=True)
class _Sheet:
    """A page on its way to being known."""

    facts: PageFacts
    window: ZoneText
    image: Image.Image | None = None  #: of the window, where it has to be recognised
    obstacles: tuple[Box, ...] = ()  #: graphics that reach into the window


def read_pages(path: Path, first: int, count: int, layout_name: str, zones: Sequence[Box] = ()) -> list[PageFacts]:
    """The facts of `count` pages from `first` (from 1), read for the window of a layout.

    A damaged page is told by its finding, it does not stop the others. Raises Unreadable where the document cannot be opened, KeyError
    for an unknown layout.
    """
    layout = LAYOUTS[layout_name]
    sheets: list[_Sheet] = []
    facts: list[PageFacts] = []
    with open_pdf(path) as document, closing(Memory(path)) as memory:
        for number in range(first, min(first + count, len(document) + 1)):
            sheets.append(_read(document, number, layout, zones, memory))
            if sum(sheet.image is not None for sheet in sheets) >= _OCR_BATCH:
                facts += _settle(sheets, layout)
                sheets = []
    return facts + _settle(sheets, layout)


def _read(document: Document, number: int, layout: Layout, zones: Sequence[Box], memory: Memory) -> _Sheet:
    try:
        with open_page(document, number - 1) as page:
            frame = frame_of(page)
            with PageText(page, frame) as text:
                return _look(page, frame, text, number, layout, zones, memory)
    except Unreadable:
        broken = PageFacts(number, 0.0, 0.0, AddressReading("none"), findings=(finding("page-unreadable", number),))
        return _Sheet(broken, ZoneText(()))


def _look(page: Page, frame: Frame, text: PageText, number: int, layout: Layout, zones: Sequence[Box], memory: Memory) -> _Sheet:
    pieces = text.rectangles()
    seen = survey(page, frame, number - 1, pieces, memory)
    drawn = seen.graphics
    plausible = is_plausible(text.text[:_SAMPLE])
    bare = not text.text.strip()
    blank = bare and (not drawn or ink(page, frame, [(0.0, 0.0, frame.width, frame.height)])[0] is None)
    window = text.zone(layout.window)
    found = check_size(number, frame.width, frame.height)
    found += _edges(page, frame, text, number, layout, pieces, drawn)
    found += [finding("page-blank", number)] if blank else []
    found += [finding("page-image-only", number)] if bare and not blank else []
    found += [] if plausible else [finding("page-garbled-text", number)]
    found += of_marks(number, seen.marks)
    facts = PageFacts(
        page=number,
        width=round(frame.width, 1),
        height=round(frame.height, 1),
        reading=AddressReading("none"),
        zones=tuple(text.zone(zone).text[:ZONE_CHARACTERS] for zone in zones),
        characters=text.characters,
        image_only=bare and not blank,
        plausible=plausible,
        blank=blank,
        numbering=_numbering(text.text) if plausible else None,
        marks=_marks(pieces, layout.window) if pieces and plausible else _marks(_inked(page, frame, blank), layout.window, 2.0),
        text=kept_text(text.text),
        markers=markers_on(page, frame, text),
        barcode="" if blank else barcode_on(page, frame, characters=text.characters, drawn=bool(drawn)),
        findings=tuple(found),
        look=None if blank else _look_of(page, frame, text, pieces, drawn),
    )
    obstacles = () if bare else tuple(in_window(drawn, layout))
    return _Sheet(facts, window, _picture_to_read(page, frame, window, facts, layout, drawn), obstacles)


def _look_of(page: Page, frame: Frame, text: PageText, pieces: Sequence[Box], drawn: Sequence[Graphic]) -> int:
    """A number for what a page shows: its text and its places; where it has no text, its picture."""
    if not pieces:
        return zlib.crc32(picture(page, frame, 50, grey=True).tobytes())
    # slices are read by several processes: text is not hashed, since each process hashes it in its own way
    return hash((zlib.crc32(text.text.encode("utf-8", "replace")), tuple(pieces), tuple(thing.box for thing in drawn)))


def _edges(
    page: Page, frame: Frame, text: PageText, number: int, layout: Layout, pieces: Sequence[Box], drawn: Sequence[Graphic]
) -> list[Finding]:
    """What is drawn beyond the printable area; the page is only painted where some box reaches there."""
    strips = edges(layout, frame.width, frame.height)
    suspects = [*pieces, *(thing.box for thing in drawn)]
    if not any(outside(box, layout, frame.width, frame.height) for box in suspects):
        return []
    severity = Severity.ERROR if layout.country == "GB" else None  # the only layout whose margins are a published rule
    found = []
    for spot in ink(page, frame, strips):
        if spot is not None:
            found.append(finding("content-outside-printable-area", number, spot, text.zone(spot).text, severity))
    return found


def _picture_to_read(
    page: Page, frame: Frame, window: ZoneText, facts: PageFacts, layout: Layout, drawn: Sequence[Graphic]
) -> Image.Image | None:
    """A picture of the window where its text is missing or garbage, and something is drawn there."""
    if window.lines and facts.plausible and window.garbled <= _GARBLED and is_plausible(window.text):
        return None
    if not window.lines and facts.characters and facts.plausible and not _reaches(drawn, layout.window):
        return None
    if facts.blank or window.crossing or ink(page, frame, [layout.window])[0] is None:
        return None
    return picture(page, frame, DPI, _with_sides(layout.window), grey=True)


def _with_sides(window: Box) -> Box:
    """The window with some of what stands beside it: text that runs through is only recognised by its ends."""
    left = min(_BEFORE, window[0])
    return (window[0] - left, window[1] - _ABOUT, window[2] + left + _BEHIND, window[3] + 2 * _ABOUT)


def _reaches(drawn: Sequence[Graphic], window: Box) -> bool:
    """Whether some drawing within the page's middle overlaps the window (frames and thin rules aside)."""
    for thing in drawn:
        x, y, width, height = thing.box
        overlaps = x < window[0] + window[2] and x + width > window[0] and y < window[1] + window[3] and y + height > window[1]
        if overlaps and min(width, height) > 1.0:
            return True
    return False


def _settle(sheets: Sequence[_Sheet], layout: Layout) -> list[PageFacts]:
    """Recognise the windows that are pictures, then read all windows as addresses."""
    wanted = [sheet for sheet in sheets if sheet.image is not None]
    readings, fault = _recognise([sheet.image for sheet in wanted if sheet.image is not None], layout)
    for sheet, (window, confidence) in zip(wanted, readings, strict=False):
        sheet.window = window
        sheet.facts = replace(sheet.facts, ocr=confidence if window.lines else None)
    if fault:
        for sheet in wanted:
            sheet.facts = replace(
                sheet.facts, findings=(*sheet.facts.findings, finding("ocr-unavailable", sheet.facts.page, layout.window))
            )
    settled = []
    for sheet in sheets:
        facts, window = sheet.facts, sheet.window
        reading = read_address(window.lines, layout, facts.page, window.crossing, facts.ocr)
        if reading.kind == "partial" and facts.ocr is not None and facts.characters and facts.plausible:
            reading = AddressReading("none")  # a drawing in the window of a page of text: letters seen in it are no address
        found = check_window(facts.page, sheet.obstacles) if reading.kind == "complete" else []
        settled.append(replace(facts, reading=reading, findings=(*facts.findings, *found)))
    return settled


def _recognise(images: Sequence[Image.Image], layout: Layout) -> tuple[list[tuple[ZoneText, float]], bool]:
    """(what stands in the window, confidence) of each picture, and whether recognition failed altogether."""
    if not images:
        return [], False
    own = _LANGUAGES.get(layout.country, "fra")
    languages = (own, *(other for other in ("fra", "eng", "deu") if own not in ocr_languages() and other != own))
    try:
        pages = read_pictures(images, languages)
        for number, language in _abroad(pages, own):
            pages[number] = read_pictures([images[number]], (language,))[0]
        faint = [number for number, lines in enumerate(pages) if not lines]
        for number, lines in zip(faint, read_pictures([images[one] for one in faint], languages, tinted=True), strict=True):
            pages[number] = lines
    except PostOfficeError:
        return [], True
    return [_in_window(lines, layout.window) for lines in pages], False


def _abroad(pages: Sequence[Sequence[OcrLine]], own: str) -> list[tuple[int, str]]:
    """(index, language) of readings whose country line names a country of another language that is installed."""
    found = []
    for number, lines in enumerate(pages):
        named = [country for line in lines[2:] if (country := country_of(line.text))]
        language = _LANGUAGES.get(named[-1], own) if named else own
        if language != own and language in ocr_languages():
            found.append((number, language))
    return found


def _in_window(lines: Sequence[OcrLine], window: Box) -> tuple[ZoneText, float]:
    """Recognised lines told apart as text of a page is: those that begin in the window, and those that run into it."""
    corner = _with_sides(window)
    inside: list[OcrLine] = []
    crossing: list[Box] = []
    for line in lines:
        middle = corner[1] + line.box[1] + line.box[3] / 2
        if not window[1] <= middle <= window[1] + window[3] or not any(letter.isalnum() for letter in line.text):
            continue  # of a line outside, or a speck
        left, right = corner[0] + line.box[0], corner[0] + line.box[0] + line.box[2]
        if window[0] - LEFT_SLACK <= left < window[0] + window[2]:
            inside.append(line)
        elif left < window[0] and right > window[0] + LEFT_SLACK:
            crossing.append((left, corner[1] + line.box[1], line.box[2], line.box[3]))
    moved = [
        Line(line.text, (line.box[0] + corner[0], line.box[1] + corner[1], line.box[2], line.box[3]), round(line.box[3] / MM, 1))
        for line in inside
    ]
    letters = sum(len(line.text) for line in inside)
    sure = sum(line.confidence * len(line.text) for line in inside) / letters if letters else 0.0
    return ZoneText(tuple(moved), tuple(crossing)), sure


def _numbering(text: str) -> tuple[int, int] | None:
    """The last "page k of n" on a page."""
    last = None
    for match in _COUNTED.finditer(text):
        number, total = int(match[1]), int(match[2])
        if 1 <= number <= total and (_PAGE_WORD.search(text, max(0, match.start() - 12), match.start()) or _is_alone(text, match)):
            last = (number, total)
    return last


def _is_alone(text: str, match: re.Match[str]) -> bool:
    """Whether "2 / 3" is all of its line, hyphens around it aside."""
    start, end = max(text.rfind("\n", 0, match.start()), text.rfind("\r", 0, match.start())) + 1, text.find("\n", match.end())
    line = text[start : end if end >= 0 else len(text)]
    return _ALONE.match(line) is not None


def _inked(page: Page, frame: Frame, blank: bool) -> list[Box]:
    """For a page without readable text: the boxes of what is drawn, strip by strip of its upper part."""
    if blank:
        return []
    strips = [(0.0, float(top), frame.width, 8.0) for top in range(4, int(_MARK_DEPTH), 8)]
    return [spot for spot in ink(page, frame, strips) if spot is not None]


def _marks(pieces: Sequence[Box], window: Box, grain: float = 0.5) -> frozenset[tuple[int, int, int]]:
    """Places and widths of short texts above the body and outside the window: what first pages have in common.

    In half millimetres, rounded to `grain` millimetres.
    """
    right, bottom = window[0] + window[2], window[1] + window[3]
    step = 2 * grain
    return frozenset(
        (round(x / grain) * round(step), round(y / grain) * round(step), round(width / grain) * round(step))
        for x, y, width, _ in _joined(pieces)
        if y < _MARK_DEPTH and width < _MARK_WIDTH and not (window[0] - 2 <= x <= right and window[1] - 2 <= y <= bottom)
    )


def _joined(pieces: Sequence[Box]) -> list[Box]:
    """Neighbours on one line as one piece: some writers (Chromium) place every letter on its own."""
    joined: list[Box] = []
    for x, y, width, height in pieces:
        if y >= _MARK_DEPTH:
            continue
        if joined:
            left, top, across, down = joined[-1]
            level = min(top + down, y + height) - max(top, y) > 0.3 * min(down, height)
            if level and -1.0 < x - left - across < _LETTER_GAP:
                bottom = max(top + down, y + height)
                top = min(top, y)
                joined[-1] = (left, top, max(across, x + width - left), bottom - top)
                continue
        joined.append((x, y, width, height))
    return joined
