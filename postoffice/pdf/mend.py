"""Mending pages: each function takes a PDF and page numbers (from 1) and writes a PDF with as many pages, the others untouched.

Raises Unreadable where the document cannot be opened, PostOfficeError fix-not-possible where the page would look otherwise than it
should; nothing is left at `target` then.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import ImageChops

from postoffice.later import pikepdf
from postoffice.model.errors import PostOfficeError, Unreadable
from postoffice.model.finding import Box
from postoffice.pdf import ghostscript, stamp
from postoffice.pdf.cut import cut_many
from postoffice.pdf.document import Frame, frame_of, open_page, open_pdf
from postoffice.pdf.engine import Document, Page, pdfium
from postoffice.pdf.raster import picture
from postoffice.pdf.text import PageText

#: Ghostscript keeps pictures as they are: it would otherwise bring them to 72 or 300 dots an inch
_KEEP = [
    "-dDownsampleColorImages=false", "-dDownsampleGrayImages=false", "-dDownsampleMonoImages=false", "-dPassThroughJPEGImages=true",
    "-dCompressFonts=true", "-dSubsetFonts=true", "-dEmbedAllFonts=true",
]  # fmt: skip
#: without this, the fonts that every reader has are left out
_EMBED_ALL = ["-c", "<< /NeverEmbed [ ] >> setdistillerparams"]
GREY = [*_KEEP, "-dCompatibilityLevel=1.7", "-sColorConversionStrategy=Gray", "-sProcessColorModel=DeviceGray", *_EMBED_ALL]
EMBED = [*_KEEP, "-dCompatibilityLevel=1.7", *_EMBED_ALL]
#: PDF 1.3 knows no transparency: pages that have it become pictures of 300 dots an inch
OPAQUE = [*_KEEP, "-dCompatibilityLevel=1.3", "-r300", *_EMBED_ALL]
#: share of an object's area that must lie in a place to be cleared for it to be taken away
_INSIDE = 0.6
#: how different a page may look outside of the places that were cleared (0..255): nothing but rounding
_SAME = 40


def refit(source: Path, pages: Sequence[int], target: Path, box: Box = (0.0, 0.0, 210.0, 297.0)) -> None:
    """Show pages as large as they can be in a box of an upright A4 sheet (mm)."""
    with _opened(source) as pdf:
        for number in pages:
            _check(pdf, number)
            stamp.refit(pdf, number, box)
        pdf.save(target)


def turn(source: Path, pages: Sequence[int], target: Path, degrees: int = 90) -> None:
    """Turn pages clockwise."""
    with _opened(source) as pdf:
        for number in pages:
            _check(pdf, number)
            pdf.pages[number - 1].rotate(degrees, relative=True)
        pdf.save(target)


def by_ghostscript(source: Path, pages: Sequence[int], target: Path, how: Sequence[str]) -> None:
    """Have pages written anew by Ghostscript (`GREY`, `EMBED`, `OPAQUE`)."""
    part, made = target.with_suffix(".part.pdf"), target.with_suffix(".made.pdf")
    try:
        part.write_bytes(_join(cut_many(source, _runs(pages))))
        done = ghostscript.run(
            how, part, made, what="Writing these pages anew", missing="This cannot be done here: Ghostscript is not installed."
        )
        if done.status != 0 or not made.exists():
            raise _impossible(f"Ghostscript could not write these pages anew (status {done.status}: {done.complaint}).")
        _same_letters(part, made)
        _replace(source, pages, made, target)
    finally:
        part.unlink(missing_ok=True)
        made.unlink(missing_ok=True)


def flatten_notes(source: Path, pages: Sequence[int], target: Path) -> None:
    """Make form fields and notes of pages part of what is printed; the form and what it runs are taken off the document."""
    flat = target.with_suffix(".flat.pdf")
    try:
        with open_pdf(source) as document:
            document.init_forms()  # fields that have a value and no look get one
            for number in pages:
                with open_page(document, number - 1) as page:
                    if pdfium.FPDFPage_Flatten(page, pdfium.FLAT_PRINT) == pdfium.FLATTEN_FAIL:
                        raise _impossible(f"The form fields of page {number} cannot be made part of it.")
            with flat.open("wb") as file:
                document.save(file)
        remove_scripts(flat, target, form=True)
    finally:
        flat.unlink(missing_ok=True)


def remove_scripts(source: Path, target: Path, *, form: bool = False, files: bool = False) -> None:
    """Take off what a document runs; with `form` also its form, with `files` the files that are attached to it."""
    with _opened(source) as pdf:
        root: Any = pdf.Root
        for key in ("/OpenAction", "/AA"):
            if key in root:
                del root[key]
        names = root.get("/Names", None)
        if names is not None:
            for key in ("/JavaScript", *(("/EmbeddedFiles",) if files else ())):
                if key in names:
                    del names[key]
        if form and "/AcroForm" in root:
            del root["/AcroForm"]
        elif "/AcroForm" in root and "/XFA" in root.AcroForm:
            del root.AcroForm["/XFA"]
        for page in pdf.pages:
            _quiet(page.obj, files=files)
        pdf.save(target)


def _quiet(page: Any, *, files: bool) -> None:
    if "/AA" in page:
        del page["/AA"]
    if "/Annots" not in page:
        return
    kept = []
    for note in page.Annots:
        if files and str(note.get("/Subtype", "")) == "/FileAttachment":
            continue
        for key in ("/AA", "/A"):
            if key in note and (key == "/AA" or str(note.A.get("/S", "")) in ("/JavaScript", "/Launch", "/Rendition")):
                del note[key]
        kept.append(note)
    page.Annots = pikepdf.Array(kept)


def clear(source: Path, places: Mapping[int, Sequence[Box]], target: Path) -> None:
    """Take away what lies (for the most part) in places of pages: text, lines, pictures, so that no reading finds it any more.

    The rest of the page is compared as a picture before and after; PostOfficeError fix-not-possible where it changed, or where
    something remains in a place.
    """
    with open_pdf(source) as document:
        for number, boxes in places.items():
            with open_page(document, number - 1) as page:
                frame = frame_of(page)
                before = picture(page, frame, 60, grey=True)
                _take_away(page, frame, boxes)
                if not pdfium.FPDFPage_GenerateContent(page):
                    raise _impossible(f"Page {number} cannot be written anew.")
            with open_page(document, number - 1) as page:
                _compare(page, frame, before, boxes, number)
        with target.open("wb") as file:
            document.save(file)


def _take_away(page: Page, frame: Frame, boxes: Sequence[Box]) -> None:
    edges = [ctypes.c_float() for _ in range(4)]
    links = [ctypes.byref(one) for one in edges]
    gone = []
    for number in range(pdfium.FPDFPage_CountObjects(page)):
        thing = pdfium.FPDFPage_GetObject(page, number)
        if pdfium.FPDFPageObj_GetBounds(thing, *links):
            left, bottom, right, top = (edge.value for edge in edges)
            if any(_lies_in(frame.seen(left, bottom, right, top), box) for box in boxes):
                gone.append(thing)
    for thing in gone:
        if pdfium.FPDFPage_RemoveObject(page, thing):
            pdfium.FPDFPageObj_Destroy(thing)


def _lies_in(thing: Box, place: Box) -> bool:
    """Whether most of an object lies in a place; lines have no area and are given some."""
    across, down = max(thing[2], 0.1), max(thing[3], 0.1)
    shared_x = min(thing[0] + across, place[0] + place[2] + 0.3) - max(thing[0], place[0] - 0.3)
    shared_y = min(thing[1] + down, place[1] + place[3] + 0.3) - max(thing[1], place[1] - 0.3)
    return shared_x > 0 and shared_y > 0 and shared_x * shared_y >= _INSIDE * across * down


def _compare(page: Page, frame: Frame, before: Any, boxes: Sequence[Box], number: int) -> None:
    after = picture(page, frame, 60, grey=True)
    across, down = before.width / frame.width, before.height / frame.height
    changed = ImageChops.difference(before, after)
    for x, y, wide, high in boxes:
        spot = tuple(round(side) for side in (x * across - 2, y * down - 2, (x + wide) * across + 2, (y + high) * down + 2))
        changed.paste(0, spot)
    if changed.point([255 if tone > _SAME else 0 for tone in range(256)]).getbbox() is not None:
        raise _impossible(f"Page {number} would look otherwise beside the place that was to be cleared.")


def _runs(pages: Iterable[int]) -> list[tuple[int, int]]:
    """Page numbers as runs (first, count)."""
    runs: list[tuple[int, int]] = []
    for number in pages:
        if runs and number == sum(runs[-1]):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((number, 1))
    return runs


def _join(parts: Sequence[bytes]) -> bytes:
    if len(parts) == 1:
        return parts[0]
    whole, target = pikepdf.new(), io.BytesIO()
    for part in parts:
        with pikepdf.open(io.BytesIO(part)) as source:
            whole.pages.extend(source.pages)
    whole.save(target)
    return target.getvalue()


def _same_letters(before: Path, after: Path) -> None:
    """Text that becomes a picture is recognised again; text whose letters can no longer be told would be read wrongly."""
    with open_pdf(before) as one, open_pdf(after) as other:
        for index in range(min(len(one), len(other))):
            old, new = _letters(one, index), _letters(other, index)
            if new and new != old:
                raise _impossible("The text of these pages could not be read afterwards as it is read now.")


def _letters(document: Document, index: int) -> str:
    with open_page(document, index) as page, PageText(page) as text:
        return "".join(text.text.split())


def _replace(source: Path, pages: Sequence[int], made: Path, target: Path) -> None:
    with _opened(source) as pdf, _opened(made) as fresh:
        if len(fresh.pages) != len(pages):
            raise _impossible("Ghostscript gave another number of pages.")
        for place, number in enumerate(pages):
            _check(pdf, number)
            pdf.pages[number - 1] = fresh.pages[place]
        pdf.save(target)


def _opened(path: Path) -> pikepdf.Pdf:
    with open_pdf(path):  # says what is wrong with it in words
        pass
    return pikepdf.open(path)


def _check(pdf: pikepdf.Pdf, number: int) -> None:
    if not 1 <= number <= len(pdf.pages):
        raise Unreadable(
            "page-out-of-range", f"Page {number} was asked for, the document has {len(pdf.pages)}.", help="Reload the page."
        )


def _impossible(why: str) -> PostOfficeError:
    return PostOfficeError("fix-not-possible", why, help="Nothing was changed. Correct the document in the program that made it.")
