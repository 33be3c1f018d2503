"""How well somebody can be won by mail, from 0 to 100: points that are added, each of which is shown. Pure.

No opening adds anything unless the person allowed that openings are looked at; and a refusal weighs more than all curiosity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from postoffice.words import N_

WINDOW = 90  #: days within which a reaction counts
START = 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one contact. Numbers are within the last WINDOW days unless said otherwise."""

    happened: Mapping[str, int]  #: word of campaigns.rules_words.EVENTS -> how often
    bought: int = 0
    bought_ever: int = 0
    reachable: frozenset[str] = frozenset()  #: channels with a healthy address
    consents: bool = False  #: to promotion, by any channel
    may_see_openings: bool = False
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Contribution:
    """One line of the reckoning."""

    label: str  #: English, translated when shown
    points: int


#: word of an event -> label, points for the first, and the most that repeated ones come to
_REACTIONS: Mapping[str, tuple[str, int, int]] = MappingProxyType(
    {
        "replied": (N_("Answered in the last 90 days"), 15, 15),
        "clicked": (N_("Clicked in the last 90 days"), 10, 20),
        "downloaded": (N_("Took a document in the last 90 days"), 5, 5),
        "opened": (N_("Opened in the last 90 days, as allowed"), 3, 9),
        "bounced": (N_("Mail bounced in the last 90 days"), -10, -20),
        "returned": (N_("A letter came back in the last 90 days"), -10, -10),
        "complained": (N_("Complained in the last 90 days"), -50, -50),
        "opted_out": (N_("Opted out in the last 90 days"), -40, -40),
    }
)


def contributions(facts: Facts) -> list[Contribution]:
    """The lines that apply, in order; the first one is what everybody begins with."""
    lines = [Contribution(N_("Everybody begins with"), START)]
    lines += [Contribution(N_("Bought in the last 90 days"), 20)] if facts.bought else []
    lines += [Contribution(N_("Bought more than once"), 10)] if facts.bought_ever > 1 else []
    for word, (label, first, most) in _REACTIONS.items():
        times = facts.happened.get(word, 0)
        if times and (word != "opened" or facts.may_see_openings):
            lines.append(Contribution(label, max(most, first * times) if first < 0 else min(most, first * times)))
    lines += [Contribution(N_("Allows offers"), 10)] if facts.consents else []
    lines += [Contribution(N_("Has a healthy e-mail address"), 5)] if "email" in facts.reachable else []
    lines += [Contribution(N_("Cannot be reached by any channel"), -20)] if not facts.reachable else []
    lines += [Contribution(N_("Is on the suppression list"), -20)] if facts.suppressed else []
    return lines


def total(lines: list[Contribution]) -> int:
    """Their sum, within 0 and 100."""
    return max(0, min(100, sum(one.points for one in lines)))
