"""What a page is made of, in one pass over its objects: graphics, fonts, tiny text, thin lines, images, transparency, colour.

Made to be cheap on every page: a few calls into pdfium per object; what costs more (decoding a picture to see whether it is coloured,
asking a font for its kind) is done once per image or font of a slice of pages, and only where an object gives reason.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from postoffice.model.finding import Box
from postoffice.pdf.document import MM, Frame
from postoffice.pdf.engine import Page, pdfium
from postoffice.pdf.inside import Inside
from postoffice.pdf.raster import MOST_OBJECTS, Graphic, kind_of

#: text below this size in points cannot be read by everybody, and not on every printer
TINY = 5.0
#: a piece of text higher than this (mm) is not tiny: its size need not be asked for
_TINY_HEIGHT = 1.75
#: lines thinner than a quarter of a point break up in print (0.25 pt = 0.088 mm; a little less, for rounding)
THIN = 0.24 * MM
#: below this many dots an inch, pictures show their pixels in print
COARSE = 100.0
#: smaller pictures (mm) are rules, bullets and lines
_SMALL_PICTURE = 8.0
#: difference between the channels of a colour (0..255) from which it is told from grey
_TINT = 24
#: paths whose line widths are looked at; a page with more is a drawing
_PATHS = 300
_DEPTH = 3  #: of forms within forms
_INVISIBLE = 3  #: text render mode (ISO 32000-1, 9.3.6)
_MODULES = 144  #: of the largest DataMatrix (ISO/IEC 16022): a coarse picture as small may be a code, and is meant to be coarse


@dataclass(frozen=True, slots=True)
class Mark:
    """Something worth a remark. `kind`: font, type3, tiny, thin, coarse, transparent or colour; the box is in mm as seen.

    `text` is the font's name, the offending text, the resolution or the width, as `kind` has it.
    """

    kind: str
    box: Box
    text: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """A page's graphics (white areas left out), and its marks: at most one of a kind, per font and per picture."""

    graphics: tuple[Graphic, ...]
    marks: tuple[Mark, ...]


@dataclass(slots=True)
class Memory:
    """What was found out of the pictures of a slice of pages, so that a logo is judged once. Close it at the end."""

    path: Path
    pictures: dict[tuple[int, int, int], bool] = field(default_factory=dict)
    masks: dict[tuple[int, int, int], bool] = field(default_factory=dict)
    _inside: Inside | None = None

    @property
    def inside(self) -> Inside:
        """The document's structure; opened when first asked for."""
        if self._inside is None:
            self._inside = Inside(self.path)
        return self._inside

    def close(self) -> None:
        """Let go of the file."""
        if self._inside is not None:
            self._inside.close()


#: a, b, c, d, e, f of ISO 32000-1, 8.3.3: from the coordinates of a form to those of the page
Matrix = tuple[float, float, float, float, float, float]


def survey(page: Page, frame: Frame, index: int, pieces: Sequence[Box], memory: Memory) -> Survey:
    """Look an open page over. `index` counts from 0; `pieces` are the boxes of its text (PageText.rectangles)."""
    look = _Look(page, frame, index, memory, tiny=any(box[3] < _TINY_HEIGHT and box[2] > 1.0 for box in pieces))
    count = pdfium.FPDFPage_CountObjects(page)
    if count > MOST_OBJECTS:
        look.graphics.append(Graphic("form", (0.0, 0.0, frame.width, frame.height)))
    for number in range(min(count, MOST_OBJECTS)):
        look.at(pdfium.FPDFPage_GetObject(page, number), whole=count > MOST_OBJECTS)
    return Survey(tuple(look.graphics), tuple(look.marks.values()))


