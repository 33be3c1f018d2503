"""A print house by SFTP that takes letters away as soon as they are whole, and breaks lines off when told to. A thread of its own."""

import asyncio
import contextlib
import random
import tempfile
import threading
from collections import Counter
from pathlib import Path

from tests.channels.print_house.house import PrintHouse, print_house

COLLECT_EVERY = 0.2  #: seconds


class House:
    """`printed`: how often each key was taken away. `settings`: of our carrier."""

    def __enter__(self) -> "House":
        self.printed: Counter[str] = Counter()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(200), "the print house did not open"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(20)

    @property
    def settings(self) -> dict[str, object]:
        house = self._place.house
        given = {"host": house.host, "port": house.port, "username": house.username, "password": house.password}
        return {**given, "any_host_key": True, "timeout": 4.0}

    def break_off(self, dice: random.Random) -> str:
        """The line breaks at the next move of a manifest, before or after it was done."""
        moment = dice.choice(["before", "after"])
        self._place.breaks[dice.choice([".json", ".pdf"])] = moment
        return moment

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        with tempfile.TemporaryDirectory(prefix="po-house-") as root:
            async with print_house(Path(root)) as self._place:
                self._ready.set()
                while not self._closing.is_set():
                    self._collect(self._place)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._closing.wait(), COLLECT_EVERY)

    def _collect(self, place: PrintHouse) -> None:
        place.collect()
        self.printed.update(place.printed)
        place.printed.clear()
