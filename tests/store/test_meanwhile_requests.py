"""Somebody clicks twice: the data-protection officer is asked once."""

import asyncio

import pytest

from postoffice.store import contact_book, portal
from postoffice.store.database import Database
from tests.conftest import FixedClock
from tests.meanwhile import held_up

pytestmark = pytest.mark.slow


async def test_the_same_is_asked_once(database: Database, organisation_id: str, clock: FixedClock) -> None:
    async with database.write() as connection:
        new = contact_book.NewContact({"name": "Anne", "match_key": "anne"}, [], frozenset())
        (anne,) = await contact_book.add_all(connection, organisation_id, [new], clock.now())

    async def ask() -> bool:
        async with database.write() as connection:
            return await portal.ask(connection, organisation_id, anne, "erasure", {}, clock.now())

    async with database.write() as connection:
        assert await portal.ask(connection, organisation_id, anne, "erasure", {}, clock.now())
        again = asyncio.create_task(ask())
        await held_up(database, again)
    assert not await again
    async with database.read() as connection:
        assert len(await portal.requests(connection, organisation_id)) == 1
