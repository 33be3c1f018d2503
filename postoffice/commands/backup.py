"""`postoffice backup FOLDER`: a copy of a running office from which it can be brought back whole."""

import argparse
import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.commands.common import add_data, settings_of
from postoffice.model.errors import PostOfficeError
from postoffice.settings import Settings
from postoffice.store import backup, dump, migrate
from postoffice.store.database import Database
from postoffice.store.keys import Keyring
from postoffice.store.shelf import StoreList
from postoffice.wiring import documents_place

#: of the data folder, beside database and documents: what carriers remember of hand-overs
KEPT = ("carriers",)
#: secrets in clear: only where asked for
SECRET = ("master.key", "tls", "office.env")


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("backup", help="copy the running office to a folder; only new documents are copied again")
    parser.add_argument("folder", type=Path, help="where the backups are, one beside the other")
    parser.add_argument("--with-key", action="store_true", help="also master.key, office.env and the printer's certificate, in clear")
    parser.add_argument("--copy", action="store_true", help="copy documents even where a hard link would do")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make a backup and say what it holds."""
    settings = settings_of(arguments)
    made = asyncio.run(make(settings, arguments.folder, with_key=arguments.with_key, link=not arguments.copy))
    if arguments.json:
        facts = {"backup": str(made.folder), "documents": made.documents, "new": made.fresh, "bytes": made.bytes}
        print(json.dumps(facts, indent=2))
        return 0
    print(f"{made.folder}: the database and {made.documents:,} documents ({made.fresh:,} new), {made.bytes / 1e6:,.1f} MB")
    if not arguments.with_key:
        print("The master key is not in it: keep a copy of master.key (or POSTOFFICE_MASTER_KEY) elsewhere, or nothing can be opened.")
    return 0


async def make(settings: Settings, folder: Path, *, with_key: bool = False, link: bool = True) -> backup.Copied:
    """A backup of the office that `settings` name. PostOfficeError where there is none, or where it cannot be copied."""
    if not settings.database_url and not (settings.data / "office.db").exists():
        raise PostOfficeError("no-office", f"There is no office in {settings.data}.", help="Name its folder with --data.")
    if folder.resolve().is_relative_to((settings.data / "documents").resolve()):
        raise PostOfficeError("backup-inside", "A backup cannot be among the documents it copies.", help="Choose another folder.")
    database = Database(settings.database)
    try:
        await migrate.check(database)
        async with database.read() as connection:
            schema = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    finally:
        await database.close()
    extra = {name: settings.data / name for name in (*KEPT, *(SECRET if with_key else ()))}
    facts = {
        "version": version("postoffice"),
        "schema": schema,
        "key": Keyring(settings.key).fingerprint() if settings.has_key else "",
    }
    return await asyncio.to_thread(_write, settings, folder, extra, facts, link)


def _write(settings: Settings, folder: Path, extra: Mapping[str, Path], facts: Mapping[str, Any], link: bool) -> backup.Copied:
    write = partial(backup.write, folder, settings.data, datetime.now(UTC), partial(dump.write, sa.make_url(settings.database)))
    place = documents_place(settings)
    if place is None:
        return write(extra=extra, facts=facts, link=link)
    with StoreList(place) as source:
        return write(extra=extra, facts=facts, link=link, source=source)
