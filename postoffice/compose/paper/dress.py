"""A letter as it leaves: letterhead under or over its pages, address sheet before it, inserts behind it. Runs in a child process."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postoffice.later import pikepdf
from postoffice.model.layout import LAYOUTS, Layout
from postoffice.pdf import stamp
from postoffice.pdf.document import page_count
from postoffice.pdf.typeface import Typeface

#: points of an address, the largest and the smallest that post offices read well
_LARGEST, _SMALLEST = 11.0, 7.0
#: mm from a window's edge to what is written in it: sheets move in their envelope
_INSET = 4.0
_SENDER = 6.5
#: a line takes this many times its size
_LEADING = 1.28
_MM = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Dress:
    """What every letter of a mailing wears. Paths are PDFs; `sheet`: an address sheet goes before each letter."""

    layout: str
    letterhead: Path | None = None
    over: bool = False
    inserts: tuple[Path, ...] = ()
    sheet: bool = False
    duplex: bool = False  #: for print on both sides: what is put before and behind begins on a front side, with blank backs
    sender: str = ""  #: in one line, small, above the address of an address sheet


def dress_many(letters: Sequence[bytes], addresses: Sequence[Sequence[str]], dress: Dress) -> list[bytes]:
    """Each letter (a PDF) dressed, in their order; `addresses` are the lines for each address sheet.

    Unreadable where a letterhead or an insert cannot be opened.
    """
    for path in (*dress.inserts, *((dress.letterhead,) if dress.letterhead else ())):
        page_count(path)  # says in words what is wrong with it
    return [_dressed(letter, lines, dress) for letter, lines in zip(letters, addresses, strict=True)]


def _dressed(letter: bytes, lines: Sequence[str], dress: Dress) -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(letter)) as pdf:
        if dress.letterhead is not None:
            _put_on(pdf, dress.letterhead, under=not dress.over)
        for path in dress.inserts:
            if dress.duplex and len(pdf.pages) % 2:
                stamp.add_page(pdf)
            with pikepdf.open(path) as insert:
                pdf.pages.extend(insert.pages)
        if dress.sheet and lines:
            _address_sheet(pdf, lines, LAYOUTS[dress.layout], dress)
        pdf.save(target)
    return target.getvalue()


def _put_on(pdf: pikepdf.Pdf, letterhead: Path, *, under: bool) -> None:
    """The letterhead's first page goes with the first page, its second with all others; one of a single page only with the first."""
    with pikepdf.open(letterhead) as paper:
        forms: list[tuple[Any, int]] = [(stamp.form_of(pdf, page), stamp.rotation_of(page)) for page in list(paper.pages)[:2]]
    for number in range(1, len(pdf.pages) + 1):
        place = 0 if number == 1 else 1
        if place < len(forms):
            page = stamp.make_plain(pdf, number)
            stamp.lay(page, *forms[place], under=under)


def _address_sheet(pdf: pikepdf.Pdf, lines: Sequence[str], layout: Layout, dress: Dress) -> None:
    """A sheet with the address in the window, put first."""
    page = stamp.add_page(pdf)
    face = Typeface(pdf, [*lines, dress.sender])
    stamp.write(page, face, place_address(face, lines, layout, dress.sender))
    pdf.pages.insert(0, page)
    del pdf.pages[-1]
    if dress.duplex:
        pdf.pages.insert(1, stamp.add_page(pdf))
        del pdf.pages[-1]


def place_address(face: Typeface, lines: Sequence[str], layout: Layout, sender: str = "") -> list[tuple[float, float, float, str]]:
    """(x, y of the baseline, points, text) of an address in the window, as large as it fits; the sender's line small at the top."""
    x, y, wide, high = layout.window
    room = wide - 2 * _INSET
    above = _SENDER * _MM * _LEADING + 1.0 if sender else 0.0
    widest = max(face.width(line, 1.0) for line in lines)
    size = max(_SMALLEST, min(_LARGEST, room / widest, (high - 2 * _INSET - above) / (len(lines) * _LEADING * _MM)))
    step = size * _LEADING * _MM
    top = y + max(_INSET, (high - len(lines) * step + above) / 2)
    placed = [(x + _INSET, top + step * number + 0.8 * size * _MM, size, line) for number, line in enumerate(lines)]
    # plainly smaller than the address, so that no machine takes it for a part of it (DIN 5008)
    small = min(_SENDER, 0.65 * size, room / max(0.1, face.width(sender, 1.0)))
    return ([(x + _INSET, top - 1.0, small, sender)] if sender else []) + placed
