"""A delivery: one attempt to get an item to its recipient by one channel through one carrier, and what carriers exchange with us."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.mailing import Options
from postoffice.model.states import DeliveryState, EventKind


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with an e-mail. `name` is already safe for a header."""

    name: str
    media_type: str
    content: bytes
    cid: str = ""  #: the name by which the HTML shows it (`cid:NAME`); empty: a file of its own


@dataclass(frozen=True, slots=True)
class Pages:
    """The item's pages: where they lie, and a way to have them as a PDF of their own.

    Cutting is lazy because most carriers of links never need the bytes.
    """

    document: str  #: SHA-256 of the whole mailing's PDF
    first_page: int  #: from 1
    pages: int
    pdf: Callable[[], Awaitable[bytes]]  #: the item's own PDF; may raise PostOfficeError
    #: several items' pages one after the other in one PDF; they must be of the same document. None: it cannot be had
    together: "Callable[[Sequence[Pages]], Awaitable[bytes]] | None" = None


@dataclass(frozen=True, slots=True)
class Piece:
    """What is handed to a carrier: complete, so that a carrier asks nobody anything."""

    key: str  #: the delivery id: the idempotency key, the same at every retry
    organisation_id: str
    channel: Channel
    to: str  #: e-mail address, mobile or fax number in E.164; the name for post
    address: PostalAddress | None  #: set for post
    sender: str  #: e-mail address, number or name that the message comes from
    sender_name: str
    purpose: Purpose
    language: str  #: "fr" or "en"
    subject: str = ""
    text: str = ""  #: SMS body, e-mail text part, fax cover
    html: str = ""
    pages: Pages | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  #: more e-mail headers, checked for line breaks
    options: Options = field(default_factory=Options)
    reply_to: str = ""
    position: int = 0  #: of the item in its mailing; print houses sort by it
    mailing_id: str = ""
    foot: str = ""  #: what stands at the foot of a fax's last page: how its recipient stops offers


@dataclass(frozen=True, slots=True)
class Receipt:
    """A carrier's yes. `reference` is its own name for the piece (empty where it gives none); `cost` in millionths."""

    key: str
    reference: str = ""
    cost: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of news about a delivery, in our vocabulary. `key` or `reference` says which delivery is meant."""

    kind: EventKind
    at: datetime  #: when it happened, by the teller's clock, aware
    key: str = ""
    reference: str = ""
    code: str = ""  #: the teller's code, raw
    text: str = ""  #: the teller's words, raw
    address_dead: bool = False  #: the address itself is to blame and stays so
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proof:
    """A document that a carrier sends back about a piece."""

    content: bytes
    media_type: str = "application/pdf"


@dataclass(frozen=True, slots=True)
class Knock:
    """A request at a carrier's webhook door, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]  #: names in lower case
    query: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands in the database."""

    id: str
    organisation_id: str
    mailing_id: str
    item_id: str
    batch_id: str | None
    rung: int
    channel: Channel
    carrier: str
    state: DeliveryState
    attempt: int  #: how often it was marked `sending`
    to: str
    reference: str
    cost: int
    error: str  #: last reason in words
    code: str
    not_before: datetime | None
    created_at: datetime
    handed_over_at: datetime | None
    ended_at: datetime | None
    wait: timedelta = timedelta()  #: how long the recipient is waited for before the next rung; zero: only a failure leads on
