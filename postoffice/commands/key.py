"""`postoffice key`: API keys for programs, from the machine itself."""

import argparse
import asyncio
from datetime import UTC, datetime

from postoffice.commands.common import add_data, open_rows, settings_of
from postoffice.model.errors import NotFound
from postoffice.model.people import Role
from postoffice.settings import Settings
from postoffice.store import people


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("key", help="keys of programs for the REST API")
    verbs = parser.add_subparsers(dest="what", metavar="add|list|revoke", required=True)
    new = verbs.add_parser("add", help="make a key; its secret is printed once")
    new.add_argument("name")
    new.add_argument("--live", action="store_true", help="may send for real; otherwise the key stops at the sandbox")
    new.add_argument("--role", default="sender", choices=[role.value for role in Role])
    add_data(new)
    add_data(verbs.add_parser("list", help="all keys, without their secrets"))
    gone = verbs.add_parser("revoke", help="from now on the key opens nothing")
    gone.add_argument("id")
    add_data(gone)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    for line in asyncio.run(_run(settings_of(arguments), arguments)):
        print(line)
    return 0


async def _run(settings: Settings, arguments: argparse.Namespace) -> list[str]:
    now = datetime.now(UTC)
    async with open_rows(settings) as (database, _), database.write() as connection:
        organisation = await people.first_organisation(connection)
        if organisation is None:
            raise NotFound("no-office", "There is no organisation yet.", help="Run `postoffice migrate` or `make up` first.")
        if arguments.what == "add":
            _, secret = await people.add_api_key(
                connection,
                organisation_id=organisation.id,
                name=arguments.name,
                live=arguments.live,
                role=Role(arguments.role),
                created_by=None,
                now=now,
            )
            return [secret]
        if arguments.what == "revoke":
            await people.revoke_api_key(connection, organisation.id, arguments.id, now)
        keys = await people.all_api_keys(connection, organisation.id)
        return [f"{key.id}\t{key.prefix}...\t{key.name}\t{'revoked' if key.revoked_at else 'valid'}" for key in keys]
