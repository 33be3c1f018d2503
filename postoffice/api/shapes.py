"""What travels over the REST door, as pydantic models: the API's description is made of them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Severity
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import EmailForm, Envelope, Ground, LinkProof, Postage, Source
from postoffice.model.people import Right, Role
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.routing.ladder import parse, written


def _plain(text: str) -> str:
    if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in text):
        raise ValueError("control characters are not allowed")
    return text


def _one_line(text: str) -> str:
    if any(ord(letter) < 32 for letter in text):
        raise ValueError("line breaks and control characters are not allowed")
    return text


def _known_layout(name: str) -> str:
    if name not in LAYOUTS:
        raise ValueError(f"must be one of {', '.join(LAYOUTS)}")
    return name


def _readable_ladder(text: str) -> str:
    try:
        return written(parse(text))
    except PostOfficeError as problem:
        raise ValueError(f"{problem.message} {problem.help}") from None


Line = Annotated[str, AfterValidator(_one_line)]
Text = Annotated[str, AfterValidator(_plain)]
Ladder = Annotated[str, AfterValidator(_readable_ladder)]
Id = Annotated[str, Field(pattern=r"^[0-9a-z]{26}$")]
Layout = Annotated[str, AfterValidator(_known_layout), Field(json_schema_extra={"enum": list(LAYOUTS)})]
Amount = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", description="exact decimal, in the currency's main unit")]


class Input(BaseModel):
    """Base of what callers send: an unknown field is an error that names it."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """Base of what the office answers."""

    model_config = ConfigDict(from_attributes=True)


class OptionsChange(Input):
    """Options to change; those that are absent stay as they are (the printer's, or the mailing's)."""

    channel: Channel | None = Field(None, description="null: by what is known of each recipient")
    purpose: Purpose = Purpose.OTHER
    postage: Postage = Postage.STANDARD
    envelope: Envelope = Envelope.AUTO
    colour: bool = False
    duplex: bool = True
    email_form: EmailForm = EmailForm.LINK
    subject: Line = Field("", max_length=200)
    message: Text = Field("", max_length=4000)
    send_at: AwareDatetime | None = None
    cost_centre: Line = Field("", max_length=100)
    ladder: Ladder = Field("", max_length=500, description="steps by which each item is tried: email-link 3d > sms-link 2d > post")
    plan: Line = Field("", max_length=80, description="name of a saved plan, in place of `ladder`")
    ground: Ground = Field(Ground.CONSENT, description="on what ground promotion goes to persons; kept in the audit trail")
    not_after: AwareDatetime | None = Field(None, description="what no carrier has by then fails")
    per_hour: int = Field(0, ge=0, le=1_000_000, description="items handed over an hour at most; 0: as fast as it goes")
    duplicates: bool = Field(True, description="hold what went to the same recipient in the last 30 days")
    proof: LinkProof = Field(LinkProof.AUTO, description="what recipients type behind a secure link")


class MailingOptions(Output):
    """What was chosen for all items of a mailing."""

    channel: Channel | None
    purpose: Purpose
    postage: Postage
    envelope: Envelope
    colour: bool
    duplex: bool
    email_form: EmailForm
    subject: str
    message: str
    send_at: datetime | None
    cost_centre: str
    ladder: str = Field(description="steps by which each item is tried where `channel` is null; empty: by what is known of it")
    plan: str
    ground: Ground
    not_after: datetime | None
    per_hour: int
    duplicates: bool
    proof: LinkProof


class Submission(Input):
    """What to do with a document. The part `options` of a multipart request, in front of the part `file`."""

    name: Line = Field("", max_length=255, description="as people will see it; the file's name where empty")
    printer: Id | None = Field(None, description="id of the printer whose settings are used")
    layout: Layout | None = Field(None, description="where the address stands")
    split_rule: Line | None = Field(None, max_length=500, description="auto, address, pages:N, marker, ... (see README)")
    options: OptionsChange = Field(default_factory=OptionsChange)
    send: bool | Literal["auto"] = Field(False, description="send as soon as it is read, where nothing speaks against it")


class SmallSubmission(Submission):
    """The same with a small document in it. Large ones go as multipart/form-data, which is streamed."""

    document: str = Field(description="base64", json_schema_extra={"contentEncoding": "base64"})


class Finding(Output):
    """What a check found. Pages count from 1 within the whole document; the box is x, y, width, height in mm from the top left."""

    code: str
    severity: Severity
    page: int | None
    box_mm: list[float] | None
    text: str
    help: str


class Failure(Output):
    """Why a mailing could not be read."""

    code: str
    message: str
    help: str
    facts: dict[str, Any] = Field(default_factory=dict)


class Mailing(Output):
    """A submission."""

    id: Id
    number: int
    name: str
    state: MailingState
    source: Source
    live: bool
    automatic: bool
    printer_id: Id | None
    layout: str
    split_rule: str
    options: MailingOptions
    pages: int
    pages_read: int
    items: int
    findings: list[Finding]
    error: Failure | None
    page: str = Field(description="address of its page at the desk")
    created_at: datetime
    received_at: datetime | None
    ready_at: datetime | None
    sent_at: datetime | None
    finished_at: datetime | None


class MailingDetail(Mailing):
    """A submission with what became of it."""

    counts: dict[ItemState, int] = Field(description="items by state; states without items are left out")
    cost: Amount
    currency: str


class MailingPage(Output):
    """Mailings, newest first."""

    data: list[Mailing]
    next: str | None = Field(description="cursor of the next page; null on the last one")


class Address(Output):
    """A postal address: lines as printed, and what the reader made of them (empty where it could not)."""

    lines: list[str]
    postcode: str
    town: str
    country: str
    fitted: list[str] = Field(default_factory=list, description="the lines within the post's limits, where those printed are not")


class Item(Output):
    """One recipient's piece."""

    id: Id
    mailing_id: Id
    position: int
    first_page: int
    pages: int
    state: ItemState
    held_reason: str
    address: Address | None
    address_read: Address | None = Field(description="as read from the page, kept beside a correction")
    email: str
    mobile: str
    fax: str
    reference: str
    channel: Channel | None
    level: Severity | None = Field(description="the worst of its findings")
    findings: list[Finding]
    plan: list[dict[str, Any]]
    rung: int
    cost: Amount
    fields: dict[str, str] = Field(description="as read: customer, invoice, amount (decimal), due (ISO date), purpose")
    parts: list[dict[str, Any]] = Field(description="the letters that share this envelope, in order; empty for a single one")
    opened_at: datetime | None = Field(description="first time that a person proved to be the recipient")
    updated_at: datetime


