"""The plan of an item: the ladder of channels that it will be tried on, and why not the others. Pure: no clock, no database.

Four things decide, in this order: what a person chose for this item; the channel chosen for the mailing; the mailing's ladder (see
routing.ladder); and where nothing was chosen, the contact's wish and then the cheapest. On each step the same obstacles are looked for:
no address, a fault in the address, the suppression list, a consent that is missing or withdrawn, no carrier.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from postoffice.model.channel import Channel
from postoffice.model.mailing import Options
from postoffice.routing.ladder import CHEAPEST, FORMS, PREFERRED, Form, Step, parse

#: where nothing else decides, the first of these that reaches the recipient: cheap and quick first
BY_ITSELF = (Channel.EMAIL, Channel.POST, Channel.SMS, Channel.FAX)
_UNCHOSEN = (Step(PREFERRED), Step(CHEAPEST))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an item's recipient when it is planned."""

    reach: Mapping[Channel, str]  #: channels that have an address, with it
    unfit: Mapping[Channel, str] = field(default_factory=dict)  #: channels whose address has a fault, with the finding's code
    suppressed: frozenset[Channel] = frozenset()  #: channels whose address must not be used for this purpose
    refused: Mapping[Channel, str] = field(default_factory=dict)  #: channels that consent or law forbid, with the word: opted-out ...
    preferred: Channel | None = None  #: the contact's own wish

    @property
    def kind(self) -> tuple[Hashable, ...]:
        """All that decides: facts of the same kind give the same plan, but for where it goes."""
        reached = tuple([(channel, bool(to)) for channel, to in self.reach.items()])
        return reached, frozenset(self.unfit.items()), self.suppressed, frozenset(self.refused.items()), self.preferred


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder that can be taken."""

    channel: Channel
    carrier: str
    to: str
    why: str  #: a word of the catalogue: chosen-for-item, chosen-for-mailing, ladder, preferred, cheapest
    form: str = ""  #: a key of ladder.FORMS; empty: as the mailing's options say
    wait: timedelta = timedelta()  #: how long it is waited for before the next rung; zero: only a failure leads on

    @property
    def way(self) -> Form:
        """How the item travels."""
        return FORMS[self.form or self.channel.value]

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept on the item."""
        shape = {"channel": self.channel.value, "carrier": self.carrier, "to": self.to, "why": self.why}
        if self.form:
            shape["form"] = self.form
        return shape | ({"wait": int(self.wait.total_seconds())} if self.wait else {})

    @staticmethod
    def from_dict(shape: Mapping[str, Any]) -> "Rung":
        """The inverse of `as_dict`."""
        wait = timedelta(seconds=shape.get("wait", 0))
        return Rung(Channel(shape["channel"]), shape["carrier"], shape["to"], shape["why"], shape.get("form", ""), wait)


@dataclass(frozen=True, slots=True)
class Plan:
    """Rungs in the order of trial, and for each channel that was passed over the reason. No rung: `held` says why."""

    rungs: tuple[Rung, ...]
    passed_over: Mapping[Channel, str]
    held: str = ""

    def towards(self, reach: Mapping[Channel, str]) -> "Plan":
        """The same plan for another recipient of the same kind."""
        rungs = [Rung(rung.channel, rung.carrier, reach[rung.channel], rung.why, rung.form, rung.wait) for rung in self.rungs]
        return Plan(tuple(rungs), self.passed_over, self.held)


def options_on(rung: Rung, options: Options) -> Options:
    """The mailing's options as they are on this rung: its form of e-mail, its postage."""
    way = rung.way
    return replace(options, email_form=way.email_form or options.email_form, postage=way.postage or options.postage)


def make_plan(
    facts: Facts,
    options: Options,
    chosen: Channel | None,
    carriers: Mapping[Channel, str],
    prices: Mapping[Channel, int] | None = None,
) -> Plan:
    """The plan of one item. `chosen` is a person's choice for this item; `carriers` names the carrier of each channel; `prices` are
    those of this item by channel, for `cheapest`: where they are not told, e-mail counts as cheaper than paper, paper than SMS.

    A channel that was chosen is never silently replaced by another: where it cannot be used, the item is held and says why.
    """
    rungs: list[Rung] = []
    passed_over: dict[Channel, str] = {}
    for form, wait, why in _wanted(facts, options, chosen, prices or {}):
        closed = obstacle(form.channel, facts, carriers)
        if closed:
            passed_over.setdefault(form.channel, closed)
        else:
            word = form.word if form.word != form.channel.value else ""
            rungs.append(Rung(form.channel, carriers[form.channel], facts.reach[form.channel], why, word, wait))
    if not rungs:
        return Plan((), passed_over, held=next(iter(passed_over.values()), "no-preferred-channel"))
    return Plan(tuple(rungs), passed_over)


def _wanted(
    facts: Facts, options: Options, chosen: Channel | None, prices: Mapping[Channel, int]
) -> Iterator[tuple[Form, timedelta, str]]:
    """Forms in the order of trial, with how long each is waited for, and why it is tried."""
    none = timedelta()
    if chosen is not None:
        yield FORMS[chosen.value], none, "chosen-for-item"
    elif options.channel is not None:
        yield FORMS[options.channel.value], none, "chosen-for-mailing"
    else:
        yield from _climbed(parse(options.ladder) or _UNCHOSEN, facts, prices)


def _climbed(steps: Sequence[Step], facts: Facts, prices: Mapping[Channel, int]) -> Iterator[tuple[Form, timedelta, str]]:
    used: set[Channel] = set()
    for step in steps:
        if step.word == CHEAPEST:
            left = [channel for channel in BY_ITSELF if channel not in used]
            for channel in sorted(left, key=lambda one: (prices.get(one, 0), BY_ITSELF.index(one))):
                yield FORMS[channel.value], timedelta(), "cheapest"
        elif step.word == PREFERRED:
            if facts.preferred is not None and facts.preferred not in used:
                used.add(facts.preferred)
                yield FORMS[facts.preferred.value], step.wait, "preferred"
        else:
            used.add(FORMS[step.word].channel)
            yield FORMS[step.word], step.wait, "ladder"


def obstacle(channel: Channel, facts: Facts, carriers: Mapping[Channel, str]) -> str:
    """Why a channel cannot be taken, as a word of the catalogue; empty where it can."""
    if not facts.reach.get(channel):
        return f"no-{channel.value}-address"
    if channel in facts.unfit:
        return facts.unfit[channel]
    if channel in facts.suppressed:
        return "suppressed"
    if channel in facts.refused:
        return facts.refused[channel]
    if channel not in carriers:
        return f"no-{channel.value}-carrier"
    return ""
