"""How fast messages may go to a gateway: an agreed rate, and less for a moment when it says that it is too much."""

import asyncio

from postoffice.model.errors import TryLater

_FIRST, _LONGEST = 0.1, 5.0  #: seconds that nothing new is sent after the first and the worst "throttled"


class Pace:
    """Of one account in this process. `per_second`: 0 for no limit."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._pause = _FIRST
        self._until = 0.0

    async def turn(self, ends: float) -> None:
        """Wait for one's turn; TryLater where it would come after `ends` (loop time)."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._until, self._next)
        if at > ends:
            raise TryLater("More messages wait than the gateway takes in this time", code="rate")
        if self._gap:
            self._next = max(now, self._next) + self._gap
        if at > now:
            await asyncio.sleep(at - now)

    def throttled(self) -> float:
        """The gateway said "too much": slow down, once for all that were under way. Returns seconds to come back after."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            self._until = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST)
        return max(1.0, 2 * self._pause)

    def accepted(self) -> None:
        """The gateway took one."""
        self._pause = _FIRST
