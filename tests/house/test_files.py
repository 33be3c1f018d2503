"""Rules about files: their length, their first words, and what none of them may name."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 400
#: written so that this file does not name what it forbids
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "deb.debian" + ".org", "proxy.go" + "lang.org")
MACHINES = ("/" + "work/", "/" + "home/runner/")
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X ", "NotImplemented" + "Error")
_SAYS = re.compile(r"""(\#.*\n|\s)*r?(\"{3}|\")\s*\S""")  #: a docstring stands first; to parse every module would take seconds
BINARY = {".png", ".pdf", ".jpg", ".ico", ".ttf", ".woff2", ".gz", ".tiff", ".pwg", ".urf", ".mo"}


def tracked() -> list[Path]:
    """Files that git knows, or those in the tree where it is no checkout (an unpacked release)."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    return [(path, path.read_text()) for path in tracked() if path.suffix not in BINARY]


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_files_fit_in_one_head() -> None:
    code = [path for path in tracked() if path.suffix == ".py" and "migrations" not in path.parts]
    assert code
    assert named([path for path in code if len(path.read_text().splitlines()) > LONGEST]) == []


def test_every_module_says_what_it_is_for() -> None:
    modules = [path for path in tracked() if path.suffix == ".py" and path.stat().st_size]
    assert named([path for path in modules if not _SAYS.match(path.read_text())]) == []


@pytest.mark.parametrize("words", [REGISTRIES, MACHINES, UNFINISHED], ids=["registries", "machines", "unfinished work"])
def test_no_file_names(words: tuple[str, ...]) -> None:
    assert [(str(path.relative_to(ROOT)), word) for path, text in texts() for word in words if word in text] == []


def test_no_lock_file_with_addresses() -> None:
    assert [
        path.name for path in tracked() if path.name in ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "package-lock.json")
    ] == []


def test_no_patching_in_tests() -> None:
    patching = re.compile(r"mock\.pat" + r"ch|monkeypatch\.set" + r"attr|mocker\.")
    assert named([path for path, text in texts() if path.suffix == ".py" and patching.search(text)]) == []


def test_top_level_is_what_newcomers_are_told() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in tracked() if len(path.relative_to(ROOT).parts) > 1}
    assert {name for name in folders if not name.startswith(".")} <= {
        "benchmarks",
        "docs",
        "postoffice",
        "printdrivers",
        "templates",
        "tests",
    }
