"""A whole office for tests: `postoffice up` in a folder of its own, on free ports, as a newcomer would start it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.servers import free_port, wait_for

POSTOFFICE = [sys.executable, "-m", "postoffice"]


class Office:
    """A running office. `text` is what it printed; `password` the first sign-in's."""

    def __init__(self, data: Path, **settings: object) -> None:
        self.data = data
        self.port = free_port()
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("POSTOFFICE_")}
        given = {"POSTOFFICE_IPPS_PORT": free_port(), "POSTOFFICE_MIN_FREE_MEGABYTES": 50}
        given |= {f"POSTOFFICE_{name.upper()}": value for name, value in settings.items()}
        self.environment |= {name: str(value) for name, value in given.items()}
        data.parent.mkdir(parents=True, exist_ok=True)
        self.log = data.parent / f"{data.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def password(self) -> str:
        found = re.search(r"Password\s+(\S+)", self.text)
        assert found, self.text
        return found[1]

    def start(self) -> "Office":
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*POSTOFFICE, "up", "--port", str(self.port), "--data", str(self.data)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.environment,
                start_new_session=True,
            )
        already = self.text.count("is open.")
        wait_for(lambda: self.text.count("is open.") > already or self._ended(), 60, what="the office")
        assert not self._ended(), self.text
        return self

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def stop(self) -> None:
        """Ctrl-C, and everything must be gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def run(self, *words: str, check: bool = True) -> str:
        """A verb of the command line against this office's data folder."""
        done = subprocess.run(
            [*POSTOFFICE, *words, "--data", str(self.data)], capture_output=True, text=True, env=self.environment, check=False
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def printer_uri(self, *words: str) -> str:
        return self.run("printer", "uri", *words).strip()

    def try_letters(self, letters: int, *words: str) -> dict[str, Any]:
        return json.loads(self.run("try", "--letters", str(letters), "--json", *words))

    def children(self) -> dict[str, int]:
        """Process ids of the office's own children, by what they do."""
        assert self.process is not None
        found: dict[str, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                except (OSError, IndexError):
                    continue
                if parent == self.process.pid:
                    kind = next((word for word in ("serve", "work") if word.encode() in words), "redis")
                    found[kind] = int(entry.name)
        return found

    def kill(self, kind: str) -> int:
        """kill -9 of one child; returns the id that it had."""
        pid = self.children()[kind]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_for_child(self, kind: str, other_than: int, seconds: float = 40) -> int:
        def fresh() -> int | None:
            pid = self.children().get(kind)
            return pid if pid and pid != other_than else None

        return int(wait_for(fresh, seconds, what=f"a new {kind}"))


def seconds_since(start: float) -> float:
    return round(time.monotonic() - start, 2)
