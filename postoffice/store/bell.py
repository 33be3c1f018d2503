"""The bell: arq's queue, used only to wake workers. What it loses the reconciler rings again.

JSON instead of pickle: whoever reaches Redis must not be able to run code here.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from arq.utils import timestamp_ms
from redis.exceptions import RedisError

from postoffice.model.errors import PostOfficeError
from postoffice.model.ports import Log

JOB = "work"  #: the one arq function: work(step batch id)
LONGEST_RING = 3.0  #: seconds; a queue server that hangs must not hold up a door
GATHER = 0.005  #: seconds that a ring waits for company: at a busy door many go in one round trip
_QUICK: Any = {"conn_timeout": 2, "conn_retries": 1, "conn_retry_delay": 0}
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


def redis_settings(url: str) -> RedisSettings:
    """arq's settings for an address: redis://host:6379/0, rediss:// over TLS, unix:///folder/redis.sock, or
    redis+sentinel://:password@host:26379,host:26379/name/0 where sentinels know which server is the master now.

    PostOfficeError: an address of another form.
    """
    if url.startswith("unix://"):
        return RedisSettings(unix_socket_path=url.removeprefix("unix://"), **_QUICK)
    scheme, _, rest = url.partition("://")
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        return _sentinels(rest, tls=scheme.startswith("rediss"))
    try:
        settings = RedisSettings.from_dsn(url)
    except (RuntimeError, ValueError):
        raise _bad_address() from None
    return replace(settings, **_QUICK)


def _sentinels(rest: str, *, tls: bool) -> RedisSettings:
    """`rest`: [[user]:password@]host:port,host:port/name[/database]. The password is the servers' own."""
    login, _, places = rest.rpartition("@")
    hosts, _, path = places.partition("/")
    name, _, number = path.partition("/")
    user, _, password = login.partition(":")
    try:
        sentinels = [
            (host, int(port or 26379))
            for host, _, port in (place.rpartition(":") if ":" in place else (place, "", "") for place in hosts.split(","))
        ]
        database = int(number or 0)
    except ValueError:
        raise _bad_address() from None
    if not name or not all(host for host, _ in sentinels):
        raise _bad_address()
    return RedisSettings(
        host=sentinels,
        sentinel=True,
        sentinel_master=unquote(name),
        database=database,
        username=unquote(user) or None,
        password=unquote(password) or None,
        ssl=tls,
        **_QUICK,
    )


def _bad_address() -> PostOfficeError:
    return PostOfficeError(
        "redis-address",
        "The address of the queue server cannot be read.",
        help="Write redis://host:6379/0, rediss://..., unix:///path, or redis+sentinel://host:26379,host:26379/name/0.",
    )


async def open_redis(url: str) -> ArqRedis:
    """A connection for those who only look. RedisError, OSError or TimeoutError where no server answers."""
    async with asyncio.timeout(LONGEST_RING):
        return await create_pool(redis_settings(url), job_serializer=serialize, job_deserializer=deserialize)


def queue_name(queue: str) -> str:
    """The key of a queue in Redis."""
    return f"postoffice:queue:{queue}"


class ArqBell:
    """ports.Bell over arq. A dead Redis is noted once and met again at the next ring; nothing waits for it."""

    def __init__(self, url: str, log: Log) -> None:
        self._settings = redis_settings(url)
        self._log = log
        self._pool: ArqRedis | None = None
        self._connecting = asyncio.Lock()
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
                pool = await self._connected()
                now = timestamp_ms()
                pipeline = pool.pipeline(transaction=False)
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
                return bool(await (await self._connected()).ping())
        except (RedisError, OSError, TimeoutError):
            return False

    async def _connected(self) -> ArqRedis:
        if self._pool is None:
            async with self._connecting:
                if self._pool is None:
                    self._pool = await create_pool(self._settings, job_serializer=serialize, job_deserializer=deserialize)
        return self._pool

    async def close(self) -> None:
        """Let go of connections."""
        if self._pool is not None:
            await self._pool.aclose()
