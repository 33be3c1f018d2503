"""The plan of an item: the ladder of channels that it will be tried on, and why not the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from postoffice.model.channel import Channel
from postoffice.model.mailing import Options

#: where nothing else decides, the first of these that reaches the recipient: cheap and quick first
BY_ITSELF = (Channel.EMAIL, Channel.POST, Channel.SMS, Channel.FAX)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an item's recipient when it is planned."""

    reach: Mapping[Channel, str]  #: channels that have an address, with it
    unfit: Mapping[Channel, str] = field(default_factory=dict)  #: channels whose address has a fault, with the finding's code
    suppressed: frozenset[Channel] = frozenset()  #: channels whose address must not be used for this purpose
    preferred: Channel | None = None  #: the contact's own wish


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder."""

    channel: Channel
    carrier: str
    to: str
    why: str  #: a word of the catalogue: chosen-for-item, chosen-for-mailing, preferred, cheapest

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept on the item."""
        return {"channel": self.channel.value, "carrier": self.carrier, "to": self.to, "why": self.why}


@dataclass(frozen=True, slots=True)
class Plan:
    """Rungs in the order of trial, and for each channel that was passed over the reason. No rung: `held` says why."""

    rungs: tuple[Rung, ...]
    passed_over: Mapping[Channel, str]
    held: str = ""


def make_plan(facts: Facts, options: Options, chosen: Channel | None, carriers: Mapping[Channel, str]) -> Plan:
    """The plan of one item. `chosen` is a person's choice for this item; `carriers` names the carrier of each channel.

    A channel that was chosen is never silently replaced by another: where it cannot be used, the item is held and says why.
    """
    wanted, why = _wanted(facts, options, chosen)
    passed_over: dict[Channel, str] = {}
    for channel in wanted:
        obstacle = _obstacle(channel, facts, carriers)
        if obstacle:
            passed_over[channel] = obstacle
        else:
            return Plan((Rung(channel, carriers[channel], facts.reach[channel], why),), passed_over)
    return Plan((), passed_over, held=passed_over[wanted[0]])


def _wanted(facts: Facts, options: Options, chosen: Channel | None) -> tuple[Sequence[Channel], str]:
    if chosen is not None:
        return (chosen,), "chosen-for-item"
    if options.channel is not None:
        return (options.channel,), "chosen-for-mailing"
    if facts.preferred is not None:
        return (facts.preferred, *(channel for channel in BY_ITSELF if channel is not facts.preferred)), "preferred"
    return BY_ITSELF, "cheapest"


def _obstacle(channel: Channel, facts: Facts, carriers: Mapping[Channel, str]) -> str:
    if not facts.reach.get(channel):
        return f"no-{channel.value}-address"
    if channel in facts.unfit:
        return facts.unfit[channel]
    if channel in facts.suppressed:
        return "suppressed"
    if channel not in carriers:
        return f"no-{channel.value}-carrier"
    return ""
