"""`postoffice work` with a clock that jumps: `python -m tests.chaos.worker QUEUES CLOCK`. Settings come from the environment."""

import asyncio
import sys
from pathlib import Path

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


if __name__ == "__main__":
    asyncio.run(_work(load(), sys.argv[1].split(","), Path(sys.argv[2])))
