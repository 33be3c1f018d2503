"""rspamd offline: an instance of its own with the rules that Debian ships, and a name server of the test's own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

#: what asks the wide world, or learns from mail before: none of it may count here
_OFF = (
    *("rbl", "surbl", "fuzzy_check", "phishing", "neural", "greylist", "asn", "mx_check", "rspamd_update", "ratelimit", "replies"),
    *("dkim_signing", "arc", "history_redis", "antivirus", "bimi", "url_redirector", "whitelist", "p0f", "dcc", "milter_headers"),
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Rspamd:
    """`check` judges a mail as the receiving server would have it judged."""

    def __init__(self, folder: Path, dns_port: int) -> None:
        self._folder = folder
        self._dns_port = dns_port
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Rspamd":
        """Skips the test where there is no rspamd; ready when it returns, which takes up to 20 seconds."""
        program, settings = shutil.which("rspamd"), Path("/etc/rspamd/rspamd.conf")
        if program is None or not settings.exists():
            pytest.skip("rspamd is not installed")
        local = self._folder / "conf/local.d"
        local.mkdir(parents=True)
        for name in _OFF:
            (local / f"{name}.conf").write_text("enabled = false;\n")
        (local / "options.inc").write_text(
            f'dns {{ nameserver = ["127.0.0.1:{self._dns_port}:1"]; timeout = 1s; retransmits = 2; enable_dnssec = false; }}\n'
            'local_addrs = []; control_socket = ""; neighbours {}\n'
        )
        override = self._folder / "conf/override.d"
        override.mkdir()
        (override / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{self._port}"; count = 1;\n')
        for name in ("controller", "proxy"):
            (override / f"worker-{name}.inc").write_text("enabled = false; count = 0;\n")
        (override / "logging.inc").write_text('type = "console"; level = "warning";\n')
        places = {"LOCAL_CONFDIR": self._folder / "conf", "DBDIR": self._folder, "RUNDIR": self._folder, "LOGDIR": self._folder}
        words = [program, "-f", "-c", str(settings), *(f"--var={name}={path}" for name, path in places.items())]
        if os.geteuid() == 0:
            words.insert(1, "-i")
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
        self._wait()
        return self

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self._process and self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/ping", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError("rspamd did not start: " + (self._folder / "log").read_text()[-2000:])

    def check(self, mail: bytes, envelope: Mapping[str, str]) -> tuple[float, dict[str, float]]:
        """(score, {symbol: its score}). `envelope`: IP, Helo, From, Rcpt as the server that took the mail knows them."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/checkv2", data=mail, headers=dict(envelope))
        with urllib.request.urlopen(request, timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
        return float(told["score"]), {name: float(one["score"]) for name, one in told["symbols"].items()}

    def stop(self) -> None:
        """Its workers too: they are its own process group."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(10)
