"""Secure links served a second, with 10,000 to 1,000,000 items (SQLite), by one web process beside one client: two cores.

The named peer is bare aiohttp: the same tokens, one look-up by their hash in the same database, a fixed page of the same size. A ratio
of 1 would mean that the letter, its sender, its reader's language, the template and the headers are free.
"""

import argparse
import asyncio
import base64
import hashlib
import multiprocessing
import random
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
from aiohttp import web

from postoffice.model.channel import Purpose
from postoffice.model.ids import new_id
from postoffice.model.mailing import Options
from postoffice.portal import add_portal
from postoffice.store import links, migrate, people
from postoffice.store import schema as tables
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring, hash_token
from postoffice.wiring import SystemClock
from tests import doors

SIZES = (10_000, 100_000, 1_000_000)
SECONDS = 6.0
AT_ONCE = 8
LETTERS_OF_A_CONTACT = 12
POSTCODE = "75008"
PER_CPU = "per CPU second of the server"


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures by number of items, the growth from the smallest to the largest, and ratios to the peer. `count`: the largest number."""
    largest = getattr(arguments, "count", 0) or SIZES[-1]
    sizes = [size for size in SIZES if size < largest] + [largest]
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for size in sizes:
        folder = Path(tempfile.mkdtemp(prefix="postoffice-bench-"))
        try:
            asyncio.run(_fill(folder, size))
            for name, value in _served(folder, size, bare=False).items():
                figures[f"{size} items: {name}"] = value
            bare = _served(folder, size, bare=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        for name in ("links/s", f"links {PER_CPU}"):
            figures[f"{size} items: bare aiohttp {name}"] = bare[name]
            ratios[f"{size} items: {name}, to bare aiohttp"] = figures[f"{size} items: {name}"] / bare[name]
    for name in ("links/s", "histories/s", f"links {PER_CPU}"):
        ratios[f"{name}, {sizes[-1]} to {sizes[0]} items"] = (
            figures[f"{sizes[-1]} items: {name}"] / figures[f"{sizes[0]} items: {name}"]
        )
    return {"figures": figures, "ratios": ratios}


def token_of(number: int) -> str:
    """The token of a link, 160 bits."""
    return base64.b32encode(hashlib.sha256(f"link {number}".encode()).digest()[:20]).decode().lower()


def _row(number: int) -> str:
    return f"{number:026d}"


async def _fill(folder: Path, size: int) -> None:
    """A migrated database with one item written by the office's own code, and then as many like it, with their links."""
    database, clock = Database(f"sqlite+aiosqlite:///{folder / 'office.db'}"), SystemClock()
    await migrate.upgrade(database)
    now = clock.now()
    async with database.write() as connection:
        owner = await people.add_organisation(connection, name="Bench", slug="bench", document_key=b"k" * 32, now=now)
        mailing = {"id": _row(0), "organisation_id": owner, "number": 1, "source": "api", "name": "Bench", "state": "finished"}
        mailing |= {"layout": "fr", "split_rule": "address", "options": Options(subject="Facture", purpose=Purpose.INVOICE).as_dict()}
        mailing |= {"automatic": True, "live": True, "findings": [], "created_at": now, "sent_at": now}
        await connection.execute(tables.mailings.insert(), mailing)
        contact: dict[str, Any] = {
            "id": _row(0),
            "organisation_id": owner,
            "kind": "person",
            "name": "Anne",
            "match_key": "0",
            "external_ids": {},
        }
        await connection.execute(tables.contacts.insert(), contact | {"attributes": {}, "created_at": now, "updated_at": now})
        address = {"lines": ["Anne DUPONT", "1 RUE DE LA PAIX", "75008 PARIS"], "postcode": POSTCODE, "city": "PARIS", "country": "FR"}
        item = {"id": _row(0), "organisation_id": owner, "mailing_id": _row(0), "position": 1, "first_page": 1, "pages": 1}
        item |= {"state": "delivered", "findings": [], "plan": [], "updated_at": now, "contact_id": _row(0), "address": address}
        await connection.execute(tables.items.insert(), item)
        value: dict[str, Any] = {"organisation_id": owner, "item_id": _row(0), "delivery_id": None, "token": token_of(0)}
        value |= {"proof": "postcode", "proof_text": POSTCODE, "created_at": now, "expires_at": now.replace(year=now.year + 1)}
        await links.add_missing(connection, [value])
    await database.close()
    await asyncio.to_thread(_multiply, folder / "office.db", size)


