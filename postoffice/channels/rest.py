"""What providers with a web interface share: one HTTP client, and what its failures mean. Redirects are never followed."""

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from postoffice.channels.reach import Reach, ReachResolver
from postoffice.model.delivery import Event, Receipt
from postoffice.model.errors import CarrierError, InDoubt, Refused, TryLater

_LONGEST_BODY = 1_000_000  #: bytes of an answer
_OURS = timedelta(minutes=5)  #: until wrong credentials or an empty account are tried again
_AT_ONCE = 10  #: questions at the same time
_NUMBERS = re.compile(r"\+?\d[\d .-]{5,}\d")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Site:
    """Where the provider is. `url` without a slash at its end."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 30.0
    connections: int = 20
    reach: Reach = Reach()


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer; `body` is {} where it is no JSON object."""

    status: int
    body: Mapping[str, Any]
    after: timedelta | None  #: Retry-After
    raw: bytes = b""

    @property
    def good(self) -> bool:
        """Whether the provider did what was asked."""
        return 200 <= self.status < 300


def basic(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication, RFC 7617."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def is_safe(url: str) -> bool:
    """Whether credentials may go there: HTTPS, or a test on this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))


class Rest:
    """A client of one site; connects when it is first used."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, **content: Any) -> Answer:
        """Send; TryLater where it cannot have arrived, InDoubt where it may have."""
        return await self.change("POST", path, **content)

    async def change(self, method: str, path: str, **content: Any) -> Answer:
        """As `post`, with another method. `content`: what aiohttp's request takes (json, data, headers, params)."""
        try:
            return await self._call(method, path, _LONGEST_BODY, **content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryLater(f"The provider cannot be reached ({type(error).__name__})") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise InDoubt(f"The provider may have the message: the line broke ({type(error).__name__})") from error

    async def get(self, path: str, *, longest: int = _LONGEST_BODY, **content: Any) -> Answer:
        """Ask; TryLater where no answer comes, or one of more than `longest` bytes."""
        try:
            return await self._call("GET", path, longest, **content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TryLater(f"The provider cannot be asked ({type(error).__name__})") from error

    async def _call(self, method: str, path: str, longest: int, **content: Any) -> Answer:
        url = f"{self._site.url}{path}"
        if self._site.reach.forbids(urlsplit(url).hostname or ""):
            raise TryLater("The provider's address lies where carriers may not be (POSTOFFICE_CARRIERS_INSIDE)")
        async with self._open().request(method, url, allow_redirects=False, **content) as response:
            raw = bytearray()
            async for chunk in response.content.iter_any():
                raw += chunk
                if len(raw) > longest:
                    raise aiohttp.ClientPayloadError("the answer is too long")
        return Answer(response.status, _object(bytes(raw)), _after(response.headers.get("Retry-After", "")), bytes(raw))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            site = self._site
            # a kept connection that the provider closes meanwhile would leave us in doubt: trust it only for a moment
            connector = aiohttp.TCPConnector(limit=site.connections, keepalive_timeout=5, resolver=ReachResolver(site.reach))
            timeout = aiohttp.ClientTimeout(total=site.seconds, sock_connect=min(10.0, site.seconds))
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=site.headers)
        return self._session

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _after(value: str) -> timedelta | None:
    """Retry-After, RFC 9110, 10.2.3: seconds or a date; at most a day."""
    if value.strip().isdigit():
        return timedelta(seconds=min(int(value), 86400))
    try:
        span = parsedate_to_datetime(value) - datetime.now(UTC)
    except (ValueError, TypeError):
        return None
    return min(max(span, timedelta(0)), timedelta(days=1))


def verdict(answer: Answer, code: str, words: str, *, dead: frozenset[str], later: frozenset[str] = frozenset()) -> CarrierError:
    """What a provider's no means. `dead`: its codes that blame the number itself; `later`: those that may pass.

    5xx: later, as providers ask for; but a proxy's 502 and 504 do not know whether the message went through.
    """
    reason = f"The provider answered {answer.status}: {hide(words) or 'without words'}"
    if code in dead:
        return Refused(reason, code=code, address_dead=True)
    if answer.status in (502, 504):
        return InDoubt(reason, code=code or str(answer.status))
    if answer.status == 429 or answer.status >= 500 or code in later or answer.status < 400:
        return TryLater(reason, code=code or str(answer.status), after=answer.after)
    if answer.status in (401, 402, 403, 404, 407, 408):  # our account, our settings: a person mends them, the message waits
        return TryLater(reason, code=code or str(answer.status), after=answer.after or _OURS)
    return Refused(reason, code=code or str(answer.status))


def hide(words: str) -> str:
    """A provider's words without telephone numbers: they reach the timeline."""
    return _NUMBERS.sub("[number]", " ".join(words.split()))[:300]


async def ask_each(receipts: Sequence[Receipt], one: Callable[[Receipt], Awaitable[Sequence[Event]]]) -> list[Event]:
    """Ask about each receipt that has a reference, a few at the same time. TryLater only where nothing at all could be learned."""
    slots = asyncio.Semaphore(_AT_ONCE)
    failures: list[TryLater] = []

    async def ask(receipt: Receipt) -> Sequence[Event]:
        async with slots:
            if failures:  # what fails for one fails for all of them: leave the provider alone
                return ()
            try:
                return await one(receipt)
            except TryLater as later:
                failures.append(later)
                return ()

    told = await asyncio.gather(*(ask(receipt) for receipt in receipts if receipt.reference))
    events = [event for some in told for event in some]
    if failures and not events:
        raise failures[0]
    return events
