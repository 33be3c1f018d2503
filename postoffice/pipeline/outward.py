"""One HTTP client for addresses that customers name: it reaches the public internet only, whatever a name resolves to."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from postoffice import __version__
from postoffice.actions.public_net import PublicResolver
from postoffice.model.errors import PostOfficeError
from postoffice.model.outside import check_url

__all__ = ["Answer", "Outward", "PublicResolver"]

LONGEST_ANSWER = 2000  #: bytes that are looked at; the rest is not waited for


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` None: no answer, `text` says why; `after`: Retry-After."""

    status: int | None
    text: str
    after: timedelta | None = None

    @property
    def good(self) -> bool:
        """Whether it was taken."""
        return self.status is not None and 200 <= self.status < 300


class Outward:
    """Posts to endpoints. Redirects are never followed, cookies never kept, no proxy of the environment is used."""

    def __init__(self, patience: float, resolver: AbstractResolver | None = None) -> None:
        self._patience = patience
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def post(self, url: str, body: bytes, headers: dict[str, str], *, inside: bool) -> Answer:
        """Post, and say how it went; never raises but on cancellation. `inside`: private addresses are allowed too."""
        try:
            target = URL(url)
            check_url(str(target), inside=inside)  # as the client understands it, foreign digits and dots made plain
            async with self._session(inside).post(target, data=body, headers=headers, allow_redirects=False) as response:
                text = (await response.content.read(LONGEST_ANSWER)).decode("utf-8", "replace")
                return Answer(response.status, " ".join(text.split()), _after(response.headers.get("Retry-After", "")))
        except PostOfficeError as wrong:
            return Answer(None, wrong.message)
        except TimeoutError:
            return Answer(None, f"No answer within {self._patience:g} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(None, f"It cannot be reached ({_kind(error)}).")

    def _session(self, inside: bool) -> aiohttp.ClientSession:
        if inside not in self._sessions:
            resolver = self._resolver or ThreadedResolver()
            options: dict[str, Any] = {"resolver": resolver if inside else PublicResolver(resolver), "use_dns_cache": False}
            self._sessions[inside] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=16, keepalive_timeout=10, **options),
                timeout=aiohttp.ClientTimeout(total=self._patience, sock_connect=min(10.0, self._patience)),
                headers={"User-Agent": f"postoffice/{__version__}"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._sessions[inside]

    async def close(self) -> None:
        """Hang up."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


def _kind(error: Exception) -> str:
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    private = "private network" in str(inner)
    return "its name leads into a private network" if private else type(error).__name__


def _after(value: str) -> timedelta | None:
    """Retry-After, RFC 9110, 10.2.3: seconds or a date."""
    if value.strip().isdigit():
        return timedelta(seconds=min(int(value), 10**7))
    try:
        return max(parsedate_to_datetime(value) - datetime.now(UTC), timedelta(0))
    except (ValueError, TypeError):
        return None
