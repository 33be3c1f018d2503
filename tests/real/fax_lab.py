"""Faxes truly transmitted: software modems, HylaFAX above them, all in namespaces of their own; hfaxd outside, on a free port."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers import free_port, wait_for

HERE = Path(__file__).resolve().parent
PROGRAMS = ("hfaxd", "faxq", "faxgetty", "iaxmodem", "unshare", "ip")
MODEMS = 4


class Missing(Exception):
    """The laboratory cannot be had here; the message says why."""


class FaxLab:
    """Start, use `port` and `received`, stop. Modem ttyIAX0 calls ttyIAX1; ttyIAX2 and ttyIAX3 hear busy (numbers in 17) or ringing."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fax-lab-"))
        self._folder.chmod(0o755)  # HylaFAX's own user must get in, which pytest's folders forbid
        self._running: list[subprocess.Popen[bytes]] = []
        self.port = 0

    def start(self) -> "FaxLab":
        """Missing where programs or namespaces are; else ready when all modems are idle."""
        words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", str(HERE / "fax_lab.sh")]
        try:
            _check()
            self._run("lab", [*words, str(self._folder), sys.executable, str(HERE / "fax_exchange.py")])
            wait_for((self._folder / "ready").exists, seconds=30, every=0.2, what="the modems' namespace")
            self.port = free_port()
            self._run("hfaxd", ["hfaxd", "-d", "-q", str(self._folder / "spool"), "-l", "127.0.0.1", "-i", str(self.port)])
            wait_for(self._answers, seconds=20, every=0.2, what="hfaxd")
            wait_for(self._idle, seconds=60, every=0.5, what="the modems")
        except BaseException:
            self.stop()
            raise
        return self

    def _run(self, name: str, words: list[str]) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._running.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))

    def _idle(self) -> bool:
        states = (self._folder / "spool/status").glob("ttyIAX*")
        return sum("idle" in state.read_text() for state in states) == MODEMS

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2):
                return True
        except OSError:
            return False

    def received(self) -> list[Path]:
        """The faxes that came, oldest first."""
        return sorted((self._folder / "spool/recvq").glob("*.tif"))

    def stop(self) -> None:
        """End what was started. With the first process of the namespace, which is killed with `unshare`, all others in it end."""
        for process in reversed(self._running):
            process.kill()  # unshare heeds no gentler sign
            process.wait(10)
        self._running.clear()
        shutil.rmtree(self._folder)


def _check() -> None:
    if os.geteuid() != 0:
        raise Missing("modems and namespaces need root")
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        raise Missing(f"these programs are not installed: {', '.join(missing)}")
    script = "mount -t tmpfs t /mnt && mount -t devpts -o newinstance,ptmxmode=0666 pts /mnt"
    probe = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=20,
    )
    if probe.returncode:
        raise Missing(f"namespaces cannot be made here: {probe.stderr.strip()[:200]}")
