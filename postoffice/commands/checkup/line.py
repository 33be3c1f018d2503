"""One thing that was looked at, and how it stands."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import IntEnum

PATIENCE = 20.0  #: seconds for one check


class Verdict(IntEnum):
    """How something stands; the worst is the doctor's exit status."""

    OK = 0
    WARN = 1
    BAD = 2


@dataclass(frozen=True, slots=True)
class Line:
    """`about` in a word or two, `found` in a sentence, `todo` where something should be done. No names of persons, no secrets."""

    verdict: Verdict
    about: str
    found: str
    todo: str = ""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {"about": self.about, "verdict": self.verdict.name.lower(), "found": self.found, "todo": self.todo}


def ok(about: str, found: str) -> Line:
    """All well."""
    return Line(Verdict.OK, about, found)


def warn(about: str, found: str, todo: str) -> Line:
    """Works, and should be looked at."""
    return Line(Verdict.WARN, about, found, todo)


def bad(about: str, found: str, todo: str) -> Line:
    """Does not work, or will not for long."""
    return Line(Verdict.BAD, about, found, todo)


async def told(about: str, check: Awaitable[list[Line]]) -> list[Line]:
    """A check's lines; one that breaks or hangs says so itself. An error's own text may hold addresses: only its kind is told."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await check
    except TimeoutError:
        return [bad(about, f"no answer within {PATIENCE:g} s", "See that what is asked there runs and can be reached.")]
    except Exception as error:
        return [bad(about, f"could not be looked at ({type(error).__name__})", "See the lines above, and the log.")]
