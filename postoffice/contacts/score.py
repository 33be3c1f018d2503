"""How surely an item's name and address are those of a contact. Pure.

Two things are compared apart, the name and the place, and both must speak for it: the same name elsewhere is another person, and so
is another name at the same door. What is nearly sure is doubtful, and a person decides.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from postoffice.contacts.words import likeness, listed, name_words, sound, street_words, tokens
from postoffice.model.address import PostalAddress

SURE_NAME, SURE_PLACE = 0.92, 0.9
DOUBTFUL_NAME, DOUBTFUL_PLACE = 0.74, 0.6
_NUMBER = re.compile(r"^(?:[A-Za-z]{0,3}\s?)?(\d{1,5})\s*(bis|ter|quater|[a-d])?\b", re.IGNORECASE)
_FIGURE = re.compile(r"\d")
_KEPT = 4_000  # addresses of a few slices: one is looked at when its item is matched, chosen for and written into the index
_POSTCODE = re.compile(r"\b([A-Z]{1,2}-)?(\d{4,5})\b")
_STREETS = listed(
    "rue avenue boulevard place chemin route impasse allee quai cours square faubourg street road strasse lane bp cs cedex "
    "lotissement residence batiment lieu zone passage promenade"
)


class Verdict(StrEnum):
    """What a comparison comes to."""

    SAME = "same"  #: sure enough to be used without asking
    DOUBTFUL = "doubtful"  #: a person decides
    OTHER = "other"  #: somebody else


@dataclass(frozen=True, slots=True)
class Traits:
    """A name and a place, taken apart to be compared. `names`: the words of each line that may be a name."""

    names: tuple[tuple[str, ...], ...]
    number: str
    street: tuple[str, ...]
    postcode: str
    town: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How two traits compare, each from 0 to 1."""

    name: float
    place: float

    @property
    def score(self) -> float:
        """One figure for lists, 0 to 1."""
        return round((self.name + self.place) / 2, 3)

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        if self.name >= SURE_NAME and self.place >= SURE_PLACE:
            return Verdict.SAME
        if self.name >= DOUBTFUL_NAME and self.place >= DOUBTFUL_PLACE:
            return Verdict.DOUBTFUL
        return Verdict.OTHER


def traits_of(address: PostalAddress, *more_names: str) -> Traits:
    """The traits of an address as it is printed: names stand over the street, the town stands last."""
    others = tuple(name for name in dict.fromkeys(more_names) if name.strip() and name != address.name)
    return _traits(address.lines, address.postcode, address.town, others)


@lru_cache(maxsize=_KEPT)
def _traits(printed: tuple[str, ...], known_postcode: str, known_town: str, more_names: tuple[str, ...]) -> Traits:
    lines = [line for line in printed if line.strip()]
    last = next((place for place in range(len(lines) - 1, 0, -1) if _POSTCODE.search(lines[place])), len(lines))
    start = next((place for place in range(1, last) if _is_street(lines[place])), min(1, len(lines)) if last <= 2 else last - 1)
    streets = [line for line in lines[start:last] if _is_street(line)] or lines[start:last]
    postcode, town = _town(lines[last] if last < len(lines) else "")
    number = next((found for line in streets if (found := _number(line))), "")
    names = {tuple(name_words(name)) for name in (*lines[:start], *more_names)}
    street = [word for line in streets for word in street_words(line) if word != number and not word.isdigit()]
    return Traits(
        tuple(sorted(name for name in names if name)),
        number,
        tuple(dict.fromkeys(street)),
        (known_postcode or postcode).upper(),
        _town_words(known_town) or _town_words(town),
    )


@lru_cache(maxsize=_KEPT)  # asked for twice of each line, and lines of a town come again and again
def _is_street(line: str) -> bool:
    return bool(_numbered(line)) or not _STREETS.isdisjoint(street_words(line))


def _numbered(line: str) -> re.Match[str] | None:
    return _NUMBER.match(line.strip()) if _FIGURE.search(line) else None  # most lines have no figure


def _number(line: str) -> str:
    found = _numbered(line)
    return f"{found[1]}{(found[2] or '').lower()[:1]}" if found else ""


