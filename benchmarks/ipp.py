"""The printer's speed: one-page jobs a second, and a 500 MB upload with the server's memory.

Jobs go over plain keep-alive connections written by hand, so that the client costs little; every job's PDF is another one, so that
the store of documents really stores. The named peer is `ippeveprinter`, CUPS's own sample printer, in the same run: it keeps nothing
and takes one job at a time, and what it answers with "busy" is sent again and counted.
"""

import argparse
import asyncio
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.office import office, peak_megabytes
from postoffice.intake.ipp.codec import encode
from postoffice.intake.ipp.values import Group, Message, attribute
from postoffice.intake.ipp.words import Operation, Status, Tag

JOBS = 1_000
AT_ONCE = 50
UPLOAD = 500_000_000  #: bytes
_PIECE = 64 * 1024
_BUSY = 0x0507
_REQUEST_IDS = itertools.count(1)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure the printer at `arguments.uri` (memory of process `arguments.pid`), or one in an office of its own."""
    jobs = arguments.count or JOBS
    if arguments.uri:
        figures = asyncio.run(_measure_all(arguments.uri, jobs, arguments.pid))
    else:
        with office() as running:
            figures = asyncio.run(_measure_all(running.uri, jobs, running.web_pid))
    ratios: dict[str, float] = {}
    with sample_printer() as peer:
        if peer:
            theirs = asyncio.run(measure(peer, max(jobs // 4, 50)))
            figures |= {f"ippeveprinter {name}": value for name, value in theirs.items()}
            ratios["ippeveprinter"] = figures["jobs/s one after the other"] / theirs["jobs/s one after the other"]
            ratios[f"ippeveprinter, {AT_ONCE} at once"] = figures[f"jobs/s {AT_ONCE} at once"] / theirs[f"jobs/s {AT_ONCE} at once"]
    return {"figures": figures, "ratios": ratios}


async def _measure_all(uri: str, jobs: int, pid: int) -> dict[str, Any]:
    figures = await measure(uri, jobs)
    if pid:
        figures["web peak MB after the jobs"] = peak_megabytes(pid)
    figures |= await upload(uri, UPLOAD)
    if pid:
        figures["web peak MB after the upload"] = peak_megabytes(pid)
    return figures


async def measure(uri: str, jobs: int) -> dict[str, Any]:
    """Print `jobs` one-page PDFs one after the other, then as many `AT_ONCE` at a time: jobs a second, and how often "busy"."""
    async with Connection(uri) as line:
        await line.print_job(1)  # the first one warms caches up on both sides
        begun = time.perf_counter()
        busy = sum([await line.print_job(number) for number in range(jobs)])
        alone = jobs / (time.perf_counter() - begun)
    lines = [Connection(uri) for _ in range(AT_ONCE)]
    numbers = iter(range(jobs, 2 * jobs))

    async def work(line: Connection) -> int:
        async with line:
            return sum([await line.print_job(number) for number in numbers])

    begun = time.perf_counter()
    crowded_busy = sum(await asyncio.gather(*(work(line) for line in lines)))
    crowded = jobs / (time.perf_counter() - begun)
    return {
        "jobs/s one after the other": alone,
        f"jobs/s {AT_ONCE} at once": crowded,
        "busy answers": busy + crowded_busy,
    }


async def upload(uri: str, size: int) -> dict[str, Any]:
    """One Print-Job with a document of `size` bytes, chunked: megabytes (10^6) a second until the answer."""
    async with Connection(uri) as line:
        begun = time.perf_counter()
        await line.pour(size)
        return {f"MB/s of a {size // 1_000_000} MB upload": size / 1e6 / (time.perf_counter() - begun)}


class Connection:
    """A keep-alive connection to a printer."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self._uri = uri
        self._host = parts.hostname or "localhost"
        self._port = parts.port or 631
        self._path = parts.path

    async def __aenter__(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def print_job(self, number: int) -> int:
        """Print one page; how many times it had to be sent again. RuntimeError where it is refused."""
        body = self._request() + one_page(number)
        for again in itertools.count():
            self._writer.write(self._head(f"Content-Length: {len(body)}") + body)
            status = await self._status()
            if status in (Status.OK, Status.OK_IGNORED):
                return again
            if status != _BUSY:
                raise RuntimeError(f"the printer answered 0x{status:04x}")
            await asyncio.sleep(0.002)
        raise AssertionError

    async def pour(self, size: int) -> None:
        """Print a document of `size` bytes: a page with a large object that nobody refers to, other bytes in each run."""
        self._writer.write(self._head("Transfer-Encoding: chunked"))
        noise = os.urandom(_PIECE)
        page = one_page(time.time_ns())
        for piece in (self._request() + page, *itertools.repeat(noise, (size - 2 * len(page)) // _PIECE), page):
            self._writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await self._writer.drain()
        self._writer.write(b"0\r\n\r\n")
        status = await self._status()
        if status.bit_length() > 8:
            raise RuntimeError(f"the printer answered 0x{status:04x}")

    def _head(self, length: str) -> bytes:
        lines = (f"POST {self._path} HTTP/1.1", f"Host: {self._host}:{self._port}", "Content-Type: application/ipp", length)
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def _request(self) -> bytes:
        asked = [
            attribute("attributes-charset", Tag.CHARSET, "utf-8"),
            attribute("attributes-natural-language", Tag.LANGUAGE, "en"),
            attribute("printer-uri", Tag.URI, self._uri),
            attribute("requesting-user-name", Tag.NAME, "bench"),
            attribute("job-name", Tag.NAME, "bench"),
            attribute("document-format", Tag.MIME, "application/pdf"),
        ]
        group = Group(Tag.OPERATION, {one.name: one for one in asked})
        return encode(Message((2, 0), Operation.PRINT_JOB, next(_REQUEST_IDS), [group]))

    async def _status(self) -> int:
        """The IPP status of the next answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"the printer answered {head.splitlines()[0].decode()}")
        if b"transfer-encoding: chunked" in head:
            body = b""
            while size := int(await self._reader.readline(), 16):
                body += (await self._reader.readexactly(size + 2))[:size]
            await self._reader.readline()
        else:
            length = int(head.split(b"content-length:")[1].split()[0])
            body = await self._reader.readexactly(length)
        return int.from_bytes(body[2:4], "big")


def one_page(number: int) -> bytes:
    """A valid one-page PDF with a window address; another one for each number."""
    text = f"BT /F 11 Tf 320 690 Td (Letter {number}) Tj 0 -14 Td (1 RUE DE LA POSTE) Tj 0 -14 Td (75001 PARIS) Tj ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(text)}>>stream\n{text}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    out = "%PDF-1.4\n"
    offsets = []
    for index, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{index} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    count = len(objects) + 1
    return (
        f"{out}xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<</Size {count}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF\n"
    ).encode()


@contextmanager
def sample_printer() -> Iterator[str]:
    """CUPS's ippeveprinter on a free port; an empty address where it is not installed.

    It wants a message bus for DNS-SD before it serves: it gets one of its own, with nobody on it.
    """
    if not (shutil.which("ippeveprinter") and shutil.which("dbus-daemon")):
        yield ""
        return
    folder = Path(tempfile.mkdtemp(prefix="po-peer-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"unix:path={folder}/bus"
    bus = _start(["dbus-daemon", "--session", "--nofork", f"--address={address}"])
    _wait(lambda: (folder / "bus").exists())
    command = ["ippeveprinter", "-p", str(port), "-d", str(folder), "-r", "off", "-f", "application/pdf"]
    command += ["-c", shutil.which("true") or "/bin/true", "Peer"]  # without a command it plays at printing for 5 to 15 s a job
    printer = _start(command, DBUS_SYSTEM_BUS_ADDRESS=address)
    try:
        _wait(lambda: _answers(port))
        yield f"ipp://localhost:{port}/ipp/print"
    finally:
        for process in (printer, bus):
            process.terminate()
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _start(command: list[str], **environment: str) -> subprocess.Popen[bytes]:
    null = subprocess.DEVNULL
    return subprocess.Popen(command, env=os.environ | environment, stdin=null, stdout=null, stderr=null)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), 1).close()
    except OSError:
        return False
    return True


def _wait(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the sample printer did not start")
        time.sleep(0.05)
