"""When to try again, and when to give up. The decision is a value."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from postoffice.model.channel import Purpose
from postoffice.model.mailing import Options, Postage

GIVE_UP_AFTER = timedelta(days=5)  #: as mail servers do (RFC 5321, 4.5.4.1)
URGENT = timedelta(days=1)
PROMOTION = timedelta(days=2)
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Retry:
    """At the earliest at `at`; None: give up."""

    at: datetime | None


def patience(options: Options, longest: timedelta = GIVE_UP_AFTER) -> timedelta:
    """How long a delivery is tried. What was sent as urgent or registered looks for another way soon; an offer grows stale."""
    if options.postage in (Postage.PRIORITY, Postage.REGISTERED):
        return min(URGENT, longest)
    return min(PROMOTION, longest) if options.purpose is Purpose.PROMOTION else longest


def next_try(
    *, attempt: int, created_at: datetime, now: datetime, asked: timedelta | None, longest: timedelta = GIVE_UP_AFTER
) -> Retry:
    """After `attempt` calls in vain (1 or more). The carrier's own wish (`asked`) comes first, ours doubles from 15 s to 2 h.

    `longest`: see `patience`; counted from `created_at`, the hour from which it could be sent.
    """
    if now - created_at > longest:
        return Retry(None)
    own = min(FIRST_WAIT * 2 ** min(attempt - 1, 20), LONGEST_WAIT)
    return Retry(now + (asked if asked is not None else own))
