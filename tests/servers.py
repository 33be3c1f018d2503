"""Real servers for tests: each is started in a folder of its own, on a free port or socket, and ended by its process id."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(condition, seconds: float = 20.0, every: float = 0.05, what: str = "condition"):  # noqa: ANN001, ANN201
    """Wait until `condition()` is true and return its value; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(every)
    raise AssertionError(f"{what} did not come true within {seconds} s")


def program(name: str, *more: str) -> str:
    """The path of a program, or a skip that names it."""
    found = shutil.which(name) or next((path for path in more if os.path.exists(path)), None)
    if found is None:
        pytest.skip(f"{name} is not installed (make test installs it)")
    return found


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL cluster of its own on a Unix socket; yields `user@/postgres?host=FOLDER` for an SQLAlchemy address."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not folders:
        pytest.skip("no PostgreSQL server is installed (make test installs it)")
    binaries = folders[-1]
    folder = Path(tempfile.mkdtemp(prefix="po-pg-"))
    owner: dict[str, object] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        owner = {"user": account.pw_uid, "group": account.pw_gid}
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
        check=True,
        capture_output=True,
        cwd=folder,
        **owner,  # type: ignore[call-overload]
    )
    log = open(folder / "log", "wb")  # noqa: SIM115 - closed at the end
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "max_connections=80"],
        stdout=log,
        stderr=log,
        cwd=folder,
        **owner,  # type: ignore[call-overload]
    )
    try:
        ready = [str(binaries / "pg_isready"), "-h", str(folder), "-q"]
        wait_for(lambda: subprocess.run(ready, check=False).returncode == 0, what="PostgreSQL")
        yield f"postgresql+asyncpg://postgres@/postgres?host={folder}"
    finally:
        server.terminate()
        server.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


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
