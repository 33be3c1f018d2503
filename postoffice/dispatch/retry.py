"""When to try again, and when to give up. The decision is a value."""

from dataclasses import dataclass
from datetime import datetime, timedelta

GIVE_UP_AFTER = timedelta(days=3)
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Retry:
    """At the earliest at `at`; None: give up."""

    at: datetime | None


def next_try(*, attempt: int, created_at: datetime, now: datetime, asked: timedelta | None) -> Retry:
    """After `attempt` calls in vain (1 or more). The carrier's own wish (`asked`) comes first, ours doubles from 15 s to 2 h."""
    if now - created_at > GIVE_UP_AFTER:
        return Retry(None)
    own = min(FIRST_WAIT * 2 ** min(attempt - 1, 20), LONGEST_WAIT)
    return Retry(now + (asked if asked is not None else own))
