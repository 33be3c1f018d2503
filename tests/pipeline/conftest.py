"""The office that the pipeline's tests walk through, on each kind of database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.pipeline.house import Office, open_office


@pytest.fixture
async def office(
    database: Database, documents: FileDocuments, keyring: Keyring, clock: Any, organisation_id: str
) -> AsyncIterator[Office]:
    clock.time = datetime.now(UTC)  # the sandbox looks at the real one
    opened = await open_office(database, documents, keyring, clock, organisation_id)
    yield opened
    await opened.carriers.real.close()
