"""`postoffice events`: raw news is translated anew; which organisation may call its own network by webhook."""

import argparse
import asyncio
from datetime import UTC, datetime

from postoffice.commands.common import add_data, open_rows, settings_of, start_log
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.pipeline.hearing import replay
from postoffice.settings import Settings
from postoffice.store import hooks, people
from postoffice.wiring import open_house


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("events", help="news of carriers, and webhooks")
    verbs = parser.add_subparsers(dest="what", metavar="replay|inside", required=True)
    again = verbs.add_parser("replay", help="translate stored news anew; nothing that was told is told twice")
    again.add_argument("--carrier", help="only this carrier's news, by its name")
    again.add_argument("--since", help="only what came since then: ISO 8601, such as 2026-11-23 or 2026-11-23T09:00:00+01:00")
    again.add_argument("--failed", action="store_true", help="only what was not understood, or not wholly")
    again.add_argument("--organisation", help="only this organisation's, by its short name or id")
    add_data(again)
    inside = verbs.add_parser("inside", help="whether an organisation's webhooks may go into private networks and over plain http")
    inside.add_argument("allowed", choices=("yes", "no"))
    inside.add_argument("--organisation", help="its short name or id (default: the first one)")
    add_data(inside)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for. Status 1 where some news was not understood."""
    work = _replay if arguments.what == "replay" else _inside
    line, status = asyncio.run(work(settings_of(arguments), arguments))
    print(line)
    return status


async def _replay(settings: Settings, arguments: argparse.Namespace) -> tuple[str, int]:
    since = _moment(arguments.since) if arguments.since else None
    async with open_rows(settings) as (database, _), database.read() as connection:
        organisation = await people.named(connection, arguments.organisation) if arguments.organisation else None
    async with open_house(settings, start_log(settings, "events")) as house:
        pieces, written, wrong = await replay(
            house,
            organisation_id=organisation.id if organisation else None,
            carrier=arguments.carrier,
            since=since,
            failed=arguments.failed,
        )
    return f"{pieces} pieces of news read again: {written} new events, {wrong} pieces not understood", 1 if wrong else 0


async def _inside(settings: Settings, arguments: argparse.Namespace) -> tuple[str, int]:
    async with open_rows(settings) as (database, _), database.write() as connection:
        wanted = arguments.organisation
        organisation = await people.named(connection, wanted) if wanted else await people.first_organisation(connection)
        if organisation is None:
            raise NotFound("no-office", "There is no organisation yet.", help="Run `postoffice migrate` or `make up` first.")
        await hooks.allow_inside(connection, organisation.id, arguments.allowed == "yes")
    may = "may" if arguments.allowed == "yes" else "may not"
    return f"Webhooks of {organisation.slug} {may} go into private networks", 0


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PostOfficeError("bad-moment", f"'{text[:40]}' is no moment.", help="Write it as 2026-11-23T09:00:00+01:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
