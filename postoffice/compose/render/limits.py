"""A limit of seconds for one letter: nested flexible boxes can take WeasyPrint hours, and the other letters must go on."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from postoffice.compose.render.faults import TemplateFault


class _TooSlow(Exception):
    """The time of a letter is over."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TemplateFault letter-too-slow where the body takes longer.

    Works in the main thread of a process (the workshop's children); elsewhere, and with 0, there is no limit.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    # again and again: an exception within a destructor is lost
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _TooSlow:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise TemplateFault(
            "letter-too-slow",
            f"This letter took longer than the {seconds:.0f} s that a letter may take.",
            help="Use fewer boxes within boxes (flex, grid, tables), or a shorter list.",
            seconds=seconds,
        ) from None
    finally:
        signal.signal(signal.SIGALRM, before)


def _ring(number: int, frame: FrameType | None) -> None:
    raise _TooSlow
