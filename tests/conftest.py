"""Fixtures that every room's tests share: a database of each kind, documents, a clock."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.store import people
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests import servers
from tests.migrated import in_a_loop, migrated, pattern, sqlite_at

SHARED = Path(__file__).resolve().parents[2] / "shared"


#: rooms of pages: an application is built for each of their tests, so that they wait for `make test`, but for a few of each
PAGES = ("desk", "portal")
LOOKED_AT_EACH_TIME = {
    "desk/test_guard.py",
    "desk/test_matrix.py",
    "desk/test_board.py",
    "portal/test_unsubscribe.py",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here)
        if place.parts[0] in PAGES and place.as_posix() not in LOOKED_AT_EACH_TIME:
            item.add_marker(pytest.mark.slow)


class FixedClock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_by(self, **span: float) -> None:
        self.time += timedelta(**span)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with servers.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file() -> Path:
    """A migrated SQLite database, to be copied."""
    return pattern()


@pytest.fixture(scope="session")
def migrated_template(postgresql_server: str) -> str:
    """The name of a migrated PostgreSQL database, to be copied."""
    url = sa.make_url(postgresql_server)
    in_a_loop(_administer(url, "CREATE DATABASE migrated"))
    in_a_loop(migrated(url.set(database="migrated").render_as_string(hide_password=False)))
    return "migrated"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty migrated database, once of each kind."""
    if request.param == "sqlite":
        base = sqlite_at(tmp_path / "office.db")
        yield base
        await base.close()
        return
    url = sa.make_url(request.getfixturevalue("postgresql_server"))
    name = f"t{os.getpid()}_{abs(hash(request.node.nodeid)) % 10**9}"
    template = request.getfixturevalue("migrated_template")
    await _administer(url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    base = Database(url.set(database=name).render_as_string(hide_password=False))
    yield base
    await base.close()
    await _administer(url, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _administer(url: sa.URL, statement: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(sa.text(statement))
    await engine.dispose()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(bytes(range(32)))


@pytest.fixture
async def organisation_id(database: Database, keyring: Keyring, clock: FixedClock) -> str:
    async with database.write() as connection:
        return await people.add_organisation(
            connection, name="Mairie de Test", slug="test", document_key=keyring.wrap(bytes(32)), now=clock.now()
        )


@pytest.fixture
def documents(tmp_path: Path) -> FileDocuments:
    async def key_of(organisation_id: str) -> bytes:
        return organisation_id.encode().ljust(32, b"k")[:32]

    return FileDocuments(tmp_path / "documents", key_of)
