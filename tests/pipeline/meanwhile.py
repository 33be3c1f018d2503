"""Two at once in an office: what begins while another transaction is open."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from tests.meanwhile import held_up
from tests.pipeline.house import Office

T = TypeVar("T")
AT_ONCE = pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # SQLite has one writer
ONE_BY_ONE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def waits(office: Office, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Begin it, and see that it waits for rows that somebody holds."""
    task = asyncio.create_task(work)
    await held_up(office.house.database, task)
    assert not task.done(), "it did not wait"
    return task
