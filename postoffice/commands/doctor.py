"""`postoffice doctor`: is the office well? A line for each thing: how it stands, what was found, what to do."""

import argparse
import asyncio
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources

from postoffice.channels.email.dns import DnsTools
from postoffice.commands.checkup import machine, servers, work
from postoffice.commands.checkup.line import Line, Verdict, bad, told
from postoffice.commands.common import add_data, open_rows, settings_of
from postoffice.house import SendingTools
from postoffice.model.errors import PostOfficeError
from postoffice.settings import Settings
from postoffice.store import troubles
from postoffice.store.database import Database
from postoffice.store.keys import Keyring
from postoffice.worker import QUEUES

OBSERVING = "postoffice.api.observing"
#: word -> the file that it prints
READY_MADE = {"dashboard": "grafana.json", "alerts": "alerts.yml"}


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("doctor", help="is the office well, and what is to be done? status 0 ok, 1 warnings, 2 bad")
    parser.add_argument("--json", action="store_true", help="a list of lines")
    parser.add_argument("--no-dns", action="store_true", help="ask no name server")
    parser.add_argument("--revive", metavar="BATCH", help="open work that was set aside again, once its cause was mended")
    parser.add_argument(
        "--dashboard", nargs="?", const="dashboard", choices=READY_MADE, help="print the Grafana dashboard, or `alerts` for Prometheus"
    )
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look, print; the worst verdict is the status."""
    if arguments.dashboard:
        print(ready_made(arguments.dashboard), end="")
        return 0
    settings = settings_of(arguments)
    if arguments.revive:
        print(asyncio.run(_revive(settings, arguments.revive)))
        return 0
    tools = None if arguments.no_dns else DnsTools(settings.dns)
    lines = asyncio.run(look(settings, os.environ, tools))
    worst = max(line.verdict for line in lines)
    if arguments.json:
        print(json.dumps({"verdict": worst.name.lower(), "lines": [line.as_dict() for line in lines]}, indent=2))
    else:
        for line in lines:
            print(f"{line.verdict.name.lower():5} {line.about}: {line.found}" + (f"\n      -> {line.todo}" if line.todo else ""))
    return int(worst)


def ready_made(word: str) -> str:
    """The dashboard or the alert rules that come with the package."""
    return (resources.files(OBSERVING) / READY_MADE[word]).read_text()


async def look(
    settings: Settings, environment: Mapping[str, str], tools: SendingTools | None, *, now: datetime | None = None
) -> list[Line]:
    """Everything, the machine first. `tools` None: no name server is asked. Nothing is changed."""
    now = now or datetime.now(UTC)
    lines = machine.settings_lines(settings, environment)
    lines += machine.key_lines(settings)
    lines += machine.disk_lines(settings)
    lines += await told("programs", machine.program_lines(settings))
    lines += await told("certificates", machine.certificate_lines(settings, now))
    lines += await told("traces", machine.traces_lines(settings))
    lines += await told("queue", servers.redis_lines(settings))
    lines += await told("documents", servers.store_lines(settings))
    try:
        database = Database(settings.database)
    except PostOfficeError as error:
        return [*lines, bad("database", error.message, error.help)]
    try:
        found, answers = await servers.database_lines(settings, database)
        lines += found
        if answers:
            lines += await _work(settings, database, tools, now)
    finally:
        await database.close()
    return lines


async def _work(settings: Settings, database: Database, tools: SendingTools | None, now: datetime) -> list[Line]:
    keyring = _keyring(settings)
    checks = [("stored keys", servers.stored_keys(database, keyring))] if keyring else []
    checks += [
        ("workers", work.worker_lines(database, QUEUES, now)),
        ("queue age", work.queue_lines(database, now)),
        ("stuck", work.stuck_lines(database, now)),
        ("set aside", work.dead_lines(database)),
        ("carriers", work.carrier_lines(database, now)),
    ]
    if keyring and tools:
        checks.append(("DNS", work.domain_lines(database, keyring, tools)))
    return [line for about, check in checks for line in await told(about, check)]


def _keyring(settings: Settings) -> Keyring | None:
    """None where there is no usable key: the line of the master key says so. Asking for a missing one would make it."""
    if not settings.has_key:
        return None
    try:
        return Keyring(settings.key)
    except ValueError:
        return None


async def _revive(settings: Settings, batch_id: str) -> str:
    async with open_rows(settings) as (database, _), database.write() as connection:
        step = await troubles.revive(connection, batch_id, datetime.now(UTC))
    return f"{step} {batch_id} is open again: the next free worker takes it. The audit trail says so."


__all__ = ["Line", "Verdict", "look"]
