"""`postoffice restore FOLDER`: an office from a backup, into an empty data folder and an empty database."""

import argparse
import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.commands.common import add_data, settings_of
from postoffice.commands.migrate import bring_over, upgrade
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.settings import Settings
from postoffice.store import backup, dump
from postoffice.store.keys import Keyring
from postoffice.wiring import documents_place

#: where all of it is gathered and looked through before anything gets its name
PART = "restore.part"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("restore", help="bring an office back from a backup, into an empty data folder and database")
    parser.add_argument("folder", type=Path, help="where the backups are")
    parser.add_argument(
        "--which", default="", metavar="MOMENT", help="the name of one of them, such as 20261123T090000Z (default: newest)"
    )
    parser.add_argument("--list", action="store_true", help="only say which there are")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Restore, or list what could be."""
    if arguments.list:
        for one in backup.valid(arguments.folder):
            print(one.name)
        return 0
    settings = settings_of(arguments)
    name, number = restore(settings, arguments.folder, arguments.which)
    asyncio.run(upgrade(settings))
    if arguments.json:
        print(json.dumps({"backup": name, "documents": number}))
    else:
        print(f"{name} was restored with {number:,} documents. `postoffice verify --deep` looks through all of it.")
    return 0


def restore(settings: Settings, folder: Path, which: str = "") -> tuple[str, int]:
    """Bring a backup back; its name, and how many documents. Whatever breaks off, the next call begins anew.

    Conflict: there is an office already. PostOfficeError: the backup is damaged, or its master key is not at hand; nothing was
    changed then. Documents get their place first, the database last: what has no database is no office.
    """
    data, url = settings.data, sa.make_url(settings.database)
    chosen, manifest = backup.chosen(folder, which)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = data / PART
    _must_be_empty(data, url, begun=part.exists())
    backup.check_files(chosen, manifest)
    _must_open(settings, chosen, manifest)
    if part.exists():
        shutil.rmtree(part)
        shutil.rmtree(data / "documents", ignore_errors=True)  # the beginning of a restore that broke off
        shutil.rmtree(data / "carriers", ignore_errors=True)
    part.mkdir(mode=0o700)
    number = backup.take_documents(folder, chosen, part / "documents")
    place = documents_place(settings)
    if place is not None:
        asyncio.run(bring_over(settings, place, part / "documents"))
        shutil.rmtree(part / "documents")
    kept = chosen / "files"
    for source in sorted(kept.iterdir()) if kept.is_dir() else []:
        backup.copy_tree(source, part / source.name)
    for gathered in sorted(part.iterdir()):
        if not (data / gathered.name).exists():  # a key or settings that were laid there before come first
            gathered.rename(data / gathered.name)
    backup.sync_folder(data)
    dump.read(url, chosen / Path(str(manifest["database"]["file"])).name, str(manifest["database"]["kind"]))
    shutil.rmtree(part)
    return chosen.name, number


def _must_be_empty(data: Path, url: sa.URL, *, begun: bool) -> None:
    if not dump.is_empty(url):
        what = "The database holds an office already."
    elif not begun and any(path.name not in ("incoming", "plain") for path in _inside(data / "documents")):
        what = f"{data} holds documents already."
    else:
        return
    raise Conflict("office-there", f"{what} Nothing was changed.", help="Restore into an empty folder (--data) and an empty database.")


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _must_open(settings: Settings, chosen: Path, manifest: Mapping[str, Any]) -> None:
    """The key must be that of the backup: with another one no document, carrier or printer address would work again."""
    wanted = manifest.get("key", "")
    kept = chosen / "files" / "master.key"
    if settings.has_key:
        fits = Keyring(settings.key).fingerprint() == wanted
    else:
        fits = kept.is_file() and Keyring(bytes.fromhex(kept.read_text().strip())).fingerprint() == wanted
    if wanted and not fits:
        raise PostOfficeError(
            "backup-key",
            "The master key of this backup is not at hand. Nothing was changed.",
            help="Put master.key into the data folder, or set POSTOFFICE_MASTER_KEY, to the key that the office had.",
        )
