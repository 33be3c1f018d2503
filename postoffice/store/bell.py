"""The bell: arq's queue, used only to wake workers. What it loses the reconciler rings again.

JSON instead of pickle: whoever reaches Redis must not be able to run code here.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from arq.utils import timestamp_ms
from redis.exceptions import RedisError

from postoffice.model.ports import Log

JOB = "work"  #: the one arq function: work(step batch id)
LONGEST_RING = 3.0  #: seconds; a queue server that hangs must not hold up a door
GATHER = 0.005  #: seconds that a ring waits for company: at a busy door many go in one round trip
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
    """arq's settings for an address such as redis://host:6379/0 or unix:///folder/redis.sock."""
    if url.startswith("unix://"):
        path = url.removeprefix("unix://")
        return RedisSettings(unix_socket_path=path, conn_timeout=2, conn_retries=1, conn_retry_delay=0)
    settings = RedisSettings.from_dsn(url)
    settings.conn_timeout, settings.conn_retries, settings.conn_retry_delay = 2, 1, 0
    return settings


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