def _multiply(path: Path, size: int) -> None:
    """Copy the first rows by SQL: a million in a minute."""
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("token_hash", 1, lambda number: hash_token(token_of(number)))
        connection.create_function("proof_hash", 1, lambda number: links.proof_hash(hash_token(token_of(number)), POSTCODE))
        connection.execute("PRAGMA synchronous=OFF")
        for table, change, most in (
            ("contacts", {"id": "printf('%026d', n)", "match_key": "n"}, size // LETTERS_OF_A_CONTACT),
            (
                "items",
                {"id": "printf('%026d', n)", "position": "n", "contact_id": f"printf('%026d', n / {LETTERS_OF_A_CONTACT})"},
                size - 1,
            ),
            (
                "links",
                {
                    "id": "printf('%026d', n)",
                    "item_id": "printf('%026d', n)",
                    "token_hash": "token_hash(n)",
                    "proof_hash": "proof_hash(n)",
                },
                size - 1,
            ),
        ):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            parts = ", ".join(change.get(name, f'"{name}"') for name in names)
            numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {most})"
            listed = ", ".join(f'"{name}"' for name in names)
            connection.execute(f"{numbers} INSERT INTO {table} ({listed}) SELECT {parts} FROM numbers, (SELECT * FROM {table} LIMIT 1)")
        connection.commit()
        connection.execute("ANALYZE")
        connection.commit()


def _served(folder: Path, size: int, *, bare: bool) -> dict[str, float]:
    """Rates of one web process, asked by this one."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(folder, bare, theirs), daemon=True)
    server.start()
    try:
        port = ours.recv()
        return asyncio.run(_ask_all(port, size, ours, bare=bare))
    finally:
        ours.close()
        server.join(20)
        if server.is_alive():
            server.kill()


def _serve(folder: Path, bare: bool, pipe: Connection) -> None:
    asyncio.run(_bare(folder, pipe) if bare else _portal(folder, pipe))


async def _portal(folder: Path, pipe: Connection) -> None:
    database = Database(f"sqlite+aiosqlite:///{folder / 'office.db'}")
    async with database.read() as connection:
        owner = str(await connection.scalar(sa.select(tables.organisations.c.id)))

    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    clock: Any = SystemClock()
    documents = FileDocuments(folder / "documents", key_of)
    async with doors.open_office(database, documents, Keyring(bytes(32)), clock, owner, add_portal) as office:
        await _until_asked(pipe, int(office.client.port or 0))
    await database.close()


async def _bare(folder: Path, pipe: Connection) -> None:
    connection = sqlite3.connect(folder / "office.db")
    page = "x" * 5_400

    async def link(request: web.Request) -> web.Response:
        wanted = hashlib.sha256(request.match_info["token"].encode()).hexdigest()
        row = connection.execute("SELECT item_id FROM links WHERE token_hash = ?", (wanted,)).fetchone()
        return web.Response(text=page, content_type="text/html", status=200 if row else 404)

    app = web.Application()
    app.router.add_get("/l/{token}", link)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await _until_asked(pipe, runner.addresses[0][1])
    await runner.cleanup()
    connection.close()


async def _until_asked(pipe: Connection, port: int) -> None:
    """Say where; then tell the CPU seconds spent so far at each question, until nobody asks any more."""
    pipe.send(port)
    while True:
        try:
            await asyncio.to_thread(pipe.recv)
        except EOFError:
            return
        pipe.send(time.process_time())


def _cpu(pipe: Connection) -> float:
    pipe.send("cpu")
    return float(pipe.recv())


async def _ask_all(port: int, size: int, pipe: Connection, *, bare: bool) -> dict[str, float]:
    origin, some = f"http://127.0.0.1:{port}", random.Random(size)
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:

        async def rate(path_of: Any, status: int) -> tuple[float, float, float]:
            """Answers a second, CPU seconds of the server, slowest of a hundred (ms)."""
            spans: list[float] = []
            end = time.perf_counter() + SECONDS

            async def ask() -> None:
                while time.perf_counter() < end:
                    began = time.perf_counter()
                    async with client.get(origin + path_of(), allow_redirects=False) as answer:
                        await answer.read()
                        assert answer.status == status, answer.status
                    spans.append(time.perf_counter() - began)

            before, began = _cpu(pipe), time.perf_counter()
            await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
            spent = time.perf_counter() - began
            return len(spans) / spent, len(spans) / max(_cpu(pipe) - before, 1e-6), sorted(spans)[int(len(spans) * 0.99)] * 1000

        per_second, per_cpu, slowest = await rate(lambda: f"/l/{token_of(some.randrange(size))}", 200)
        found = {"links/s": per_second, f"links {PER_CPU}": per_cpu, "links: 99 % within ms": slowest}
        if bare:
            return found
        found["guesses/s"], found[f"guesses {PER_CPU}"], _ = await rate(lambda: f"/l/{new_id()}", 404)
        proofs, before, began = 0, _cpu(pipe), time.perf_counter()
        while time.perf_counter() < began + SECONDS / 2:  # one address may be wrong so often and no more; right ones are not counted
            async with client.post(
                f"{origin}/l/{token_of(some.randrange(size))}", data={"proof": POSTCODE}, allow_redirects=False
            ) as answer:
                assert answer.status == 303, answer.status
                proofs += 1
        found["proofs/s, one after the other"] = proofs / (time.perf_counter() - began)
        found[f"proofs {PER_CPU}"] = proofs / max(_cpu(pipe) - before, 1e-6)
        found["histories/s"], found[f"histories {PER_CPU}"], _ = await rate(lambda: "/l/documents", 200)
        return found
