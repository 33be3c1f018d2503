"""A segment: people who have something in common, told by a tree of rules (see campaigns.rules), or kept as they once were."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class SegmentKind(StrEnum):
    """Whether a segment follows its rules or keeps the people that it once had."""

    DYNAMIC = "dynamic"  #: whoever fulfils the rules at the moment of asking
    FROZEN = "frozen"  #: those who did when it was frozen


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as it stands in the database, or one that is being edited (`id` empty)."""

    id: str
    organisation_id: str
    name: str
    rules: Mapping[str, Any]  #: JSON tree, checked by campaigns.rules
    kind: SegmentKind = SegmentKind.DYNAMIC
    origin: str = ""  #: sleepers: made by setting sleepers aside, which can be undone
    created_at: datetime | None = None
    updated_at: datetime | None = None
    filled_at: datetime | None = None  #: when a frozen one took its members
    created_by: str = ""  #: an actor, as in the audit trail
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  #: rules of the dynamic segments that its rules name, by id
    frozen: frozenset[str] = frozenset()  #: the frozen ones among those that its rules name
