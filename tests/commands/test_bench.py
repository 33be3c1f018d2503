"""`postoffice bench`: what can be measured exists, and one that fails is a line of the table."""

import argparse
import importlib
from pathlib import Path

import pytest

from benchmarks import all as every
from postoffice.commands import bench

CHECKOUT = Path(__file__).resolve().parents[2]


def test_every_word_has_its_file_and_quick_counts_are_of_known_ones() -> None:
    for word in bench.WHAT:
        assert (CHECKOUT / "benchmarks" / f"{bench._MODULES.get(word, word)}.py").is_file(), word
    assert set(every.QUICK) | set(every.CURVES) <= set(bench.WHAT)


@pytest.mark.slow
def test_one_that_fails_is_told_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    told = every._measured(argparse.Namespace(quick=True), "no-such-bench", 1)
    assert "failed" in told and told["figures"]["seconds of the whole bench"] > 0
    every._print(argparse.Namespace(json=False), "no-such-bench", told)
    assert "failed" in capsys.readouterr().out


def test_the_first_and_the_last_fifth() -> None:
    """The rate of a campaign that slows down is seen to."""
    million = importlib.import_module("benchmarks.million")
    steady = [(float(second), 100) for second in range(101)]
    first, last = million._rates(steady)
    assert last == pytest.approx(first, rel=0.1)
    slowing = [(float(second) ** 2, 100) for second in range(101)]
    first, last = million._rates(slowing)
    assert last < first / 5
