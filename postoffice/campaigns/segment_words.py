"""Rules as one sentence in the reader's language: "Contacts who bought in the last 90 days and who have no tag “vip”". Pure.

"Not" is carried down to the rules, each of which can be said both ways: nobody has to read "not (a or not b)".
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from postoffice.campaigns.rfm import NAMES, Group
from postoffice.model.channel import Purpose
from postoffice.words import N_, Words

Rule = Mapping[str, Any]
Names = Mapping[str, str]  #: ids of segments and mailings -> what they are called

_WHOSE = {
    "name": N_("whose name"),
    "company": N_("whose company"),
    "town": N_("whose town"),
    "postcode": N_("whose postcode"),
    "country": N_("whose country"),
    "language": N_("whose language"),
    "created": N_("whose first entry here"),
    "last_purchase": N_("whose last purchase"),
    "first_purchase": N_("whose first purchase"),
    "recency": N_("whose recency score"),
    "frequency": N_("whose frequency score"),
    "monetary": N_("whose amount score"),
}
#: test -> said of what it finds, said of all others
_TESTS = {
    "is": (N_("{whose} is {value}"), N_("{whose} is not {value}")),
    "contains": (N_("{whose} contains {value}"), N_("{whose} does not contain {value}")),
    "starts": (N_("{whose} starts with {value}"), N_("{whose} does not start with {value}")),
    "empty": (N_("{whose} is empty"), N_("{whose} is filled in")),
    "over": (N_("{whose} is at least {value}"), N_("{whose} is not {value} or more")),
    "under": (N_("{whose} is at most {value}"), N_("{whose} is not {value} or less")),
    "before": (N_("{whose} is before {value}"), N_("{whose} is not before {value}")),
    "after": (N_("{whose} is after {value}"), N_("{whose} is not after {value}")),
    "within": (N_("{whose} was {span}"), N_("{whose} was not {span}")),
    "ahead": (N_("{whose} is within {span}"), N_("{whose} is not within {span}")),
}
_TURNED = {"is_not": "is", "filled": "empty"}
_EVENTS = {
    "sent": (N_("who were sent mail"), N_("who were not sent mail")),
    "delivered": (N_("who got mail delivered"), N_("who got no mail delivered")),
    "opened": (N_("who opened mail and allow that it is seen"), N_("who are not known to have opened mail")),
    "clicked": (N_("who clicked"), N_("who did not click")),
    "downloaded": (N_("who took a document"), N_("who took no document")),
    "replied": (N_("who answered"), N_("who did not answer")),
    "returned": (N_("who had a letter come back"), N_("who had no letter come back")),
    "bounced": (N_("whose mail bounced"), N_("whose mail did not bounce")),
    "complained": (N_("who complained"), N_("who did not complain")),
    "opted_out": (N_("who opted out"), N_("who did not opt out")),
}
_BOUGHT = (N_("who bought"), N_("who did not buy"))
_BOUGHT_BY = {
    ("times", "least"): (N_("who bought at least {value} times"), N_("who bought less than {value} times")),
    ("times", "most"): (N_("who bought at most {value} times"), N_("who bought more than {value} times")),
    ("amount", "least"): (N_("who bought for at least {value}"), N_("who bought for less than {value}")),
    ("amount", "most"): (N_("who bought for at most {value}"), N_("who bought for more than {value}")),
}
_CONSENT = {
    "given": (N_("who allow {purpose} by {channel}"), N_("who do not allow {purpose} by {channel}")),
    "withdrawn": (N_("who refused {purpose} by {channel}"), N_("who did not refuse {purpose} by {channel}")),
    "never": (N_("who never said anything about {purpose} by {channel}"), N_("who said something about {purpose} by {channel}")),
}
TRACKING = {"tracking_open": N_("seeing who opens"), "tracking_click": N_("seeing who clicks")}
_PAIRS = {
    "tag": (N_("who have the tag {value}"), N_("who do not have the tag {value}")),
    "person": (N_("who are persons"), N_("who are not persons")),
    "company": (N_("who are companies"), N_("who are not companies")),
    "suppressed": (N_("who are on the suppression list"), N_("who are not on the suppression list")),
    "suppressed_by": (N_("who are on the suppression list for {channel}"), N_("who are not on the suppression list for {channel}")),
    "reachable": (N_("who can be reached by {channel}"), N_("who cannot be reached by {channel}")),
    "segment": (N_("who are in the segment {value}"), N_("who are not in the segment {value}")),
    "rfm": (N_("who belong to the group {value}"), N_("who do not belong to the group {value}")),
}


def sentence(words: Words, rules: Rule, names: Names) -> str:
    """The whole tree as a sentence without a full stop. `names`: of the segments and mailings that it names."""
    told = _Teller(words, names).tell(rules, no=False, around=None)
    return words.gettext("Contacts {who}", who=told) if told else words.gettext("All contacts")


def purpose_word(words: Words, purpose: str) -> str:
    """What somebody allows, in the reader's language."""
    return words.gettext(TRACKING[purpose]) if purpose in TRACKING else words.word(Purpose(purpose))


