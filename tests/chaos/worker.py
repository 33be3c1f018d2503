"""What the town's processes do: `postoffice work` with a clock that jumps, and `postoffice serve`. Settings: the environment."""

import asyncio
from pathlib import Path

from postoffice.__main__ import main
from postoffice.commands.common import start_log
from postoffice.settings import Settings, load
from postoffice.store import migrate
from postoffice.store.bell import ArqBell
from postoffice.wiring import open_house, owner_name
from postoffice.worker import Worker
from tests.chaos.clock import JumpingClock


async def _work(settings: Settings, queues: list[str], clock: Path) -> None:
    async with open_house(settings, start_log(settings, "worker"), JumpingClock(clock)) as house:
        assert isinstance(house.bell, ArqBell)
        await migrate.check(house.database)
        await Worker(house, house.bell, settings.redis, queues, owner_name()).run()


def work(queues: str, clock: str) -> None:
    """Until it is told to stop."""
    asyncio.run(_work(load(), queues.split(","), Path(clock)))


def serve() -> None:
    """`postoffice serve`."""
    main(["serve"])
