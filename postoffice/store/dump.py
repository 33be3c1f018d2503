"""The database alone, out and in: SQLite by its own backup, PostgreSQL by pg_dump and pg_restore. Blocking; call it in a thread."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.model.errors import PostOfficeError
from postoffice.store.backup import sync_folder

SQLITE, POSTGRESQL = "sqlite", "postgresql"


def write(url: sa.URL, folder: Path) -> Mapping[str, Any]:
    """Write a consistent copy of a database in use into `folder`; {"kind", "file"}. PostOfficeError: it could not be."""
    if url.get_backend_name() == SQLITE:
        _copy_sqlite(Path(str(url.database)), folder / "office.db")
        return {"kind": SQLITE, "file": "office.db"}
    target = folder / "office.dump"
    _run("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])
    target.chmod(0o600)
    return {"kind": POSTGRESQL, "file": "office.dump"}


def read(url: sa.URL, source: Path, kind: str) -> None:
    """Bring a copy back into an empty database, whole or not at all. PostOfficeError: of another kind, or it could not be."""
    if url.get_backend_name() != kind:
        raise PostOfficeError(
            "backup-kind",
            f"This is a backup of {kind}; the office's database is {url.get_backend_name()}.",
            help="Set POSTOFFICE_DATABASE_URL to a database of that kind, or leave it empty for SQLite.",
        )
    if kind == SQLITE:
        target = Path(str(url.database))
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(target.name + ".part")
        _copy_sqlite(source, part)
        part.replace(target)
        sync_folder(target.parent)
    else:
        words = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", f"--dbname={url.database}", str(source)]
        _run("pg_restore", url, words)


def is_empty(url: sa.URL) -> bool:
    """Whether there is no office in a database. PostOfficeError: it does not answer."""
    if url.get_backend_name() == SQLITE:
        return not Path(str(url.database)).exists()
    query = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    return _run("psql", url, ["--no-psqlrc", "--tuples-only", "--no-align", f"--command={query}"]).strip() == "0"


def _copy_sqlite(source: Path, target: Path) -> None:
    """All pages in one step: a reader of the write-ahead log sees one moment and holds up no writer. Then looked through, synced."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as reading,
            contextlib.closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            (told,) = writing.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise PostOfficeError(
            "database-copy",
            f"The database could not be copied: {error}.",
            help="Name a folder on a disk with more room, and see that the office's own disk is well (`postoffice doctor`).",
        ) from error
    if told != "ok":
        raise PostOfficeError("database-damaged", "The copy of the database is damaged.", help="Restore the last good backup.")
    with open(target, "rb+") as file:
        os.fsync(file.fileno())
    sync_folder(target.parent)


def _run(program: str, url: sa.URL, words: list[str]) -> str:
    found = shutil.which(program)
    if found is None:
        raise PostOfficeError(
            "no-pg-tools", f"There is no {program} on this machine.", help="Install PostgreSQL's client programs (postgresql-client)."
        )
    done = subprocess.run([found, *words], env=_environment(url), capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[0][:300]
        raise PostOfficeError("pg-tool-failed", f"{program} failed: {reason}", help="Is it at least as new as the server?")
    return done.stdout


def _environment(url: sa.URL) -> dict[str, str]:
    """libpq's own variables: a password on the command line would be seen by everybody on the machine."""
    host = url.host or url.query.get("host", "")
    given = {"PGHOST": host, "PGPORT": url.port or "", "PGUSER": url.username or "", "PGPASSWORD": url.password or ""}
    given |= {"PGDATABASE": url.database or "", "PGCONNECT_TIMEOUT": "10", "PGSSLMODE": url.query.get("ssl", "")}
    return {**os.environ, **{name: str(value) for name, value in given.items() if value}}
