"""What `make setup` installs: one list of packages, one set of pins, and nothing that starts behind the user's back."""

import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(r"^([a-z0-9-]+)==([^ \\\n]+)", re.MULTILINE)


def lines(name: str) -> list[str]:
    return [line for line in (ROOT / ".ci" / name).read_text().splitlines() if line and not line.startswith("#")]


def plain(requirement: str) -> str:
    """The project's name in a requirement, as pins write it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement)[0]).lower()


def test_pins_of_a_running_office_are_among_all_pins() -> None:
    everything = dict(PIN.findall((ROOT / "constraints.txt").read_text()))
    running = dict(PIN.findall((ROOT / ".ci/run-pins.txt").read_text()))
    assert running
    assert {name: pin for name, pin in running.items() if everything.get(name) != pin} == {}
    extras = PROJECT["optional-dependencies"]
    assert {plain(one) for one in PROJECT["dependencies"] + extras["build"]} <= running.keys()
    assert {plain(one) for extra in extras.values() for one in extra} <= everything.keys()
    assert "pytest" not in running
    traced = dict(PIN.findall((ROOT / ".ci/traces-pins.txt").read_text()))
    assert {name: pin for name, pin in traced.items() if everything.get(name) != pin} == {}
    assert running.items() < traced.items() and {plain(one) for one in extras["traces"]} <= traced.keys()


@pytest.mark.parametrize("pins", ["run-pins.txt", "traces-pins.txt"])
def test_every_pin_that_is_installed_carries_its_hashes(pins: str) -> None:
    chosen = subprocess.run([ROOT / ".ci/run-constraints", pins], capture_output=True, text=True, check=True).stdout
    assert len(PIN.findall(chosen)) == len(PIN.findall((ROOT / ".ci" / pins).read_text()))
    blocks = re.split(r"\n(?=[a-z])", chosen.strip())
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", ["packages-run.txt", "packages-test.txt"])
@pytest.mark.slow
def test_debian_knows_the_packages(name: str) -> None:
    if not shutil.which("apt-cache"):
        pytest.skip("not a Debian or Ubuntu machine")
    known = set(subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=True).stdout.split())
    if len(known) < 10_000:
        pytest.skip("apt has no package lists here (apt-get update)")
    unknown = [line for line in lines(name) if not line.startswith("?") and not known & set(line.replace("|", " ").split())]
    assert unknown == []


@pytest.mark.parametrize(("script", "kind"), [("packages", "run"), ("venv", "run"), ("venv", "all")])
def test_a_second_run_does_nothing_and_is_quick(script: str, kind: str) -> None:
    if not (ROOT / ".venv/.state").exists() or not shutil.which("dpkg-query"):
        pytest.skip("this checkout was not set up by make")
    if kind == "all" and not (ROOT / ".venv/.state").read_text().startswith("all"):
        pytest.skip("only what a running office needs was installed")
    began = time.monotonic()
    done = subprocess.run([ROOT / ".ci" / script, kind], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 5


def test_another_system_is_told_what_to_install(tmp_path: Path) -> None:
    for name in ("bash", "cat", "dirname", "grep", "sed"):  # a machine without dpkg-query and apt-get
        (tmp_path / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    done = subprocess.run([ROOT / ".ci/packages", "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "neither Debian nor Ubuntu" in done.stderr
    assert "    ghostscript" in done.stderr


def test_a_half_made_environment_is_mended(tmp_path: Path) -> None:
    """With a Python and a pip that only write down what they are asked for."""
    for name in ("constraints.txt", "pyproject.toml", ".ci"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / ".ci/python").write_text(f"#!/bin/sh\necho {tmp_path}/python3\n")
    (tmp_path / "python3").write_text(
        '#!/bin/sh\necho "$*" >>"$CALLS"\ncase $1 in -m) [ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"'
        ' && echo "#!$PWD/.venv/bin/python" >"$3/bin/pip" ;; esac\nexit 0\n'
    )
    (tmp_path / "python3").chmod(0o755)
    calls = tmp_path / "calls"

    def venv() -> list[str]:
        calls.write_text("")
        environment = {**os.environ, "CALLS": str(calls)}
        subprocess.run([tmp_path / ".ci/venv", "run"], env=environment, check=True, capture_output=True)
        return [line for line in calls.read_text().splitlines() if " -m " in f" {line}"]

    assert any("venv" in line for line in venv())
    assert venv() == []
    (tmp_path / ".venv/.unfinished").touch()  # an interrupted run leaves this
    assert any("venv" in line for line in venv())
    (tmp_path / "pyproject.toml").write_text("# changed")
    again = venv()
    assert any("--require-hashes" in line for line in again)
    assert not any("-m venv" in line for line in again)


def test_continuous_integration_runs_what_developers_run() -> None:
    assert re.search(r"^exec make .*\btest\b", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert os.access(ROOT / ".ci/run", os.X_OK)
    told = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    assert {"up", "setup", "test", "check", "format", "constraints", "clean"} <= set(re.findall(r"^make ([a-z-]+)", told, re.MULTILINE))
