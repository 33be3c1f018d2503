"""Several relays as one: by weight, each mail by the same one as long as that one works, the next one where it does not."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from postoffice.channels.email.backoff import Backoff
from postoffice.channels.email.ledger import Allowance, Ledger, limits_of
from postoffice.channels.email.pool import Pool, Relay
from postoffice.model.ports import Log

#: three mails in a row that a relay could not take: ten seconds of rest, a quarter of an hour at most
_PATIENCE, _FIRST, _LONGEST = 3, 10.0, 900.0
_SECURITY = {"smtp": "starttls", "smtps": "tls", "smtp+none": "none"}
_PORTS = {"tls": 465, "starttls": 587, "none": 25}
_NUMBERS = ("weight", "connections", "mails_per_connection", "per_minute", "per_hour", "per_day")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Member:
    """A relay with its share of the mail. `weight` 0: only where all others fail."""

    relay: Relay
    weight: int = 1
    per_minute: int = 0
    per_hour: int = 0
    per_day: int = 0
    warm_up: tuple[int, ...] = ()  #: most mails on the first, second ... day on which it is used

    @property
    def name(self) -> str:
        """What its counts are kept under."""
        return f"{self.relay.username}@{self.relay.host}:{self.relay.port}" if self.relay.username else self.where

    @property
    def where(self) -> str:
        """For timelines and logs."""
        return f"{self.relay.host}:{self.relay.port}"


def read_ramp(text: str) -> tuple[int, ...]:
    """Daily ceilings such as "50, 100, 500". ValueError in words."""
    words = text.replace(",", " ").split()
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ValueError("a row of numbers such as 50, 100, 500, 1000")
    return tuple(int(word) for word in words)


def read_member(line: str, like: Relay) -> Member:
    """`smtp://user:password@host:587?weight=2&per_hour=1000&warm_up=50,100`; what it leaves open is as in `like`. ValueError in words.

    smtp is with STARTTLS, smtps with TLS from the first byte, smtp+none without.
    """
    try:
        url = urlsplit(line)
        asked = parse_qs(url.query, strict_parsing=bool(url.query))
        port, host = url.port, url.hostname
    except ValueError:
        raise ValueError("addresses such as smtp://user:password@host:587?weight=2") from None
    security = _SECURITY.get(url.scheme)
    if security is None or not host or url.path.strip("/") or not set(asked) <= {*_NUMBERS, "warm_up"}:
        raise ValueError("addresses such as smtp://user:password@host:587?weight=2")
    if not all(value[-1].isdecimal() and len(value[-1]) < 8 for name, value in asked.items() if name != "warm_up"):
        raise ValueError("addresses with whole numbers behind weight=, connections=, per_minute=, per_hour= and per_day=")
    if url.username and security == "none" and host not in LOOPBACK:
        raise ValueError("encrypted (smtp: or smtps:) where a user name and password would cross the network")
    numbers = {name: int(value[-1]) for name, value in asked.items() if name != "warm_up"}
    relay = Relay(
        host=host,
        port=port or _PORTS[security],
        security=security,
        username=unquote(url.username or ""),
        password=unquote(url.password or ""),
        helo=like.helo,
        seconds=like.seconds,
        connections=max(1, numbers.pop("connections", like.connections)),
        mails_per_connection=max(1, numbers.pop("mails_per_connection", like.mails_per_connection)),
        ca=like.ca,
        reach=like.reach,
    )
    return Member(relay, **{"weight": 1, **numbers}, warm_up=read_ramp(asked.get("warm_up", [""])[-1]))


class Line:
    """One relay at work."""

    def __init__(self, member: Member, pool: Pool, allowance: Allowance | None, clock: Callable[[], float]) -> None:
        self.member = member
        self.pool = pool
        self._allowance = allowance
        self.backoff = Backoff(patience=_PATIENCE, first=_FIRST, longest=_LONGEST, clock=clock)

    def wait(self) -> float:
        """Seconds until it may get a mail; 0: now."""
        return max(self.backoff.wait(), self._allowance.wait() if self._allowance else 0.0)

    def take(self) -> float:
        """Count one mail and return 0; else the seconds until it may get one."""
        return self.backoff.wait() or (self._allowance.take() if self._allowance else 0.0)


class Fleet:
    """The relays of one carrier."""

    def __init__(
        self, members: Sequence[Member], name: str, log: Log, ledger: Ledger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.lines = [Line(one, Pool(one.relay, name, log), _allowance(one, ledger), clock) for one in members]

    def order(self, key: str) -> Iterator[Line]:
        """For one mail: the relay of its own first, the same at each trial (greylisting remembers it), then the others.

        The share of each is its weight (rendezvous hashing); those of weight 0 come last.
        """
        if len(self.lines) == 1:
            return iter(self.lines)
        return iter(sorted(self.lines, key=lambda line: _rank(key, line.member)))

    def wait(self) -> float:
        """Seconds until any relay takes a mail; 0: now."""
        return min(line.wait() for line in self.lines)

    async def close(self) -> None:
        """Say goodbye to all."""
        for line in self.lines:
            await line.pool.close()


def _allowance(member: Member, ledger: Ledger) -> Allowance | None:
    limits = limits_of(per_minute=member.per_minute, per_hour=member.per_hour, per_day=member.per_day)
    return Allowance(ledger, f"by {member.name}", limits, member.warm_up) if limits or member.warm_up else None


def _rank(key: str, member: Member) -> float:
    if not member.weight:
        return math.inf
    drawn = int.from_bytes(hashlib.sha256(f"{key} {member.name}".encode()).digest()[:7], "big") + 1
    return -math.log(drawn / (2**56 + 1)) / member.weight
