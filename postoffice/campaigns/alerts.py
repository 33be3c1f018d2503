"""When a running campaign has to stop and be looked at: too many who want no more, who call it unwanted, who do not exist."""

from postoffice.model.campaign import Tally

#: shares of what was sent. Google and Yahoo want complaints under 0.1 %; unsubscribes of 0.2 to 0.3 % and hard bounces of 2 % are
#: where senders' reputation begins to suffer (field notes on rules)
UNSUBSCRIBES, COMPLAINTS, DEAD = 0.003, 0.001, 0.02
#: fewer messages than this say nothing yet, and fewer cases are no trend
ENOUGH, FEWEST = 200, 3


def alarm(tally: Tally) -> str:
    """The gravest rate that is too high: too-many-complaints | too-many-dead | too-many-unsubscribes; empty: all is well."""
    if tally.sent < ENOUGH:
        return ""
    for number, limit, word in (
        (tally.complained, COMPLAINTS, "too-many-complaints"),
        (tally.dead, DEAD, "too-many-dead"),
        (tally.unsubscribed, UNSUBSCRIBES, "too-many-unsubscribes"),
    ):
        if number >= FEWEST and tally.share(number) > limit:
            return word
    return ""
