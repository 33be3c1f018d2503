"""Bad days: a full disk, a queue that hangs, a database that goes away. Clear words, nothing lost, nothing twice."""

import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from postoffice.compose.trial import trial_letters
from tests import servers
from tests.real.client import Api
from tests.real.office import Office

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 48 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


def test_a_full_disk_is_said_in_words_and_leaves_nothing_behind(small_disk: Path) -> None:
    office = Office(small_disk / "data", min_free_megabytes=1).start()
    try:
        api = Api(office, live=False)
        status, problem = api.upload(trial_letters(2) + bytes(60_000_000))
        assert status == 507
        assert problem["code"] == "disk-full"
        assert "Free some space" in str(problem["help"])
        assert list((office.data / "documents" / "incoming").iterdir()) == []
        assert api.call("GET", "/mailings?limit=10")["data"] == []
        assert office.try_letters(3, "--through", "ipp")["counts"]["delivered"] == 3
    finally:
        office.stop()


def test_a_queue_that_hangs_in_the_middle_delays_but_loses_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path / "data", chunk_delay_ms=100).start()
    try:
        api = Api(office, live=False)
        status, mailing = api.upload(trial_letters(200))
        assert status == 201
        path = f"/mailings/{mailing['id']}"
        api.until(path, lambda found: found["state"] == "waiting")
        redis = office.children()["redis"]
        os.kill(redis, signal.SIGSTOP)
        try:
            api.call("POST", f"{path}/send", {"options": {"channel": "post"}})
            handed = ("handed_over", "in_production", "mailed", "delivered")
            api.until(path, lambda found: sum(found["counts"].get(state, 0) for state in handed) == 200, 90)
        finally:
            os.kill(redis, signal.SIGCONT)
        api.until(path, lambda found: found["counts"].get("delivered") == 200, 90)
    finally:
        office.stop()


def test_a_database_that_goes_away_in_the_middle_is_waited_for(tmp_path: Path) -> None:
    with servers.postgresql_that_can_stop() as cluster:
        office = Office(tmp_path / "data", database_url=cluster.url, chunk_delay_ms=200, lease_seconds=5).start()
        try:
            api = Api(office, live=False)
            status, mailing = api.upload(trial_letters(300))
            assert status == 201
            path = f"/mailings/{mailing['id']}"
            api.until(path, lambda found: found["state"] == "waiting")
            api.call("POST", f"{path}/send", {"options": {"channel": "post"}})
            cluster.stop()
            with pytest.raises(urllib.error.HTTPError) as told:
                urllib.request.urlopen(f"{office.url}/health", timeout=30)
            told.value.close()
            assert told.value.code == 503
            cluster.start()
            api.until(path, lambda found: found["counts"].get("delivered") == 300, 150)
        finally:
            office.stop()
