"""Fixtures of the desk's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postoffice.compose.trial import trial_letters
from postoffice.model.people import User
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Browser, Office


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    """An office without mailings."""
    built = await house.build(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def user(office: Office) -> User:
    """An administrator who reads English."""
    return await office.add_user("alice@example.org", house.administrator())


@pytest.fixture
async def alice(office: Office, user: User) -> AsyncIterator[Browser]:
    """The administrator's browser."""
    async with house.browser(office, user) as browser:
        yield browser


@pytest.fixture(scope="session")
def letters() -> bytes:
    """A merged PDF of a few letters."""
    return trial_letters(5, 7)
