"""The database: SQLite (one host, WAL) or PostgreSQL, behind two context managers, `read` and `write`.

SQLite takes its write lock at BEGIN (IMMEDIATE): with the default deferred BEGIN most concurrent transactions fail "locked" at
their first write. Within one process writers also queue on a lock, so that they wait in turn and do not poll.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from postoffice.model.errors import PostOfficeError
from postoffice.store.lines import keep_watch
from postoffice.store.turns import Turns

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MS = 30_000  # another process may hold SQLite's write lock for a long import chunk


_decoder = json.JSONDecoder()


def from_json(text: str) -> Any:
    """What json.loads makes of a text, without its two searches for spaces around it, which our own texts do not have."""
    try:
        found, end = _decoder.raw_decode(text)
    except json.JSONDecodeError:
        return json.loads(text)
    return found if end == len(text) else json.loads(text)


def _read_address(url: str) -> sa.URL:
    """Its parts. PostOfficeError without the address, which may hold a password, where no driver of ours is named."""
    try:
        parts = sa.make_url(url)
    except (ArgumentError, ValueError):
        parts = None
    if parts is None or parts.drivername not in ("sqlite+aiosqlite", "postgresql+asyncpg"):
        raise PostOfficeError(
            "database-address",
            "The address of the database (POSTOFFICE_DATABASE_URL) cannot be used.",
            help="Write postgresql+asyncpg://user:password@host/name, or leave it empty for SQLite in the data folder.",
        )
    return parts


class Database:
    """Connections to one database. `read()` never waits for writers; `write()` commits at the end or rolls back."""

    def __init__(self, url: str) -> None:
        self.url = _read_address(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine: AsyncEngine = create_async_engine(
                self.url, poolclass=AsyncAdaptedQueuePool, pool_size=6, max_overflow=4, pool_timeout=60, json_deserializer=from_json
            )
            sa.event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        else:
            self.engine = create_async_engine(
                self.url, pool_size=10, max_overflow=10, pool_pre_ping=True, pool_timeout=30, json_deserializer=from_json
            )
            sa.event.listen(self.engine.sync_engine, "connect", keep_watch)
        self._writing = Turns()
        self._writer = _Standing(self.url, "sqlite-writer", "BEGIN IMMEDIATE")
        self._reader = _Standing(self.url, "sqlite-reader", "BEGIN")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries."""
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write; all or nothing. Never call a carrier in it."""
        if not self.is_sqlite:
            async with self.engine.begin() as connection:
                yield connection
            return
        async with self._writing, self.engine.connect() as connection:
            await connection.execution_options(immediate=True)
            async with connection.begin():
                yield connection

    async def at_once(self, work: Callable[[sa.Connection], T], before_commit: Awaitable[object] | None = None) -> T:
        """A short writing transaction in one go, for the hottest doors: `work` runs whole, in one hop to SQLite's thread, since
        awaiting each of its statements costs more than the statements themselves. `work` runs store.prepared's statements.

        It is committed once `before_commit` is done, and rolled back where that fails.
        """
        waited = asyncio.ensure_future(before_commit) if before_commit is not None else None
        if not self.is_sqlite:
            async with self.engine.begin() as connection:
                result = await connection.run_sync(work)
                if waited:
                    await asyncio.shield(waited)
                return result
        gate: Future[None] | None = None
        if waited:
            gate = Future()
            waited.add_done_callback(partial(_pass_on, gate))
        async with self._writing:
            return await self._writer.run(work, gate)

    async def look(self, work: Callable[[sa.Connection], T]) -> T:
        """A few short queries of one moment in one go, for the hottest doors; see `at_once`. Never waits for writers."""
        if not self.is_sqlite:
            async with self.engine.connect() as connection:
                return await connection.run_sync(work)
        return await self._reader.run(work)

    async def close(self) -> None:
        """Let go of all connections."""
        await self.engine.dispose()
        self._writer.close()
        self._reader.close()


class _Standing:
    """A connection to SQLite that stays open, with a thread of its own: `begin` and COMMIT are said to the driver, since SQLAlchemy's
    own cost half as much again as the work."""

    def __init__(self, url: sa.URL, name: str, begin: str) -> None:
        self._url, self._begin = url.set(drivername="sqlite"), begin
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: sa.Connection | None = None

    async def run(self, work: Callable[[sa.Connection], T], gate: "Future[None] | None" = None) -> T:
        """What `work` returns, after its transaction; `gate` is waited for before it is committed."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, self._in_one_go, work, gate))

    def _in_one_go(self, work: Callable[[sa.Connection], T], gate: "Future[None] | None") -> T:
        if self._connection is None:
            engine = sa.create_engine(
                self._url, poolclass=sa.StaticPool, connect_args={"check_same_thread": False}, json_deserializer=from_json
            )
            sa.event.listen(engine, "connect", _prepare_sqlite)
            self._connection = engine.connect()
        driver: Any = self._connection.connection.driver_connection
        _say(driver, self._begin)
        try:
            result = work(self._connection)
            if gate:
                gate.result()
            _say(driver, "COMMIT")
        except BaseException:
            driver.rollback()
            raise
        return result

    def close(self) -> None:
        """Let go of the connection and the thread."""
        if self._connection is not None:
            self._connection.close()
            self._connection.engine.dispose()
        self._thread.shutdown()


def _say(driver: sqlite3.Connection, word: str) -> None:
    """A word to the driver; a full disk and a lock that is not let go are told as SQLAlchemy tells them, which doors know."""
    try:
        driver.execute(word)
    except sqlite3.Error as error:
        raise sa.exc.DBAPIError.instance(word, None, error, sqlite3.Error) from error


def _pass_on(gate: "Future[None]", done: "asyncio.Future[object]") -> None:
    """Tell a waiting thread how an awaitable ended."""
    if done.cancelled():
        gate.set_exception(asyncio.CancelledError())
    elif error := done.exception():
        gate.set_exception(error)
    else:
        gate.set_result(None)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}", "cache_size=-8000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
