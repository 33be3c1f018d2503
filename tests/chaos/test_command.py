"""A series of runs in several towns: one that breaks off is told, and does not end the others."""

import argparse
import sys
from multiprocessing.queues import SimpleQueue

import pytest

from tests.chaos import command
from tests.chaos.audit import Report
from tests.chaos.series import Outcome

pytestmark = pytest.mark.slow
BAD, CRASHES = 2, 4


def town(seeds: "SimpleQueue[int | None]", told: "SimpleQueue[Outcome | str | None]", _asked: argparse.Namespace, _name: str) -> None:
    """Breaks off at one seed, and dies without a word at another."""
    while (seed := seeds.get()) is not None:
        if seed == BAD:
            told.put(f"seed={seed} broke off: as it was told to")
            sys.exit(command.BROKE_OFF)
        if seed == CRASHES:
            sys.exit(7)
        told.put(Outcome(seed, 0.0, [], {"offers": Report(items=10)}))


def test_runs_that_break_off_do_not_end_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    done, total = command.wreck_all(argparse.Namespace(seed=1, runs=6, towns=1), town)
    said = capsys.readouterr().out
    assert (done, total.items) == (4, 40)
    assert "seed=2 broke off" in said and "ended with status 7" in said
    assert all(f"seed={seed} items=10" in said for seed in (1, 3, 5, 6))
