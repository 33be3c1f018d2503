"""Sheets, envelopes and weight. Pure arithmetic; prices are dated data and live elsewhere."""

from dataclasses import dataclass

from postoffice.model.mailing import Envelope

#: sheets that fit, address sheet included (French print houses)
MOST_IN_DL, MOST_SHEETS = 5, 45
#: grams: a sheet of A4 at 80 g/m2 weighs 4.99, an envelope about 5
SHEET_GRAMS, ENVELOPE_GRAMS = 5, 5


@dataclass(frozen=True, slots=True)
class Bundle:
    """What goes into one envelope: `sheets` of paper (address sheet included), printed `sides`, the envelope, and grams in all."""

    sheets: int
    sides: int
    envelope: Envelope
    grams: int
    fits: bool  #: False: more sheets than the envelope holds


def sheets_of(pages: int, *, duplex: bool) -> int:
    """Sheets for a document: in duplex an odd last page leaves a blank back."""
    return (pages + 1) // 2 if duplex else pages


def bundle(pages: int, *, duplex: bool, envelope: Envelope = Envelope.AUTO, address_sheet: bool = False) -> Bundle:
    """The bundle of an item. AUTO takes the smallest envelope that holds it (C4 where none does, with `fits` False)."""
    sheets = sheets_of(pages, duplex=duplex) + address_sheet
    chosen = (Envelope.DL if sheets <= MOST_IN_DL else Envelope.C4) if envelope is Envelope.AUTO else envelope
    most = MOST_IN_DL if chosen is Envelope.DL else MOST_SHEETS
    return Bundle(sheets, pages + address_sheet, chosen, sheets * SHEET_GRAMS + ENVELOPE_GRAMS, sheets <= most)
