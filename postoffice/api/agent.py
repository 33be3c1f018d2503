"""The agents' door: tells the small program on a user's computer which pages to open after printing.

`GET /agent/next?wait=25&after=CURSOR`, `Authorization: Bearer <printer token>`; 200 `{"cursor": ..., "pages": [{"url", "name"}]}` after
at most `wait` seconds. The cursor is the highest mailing number seen and the numbers whose bytes were still coming in: numbers are
given under a lock that holds until commit, so nothing appears later below the highest one.
"""

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field

import sqlalchemy as sa
from aiohttp import hdrs, web
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice import trouble
from postoffice.api import problems
from postoffice.api.problems import Refusal
from postoffice.house import HOUSE, House
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Source
from postoffice.model.states import MailingState
from postoffice.store import printers
from postoffice.store.schema import mailings

LONGEST_WAIT = 55.0  #: seconds; proxies often cut at 60
EVERY = 1.0  #: seconds between two looks at the database for one printer, however many ask
_LOOK_BACK = 2000  # mailings of the organisation before the first look: an agent that was away hears of jobs among these
_MOST_PAGES = 50
_MOST_PENDING = 40
_FORGET_AFTER = 600.0  # seconds without a question
_ARRIVED = frozenset(MailingState) - {MailingState.RECEIVING, MailingState.ABORTED, MailingState.CANCELLED}
_CURSOR = re.compile(r"\d{1,18}(\.\d{1,18}){0,40}", re.ASCII)


def add_agent(app: web.Application) -> None:
    """Serve /agent/next."""
    desk = _Desk()
    app.router.add_get("/agent/next", desk.next)
    app.on_shutdown.append(desk.close)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Up to where an agent knows: everything up to `highest`, but for `pending`."""

    highest: int
    pending: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return ".".join(map(str, (self.highest, *sorted(self.pending)[-_MOST_PENDING:])))

    @staticmethod
    def parse(text: str) -> "_Cursor":
        if not _CURSOR.fullmatch(text):
            raise Refusal(400, "bad-cursor", "This is no cursor that the office gave.", help="Ask without 'after' to begin from now.")
        highest, *pending = map(int, text.split("."))
        return _Cursor(highest, frozenset(pending))

    def knows(self, number: int) -> bool:
        return number <= self.highest and number not in self.pending


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    mailing_id: str
    name: str
    user_id: str | None


@dataclass
class _Feed:
    """What one printer got lately, shared by everybody who asks for it."""

    printer_id: str
    organisation_id: str
    highest: int = -1
    pending: set[int] = field(default_factory=set)
    jobs: deque[_Job] = field(default_factory=lambda: deque(maxlen=200))
    looked_at: float = -EVERY
    asked_at: float = 0.0
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refresh(self, house: House) -> None:
        """Look at the database, unless somebody did within the last second."""
        loop = asyncio.get_running_loop()
        async with self.looking:
            if loop.time() - self.looked_at >= EVERY:
                async with house.database.read() as connection:
                    await self._look(connection)
                self.looked_at = loop.time()

    async def _look(self, connection: AsyncConnection) -> None:
        organisation = mailings.c.organisation_id == self.organisation_id
        highest = int(await connection.scalar(sa.select(sa.func.max(mailings.c.number)).where(organisation)) or 0)
        before = self.highest if self.highest >= 0 else max(0, highest - _LOOK_BACK)
        fresh = sa.and_(mailings.c.number > before, mailings.c.number <= highest)
        columns = (mailings.c.number, mailings.c.id, mailings.c.name, mailings.c.user_id, mailings.c.state)
        query = sa.select(*columns).where(
            organisation,
            mailings.c.printer_id == self.printer_id,
            mailings.c.source == Source.PRINTER.value,
            mailings.c.automatic.is_(False),
            sa.or_(fresh, mailings.c.number.in_(self.pending)) if self.pending else fresh,
        )
        pending = set()
        for row in await connection.execute(query.order_by(mailings.c.number)):
            state = MailingState(row.state)
            if state is MailingState.RECEIVING:
                pending.add(row.number)
            elif state in _ARRIVED:
                self.jobs.append(_Job(row.number, row.id, row.name, row.user_id))
        self.highest, self.pending = highest, pending

    def since(self, cursor: _Cursor, user_id: str | None) -> list[_Job]:
        """Jobs of one user (of the shared token: of nobody in particular) that a cursor does not know, oldest first."""
        return [job for job in self.jobs if job.user_id == user_id and not cursor.knows(job.number)][-_MOST_PAGES:]

    @property
    def cursor(self) -> _Cursor:
        return _Cursor(self.highest, frozenset(self.pending))


class _Desk:
    """Answers agents."""

    def __init__(self) -> None:
        self._feeds: dict[str, _Feed] = {}
        self._closing = asyncio.Event()

    async def close(self, _: web.Application) -> None:
        """Let everybody go who still waits."""
        self._closing.set()

    async def next(self, request: web.Request) -> web.StreamResponse:
        """See the module."""
        house = request.app[HOUSE]
        try:
            return await self._next(house, request)
        except PostOfficeError as error:
            return problems.answer(error, house.url)
        except (DBAPIError, PoolTimeout, OSError) as error:
            if trouble.left(request, error):
                return trouble.nobody()
            house.log.warning("agent.trouble", kind=type(error).__name__)
            return problems.answer(problems.trouble(), house.url)

    async def _next(self, house: House, request: web.Request) -> web.Response:
        feed, user_id = await self._feed(house, request)
        wait = _seconds(request.query.get("wait", "0"))
        after = request.query.get("after", "")
        await feed.refresh(house)
        if not after:
            return _answer(house, feed.cursor, [])
        cursor = _Cursor.parse(after)
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        while not (jobs := feed.since(cursor, user_id)) and loop.time() < end and not self._closing.is_set():
            await self._pause(min(EVERY, max(0.01, end - loop.time())))
            await feed.refresh(house)
        if jobs:
            await self._feed(house, request)  # the token may have been revoked while we waited
        return _answer(house, feed.cursor, jobs)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _feed(self, house: House, request: web.Request) -> tuple[_Feed, str | None]:
        """The feed of the printer that the token opens, and whose token it is."""
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _no_token()
        async with house.database.read() as connection:
            found = await printers.by_token(connection, token.strip())
        if found is None:
            raise _no_token()
        printer, _, user_id = found
        now = asyncio.get_running_loop().time()
        for printer_id in [key for key, feed in self._feeds.items() if now - feed.asked_at > _FORGET_AFTER]:
            del self._feeds[printer_id]
        feed = self._feeds.setdefault(printer.id, _Feed(printer.id, printer.organisation_id))
        feed.asked_at = now
        return feed, user_id


def _answer(house: House, cursor: _Cursor, jobs: list[_Job]) -> web.Response:
    pages = [{"url": f"{house.url}/m/{job.mailing_id}", "name": job.name} for job in jobs]
    return web.json_response({"cursor": str(cursor), "pages": pages}, headers={"Cache-Control": "no-store"})


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII):
        raise Refusal(400, "bad-wait", "'wait' must be a whole number of seconds.", help=f"The longest is {LONGEST_WAIT:g}.")
    return min(float(text), LONGEST_WAIT)


def _no_token() -> Refusal:
    return Refusal(
        401,
        "unknown-printer",
        "No printer is known by this token.",
        help="Copy the printer's address again from the desk; its token may have been revoked.",
        headers={"WWW-Authenticate": 'Bearer realm="postoffice"'},
    )
