"""What several verbs share: which office is meant, and how an error is told."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from postoffice.logs import set_up
from postoffice.model.errors import PostOfficeError
from postoffice.model.ports import Log
from postoffice.settings import Settings, load

if TYPE_CHECKING:
    from postoffice.store.database import Database
    from postoffice.store.keys import Keyring


def add_data(parser: argparse.ArgumentParser) -> None:
    """The option that says which office is meant."""
    parser.add_argument("--data", type=Path, help="the office's data folder (default: $POSTOFFICE_DATA, or ./data)")


def settings_of(arguments: argparse.Namespace, **more: object) -> Settings:
    """The settings of the office that is meant."""
    return load(arguments.data, **more)


@asynccontextmanager
async def open_rows(settings: Settings) -> "AsyncIterator[tuple[Database, Keyring]]":
    """The office's database and keys, for verbs that need no more. PostOfficeError where there is no office yet."""
    if not settings.database_url and not (settings.data / "office.db").exists():
        raise PostOfficeError(
            "no-office",
            f"There is no office in {settings.data}.",
            help="Start one there with `make up`, or name its folder with --data.",
        )
    from postoffice.store.database import Database
    from postoffice.store.keys import Keyring

    database = Database(settings.database)
    try:
        yield database, Keyring(settings.key)
    finally:
        await database.close()


def start_log(settings: Settings, process: str) -> Log:
    """The log of a long-running verb."""
    return set_up(level=settings.log_level, as_json=settings.log_json, process=process)
