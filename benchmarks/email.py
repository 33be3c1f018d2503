"""E-mails a second, the whole road: render, MIME, RSA-2048 DKIM, SMTP into smtp-sink; beside nodemailer and the usual Python way.

All senders get the same message (text and 23 KB of HTML; once more with a PDF of 100 KB), the same key, two processes and ten
connections each, one after the other against the same kind of sink; rounds are interleaved and their medians compared. Further:
memory of our sender from a tenth to all of `--count` (100,000) messages, and the office's road from the button to the sink.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.mail.job import Job, write_job, write_templates
from postoffice.channels.email.sign import make_key
from postoffice.model.errors import PostOfficeError
from tests.real import npm

NODEMAILER = "7.0.11"
PROCESSES, CONNECTIONS, ROUNDS = 2, 10, 5
PDF_BYTES = 100_000
CHECKOUT = Path(__file__).resolve().parents[1]
#: messages a process sends in one round, so that each sender's round lasts some seconds
SHARES = {"ours": (1200, 600), "nodemailer": (250, 150), "naive": (100, 60)}
MEMORY = 100_000


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and the ratios to both peers, without the PDF; `..._pdf`: with it."""
    from benchmarks.mail import office  # the whole house, which the rest of this bench does not need

    folder = Path(tempfile.mkdtemp(prefix="postoffice-bench-"))
    try:
        folder.chmod(0o755)  # smtp-sink, which keeps a mail in it, is nobody
        (folder / "key.pem").touch(0o600)
        (folder / "key.pem").write_text(make_key())
        write_templates(folder)
        figures: dict[str, Any] = {"processes": PROCESSES, "connections_each": CONNECTIONS}
        commands = _commands()
        ratios = {}
        for suffix, pdf in (("", 0), ("_pdf", PDF_BYTES)):
            seen = _rounds(commands, folder, pdf)
            for name, rounds in seen.items():
                figures[f"{name}_per_second{suffix}"] = median(one.rate for one in rounds)
                figures[f"{name}_cpu_ms_each{suffix}"] = median(one.cpu_ms for one in rounds)
                figures[f"{name}_wire_bytes{suffix}"] = _wire_bytes(commands[name], folder, pdf)
            for peer in ("nodemailer", "naive"):
                both = list(zip(seen["ours"], seen[peer], strict=True))
                ratios[peer + suffix] = median(ours.rate / theirs.rate for ours, theirs in both)
                figures[f"cpu_ratio_{peer}{suffix}"] = median(theirs.cpu_ms / ours.cpu_ms for ours, theirs in both)
        figures |= _memory(commands["ours"], folder, getattr(arguments, "count", 0) or MEMORY)
        with sink() as port:
            figures |= office.walk(folder, port, CONNECTIONS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"figures": figures, "ratios": ratios}


def _commands() -> dict[str, list[str]]:
    try:
        modules = npm.installed("nodemailer", NODEMAILER)
    except npm.Missing as missing:
        raise PostOfficeError("no-peer", f"nodemailer cannot be had here: {missing}", help="Install node and npm.") from None
    os.environ["NODE_PATH"] = str(modules)
    python = [sys.executable, "-m"]
    return {
        "ours": [*python, "benchmarks.mail.ours"],
        "nodemailer": [npm.node(), str(CHECKOUT / "benchmarks/mail/nodemailer.js")],
        "naive": [*python, "benchmarks.mail.naive"],
    }


@contextmanager
def sink(record: Path | None = None) -> Iterator[int]:
    """An smtp-sink on a free port of the loopback interface; with `record` it keeps what it gets there."""
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise PostOfficeError("no-peer", "smtp-sink is not installed.", help="It comes with Debian's package postfix.")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    kept = ["-d", str(record)] if record else []
    process = subprocess.Popen([program, *user, *kept, f"127.0.0.1:{port}", "1024"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Round(NamedTuple):
    """One sender's round: messages a second of all its processes, CPU milliseconds for one message, each process's memory."""

    rate: float
    cpu_ms: float
    rss: list[list[float]]


def _rounds(commands: dict[str, list[str]], folder: Path, pdf: int) -> dict[str, list[Round]]:
    """By sender; each round is measured next to the others' round, so that a busy machine troubles all."""
    seen: dict[str, list[Round]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            seen[name].append(_round(command, folder, SHARES[name][bool(pdf)], pdf))
    return seen


def _round(command: Sequence[str], folder: Path, share: int, pdf: int) -> Round:
    with sink() as port:
        senders = [_start(command, folder, Job(port, share, CONNECTIONS, str(folder), pdf, n * 10_000_000)) for n in range(PROCESSES)]
        started = time.perf_counter()
        for sender in senders:
            assert sender.stdin
            sender.stdin.write("go\n")
            sender.stdin.flush()
        told = [json.loads(sender.stdout.readline()) for sender in senders if sender.stdout]
        seconds = time.perf_counter() - started
        for sender in senders:
            sender.communicate(timeout=30)
    total = share * PROCESSES
    return Round(total / seconds, 1000 * sum(one["cpu"] for one in told) / total, [one["rss"] for one in told])


def _start(command: Sequence[str], folder: Path, job: Job) -> "subprocess.Popen[str]":
    """A sender that is warm and waits."""
    path = write_job(folder / f"job-{job.start}.json", job)
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": CHECKOUT}
    sender = subprocess.Popen([*command, str(path)], **pipes)
    assert sender.stdout
    if sender.stdout.readline().strip() != "ready":
        raise PostOfficeError("no-peer", f"The sender {command[-1]} did not start.", help="Run it by hand and see.")
    return sender


def _wire_bytes(command: Sequence[str], folder: Path, pdf: int) -> float:
    """How large the message is as this sender writes it."""
    record = Path(tempfile.mkdtemp(dir=folder))
    record.chmod(0o777)
    with sink(record / "mail") as port:
        sender = _start(command, folder, Job(port, 1, 1, str(folder), pdf, 0))
        sender.communicate("go\n", timeout=60)
    sizes = sorted(path.stat().st_size for path in record.iterdir())
    return float(sizes[len(sizes) // 2])


def _memory(command: Sequence[str], folder: Path, count: int) -> dict[str, float]:
    done = _round(command, folder, count // PROCESSES, 0)
    tenth, all_of_it = (max(one[place] for one in done.rss) for place in (0, 1))
    return {
        "memory_messages": count,
        "memory_mb_after_a_tenth": tenth,
        "memory_mb_after_all": all_of_it,
        "memory_run_per_second": done.rate,
    }
