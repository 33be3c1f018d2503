"""A town to be wrecked: PostgreSQL, Redis, workers and a relay, all real, each of which can be killed, stopped, frozen and started."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.commands.founding import found_office
from postoffice.commands.migrate import upgrade
from postoffice.logs import set_up
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.item import NewItem
from postoffice.model.mailing import Ground, NewMailing, Options, Source
from postoffice.pdf.sniff import PDF
from postoffice.settings import Settings
from postoffice.store import carriers, items, mailings, people
from postoffice.store.database import Database
from postoffice.wiring import open_house
from tests import servers

LEASE = 3  #: seconds; short, so that a dead worker is noticed within the test
PROMOTION = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
INVOICE = Options(channel=Channel.EMAIL, purpose=Purpose.INVOICE)
PAPER = Options(channel=Channel.POST, purpose=Purpose.INVOICE)


class Redis:
    """A redis-server with an append-only file that can be killed, and started with or without what it remembered."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="po-chaos-"))
        self.url = f"unix://{self.folder}/redis.sock"
        self._program = servers.program("redis-server", "/usr/bin/valkey-server")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for its socket."""
        socket_path = self.folder / "redis.sock"
        socket_path.unlink(missing_ok=True)
        words = ["--port", "0", "--unixsocket", str(socket_path), "--dir", str(self.folder), "--save", "", "--appendonly", "yes"]
        self._process = subprocess.Popen([self._program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        servers.wait_for(socket_path.exists, what="redis-server")

    def kill(self, *, forget: bool = False) -> None:
        """kill -9; `forget`: its file is lost with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None
        if forget:
            for path in self.folder.rglob("*.aof"):
                path.unlink()


class Town:
    """Everything that a run needs; `close` ends every process that was started."""

    def __init__(self, folder: Path, relay_port: int, workers: int = 2) -> None:
        self.base = servers.Cluster(lasting=True)
        self.base.start()
        self.redis = Redis()
        self.redis.start()
        self.settings = Settings(
            data=folder / "data",
            redis_url=self.redis.url,
            database_url=self.base.url,
            lease_seconds=LEASE,
            min_free_megabytes=1,
        )
        self.log = folder / "workers.log"
        self._relay_port = relay_port
        self.workers: list[subprocess.Popen[bytes] | None] = [None] * workers
        asyncio.run(self._found())

    async def _found(self) -> None:
        await upgrade(self.settings)
        await found_office(self.settings)
        async with open_house(self.settings, set_up(level="error", as_json=True, process="chaos")) as house:
            relay = {"host": "127.0.0.1", "port": self._relay_port, "security": "none", "sender": "office@example.fr", "timeout": 4.0}
            checked = house.carriers.check("smtp", relay)
            async with house.database.write() as connection:
                organisation = await people.first_organisation(connection)
                assert organisation
                await carriers.add(
                    connection,
                    organisation_id=organisation.id,
                    name="relay",
                    kind="smtp",
                    channel=Channel.EMAIL,
                    settings=carriers.seal(house.keyring, checked),
                    now=house.clock.now(),
                    preferred=5,
                )

    def start_worker(self, number: int) -> None:
        """Start a worker unless it lives."""
        living = self.workers[number]
        if living is not None and living.poll() is None:
            return
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTOFFICE_")}
        for name in ("data", "redis_url", "database_url", "lease_seconds", "min_free_megabytes"):
            environment[f"POSTOFFICE_{name.upper()}"] = str(getattr(self.settings, name))
        environment |= {"POSTOFFICE_LOG_JSON": "1", "POSTOFFICE_CHUNK_DELAY_MS": "60"}
        with open(self.log, "ab") as out:
            command = [sys.executable, "-m", "postoffice", "work", "--queues", "compose,email,post"]
            self.workers[number] = subprocess.Popen(command, env=environment, stdout=out, stderr=out)

    def signal_worker(self, number: int, word: signal.Signals) -> None:
        """A signal to a worker that lives."""
        living = self.workers[number]
        if living is not None and living.poll() is None:
            living.send_signal(word)
            if word is signal.SIGKILL:
                living.wait(20)

    def submit(self, name: str, options: Options, count: int) -> str:
        """A mailing of so many items whose button was pressed; its id. Recipients are `name-number@x.fr`."""
        return asyncio.run(self._submit(name, options, count))

    async def _submit(self, name: str, options: Options, count: int) -> str:
        async with open_house(self.settings, set_up(level="error", as_json=True, process="chaos")) as house:
            async with house.database.read() as connection:
                organisation = await people.first_organisation(connection)
            assert organisation
            stored = await house.documents.put(organisation.id, b"%PDF-1.4 not looked at")
            now = house.clock.now()
            async with house.database.write() as connection:
                mailing = await mailings.add(connection, NewMailing(organisation.id, Source.API, name, options=options), now)
                await mailings.stored(connection, mailing, stored, PDF, now)
                await mailings.command(connection, mailing, "read", document=stored.sha256)
                await items.add_all(
                    connection, organisation.id, mailing.id, [_item(name, number) for number in range(1, count + 1)], now
                )
                await mailings.command(connection, mailing, "offer", ready_at=now, items=count)
                mailing = await mailings.get(connection, mailing.id)
            await steering.send(house, mailing, mailing.options, OFFICE)
        return mailing.id

    def look(self, query: sa.Select[Any]) -> Sequence[Any]:
        """Rows of a query, by a connection of its own; none while the database is away."""

        async def rows() -> Sequence[Any]:
            base = Database(self.settings.database)
            try:
                async with base.read() as connection:
                    return (await connection.execute(query)).all()
            finally:
                await base.close()

        return asyncio.run(rows())

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for something of the database, which may be away now and then."""

        def tried() -> bool:
            try:
                return condition()
            except (sa.exc.SQLAlchemyError, OSError):
                return False

        servers.wait_for(tried, seconds, 0.3, what)

    def close(self) -> None:
        """End what was started, frozen or not."""
        for number, living in enumerate(self.workers):
            if living is not None and living.poll() is None:
                self.signal_worker(number, signal.SIGCONT)
                living.terminate()
        for living in self.workers:
            if living is not None:
                try:
                    living.wait(40)
                except subprocess.TimeoutExpired:
                    living.kill()
                    living.wait(10)
        self.redis.kill()
        self.base.stop()


def _item(name: str, number: int) -> NewItem:
    address = PostalAddress((f"Mme Anne {number}", f"{number} rue {name}", "75011 PARIS"), "75011", "PARIS", "FR")
    return NewItem(number, 1, address, (), f"{name}-{number}@x.fr")
