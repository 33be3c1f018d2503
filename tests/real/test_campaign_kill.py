"""A campaign against smtp-sink that refuses now and then, its worker killed -9 twice, paused and resumed: everybody once at most."""

import shutil
from pathlib import Path

import pytest

from benchmarks.campaign import hard_days
from tests.servers import open_to_all

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(400)]
COUNT = 2000


async def test_everybody_once_nobody_twice_those_who_opted_out_never(tmp_path: Path) -> None:
    if not (shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin")):
        pytest.skip("smtp-sink is not installed")
    open_to_all(tmp_path)
    found = await hard_days(tmp_path, COUNT, pause=0.3)
    assert found["got_it_twice"] == found["opted_out_who_got_it"] == found["got_it_after_opting_out"] == 0
    assert found["nobody_knows_why_not"] == 0
    told = sum(found.get(f"state_{state}", 0) for state in ("handed_over", "failed", "in_doubt"))
    assert told == COUNT - found["opted_out_before"]
    assert found["state_handed_over"] <= found["got_it_once"] <= found["state_handed_over"] + found.get("state_in_doubt", 0)
