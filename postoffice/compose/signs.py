"""What cutting keeps of a page beside its address: its text, its markers, a barcode where there is little else on it."""

import ctypes
import zlib

from postoffice.compose.marker import find_markers
from postoffice.later import zxingcpp
from postoffice.pdf.document import MM, Frame
from postoffice.pdf.engine import Page, pdfium
from postoffice.pdf.raster import ink, picture
from postoffice.pdf.text import PageText

#: a page with more characters is no separator by its barcode
_FEW_CHARACTERS = 200
_DPI = 110
#: grey below which a pixel is ink, and the share of the page beside a barcode that may be so: specks of a scanner
_DARK, _SPECKS = 128, 0.004
#: text up to this size (points) is nothing that an eye reads
_TINY = 2.0
_WHITE = 250


def kept_text(text: str) -> bytes:
    """A page's text, packed: 10,000 pages are 10 MB."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1) if text.strip() else b""


def unpacked(text: bytes) -> str:
    """The inverse of `kept_text`, lines ended by line feeds."""
    plain = zlib.decompress(text).decode("utf-8", "surrogatepass") if text else ""
    return plain.replace("\r\n", "\n").replace("\r", "\n")


def markers_on(page: Page, frame: Frame, text: PageText) -> tuple[str, ...]:
    """The markers of an open page as `FLAGS:CONTENT`; flags: `open` (without an end) and `visible` (an eye sees it)."""
    if "{{" not in text.text:
        return ()
    found = []
    for spot in find_markers(text.text):
        flags = [] if spot.closed else ["open"]
        if not _hidden(page, frame, text, spot.start, spot.end):
            flags.append("visible")
        found.append(f"{','.join(flags)}:{spot.content}")
    return tuple(found)


def _hidden(page: Page, frame: Frame, text: PageText, start: int, end: int) -> bool:
    """Whether a run of characters is white, transparent, tiny, or leaves no ink on the page."""
    chars = [text.index_of(place) for place in (start, (start + end) // 2, end - 1)]
    if all(_is_faint(text, index) for index in chars if index >= 0):
        return True
    boxes = [text.box_of(index) for index in chars if index >= 0]
    return all(spot is None for spot in ink(page, frame, boxes))


def _is_faint(text: PageText, index: int) -> bool:
    raw = text.raw
    if text.size_of(index) / MM <= _TINY:
        return True
    thing = pdfium.FPDFText_GetTextObject(raw, index)
    if thing and pdfium.FPDFTextObj_GetTextRenderMode(thing) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
        return True
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    links = [ctypes.byref(one) for one in (red, green, blue, alpha)]
    if not pdfium.FPDFText_GetFillColor(raw, index, *links):
        return False
    return alpha.value == 0 or min(red.value, green.value, blue.value) >= _WHITE


def barcode_on(page: Page, frame: Frame, *, characters: int, drawn: bool) -> str:
    """What the barcode of a page says that bears nothing much else: `alone:TEXT`, or `with:TEXT` where other things stand there too.

    Empty where there is none, or the page has more text than a separator page.
    """
    if not drawn or characters > _FEW_CHARACTERS or not 50 < frame.width < 500 or not 50 < frame.height < 700:
        return ""
    image = picture(page, frame, _DPI, grey=True)
    codes = zxingcpp.read_barcodes(image)
    if not codes:
        return ""
    corners = [
        (point.x, point.y)
        for code in codes
        for point in (code.position.top_left, code.position.top_right, code.position.bottom_left, code.position.bottom_right)
    ]
    margin = round(_DPI / 25.4 * 4)
    left, top = max(0, min(x for x, _ in corners) - margin), max(0, min(y for _, y in corners) - margin)
    right, bottom = max(x for x, _ in corners) + margin, max(y for _, y in corners) + margin
    image.paste(255, (left, top, min(right, image.width), min(bottom, image.height)))
    dark = sum(image.histogram()[:_DARK]) / (image.width * image.height)
    said = next((code.text for code in codes if code.text), "")
    return f"{'alone' if dark <= _SPECKS and characters == 0 else 'with'}:{said}"
