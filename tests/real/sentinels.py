"""A Redis master with a replica, watched by three sentinels: real redis-server processes on the loopback interface."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers

NAME = "post"


@dataclass
class Fleet:
    """`url`: what the office is given. `servers`: port -> process of master and replica."""

    folder: Path
    servers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    sentinels: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in self.sentinels)}/{NAME}/0"

    def say(self, port: int, *words: str) -> str:
        done = subprocess.run([_cli(), "-p", str(port), *words], capture_output=True, text=True, timeout=10, check=False)
        return done.stdout

    def master(self) -> int:
        """The port of the master as a sentinel knows it; 0 for none."""
        lines = self.say(next(iter(self.sentinels)), "sentinel", "get-master-addr-by-name", NAME).split()
        return int(lines[1]) if len(lines) == 2 else 0

    def kill_master(self) -> int:
        """kill -9; the port that it had."""
        port = self.master()
        self.servers[port].send_signal(signal.SIGKILL)
        self.servers[port].wait(10)
        return port


def _cli() -> str:
    return servers.program("redis-cli")


@contextmanager
def fleet() -> Iterator[Fleet]:
    """Master, replica, three sentinels that agree on them."""
    program = servers.program("redis-server", "/usr/bin/valkey-server")
    _cli()
    made = Fleet(Path(tempfile.mkdtemp(prefix="po-sentinels-")))

    def start(port: int, *words: str) -> subprocess.Popen[bytes]:
        folder = made.folder / str(port)
        folder.mkdir()
        return subprocess.Popen([program, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        master, replica = servers.free_port(), servers.free_port()
        common = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "yes")
        made.servers[master] = start(master, "--port", str(master), *common)
        made.servers[replica] = start(replica, "--port", str(replica), *common, "--replicaof", "127.0.0.1", str(master))
        servers.wait_for(lambda: "master_link_status:up" in made.say(replica, "info", "replication"), what="the replica")
        for _ in range(3):
            port = servers.free_port()
            (made.folder / f"{port}.conf").write_text(
                f"port {port}\nbind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {master} 2\n"
                f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n"
            )
            made.sentinels[port] = start(port, str(made.folder / f"{port}.conf"), "--sentinel")
        for port in made.sentinels:
            servers.wait_for(lambda port=port: "slaves=1,sentinels=3" in made.say(port, "info", "sentinel"), 30, what="the sentinels")
        yield made
    finally:
        for process in (*made.sentinels.values(), *made.servers.values()):
            if process.poll() is None:
                process.terminate()
                process.wait(20)
        shutil.rmtree(made.folder, ignore_errors=True)
