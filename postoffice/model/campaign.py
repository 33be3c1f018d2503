"""A campaign: many mailings as one. Whom it is for, what it says, when it goes, in which waves, and what was approved of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from postoffice.model.channel import Channel
from postoffice.model.mailing import Options
from postoffice.model.states import CampaignState, WaveState


class WaveKind(StrEnum):
    """What a wave is for."""

    TEST_A = "test-a"  #: the half of the sample that gets the campaign as it stands
    TEST_B = "test-b"  #: the half that gets the other one
    MAIN = "main"  #: everybody, or everybody who was not in the sample
    RECURRENCE = "recurrence"  #: one time of a recurring or triggered campaign
    FOLLOW_UP = "follow-up"  #: through another channel, to those who did not react


class RepeatKind(StrEnum):
    """How often a campaign goes."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    DATE = "date"  #: by a date that stands in the contact's attributes: a birthday, the end of a contract
    INVOICE = "first-invoice"  #: after the first invoice that went through the office
    PURCHASE = "first-purchase"  #: after the first purchase that was told


class VariantKind(StrEnum):
    """What the other half of a test gets."""

    SUBJECT = "subject"
    TEMPLATE = "template"
    CHANNEL = "channel"
    HOUR = "hour"


class Measure(StrEnum):
    """By what the winner of a test is found."""

    CLICKS = "clicks"
    CONVERSIONS = "conversions"
    UNSUBSCRIBES = "unsubscribes"  #: the fewest
    PERSON = "person"  #: somebody decides


class Rule(StrEnum):
    """When a test may stop."""

    FIXED = "fixed"  #: at its end, once
    SEQUENTIAL = "sequential"  #: as soon as it is clear, looked at as often as one likes


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it goes. `at`: wall clock, `YYYY-MM-DDTHH:MM`; empty: at once."""

    at: str = ""
    recipient_zone: bool = False  #: at that hour where each recipient lives
    spread_days: int = 1  #: in equal parts over so many days
    warm_up: int = 0  #: recipients on the first day, doubled every day; 0: no limit


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often, and for whom each time."""

    kind: RepeatKind = RepeatKind.ONCE
    days: tuple[int, ...] = ()  #: weekly: 1 Monday to 7 Sunday; monthly: the day of the month
    attribute: str = ""  #: date: name of the contact's attribute
    offset: int = 0  #: days after the date; negative: before it
    yearly: bool = True  #: date: every year on that day; otherwise only on the date itself
    until: str = ""  #: ISO date of the last time; empty: for good


