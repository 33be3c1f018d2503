"""Parts of the town that are wrecked: a queue server, a small disk, processes of the office."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import servers


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

    def signal(self, word: signal.Signals) -> None:
        """Freeze it or let it go on."""
        if self._process is not None:
            self._process.send_signal(word)

    def kill(self, *, forget: bool = False) -> None:
        """kill -9; `forget`: its file is lost with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
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
    """A process of the office that is started again after each end."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command, self._environment, self._log = command, environment, log
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def lives(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Start it unless it lives."""
        if not self.lives:
            with open(self._log, "ab") as out:
                self._running = subprocess.Popen(self._command, env=self._environment, stdout=out, stderr=out)

    def signal(self, word: signal.Signals) -> None:
        """A signal, if it lives."""
        if self._running is not None and self.lives:
            self._running.send_signal(word)
            if word is signal.SIGKILL:
                self._running.wait(20)

    def leave(self) -> subprocess.Popen[bytes] | None:
        """SIGTERM, and think no more of it: its successor can be started at once. Who it was."""
        leaving, self._running = self._running, None
        if leaving is not None and leaving.poll() is None:
            leaving.terminate()
        return leaving

    def end(self) -> None:
        """As a service manager does it, frozen or not."""
        self.signal(signal.SIGCONT)
        ended(self.leave())


def ended(leaving: subprocess.Popen[bytes] | None, seconds: float = 45) -> None:
    """Wait for a process that was asked to end; AssertionError where it has to be killed."""
    if leaving is not None:
        try:
            leaving.wait(seconds)
        except subprocess.TimeoutExpired:
            leaving.kill()
            leaving.wait(20)
            raise AssertionError(f"a process that was asked to end did not within {seconds:g} s") from None
