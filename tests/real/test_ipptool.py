"""The printer of a running office under CUPS's own conformance suites: no failure, and every test really run."""

from pathlib import Path

import pytest

from tests.real import ipptool
from tests.real.office import Office

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(bool(ipptool.missing()), reason=f"needs {ipptool.missing()} (Debian: cups-ipp-utils, ghostscript)"),
]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ipptool")
    ipptool.prepare(folder)
    return folder


@pytest.mark.parametrize("suite", ipptool.SUITES)
async def test_suite_has_no_failure_and_runs_in_full(suite: str, office: Office, workdir: Path) -> None:
    counts = await ipptool.run_suite(office.printer_uri(), suite, workdir)
    assert counts.failed == 0, counts.failures()
    assert counts.run == ipptool.SUITES[suite], counts.output[-2000:]
    assert counts.passed >= 40, counts.output[-2000:]
