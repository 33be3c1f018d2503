"""The installers as far as they can be tried without their systems: help, refusals, what they write, and that no token is told."""

import json
import os
import plistlib
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.printdrivers.fake_office import TOKEN, FakeOffice

pytestmark = pytest.mark.slow

PRINTDRIVERS = Path(__file__).resolve().parents[2] / "printdrivers"
SHELL = sorted([*PRINTDRIVERS.glob("*/*.sh"), *PRINTDRIVERS.glob("*/*.command")])
POWERSHELL = sorted(PRINTDRIVERS.glob("windows/*.ps1"))
INSTALL, REMOVE = PRINTDRIVERS / "linux/install.sh", PRINTDRIVERS / "linux/remove.sh"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home on a machine without systemd for users and without a screen."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (tools / "systemctl").chmod(0o755)
    return tmp_path


@pytest.fixture
def office() -> Iterator[FakeOffice]:
    with FakeOffice() as office:
        yield office


def run(home: Path, script: Path, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run([script, *words], input=said, env=environment, capture_output=True, text=True, timeout=20, check=False)


def test_the_folders_are_what_the_tests_look_at() -> None:
    assert len(SHELL) == 5
    assert len(POWERSHELL) == 3


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_shell_scripts_explain_themselves(script: Path, home: Path) -> None:
    assert os.access(script, os.X_OK)
    done = run(home, script, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {script.name}")
    assert run(home, script, "--no-such-option").returncode != 0
    if linter := shutil.which("shellcheck"):
        assert subprocess.run([linter, "-x", script], capture_output=True, text=True, check=False).stdout == ""


@pytest.mark.parametrize("script", POWERSHELL, ids=lambda path: path.name)
def test_powershell_scripts_can_be_read_by_windows_powershell(script: Path) -> None:
    text = script.read_bytes().decode("ascii")  # version 5.1 takes a file without a mark for the local code page
    assert text.startswith("<#\n.SYNOPSIS")
    declared = set(re.findall(r"\[(?:string|switch)\]\$(\w+)", text.split("param(")[1].split("\n$ErrorActionPreference")[0]))
    assert declared == set(re.findall(r"^\.PARAMETER (\w+)", text, re.MULTILINE))
    assert "Get-Help $PSCommandPath" in text


ADDRESS = f"ipp://127.0.0.1:9/ipp/print/{TOKEN}"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "address is missing"),
        (("http://127.0.0.1/ipp/print/x",), "must look like"),
        (("ipp://127.0.0.1/printers/x",), "must look like"),
        (("ipp://127.0.0.1/ipp/print/",), "must look like"),
        (("ipp://127.0.0.1/ipp/print/a/b",), "must end with the token"),
        (("ipp://127.0.0.1/ipp/print/a;reboot",), "character"),
        (("--name", "Post office", ADDRESS), "only letters"),
        (("--name", "-p", ADDRESS), "only letters"),
        (("--name",), "needs a value"),
        ((ADDRESS, ADDRESS), "only one"),
        (("--agent-only", "--desk", "ftp://x", ADDRESS), "must begin with http"),
        (("--agent-only", "--authority", "/no/such.pem", ADDRESS), "cannot read"),
    ],
)
def test_the_installer_refuses_with_a_reason(home: Path, words: tuple[str, ...], sentence: str) -> None:
    done = run(home, INSTALL, *words)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert not (home / ".config").exists()


def test_the_agent_is_installed_for_its_user_alone_and_removed(home: Path, office: FakeOffice) -> None:
    address = f"{office.desk.replace('http', 'ipp')}/ipp/print/{TOKEN}"
    for _ in range(2):  # again is no error
        done = run(home, INSTALL, "--agent-only", "--name", "Post", "-", said=address)
        assert done.returncode == 0, done.stderr
        assert TOKEN not in done.stdout + done.stderr
    settings = home / ".config/postoffice/agent-Post.json"
    assert json.loads(settings.read_text()) == {"desk": office.desk, "token": TOKEN}
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    desktop = (home / ".config/autostart/postoffice-agent-Post.desktop").read_text()
    assert f'Exec=python3 "{home}/.local/share/postoffice/agent.py" --printer Post' in desktop
    assert TOKEN not in desktop
    for _ in range(2):
        assert run(home, REMOVE, "--agent-only", "--name", "Post").returncode == 0
    assert [path for path in home.rglob("*") if path.is_file() and path.parent.name != "bin"] == []


def test_a_second_printer_keeps_its_agent(home: Path, office: FakeOffice) -> None:
    address = f"{office.desk.replace('http', 'ipp')}/ipp/print/{TOKEN}"
    for name in ("One", "Two"):
        assert run(home, INSTALL, "--agent-only", "--name", name, address).returncode == 0
    assert run(home, REMOVE, "--agent-only", "--name", "One").returncode == 0
    assert (home / ".local/share/postoffice/agent.py").exists()
    assert (home / ".config/postoffice/agent-Two.json").exists()


def test_a_desk_that_refuses_is_told_but_the_agent_stays(home: Path, office: FakeOffice) -> None:
    office.token = "another"
    address = f"{office.desk.replace('http', 'ipp')}/ipp/print/{TOKEN}"
    done = run(home, INSTALL, "--agent-only", address)
    assert done.returncode == 1
    assert "refuses this printer's token" in done.stderr
    assert "--desk" in done.stderr
    assert TOKEN not in done.stderr


@pytest.mark.parametrize(
    ("address", "desk"),
    [
        ("ipps://127.0.0.1:8631/ipp/print/x", "https://127.0.0.1"),
        ("ipps://[::1]:8631/ipp/print/x", "https://[::1]"),
        ("ipps://[::1]/ipp/print/x", "https://[::1]"),
        ("ipp://127.0.0.1/ipp/print/x", "http://127.0.0.1:631"),
    ],
)
def test_the_desk_is_found_from_the_printers_address(home: Path, address: str, desk: str) -> None:
    run(home, INSTALL, "--agent-only", address)
    assert json.loads((home / ".config/postoffice/agent-Post_Office.json").read_text())["desk"] == desk


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    unit = PRINTDRIVERS / "linux/postoffice-agent@.service"
    lines = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#"))
    assert lines["KillMode"] == "process"  # the browser must survive the agent
    assert lines["ExecStart"].endswith("/.local/share/postoffice/agent.py --printer %i")


def test_launchd_reads_the_property_list() -> None:
    text = (PRINTDRIVERS / "macos/org.postoffice.agent.plist").read_text()
    shape = plistlib.loads(text.replace("QUEUE", "Post").replace("HOME/", "/Users/x/").encode())
    assert shape["Label"] == "org.postoffice.agent.Post"
    assert shape["ProgramArguments"] == ["/bin/sh", "/Users/x/Library/Application Support/postoffice/agent.sh", "Post"]
    assert shape["RunAtLoad"] is True
