"""The end of a worker's ears: what they hang on is not waited for."""

import asyncio

from postoffice import worker


async def test_a_task_that_swallows_its_first_cancellation_ends_all_the_same() -> None:
    swallowed: list[str] = []

    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed.append("one")

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await worker.ended(task)
    assert task.cancelled() and swallowed == ["one"]


async def test_what_ends_by_itself_in_time_is_left_to_itself() -> None:
    task = asyncio.create_task(asyncio.sleep(0.05, "done"))
    await worker.ended(task, patience=10)
    assert task.result() == "done"


async def test_what_fails_is_told_by_the_task_and_raises_nothing() -> None:
    async def broken() -> None:
        raise OSError("the line is gone")

    task = asyncio.create_task(broken())
    await worker.ended(task, patience=1)
    assert isinstance(task.exception(), OSError)
