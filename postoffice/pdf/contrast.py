"""Make a page fit for black and white before it is drawn: what is coloured or grey and must be read becomes black or white.

A threshold alone would lose grey text, join red text with the green ground under it, and blacken text on a tinted bar. So the objects
of an open page are asked for their colours and given new ones, in memory only.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from postoffice.model.finding import Box
from postoffice.pdf.document import Frame
from postoffice.pdf.engine import Page, pdfium

Colour = tuple[int, int, int]
_Sides = tuple[float, float, float, float]  # left, bottom, right, top in points of the page, or of the form around
#: objects looked at; a page with more (maps, drawings) keeps its colours
_OBJECTS = 4000
_DEPTH = 3  #: forms within forms
_MM = 72 / 25.4
_WHITE = (255, 255, 255)
_BLACK = 60  #: luminance up to which things stay black at any threshold
_PALE = 225  #: luminance from which an area is as good as paper
_DARK = 160  #: luminance of a ground below which lighter text on it is made white on black
_FAINT = 16  #: what differs less from its ground, in every part of its colour, was not meant to be seen
_LINE = 1.0 * _MM  #: areas lower or narrower are lines
_LETTER = 9.0 * _MM  #: curved shapes lower than this are letters drawn as outlines, or marks


@dataclass(frozen=True, slots=True)
class Plan:
    """What needs dots: boxes in mm as seen. `crowded`: there were too many objects to look at, so tones are where they are."""

    toned: tuple[Box, ...] = ()
    crowded: bool = False


@dataclass(slots=True)
class _Area:
    sides: _Sides
    colour: Colour
    thing: Any
    tone: int | None = None  #: what it was made, 0 or 255; None while no text was found on it


class _Found(NamedTuple):
    areas: list[_Area]
    pictures: list[_Sides]

    def toned(self) -> list[_Sides]:
        """Pictures, and areas of a middle tone without text."""
        middle = (area for area in self.areas if area.tone is None and _BLACK < luminance(area.colour) < _PALE)
        return self.pictures + [area.sides for area in middle]


def prepare(page: Page, frame: Frame) -> Plan:
    """Give the objects of an open page colours for black and white. Nothing is written to the document."""
    count = pdfium.FPDFPage_CountObjects(page)
    if count > _OBJECTS:
        return Plan(crowded=True)
    found = _look(count, lambda number: pdfium.FPDFPage_GetObject(page, number), 0)
    return Plan(tuple(frame.seen(*sides) for sides in found.toned()))


def luminance(colour: Colour) -> float:
    """0 black to 255 white, ITU-R BT.601."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _look(count: int, get: Callable[[int], Any], depth: int) -> _Found:
    """Recolour the objects of a page or a form, in the order in which they are drawn."""
    found = _Found([], [])
    for number in range(count):
        thing = get(number)
        kind = pdfium.FPDFPageObj_GetType(thing)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            _text(thing, found.areas)
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            _path(thing, found.areas)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM:
            _form(thing, found, depth)
        else:  # an image or a shading
            found.pictures.append(_sides(thing))
    return found


def _form(form: Any, found: _Found, depth: int) -> None:
    """A form's objects lie in its own coordinates: where anything in it is toned, all of it is."""
    count = min(_OBJECTS, pdfium.FPDFFormObj_CountObjects(form))
    if depth == _DEPTH or _look(count, lambda number: pdfium.FPDFFormObj_GetObject(form, number), depth + 1).toned():
        found.pictures.append(_sides(form))


_PARTS = tuple(ctypes.c_uint() for _ in range(4))
_TO_PARTS = tuple(ctypes.byref(part) for part in _PARTS)
_FLOATS = tuple(ctypes.c_float() for _ in range(4))
_TO_FLOATS = tuple(ctypes.byref(side) for side in _FLOATS)


def _colour(ask: Any, thing: Any) -> Colour | None:
    """A colour as it looks on white paper; None where it has none."""
    if not ask(thing, *_TO_PARTS):
        return None
    red, green, blue, alpha = (part.value for part in _PARTS)
    if alpha == 255:
        return red, green, blue
    return 255 - (255 - red) * alpha // 255, 255 - (255 - green) * alpha // 255, 255 - (255 - blue) * alpha // 255


def _sides(thing: Any) -> _Sides:
    if not pdfium.FPDFPageObj_GetBounds(thing, *_TO_FLOATS):
        return (0.0, 0.0, 0.0, 0.0)
    left, bottom, right, top = (side.value for side in _FLOATS)
    return left, bottom, right, top


def _is_faint(colour: Colour, below: Colour) -> bool:
    return max(abs(one - other) for one, other in zip(colour, below, strict=True)) <= _FAINT


def _text(thing: Any, areas: list[_Area]) -> None:
    """Text becomes black on white or, where it is lighter than a rather dark ground, white on black; so does its ground."""
    colour = _colour(pdfium.FPDFPageObj_GetFillColor, thing)
    if colour is None or (not areas and max(colour) <= _BLACK):
        return
    area = _below(thing, areas) if areas else None
    below = area.colour if area else _WHITE
    if _is_faint(colour, below):
        return
    tone = 0
    if area and area.tone is not None:
        tone = 255 - area.tone
    elif luminance(colour) >= luminance(below) and luminance(below) < _DARK:
        tone = 255
    pdfium.FPDFPageObj_SetFillColor(thing, tone, tone, tone, 255)
    if area and area.tone is None:
        area.tone = 255 - tone
        pdfium.FPDFPageObj_SetFillColor(area.thing, area.tone, area.tone, area.tone, 255)


def _below(thing: Any, areas: list[_Area]) -> _Area | None:
    """The topmost area below the middle of an object."""
    left, bottom, right, top = _sides(thing)
    x, y = (left + right) / 2, (bottom + top) / 2
    for area in reversed(areas):
        a, b, c, d = area.sides
        if a <= x <= c and b <= y <= d:
            return area
    return None


_MODE, _STROKE = ctypes.c_int(), ctypes.c_int()
_TO_MODE, _TO_STROKE = ctypes.byref(_MODE), ctypes.byref(_STROKE)


def _path(thing: Any, areas: list[_Area]) -> None:
    """Lines and small shapes that differ from their ground become black; areas are remembered for what is drawn on them."""
    if not pdfium.FPDFPath_GetDrawMode(thing, _TO_MODE, _TO_STROKE):
        return
    fills, strokes = bool(_MODE.value), bool(_STROKE.value)
    if strokes:
        _darken(thing, pdfium.FPDFPageObj_GetStrokeColor, pdfium.FPDFPageObj_SetStrokeColor)
    if not fills:
        return
    sides = _sides(thing)
    width, height = sides[2] - sides[0], sides[3] - sides[1]
    if min(width, height) < _LINE or (height < _LETTER and pdfium.FPDFPath_CountSegments(thing) > 6):
        _darken(thing, pdfium.FPDFPageObj_GetFillColor, pdfium.FPDFPageObj_SetFillColor)
    elif colour := _colour(pdfium.FPDFPageObj_GetFillColor, thing):
        areas.append(_Area(sides, colour, thing))


def _darken(thing: Any, ask: Any, give: Any) -> None:
    colour = _colour(ask, thing)
    if colour and luminance(colour) > _BLACK and not _is_faint(colour, _WHITE):
        give(thing, 0, 0, 0, 255)
