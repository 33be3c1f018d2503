"""What the fax carriers share: numbers, and the item's pages as a fax machine takes them."""

import asyncio
import re
import textwrap
from datetime import datetime

import phonenumbers

from postoffice.channels.kind import Label
from postoffice.channels.pages import pdf_of
from postoffice.model.delivery import Piece
from postoffice.model.errors import PostOfficeError, Refused, TryLater
from postoffice.model.ports import Workshop
from postoffice.pdf.tiff import FaxLook, fax_share, fax_tiff_bytes, joined

_TO, _FROM, _PAGES, _ABOUT = Label("To", "À"), Label("From", "De"), Label("Pages", "Pages"), Label("Subject", "Objet")

#: a document of at least so many pages is drawn by two children of the workshop at a time
_LONG = 12
#: letters of a line at the foot, which is drawn large enough to be typed off
_ACROSS = 105


def parsed(to: str) -> phonenumbers.PhoneNumber:
    """An E.164 number. Refused where it is none that can exist; the address is not called dead: a person may have mistyped it."""
    try:
        number = phonenumbers.parse(to, None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not re.fullmatch(r"\+\d{6,15}", to) or not phonenumbers.is_possible_number(number):
        raise Refused("This is no fax number that can be dialled", code="number")
    return number


def dialled(to: str, *, country: str, prefix: str, international: str) -> str:
    """What a modem dials for an E.164 number from a telephone in `country` (ISO), behind `prefix`, which fetches the line.

    In the country: the national number with its trunk digit; elsewhere `international` and the country code. Refused as `parsed`.
    """
    number = parsed(to)
    if number.country_code == phonenumbers.country_code_for_region(country):
        national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        return prefix + re.sub(r"\D", "", national)
    return f"{prefix}{international}{to[1:]}"


async def tiff_of(piece: Piece, workshop: Workshop | None, look: FaxLook) -> tuple[bytes, int]:
    """The item as TIFF for fax, and its pages. Refused where it cannot be made, TryLater where the store is in trouble."""
    pdf = await pdf_of(piece)
    try:
        if workshop is None:  # a test, or a tool: nothing else waits
            return fax_tiff_bytes(pdf, look)
        if piece.pages is None or piece.pages.pages < _LONG:
            return await workshop.run(fax_tiff_bytes, pdf, look)
        return await in_shares(pdf, workshop, look)
    except PostOfficeError as error:
        raise Refused(error.message, code=error.code) from error
    except OSError as error:
        raise TryLater(f"The pages cannot be drawn now ({type(error).__name__})") from error


async def in_shares(pdf: bytes, workshop: Workshop, look: FaxLook) -> tuple[bytes, int]:
    """A long document as TIFF for fax, drawn by two children at a time, and its pages."""
    halves = await asyncio.gather(*(workshop.run(fax_share, pdf, look, number, 2) for number in range(2)))
    return joined(halves, look)


def header_of(piece: Piece, station: str, now: datetime) -> str:
    """The line at the top of each page: who sends, from which number, when, and which page (as most countries ask for)."""
    name = " ".join(piece.sender_name.replace("{", "(").replace("}", ")").split())[:60]
    moment = now.strftime("%d/%m/%Y %H:%M") if piece.language == "fr" else now.strftime("%Y-%m-%d %H:%M")
    return "   ".join(part for part in (name, station, moment, "p. {page}/{pages}") if part)


def cover_of(piece: Piece, station: str, now: datetime) -> tuple[str, ...]:
    """The lines of a cover page."""
    pages = piece.pages.pages if piece.pages else 0
    rows = (
        (_TO, piece.address.name if piece.address else "", piece.to),
        (_FROM, piece.sender_name, station),
        (_ABOUT, piece.subject, ""),
        (_PAGES, f"1 + {pages}", now.strftime("%d/%m/%Y" if piece.language == "fr" else "%Y-%m-%d")),
    )
    lines = [
        f"{label.fr if piece.language == 'fr' else label.en}: {'   '.join(part for part in parts if part)}"
        for label, *parts in rows
        if any(parts)
    ]
    return ("FAX", "", *(" ".join(line.split()) for line in lines), "", *piece.text.splitlines())


def foot_of(piece: Piece) -> tuple[str, ...]:
    """The lines at the foot of the last page: what an offer must say of how to stop offers, never more than fits across."""
    return tuple(textwrap.wrap(piece.foot, _ACROSS, break_long_words=True, break_on_hyphens=False))
