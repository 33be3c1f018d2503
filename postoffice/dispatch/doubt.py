"""What to do with deliveries that were perhaps handed over: their owner died, or the line broke after the last byte."""

from enum import StrEnum

from postoffice.model.channel import Purpose
from postoffice.model.ports import Abilities

#: how often a carrier without keys is called for one delivery, the doubtful call included
MOST_CALLS_WITHOUT_KEYS = 2


class Settle(StrEnum):
    """The three ways out of a doubt."""

    REPEAT = "repeat"  #: call again with the same key: the carrier tells repeats apart, or one more copy is the lesser evil
    ASK = "ask"  #: the carrier can be asked
    PERSON = "person"  #: stays in doubt until a person decides or news settles it


def settle(abilities: Abilities, purpose: Purpose, attempt: int) -> Settle:
    """The way out for one delivery that was called `attempt` times.

    A promotion is never risked twice; other mail is repeated once with the same Message-ID, since a lost invoice does more harm
    than a doubled one.
    """
    if abilities.keeps_keys:
        return Settle.REPEAT
    if abilities.can_be_asked:
        return Settle.ASK
    if purpose.is_promotional or attempt >= MOST_CALLS_WITHOUT_KEYS:
        return Settle.PERSON
    return Settle.REPEAT
