"""What a card would change of what is known: whose it is, field by field, and what must not be changed silently. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from postoffice.contacts.card import Card
from postoffice.contacts.match import plain
from postoffice.contacts.score import name_likeness
from postoffice.contacts.words import name_words
from postoffice.model.address import PostalAddress

ALIKE = 0.74


@dataclass(frozen=True, slots=True)
class Known:
    """A contact as far as a card can tell something of it."""

    id: str
    kind: str
    name: str
    company: str
    language: str
    preferred_channel: str
    external_ids: Mapping[str, str]
    attributes: Mapping[str, Any]
    tags: tuple[str, ...]
    points: Mapping[str, tuple[str, ...]]  #: channel -> values, the one to use first in front


@dataclass(frozen=True, slots=True)
class Change:
    """What a card changes. `values`: columns of the contact with their new values; `points`: (channel, value, address) to be added."""

    values: dict[str, Any] = field(default_factory=dict)
    points: tuple[tuple[str, str, PostalAddress | None], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.values or self.points)

    @property
    def fields(self) -> list[str]:
        """The names of what changes."""
        return [*self.values, *(channel for channel, _value, _address in self.points)]


class Undecided(Exception):
    """Whose card it is cannot be told. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def whose(card: Card, by_external: Sequence[Known], by_point: Sequence[Known], by_text: Known | None) -> Known | None:
    """The contact that a card tells of; None for a new one. Undecided where a person must say.

    Another program's number decides alone. An e-mail address or a number may be shared, so that the name must be alike, too.
    """
    if by_external:
        if len({one.id for one in by_external}) > 1:
            raise Undecided("import-two-numbers")
        return by_external[0]
    alike = {one.id: one for one in by_point if _may_be(card, one)}
    if len(alike) == 1:
        return next(iter(alike.values()))
    if len(alike) > 1:
        raise Undecided("import-several")
    if by_point and not card.external_ids:
        raise Undecided("import-other-name")
    if by_text and _same_numbers(card, by_text):
        return by_text
    return None


def _may_be(card: Card, known: Known) -> bool:
    return _same_numbers(card, known) and (not card.shown_name or not known.name or _alike(card, known))


def _same_numbers(card: Card, known: Known) -> bool:
    """No other program's number says that they are two."""
    return all(known.external_ids.get(system, number) == number for system, number in card.external_ids.items())


def _alike(card: Card, known: Known) -> bool:
    mine = [name_words(name) for name in (card.name, card.company) if name]
    theirs = [name_words(name) for name in (known.name, known.company) if name]
    addressed = any("@" in name for name in (known.name, card.name))
    return not mine or not theirs or addressed or max(name_likeness(a, b) for a in mine for b in theirs) >= ALIKE


def change_of(card: Card, known: Known) -> Change:
    """What the card tells that is not known yet. What it leaves empty stays; numbers, tags and attributes are added to."""
    told = {
        "name": card.shown_name if card.name or not known.name else "",
        "company": card.company,
        "kind": card.kind if card.kind != known.kind and (card.company or card.name) else "",
        "language": card.language,
        "preferred_channel": card.preferred_channel,
    }
    values: dict[str, Any] = {column: value for column, value in told.items() if value and value != getattr(known, column)}
    for column in ("external_ids", "attributes"):
        before, fresh = dict(getattr(known, column)), dict(getattr(card, column))
        if (after := before | fresh) != before:
            values[column] = after
    if not set(card.tags) <= set(known.tags):
        values["tags"] = sorted({*known.tags, *card.tags})
    return Change(values, tuple(_fresh_points(card, known)))


def _fresh_points(card: Card, known: Known) -> list[tuple[str, str, PostalAddress | None]]:
    found: list[tuple[str, str, PostalAddress | None]] = []
    places = known.points.get("post", ())
    whole = card.address and (len(card.address.lines) > 2 or not places)  # without a street it adds nothing to one that has it
    if card.address and whole and plain(" ".join(card.address.lines)) not in {plain(value) for value in places}:
        found.append(("post", ", ".join(card.address.lines)[:500], card.address))
    for channel, values in card.values().items():
        there = {value.lower() for value in known.points.get(channel, ())}
        found += [(channel, value, None) for value in values if value.lower() not in there]
    return found
