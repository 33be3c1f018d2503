"""No package that is imported into our process obliges us to give its own terms to the whole: read from what is installed."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PIN = re.compile(r"^([a-z0-9-]+)==", re.MULTILINE)
_STRONG = re.compile(r"\bA?GPL|Affero|GNU General Public", re.IGNORECASE)
_FREER = re.compile(r"LGPL|Lesser|Library General", re.IGNORECASE)
#: tools that run as programs of their own, or whose other licence we take: name -> why
_SETTLED: dict[str, str] = {}


def _licences(found: Distribution) -> list[str]:
    """What a package says of its terms: expression, classifiers, or the short word of old."""
    said = found.metadata
    told = [said.get("License-Expression") or ""]
    told += [one for one in said.get_all("Classifier") or [] if one.startswith("License ::")]
    word = said.get("License") or ""
    return [one for one in (*told, word if len(word) < 200 else word[:200]) if one.strip() and one != "UNKNOWN"]


def strong(told: list[str]) -> bool:
    """Whether every choice that is offered is AGPL or GPL."""
    choices = [choice for one in told for choice in re.split(r"\bOR\b|/", one, flags=re.IGNORECASE)]
    return any(_STRONG.search(one) and not _FREER.search(one) for one in told) and all(
        _STRONG.search(one) and not _FREER.search(one) for one in choices
    )


def _running() -> list[Distribution]:
    found = []
    for name in _PIN.findall((ROOT / ".ci/run-pins.txt").read_text()):
        try:
            found.append(distribution(name))
        except PackageNotFoundError:  # of another system
            continue
    return found


def test_nothing_strong_runs_in_our_process() -> None:
    running = _running()
    if len(running) < 20:
        pytest.skip("the packages of a running office are not installed here")
    assert [one.name for one in running if strong(_licences(one)) and one.name not in _SETTLED] == []


def test_every_package_says_its_terms() -> None:
    silent = [
        one.name for one in _running() if not _licences(one) and not any("licen" in str(file).lower() for file in one.files or ())
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["AGPL-3.0-only"], True),
        (["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"], True),
        (["MIT OR GPL-2.0-only"], False),
        (["License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"], False),
        (["LGPL-3.0-or-later"], False),
        (["MPL-2.0"], False),
    ],
)
def test_what_counts_as_strong(told: list[str], expected: bool) -> None:
    assert strong(told) is expected
