"""`postoffice work`: a worker process; as many as you like, on as many machines."""

import argparse
import asyncio

from postoffice.commands.common import add_data, settings_of, start_log
from postoffice.settings import Settings
from postoffice.store import migrate
from postoffice.store.bell import ArqBell
from postoffice.wiring import open_house, owner_name
from postoffice.worker import QUEUES, Worker, rest_collector


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("work", help="run a worker")
    parser.add_argument("--queues", default=",".join(QUEUES), help=f"kinds of work, of {','.join(QUEUES)} (default: all)")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Work until told to stop."""
    queues = [word for word in arguments.queues.split(",") if word]
    unknown = sorted(set(queues) - set(QUEUES))
    if unknown or not queues:
        print(f"postoffice: there is no queue {', '.join(unknown) or '(empty)'}; there are {', '.join(QUEUES)}.")
        return 2
    asyncio.run(_work(settings_of(arguments), queues))
    return 0


async def _work(settings: Settings, queues: list[str]) -> None:
    log = start_log(settings, "worker")
    async with open_house(settings, log) as house:
        assert isinstance(house.bell, ArqBell)
        await migrate.check(house.database)
        rest_collector()
        await Worker(house, house.bell, settings.redis, queues, owner_name()).run()
