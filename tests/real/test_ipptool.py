"""The printer under CUPS's own conformance suites: no failure, and every test really run."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from tests.intake.ipp.fakes import TOKEN, Office
from tests.real import ipptool

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(bool(ipptool.missing()), reason=f"needs {ipptool.missing()} (Debian: cups-ipp-utils, ghostscript)"),
]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ipptool")
    ipptool.prepare(folder)
    return folder


@pytest.fixture
async def uri(tmp_path: Path) -> AsyncIterator[str]:
    office = Office(tmp_path, ready_after=timedelta(seconds=0.5))
    async with TestServer(office.app) as server:
        yield f"ipp://localhost:{server.port}/ipp/print/{TOKEN}"


@pytest.mark.parametrize("suite", ipptool.SUITES)
async def test_suite_has_no_failure_and_runs_in_full(suite: str, uri: str, workdir: Path) -> None:
    counts = await ipptool.run_suite(uri, suite, workdir)
    assert counts.failed == 0, counts.failures()
    assert counts.run == ipptool.SUITES[suite], counts.output[-2000:]
    assert counts.passed >= 40, counts.output[-2000:]
