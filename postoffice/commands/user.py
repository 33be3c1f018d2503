"""`postoffice user`: make an account, or give one a new password, from the machine itself."""

import argparse
import asyncio
import secrets
from datetime import UTC, datetime

from postoffice.commands.common import add_data, open_rows, settings_of
from postoffice.model.errors import NotFound
from postoffice.model.people import Grant, Role
from postoffice.settings import Settings
from postoffice.store import factors, people


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("user", help="accounts of people at the desk")
    verbs = parser.add_subparsers(dest="what", metavar="add|password|second-factor|list", required=True)
    new = verbs.add_parser("add", help="make an account; prints its first password")
    new.add_argument("email")
    new.add_argument("--name", default="")
    new.add_argument(
        "--role", action="append", choices=[role.value for role in Role], help="may be given several times (default: sender)"
    )
    add_data(new)
    change = verbs.add_parser("password", help="give an account a new first password and end its sessions")
    change.add_argument("email")
    add_data(change)
    lost = verbs.add_parser("second-factor", help="take away the second factor of somebody who lost it, and end their sessions")
    lost.add_argument("email")
    add_data(lost)
    add_data(verbs.add_parser("list", help="all accounts"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    for line in asyncio.run(_run(settings_of(arguments), arguments)):
        print(line)
    return 0


async def _run(settings: Settings, arguments: argparse.Namespace) -> list[str]:
    now, password = datetime.now(UTC), secrets.token_urlsafe(12)
    hashed = await people.hash_password(password)
    async with open_rows(settings) as (database, _), database.write() as connection:
        organisation = await people.first_organisation(connection)
        if organisation is None:
            raise NotFound("no-office", "There is no organisation yet.", help="Run `postoffice migrate` or `make up` first.")
        if arguments.what == "list":
            users = await people.all_users(connection, organisation.id)
            return [f"{user.email}\t{', '.join(grant.role.value for grant in user.grants)}" for user in users]
        if arguments.what == "add":
            user_id = await people.add_user(
                connection,
                organisation_id=organisation.id,
                email=arguments.email,
                name=arguments.name or arguments.email.partition("@")[0],
                password=hashed,
                roles=[Grant(Role(word)) for word in arguments.role or ["sender"]],
                now=now,
                language=organisation.language,
                must_change=True,
            )
        else:
            user = await people.user_by_email(connection, arguments.email)
            if user is None:
                raise NotFound("no-such-user", "There is no such account.", help="See `postoffice user list`.")
            user_id = user.id
            if arguments.what == "second-factor":
                await factors.forget_all(connection, user.id)
            else:
                await people.set_password(connection, user.id, hashed, must_change=True)
        action = "user.second-reset" if arguments.what == "second-factor" else f"user.{arguments.what}"
        await people.note(connection, organisation_id=organisation.id, actor="office", action=action, subject=user_id, now=now)
    if arguments.what == "second-factor":
        return [f"{arguments.email}\t(signs in by password alone)"]
    return [f"{arguments.email}\t{password}\t(to be changed at the first sign-in)"]
