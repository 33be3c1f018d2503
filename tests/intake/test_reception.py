"""Rings for readers: at once for a single mailing, after the burst for what comes in one."""

import asyncio
from pathlib import Path

from postoffice.intake.reception import Reception
from postoffice.model.ids import new_id
from postoffice.model.ports import Work
from postoffice.store.documents import FileDocuments
from tests.intake.ipp.fakes import MemoryBook
from tests.pipeline.house import SilentBell


def _reception(folder: Path, bell: SilentBell, *, calm: float, longest: float) -> Reception:
    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    return Reception(MemoryBook(), FileDocuments(folder, key_of), bell, calm=calm, longest_burst=longest)


async def _until_rung(bell: SilentBell, count: int) -> None:
    async with asyncio.timeout(20):
        while len(bell.rung) < count:
            await asyncio.sleep(0.01)


async def test_the_first_is_rung_for_at_once_and_a_burst_when_it_is_over(tmp_path: Path) -> None:
    bell = SilentBell()
    reception = _reception(tmp_path, bell, calm=0.7, longest=60)
    works = [Work("compose", new_id(), 1) for _ in range(21)]
    for number, work in enumerate(works):
        reception.ring_soon(work)
        await asyncio.sleep(0)
        assert len(bell.rung) == 1, number
    await _until_rung(bell, 21)
    assert [batch_id for _, batch_id, _ in bell.rung] == [work.batch_id for work in works]
    reception.ring_soon(works[0])
    await asyncio.sleep(0)
    assert len(bell.rung) == 22


async def test_a_burst_without_an_end_is_rung_for_in_between(tmp_path: Path) -> None:
    bell, sent = SilentBell(), 0
    reception = _reception(tmp_path, bell, calm=3600, longest=0.05)
    async with asyncio.timeout(20):
        while len(bell.rung) < 2:  # never calm: only the longest wait can ring for the second
            reception.ring_soon(Work("compose", new_id(), 1))
            sent += 1
            await asyncio.sleep(0.005)
    assert sent > 2
    await _until_rung(bell, sent)
