"""The recipients' side: how many connections and mails at once a mailbox provider gets, and when it wants to be left alone."""

import asyncio
import re
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from postoffice.channels.email.backoff import Backoff
from postoffice.channels.email.ledger import Allowance, Ledger, limits_of
from postoffice.model.errors import TryLater

_SHORT = 2.0  #: seconds that a mail waits for its turn; what would take longer comes back later
_LONGEST_QUEUE = 20.0  #: seconds that a mail waits for one of its domain's connections
_KNOWN = 20_000  #: domains that are remembered
#: five mails in a row that a provider turned away for the moment: one minute of rest, an hour at most
_PATIENCE, _FIRST, _LONGEST = 5, 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class DomainLimit:
    """Towards one provider; 0: no limit."""

    connections: int = 0
    per_minute: int = 0
    per_hour: int = 0


#: Large mailbox providers: domains (`*`: any ending), and where to begin with them. Few publish figures; these are what
#: delivery teams start from: Orange takes two connections at once, Yahoo and Apple five, Microsoft and Google more.
PROVIDERS: Mapping[str, tuple[tuple[str, ...], DomainLimit]] = {
    "google": (("gmail.com", "googlemail.com"), DomainLimit(20, 1200)),
    "microsoft": (("outlook.*", "hotmail.*", "live.*", "msn.com"), DomainLimit(10, 600)),
    "yahoo": (("yahoo.*", "ymail.com", "rocketmail.com", "aol.*"), DomainLimit(5, 300)),
    "apple": (("icloud.com", "me.com", "mac.com"), DomainLimit(5, 300)),
    "orange": (("orange.fr", "wanadoo.fr"), DomainLimit(2, 180)),
    "sfr": (("sfr.fr", "neuf.fr", "cegetel.net", "9online.fr", "club-internet.fr"), DomainLimit(3, 180)),
    "free": (("free.fr", "aliceadsl.fr"), DomainLimit(3, 180)),
    "bouygues": (("bbox.fr",), DomainLimit(3, 180)),
    "laposte": (("laposte.net",), DomainLimit(3, 180)),
    "united-internet": (("gmx.*", "web.de"), DomainLimit(5, 300)),
}


def provider_of(domain: str) -> str:
    """The word of the provider behind a mailbox domain (lower case); empty where it is none of the table."""
    for word, (domains, _) in PROVIDERS.items():
        if any(_fits(domain, known) for known in domains):
            return word
    return ""


def _fits(domain: str, known: str) -> bool:
    if not known.endswith(".*"):
        return domain == known
    name, _, ending = domain.partition(".")
    return f"{name}.*" == known and len(ending.split(".")) <= 2  # hotmail.co.uk


def read_limits(text: str) -> dict[str, DomainLimit]:
    """Lines such as `example.com connections=2 per_minute=30 per_hour=500`; `*`: every domain without a line. ValueError in words."""
    found: dict[str, DomainLimit] = {}
    for number, line in enumerate(text.splitlines(), 1):
        domain, *words = line.split() or [""]
        values = dict(word.partition("=")[::2] for word in words)
        if (
            domain
            and not set(values) <= set(DomainLimit.__slots__) | {""}
            or not all(re.fullmatch(r"\d{1,7}", v) for v in values.values())
        ):
            raise ValueError(f"lines such as 'example.com connections=2 per_minute=30 per_hour=500' (line {number} is not)")
        if domain:
            found[domain.lower()] = DomainLimit(**{name: int(value) for name, value in values.items()})
    return found


class Domain:
    """One provider, or one domain of none."""

    def __init__(self, limit: DomainLimit, allowance: Allowance | None, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._allowance = allowance
        self._slots = asyncio.Semaphore(limit.connections) if limit.connections else None
        self._backoff = Backoff(patience=_PATIENCE, first=_FIRST, longest=_LONGEST, clock=clock)
        self._promised: tuple[float, int] = (0.0, 0)  # end of a stretch, and how many were told to come after it
        self._clock = clock

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """A connection and a share for one mail; TryLater, before any connection, where it is not its turn."""
        if wait := self._backoff.wait():
            # not all at the same moment; the same mail the same share of a quarter more
            spread = wait * (zlib.crc32(key.encode()) % 1000) / 4000
            raise TryLater(self._backoff.reason, code="paused", after=timedelta(seconds=wait + spread))
        await self._share()
        if self._slots is None:
            yield
            return
        try:
            async with asyncio.timeout(_LONGEST_QUEUE):
                await self._slots.acquire()
        except TimeoutError:
            raise TryLater(
                "More mails wait for this provider than it takes at once", code="pace", after=timedelta(seconds=30)
            ) from None
        try:
            yield
        finally:
            self._slots.release()

    async def _share(self) -> None:
        while self._allowance is not None and (wait := self._allowance.take()):
            if wait > _SHORT:
                raise TryLater("The limit for this provider is reached for now", code="pace", after=self._promise(wait))
            await asyncio.sleep(wait)

    def _promise(self, wait: float) -> timedelta:
        """A turn of its own for each mail that must come back, as far apart as the limit wants."""
        ends = self._clock() + wait
        known, count = self._promised
        count = count + 1 if abs(known - ends) < 1 else 0
        self._promised = ends, count
        rates = [(self._limit.per_minute, 60.0), (self._limit.per_hour, 3600.0)]
        gap = max((seconds / most for most, seconds in rates if most), default=1.0)
        return timedelta(seconds=wait + count * gap)

    def later(self, reason: str) -> None:
        """It turned a mail away for the moment."""
        self._backoff.failed(reason)

    def well(self) -> None:
        """It took or refused one: it answers."""
        self._backoff.well()


class Domains:
    """All that mail went to. `own`: limits by domain, before those of PROVIDERS, which `known` switches on."""

    def __init__(
        self, ledger: Ledger, own: Mapping[str, DomainLimit], *, known: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._own = own
        self._known_providers = known
        self._clock = clock
        self._met: dict[str, Domain] = {}

    def of(self, domain: str) -> Domain:
        """The one that a recipient's domain (lower case) belongs to."""
        provider = provider_of(domain) if domain not in self._own else ""
        name = provider or domain
        if name not in self._met:
            if len(self._met) >= _KNOWN:
                self._met.pop(next(iter(self._met)))
            self._met[name] = self._meet(name, self._limit(domain, provider))
        return self._met[name]

    def _limit(self, domain: str, provider: str) -> DomainLimit:
        if domain in self._own:
            return self._own[domain]
        if provider and self._known_providers:
            return PROVIDERS[provider][1]
        return self._own.get("*", DomainLimit())

    def _meet(self, name: str, limit: DomainLimit) -> Domain:
        limits = limits_of(per_minute=limit.per_minute, per_hour=limit.per_hour)
        return Domain(limit, Allowance(self._ledger, f"to {name}", limits) if limits else None, self._clock)
