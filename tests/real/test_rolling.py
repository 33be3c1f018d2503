"""Deploys: `serve` and `work` refuse an older schema in clear words, work on with a newer one, and end politely on SIGTERM."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers

pytestmark = [pytest.mark.real, pytest.mark.slow]


def _start(verb: str, data: Path, log: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTOFFICE_")}
    port = str(servers.free_port())
    environment |= {"POSTOFFICE_REDIS_URL": f"unix://{data}/nobody.sock", "POSTOFFICE_IPPS_PORT": "-1", "POSTOFFICE_PORT": port}
    with open(log, "ab") as out:
        words = [sys.executable, "-m", "postoffice", verb, "--data", str(data)]
        return subprocess.Popen(words, env={**environment, "POSTOFFICE_LOG_JSON": "1"}, stdout=out, stderr=out)


def _at(data: Path, migrated: Path, revision: str) -> None:
    data.mkdir()
    shutil.copyfile(migrated, data / "office.db")
    base = sqlite3.connect(data / "office.db")
    base.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    base.commit()
    base.close()


@pytest.mark.parametrize("verb", ["serve", "work"])
def test_an_older_schema_is_refused(verb: str, tmp_path: Path, migrated_file: Path) -> None:
    _at(tmp_path / "data", migrated_file, "0001")
    process = _start(verb, tmp_path / "data", tmp_path / "log")
    assert process.wait(60) == 2
    said = (tmp_path / "log").read_text()
    assert "schema 0001" in said and "postoffice migrate" in said and "Traceback" not in said


@pytest.mark.parametrize(("verb", "ready"), [("serve", "web.ready"), ("work", "worker.ready")])
def test_a_newer_schema_is_taken_and_sigterm_ends(verb: str, ready: str, tmp_path: Path, migrated_file: Path) -> None:
    """The old version goes on while the new one is brought up, and makes way when it is told to."""
    _at(tmp_path / "data", migrated_file, "9999")
    log = tmp_path / "log"
    process = _start(verb, tmp_path / "data", log)
    try:
        servers.wait_for(lambda: ready in log.read_text(), 60, what=ready)
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text()
