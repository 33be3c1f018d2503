"""A mailing: one submission (a print job, an upload, an API call, a file in a folder) and what was chosen for it."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from postoffice.model.channel import Channel, Purpose
from postoffice.model.clicks import ClickMode
from postoffice.model.finding import Finding
from postoffice.model.states import MailingState


class Source(StrEnum):
    """The door that a mailing came in by."""

    PRINTER = "printer"  #: the virtual printer (IPP)
    UPLOAD = "upload"  #: the desk's upload page
    API = "api"  #: REST
    FOLDER = "folder"  #: a watched folder
    TRIAL = "trial"  #: `postoffice try` and the newcomer's button
    CAMPAIGN = "campaign"  #: one wave of a campaign


class Postage(StrEnum):
    """How fast, and with what proof, paper travels."""

    ECONOMY = "economy"
    STANDARD = "standard"
    PRIORITY = "priority"
    REGISTERED = "registered"


class Envelope(StrEnum):
    """What the sheets go into."""

    AUTO = "auto"  #: the smallest that fits
    DL = "dl"  #: C6/5, 1 to 5 sheets
    C5 = "c5"  #: 1 to 10 sheets, folded once; not every print house has it
    C4 = "c4"  #: 6 to 45 sheets


class Together(StrEnum):
    """Which letters of a mailing share an envelope."""

    NO = ""  #: none
    ADDRESS = "address"  #: those with the same address
    CUSTOMER = "customer"  #: those with the same address and customer number


class EmailForm(StrEnum):
    """How the letter travels in an e-mail."""

    LINK = "link"  #: behind a secure link
    ATTACHMENT = "attachment"  #: as a PDF in the e-mail


class LinkProof(StrEnum):
    """What a recipient types behind a secure link. What is not known of an item gives way to the first that is."""

    AUTO = ""  #: the first that is known: postcode, reference, address of the message itself
    EMAIL = "email"  #: their e-mail address; weak: whoever forwards the message knows it
    POSTCODE = "postcode"
    REFERENCE = "reference"  #: their customer number
    CODE = "code"  #: a code sent at that moment, by another road than the link's where one is known: for what is confidential


class Ground(StrEnum):
    """On what ground prospecting goes to persons; nothing else needs one. What the sender claims is kept with the mailing."""

    CONSENT = "consent"  #: each has given it: the ledger says so
    CUSTOMERS = "customers"  #: existing customers of similar products, who could object
    COMPANIES = "companies"  #: companies at their professional addresses, who could object


@dataclass(frozen=True, slots=True)
class Insert:
    """A document that is put behind each letter, by its SHA-256 and its pages (sheets and postage follow from them)."""

    document: str
    pages: int


@dataclass(frozen=True, slots=True)
class Options:
    """What the sender chose for all items of a mailing. `channel` None: by what is known of each recipient."""

    channel: Channel | None = Channel.POST
    purpose: Purpose = Purpose.OTHER
    postage: Postage = Postage.STANDARD
    envelope: Envelope = Envelope.AUTO
    colour: bool = False
    duplex: bool = True
    email_form: EmailForm = EmailForm.LINK
    subject: str = ""  #: of e-mails; the mailing's name where empty
    message: str = ""  #: a few lines above the link; a standard text where empty
    send_at: datetime | None = None  #: not before; aware, UTC
    ground: Ground = Ground.CONSENT
    ladder: str = ""  #: where `channel` is None: steps by which each item is tried, see routing.ladder; empty: preferred > cheapest
    plan: str = ""  #: name of the saved plan that `ladder` comes from; until it is sent, the plan's text of that moment counts
    not_after: datetime | None = None  #: what no carrier has by then ends as failed; aware, UTC
    per_hour: int = 0  #: items handed over an hour; 0: as fast as carriers take them
    duplicates: bool = True  #: hold letters that went to the same recipient in the last 30 days
    cost_centre: str = ""
    together: Together = Together.NO  #: letters to one recipient in one envelope
    gsm: int = 80  #: grams a square metre of the paper: the weight and so the postage follow from it
    address_sheet: bool = False  #: a sheet with the address before each letter, on paper only
    letterhead: str = ""  #: SHA-256 of a PDF laid under the pages: its first page under first pages, its last under the others
    letterhead_over: bool = False  #: over the pages instead of under them
    inserts: tuple[Insert, ...] = ()  #: put behind each letter
    proof: LinkProof = LinkProof.AUTO
    clicks: ClickMode = ClickMode.OFF  #: what is known of clicks on the links of its own words
    carry_pictures: bool = False  #: the pictures of its template travel within each mail; otherwise the portal shows them
    sheet_codes: bool = False  #: a DataMatrix on each sheet for the inserter, where the print house takes files

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept in the database and used by the API."""
        shape: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            shape[one.name] = value.isoformat() if isinstance(value, datetime) else value
        shape["inserts"] = [{"document": one.document, "pages": one.pages} for one in self.inserts]
        return shape

    @staticmethod
    def from_dict(shape: dict[str, Any]) -> "Options":
        """The inverse of `as_dict`; absent keys take their defaults. ValueError on an unknown word."""
        given = {key: value for key, value in shape.items() if key in _NAMES}
        for key, kind in _KINDS.items():
            if key in given:
                given[key] = kind(given[key])
        if given.get("channel"):
            given["channel"] = Channel(given["channel"])
        elif "channel" in given:
            given["channel"] = None
        if "inserts" in given:
            given["inserts"] = tuple(Insert(str(one["document"]), int(one["pages"])) for one in given["inserts"])
        for key in ("send_at", "not_after"):
            if isinstance(given.get(key), str):
                given[key] = datetime.fromisoformat(given[key])
        return Options(**given)


