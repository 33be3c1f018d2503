"""The REST door over a real house, on SQLite; `office_on_both` also on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postoffice.api import add_agent, add_api, add_health
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.conftest import FixedClock
from tests.doors import Office, add_organisation, open_office
from tests.migrated import sqlite_at

DOORS = (add_health, add_api, add_agent)


@pytest.fixture
async def office(documents: FileDocuments, keyring: Keyring, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    base = sqlite_at(tmp_path / "api.db")
    organisation_id = await add_organisation(base, keyring, clock)
    async with open_office(base, documents, keyring, clock, organisation_id, *DOORS) as opened:
        yield opened
    await base.close()


@pytest.fixture
async def office_on_both(
    database: Database, documents: FileDocuments, keyring: Keyring, clock: FixedClock, organisation_id: str
) -> AsyncIterator[Office]:
    async with open_office(database, documents, keyring, clock, organisation_id, *DOORS) as opened:
        yield opened