class ItemPage(Output):
    """Items of a mailing, in the order of the document."""

    data: list[Item]
    next: str | None = Field(description="cursor of the next page; null on the last one")


class ItemChange(Input):
    """A correction; what is absent stays as it is, an empty text empties."""

    address_lines: list[Annotated[Line, Field(max_length=200)]] | None = Field(None, max_length=12)
    channel: Channel | None = Field(None, description="null: by the plan")
    email: Annotated[Line, Field(max_length=320)] | None = None
    mobile: Annotated[Line, Field(max_length=40)] | None = None
    fax: Annotated[Line, Field(max_length=40)] | None = None
    reference: Annotated[Line, Field(max_length=200)] | None = None
    held: Literal[False] | None = Field(None, description="false: release a held item as it is")
    excluded: bool | None = Field(None, description="true: leave it out of the mailing; false: take it in again")


class Event(Output):
    """One line of a timeline. `code` and `text` are the teller's own."""

    id: Id
    kind: EventKind
    source: str
    at: datetime
    recorded_at: datetime
    code: str
    text: str
    delivery_id: Id | None


class Timeline(Output):
    """What happened to an item, oldest first."""

    data: list[Event]


class QuoteRequest(Input):
    """Options to price; those that are absent are taken from the mailing."""

    options: OptionsChange = Field(default_factory=OptionsChange)


class SendRequest(QuoteRequest):
    """How to send."""

    more: bool = Field(False, description="send what was released or included since the mailing was sent")


class QuoteLine(Output):
    """Items of one length by one channel."""

    channel: Channel
    pages: int
    items: int
    price: Amount = Field(description="of one item")


class Problem(Output):
    """A failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="stable word for programs")
    help: str = Field(description="what to do next")
    facts: dict[str, Any] | None = None
    fields: list[dict[str, str]] | None = Field(None, description="of an invalid request: field and message")


class Quote(Output):
    """What sending would cost."""

    items: int = Field(description="that would be sent")
    held: int = Field(description="that need a person first and would stay")
    unreached: int = Field(description="items without an address for the channel: they would wait and cost nothing")
    total: Amount
    currency: str
    sheets: int
    lines: list[QuoteLine]
    problems: list[Failure]
    later: Amount = Field(description="what all later steps of the plan would cost at most, beside `total`")
    leaves: date | None = Field(description="day on which paper leaves its print house, where its hours are known")


class Cancelled(Output):
    """How many items were stopped; those that a carrier has already go on, but by no other way: `ladders` of them might have."""

    items: int
    ladders: int
    mailing: Mailing


class Printer(Output):
    """A virtual printer."""

    id: Id
    name: str
    layout: str
    split_rule: str
    options: MailingOptions
    automatic: bool
    live: bool
    accepting: bool


class Printers(Output):
    """All printers, oldest first."""

    data: list[Printer]


class Organisation(Output):
    """The company that sends."""

    id: Id
    name: str
    language: str
    timezone: str
    currency: str


class Me(Output):
    """Whose key this is and what it may do."""

    key_id: Id
    name: str
    prefix: str
    live: bool
    role: Role
    rights: list[Right]
    organisation: Organisation


class MailingsQuery(Input):
    """Which mailings."""

    state: list[MailingState] = Field(default_factory=list)
    printer: Id | None = None
    after: Annotated[Line, Field(max_length=40)] | None = Field(None, description="cursor: `next` of the page before")
    limit: int = Field(50, ge=1, le=200)


class ItemsQuery(Input):
    """Which items."""

    state: list[ItemState] = Field(default_factory=list)
    level: list[Severity] = Field(default_factory=list)
    search: Annotated[Line, Field(max_length=200)] = Field("", description="part of a name, a reference or an e-mail address")
    after: Annotated[Line, Field(max_length=40)] | None = Field(None, description="cursor: `next` of the page before")
    limit: int = Field(50, ge=1, le=200)


class PdfQuery(Input):
    """How to hand out a document."""

    download: bool = False


def amount(micros: int) -> str:
    """Millionths as an exact decimal."""
    return f"{Decimal(micros).scaleb(-6).normalize():f}" if micros else "0"
