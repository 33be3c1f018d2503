"""`make up`: one command starts everything, Ctrl-C stops everything, the next start finds everything again."""

import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.real.office import POSTOFFICE, Office
from tests.servers import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def _health(office: Office) -> int:
    with urllib.request.urlopen(f"{office.url}/health", timeout=5) as answer:
        return int(answer.status)


def test_up_prints_where_and_stops_cleanly_and_finds_everything_again(tmp_path: Path) -> None:
    office = Office(tmp_path / "data").start()
    try:
        assert f"{office.url}/" in office.text
        assert office.printer_uri() in office.text
        wait_for(lambda: _health(office) == 200, 20, what="health")
        first = office.try_letters(3, "--through", "ipp")
        assert first["counts"]["delivered"] == 3
        token, children = office.printer_uri(), office.children()
        assert set(children) == {"redis", "serve", "work"}
        office.stop()
        assert all(not Path(f"/proc/{pid}").exists() for pid in children.values())
        office.start()
        assert office.printer_uri() == token
        assert office.try_letters(2, "--through", "ipp")["counts"]["delivered"] == 2
    finally:
        office.stop()


def test_a_second_office_in_the_same_folder_or_on_the_same_port_says_so(office: Office, tmp_path: Path) -> None:
    again = [*POSTOFFICE, "up", "--port", "1", "--data", str(office.data)]
    told = subprocess.run(again, capture_output=True, text=True, env=office.environment, check=False)
    assert told.returncode == 2
    assert "running in" in told.stderr
    elsewhere = [*POSTOFFICE, "up", "--port", str(office.port), "--data", str(tmp_path / "other")]
    told = subprocess.run(elsewhere, capture_output=True, text=True, env=office.environment, check=False)
    assert told.returncode == 2
    assert f"Port {office.port}" in told.stderr
    assert "make up PORT=" in told.stderr


def test_a_killed_redis_or_web_or_worker_comes_back_and_the_road_goes_on(tmp_path: Path) -> None:
    office = Office(tmp_path / "data").start()
    try:
        for kind in ("redis", "serve", "work"):
            gone = office.kill(kind)
            office.wait_for_child(kind, gone)
        wait_for(lambda: _answers(office), 20, what="health")
        assert office.try_letters(5, "--through", "ipp")["counts"]["delivered"] == 5
    finally:
        office.stop()


def _answers(office: Office) -> bool:
    try:
        return _health(office) == 200
    except OSError:
        return False


def test_a_long_data_folder_works_although_sockets_have_short_names(tmp_path: Path) -> None:
    office = Office(tmp_path / ("a" * 60) / ("b" * 60) / "data").start()
    try:
        assert office.try_letters(1, "--through", "ipp")["counts"]["delivered"] == 1
    finally:
        office.stop()