_NAMES = frozenset(one.name for one in fields(Options))
_KINDS: dict[str, type[StrEnum]] = {
    "purpose": Purpose,
    "postage": Postage,
    "envelope": Envelope,
    "email_form": EmailForm,
    "ground": Ground,
    "together": Together,
    "proof": LinkProof,
    "clicks": ClickMode,
}


@dataclass(frozen=True, slots=True)
class NewMailing:
    """What a door knows when it opens a mailing."""

    organisation_id: str
    source: Source
    name: str  #: job or file name, as the sender wrote it (personal data: never logged)
    layout: str = "fr"  #: a key of model.layout.LAYOUTS
    split_rule: str = "address"  #: see compose.rules
    options: Options = field(default_factory=Options)
    automatic: bool = False  #: send without waiting where nothing speaks against it
    printer_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    live: bool = True  #: False: stops at the sandbox carriers whatever is configured
    media_type: str = ""  #: as told by the sender; the bytes decide
    sender_name: str = ""  #: requesting-user-name of a print job, as told


@dataclass(frozen=True, slots=True)
class Mailing:
    """A mailing as it stands in the database."""

    id: str
    number: int  #: small and growing per organisation; the job-id of a print job
    organisation_id: str
    source: Source
    name: str
    state: MailingState
    layout: str
    split_rule: str
    options: Options
    automatic: bool
    live: bool
    printer_id: str | None
    user_id: str | None
    api_key_id: str | None
    document: str | None  #: SHA-256 of the PDF that the items are pages of
    original: str | None  #: SHA-256 of the bytes as they came in
    original_size: int
    media_type: str
    pages: int
    pages_read: int
    items: int
    findings: tuple[Finding, ...]
    error: dict[str, Any] | None  #: code, message, help, facts of the failure
    sender_name: str
    created_at: datetime
    received_at: datetime | None
    ready_at: datetime | None
    sent_at: datetime | None
    finished_at: datetime | None
    fields: tuple[dict[str, Any], ...] | None = None  #: rules that read fields of this mailing; None: its printer's
    kept: str | None = None  #: SHA-256 of what was read of its pages, for cutting anew without reading again
    cuts: dict[str, Any] = field(default_factory=dict)  #: proposals, which one was taken, what can be undone; see compose.proposals
    fixes: tuple[dict[str, Any], ...] = ()  #: what was mended in the document, in order: {word, pages, before, after, at, by}
