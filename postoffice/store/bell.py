"""The bell: arq's queue, used only to wake workers. What it loses the reconciler rings again.

JSON instead of pickle: whoever reaches Redis must not be able to run code here.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from arq.connections import ArqRedis, RedisSettings
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from arq.utils import timestamp_ms
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.exceptions import RedisError

from postoffice.model.errors import PostOfficeError
from postoffice.model.ports import Log

JOB = "work"  #: the one arq function: work(step batch id)
LONGEST_RING = 3.0  #: seconds; a queue server that hangs must not hold up a door
GATHER = 0.005  #: seconds that a ring waits for company: at a busy door many go in one round trip
#: seconds; a server that is gone without a word must not be waited for
_PATIENCE: Any = {"socket_connect_timeout": 2, "socket_timeout": 10, "socket_keepalive": True}
EXPIRES_MS = 60_000  #: a ring that nobody heard within a minute is rung again by the reconciler anyway


def serialize(job: dict[str, Any]) -> bytes:
    """arq's job as JSON."""
    return json.dumps(job, separators=(",", ":"), default=repr).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """The inverse of `serialize`; arq wants its arguments as a tuple."""
    job: dict[str, Any] = json.loads(data)
    if isinstance(job.get("a"), list):
        job["a"] = tuple(job["a"])
    return job


_JSON: Any = {"job_serializer": serialize, "job_deserializer": deserialize}


class _WatchedPool(SentinelConnectionPool):
    """Closing it also closes the lines to the sentinels, which redis-py leaves open."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:  # otherwise only another master is taken
            for sentinel in self.sentinel_manager.sentinels:
                await sentinel.aclose()


def redis_client(url: str) -> ArqRedis:
    """A client that connects when it is first used. PostOfficeError: an address of no known form. These are known:

    redis://host:6379/0, rediss:// over TLS, unix:///folder/redis.sock, and redis+sentinel://:password@host:26379,host:26379/name/0
    (rediss+sentinel:// over TLS), where sentinels know which server is the master now; the password is that of the servers.
    """
    scheme = url.partition("://")[0]
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        return _by_sentinels(url, tls=scheme.startswith("rediss"))
    try:
        known = RedisSettings.from_dsn(url)
    except (RuntimeError, ValueError):
        raise _bad_address() from None
    place: dict[str, Any] = (
        {"unix_socket_path": known.unix_socket_path} if known.unix_socket_path else {"host": known.host, "port": known.port}
    )
    login: dict[str, Any] = {"db": known.database, "username": known.username, "password": known.password, "ssl": known.ssl}
    return ArqRedis(**place, **login, **_PATIENCE, **_JSON)


def _by_sentinels(url: str, *, tls: bool) -> ArqRedis:
    places, _, path = url.partition("://")[2].partition("/")
    login, _, hosts = places.rpartition("@")
    user, _, password = login.partition(":")
    name, _, number = path.partition("/")
    try:
        sentinels = [_place(place) for place in hosts.split(",")]
        database = int(number or 0)
    except ValueError:
        raise _bad_address() from None
    if not name or not all(host for host, _ in sentinels):
        raise _bad_address()
    given = {"db": database, "username": unquote(user) or None, "password": unquote(password) or None, **_PATIENCE}
    manager = Sentinel(sentinels, **given, **({"ssl": True} if tls else {}))  # type: ignore[no-untyped-call]
    client: ArqRedis = manager.master_for(unquote(name), ArqRedis, _WatchedPool)
    client.job_serializer, client.job_deserializer = serialize, deserialize
    client.auto_close_connection_pool = True
    return client


def _place(place: str) -> tuple[str, int]:
    """host:port, host, or [IPv6]:port."""
    parts = urlsplit(f"//{place}")
    return parts.hostname or "", parts.port or 26379


def _bad_address() -> PostOfficeError:
    return PostOfficeError(
        "redis-address",
        "The address of the queue server cannot be read.",
        help="Write redis://host:6379/0, rediss://..., unix:///path, or redis+sentinel://host:26379,host:26379/name/0.",
    )


def queue_name(queue: str) -> str:
    """The key of a queue in Redis."""
    return f"postoffice:queue:{queue}"


class ArqBell:
    """ports.Bell over arq. A dead Redis is noted once and met again at the next ring; nothing waits for it."""

    def __init__(self, url: str, log: Log) -> None:
        self._redis = redis_client(url)
        self._log = log
        self._ringing = asyncio.Lock()
        self._waiting: list[tuple[str, str, str]] = []
        self.deaf = False  #: the last ring did not get through

    async def ring(self, queue: str, batch_id: str, attempt: int) -> None:
        """See ports.Bell. Rings that come in while one is on its way travel together in the next."""
        self._waiting.append((queue, f"b{batch_id}:{attempt}", batch_id))
        async with self._ringing:
            if not self._waiting:
                return  # the ring before took this one along
            await asyncio.sleep(GATHER)
            some, self._waiting = self._waiting, []
            await self._ring_all(some)

    async def _ring_all(self, some: Sequence[tuple[str, str, str]]) -> None:
        """arq's own enqueue takes three round trips a job, to tell repeats apart; here a repeated ring does no harm."""
        try:
            async with asyncio.timeout(LONGEST_RING):
                now = timestamp_ms()
                pipeline = self._redis.pipeline(transaction=False)
                for queue, job_id, batch_id in some:
                    job = serialize_job(JOB, (batch_id,), {}, None, now, serializer=serialize)
                    pipeline.psetex(job_key_prefix + job_id, EXPIRES_MS, job)
                    pipeline.zadd(queue_name(queue), {job_id: now})
                await pipeline.execute()
            self.deaf = False
        except (RedisError, OSError, TimeoutError) as error:
            if not self.deaf:
                self._log.warning("bell.deaf", reason=type(error).__name__)
            self.deaf = True

    async def ping(self) -> bool:
        """Whether the queue server answers."""
        try:
            async with asyncio.timeout(LONGEST_RING):
                return bool(await self._redis.ping())
        except (RedisError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        """Let go of connections."""
        await self._redis.aclose()
