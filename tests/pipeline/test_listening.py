"""Carriers with a line of their own: one process listens, another takes over, broken lines are taken up again, changes are noticed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.ports import Abilities, Listener
from postoffice.model.states import EventKind
from postoffice.pipeline.listening import Listening
from postoffice.store import carriers, events
from tests.pipeline.house import Office, PlannedCarrier


class Line(PlannedCarrier):
    """A carrier with a line. `listening` counts those who listen; `breaks`: so often the line breaks at once."""

    def __init__(self) -> None:
        super().__init__("line", Abilities(Channel.SMS))
        self.listening = 0
        self.most = 0
        self.began = 0
        self.breaks = 0
        self.waiting: asyncio.Queue[Event] = asyncio.Queue()

    async def listen(self, hear: Callable[[Sequence[Event]], Awaitable[object]]) -> None:
        self.began += 1
        if self.breaks:
            self.breaks -= 1
            raise ConnectionResetError
        self.listening += 1
        self.most = max(self.most, self.listening)
        try:
            while True:
                await hear([await self.waiting.get()])
        finally:
            self.listening -= 1


@pytest.fixture
async def line(office: Office) -> Line:
    carrier = Line()
    assert isinstance(carrier, Listener)
    office.carriers.mine[Channel.SMS] = carrier
    async with office.house.database.write() as connection:
        carrier.row_id = await carriers.add(  # type: ignore[attr-defined]
            connection,
            organisation_id=office.organisation_id,
            name="line",
            kind="smpp",
            channel=Channel.SMS,
            settings={"one": 1},
            now=office.clock.now(),
        )
    return carrier


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(3):
        while not true():
            await asyncio.sleep(0.01)


async def answers(office: Office) -> list[str]:
    async with office.house.database.read() as connection:
        return [one.text for one in await events.loose(connection, office.organisation_id)]


def process(office: Office, name: str, **more: Any) -> Listening:
    return Listening(office.house, name, every=0.02, pause=0.02, **more)


async def test_one_listens_and_another_takes_over(office: Office, line: Line) -> None:
    stops = [asyncio.Event(), asyncio.Event()]
    running = [asyncio.create_task(process(office, f"p{number}").run(stop)) for number, stop in enumerate(stops)]
    await until(lambda: line.listening)
    await asyncio.sleep(0.1)
    assert line.most == 1
    line.waiting.put_nowait(Event(EventKind.REPLIED, office.clock.now(), text="Merci", detail={"from": "+336", "to": "+33"}))
    async with asyncio.timeout(3):
        while await answers(office) != ["Merci"]:
            await asyncio.sleep(0.02)
    for stop, task in zip(stops, running, strict=True):  # whoever it was, after the first one stopped the other listens
        stop.set()
        await task
        if stop is stops[0]:
            await until(lambda: line.listening)
    assert line.listening == 0 and line.most == 1


async def test_a_dead_owner_is_followed_when_its_lease_ends(office: Office, line: Line) -> None:
    dead, next_one = process(office, "dead", lease=timedelta(seconds=30)), process(office, "next")
    await dead.look()
    await until(lambda: line.began == 1)
    await next_one.look()
    await asyncio.sleep(0.05)
    assert line.began == 1
    office.clock.pass_by(seconds=31)
    await next_one.look()
    await until(lambda: line.began == 2)
    await dead.look()  # it was only slow: it notices that it is no longer the one
    await until(lambda: line.listening == 1)
    stop = asyncio.Event()
    stop.set()
    await next_one.run(stop)
    await dead.run(stop)


async def test_a_broken_line_is_taken_up_again(office: Office, line: Line) -> None:
    line.breaks = 3
    stop = asyncio.Event()
    task = asyncio.create_task(process(office, "p").run(stop))
    await until(lambda: line.listening)
    assert line.began == 4
    stop.set()
    await task


async def test_changes_at_the_desk_are_noticed(office: Office, line: Line) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(process(office, "p").run(stop))
    await until(lambda: line.listening)

    async def change(**values: Any) -> None:
        async with office.house.database.write() as connection:
            await carriers.update(connection, line.row_id, **values)  # type: ignore[attr-defined]

    await change(settings={"one": 2})
    await until(lambda: line.began == 2 and line.listening == 1)
    await change(enabled=False)
    await until(lambda: line.listening == 0)
    await change(enabled=True)
    await until(lambda: line.listening == 1)
    stop.set()
    await task


async def test_only_the_channels_of_this_worker(office: Office, line: Line) -> None:
    one = process(office, "p", channels=["email"])
    await one.look()
    await asyncio.sleep(0.03)
    assert line.began == 0
