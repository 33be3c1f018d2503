"""`postoffice printer`: the addresses by which computers print."""

import argparse
import asyncio
from urllib.parse import urlsplit

from postoffice.commands.common import add_data, open_rows, settings_of
from postoffice.model.errors import NotFound
from postoffice.settings import Settings
from postoffice.store import people, printers


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("printer", help="addresses of the virtual printers")
    verbs = parser.add_subparsers(dest="what", metavar="uri|list", required=True)
    uri = verbs.add_parser("uri", help="print a printer's address")
    uri.add_argument("--name", default="", help="of this printer (default: the first one)")
    uri.add_argument("--ipps", action="store_true", help="the address over TLS")
    add_data(uri)
    listing = verbs.add_parser("list", help="all printers and their tokens' labels")
    add_data(listing)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    settings = settings_of(arguments)
    for line in asyncio.run(_list(settings) if arguments.what == "list" else _uri(settings, arguments.name, arguments.ipps)):
        print(line)
    return 0


def uri_of(settings: Settings, token: str, *, ipps: bool = False) -> str:
    """The printer address of a token. Behind a proxy with a public address, that address; else this machine's ports."""
    parts = urlsplit(settings.url)
    host = parts.hostname or "localhost"
    secure = ipps or parts.scheme == "https"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if ipps and parts.scheme != "https":
        port = settings.tls_port or port
    return f"{'ipps' if secure else 'ipp'}://{host}:{port}/ipp/print/{token}"


async def _uri(settings: Settings, name: str, ipps: bool) -> list[str]:
    async with open_rows(settings) as (database, keyring), database.read() as connection:
        organisation = await people.first_organisation(connection)
        for printer in await printers.all_of(connection, organisation.id) if organisation else []:
            if name and printer.name != name:
                continue
            for token in await printers.tokens(connection, printer.id):
                if token.revoked_at is None:
                    return [uri_of(settings, keyring.printer_token(token.id), ipps=ipps)]
    raise NotFound("no-such-printer", f"There is no printer {name!r} with a valid token.", help="See `postoffice printer list`.")


async def _list(settings: Settings) -> list[str]:
    lines = []
    async with open_rows(settings) as (database, _), database.read() as connection:
        organisation = await people.first_organisation(connection)
        for printer in await printers.all_of(connection, organisation.id) if organisation else []:
            for token in await printers.tokens(connection, printer.id):
                state = "revoked" if token.revoked_at else "valid"
                lines.append(f"{printer.name}\t{token.label}\t{state}")
    return lines
