"""Who does something: named in the audit and on timelines."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: a person, a program, or the office itself."""

    name: str  #: user:<id>, key:<id> or office
    user_id: str | None = None


OFFICE = Actor("office")
