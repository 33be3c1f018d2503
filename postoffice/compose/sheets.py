"""Sheets, envelopes and weight. Pure arithmetic; prices are dated data and live elsewhere. Ink weighs nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from postoffice.model.mailing import Envelope


@dataclass(frozen=True, slots=True)
class Format:
    """An envelope: its size in mm, how many sheets of 80 g it takes (address sheet and return envelope included), its own grams."""

    wide: float
    high: float
    sheets: int
    grams: float


#: Sheets by envelope: usual with French print houses (field of C6/5 and C4), C5 takes ten sheets folded once. Grams: two and a quarter
#: times its face at 80 g/m2 (C6/5), 90 (C5) and 100 (C4)
FORMATS: Mapping[Envelope, Format] = {
    Envelope.DL: Format(229, 114, 5, 5),
    Envelope.C5: Format(229, 162, 10, 8),
    Envelope.C4: Format(324, 229, 45, 17),
}
#: what AUTO chooses from, the smallest first: every print house has these two
USUAL = (Envelope.DL, Envelope.C4)
MOST_IN_DL, MOST_SHEETS = FORMATS[Envelope.DL].sheets, FORMATS[Envelope.C4].sheets
#: square metres of a sheet of A4: 0.21 x 0.297
A4_AREA = 0.06237
GSM = 80


@dataclass(frozen=True, slots=True)
class Bundle:
    """What goes into one envelope: `sheets` (address sheet and inserts included), printed `sides`, the envelope, grams in all."""

    sheets: int
    sides: int
    envelope: Envelope
    grams: int
    fits: bool  #: False: more sheets than the envelope holds


def sheets_of(pages: int, *, duplex: bool) -> int:
    """Sheets for a document: in duplex an odd last page leaves a blank back."""
    return (pages + 1) // 2 if duplex else pages


def bundle(
    pages: int,
    *,
    duplex: bool,
    envelope: Envelope = Envelope.AUTO,
    address_sheet: bool = False,
    gsm: int = GSM,
    inserts: tuple[int, ...] = (),
) -> Bundle:
    """The bundle of an item. AUTO takes the smallest envelope that holds it (C4 where none does, with `fits` False).

    `gsm`: grams a square metre of the paper; heavier paper takes more room in the same measure. `inserts`: the pages of each document
    that is put in behind; each begins on a sheet of its own.
    """
    sheets = sheets_of(pages, duplex=duplex) + address_sheet + sum(sheets_of(one, duplex=duplex) for one in inserts)
    room = sheets * max(GSM, gsm) / GSM
    chosen = envelope
    if envelope is Envelope.AUTO:
        chosen = next((one for one in USUAL if room <= FORMATS[one].sheets), USUAL[-1])
    grams = math.ceil(round(sheets * gsm * A4_AREA + FORMATS[chosen].grams, 3))
    return Bundle(sheets, pages + address_sheet + sum(inserts), chosen, grams, room <= FORMATS[chosen].sheets)