class _Look:
    """One page being looked over. Buffers for pdfium's answers are made once: a page has hundreds of objects."""

    def __init__(self, page: Page, frame: Frame, index: int, memory: Memory, *, tiny: bool) -> None:
        self.page, self.frame, self.index, self.memory, self.tiny = page, frame, index, memory, tiny
        self.graphics: list[Graphic] = []
        self.marks: dict[tuple[str, str], Mark] = {}
        self._fonts: set[int] = set()
        self._coloured = self._transparent = False
        self._paths = 0
        self._edges = [ctypes.c_float() for _ in range(4)]
        self._edge_links = [ctypes.byref(one) for one in self._edges]
        self._tones = [ctypes.c_uint() for _ in range(4)]
        self._tone_links = [ctypes.byref(one) for one in self._tones]
        self._float = ctypes.c_float()
        self._float_link = ctypes.byref(self._float)
        self._matrix = pdfium.FS_MATRIX()

    def at(self, thing: Any, *, whole: bool = False, outer: Matrix | None = None, depth: int = 0) -> None:
        """Look at one object; `outer` is the matrix of the form that it is part of, `whole`: graphics need no box of their own."""
        kind = pdfium.FPDFPageObj_GetType(thing)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            self._text(thing, outer)
        elif not self._graphic(thing, kind_of(kind), whole, outer, depth):
            return
        if not self._transparent and pdfium.FPDFPageObj_HasTransparency(thing):
            self._is_transparent(thing, outer)

    def _box(self, thing: Any, outer: Matrix | None) -> Box:
        if not pdfium.FPDFPageObj_GetBounds(thing, *self._edge_links):
            return (0.0, 0.0, 0.0, 0.0)
        left, bottom, right, top = (one.value for one in self._edges)
        if outer is not None:
            left, bottom, right, top = _carried(outer, left, bottom, right, top)
        return self.frame.seen(left, bottom, right, top)

    def _mark(self, kind: str, box: Box, text: str = "") -> None:
        self.marks.setdefault((kind, text), Mark(kind, _rounded(box), text))

    def _is_transparent(self, thing: Any, outer: Matrix | None) -> None:
        """LibreOffice and others wrap what is opaque in groups: only what shows through counts, so groups are looked into."""
        if pdfium.FPDFPageObj_GetType(thing) != pdfium.FPDF_PAGEOBJ_FORM:
            self._transparent = True
            self._mark("transparent", self._box(thing, outer))

    # --- text

    def _text(self, thing: Any, outer: Matrix | None) -> None:
        font = pdfium.FPDFTextObj_GetFont(thing)
        if font:
            address = ctypes.addressof(font.contents)
            if address not in self._fonts:
                self._fonts.add(address)
                self._font(font, thing, outer)
        if self.tiny:
            self._is_tiny(thing, outer)
        if not self._coloured and pdfium.FPDFPageObj_GetFillColor(thing, *self._tone_links) and self._is_tinted():
            self._colour(self._box(thing, outer))

    def _font(self, font: Any, thing: Any, outer: Matrix | None) -> None:
        name = _name(pdfium.FPDFFont_GetBaseFontName, font)
        if pdfium.FPDFFont_GetIsEmbedded(font) == 0:
            if pdfium.FPDFTextObj_GetTextRenderMode(thing) != _INVISIBLE:  # the text under a scan is drawn by nobody
                self._mark("font", self._box(thing, outer), name)
        elif not name:  # only Type 3 fonts need no name
            self._mark("type3", self._box(thing, outer), self.memory.inside.type3_name(self.index))

    def _is_tiny(self, thing: Any, outer: Matrix | None) -> None:
        if ("tiny", "") in self.marks or not pdfium.FPDFTextObj_GetFontSize(thing, self._float_link):
            return
        size = abs(self._float.value)
        pdfium.FPDFPageObj_GetMatrix(thing, ctypes.byref(self._matrix))
        size *= (max(abs(self._matrix.d), abs(self._matrix.b)) or 1.0) * _scale(outer)
        if not 0.05 < size < TINY or pdfium.FPDFTextObj_GetTextRenderMode(thing) == _INVISIBLE:
            return
        white = pdfium.FPDFPageObj_GetFillColor(thing, *self._tone_links) and all(tone.value > 250 for tone in self._tones[:3])
        box = self._box(thing, outer)
        if not white and box[2] > 1.0:  # a marker in white or a full stop is not there to be read
            self._mark("tiny", box)

    # --- everything else

    def _graphic(self, thing: Any, kind: str, whole: bool, outer: Matrix | None, depth: int) -> bool:
        """Whether it can be seen."""
        if not kind:
            return False
        if kind == "form":
            self._form(thing, whole, outer, depth)
            return True
        box = self._box(thing, outer)
        if kind == "path":
            seen = self._path(thing, box, outer)
            if seen and not whole:
                self.graphics.append(Graphic(kind, box))
            return seen
        if not whole:
            self.graphics.append(Graphic(kind, box))
        if kind == "image":
            self._picture(thing, box)
        elif kind == "shading" and not self._coloured and self._shows_colour(box):
            self._colour(box)
        return True

    def _form(self, thing: Any, whole: bool, outer: Matrix | None, depth: int) -> None:
        """Whole pages may be forms: what counts is what is drawn in them."""
        count = max(0, pdfium.FPDFFormObj_CountObjects(thing))
        if depth >= _DEPTH or count > MOST_OBJECTS:
            if not whole:
                self.graphics.append(Graphic("form", self._box(thing, outer)))
            return
        pdfium.FPDFPageObj_GetMatrix(thing, ctypes.byref(self._matrix))
        one = self._matrix
        inner = (one.a, one.b, one.c, one.d, one.e, one.f)
        matrix = inner if outer is None else _joined(inner, outer)
        for number in range(count):
            self.at(pdfium.FPDFFormObj_GetObject(thing, number), whole=whole, outer=matrix, depth=depth + 1)

    def _path(self, thing: Any, box: Box, outer: Matrix | None) -> bool:
        """Whether a path can be seen; its colour and its line are looked at by the way."""
        mode, stroked = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(thing, ctypes.byref(mode), ctypes.byref(stroked))
        # Google Docs and others lay wholly transparent areas under their text boxes
        filled = bool(mode.value and pdfium.FPDFPageObj_GetFillColor(thing, *self._tone_links) and self._tones[3].value)
        if filled and not self._coloured and self._is_tinted():
            self._colour(box)
        white = filled and all(tone.value == 255 for tone in self._tones[:3])
        # a pattern has no one colour: pdfium tells none
        pattern = bool(mode.value) and not filled and not pdfium.FPDFPageObj_GetFillColor(thing, *self._tone_links)
        if pattern and not self._coloured and self._shows_colour(box):
            self._colour(box)
        drawn = bool(stroked.value and pdfium.FPDFPageObj_GetStrokeColor(thing, *self._tone_links) and self._tones[3].value)
        if drawn and not self._coloured and self._is_tinted():
            self._colour(box)
        self._paths += 1
        if self._paths <= _PATHS and ("thin", "") not in self.marks:
            self._line(thing, box, _scale(outer), drawn, filled and not white)
        return drawn or pattern or (filled and not white)

    def _line(self, thing: Any, box: Box, scale: float, stroked: bool, filled: bool) -> None:
        if stroked:
            pdfium.FPDFPageObj_GetStrokeWidth(thing, self._float_link)
            pdfium.FPDFPageObj_GetMatrix(thing, ctypes.byref(self._matrix))
            scale *= max(abs(self._matrix.a), abs(self._matrix.b)) or 1.0
            width = self._float.value * scale * MM
        elif filled:
            width = min(box[2], box[3])
        else:
            return
        if width < THIN and max(box[2], box[3]) > 2.0:
            self.marks.setdefault(("thin", ""), Mark("thin", _rounded(box), f"{width:.2f} mm"))

    def _picture(self, thing: Any, box: Box) -> None:
        across, down = ctypes.c_uint(), ctypes.c_uint()
        if not pdfium.FPDFImageObj_GetImagePixelSize(thing, ctypes.byref(across), ctypes.byref(down)):
            return
        size = (across.value, down.value)
        dpi = _resolution(size, box)
        if 0 < dpi < COARSE and min(box[2:]) > _SMALL_PICTURE and max(size) > _MODULES:
            self._mark("coarse", box, f"{dpi:.0f} dpi")
        key = (*size, int(pdfium.FPDFImageObj_GetImageDataRaw(thing, None, 0)))
        if not self._coloured:
            if key not in self.memory.pictures:
                self.memory.pictures[key] = _is_coloured(thing)
            if self.memory.pictures[key]:
                self._colour(box)
        if not self._transparent:
            if key not in self.memory.masks:
                self.memory.masks[key] = self.memory.inside.has_soft_mask(self.index, size)
            if self.memory.masks[key]:
                self._transparent = True
                self._mark("transparent", box)

    def _is_tinted(self) -> bool:
        tones = [tone.value for tone in self._tones[:3]]
        return max(tones) - min(tones) > _TINT

    def _colour(self, box: Box) -> None:
        self._coloured = True
        self._mark("colour", box)

    def _shows_colour(self, box: Box) -> bool:
        """Paint a part of the page to see: shadings and patterns have no one colour."""
        from postoffice.pdf.raster import picture

        x, y = max(0.0, box[0]), max(0.0, box[1])
        width, height = min(box[2], self.frame.width - x), min(box[3], self.frame.height - y)
        return width > 0 and height > 0 and has_colour(picture(self.page, self.frame, 25, (x, y, width, height)))


