"""What print houses cannot make, as failures with a code and facts; their French is in words/problems.py."""

from postoffice.model.errors import OptionConflict
from postoffice.model.mailing import Envelope, Options

DL_SHEETS = 5


def sheets_of(options: Options, pages: int) -> int:
    """Sheets of paper that so many pages take."""
    return -(-pages // 2) if options.duplex else pages


def too_many_sheets(sheets: int, most: int) -> OptionConflict:
    """More than an envelope of this house holds."""
    return OptionConflict(
        "house-sheets",
        f"{sheets} sheets are more than the {most} that this print house puts into one envelope.",
        help="Print on both sides, or split the letter.",
        sheets=sheets,
        most=most,
    )


def wrong_envelope(envelope: Envelope, sheets: int) -> OptionConflict:
    """The house chooses the envelope, and would choose another."""
    return OptionConflict(
        "house-envelope",
        f"This print house chooses the envelope by the number of sheets: {sheets} do not go into {envelope.value.upper()}.",
        help="Leave the envelope to the print house.",
        sheets=sheets,
        envelope=envelope.value.upper(),
    )


def no_such_postage(postage: str, country: str) -> OptionConflict:
    """The postage does not exist for that country."""
    return OptionConflict(
        "house-postage",
        f"This print house has no {postage} mail to {country}.",
        help="Choose another postage, or another way for this recipient.",
        postage=postage,
        country=country,
    )


def no_such_country(country: str) -> OptionConflict:
    """The house does not post to that country."""
    return OptionConflict(
        "house-country",
        f"This print house does not post to {country}.",
        help="Choose another way for this recipient.",
        country=country,
    )


def too_many_pages(pages: int, most: int) -> OptionConflict:
    """More pages than the house takes in one letter."""
    return OptionConflict(
        "house-pages",
        f"{pages} pages are more than the {most} that this print house takes in one letter.",
        help="Split the letter.",
        pages=pages,
        most=most,
    )


def no_duplex_choice() -> OptionConflict:
    """A service that is printed on one side only."""
    return OptionConflict("house-duplex", "This print house does not print this on both sides.", help="Print on one side.")


def chosen_envelope(options: Options, sheets: int, *, most: int, dl: int = DL_SHEETS) -> list[OptionConflict]:
    """For houses that choose by the number of sheets: up to `dl` a small envelope, then a large one up to `most`."""
    if sheets > most:
        return [too_many_sheets(sheets, most)]
    fits = {Envelope.AUTO: True, Envelope.DL: sheets <= dl, Envelope.C4: sheets > dl}.get(options.envelope, False)
    return [] if fits else [wrong_envelope(options.envelope, sheets)]
