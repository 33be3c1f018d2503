"""The workshop of child processes: what happens to work when its children die."""

import asyncio
import multiprocessing
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postoffice.model.errors import TimedOut
from postoffice.pdf import convert
from postoffice.workshop import ProcessWorkshop

pytestmark = pytest.mark.slow


@pytest.fixture
async def workshop() -> AsyncIterator[ProcessWorkshop]:
    shop = ProcessWorkshop(children=2, seconds=30, megabytes=1500)
    yield shop
    await asyncio.to_thread(shop.close)


def _kill_children() -> None:
    for child in multiprocessing.active_children():
        if child.pid:
            os.kill(child.pid, signal.SIGKILL)


async def test_idle_children_that_die_are_replaced(workshop: ProcessWorkshop) -> None:
    assert await workshop.run(abs, -1) == 1
    for _ in range(3):
        _kill_children()
        await asyncio.sleep(0.2)
        assert await workshop.run(abs, -2) == 2


async def test_work_goes_on_after_all_children_died_with_work_waiting(workshop: ProcessWorkshop) -> None:
    """The out-of-memory killer takes children; whatever became of what they had in hand, the next work is done."""
    assert await workshop.run(abs, -1) == 1
    waiting = [asyncio.create_task(workshop.run(abs, -number)) for number in range(200)]
    await asyncio.sleep(0)
    _kill_children()
    told = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 60)
    assert all(isinstance(one, int | TimedOut) for one in told), {type(one) for one in told}
    assert await asyncio.wait_for(workshop.run(abs, -3), 60) == 3


@pytest.mark.skipif(not shutil.which("gs"), reason="ghostscript is not installed")
async def test_a_program_that_a_child_starts_lives_within_the_child_s_bounds(workshop: ProcessWorkshop, tmp_path: Path) -> None:
    """Its own bounds are wider than the child's, which nobody may widen."""
    source, target = tmp_path / "one.ps", tmp_path / "one.pdf"
    source.write_text("%!PS-Adobe-3.0\n/Helvetica findfont 12 scalefont setfont 72 700 moveto (Bonjour) show showpage\n")
    await workshop.run(convert.to_pdf, source, "application/postscript", target)
    assert target.read_bytes().startswith(b"%PDF-")
