"""Rules of a segment: a tree of JSON, checked and put in order, so that the store need not doubt it. Pure.

A node is {"all": [nodes]}, {"any": [nodes]}, {"not": node}, or a rule {"on": subject, ...}; see `rules_words` for the words:
name, company, town, postcode, country, language, kind: test, value
attribute: name, type (text, number, date), test, value or days;   tag, segment, rfm: value
created, last_purchase, first_purchase: test (before, after, is, within), value (ISO day) or days; the last two: category
event: kind, days (0: ever), times, mailing, channel;   bought: test (times, amount), at (least, most), value, days, category
consent: purpose, channel, state;   suppressed: channel ("": any);   reachable: channel;   rfm_score: measure, test, value
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

from postoffice.campaigns.rfm import Group
from postoffice.campaigns.rules_words import (
    BARE,
    CHANNELS,
    EVENTS,
    KINDS,
    LONGEST,
    MEASURES,
    MOST_DAYS,
    MOST_DEEP,
    MOST_RULES,
    MOST_TIMES,
    PURPOSES,
    STATES,
    SUBJECTS,
    TESTS,
    TEXTS,
    WITH_DAYS,
    Family,
)
from postoffice.model.errors import PostOfficeError
from postoffice.model.ids import is_id

Rule = dict[str, Any]
EVERYBODY: Rule = {"all": []}
_GROUPS = ("all", "any")


class RuleError(PostOfficeError):
    """A rule that cannot be kept. The fact `place` says which: positions from 0, "1.0" is the first rule in the second group."""

    status = 422

    @property
    def place(self) -> str:
        """Which rule is meant."""
        return str(self.facts.get("place", ""))


def checked(tree: object) -> Rule:
    """The tree in its normal form; RuleError for the first thing that is wrong."""
    made, faults = examined(tree)
    if faults:
        raise faults[0]
    return made


def examined(tree: object) -> tuple[Rule, list[RuleError]]:
    """The tree in its normal form without the rules that are wrong, and what is wrong with them."""
    walk = _Walk()
    made = walk.node(tree, "", 0)
    return (made if made is not None and any(one in made for one in _GROUPS) else {"all": [made] if made else []}), walk.faults


class _Walk:
    def __init__(self) -> None:
        self.faults: list[RuleError] = []
        self.rules = 0

    def node(self, node: object, place: str, depth: int) -> Rule | None:
        try:
            if depth > MOST_DEEP:
                raise RuleError("segment-too-deep", "Groups stand in one another too deep.", help="Take a group out.", most=MOST_DEEP)
            return self._node(node, place, depth)
        except RuleError as error:
            self.faults.append(error.__class__(error.code, error.message, help=error.help, **{**error.facts, "place": place}))
            return None

    def _node(self, node: object, place: str, depth: int) -> Rule | None:
        if not isinstance(node, Mapping):
            raise RuleError(
                "segment-no-rule", "This is no rule.", help="Write a group (all, any, not) or a rule that names its subject."
            )
        for word in _GROUPS:
            if word in node:
                before, inner = len(self.faults), self._several(node[word], place, depth)
                return {word: inner} if inner or len(self.faults) == before else None  # nothing of it is finished
        if "not" in node:
            denied = self.node(node["not"], place, depth + 1)
            return {"not": denied} if denied else None
        self.rules += 1
        if self.rules > MOST_RULES:
            raise RuleError("segment-too-many", "There are too many rules.", help="Make a segment of some of them.", most=MOST_RULES)
        return _leaf(node)

    def _several(self, nodes: object, place: str, depth: int) -> list[Rule]:
        if not isinstance(nodes, list | tuple):
            raise RuleError(
                "segment-no-rule", "This is no rule.", help="Write a group (all, any, not) or a rule that names its subject."
            )
        front = f"{place}." if place else ""
        made = [self.node(one, f"{front}{number}", depth + 1) for number, one in enumerate(nodes)]
        return [one for one in made if one]


def _leaf(node: Mapping[str, Any]) -> Rule:
    subject = str(node.get("on", ""))
    if subject not in SUBJECTS:
        raise RuleError("segment-subject", "Rules cannot speak of this.", help="Choose one of the subjects.", subject=subject[:60])
    if subject in TEXTS:
        return {"on": subject, **_text(node, TEXTS[subject], KINDS if subject == "kind" else ())}
    return {"on": subject, **_MAKERS[subject](node)}


def _word(node: Mapping[str, Any], name: str, words: Collection[str], default: str = "") -> str:
    found = str(node.get(name) or default)
    if found not in words:
        raise RuleError("segment-word", "This word is not known here.", help="Choose one of those offered.", name=name, word=found[:60])
    return found


def _filled(node: Mapping[str, Any], name: str = "value", most: int = LONGEST) -> str:
    found = " ".join(str(node.get(name) if node.get(name) is not None else "").split())
    if not found or len(found) > most or not found.isprintable():
        raise RuleError("segment-empty", "A rule is not filled in.", help="Say what it is to be compared with.", name=name)
    return found


def _text(node: Mapping[str, Any], tests: Collection[str], words: Collection[str] = ()) -> Rule:
    test = _word(node, "test", tests, "is")
    if test in BARE:
        return {"test": test}
    return {"test": test, "value": _word(node, "value", words) if words else _filled(node)}


def _number(value: object, least: float = -1e15, most: float = 1e15) -> float:
    text = str(value if value is not None else "").replace("\u202f", "").replace("\u00a0", "").replace(" ", "").replace(",", ".")
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if isinstance(value, bool) or not least <= found <= most:
        raise RuleError("segment-number", "A number is asked for here.", help="Type digits only, such as 12 or 12.5.")
    return found


def _whole(value: object, least: int, most: int) -> int:
    found = _number(value, least, most)
    if found != int(found):
        raise RuleError("segment-number", "A number is asked for here.", help="Type digits only, such as 12 or 12.5.")
    return int(found)


def _day(value: object) -> str:
    text = str(value or "").strip()
    if len(text) == 10 and text[2] == text[5] == "/":
        text = f"{text[6:]}-{text[3:5]}-{text[:2]}"
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise RuleError("segment-day", "A day is asked for here.", help="Type it as 2026-11-22.") from None


def _time(node: Mapping[str, Any], tests: Collection[str]) -> Rule:
    test = _word(node, "test", tests, "within")
    if test in BARE:
        return {"test": test}
    return (
        {"test": test, "days": _whole(node.get("days"), 1, MOST_DAYS)}
        if test in WITH_DAYS
        else {"test": test, "value": _day(node.get("value"))}
    )


def _attribute(node: Mapping[str, Any]) -> Rule:
    name = _filled(node, "name", 100)
    if '"' in name or "\\" in name:
        raise RuleError("segment-attribute", "There is no such field.", help="Choose one that contacts have.", field=name)
    kind = Family(_word(node, "type", [Family.TEXT, Family.NUMBER, Family.DAY], "text"))
    front = {"name": name, "type": kind.value}
    if kind is Family.TEXT:
        return front | _text(node, TESTS[kind])
    if kind is Family.DAY:
        return front | _time(node, TESTS[kind])
    test = _word(node, "test", TESTS[kind], "is")
    return front | ({"test": test} if test in BARE else {"test": test, "value": _number(node.get("value"))})


def _event(node: Mapping[str, Any]) -> Rule:
    mailing = str(node.get("mailing") or "")
    if mailing and not is_id(mailing):
        raise RuleError("segment-mailing", "There is no such mailing.", help="Choose one of those offered.")
    times = _whole(node.get("times") or 1, 1, MOST_TIMES)
    return {
        "kind": _word(node, "kind", EVENTS),
        "days": _whole(node.get("days") or 0, 0, MOST_DAYS),
        "times": times,
        "mailing": mailing,
    }


def _category(node: Mapping[str, Any]) -> str:
    return " ".join(str(node.get("category") or "").split())[:100]


def _bought(node: Mapping[str, Any]) -> Rule:
    test, at = _word(node, "test", ("times", "amount"), "times"), _word(node, "at", ("least", "most"), "least")
    value: float = (
        _whole(node.get("value"), 0 if at == "most" else 1, MOST_TIMES) if test == "times" else _number(node.get("value"), -1e12, 1e12)
    )
    days = _whole(node.get("days") or 0, 0, MOST_DAYS)
    return {"test": test, "at": at, "value": value, "days": days, "category": _category(node)}


def _segment(node: Mapping[str, Any]) -> Rule:
    value = str(node.get("value") or "")
    if not is_id(value):
        raise RuleError("segment-other", "There is no such segment.", help="Choose one of those offered.")
    return {"value": value}


def _score(node: Mapping[str, Any]) -> Rule:
    return {
        "measure": _word(node, "measure", MEASURES),
        "test": _word(node, "test", ("is", "over", "under"), "is"),
        "value": _whole(node.get("value"), 1, 5),
    }


_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], Rule]] = {
    "tag": lambda node: {"value": _filled(node, most=60)},
    "attribute": _attribute,
    "created": lambda node: _time(node, TESTS[Family.PAST]),
    "bought": _bought,
    "last_purchase": lambda node: _time(node, TESTS[Family.PAST]) | {"category": _category(node)},
    "first_purchase": lambda node: _time(node, TESTS[Family.PAST]) | {"category": _category(node)},
    "rfm": lambda node: {"value": _word(node, "value", list(Group))},
    "rfm_score": _score,
    "event": _event,
    "consent": lambda node: {
        "purpose": _word(node, "purpose", PURPOSES, "promotion"),
        "channel": _word(node, "channel", CHANNELS, "email"),
        "state": _word(node, "state", STATES, "given"),
    },
    "suppressed": lambda node: {"channel": _word(node, "channel", ("", *CHANNELS))},
    "reachable": lambda node: {"channel": _word(node, "channel", CHANNELS)},
    "segment": _segment,
}


def leaves(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All rules of a tree, without the groups they stand in."""
    if "on" in tree:
        return [tree]
    inner = [*tree.get("all", ()), *tree.get("any", ()), *([tree["not"]] if "not" in tree else ())]
    return [rule for one in inner for rule in leaves(one)]
