"""The usual way to send to many: an arq job for each recipient, which marks its row, sends, and records. The engine's peer."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.worker import Worker, func

from postoffice.model.ids import new_id
from tests import servers

DELIVERIES = "create table each_d (id text primary key, state text, reference text, attempt integer)"
EVENTS = "create table each_e (id text primary key, delivery text, kind text)"
MARK = "update each_d set state = 'sending', attempt = attempt + 1 where id = $1 and state = 'queued'"
RECORD = "update each_d set state = 'handed_over', reference = id where id = $1 and state = 'sending'"
EVENT = "insert into each_e values ($1, $2, 'handed_over')"
AT_ONCE = 50


def on_sqlite(path: Path, count: int) -> float:
    """Recipients a second."""
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        for statement in ("pragma journal_mode=wal", "pragma synchronous=full", DELIVERIES, EVENTS):
            base.execute(statement)
        ids = [new_id() for _ in range(count)]
        base.executemany("insert into each_d values (?, 'queued', '', 0)", [(one,) for one in ids])

        async def send(_ctx: Any, one: str) -> None:
            base.execute(MARK.replace("$1", "?"), (one,))
            base.execute("begin immediate")
            base.execute(RECORD.replace("$1", "?"), (one,))
            base.execute(EVENT.replace("$1", "?").replace("$2", "?"), (new_id(), one))
            base.execute("commit")

        return asyncio.run(_run(send, ids))


def on_postgresql(url: str, count: int) -> float:
    """Recipients a second."""
    return asyncio.run(_on_postgresql(url, count))


async def _on_postgresql(url: str, count: int) -> float:
    host = str(sa.make_url(url).query["host"])
    async with asyncpg.create_pool(host=host, user="postgres", database="postgres", max_size=10) as pool:
        await pool.execute(DELIVERIES)
        await pool.execute(EVENTS)
        ids = [new_id() for _ in range(count)]
        await pool.executemany("insert into each_d values ($1, 'queued', '', 0)", [(one,) for one in ids])

        async def send(_ctx: Any, one: str) -> None:
            await pool.execute(MARK, one)
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(RECORD, one)
                await connection.execute(EVENT, new_id(), one)

        return await _run(send, ids)


async def _run(send: Any, ids: list[str]) -> float:
    """All jobs are there; a worker with generous settings works until none is left."""
    with servers.redis() as address:
        settings = RedisSettings(unix_socket_path=address.removeprefix("unix://"))
        pool: ArqRedis = await create_pool(settings)
        for one in ids:
            await pool.enqueue_job("send", one)
        worker = Worker(
            functions=[func(send, name="send", keep_result=0)],
            redis_pool=pool,
            burst=True,
            max_jobs=AT_ONCE,
            poll_delay=0.01,
            keep_result=0,
            queue_read_limit=10 * AT_ONCE,
            handle_signals=False,
            log_results=False,
        )
        start = time.perf_counter()
        await worker.async_run()
        spent = time.perf_counter() - start
        assert worker.jobs_complete == len(ids), (worker.jobs_complete, worker.jobs_failed)
        await worker.close()
    return len(ids) / spent
