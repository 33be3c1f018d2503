"""Where a piece of work is in its journey, for traces. Without them (the usual case) nothing is noted and next to nothing is spent."""

import re
from contextvars import ContextVar
from typing import Final

from postoffice.model.ports import Fact, Tracer

#: the span that the present task is in, as a traceparent (https://www.w3.org/TR/trace-context/#traceparent-header); empty: in none
journey: ContextVar[str] = ContextVar("journey", default="")
TRACEPARENT = "traceparent"  #: what it is called in a batch's data

_CODE = re.compile(r"[A-Za-z0-9._:-]{1,40}")
_NUMBER = re.compile(r"\d{6}")


def carried() -> dict[str, str]:
    """What a batch of work takes along, so that whoever does it tells of the same journey; {} where nobody traces."""
    now = journey.get()
    return {TRACEPARENT: now} if now else {}


def word(code: str) -> str:
    """A carrier's code as it may be told: a short word. What might hold a number or an address is only `other`."""
    return code if not code or (_CODE.fullmatch(code) and not _NUMBER.search(code)) else "other"


class _Nothing:
    """A span that is none."""

    def __enter__(self) -> "_Nothing":
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def set(self, **facts: Fact) -> None:
        """See ports.Span."""

    def failed(self, kind: str) -> None:
        """See ports.Span."""


class NoTraces:
    """ports.Tracer that notes nothing."""

    on = False
    _span = _Nothing()

    def span(self, name: str, /, *, kind: str = "", parent: str = "", **facts: Fact) -> _Nothing:
        """See ports.Tracer."""
        return self._span

    def close(self) -> None:
        """See ports.Tracer."""


NO_TRACES: Final[Tracer] = NoTraces()
