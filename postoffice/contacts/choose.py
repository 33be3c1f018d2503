"""Which of some contacts an item is for: surely, perhaps, or none. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postoffice.contacts.score import Likeness, Traits, Verdict, compare, traits_of
from postoffice.model.address import PostalAddress
from postoffice.model.item import Item

#: how a contact was found, the surest first -> the score that it gives where nothing speaks against it
ROADS: Mapping[str, float] = {"key": 1.0, "reference": 1.0, "email": 0.97, "sms": 0.95, "address": 0.0}
_OTHER_NAME = 0.5  # below this, a shared number or mailbox is another person's
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contact that an item may be for."""

    id: str
    name: str
    company: str
    addresses: tuple[PostalAddress, ...]
    roads: frozenset[str]  #: words of ROADS by which it was found


@dataclass(frozen=True, slots=True)
class Choice:
    """What a look at all candidates comes to. `contact_id` is set where it is sure; `candidates` where a person must decide."""

    contact_id: str | None = None
    by: str = ""
    score: float = 0.0
    candidates: tuple[Mapping[str, Any], ...] = ()


_NOBODY = Choice()


@dataclass(frozen=True, slots=True)
class _Judged:
    candidate: Candidate
    verdict: Verdict
    score: float
    by: str
    reasons: tuple[str, ...]


def choose(item: Item, candidates: Sequence[Candidate]) -> Choice:
    """The contact of an item. Two that are equally sure are a doubt: nothing is merged silently."""
    if not candidates:
        return _NOBODY
    traits = traits_of(item.address) if item.address and item.address.lines else None
    judged = sorted((_judge(traits, one) for one in candidates), key=lambda one: (-one.score, one.candidate.id))
    sure = [one for one in judged if one.verdict is Verdict.SAME]
    strongest = [one for one in sure if one.by in ("key", "reference")] or sure
    if len(strongest) == 1:
        return Choice(strongest[0].candidate.id, strongest[0].by, strongest[0].score)
    doubtful = [one for one in judged if one.verdict is not Verdict.OTHER][:_MOST_SHOWN]
    shown = tuple({"contact": one.candidate.id, "score": one.score, "reasons": list(one.reasons)} for one in doubtful)
    return Choice(candidates=shown)


def _judge(traits: Traits | None, one: Candidate) -> _Judged:
    likeness = _best(traits, one) if traits else None
    road = next((road for road in ROADS if road in one.roads), "address")
    reasons = [road] if road != "address" else []
    if likeness is not None:
        reasons += [word for word, part in (("name", likeness.name), ("place", likeness.place)) if part >= 0.9]
    if road == "key":
        return _Judged(one, Verdict.SAME, 1.0, road, tuple(reasons))
    if road == "address":
        found = likeness or Likeness(0, 0)
        return _Judged(one, found.verdict, found.score, road, tuple(reasons))
    score = ROADS[road]
    if likeness is not None and likeness.name < _OTHER_NAME:  # a number of somebody else, or a mailbox that people share
        return _Judged(one, Verdict.DOUBTFUL, round(0.5 + likeness.score / 4, 3), road, (*reasons, "other-name"))
    return _Judged(one, Verdict.SAME, score, road, tuple(reasons))


def _best(traits: Traits, one: Candidate) -> Likeness | None:
    """Its best address, or its name alone where it has none."""
    found = [compare(traits, traits_of(address, one.name, one.company)) for address in one.addresses]
    if found:
        return max(found, key=lambda likeness: likeness.score)
    if not one.name and not one.company:
        return None
    alone = traits_of(PostalAddress((one.name or one.company,)))
    return Likeness(compare(traits, alone).name, 0.0)
