"""Rows of a file, sorted in their order: whom each one tells of, what it changes, what a person must decide. Pure.

The same person may stand in a file five times: the first row makes the contact, each of the others adds what it knows more.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from postoffice.contacts.card import Card, Reason
from postoffice.contacts.difference import Change, Known, Undecided, change_of, whose
from postoffice.contacts.keys import Key
from postoffice.model.address import PostalAddress
from postoffice.model.ids import new_id

Point = tuple[str, str, PostalAddress | None]


class Kind(StrEnum):
    """What became of a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    AGAIN = "again"  #: somebody who stands further up in the same file
    REFUSED = "refused"  #: nothing in it can be used
    CONFLICT = "conflict"  #: a person must say whom it means


@dataclass(frozen=True, slots=True)
class Incoming:
    """A row that was read. `text`: what an item with this address would be known by, see contacts.keys.card_text."""

    row: int
    card: Card
    wrong: tuple[Reason, ...]
    keys: frozenset[Key]
    text: str


@dataclass(slots=True)
class Draft:
    """A contact that will be made, or is changed: what all rows so far come to."""

    known: Known
    fresh: bool
    row: int
    text: str = ""
    before: Known | None = None
    points: list[Point] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    keys: set[Key] = field(default_factory=set)
    consents: dict[tuple[str, str], bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a row, and of whom it tells. `fields`: what it changes."""

    kind: Kind
    contact_id: str = ""
    code: str = ""
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)  #: field -> (before, after) as texts


class Sorting:
    """The rows of one piece of a file. `mine`: contacts that earlier pieces of the same file made."""

    def __init__(
        self,
        by_external: Mapping[tuple[str, str], Sequence[Known]],
        by_point: Mapping[tuple[str, str], Sequence[Known]],
        by_text: Mapping[str, Known],
        mine: Iterable[str] = (),
    ) -> None:
        self._external: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._point: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._text: dict[str, str] = {}
        self._known: dict[str, Known] = {}
        self._mine = set(mine)
        self.drafts: dict[str, Draft] = {}
        for index, found in ((self._external, by_external), (self._point, by_point)):
            for key, some in found.items():
                index[key] = [one.id for one in some]
                self._known.update((one.id, one) for one in some)
        for text, one in by_text.items():
            self._text[text] = one.id
            self._known[one.id] = one

    def place(self, row: Incoming) -> Placed:
        """Sort the next row."""
        if row.card.is_empty and row.card.address is None:
            return Placed(Kind.REFUSED, code=row.wrong[0].code if row.wrong else "import-nobody")
        try:
            known = self._whose(row)
        except Undecided as conflict:
            return Placed(Kind.CONFLICT, code=conflict.code)
        if known is None:
            return self._begin(row)
        return self._add(row, known)

    def _whose(self, row: Incoming) -> Known | None:
        external = [self._known[one] for pair in row.card.external_ids.items() for one in self._external.get(pair, ())]
        points = {
            one for channel, values in row.card.values().items() for value in values for one in self._point.get((channel, value), ())
        }
        text = self._text.get(row.text) if row.text else None
        return whose(row.card, external, [self._known[one] for one in sorted(points)], self._known[text] if text else None)

    def _begin(self, row: Incoming) -> Placed:
        card = row.card
        points: list[Point] = [(channel, value, None) for channel, values in card.values().items() for value in values]
        if card.address:
            points.insert(0, ("post", ", ".join(card.address.lines)[:500], card.address))
        places: dict[str, tuple[str, ...]] = {}
        for channel, value, _address in points:
            places[channel] = (*places.get(channel, ()), value)
        known = Known(
            new_id(),
            card.kind or "person",
            card.shown_name or (card.address.name if card.address else ""),
            card.company,
            card.language,
            card.preferred_channel,
            dict(card.external_ids),
            dict(card.attributes),
            card.tags,
            places,
        )
        text = row.text if row.text and row.text not in self._text else ""
        draft = Draft(known, True, row.row, text, None, points, {}, set(row.keys), {(p, c): given for p, c, given in card.consents})
        self.drafts[known.id] = draft
        self._index(row, known)
        return Placed(Kind.NEW, known.id)

    def _add(self, row: Incoming, known: Known) -> Placed:
        change = change_of(row.card, known)
        draft = self.drafts.get(known.id)
        again = draft is not None or known.id in self._mine
        if draft is None and (change or row.card.consents):
            draft = self.drafts[known.id] = Draft(known, False, row.row, before=known)
        if draft is not None:
            draft.consents.update({(purpose, channel): given for purpose, channel, given in row.card.consents})
        if not change:
            self._index(row, known)
            return Placed(Kind.AGAIN if again else Kind.UNCHANGED, known.id)
        assert draft is not None
        after = applied(known, change)
        draft.known = after
        draft.values.update(change.values)
        draft.points += change.points
        draft.keys |= row.keys
        self._index(row, after)
        return Placed(Kind.AGAIN if again else Kind.CHANGED, known.id, fields=told(known, after, change))

    def _index(self, row: Incoming, known: Known) -> None:
        self._known[known.id] = known
        for pair in row.card.external_ids.items():
            if known.id not in self._external[pair]:
                self._external[pair].append(known.id)
        for channel, values in row.card.values().items():
            for value in values:
                if known.id not in self._point[channel, value]:
                    self._point[channel, value].append(known.id)
        if row.text:
            self._text.setdefault(row.text, known.id)


def applied(known: Known, change: Change) -> Known:
    """A contact after a change."""
    points = dict(known.points)
    for channel, value, _address in change.points:
        points[channel] = (value, *points.get(channel, ()))
    values: dict[str, Any] = {name: tuple(value) if name == "tags" else value for name, value in change.values.items()}
    return replace(known, **values, points=points)


def told(before: Known, after: Known, change: Change) -> dict[str, tuple[str, str]]:
    """A change field by field, as texts for a page."""
    found = {name: (_text(getattr(before, name)), _text(getattr(after, name))) for name in change.values}
    for channel in {channel for channel, _value, _address in change.points}:
        found[channel] = (_text(before.points.get(channel, ())), _text(after.points[channel]))
    return found


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {part}" for name, part in value.items())[:300]
    return (", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value or ""))[:300]
