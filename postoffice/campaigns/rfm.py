"""Recency, frequency, amount: scores from 1 to 5 by quintiles, and the ten groups that they name. Pure.

Of each customer count purchases up to the reference date in the organisation's currency: when the last one was (recency), how many
there were (frequency; a refund is none), and what they came to with refunds taken off (amount). The score is
1 + 5 * (customers who are strictly worse) // (all customers): whoever has the same value has the same score, so that quintiles are of
unequal size where many are alike, and chance decides nothing. Who never bought has no scores and belongs to no group.

The groups are the usual 5 x 5 map of recency against the mean of frequency and amount, rounded up.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from postoffice.words import N_


class Group(StrEnum):
    """The ten groups, the best first."""

    CHAMPIONS = "champions"
    LOYAL = "loyal"
    POTENTIAL = "potential"
    NEW = "new"
    PROMISING = "promising"
    ATTENTION = "attention"
    SLEEPY = "sleepy"
    RISK = "risk"
    CANNOT_LOSE = "cannot_lose"
    LOST = "lost"


#: group -> its name, and what to do about it
NAMES: Mapping[Group, tuple[str, str]] = MappingProxyType(
    {
        Group.CHAMPIONS: (N_("Champions"), N_("Bought lately, buy often and most: thank them, let them see novelties first.")),
        Group.LOYAL: (N_("Loyal"), N_("Buy regularly: offer more of what they like, ask for their opinion.")),
        Group.POTENTIAL: (N_("Potential loyalists"), N_("Bought lately and more than once: invite them to stay.")),
        Group.NEW: (N_("New customers"), N_("Bought for the first time just now: help them to begin.")),
        Group.PROMISING: (N_("Promising"), N_("Bought lately, but little: make yourself known.")),
        Group.ATTENTION: (N_("Need attention"), N_("Middling in everything: a limited offer brings them back.")),
        Group.SLEEPY: (N_("About to sleep"), N_("Bought little and not lately: remind them soon.")),
        Group.RISK: (N_("At risk"), N_("Bought often, but long ago: write to them in person.")),
        Group.CANNOT_LOSE: (N_("Cannot lose them"), N_("Were among the best and are gone: call them.")),
        Group.LOST: (N_("Hibernating or lost"), N_("Bought little and long ago: write seldom, or let them rest.")),
    }
)

#: row: recency 1 to 5; column: mean of frequency and amount 1 to 5
MAP: Sequence[Sequence[Group]] = (
    (Group.LOST, Group.LOST, Group.RISK, Group.RISK, Group.CANNOT_LOSE),
    (Group.LOST, Group.LOST, Group.RISK, Group.RISK, Group.CANNOT_LOSE),
    (Group.SLEEPY, Group.SLEEPY, Group.ATTENTION, Group.LOYAL, Group.LOYAL),
    (Group.PROMISING, Group.POTENTIAL, Group.POTENTIAL, Group.LOYAL, Group.LOYAL),
    (Group.NEW, Group.POTENTIAL, Group.POTENTIAL, Group.CHAMPIONS, Group.CHAMPIONS),
)


def score(worse: int, customers: int) -> int:
    """1 to 5 from how many customers have a strictly worse value."""
    return 1 + 5 * worse // customers


def group(recency: int, frequency: int, monetary: int) -> Group:
    """The group of three scores from 1 to 5."""
    return MAP[recency - 1][(frequency + monetary + 1) // 2 - 1]
