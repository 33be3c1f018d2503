"""What IPP messages are made of, as plain values (RFC 8010 section 3.9, RFC 8011 section 5.1)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from postoffice.intake.ipp.words import Status, Tag


class IppError(Exception):
    """A request that cannot be served. `status` is the IPP status to answer with; the text becomes its status-message."""

    def __init__(self, message: str, status: Status = Status.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


class Range(NamedTuple):
    """rangeOfInteger."""

    low: int
    high: int


class Resolution(NamedTuple):
    """Dots per `units`: 3 is inch, 4 is centimetre."""

    across: int
    along: int
    units: int = 3


class Spoken(NamedTuple):
    """textWithLanguage or nameWithLanguage."""

    language: str
    text: str


class Value(NamedTuple):
    """One value. `data` by `tag`: int, bool, bytes, str, datetime, Range, Resolution, Spoken, a collection as a dict of name to
    list of Value, None for the out-of-band tags, the raw bytes for tags that nobody has defined yet."""

    tag: int
    data: Any


@dataclass(slots=True)
class Attribute:
    """A name and its values, at least one."""

    name: str
    values: list[Value]


@dataclass(slots=True)
class Group:
    """Attributes between two delimiters. Of two attributes with one name the first counts."""

    tag: int
    attributes: dict[str, Attribute] = field(default_factory=dict)

    def one(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """The first value of `name` where it is of this Python type, else None. Text with a language is told as its text."""
        found = self.attributes.get(name)
        if found is None:
            return None
        data = found.values[0].data
        if isinstance(data, Spoken) and kind is str:
            return data.text
        if isinstance(data, bool) and kind is int:
            return None
        return data if isinstance(data, kind) else None

    def many(self, name: str, kind: type) -> list[Any]:
        """All values of `name` that are of this Python type."""
        found = self.attributes.get(name)
        return [] if found is None else [value.data for value in found.values if isinstance(value.data, kind)]


@dataclass(slots=True)
class Message:
    """A request or a response. `code` is the operation or the status."""

    version: tuple[int, int]
    code: int
    request_id: int
    groups: list[Group] = field(default_factory=list)

    def group(self, tag: int) -> Group | None:
        """The first group with this delimiter."""
        return next((one for one in self.groups if one.tag == tag), None)


def attribute(name: str, tag: int, *data: Any) -> Attribute:
    """An attribute whose values all have one tag; without data a single out-of-band value."""
    return Attribute(name, [Value(tag, one) for one in data] or [Value(tag, None)])


def collection(**members: Value | Iterable[Value]) -> Value:
    """A collection; underscores in the members' names become hyphens."""
    return Value(
        Tag.COLLECTION,
        {name.replace("_", "-"): [given] if isinstance(given, Value) else list(given) for name, given in members.items()},
    )
