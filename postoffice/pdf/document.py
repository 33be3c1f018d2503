"""Opening a PDF with errors that say what is wrong, and what can be known of it cheaply."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postoffice.later import pikepdf
from postoffice.model.errors import Unreadable
from postoffice.model.finding import Box
from postoffice.pdf.engine import Document, Page, pdfium, pypdfium2
from postoffice.pdf.inside import Inside

MM = 25.4 / 72  #: millimetres in a PDF point

#: where writers put `%%EOF`: the standard says in the last line, print systems add some bytes after it
_TAIL = 4096
#: readers accept bytes (mail headers, PJL) before `%PDF-` up to here (ISO 32000-1, annex H.3.4.1)
_HEAD = 1024
#: the widest piece of paper that makes sense, mm; beyond it a page box is damage (and a raster bomb)
MAX_SIDE = 5_080.0

_ENCRYPTED_HELP = "Save or print it again without a password."
_AGAIN = "Print or export it again; if it comes by e-mail or a share, check that the transfer was complete."


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a document says of itself without its pages being read."""

    pages: int
    size: int  #: bytes
    forms: bool  #: interactive form fields
    scripts: bool  #: JavaScript of the document
    attachments: tuple[str, ...]  #: file names (at most 20)
    restricted: bool  #: encrypted with an owner's password only: readable, with restrictions
    repaired: bool  #: the cross-reference table was broken and was rebuilt by search
    image_only: float  #: share of some sampled pages that bear no text, 0..1
    title: str = ""
    xfa: bool = False  #: its form is XFA


@contextmanager
def open_pdf(path: Path) -> Iterator[Document]:
    """The document, open for as long as the context lasts.

    Raises Unreadable with one of the codes not-a-pdf, pdf-truncated, pdf-encrypted, pdf-damaged, pdf-empty.
    """
    _check_bytes(path)
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        raise _why(path) from None
    try:
        if len(document) == 0:
            raise Unreadable("pdf-empty", "This PDF has no page.", help="Print or export it again with its pages.")
        yield document
    finally:
        document.close()


def inspect(path: Path) -> DocumentFacts:
    """Look a PDF over: pages, and what should be said of it as a whole. Raises as `open_pdf`."""
    with open_pdf(path) as document:
        inside = Inside(path)
        forms = pdfium.FPDF_GetFormType(document)
        scripts, xfa = inside.scripts(), inside.xfa()
        inside.close()
        return DocumentFacts(
            pages=len(document),
            size=path.stat().st_size,
            forms=forms != pdfium.FORMTYPE_NONE,
            scripts=scripts or pdfium.FPDFDoc_GetJavaScriptActionCount(document) > 0,
            attachments=_attachments(document),
            restricted=pdfium.FPDF_GetSecurityHandlerRevision(document) >= 0,
            repaired=not pdfium.FPDF_DocumentHasValidCrossReferenceTable(document),
            image_only=_image_only(document),
            title=str(document.get_metadata_value("Title"))[:200],
            xfa=xfa,
        )


def page_count(path: Path) -> int:
    """How many pages. Raises as `open_pdf`."""
    with open_pdf(path) as document:
        return len(document)


@contextmanager
def open_page(document: Document, index: int) -> Iterator[Page]:
    """Page `index` (from 0), closed at the end: pdfium keeps everything of a page until then.

    Raises Unreadable page-unreadable, with the page counted from 1.
    """
    try:
        page = document[index]
    except (pypdfium2.PdfiumError, IndexError):
        raise Unreadable("page-unreadable", f"Page {index + 1} is damaged and cannot be read.", help=_AGAIN, page=index + 1) from None
    try:
        yield page
    finally:
        page.close()


