"""A webhook's secret that two people replace at the same moment: each was shown one, and both sign."""

import asyncio

import pytest

from postoffice.store import hooks
from postoffice.store.database import Database
from postoffice.store.keys import Keyring
from tests.conftest import FixedClock
from tests.meanwhile import held_up

pytestmark = pytest.mark.slow


async def test_each_secret_that_was_shown_signs(database: Database, organisation_id: str, keyring: Keyring, clock: FixedClock) -> None:
    now = clock.now()
    values = {"url": "https://erp.example/post", "label": "", "kinds": (), "live": True, "now": now}
    async with database.write() as connection:
        key, first = await hooks.add(connection, keyring, organisation_id=organisation_id, **values)
        endpoint = await hooks.get(connection, organisation_id, key)

    async def rotate() -> str:
        async with database.write() as connection:
            return await hooks.rotate(connection, keyring, endpoint, now)

    async with database.write() as connection:
        second = await hooks.rotate(connection, keyring, endpoint, now)
        rotating = asyncio.create_task(rotate())
        await held_up(database, rotating)
    third = await rotating
    async with database.read() as connection:
        assert hooks.open_secrets(keyring, await hooks.get(connection, organisation_id, key), now) == [third, second, first]