class _Teller:
    def __init__(self, words: Words, names: Names) -> None:
        self.words, self.names = words, names
        self._ = words.gettext

    def tell(self, rule: Rule, *, no: bool, around: bool | None) -> str:
        if "not" in rule:
            return self.tell(rule["not"], no=not no, around=around)
        if "all" in rule or "any" in rule:
            together = ("all" in rule) is not no
            parts = [one for one in (self.tell(part, no=no, around=together) for part in rule.get("all", rule.get("any", ()))) if one]
            if not parts and not together:  # nobody is in "one of nothing"
                return self._("who do not exist (an empty group)")
            text = self._joined(parts, together=together)
            return f"({text})" if around is not None and around is not together and len(parts) > 1 else text
        return self._leaf(rule, no)

    def _joined(self, parts: list[str], *, together: bool) -> str:
        if len(parts) < 2:
            return "".join(parts)
        last = self._("{first} and {last}") if together else self._("{first} or {last}")
        return last.format(first=", ".join(parts[:-1]), last=parts[-1])

    def _leaf(self, rule: Rule, no: bool) -> str:
        subject = rule["on"]
        made: Callable[[Rule, bool], str] | None = getattr(self, f"_{subject}", None)
        if made is not None:
            return made(rule, no)
        if subject in _PAIRS:
            return self._pair(_PAIRS[subject], no, value=self._quoted(rule.get("value", "")), channel=self._channel(rule))
        return self._compared(self._(_WHOSE[subject]), rule, no, quoted=True) + self._of(rule)

    def _pair(self, pair: tuple[str, str], no: bool, **facts: object) -> str:
        return self._(pair[no], **facts)

    def _quoted(self, text: object) -> str:
        return f"«\u00a0{text}\u00a0»" if self.words.language == "fr" else f"“{text}”"

    def _channel(self, rule: Rule) -> str:
        return self.words.channel(rule["channel"]) if rule.get("channel") else ""

    def _compared(self, whose: str, rule: Rule, no: bool, *, quoted: bool) -> str:
        test = rule["test"]
        if test in _TURNED:
            test, no = _TURNED[test], not no
        return self._pair(_TESTS[test], no, whose=whose, value=self._value(rule, quoted), span=self._span(rule))

    def _value(self, rule: Rule, quoted: bool) -> str:
        value = rule.get("value", "")
        if isinstance(value, int | float):
            return self.words.number(value)
        if (
            rule["test"] in ("before", "after")
            or rule.get("type") == "date"
            or rule["on"] in ("created", "last_purchase", "first_purchase")
        ):
            return self.words.date(date.fromisoformat(value)) if value else ""
        return self._quoted(value) if quoted else str(value)

    def _span(self, rule: Rule) -> str:
        days = int(rule.get("days") or 0)
        if not days:
            return ""
        if rule.get("test") == "ahead":
            return self.words.ngettext("the next day", "the next {n} days", days)
        return self.words.ngettext("in the last day", "in the last {n} days", days)

    def _of(self, rule: Rule) -> str:
        return " " + self._("of the category {category}", category=self._quoted(rule["category"])) if rule.get("category") else ""

    def _attribute(self, rule: Rule, no: bool) -> str:
        return self._compared(self._("whose field {field}", field=self._quoted(rule["name"])), rule, no, quoted=True)

    def _kind(self, rule: Rule, no: bool) -> str:
        return self._pair(_PAIRS[rule["value"]], no)

    def _suppressed(self, rule: Rule, no: bool) -> str:
        return self._pair(_PAIRS["suppressed_by" if rule.get("channel") else "suppressed"], no, channel=self._channel(rule))

    def _segment(self, rule: Rule, no: bool) -> str:
        name = self.names.get(rule["value"], self._("(removed)"))
        return self._pair(_PAIRS["segment"], no, value=self._quoted(name))

    def _rfm(self, rule: Rule, no: bool) -> str:
        group, _advice = NAMES[Group(rule["value"])]
        return self._pair(_PAIRS["rfm"], no, value=self._quoted(self._(group)))

    def _rfm_score(self, rule: Rule, no: bool) -> str:
        measure = rule["measure"]
        return self._compared(self._(_WHOSE[measure]), rule, no, quoted=False)

    def _consent(self, rule: Rule, no: bool) -> str:
        purpose = self._quoted(purpose_word(self.words, rule["purpose"]))
        return self._pair(_CONSENT[rule["state"]], no, purpose=purpose, channel=self._channel(rule))

    def _event(self, rule: Rule, no: bool) -> str:
        parts = [self._pair(_EVENTS[rule["kind"]], no)]
        if rule.get("channel"):
            parts.append(f"({self._channel(rule)})")
        if rule.get("times", 1) > 1:
            parts.append(self._("at least {n} times", n=rule["times"]))
        if rule.get("mailing"):
            parts.append(self._("in the mailing {name}", name=self._quoted(self.names.get(rule["mailing"], self._("(removed)")))))
        return " ".join([*parts, *([self._span(rule)] if rule.get("days") else [])])

    def _bought(self, rule: Rule, no: bool) -> str:
        test, at, value = rule["test"], rule["at"], rule["value"]
        if test == "times" and (at, value) in (("least", 1), ("most", 0)):
            text = self._pair(_BOUGHT, no is (at == "least"))
        else:
            said = self.words.money(round(value * 1_000_000)) if test == "amount" else self.words.number(value)
            text = self._pair(_BOUGHT_BY[test, at], no, value=said)
        return text + self._of(rule) + (" " + self._span(rule) if rule.get("days") else "")
