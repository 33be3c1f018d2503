"""Campaigns over the REST door."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from postoffice.api.shapes import Amount, Id, Input, Line, Output
from postoffice.model.campaign import Measure, RepeatKind, Rule, VariantKind, WaveKind
from postoffice.model.channel import Channel, Purpose
from postoffice.model.mailing import Ground
from postoffice.model.states import CampaignState, WaveState

_Wall = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})?$", description="wall clock, as 2026-12-01T10:00")]
_Day = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]


class CampaignSchedule(Input):
    """When it goes. `at` empty: at once."""

    at: _Wall = ""
    recipient_zone: bool = Field(False, description="at that hour where each recipient lives; else where the organisation does")
    spread_days: int = Field(1, ge=1, le=365)
    warm_up: int = Field(0, ge=0, le=100_000_000, description="recipients on the first day, doubled every day; 0: no limit")


class CampaignRepeat(Input):
    """How often, and for whom each time."""

    kind: RepeatKind = RepeatKind.ONCE
    days: list[Annotated[int, Field(ge=1, le=31)]] = Field(
        default_factory=list, max_length=31, description="weekly: 1 Monday to 7 Sunday"
    )
    attribute: Annotated[Line, Field(max_length=80)] = Field("", description="of the contacts: the date that triggers it")
    offset: int = Field(0, ge=-366, le=366, description="days after that date; negative: before it")
    yearly: bool = True
    until: _Day = ""


class CampaignTest(Input):
    """A test of two versions. `other`: subject, id of a template's version, channel or hour, by `kind`."""

    kind: VariantKind
    other: Annotated[Line, Field(min_length=1, max_length=200)]
    sample: int = Field(ge=1, le=10_000_000, description="recipients in each half, about")
    hours: int = Field(24, ge=1, le=720)
    rule: Rule = Rule.FIXED
    measure: Measure = Measure.CLICKS


class CampaignFollowUp(Input):
    """To those who did not react."""

    channel: Channel
    days: int = Field(3, ge=1, le=90)


class CampaignDesign(Input):
    """All that a campaign is. A change voids its approval."""

    name: Annotated[Line, Field(min_length=1, max_length=200)]
    template: Id | None = Field(None, description="a template; its published version of this moment is taken")
    segment: Id | None = Field(None, description="null: all contacts")
    channel: Channel = Channel.EMAIL
    purpose: Purpose = Purpose.PROMOTION
    ground: Ground = Ground.CONSENT
    per_hour: int = Field(0, ge=0, le=1_000_000, description="0: as fast as carriers take them")
    schedule: CampaignSchedule = Field(default_factory=CampaignSchedule)
    repeat: CampaignRepeat = Field(default_factory=CampaignRepeat)
    test: CampaignTest | None = None
    follow_up: CampaignFollowUp | None = None
    most: int = Field(
        0, ge=0, le=1000, description="messages of all campaigns that a contact gets in `within` days; 0: the organisation's"
    )
    within: int = Field(7, ge=1, le=366)
    ceiling: Amount = Field("0", description="what it may cost; it pauses there")


class CampaignWave(Output):
    """One wave: one mailing. `left_out`: reason -> how many."""

    kind: WaveKind
    variant: Literal["a", "b"]
    occurrence: str
    state: WaveState
    mailing: Id | None
    starts_at: datetime
    looked_at: int
    recipients: int
    left_out: dict[str, int]


class Campaign(Output):
    """A campaign. `outcome`: of its test, once it is decided."""

    id: Id
    name: str
    state: CampaignState
    revision: int
    live: bool
    design: dict[str, Any]
    pause_reason: str
    outcome: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    scheduled_at: datetime | None
    finished_at: datetime | None


class CampaignDetail(Campaign):
    """With its waves and its approvals, newest first."""

    waves: list[CampaignWave]
    approvals: list["CampaignApproval"]


class CampaignApproval(Output):
    """Who said what to exactly this (`fingerprint`: SHA-256 of it)."""

    approved: bool
    by: str
    note: str
    at: datetime
    revision: int
    fingerprint: str
    voided_at: datetime | None


class CampaignPage(Output):
    """Campaigns, newest first."""

    data: list[Campaign]
    next: str | None = Field(description="cursor of the next page; null on the last one")


class CampaignsQuery(Input):
    """What a list shows."""

    state: list[CampaignState] = Field(default_factory=list)
    limit: int = Field(50, ge=1, le=200)
    after: Annotated[Line, Field(max_length=40)] | None = Field(None, description="cursor: `next` of the page before")


class CampaignSheet(Input):
    """A spreadsheet as the audience: CSV, XLSX, XLS or ODS of up to some 700 kB; larger ones at the desk."""

    name: Annotated[Line, Field(min_length=1, max_length=200)]
    document: str = Field(description="base64", json_schema_extra={"contentEncoding": "base64"})
    mapping: dict[Line, Line] | None = Field(
        None, max_length=400, description='column -> field of the template or recipient; "": fills nothing; null: guessed'
    )


class CampaignSheetRow(Output):
    """What is wrong with a row; it gets nothing. `row` as spreadsheet programs count."""

    row: int
    code: str
    column: str
    value: str


class CampaignSheetSeen(Output):
    """What a spreadsheet is like."""

    recipients: int
    faulty: int
    mapping: dict[str, str]
    unmapped: list[str] = Field(description="fields that the template needs and no column fills")
    rows: list[CampaignSheetRow] = Field(description="the first 100 errors")


class CampaignChoice(Input):
    """What the others get."""

    winner: Literal["a", "b"]
