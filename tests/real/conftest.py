"""One running office for the tests that only need one."""

from collections.abc import Iterator

import pytest

from tests.real.office import Office


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    running = Office(tmp_path_factory.mktemp("office") / "data").start()
    yield running
    running.stop()
