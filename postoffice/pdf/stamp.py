"""Pages put under and over pages, fitted onto other paper, and text written on them. All places in mm from the top left as seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from postoffice.later import pikepdf
from postoffice.model.finding import Box
from postoffice.pdf.typeface import Typeface

A4 = (210.0, 297.0)
_MM = 72 / 25.4
_TURNS = {0: (1, 0), 90: (0, -1), 180: (-1, 0), 270: (0, 1)}


def add_page(pdf: pikepdf.Pdf, size: tuple[float, float] = A4) -> pikepdf.Page:
    """A blank page at the end."""
    return pdf.add_blank_page(page_size=(size[0] * _MM, size[1] * _MM))


def size_of(page: pikepdf.Page) -> tuple[float, float]:
    """Width and height as seen, mm: the crop box, turned."""
    left, bottom, right, top = (float(side) for side in page.cropbox)
    wide, high = abs(right - left) / _MM, abs(top - bottom) / _MM
    return (high, wide) if rotation_of(page) % 180 else (wide, high)


def rotation_of(page: pikepdf.Page) -> int:
    """0, 90, 180 or 270, clockwise; inherited where the page has none."""
    node: Any = page.obj
    for _level in range(32):
        if node is None:
            return 0
        if "/Rotate" in node:
            return int(node["/Rotate"]) % 360 // 90 * 90
        node = node.get("/Parent", None)
    return 0


def is_plain(page: pikepdf.Page, size: tuple[float, float] = A4) -> bool:
    """Whether the page's own coordinates are those of the paper: not turned, not cropped, its corner at 0, 0, of this size."""
    left, bottom, _right, _top = (float(side) for side in page.cropbox)
    wide, high = size_of(page)
    near = abs(wide - size[0]) < 0.5 and abs(high - size[1]) < 0.5
    return rotation_of(page) == 0 and abs(left) < 0.5 and abs(bottom) < 0.5 and near


def form_of(pdf: pikepdf.Pdf, page: pikepdf.Page) -> Any:
    """A page's picture as a form to be drawn elsewhere in `pdf` (the page may be of another document).

    Its box is the crop box; turning is done by `draw_form`, since a form does not know of it.
    """
    page.trimbox = page.cropbox  # the form is made of this box, and scans and printers' marks lie outside of it
    form = page.as_form_xobject(handle_transformations=False)
    if page.obj.is_owned_by(pdf):
        return pdf.make_indirect(form)
    return pdf.copy_foreign(form)


def draw_form(name: str, form: Any, rotation: int, box: Box, height: float) -> bytes:
    """Operators that fit a form, turned clockwise by `rotation`, into a box in mm on a page `height` mm high; its middle is kept."""
    left, bottom, right, top = (float(side) for side in form.BBox)
    wide, high = right - left, top - bottom
    seen = (high, wide) if rotation % 180 else (wide, high)
    scale = min(box[2] * _MM / seen[0], box[3] * _MM / seen[1])
    middle = ((box[0] + box[2] / 2) * _MM, (height - box[1] - box[3] / 2) * _MM)
    cosine, sine = _TURNS[rotation]
    a, b = cosine * scale, sine * scale
    x, y = (left + right) / 2, (bottom + top) / 2
    return b"q %.5f %.5f %.5f %.5f %.3f %.3f cm /%s Do Q" % (
        a, b, -b, a, middle[0] - a * x + b * y, middle[1] - b * x - a * y, name.encode(),
    )  # fmt: skip


def free_name(page: pikepdf.Page, kind: str, wish: str) -> str:
    """A name for a resource that the page does not use yet. Shared resources are copied first, so that other pages stay as they are."""
    shared: Any = page.resources  # inherited ones too
    own: Any = pikepdf.Dictionary(shared)
    inner: Any = pikepdf.Dictionary(own.get(kind, pikepdf.Dictionary()))
    own[kind] = inner
    page.obj.Resources = own
    number = 0
    while f"/{wish}{number}" in inner:
        number += 1
    return f"{wish}{number}"


def lay(page: pikepdf.Page, form: Any, rotation: int, *, under: bool, size: tuple[float, float] = A4) -> None:
    """Draw a form over the whole of a plain page, under or over what is there."""
    name = free_name(page, "/XObject", "Po")
    page.obj.Resources.XObject[f"/{name}"] = form
    enclose(page, draw_form(name, form, rotation, (0.0, 0.0, *size), size[1]), under=under)


def enclose(page: pikepdf.Page, operators: bytes, *, under: bool = False) -> None:
    """Add operators before or behind a page's own, which are enclosed so that their state does not leak."""
    pdf_page: Any = page
    pdf_page.contents_add(b"q\n", prepend=True)
    pdf_page.contents_add(b"\nQ\n")
    pdf_page.contents_add(b"\n" + operators + b"\n", prepend=under)


def refit(pdf: pikepdf.Pdf, number: int, box: Box, size: tuple[float, float] = A4) -> None:
    """Replace page `number` (from 1) by one of `size` that shows it in a box; its proportions stay."""
    old = pdf.pages[number - 1]
    form, rotation = form_of(pdf, old), rotation_of(old)
    new = add_page(pdf, size)
    new.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Po0=form))
    new.obj.Contents = pdf.make_stream(draw_form("Po0", form, rotation, box, size[1]))
    pdf.pages[number - 1] = new
    del pdf.pages[-1]


def make_plain(pdf: pikepdf.Pdf, number: int) -> pikepdf.Page:
    """Page `number` (from 1) such that its own coordinates are those of an upright A4 sheet; see `is_plain`."""
    if not is_plain(pdf.pages[number - 1]):
        refit(pdf, number, (0.0, 0.0, *A4))
    return pdf.pages[number - 1]


def write(page: pikepdf.Page, face: Typeface, lines: Sequence[tuple[float, float, float, str]], height: float = A4[1]) -> None:
    """Write lines (x, y of the baseline in mm, size in points, text) in black on a plain page."""
    name = free_name(page, "/Font", "PoF")
    page.obj.Resources.Font[f"/{name}"] = face.object
    parts = [
        b"BT 0 g /%s %.2f Tf %.3f %.3f Td %s Tj ET" % (name.encode(), size, x * _MM, (height - y) * _MM, face.encode(text))
        for x, y, size, text in lines
    ]
    enclose(page, b"\n".join(parts))


def paint_white(page: pikepdf.Page, box: Box, height: float = A4[1]) -> None:
    """Cover a box with white."""
    x, y, wide, down = box
    enclose(page, b"q 1 g %.3f %.3f %.3f %.3f re f Q" % (x * _MM, (height - y - down) * _MM, wide * _MM, down * _MM))
