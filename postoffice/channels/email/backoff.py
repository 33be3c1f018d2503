"""Leaving somebody alone who says "later" again and again: longer each time, and never for good."""

import time
from collections.abc import Callable


class Backoff:
    """After `patience` failures in a row a pause of `first` seconds, doubled at each further one up to `longest`."""

    def __init__(self, *, patience: int, first: float, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._first = first
        self._longest = longest
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self.reason = ""  #: the last failure in words

    def wait(self) -> float:
        """Seconds until the next trial; 0: now."""
        return max(0.0, self._until - self._clock())

    def failed(self, reason: str) -> None:
        """One more. What was under way when the pause began, and fails within it, makes it no longer."""
        self.reason = reason
        if self.wait():
            return
        self._failures += 1
        if self._failures >= self._patience:
            pause = self._first * 2.0 ** min(self._failures - self._patience, 30)
            self._until = self._clock() + min(pause, self._longest)

    def well(self) -> None:
        """It answers again."""
        self._failures, self._until = 0, 0.0
