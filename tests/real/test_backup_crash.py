"""Backup and restore are killed in the middle, again and again; what is left is the last good state, and the next try ends well."""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.commands.migrate import upgrade
from postoffice.settings import Settings
from postoffice.store import backup
from postoffice.store import schema as tables
from tests import servers
from tests.commands.office import Lying, lying
from tests.real.office import POSTOFFICE

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(240)]
DOCUMENTS = 300
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("POSTOFFICE_")}


def _start(*words: str, **settings: str) -> subprocess.Popen[bytes]:
    environment = ENVIRONMENT | settings
    return subprocess.Popen([*POSTOFFICE, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _run(*words: str, **settings: str) -> str:
    done = subprocess.run([*POSTOFFICE, *words], env=ENVIRONMENT | settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _killed(started: subprocess.Popen[bytes], begun: Path, pause: float) -> bool:
    """kill -9 `pause` seconds after `begun` is there; whether it was still at work."""
    end = time.monotonic() + 60
    while not begun.exists() and started.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(pause)
    in_the_middle = started.poll() is None
    if in_the_middle:
        started.send_signal(signal.SIGKILL)
    started.wait(60)
    return in_the_middle


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Lying:
    data = tmp_path_factory.mktemp("office") / "data"
    settings = Settings(data=data)
    asyncio.run(upgrade(settings))
    shutil.move(data / "office.db", data.parent / "empty.db")
    shutil.rmtree(data)
    return asyncio.run(lying(data, data.parent / "empty.db", letters=50, more_documents=DOCUMENTS))


def test_a_backup_that_is_killed_is_no_backup_and_the_next_one_is_whole(office: Lying, tmp_path: Path) -> None:
    """The documents' folder of the backup appears when copying begins: from there on is the middle."""
    data, kept = office.settings.data, tmp_path / "kept"
    rng, middle = random.Random(7), 0
    for _ in range(3):
        before = [one.name for one in backup.valid(kept)] if kept.exists() else []
        started = _start("backup", str(kept), "--copy", "--data", str(data))
        if _killed(started, kept / "documents" / office.organisation_id, rng.uniform(0, 0.05)):
            middle += 1
            assert [one.name for one in backup.valid(kept)] == before
        shutil.rmtree(kept / "documents", ignore_errors=True)
        for done in backup.valid(kept):  # one that was too quick: it counts for nothing here
            shutil.rmtree(done)
    assert middle >= 2, "no kill hit the middle"
    _killed(_start("backup", str(kept), "--copy", "--data", str(data)), kept / "documents" / office.organisation_id, 0.02)
    made = json.loads(_run("backup", str(kept), "--json", "--data", str(data)))
    assert made["documents"] == DOCUMENTS + 3 and list(kept.glob("*.part")) == []
    back = tmp_path / "back"
    back.mkdir()
    shutil.copy(data / "master.key", back)
    _run("restore", str(kept), "--data", str(back))
    _run("verify", "--deep", "--data", str(back))


def test_a_restore_that_is_killed_leaves_no_office_and_the_next_one_is_whole(office: Lying, tmp_path: Path) -> None:
    data, kept = office.settings.data, tmp_path / "kept"
    _run("backup", str(kept), "--with-key", "--data", str(data))
    rng, middle, back = random.Random(8), 0, tmp_path
    for number in range(3):
        back = tmp_path / f"back{number}"
        if _killed(_start("restore", str(kept), "--data", str(back)), back / "restore.part", rng.uniform(0, 0.15)):
            middle += 1
            assert not (back / "office.db").exists()
            _run("restore", str(kept), "--data", str(back))
            assert not (back / "restore.part").exists()
    told = json.loads(_run("verify", "--deep", "--json", "--data", str(back)))
    assert {one["word"]: one["looked"] for one in told["checks"]}["contents"] == DOCUMENTS + 3
    assert middle, "no kill hit the middle"


async def test_an_office_on_postgresql_comes_back(postgresql_server: str, tmp_path: Path) -> None:
    for program in ("pg_dump", "pg_restore", "psql"):
        servers.program(program)
    url = sa.make_url(postgresql_server)
    from tests.conftest import _administer

    urls = {name: url.set(database=name).render_as_string(hide_password=False) for name in ("lived_in", "blank")}
    for name in urls:
        await _administer(url, f"CREATE DATABASE {name}")
    await upgrade(Settings(data=tmp_path / "nothing", database_url=urls["lived_in"]))
    office = await lying(tmp_path / "data", letters=5, database_url=urls["lived_in"])
    kept, back = tmp_path / "kept", tmp_path / "back"
    full, blank = ({"POSTOFFICE_DATABASE_URL": urls[name]} for name in ("lived_in", "blank"))
    _run("backup", str(kept), "--with-key", "--data", str(office.settings.data), **full)
    refused = subprocess.run(
        [*POSTOFFICE, "restore", str(kept), "--data", str(back)], env=ENVIRONMENT | full, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2 and "office already" in refused.stderr
    _run("restore", str(kept), "--data", str(back), **blank)
    _run("verify", "--deep", "--data", str(back), **blank)
    settings = Settings(data=back, database_url=urls["blank"])
    there = Lying(settings, office.organisation_id, office.mailing_id, office.documents)
    assert await there.rows(tables.items.select()) == await office.rows(tables.items.select())
    onto_sqlite = subprocess.run(
        [*POSTOFFICE, "restore", str(kept), "--data", str(tmp_path / "lite")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert onto_sqlite.returncode == 2 and "backup of postgresql" in onto_sqlite.stderr
