"""What the doctor looks at of database and queue: whether they answer, are set rightly, and tell the same time as we."""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from redis.exceptions import RedisError

from postoffice.commands.checkup.line import Line, bad, ok, warn
from postoffice.model.errors import PostOfficeError
from postoffice.model.ids import new_id
from postoffice.settings import Settings
from postoffice.store import carriers, migrate, people
from postoffice.store.bell import LONGEST_RING, redis_client
from postoffice.store.database import Database
from postoffice.store.dkim import all_of
from postoffice.store.documents_s3 import Store
from postoffice.store.keys import Keyring
from postoffice.wiring import documents_place

_STRAYS = timedelta(seconds=2)


async def database_lines(settings: Settings, database: Database) -> tuple[list[Line], bool]:
    """The lines, and whether the rest of the office can be asked."""
    about = "database"
    if database.is_sqlite and not settings.database_url and not (settings.data / "office.db").exists():
        return [
            bad(about, f"there is no office in {settings.data}", "Start one with `make up`, or name its folder with --data.")
        ], False
    try:
        await migrate.check(database)
    except PostOfficeError as error:
        return [bad(about if error.code == "no-database" else "schema", error.message, error.help)], False
    began = datetime.now(UTC)
    async with database.read() as connection:
        theirs = None if database.is_sqlite else await connection.scalar(sa.text("SELECT clock_timestamp()"))
        revision = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    took = datetime.now(UTC) - began
    lines = [ok(about, f"{'SQLite' if database.is_sqlite else 'PostgreSQL'} answers in {took.total_seconds() * 1000:.0f} ms")]
    lines.append(ok("schema", f"at {revision}"))
    if theirs is not None:
        lines.append(_clock("the database's", theirs, began + took / 2, settings))
    return lines, True


async def redis_lines(settings: Settings) -> list[Line]:
    """The queue server. It is only a bell, so that most of what may be wrong with it costs time and no letter."""
    about = "queue"
    server = None
    try:
        server = redis_client(settings.redis)
        async with asyncio.timeout(LONGEST_RING):
            await server.ping()  # finding the master takes a moment of its own
            began = datetime.now(UTC)
            seconds, micros = await server.time()
            ended = datetime.now(UTC)
            info: Mapping[str, Any] = await server.info()
    except PostOfficeError as error:
        return [bad(about, error.message, error.help)]
    except (RedisError, OSError, TimeoutError) as error:
        todo = "Start it (`make up` brings its own), or set POSTOFFICE_REDIS_URL. Work goes on meanwhile, some seconds later."
        return [bad(about, f"Redis does not answer ({type(error).__name__})", todo)]
    finally:
        if server is not None:
            await server.aclose()
    theirs = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)
    lines = [ok(about, f"Redis {info.get('redis_version', '')} answers in {(ended - began).total_seconds() * 1000:.0f} ms")]
    if not int(info.get("aof_enabled", 0)):
        todo = "Set `appendonly yes`: without it a restart forgets every ring, and work begins some seconds later."
        lines.append(warn(about, "Redis keeps no append-only file", todo))
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if int(info.get("maxmemory", 0)) and policy != "noeviction":
        todo = "Set `maxmemory-policy noeviction`: Redis must not throw rings away."
        lines.append(warn(about, f"Redis forgets when it is full ({policy})", todo))
    return [*lines, _clock("Redis's", theirs, began + (ended - began) / 2, settings)]


async def store_lines(settings: Settings) -> list[Line]:
    """The S3 store of documents: whether a small object can be written, read and removed there; nothing where disk keeps them."""
    about = "documents"
    try:
        place = documents_place(settings)
    except PostOfficeError as error:
        return [bad(about, error.message, error.help)]
    if place is None:
        return []
    store, path, began = Store(place), f".doctor-{new_id()}", time.monotonic()
    try:
        with tempfile.NamedTemporaryFile(prefix="doctor-") as probe:
            probe.write(b"doctor")
            probe.flush()
            await store.put(path, Path(probe.name))
        async with store.get(path) as reader:
            same = await reader.read() == b"doctor"
        await store.remove(path)
    except PostOfficeError as error:
        todo = "See POSTOFFICE_DOCUMENTS_URL, its keys, and what they may do (list, get, put and delete objects of the bucket)."
        return [bad(about, error.message, todo)]
    finally:
        await store.close()
    left = await asyncio.to_thread(_left_here, settings.data / "documents")
    if not same:
        return [bad(about, "the store gives back other bytes than it was given", "Take another store.")]
    if left:
        return [warn(about, "some are still in the data folder, where other hosts do not see them", "Run: postoffice migrate")]
    return [ok(about, f"the store writes, reads and removes in {(time.monotonic() - began) * 1000:.0f} ms")]


def _left_here(folder: Path) -> bool:
    return any(True for _ in folder.glob(f"{'?' * 26}/??/{'?' * 64}"))


def _clock(whose: str, theirs: datetime, ours: datetime, settings: Settings) -> Line:
    away = abs((theirs - ours).total_seconds())
    found = f"{whose} clock is {away:.1f} s from ours"
    todo = "Keep all hosts on time (NTP): leases and hours of sending are told by it."
    if away > settings.lease_seconds / 2:
        return bad("clocks", found, todo)
    return warn("clocks", found, todo) if away > _STRAYS.total_seconds() else ok("clocks", found)


async def stored_keys(database: Database, keyring: Keyring) -> list[Line]:
    """Whether the master key opens what it once wrapped."""
    opened = closed = 0
    async with database.read() as connection:
        for organisation_id in await people.all_organisation_ids(connection):
            wrapped = [await people.document_key(connection, organisation_id)]
            wrapped += [row.wrapped for row in await all_of(connection, organisation_id)]
            for secret in wrapped:
                if _opens(keyring, secret):
                    opened += 1
                else:
                    closed += 1
            for row in await carriers.all_of(connection, organisation_id):
                try:
                    carriers.unseal(keyring, row.sealed)
                    opened += 1
                except (PostOfficeError, ValueError):
                    closed += 1
    if closed:
        todo = "Lay back the master key that the office was made with; what was sealed with another one stays shut."
        return [bad("stored keys", f"{closed} of {opened + closed} cannot be opened with this master key", todo)]
    return [ok("stored keys", f"{opened} open with the master key")]


def _opens(keyring: Keyring, secret: bytes) -> bool:
    try:
        keyring.unwrap(secret)
    except PostOfficeError:
        return False
    return True
