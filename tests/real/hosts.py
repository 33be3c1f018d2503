"""Hosts as network namespaces: one with PostgreSQL, Redis, an S3 store and a mail relay, others with workers; each line can be cut.

Needs root and iproute2. The harness itself stays outside and looks through PostgreSQL's socket file.
"""

import asyncio
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
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
from tests.real import s3

T = TypeVar("T")
_NET = "10.213.77"  #: seen only inside the namespaces
_CLONE_NEWNET = 0x40000000
LEASE = 5


def needed() -> None:
    """A skip that says what is missing."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    servers.program("ip", "/sbin/ip", "/usr/sbin/ip")
    if subprocess.run(["ip", "netns", "add", "po-probe"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us make no network namespaces")
    _ip("netns", "del", "po-probe")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Net:
    """A base and so many others around it, each with one line to it."""

    def __init__(self, others: int) -> None:
        mark = secrets.token_hex(2)
        self.base, self.others = f"po-{mark}-base", [f"po-{mark}-w{number}" for number in range(others)]
        self.address = f"{_NET}.1"
        for name in (self.base, *self.others):
            _ip("netns", "add", name)
            self.inside(name, "link", "set", "lo", "up")
        self.inside(self.base, "link", "add", "bridge", "type", "bridge")
        self.inside(self.base, "addr", "add", f"{self.address}/24", "dev", "bridge")
        self.inside(self.base, "link", "set", "bridge", "up")
        for number, name in enumerate(self.others):
            self.inside(self.base, "link", "add", f"to{number}", "type", "veth", "peer", "name", "line", "netns", name)
            self.inside(self.base, "link", "set", f"to{number}", "master", "bridge", "up")
            self.inside(name, "addr", "add", f"{_NET}.{10 + number}/24", "dev", "line")
            self.inside(name, "link", "set", "line", "up")

    def inside(self, name: str, *words: str) -> None:
        """`ip` inside a namespace."""
        _ip("-n", name, *words)

    def cut(self, number: int) -> None:
        """Pull the plug of a host: neither end is told."""
        self.inside(self.base, "link", "set", f"to{number}", "nomaster", "down")

    def mend(self, number: int) -> None:
        """Plug it in again."""
        self.inside(self.base, "link", "set", f"to{number}", "master", "bridge", "up")

    def close(self) -> None:
        """The lines go with their namespaces."""
        for name in (*self.others, self.base):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def run_in(name: str, work: Callable[[], T]) -> T:
    """`work()` in a thread that stands in a namespace: sockets and processes that it makes belong there."""
    box: list[Any] = []

    def enter() -> None:
        try:
            with open(f"/run/netns/{name}") as place:
                if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            box.append(work())
        except BaseException as error:
            box.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(box[0], BaseException):
        raise box[0]
    return box[0]


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
        self.net = Net(others)
        self._stack.callback(self.net.close)
        here, port = self.net.address, 5432
        self.base = servers.Cluster(lasting=True, port=port, listen=here)
        with open(self.base.folder / "data" / "pg_hba.conf", "a") as rules:
            rules.write(f"host all all {_NET}.0/24 trust\n")
        self._stack.callback(shutil.rmtree, self.base.folder, ignore_errors=True)
        run_in(self.net.base, self.base.start)
        self._stack.callback(self.base.stop)
        redis = run_in(self.net.base, lambda: self._redis(here))
        self._stack.callback(redis.wait)
        self._stack.callback(redis.terminate)
        store = s3.Server(tempfile.mkdtemp(prefix="po-hosts-s3-"), address=here, port=4568)
        run_in(self.net.base, store.start)
        self._stack.callback(store.stop)
        self.relay = Relay(late=late, listener=run_in(self.net.base, lambda: _listening(here)))
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
        run_in(self.net.base, lambda: asyncio.run(self._found(here, connections)))
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
            words = ["ip", "netns", "exec", self.net.others[number], sys.executable, "-m", "postoffice", "work"]
            self.workers[number] = subprocess.Popen(words, env=environment, stdout=out, stderr=out)

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

    def submit(self, name: str, options: Options, count: int) -> str:
        """A mailing on its way; its id."""

        async def sent() -> str:
            async with open_house(self.settings, set_up(level="error", as_json=True, process="hosts")) as house:
                return await submit(house, name, options, count)

        return run_in(self.net.base, lambda: asyncio.run(sent()))

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
    needed()
    opened = Fleet(folder, others, late=late, connections=connections, chunk_delay=chunk_delay)
    try:
        yield opened
    finally:
        opened.close()
