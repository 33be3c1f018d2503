"""Turns: one at a time, urgent first, and nobody who was cancelled keeps the door shut."""

import asyncio
import contextlib

from postoffice.store.turns import Turns, urgent


async def _take(turns: Turns, name: str, came: list[str], *, hurry: bool = False) -> None:
    urgent.set(hurry)  # a task has a context of its own
    async with turns:
        came.append(name)
        await asyncio.sleep(0)
        assert came[-1] == name, "alone"


async def test_urgent_ones_first_then_in_the_order_of_coming() -> None:
    turns, came = Turns(), list[str]()
    async with turns:
        waiting = [asyncio.create_task(_take(turns, name, came, hurry=name.isupper())) for name in "abXcY"]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert came == ["X", "Y", "a", "b", "c"]
    async with asyncio.timeout(1):
        await _take(turns, "again", came)


async def test_a_cancelled_one_passes_its_turn_on() -> None:
    turns, came = Turns(), list[str]()
    async with turns:
        gone = asyncio.create_task(_take(turns, "gone", came))
        late = asyncio.create_task(_take(turns, "late", came))
        after = asyncio.create_task(_take(turns, "after", came))
        await asyncio.sleep(0)
        late.cancel()
    gone.cancel()  # its turn came this very moment
    with contextlib.suppress(asyncio.CancelledError):
        await gone
    async with asyncio.timeout(1):
        await after
    assert came == ["after"]