@dataclass(frozen=True, slots=True)
class Frame:
    """How a page's own coordinates (points, from the bottom left, unrotated) lie on the page as it is seen.

    `box` is left, bottom, right, top of the visible part (crop box within media box), `rotation` one of 0, 90, 180, 270 (clockwise).
    """

    box: tuple[float, float, float, float]
    rotation: int

    @property
    def width(self) -> float:
        """Width as seen, mm."""
        return (self.box[2] - self.box[0] if self.rotation % 180 == 0 else self.box[3] - self.box[1]) * MM

    @property
    def height(self) -> float:
        """Height as seen, mm."""
        return (self.box[3] - self.box[1] if self.rotation % 180 == 0 else self.box[2] - self.box[0]) * MM

    def seen(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A rectangle in points as a box in mm from the top left corner of the page as seen."""
        a, b, c, d = self.box
        if self.rotation == 0:  # asked for each letter of a window
            return ((left - a) * MM, (d - top) * MM, (right - left) * MM, (top - bottom) * MM)
        if self.rotation == 90:
            x, y, w, h = bottom - b, left - a, top - bottom, right - left
        elif self.rotation == 180:
            x, y, w, h = c - right, bottom - b, right - left, top - bottom
        else:
            x, y, w, h = d - top, c - right, top - bottom, right - left
        return (x * MM, y * MM, w * MM, h * MM)

    def points(self, x: float, y: float) -> tuple[float, float]:
        """The inverse for one place: mm from the top left as seen to points of the page."""
        a, b, c, d = self.box
        u, v = x / MM, y / MM
        if self.rotation == 0:
            return (a + u, d - v)
        if self.rotation == 90:
            return (a + v, b + u)
        if self.rotation == 180:
            return (c - u, b + v)
        return (c - v, d - u)


def frame_of(page: Page) -> Frame:
    """The frame of an open page."""
    box = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(page, ctypes.byref(box)):
        return Frame((0.0, 0.0, 595.0, 842.0), 0)
    rotation = int(pdfium.FPDFPage_GetRotation(page)) % 4 * 90
    return Frame((box.left, box.bottom, box.right, box.top), rotation)


def _check_bytes(path: Path) -> None:
    """Tell apart what pdfium lumps together or repairs in silence: a merge cut short must not lose its last letters unseen."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    if not head:
        raise Unreadable("pdf-empty", "The document is empty: it has not a single byte.", help=_AGAIN)
    if b"%PDF-" not in head:
        raise Unreadable("not-a-pdf", "This is not a PDF.", help="Send a PDF, PostScript, JPEG, PNG, TIFF, PWG or URF document.")
    if b"%%EOF" not in tail:
        raise Unreadable("pdf-truncated", "This PDF ends in the middle: its end is missing.", help=_AGAIN, bytes=size)


def _why(path: Path) -> Unreadable:
    """Why pdfium refuses a document. Its own error code may be that of an earlier document, so another reader is asked."""
    try:
        with pikepdf.open(path) as document:
            if len(document.pages) == 0:
                return Unreadable("pdf-empty", "This PDF has no page.", help="Print or export it again with its pages.")
    except pikepdf.PasswordError:
        return Unreadable("pdf-encrypted", "This PDF is protected by a password.", help=_ENCRYPTED_HELP)
    except (pikepdf.PdfError, OSError, RuntimeError, ValueError):
        pass  # it cannot read it either
    return Unreadable("pdf-damaged", "This PDF is damaged and cannot be opened.", help=_AGAIN)


def _attachments(document: Document) -> tuple[str, ...]:
    count = min(20, max(0, document.count_attachments()))
    return tuple(str(document.get_attachment(number).get_name())[:200] for number in range(count))


def _image_only(document: Document) -> float:
    """Share of at most eight pages, spread over the document, without one character of text."""
    pages = len(document)
    sample = sorted({pages * step // 8 for step in range(8)})
    bare = 0
    for index in sample:
        try:
            with open_page(document, index) as page:
                bare += _is_bare(page)
        except Unreadable:
            continue
    return bare / len(sample)


def _is_bare(page: Page) -> bool:
    text = page.get_textpage()
    try:
        return bool(text.count_chars() == 0 and pdfium.FPDFPage_CountObjects(page) > 0)
    finally:
        text.close()
