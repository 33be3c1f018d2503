"""Never lost, never twice: real processes are killed, frozen, stopped and started at random while they send; then an auditor counts.

A short run is part of `make test`; `make chaos RUNS=200 SEED=1` wrecks longer. The same seed does the same.
"""

import os
from pathlib import Path

import pytest

from tests.chaos.control import checkpoint_sender_loses
from tests.chaos.series import open_world, run

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]
SEED = int(os.environ.get("CHAOS_SEED", "7"))
COUNT = 600


def test_nothing_is_lost_and_nothing_goes_twice(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        outcome = run(world, SEED, 6, COUNT)
        print(f"\n{outcome.line}")  # noqa: T201
        assert outcome.total.faults == [], f"{outcome.line}\n{world.town.log.read_text()[-3000:]}"
        assert outcome.total.items >= COUNT and outcome.faults


def test_the_harness_finds_what_a_careless_sender_loses() -> None:
    assert checkpoint_sender_loses(400, SEED) > 0
    assert checkpoint_sender_loses(400, SEED, kills=0) == 0, "left alone, it loses nobody: it is the kills that do it"
