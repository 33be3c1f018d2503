"""Two at once: what begins while another transaction is open."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def waits(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Begin it, and see that it waits: for the rows that are held (PostgreSQL), or for the whole database (SQLite)."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0.3)
    assert not task.done(), "it did not wait"
    return task
