"""Live pages: one task per mailing looks at the database once a second, however many people watch; viewers get server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from postoffice.house import House
from postoffice.model.mailing import Mailing
from postoffice.model.states import DeliveryState, ItemState
from postoffice.store import deliveries, items, mailings

EVERY = 1.0  # seconds between two looks
AFTER_TROUBLE = 5.0  # seconds until the next look when the database did not answer
HEARTBEAT = 15.0  # seconds of silence that proxies bear
LONGEST = 600.0  # seconds of one stream: the browser comes again by itself, and the guard looks at its session anew


@dataclass(frozen=True, slots=True)
class Look:
    """What pages show of a mailing that moves."""

    mailing: Mailing
    states: Mapping[ItemState, int]
    carriers: Sequence[tuple[str, str, DeliveryState, int]]
    cost: int


async def look(house: House, mailing_id: str) -> Look:
    """One look at the database."""
    async with house.database.read() as connection:
        return Look(
            await mailings.get(connection, mailing_id),
            await items.count_by_state(connection, mailing_id),
            await deliveries.count_by_carrier(connection, mailing_id),
            await items.total_cost(connection, mailing_id),
        )


class _Room:
    """The viewers of one mailing."""

    def __init__(self) -> None:
        self.viewers = 0
        self.version = 0
        self.latest: Look | None = None
        self.moved = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def tell(self, latest: Look | None) -> None:
        """Wake every viewer."""
        self.latest = latest
        self.version += 1
        self.moved.set()
        self.moved = asyncio.Event()


class Live:
    """All rooms. `every` is the time between two looks."""

    def __init__(self, house: House, every: float = EVERY) -> None:
        self._house = house
        self._every = every
        self._rooms: dict[str, _Room] = {}
        self.closed = False

    async def follow(self, mailing_id: str) -> AsyncIterator[Look | None]:
        """Each change of a mailing, beginning with now; None where nothing happened for a while, and at the end of the house."""
        room = self._rooms.setdefault(mailing_id, _Room())
        room.viewers += 1
        if room.task is None:
            room.task = asyncio.create_task(self._watch(mailing_id, room))
        seen = 0
        try:
            while not self.closed:
                if room.version == seen:
                    try:
                        await asyncio.wait_for(room.moved.wait(), HEARTBEAT)
                    except TimeoutError:
                        yield None
                        continue
                seen = room.version
                yield room.latest
        finally:
            room.viewers -= 1
            if not room.viewers:
                self._rooms.pop(mailing_id, None)
                room.task.cancel()

    async def _watch(self, mailing_id: str, room: _Room) -> None:
        while True:
            pause = self._every
            try:
                now = await look(self._house, mailing_id)
                if now != room.latest:
                    room.tell(now)
            except Exception as error:
                self._house.log.warning("desk.live_trouble", mailing=mailing_id, kind=type(error).__name__)
                pause = AFTER_TROUBLE
            await asyncio.sleep(pause)

    def close(self) -> None:
        """End every stream, so that the server need not wait for browsers."""
        self.closed = True
        for room in list(self._rooms.values()):
            room.tell(None)


LIVE = web.AppKey("live", Live)


async def close_live(app: web.Application) -> None:
    """Called when the application begins to stop."""
    app[LIVE].close()


class Stream:
    """A server-sent event stream (WHATWG HTML, section 9.2)."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._ends = asyncio.get_running_loop().time() + LONGEST
        self.response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store"}
        )

    async def open(self) -> None:
        """Begin; browsers that lose the stream come back after two seconds."""
        await self.response.prepare(self._request)
        await self.response.write(b"retry: 2000\n\n")

    async def send(self, event: str, data: str) -> None:
        """One event; `data` may have many lines."""
        lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
        await self.response.write(f"event: {event}\n{lines}\n".encode())

    async def heartbeat(self) -> None:
        """Something that means nothing, so that the line stays open."""
        await self.response.write(b": still here\n\n")

    @property
    def over(self) -> bool:
        """Whether the stream has lasted long enough."""
        return asyncio.get_running_loop().time() > self._ends
