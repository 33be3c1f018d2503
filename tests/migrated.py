"""Migrated SQLite databases for tests: migrating costs more than most tests, so that a file is migrated once and copied."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from postoffice.store import migrate
from postoffice.store.database import Database


def sqlite_at(path: Path) -> Database:
    """An empty migrated database in a new file; the caller closes it."""
    shutil.copyfile(pattern(), path)
    return Database(f"sqlite+aiosqlite:///{path}")


@cache
def pattern() -> Path:
    """The file that is copied: nobody writes into it."""
    kept.append(folder := tempfile.TemporaryDirectory(prefix="postoffice-migrated-"))
    path = Path(folder.name) / "office.db"
    in_a_loop(migrated(f"sqlite+aiosqlite:///{path}"))
    return path


kept: list[tempfile.TemporaryDirectory[str]] = []  #: removed when the process ends


async def migrated(url: str) -> None:
    """Bring a database up to date."""
    base = Database(url)
    await migrate.upgrade(base)
    await base.close()


def in_a_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end in a loop of its own, whether one is running here or not."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, work).result()