@dataclass(frozen=True, slots=True)
class Test:
    """An A/B test: what B gets, how many are asked, and by which rule it ends."""

    __test__ = False  # no test of ours, whatever the collector thinks

    kind: VariantKind
    other: str  #: subject; id of a template's version; channel; hour HH:MM
    sample: int  #: recipients in each half
    hours: int = 24  #: until the decision at the latest
    rule: Rule = Rule.FIXED
    measure: Measure = Measure.CLICKS
    risk: float = 0.05  #: how often a difference may be told where there is none


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A second message through another channel to those who did not react."""

    channel: Channel
    days: int = 3


@dataclass(frozen=True, slots=True)
class Caps:
    """What the campaign may not pass. `ceiling` in millionths of the currency, 0: none; `most` 0: no cap."""

    ceiling: int = 0
    most: int = 0  #: messages of all campaigns that a contact gets ...
    within: int = 7  #: ... in so many days


#: in the place of a spreadsheet's name: it is to be one, which is yet to be brought in. Nothing goes so
AWAITED = "-"


@dataclass(frozen=True, slots=True)
class Design:
    """All that a person writes and another approves. A change of any of it is a change of the campaign."""

    name: str = ""
    version_id: str = ""  #: of the template
    segment_id: str = ""
    sheet: str = ""  #: SHA-256 of a spreadsheet, in place of a segment: another file has another name
    sheet_name: str = ""
    sheet_rows: int = 0  #: recipients in it, when it was brought
    mapping: Mapping[str, str] = field(default_factory=dict)  #: columns of the spreadsheet -> fields
    options: Options = field(default_factory=lambda: Options(channel=Channel.EMAIL))
    schedule: Schedule = field(default_factory=Schedule)
    repeat: Repeat = field(default_factory=Repeat)
    test: Test | None = None
    follow_up: FollowUp | None = None
    caps: Caps = field(default_factory=Caps)

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept in the database."""
        shape: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        shape["mapping"], shape["options"] = dict(self.mapping), self.options.as_dict()
        for name in ("schedule", "repeat", "test", "follow_up", "caps"):
            part = shape[name]
            shape[name] = None if part is None else {one.name: getattr(part, one.name) for one in fields(part)}
        shape["repeat"]["days"] = list(self.repeat.days)
        if not self.sheet_rows:  # what was approved before there was this number stays what it was
            del shape["sheet_rows"]
        return shape

    @staticmethod
    def from_dict(shape: Mapping[str, Any]) -> "Design":
        """The inverse of `as_dict`; absent keys take their defaults. ValueError on an unknown word."""
        known = {one.name for one in fields(Design)}
        given = {name: value for name, value in shape.items() if name in known}
        if "options" in given:
            given["options"] = Options.from_dict(given["options"])
        for name, kind in (("schedule", Schedule), ("repeat", Repeat), ("test", Test), ("follow_up", FollowUp), ("caps", Caps)):
            if given.get(name) is not None:
                given[name] = kind(**given[name])
            elif name in given and name not in ("test", "follow_up"):
                del given[name]
        if one := given.get("repeat"):
            given["repeat"] = Repeat(RepeatKind(one.kind), tuple(one.days), one.attribute, one.offset, one.yearly, one.until)
        if one := given.get("test"):
            words = (VariantKind(one.kind), one.other, one.sample, one.hours, Rule(one.rule), Measure(one.measure), one.risk)
            given["test"] = Test(*words)
        if one := given.get("follow_up"):
            given["follow_up"] = FollowUp(Channel(one.channel), one.days)
        return Design(**given)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it stands in the database."""

    id: str
    organisation_id: str
    state: CampaignState
    design: Design
    revision: int  #: of the design: grows with every change
    rules: Mapping[str, Any]  #: the segment's rules as they stood when it was approved or scheduled; empty before
    outcome: Mapping[str, Any]  #: of the test: winner, by, at, and the counts that it was decided on
    pause_reason: str  #: a word of the catalogue; empty unless paused
    live: bool
    created_by: str  #: an actor, as in the audit trail
    user_id: str | None  #: the person who wrote it
    created_at: datetime
    updated_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.design.name


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave: one mailing of a campaign."""

    id: str
    organisation_id: str
    campaign_id: str
    occurrence: str  #: nobody is written to twice within one: empty for all of a campaign that goes once
    kind: WaveKind
    variant: str  #: a | b: which of the two it gets
    state: WaveState
    mailing_id: str | None
    starts_at: datetime
    cursor: str  #: the last contact that was looked at, or row number of a spreadsheet
    looked_at: int
    filled: int  #: recipients in its mailing
    left_out: Mapping[str, int]  #: reason -> how many
    data: Mapping[str, Any]  #: what is particular to this wave: channel, share of the audience, days of a trigger
    created_at: datetime
    filled_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Approval:
    """What a second person said, and to exactly what."""

    id: str
    campaign_id: str
    revision: int
    fingerprint: str  #: of design, audience rules and content
    approved: bool
    actor: str
    user_id: str | None
    note: str
    at: datetime
    voided_at: datetime | None  #: a change came later


@dataclass(frozen=True, slots=True)
class Tally:
    """What came back of a campaign so far."""

    sent: int
    unsubscribed: int
    complained: int
    dead: int  #: addresses that are truly dead

    def share(self, number: int) -> float:
        """Of 1 of what was sent."""
        return number / self.sent if self.sent else 0.0
