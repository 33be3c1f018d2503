"""What a print job asks for: its name, who sent it, and the job template attributes that become the mailing's options."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from postoffice.intake.ipp.attributes import COLOUR_MODES, COMPRESSIONS, CREATION, FORMATS, OCTETS, SCALINGS, SIDES, short
from postoffice.intake.ipp.media import SIZES
from postoffice.intake.ipp.values import Attribute, Group, IppError, Message, Range, Value, attribute
from postoffice.intake.ipp.words import Status, Tag
from postoffice.model.mailing import NewMailing, Options, Source
from postoffice.model.ports import PrinterCard

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")  # PostgreSQL refuses a NUL, and a name is one line
_EVERY_PAGE = 9_999  # programs that mean "all pages" send 1-2147483647, or up to the last page that they think possible

#: values that a job may ask for; a name of CREATION without an entry takes any value
_CHECKS: dict[str, Callable[[Value], bool]] = {
    "copies": lambda value: isinstance(value.data, int) and 1 <= value.data <= 999,
    "finishings": lambda value: value.data == 3,
    "job-sheets": lambda value: value.data == "none",
    "media": lambda value: value.data in SIZES,
    "media-col": lambda value: isinstance(value.data, dict),
    "number-up": lambda value: value.data == 1,
    "orientation-requested": lambda value: value.data in (3, 4, 5, 6) or value.tag == Tag.NO_VALUE,
    "output-bin": lambda value: value.data == "face-up",
    "page-ranges": lambda value: isinstance(value.data, Range) and value.data.low <= 1 and value.data.high >= _EVERY_PAGE,
    "print-color-mode": lambda value: value.data in COLOUR_MODES,
    "print-quality": lambda value: value.data in (3, 4, 5),
    "print-scaling": lambda value: value.data in SCALINGS,
    "sides": lambda value: value.data in SIDES,
}

_WHOLE = "This printer sends at once what it gets, and takes whole documents only: make a PDF of the pages that you want first."


@dataclass(frozen=True, slots=True)
class Ticket:
    """A print job's wishes, checked."""

    new: NewMailing
    compression: str  #: none, gzip or deflate
    ignored: tuple[Attribute, ...]  #: for the unsupported-attributes group


def read_ticket(message: Message, card: PrinterCard) -> Ticket:
    """The ticket of a Print-Job, Validate-Job or Create-Job. IppError where it must be refused as a whole."""
    operation = message.groups[0]
    job = message.group(Tag.JOB) or Group(Tag.JOB)
    compression, format = read_document_attributes(operation)
    ignored = tuple(_unsupported(job))
    fidelity = operation.one("ipp-attribute-fidelity", bool) or job.one("ipp-attribute-fidelity", bool)
    if card.automatic and any(one.name == "page-ranges" for one in ignored):
        raise Unsupported(_WHOLE, ignored)  # elsewhere a person sees all pages before anything is sent
    if ignored and fidelity:
        raise Unsupported("Some of what this job asks for is not offered by this printer.", ignored)
    new = NewMailing(
        organisation_id=card.organisation_id,
        source=Source.PRINTER,
        name=_line(operation.one("job-name", str) or job.one("job-name", str) or operation.one("document-name", str)) or "-",
        layout=card.layout,
        split_rule=card.split_rule,
        options=_options(job, card.options),
        automatic=card.automatic,
        printer_id=card.id,
        user_id=card.user_id,
        live=card.live,
        media_type=format,
        sender_name=sender(operation),
    )
    return Ticket(new, compression, ignored)


class Unsupported(IppError):
    """The job asks for something that it may not go without. `attributes` are what is not offered."""

    def __init__(self, message: str, attributes: tuple[Attribute, ...]) -> None:
        super().__init__(message, Status.ATTRIBUTES_NOT_SUPPORTED)
        self.attributes = attributes


def read_document_attributes(operation: Group) -> tuple[str, str]:
    """Compression and document format of a request that may carry a document; IppError where we cannot take them."""
    compression = operation.one("compression", str) or "none"
    if compression not in COMPRESSIONS:
        raise IppError("Documents may be compressed with gzip or deflate.", Status.COMPRESSION_NOT_SUPPORTED)
    format = (operation.one("document-format", str) or OCTETS).partition(";")[0].strip().lower()
    check_format(format)
    return compression, format


def check_format(format: str) -> None:
    """IppError for a media type that is not offered."""
    if format not in FORMATS:
        raise IppError("This printer takes PDF, PostScript, JPEG, PWG and URF raster.", Status.FORMAT_NOT_SUPPORTED)


def sender(operation: Group) -> str:
    """requesting-user-name as told; it proves nothing, and Windows often tells a wrong one."""
    return _line(operation.one("requesting-user-name", str))


def _line(text: str | None) -> str:
    return short(_CONTROL.sub(" ", text or "").strip(), 255)


def _unsupported(job: Group) -> list[Attribute]:
    found = []
    for one in job.attributes.values():
        if one.name not in CREATION:
            found.append(attribute(one.name, Tag.UNSUPPORTED))
        elif (check := _CHECKS.get(one.name)) and not all(check(value) for value in one.values):
            found.append(one)
    return found


def _options(job: Group, standing: Options) -> Options:
    """The printer's own options, with what the job says of sides, colour and cost centre."""
    options = standing
    sides = job.one("sides", str)
    if sides in SIDES:
        options = replace(options, duplex=sides != SIDES[0])
    mode = job.one("print-color-mode", str)
    if mode in ("color", "monochrome"):
        options = replace(options, colour=mode == "color")
    account = _line(job.one("job-account-id", str))  # job-accounting-user-id is the log-in name: CUPS always fills it in
    return replace(options, cost_centre=account) if account else options
