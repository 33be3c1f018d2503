"""What a returned letter does to the address that it was sent to: one small table, and what houses call its rows. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from postoffice.model.returned import Reason


class Effect(NamedTuple):
    """`health`: what becomes of the address, empty: it stays as it was. `block`: nothing more is posted to it.

    `whole_contact`: nothing more goes to the recipient by any channel, until a person decides. `worse_again`: the second time makes
    the address dead and blocks it.
    """

    health: str
    block: bool
    whole_contact: bool = False
    worse_again: bool = False


EFFECTS: Mapping[Reason, Effect] = {
    # nobody of that name there: nothing will ever arrive
    Reason.UNKNOWN: Effect("dead", block=True),
    # the same lines would come back again, but a completed address is another one and is free
    Reason.ADDRESS: Effect("doubtful", block=True),
    # the person lives there and did not want this letter: that says nothing against the address
    Reason.REFUSED: Effect("", block=False),
    # away, or gone without telling: once is no proof
    Reason.UNCLAIMED: Effect("doubtful", block=False, worse_again=True),
    # no letter, no e-mail, no SMS to somebody who has died
    Reason.DECEASED: Effect("dead", block=True, whole_contact=True),
    # the post tells no reason (N10 of ordinary mail): once is a doubt, twice is enough
    Reason.OTHER: Effect("doubtful", block=False, worse_again=True),
}

#: what print houses and posts call them, in small letters: Maileva's N and LP codes (registered mail 4.9), words of files
CODES: Mapping[str, Reason] = {
    **dict.fromkeys(("n02", "npai", "unknown", "moved", "lp21", "no_mail_box", "not_at_address"), Reason.UNKNOWN),
    **dict.fromkeys(("n07", "address", "insufficient_address", "incomplete_address", "lp20"), Reason.ADDRESS),
    **dict.fromkeys(("n05", "refused", "lp22"), Reason.REFUSED),
    **dict.fromkeys(("n03", "unclaimed", "not_claimed", "lp19", "lp25"), Reason.UNCLAIMED),
    **dict.fromkeys(("deceased", "dcd"), Reason.DECEASED),
}
#: sentences that houses write instead of codes, the surest first
_PHRASES: tuple[tuple[re.Pattern[str], Reason], ...] = (
    (re.compile(r"d[ée]c[ée]d|deceased|verstorben"), Reason.DECEASED),
    (re.compile(r"unclaimed|not claimed|non r[ée]clam|nicht abgeholt"), Reason.UNCLAIMED),
    (re.compile(r"refus|verweigert"), Reason.REFUSED),
    (re.compile(r"incompl|insufficient|d[ée]faut d.acc|adressage|no such (?:street|number)|unvollst"), Reason.ADDRESS),
    (re.compile(r"unknown|inconnu|moved|d[ée]m[ée]nag|not known|n.habite|unbekannt|verzogen|vacant|npai"), Reason.UNKNOWN),
)


def reason_of(code: str, text: str = "", *, dead: bool = False) -> Reason:
    """Why a letter came back, from a house's code and words. `dead`: its carrier knows that the address is to blame."""
    word = code.strip().lower().replace(" ", "_").replace("-", "_")
    if word in CODES:
        return CODES[word]
    for phrase, reason in _PHRASES:
        if phrase.search(f"{code} {text}".lower()):
            return reason
    return Reason.UNKNOWN if dead else Reason.OTHER


def effect_of(reason: Reason, health: str) -> Effect:
    """What `reason` does to an address that was `health` before."""
    effect = EFFECTS[reason]
    return Effect("dead", block=True) if effect.worse_again and health != "good" else effect
