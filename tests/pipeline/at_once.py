"""Two at once: something begins while another's transaction is open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.mailing import Mailing, Options
from postoffice.store import items
from tests.meanwhile import held_up
from tests.pipeline.house import Office, people_items

T = TypeVar("T")
AT_ONCE = pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # SQLite has one writer
ONE_BY_ONE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BY_SMS = Options(channel=Channel.SMS)


async def waits(office: Office, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Begin it, and see that it waits for rows that somebody holds."""
    task = asyncio.create_task(work)
    await held_up(office.house.database, task)
    assert not task.done(), "it did not wait"
    return task


@asynccontextmanager
async def meanwhile(office: Office, *works: Awaitable[Any], waits: bool = True) -> AsyncIterator[AsyncConnection]:
    """A transaction that is open while `works` begin, one after the other; what they raise is raised at its end.

    They come after what is done within, and wait: for rows (PostgreSQL), or for the whole database (SQLite).
    """
    tasks = []
    async with office.house.database.write() as connection:
        yield connection
        for work in works:
            tasks.append(asyncio.ensure_future(work))
            await held_up(office.house.database, *tasks)
        waited = [not task.done() for task in tasks]
    await asyncio.gather(*tasks)
    assert all(waited) or not waits


async def sent(office: Office, count: int, options: Options = BY_SMS, *, rounds: int = 20, **more: Any) -> Mailing:
    """A mailing that was sent; one round: it is planned, and nothing was handed over yet."""
    mailing = await office.drafts(people_items(count, **more), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work(rounds=rounds)
    return await office.mailing(mailing)


async def hold(connection: AsyncConnection, *item_ids: str) -> None:
    """Keep these items from others until the transaction ends."""
    for item_id in item_ids:
        await items.locked(connection, item_id)
