"""Two things at the same moment: something happens between two transactions of a request, or one waits for the other's rows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.database import Database


class Seams(Database):
    """A database at whose n-th transaction, before it begins, something else is done first: once."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.url.render_as_string(hide_password=False))
        self.begun, self._at = 0, 0
        self._meanwhile: Callable[[], Awaitable[object]] | None = None

    def before(self, number: int, meanwhile: Callable[[], Awaitable[object]]) -> None:
        """Counted from now on; the first is 1."""
        self.begun, self._at, self._meanwhile = 0, number, meanwhile

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """See Database."""
        self.begun += 1
        if self._meanwhile is not None and self.begun == self._at:
            meanwhile, self._meanwhile = self._meanwhile, None
            await meanwhile()
        async with super().write() as connection:
            yield connection


async def held_up(database: Database, *tasks: asyncio.Task[Any]) -> None:
    """Wait until each of these waits for rows that somebody holds, or has ended. SQLite has one writer: whoever is second waits."""
    if database.is_sqlite:
        await asyncio.sleep(0.2)
        return
    locked = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    while (open_ones := [task for task in tasks if not task.done()]) and tasks:
        async with database.read() as connection:
            if int(await connection.scalar(locked) or 0) >= len(open_ones):
                return
        await asyncio.sleep(0.02)
