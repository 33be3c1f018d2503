"""An office of its own for a measurement: `postoffice up` in a temporary folder on free ports, ended by its process id."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POSTOFFICE = [sys.executable, "-m", "postoffice"]


@dataclass(frozen=True, slots=True)
class Running:
    """Where a measured office is. `web_pid`: the web process, for its memory."""

    data: Path
    uri: str
    web_pid: int
    worker_pid: int
    environment: dict[str, str]

    def run(self, *words: str) -> str:
        """A verb of the command line against this office."""
        command = [*POSTOFFICE, *words, "--data", str(self.data)]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=self.environment).stdout


@contextmanager
def office(**settings: object) -> Iterator[Running]:
    """Start, yield, stop."""
    folder = Path(tempfile.mkdtemp(prefix="po-bench-"))
    port, tls_port = _free_port(), _free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("POSTOFFICE_")}
    environment |= {"POSTOFFICE_IPPS_PORT": str(tls_port)}
    environment |= {f"POSTOFFICE_{name.upper()}": str(value) for name, value in settings.items()}
    log = open(folder / "log", "w+b")  # noqa: SIM115 - closed below
    command = [*POSTOFFICE, "up", "--port", str(port), "--data", str(folder / "data")]
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    try:
        end = time.monotonic() + 60
        while b"is open." not in (folder / "log").read_bytes():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.1)
        children = _children(process.pid)
        running = Running(folder / "data", "", children["serve"], children["work"], environment)
        yield Running(running.data, running.run("printer", "uri").strip(), running.web_pid, running.worker_pid, environment)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _children(parent: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                    found[next((word for word in ("serve", "work") if word.encode() in words), "redis")] = int(entry.name)
            except (OSError, IndexError):
                continue
    return found


def peak_megabytes(pid: int) -> float:
    """The highest resident memory of a process so far (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
