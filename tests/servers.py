"""Real servers for tests: each is started in a folder of its own, on a free port or socket, and ended by its process id."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(condition, seconds: float = 20.0, every: float = 0.05, what: str = "condition"):
    """Wait until `condition()` is true and return its value; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(every)
    raise AssertionError(f"{what} did not come true within {seconds} s")


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody answers on a TCP port."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((host, port)) == 0


def program(name: str, *more: str) -> str:
    """The path of a program, or a skip that names it."""
    found = shutil.which(name) or next((path for path in more if os.path.exists(path)), None)
    if found is None:
        pytest.skip(f"{name} is not installed (make test installs it)")
    return found


class Cluster:
    """A PostgreSQL cluster of its own on a Unix socket. `url` is an SQLAlchemy address of its database `postgres`."""

    def __init__(self, *, lasting: bool = True, port: int = 0, listen: str = "127.0.0.1") -> None:
        """`lasting` False: nothing is synced to disk, which is quicker and enough where no crash is tried. `port`: also by TCP."""
        self._lasting = lasting
        self._words = ["-c", "listen_addresses="] if not port else ["-c", f"listen_addresses={listen}", "-p", str(port)]
        self._port = port or 5432
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if not folders:
            pytest.skip("no PostgreSQL server is installed (make test installs it)")
        self._binaries = folders[-1]
        self.folder = Path(tempfile.mkdtemp(prefix="po-pg-"))
        self._owner: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self._owner = {"user": account.pw_uid, "group": account.pw_gid}
        words = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        made = [self._binaries / "initdb", "-D", self.folder / "data", *words]
        subprocess.run(made, check=True, capture_output=True, cwd=self.folder, **self._owner)
        self.url = f"postgresql+asyncpg://postgres@/postgres?host={self.folder}"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with open(self.folder / "log", "ab") as log:
            words = [*self._words, "-c", "max_connections=80"]
            words += [] if self._lasting else ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
            self._server = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.folder / "data", "-k", self.folder, *words],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._owner,
            )
        ready = [str(self._binaries / "pg_isready"), "-h", str(self.folder), "-p", str(self._port), "-q"]
        wait_for(lambda: subprocess.run(ready, check=False).returncode == 0, 200, what="PostgreSQL")

    def stop(self) -> None:
        """Stop it at once; open transactions are lost, committed ones are not."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)  # "immediate": as after a crash
            self._server.wait(20)
            self._server = None


@contextmanager
def postgresql_that_can_stop(*, lasting: bool = True) -> Iterator[Cluster]:
    """A running cluster that a test may stop and start."""
    cluster = Cluster(lasting=lasting)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(cluster.folder, ignore_errors=True)


@contextmanager
def postgresql() -> Iterator[str]:
    """A running cluster; yields its address."""
    with postgresql_that_can_stop(lasting=False) as cluster:
        yield cluster.url


@contextmanager
def redis() -> Iterator[str]:
    """A redis-server of its own on a Unix socket; yields its address."""
    server_path = program("redis-server", "/usr/bin/valkey-server")
    folder = Path(tempfile.mkdtemp(prefix="po-redis-"))
    socket_path = folder / "redis.sock"
    server = subprocess.Popen(
        [server_path, "--port", "0", "--unixsocket", str(socket_path), "--dir", str(folder), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(socket_path.exists, what="redis-server")
        yield f"unix://{socket_path}"
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def open_to_all(folder: Path) -> None:
    """Let other users write into a test's folder below the machine's temporary folder: some servers stop being root."""
    top = Path(tempfile.gettempdir()).resolve()
    folder.chmod(0o777)
    for parent in folder.resolve().parents:
        if top in parent.parents:
            parent.chmod(0o755)