def has_colour(image: Image.Image) -> bool:
    """Whether an RGB image holds more than greys."""
    red, green, blue = image.convert("RGB").split()
    spread = ImageChops.subtract(
        ImageChops.lighter(ImageChops.lighter(red, green), blue), ImageChops.darker(ImageChops.darker(red, green), blue)
    )
    return any(spread.histogram()[_TINT + 1 :])


def _is_coloured(thing: Any) -> bool:
    """Whether an image object, decoded, holds more than greys. One that cannot be decoded is taken as grey: it prints as nothing."""
    bitmap = pdfium.FPDFImageObj_GetBitmap(thing)
    if not bitmap:
        return False
    try:
        form = pdfium.FPDFBitmap_GetFormat(bitmap)
        if form not in _raw():
            return False
        across, down = pdfium.FPDFBitmap_GetWidth(bitmap), pdfium.FPDFBitmap_GetHeight(bitmap)
        stride = pdfium.FPDFBitmap_GetStride(bitmap)
        start = ctypes.cast(pdfium.FPDFBitmap_GetBuffer(bitmap), ctypes.POINTER(ctypes.c_ubyte * (stride * down)))
        image = Image.frombytes("RGB", (across, down), bytes(start.contents), "raw", _raw()[form], stride, 1)
        return has_colour(image.reduce(max(1, min(across, down) // 200)))
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)


@cache
def _raw() -> dict[int, str]:
    """Pillow's names of pdfium's colour formats."""
    return {pdfium.FPDFBitmap_BGR: "BGR", pdfium.FPDFBitmap_BGRx: "BGRX", pdfium.FPDFBitmap_BGRA: "BGRX"}


def _resolution(pixels: tuple[int, int], box: Box) -> float:
    """Dots an inch of a picture on paper, the better of its two ways to lie in its box (it may be turned)."""
    inches = (box[2] / 25.4, box[3] / 25.4)
    if min(inches) <= 0:
        return 0.0
    upright = min(pixels[0] / inches[0], pixels[1] / inches[1])
    turned = min(pixels[1] / inches[0], pixels[0] / inches[1])
    return max(upright, turned)


def _name(ask: Any, font: Any) -> str:
    size = ask(font, None, 0)
    buffer = ctypes.create_string_buffer(max(1, size))
    ask(font, buffer, size)
    return buffer.value.decode("utf-8", "replace")[:100]


def _scale(matrix: Matrix | None) -> float:
    """How much larger a form is drawn than it is."""
    return 1.0 if matrix is None else max(abs(matrix[0]), abs(matrix[1])) or 1.0


def _joined(inner: Matrix, outer: Matrix) -> Matrix:
    """The matrix of a form within a form."""
    a, b, c, d, e, f = inner
    p, q, r, s, x, y = outer
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + x, e * q + f * s + y)


def _carried(matrix: Matrix, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
    """The upright rectangle around a rectangle of a form, on the page."""
    a, b, c, d, e, f = matrix
    across = [a * x + c * y + e for x in (left, right) for y in (bottom, top)]
    down = [b * x + d * y + f for x in (left, right) for y in (bottom, top)]
    return min(across), min(down), max(across), max(down)


def _rounded(box: Box) -> Box:
    return (round(box[0], 1), round(box[1], 1), round(box[2], 1), round(box[3], 1))