def _town(line: str) -> tuple[str, str]:
    found = _POSTCODE.search(line)
    return (found[2], line[: found.start()] + " " + line[found.end() :]) if found else ("", line)


@lru_cache(maxsize=_KEPT)
def _town_words(text: str) -> tuple[str, ...]:
    return tuple([word for word in street_words(text) if word != "cedex" and not word.isdigit()])


def compare(one: Traits, other: Traits) -> Likeness:
    """Two people at two places."""
    return Likeness(_names(one.names, other.names), _places(one, other))


def _names(some: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> float:
    """The best pair of names; a shared company with two different people in it is no more than doubtful."""
    best, pair = 0.0, ((), ())  # type: tuple[float, tuple[tuple[str, ...], tuple[str, ...]]]
    for one in some:
        for other in others:
            found = name_likeness(one, other)
            if found > best:
                best, pair = found, (one, other)
    if best < DOUBTFUL_NAME or len(some) < 2 or len(others) < 2:
        return best
    rest = max((name_likeness(a, b) for a in some if a != pair[0] for b in others if b != pair[1]), default=0.0)
    return best if rest >= DOUBTFUL_NAME else min(best, 0.85)


def name_likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """Two names, whatever the order of their words; each word that only one of them has takes a little away."""
    short, long = sorted((list(one), list(other)), key=len)
    if not short:
        return 0.0
    extra, total = len(long) - len(short), 0.0
    for word in short:
        mate = max(long, key=lambda candidate: likeness(word, candidate))
        total += likeness(word, mate)
        long.remove(mate)
    whole = total / len(short) - 0.09 * extra
    return max(0.0, min(whole, 0.8) if len(short) == 1 and extra else whole)


def _places(one: Traits, other: Traits) -> float:
    postcode = _postcodes(one, other)
    town = _words(one.town, other.town)
    street = _words(one.street, other.street)
    if not one.street and not other.street and one.number == other.number:
        street = 1.0 if one.town or one.postcode else 0.0
    total = 0.35 * postcode + 0.15 * max(town, 0.7 * (postcode == 1.0)) + 0.25 * street
    if one.number == other.number:
        return total + 0.25 * (street >= 0.5)
    return min(total + 0.1 * (not one.number or not other.number), 0.75)


def _postcodes(one: Traits, other: Traits) -> float:
    if one.postcode and one.postcode == other.postcode:
        return 1.0
    slip = len(one.postcode) == len(other.postcode) and sum(a != b for a, b in zip(one.postcode, other.postcode, strict=True)) == 1
    return 0.7 if (slip or not one.postcode or not other.postcode) and _words(one.town, other.town) >= 0.9 else 0.0


def _words(some: Sequence[str], others: Sequence[str]) -> float:
    """How many of the words are shared, of the longer list."""
    if not some or not others:
        return 0.0
    short, long = sorted((list(some), list(others)), key=len)
    total = 0.0
    for word in short:
        mate = max(long, key=lambda candidate: likeness(word, candidate))
        total += likeness(word, mate)
        long.remove(mate)
    return total / (len(short) + len(long) / 2)


@lru_cache(maxsize=_KEPT)
def blocks(traits: Traits) -> frozenset[str]:
    """Short keys of which two descriptions of the same person share one, whatever single thing is misspelt: who shares none is never
    compared. At most eight for each."""
    heard = sorted({word for name in traits.names for word in name if len(word) > 1}, key=lambda word: (-len(word), word))[:3]
    codes = sorted({sound(word) for word in heard})
    found = {f"p{traits.postcode}{code}" for code in codes if traits.postcode}
    if traits.postcode and traits.number and traits.street:
        found.add(f"a{traits.postcode}-{traits.number}{sound(max(traits.street, key=len))}")
    if len(codes) >= 2 and traits.number and traits.town:
        found.add(f"n{''.join(codes[:2])}-{traits.number}{sound(traits.town[0])}")
    return frozenset(key[:80] for key in found)


def search_words(*texts: str) -> frozenset[str]:
    """The words by which a person looks for a contact."""
    return frozenset(word[:80] for text in texts for word in tokens(text) if len(word) > 1)
