"""Hosts as network namespaces: one with PostgreSQL, Redis, an S3 store and a mail relay, others with workers; each line can be cut.

Needs root and iproute2 (see net.py). The harness itself stays outside and looks through PostgreSQL's socket file.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.commands.founding import found_office
from postoffice.commands.migrate import upgrade
from postoffice.logs import set_up
from postoffice.model.channel import Channel
from postoffice.model.mailing import Options
from postoffice.settings import Settings
from postoffice.store import carriers, people
from postoffice.store.database import Database
from postoffice.wiring import open_house
from tests import servers
from tests.chaos.relay import Relay
from tests.chaos.town import submit
from tests.real import net, s3

LEASE = 3  #: seconds; short, so that a host that is cut off is noticed within the test


class Fleet:
    """An office on several hosts. `settings`: as the harness reaches it."""

    def __init__(self, folder: Path, others: int, *, late: float, connections: int, chunk_delay: int) -> None:
        self.folder, self._stack = folder, ExitStack()
        self._chunk_delay = chunk_delay
        try:
            self._open(others, late, connections)
        except BaseException:
            self.close()
            raise

    def _open(self, others: int, late: float, connections: int) -> None:
        self.net = net.Net(others)
        self._stack.callback(self.net.close)
        here, port = self.net.address, 5432
        self.base = servers.Cluster(lasting=True, port=port, listen=here)
        with open(self.base.folder / "data" / "pg_hba.conf", "a") as rules:
            rules.write(f"host all all {self.net.network} trust\n")
        self._stack.callback(shutil.rmtree, self.base.folder, ignore_errors=True)
        self.net.base.run(self.base.start)
        self._stack.callback(self.base.stop)
        redis = self.net.base.run(lambda: self._redis(here))
        self._stack.callback(redis.wait)
        self._stack.callback(redis.terminate)
        documents = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="po-hosts-s3-"))
        store = s3.Server(documents, address=here, port=4568)
        self.net.base.run(store.start)
        self._stack.callback(store.stop)
        self.relay = Relay(late=late, listener=self.net.base.run(lambda: _listening(here)))
        self._stack.enter_context(self.relay)
        common = {"master_key": secrets.token_hex(32), "lease_seconds": LEASE, "min_free_megabytes": 1, "child_processes": 1}
        common |= {"documents_url": store.url, "documents_key": s3.KEY, "documents_secret": s3.SECRET}
        self._given = common | {"database_url": f"postgresql+asyncpg://postgres@{here}:{port}/postgres"}
        self._given |= {"redis_url": f"redis://{here}:6379/0", "chunk_delay_ms": self._chunk_delay, "log_json": 1}
        self.settings = Settings(
            data=self.folder / "harness",
            redis_url="unix:///nobody",
            database_url=f"postgresql+asyncpg://postgres@/postgres?host={self.base.folder}",
            **common,
        )
        self.net.base.run(lambda: asyncio.run(self._found(here, connections)))
        self.workers: list[subprocess.Popen[bytes] | None] = [None] * others
        self._stack.callback(self._end_all)

    def _redis(self, here: str) -> subprocess.Popen[bytes]:
        words = ["--bind", here, "--port", "6379", "--protected-mode", "no", "--save", "", "--dir", str(self.folder)]
        program = servers.program("redis-server", "/usr/bin/valkey-server")
        return subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def _found(self, here: str, connections: int) -> None:
        await upgrade(self.settings)
        await found_office(self.settings)
        async with open_house(self.settings, set_up(level="error", as_json=True, process="hosts")) as house:
            relay = {"host": here, "port": self.relay.port, "security": "none", "sender": "office@example.fr"}
            checked = house.carriers.check("smtp", {**relay, "timeout": 20.0, "connections": connections})
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

    def start(self, number: int) -> None:
        """A worker on a host of its own, with a data folder of its own."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTOFFICE_")}
        environment |= {f"POSTOFFICE_{name.upper()}": str(value) for name, value in self._given.items()}
        environment["POSTOFFICE_DATA"] = str(self.folder / f"host{number}")
        with open(self.log, "ab") as out:
            words = [sys.executable, "-m", "postoffice", "work"]
            begin = partial(subprocess.Popen[bytes], words, env=environment, stdout=out, stderr=out)
            self.workers[number] = self.net.others[number].run(begin)

    @property
    def log(self) -> Path:
        return self.folder / "workers.log"

    def stop(self, number: int) -> None:
        """SIGTERM, and wait."""
        process, self.workers[number] = self.workers[number], None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(45)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)

    def _end_all(self) -> None:
        for number in range(len(self.workers)):
            self.stop(number)

    def await_ready(self) -> None:
        """Until every worker that was started listens."""

        def told() -> bool:
            return self.log.read_text(errors="replace").count("worker.ready") >= sum(worker is not None for worker in self.workers)

        servers.wait_for(told, 300, what="a worker on each host")

    def submit(self, name: str, options: Options, count: int, mailings: int = 1) -> list[str]:
        """So many mailings of `count` items on their way; their ids. Recipients of all are different."""

        async def sent() -> list[str]:
            async with open_house(self.settings, set_up(level="error", as_json=True, process="hosts")) as house:
                return [await submit(house, f"{name}{number}", options, count) for number in range(mailings)]

        return self.net.base.run(lambda: asyncio.run(sent()))

    def look(self, query: sa.Select[Any]) -> Sequence[Any]:
        """Rows of a query."""

        async def rows() -> Sequence[Any]:
            base = Database(self.settings.database)
            try:
                async with base.read() as connection:
                    return (await connection.execute(query)).all()
            finally:
                await base.close()

        return asyncio.run(rows())

    def close(self) -> None:
        """End all that was started, then the network."""
        self._stack.close()


def _listening(host: str) -> socket.socket:
    listener = socket.socket()
    listener.bind((host, 0))
    return listener


@contextmanager
def fleet(folder: Path, others: int, *, late: float = 0.05, connections: int = 4, chunk_delay: int = 0) -> Iterator[Fleet]:
    """An office whose workers' hosts are not yet running. `late`: seconds until the relay answers each mail."""
    net.needed()
    s3.needed()
    opened = Fleet(folder, others, late=late, connections=connections, chunk_delay=chunk_delay)
    try:
        yield opened
    finally:
        opened.close()
