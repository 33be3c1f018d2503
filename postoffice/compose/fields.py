"""Fields read of every letter of a printer: where they stand or what stands around them, and what they hold."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from postoffice.compose.findings import finding
from postoffice.compose.pages import PageFacts
from postoffice.compose.rules import check_expression, parse_zone
from postoffice.compose.signs import unpacked
from postoffice.compose.values import Value, find_value
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Box, Finding

#: what a field may be called, in the order that forms offer
NAMES = ("customer", "invoice", "amount", "due", "email", "mobile", "fax", "reference")
PAGES = ("first", "last", "any")
MOST_RULES = 20
#: what an expression is tried on
_MOST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field is read: in a zone (mm), by an expression (its first group where it has one), or by both."""

    name: str  #: one of NAMES
    zone: Box | None = None
    pattern: str = ""
    page: str = "first"  #: first, last, any: on which pages of a letter
    must: bool = False  #: a letter without it is held

    def as_dict(self) -> dict[str, Any]:
        """The shape that is kept with the printer."""
        zone = list(self.zone) if self.zone else None
        return {"name": self.name, "zone": zone, "pattern": self.pattern, "page": self.page, "must": self.must}


@dataclass(frozen=True, slots=True)
class Fields:
    """What was read of one letter."""

    values: dict[str, Value] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    seen: dict[str, str] = field(default_factory=dict)  #: name -> the text that a value was looked for in


def field_rule(shape: Mapping[str, Any]) -> FieldRule:
    """A rule from its kept shape or a form. PostOfficeError bad-field says what cannot be used."""
    name, page, pattern = str(shape.get("name", "")), str(shape.get("page") or "first"), str(shape.get("pattern") or "")
    given = shape.get("zone") or None
    if name not in NAMES or page not in PAGES:
        raise _bad(f"'{name[:40]}' is no field that can be read.")
    try:
        zone = parse_zone(given if isinstance(given, str) else ",".join(str(side) for side in given)) if given else None
        pattern = check_expression(pattern) if pattern else ""
    except PostOfficeError as error:
        raise _bad(error.message) from None
    if zone is None and not pattern:
        raise _bad("A field needs a place on the page, an expression, or both.")
    return FieldRule(name, zone, pattern, page, bool(shape.get("must")))


def field_rules(shapes: Sequence[Mapping[str, Any]] | None) -> tuple[FieldRule, ...]:
    """All rules of a printer, each field once. PostOfficeError bad-field."""
    rules = tuple(field_rule(shape) for shape in shapes or ())
    if len({rule.name for rule in rules}) != len(rules) or len(rules) > MOST_RULES:
        raise _bad("Each field can be read in one way only.")
    return rules


def zones_of_fields(rules: Sequence[FieldRule]) -> tuple[Box, ...]:
    """The zones whose text the rules need of each page."""
    return tuple(dict.fromkeys(rule.zone for rule in rules if rule.zone))


def _bad(why: str) -> PostOfficeError:
    return PostOfficeError("bad-field", why, help="Draw a box on the page, or write an expression with the wanted part in brackets.")


def read_fields(pages: Sequence[PageFacts], rules: Sequence[FieldRule], zones: Sequence[Box], country: str) -> Fields:
    """The fields of one letter. `zones`: the places of `PageFacts.zones`. A field that is not found is told."""
    places = {zone: place for place, zone in enumerate(zones)}
    values: dict[str, Value] = {}
    found: list[Finding] = []
    seen: dict[str, str] = {}
    for rule in rules:
        for page in _pages_of(pages, rule):
            text = _text_of(page, rule, places)
            seen.setdefault(rule.name, text)
            value = read_field(rule, text, country)
            if value is not None:
                values[rule.name], seen[rule.name] = value, text
                break
        if rule.name not in values:
            found.append(finding("field-missing" if rule.must else "field-not-read", pages[0].page, rule.zone, rule.name))
    return Fields(values, tuple(found), seen)


def read_field(rule: FieldRule, text: str, country: str) -> Value | None:
    """The field's value in the text of its zone (or of the page); None where there is none, or none that is certain."""
    if rule.pattern:
        match = re.search(rule.pattern, text[:_MOST_TEXT], re.MULTILINE)
        text = (match[1] if match.re.groups else match[0]) or "" if match else ""
    return find_value(rule.name, text, country) if text.strip() else None


def _pages_of(pages: Sequence[PageFacts], rule: FieldRule) -> Sequence[PageFacts]:
    return {"first": pages[:1], "last": pages[-1:]}.get(rule.page, pages)


def _text_of(page: PageFacts, rule: FieldRule, places: Mapping[Box, int]) -> str:
    if rule.zone is None:
        return unpacked(page.text)
    place = places.get(rule.zone, -1)
    return page.zones[place] if 0 <= place < len(page.zones) else ""
