"""An item: one recipient's piece within a mailing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.finding import Finding, Severity
from postoffice.model.states import ItemState


@dataclass(frozen=True, slots=True)
class NewItem:
    """What cutting proposes: a run of pages with its reading. Pages count from 1."""

    first_page: int
    pages: int
    address: PostalAddress | None
    findings: tuple[Finding, ...] = ()
    email: str = ""
    mobile: str = ""
    fax: str = ""
    reference: str = ""  #: the sender's own number for this recipient or letter
    channel: Channel | None = None  #: as the document itself asks for it
    fields: Mapping[str, str] = field(default_factory=dict)  #: customer, invoice, amount (decimal), due (ISO date), ... as read
    parts: tuple[Mapping[str, Any], ...] = ()  #: the letters in one envelope, in order; see compose.together
    digest: str = ""  #: the same for the same letter to the same recipient; see compose.twins. Empty: not known

    @property
    def level(self) -> Severity | None:
        """The worst severity among the findings."""
        return worst(self.findings)


def runs_of(first_page: int, pages: int, parts: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, int], ...]:
    """(first page from 1, count) of what an item consists of, in order; (0, 1) stands for a blank page."""
    if not parts:
        return ((first_page, pages),)
    runs: list[tuple[int, int]] = []
    for part in parts:
        runs.append((part["first_page"], part["pages"]))
        runs += [(0, 1)] * part["pad"]
    return tuple(runs)


def worst(findings: tuple[Finding, ...]) -> Severity | None:
    """The worst severity among `findings`, None where there is none."""
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        if any(finding.severity is severity for finding in findings):
            return severity
    return None


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it stands in the database."""

    id: str
    organisation_id: str
    mailing_id: str
    position: int  #: from 1, in the order of the document
    first_page: int
    pages: int
    state: ItemState
    held_reason: str  #: finding code or policy word; empty unless held
    address: PostalAddress | None  #: as read, or as corrected
    address_read: PostalAddress | None  #: as read, kept beside a correction
    email: str
    mobile: str
    fax: str
    reference: str
    channel: Channel | None  #: a person's choice for this item; None: by the plan
    findings: tuple[Finding, ...]
    level: Severity | None
    contact_id: str | None
    plan: tuple[dict[str, object], ...]  #: rungs, see routing.plan
    rung: int
    delivery_id: str | None  #: the current attempt
    cost: int  #: millionths of the organisation's currency
    opened_at: datetime | None  #: first time that a person proved to be the recipient
    updated_at: datetime
    fields: Mapping[str, str] = field(default_factory=dict)  #: customer, invoice, amount (decimal), due (ISO date), ... as read
    parts: tuple[Mapping[str, Any], ...] = ()  #: the letters in one envelope, in order; empty for a single one
    digest: str = ""  #: the same for the same letter to the same recipient; see compose.twins. Empty: not known
    match: Mapping[str, Any] = field(default_factory=dict)  #: by, score, filled (from the contact); empty: nobody looked yet
    again: bool = False  #: a person said that it may go although the same letter went before

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """The pages of the document that it consists of; see `runs_of`."""
        return runs_of(self.first_page, self.pages, self.parts)

    def document_page(self, number: int) -> int:
        """The page of the document (from 1) that is page `number` (from 1) of this item; 0 for a blank one or none."""
        for first, count in self.runs:
            if number <= count:
                return first + number - 1 if first and number > 0 else 0
            number -= count
        return 0

    def own_page(self, page: int) -> int:
        """The inverse: which page of this item (from 1) a page of the document is; 0 where it is none."""
        before = 0
        for first, count in self.runs:
            if first <= page < first + count and first:
                return before + page - first + 1
            before += count
        return 0
