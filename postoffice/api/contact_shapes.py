"""What travels over the REST door about contacts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from postoffice.api.shapes import Id, Input, Line, Output
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Means

Email = Annotated[Line, Field(max_length=254)]
Number = Annotated[Line, Field(max_length=40)]
System = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,20}$")]
ExternalId = Annotated[Line, Field(min_length=1, max_length=58)]


class PostalAddress(Input):
    """A postal address: lines as printed on the envelope, the name in the first."""

    lines: list[Annotated[Line, Field(min_length=1, max_length=200)]] = Field(min_length=2, max_length=7)
    postcode: Line = Field("", max_length=20)
    town: Line = Field("", max_length=100)
    country: str = Field("", pattern=r"^([A-Z]{2})?$")


class ContactChange(Input):
    """What is known of a contact. Absent fields stay as they are; lists take the place of those that were there."""

    kind: Literal["person", "company"] = "person"
    name: Line = Field("", max_length=300)
    company: Line = Field("", max_length=300)
    language: str = Field("", pattern=r"^([a-z]{2})?$")
    preferred_channel: Channel | None = None
    addresses: list[PostalAddress] = Field(default_factory=list, max_length=20)
    emails: list[Email] = Field(default_factory=list, max_length=20)
    mobiles: list[Number] = Field(default_factory=list, max_length=20)
    faxes: list[Number] = Field(default_factory=list, max_length=20)
    external_ids: dict[System, ExternalId] = Field(default_factory=dict, description="a program's name -> its number for this contact")
    attributes: dict[Annotated[Line, Field(max_length=100)], JsonValue] = Field(default_factory=dict, max_length=200)
    tags: list[Annotated[Line, Field(min_length=1, max_length=60)]] = Field(default_factory=list, max_length=100)


class Point(Output):
    """An address with its health."""

    channel: Channel
    value: str
    lines: list[str] = Field(description="of a postal address")
    health: str = Field(description="good, doubtful or dead")
    health_reason: str
    health_at: datetime | None


class Contact(Output):
    """A person or a company."""

    id: Id
    kind: str
    name: str
    company: str
    language: str
    preferred_channel: Channel | None
    points: list[Point]
    external_ids: dict[str, str]
    attributes: dict[str, Any]
    tags: list[str]
    merged_into: Id | None = Field(description="the contact that stands for this one")
    erased: bool = Field(description="the person was forgotten: nothing but this id is left")
    page: str = Field(description="address of its page at the desk")
    created_at: datetime
    updated_at: datetime


class ContactPage(Output):
    """Contacts, the ones that were changed first in front."""

    data: list[Contact]
    next: str = Field(
        description="cursor: what was changed after this page, now or later. A change may be told twice, never not at all"
    )
    more: bool = Field(description="whether the next page has something already")


class ContactsQuery(Input):
    """Which contacts: those changed since a cursor, or those that fit a search."""

    since: Annotated[Line, Field(max_length=80)] | None = Field(None, description="cursor: `next` of an earlier answer")
    search: Annotated[Line, Field(max_length=200)] = Field("", description="words of a name or town, an e-mail address, a number")
    tag: Annotated[Line, Field(max_length=60)] = ""
    system: System | None = Field(None, description="with `number`: the contact that this program knows by it")
    number: ExternalId | None = None
    limit: int = Field(100, ge=1, le=500)


class Removal(Input):
    """Why a contact is erased."""

    reason: Annotated[Line, Field(min_length=3, max_length=40)] = Field(description="for the audit trail; no personal data")


class Erased(Output):
    """What is kept of an erased contact, as numbers."""

    id: Id
    letters_blanked: int
    letters_under_way: int
    consents: int
    suppressions: int


class ConsentChange(Input):
    """A consent given or withdrawn."""

    purpose: Purpose | Literal["*", "tracking_open", "tracking_click"] = Field(description="* for all")
    channel: Channel | Literal["*"] = Field("*", description="* for all")
    given: bool
    means: Means = Means.API
    proof: dict[Annotated[Line, Field(max_length=60)], Annotated[Line, Field(max_length=500)]] = Field(
        default_factory=dict, max_length=20, description="text shown (its hash and version), form, address of the page ..."
    )


class Consent(Output):
    """A line of the ledger."""

    purpose: str
    channel: str
    given: bool
    at: datetime
    means: str
    proof: dict[str, Any]


class Consents(Output):
    """A contact's ledger, oldest first, and what it comes to: {purpose: {channel: true, false or null for nothing said}}."""

    data: list[Consent]
    standing: dict[str, dict[str, bool | None]]


class MergeRequest(Input):
    """Which contact this one shall stand for from now on."""

    gone: Id
    reason: Line = Field("", max_length=300)


class Merged(Output):
    """A merge, by whose id it can be undone."""

    merge_id: Id
    contact: Contact
