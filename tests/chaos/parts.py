"""Parts of the town that are wrecked: a queue server, a small disk, processes of the office."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests import servers

PATIENCE = 200.0  #: seconds for what takes none: a machine may be slow
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["postoffice.commands.serve", "tests.chaos.worker"])


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
        servers.wait_for(socket_path.exists, PATIENCE, what="redis-server")

    def signal(self, word: signal.Signals) -> None:
        """Freeze it or let it go on."""
        if self._process is not None:
            self._process.send_signal(word)

    def kill(self, *, forget: bool = False) -> None:
        """kill -9; `forget`: its file is lost with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None
        if forget:
            for path in self.folder.rglob("*.aof"):
                path.unlink()


class SmallDisk:
    """A file system of some megabytes on a folder, where this machine lets us have one; `there` says so."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
        self.there = os.geteuid() == 0 and subprocess.run(words, capture_output=True, check=False).returncode == 0

    def fill(self) -> None:
        """Until nothing more goes in."""
        with open(self._folder / "ballast", "wb", buffering=0) as file:
            try:
                while file.write(bytes(256 * 1024)):
                    pass
            except OSError:
                pass

    def free(self) -> None:
        """Room again."""
        (self._folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        """Take it away."""
        if self.there:
            subprocess.run(["umount", "-l", str(self._folder)], check=True)
            self.there = False


class Process:
    """A process of the office that is started again after each end, forked from a server that has read all code already."""

    def __init__(self, work: Callable[..., None], given: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._begin = (work, list(given), dict(environment), str(log))
        self._running: BaseProcess | None = None

    @property
    def lives(self) -> bool:
        return self._running is not None and self._running.is_alive()

    def start(self) -> None:
        """Start it unless it lives."""
        if not self.lives:
            self._running = _FORKS.Process(target=_enter, args=self._begin)
            self._running.start()

    def signal(self, word: signal.Signals) -> None:
        """A signal, if it lives."""
        if self._running is not None and self._running.pid and self.lives:
            os.kill(self._running.pid, word)
            if word is signal.SIGKILL:
                self._running.join(PATIENCE)

    def leave(self) -> BaseProcess | None:
        """SIGTERM, and think no more of it: its successor can be started at once. Who it was."""
        leaving, self._running = self._running, None
        if leaving is not None and leaving.is_alive():
            leaving.terminate()
        return leaving

    def end(self) -> None:
        """As a service manager does it, frozen or not."""
        self.signal(signal.SIGCONT)
        ended(self.leave())


def _enter(work: Callable[..., None], given: list[str], environment: dict[str, str], log: str) -> None:
    """In the new process: `work(*given)` under an environment, its words in a file."""
    os.environ.clear()
    os.environ.update(environment)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    work(*given)


def ended(leaving: BaseProcess | None, seconds: float = 90) -> bool:
    """Wait for a process that was asked to end; False where it had to be killed, as a service manager does it after that time."""
    if leaving is None:
        return True
    leaving.join(seconds)
    if not leaving.is_alive():
        return True
    leaving.kill()
    leaving.join(PATIENCE)
    return False
