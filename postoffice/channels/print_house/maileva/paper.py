"""A letter as Maileva's interfaces describe it: options, address lines, conflicts. Pure."""

import re
from dataclasses import dataclass
from typing import Any

from postoffice.channels.print_house.conflicts import chosen_envelope, no_such_country, no_such_postage, sheets_of
from postoffice.model.address import PostalAddress
from postoffice.model.delivery import Piece
from postoffice.model.errors import OptionConflict, Refused
from postoffice.model.mailing import Options, Postage

MAIL, REGISTERED = "mail", "registered_mail"
#: most recipients of one sending, as the descriptions of POST /recipients say
MOST_RECIPIENTS = {MAIL: 30_000, REGISTERED: 5_000}
#: sheets of one C4 envelope, the address sheet not counted
MOST_SHEETS = {MAIL: 45, REGISTERED: 44}
MOST_BYTES = 20_000_000  #: of all documents of a sending
_CHARACTERS = 38  #: of an address line; said in prose only
#: where registered mail goes: metropolitan France, Monaco and the overseas departments that its description lists
REGISTERED_COUNTRIES = frozenset({"FR", "MC", "RE", "YT", "MQ", "GP", "MF", "BL", "GF"})
#: countries whose line 6 begins with five digits
_FRENCH = frozenset({"FR"})
_POSTAGE = {Postage.ECONOMY: "ECONOMIC", Postage.STANDARD: "FAST", Postage.PRIORITY: "URGENT", Postage.REGISTERED: "FAST"}
#: which of the lines 1 to 5 the lines above the town go to: a single name is a person's, the street is line 4
_PLACES = {1: (2,), 2: (2, 4), 3: (2, 3, 4), 4: (1, 2, 3, 4), 5: (1, 2, 3, 4, 5)}
_FRENCH_TOWN = re.compile(r"\d{5} \S.*")


@dataclass(frozen=True, slots=True)
class Account:
    """What a customer chose for all sendings. `sender_lines`: printed on the envelope where there are any."""

    receipt: bool = True  #: registered mail with acknowledgement of receipt
    address_sheet: bool = False
    undelivered: bool = False  #: returned mail is scanned (registered) or told (simple)
    sender_lines: tuple[str, ...] = ()
    archive_years: int = 0
    recipients: int = 200  #: of one sending
    max_bytes: int = MOST_BYTES


def service_of(options: Options) -> str:
    """Which of the two interfaces a letter goes by."""
    return REGISTERED if options.postage is Postage.REGISTERED else MAIL


def conflicts(account: Account, options: Options, pages: int, country: str) -> list[OptionConflict]:
    """See ports.Advises."""
    service = service_of(options)
    sheets = sheets_of(options, pages)
    small = 4 if account.address_sheet else 5  # an address sheet counts in a DL envelope, and does not in a C4
    found = chosen_envelope(options, sheets, most=MOST_SHEETS[service], dl=small)
    country = country or "FR"
    if not re.fullmatch(r"[A-Z]{2}", country):
        found.append(no_such_country(country))
    elif service == REGISTERED and country not in REGISTERED_COUNTRIES:
        found.append(no_such_postage(options.postage.value, country))
    return found


def check(account: Account, piece: Piece) -> None:
    """Refused where Maileva would not take this piece, so that one bad letter does not spoil the sending of many."""
    if piece.address is None or not piece.address.lines:
        raise Refused("A letter needs a postal address", code="no-address")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", piece.key):
        raise Refused("The delivery's id cannot be a reference at Maileva", code="key")
    for problem in conflicts(account, piece.options, piece.pages.pages if piece.pages else 0, piece.address.country):
        raise Refused(problem.message, code=problem.code)
    address_of(piece.address)


def address_of(address: PostalAddress) -> dict[str, str]:
    """The fields address_line_1 to _6 and country_code. Refused, with the line's number and never its text, where one does not fit."""
    country = address.country or "FR"
    lines = [line for line in (" ".join(line.split()) for line in address.for_post) if line]
    if country not in _FRENCH and len(lines) > 2 and _names_country(lines[-1], address.town):
        lines.pop()  # Maileva prints it from the code
    if len(lines) < 2:
        raise Refused("The address has no town: Maileva needs at least a name and a town", code="EMPTY_ADDRESS_LINE_6")
    above, town = lines[:-1], lines[-1]
    if len(above) not in _PLACES:
        raise Refused(f"The address has {len(lines)} lines; Maileva takes six", code="ADDRESS_TOO_LONG")
    fields = {f"address_line_{number}": line for number, line in zip(_PLACES[len(above)], above, strict=True)}
    fields["address_line_6"] = town
    for name, line in fields.items():
        if len(line) > _CHARACTERS:
            raise Refused(f"Line {name[-1]} of the address is longer than {_CHARACTERS} characters", code=f"{name.upper()}_TOO_LONG")
        if not line.isprintable():
            raise Refused(f"Line {name[-1]} of the address holds signs that cannot be printed", code=f"{name.upper()}_WRONG_FORMAT")
    if country in _FRENCH and not _FRENCH_TOWN.fullmatch(town):
        raise Refused("The address's last line is no postcode and town", code="ADDRESS_LINE_6_WRONG_FORMAT")
    return {**fields, "country_code": country}


def _names_country(line: str, town: str) -> bool:
    if town:
        return town.casefold() not in line.casefold()
    return not any(sign.isdigit() for sign in line)


def sending_of(account: Account, options: Options, name: str, mailing_id: str) -> dict[str, Any]:
    """The body of POST /sendings."""
    registered = service_of(options) == REGISTERED
    body: dict[str, Any] = {
        "name": name,
        "custom_id": name,
        "color_printing": options.colour,
        "duplex_printing": options.duplex,
        "optional_address_sheet": account.address_sheet,
        "postage_type": _POSTAGE[options.postage],
    }
    if mailing_id:
        body["custom_data"] = mailing_id[:255]
    if registered:
        body |= {"acknowledgement_of_receipt": account.receipt, "returned_mail_scanning": account.undelivered}
        body["archiving_duration"] = account.archive_years or 3
    else:
        body |= {"treat_undelivered_mail": account.undelivered, "archiving_duration": account.archive_years}
        body["envelope_windows_type"] = "DOUBLE" if account.sender_lines else "SIMPLE"
    return body | _sender_of(account)


def _sender_of(account: Account) -> dict[str, Any]:
    if not account.sender_lines:
        return {"print_sender_address": False}
    lines = address_of(PostalAddress(account.sender_lines, country="FR"))
    return {"print_sender_address": True, **{f"sender_{name}": line for name, line in lines.items()}}


def recipient_of(piece: Piece) -> dict[str, Any]:
    """The body of POST /recipients, without its page range."""
    assert piece.address is not None
    return {"custom_id": piece.key, **address_of(piece.address)}
