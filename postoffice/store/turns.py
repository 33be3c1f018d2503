"""Whose turn it is to write: one at a time within a process, in the order of coming, what is urgent first."""

import asyncio
import heapq
import itertools
from contextvars import ContextVar

#: set for the steps of small mailings: they write before the next transaction of a campaign
urgent: ContextVar[bool] = ContextVar("urgent", default=False)


class Turns:
    """A lock; see above. It is handed from one to the next, so that nobody who comes meanwhile slips in between."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def __aenter__(self) -> None:
        if not self._held:
            self._held = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent.get(), next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    async def __aexit__(self, *_failure: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._held = False
