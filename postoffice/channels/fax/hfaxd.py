"""A client of hfaxd, HylaFAX's server: FTP-like commands (RFC 959), jobs by JNEW, JPARM and JSUBM. See hfaxd(8) and sendq(5).

The protocol knows no TLS: passwords and pages cross the network as they are.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from postoffice.channels.reach import Reach

_LONGEST = 20_000_000  #: bytes of a listing
_PIECE = 65_536
_MARK = "\x1f"  #: between the fields of a listing
#: of hfaxd(8), JobFmt: number, key, state, last reason, pages sent, pages, calls, epoch of its next or last step
_FORMAT = _MARK.join(("%j", "%J", "%a", "%p", "%y", "%d", "%Z", "%s"))


class HfaxdError(Exception):
    """hfaxd said no: `code` is its three digits, `text` its words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text

    @property
    def passing(self) -> bool:
        """Whether it may be otherwise later: 4xx, and 530 not logged in, which a person mends."""
        return self.code < 500 or self.code in (530, 532, 552)


class LineBroke(OSError):
    """The connection ended or made no sense."""


ANY = Reach()


@dataclass(frozen=True, slots=True)
class Server:
    """Where hfaxd is, and who asks. `seconds`: patience for one answer."""

    host: str
    port: int = 4559
    user: str = "postoffice"
    password: str = ""
    seconds: float = 30.0
    reach: Reach = Reach()


@dataclass(frozen=True, slots=True)
class Job:
    """A line of the send queue or the done queue. `state`: sendq(5)'s as a letter, T P S B W R waiting, D done, F failed."""

    number: str
    key: str
    state: str
    sent_pages: int
    pages: int
    calls: int
    epoch: int
    reason: str


class Hfaxd:
    """A session. Made by `session`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
        self._reader = reader
        self._writer = writer
        self._seconds = seconds

    async def store(self, content: bytes) -> str:
        """Hand over a document; its name for `submit`. hfaxd forgets it when the session ends without a job for it."""
        async with self._data() as (_, writer):
            opened = await self.command("STOT")
            for start in range(0, len(content), _PIECE):
                writer.write(content[start : start + _PIECE])
                await asyncio.wait_for(writer.drain(), self._seconds)
        _check(await self._answer())
        name = re.search(r"FILE: (\S+?)[ )]", opened)
        if not name:
            raise LineBroke("hfaxd did not name the document")
        return name[1]

    async def new_job(self, parameters: Mapping[str, str]) -> str:
        """A job with these parameters, not yet submitted; its number. HfaxdError where one is refused."""
        made = await self.command("JNEW")
        number = re.search(r"jobid: (\d+)", made)
        if not number:
            raise LineBroke("hfaxd did not number the job")
        for name, value in parameters.items():
            await self.command(f"JPARM {name} {value}")
        return number[1]

    async def submit(self) -> None:
        """Queue the new job: from here on it may be sent."""
        await self.command("JSUBM")

    async def kill(self, number: str) -> None:
        """End a job that waits. HfaxdError where there is none, or where it is done."""
        await self.command(f"JKILL {number}")

    async def jobs(self, queue: str) -> list[Job]:
        """All jobs of `sendq` or `doneq`."""
        await self.command(f'JOBFMT "{_FORMAT}"')
        content = b""
        async with self._data() as (reader, _):
            await self.command(f"LIST {queue}")
            while piece := await asyncio.wait_for(reader.read(_PIECE), self._seconds):
                content += piece
                if len(content) > _LONGEST:
                    raise LineBroke("the listing is too long")
        _check(await self._answer())
        return [job for line in content.decode("latin-1").split("\n") if (job := _job(line))]

    async def command(self, line: str) -> str:
        """Send a line; the words of a 1xx to 3xx answer. HfaxdError for others."""
        if any(letter in line for letter in "\r\n\0"):
            raise HfaxdError(501, "a line break within a command")
        self._writer.write(line.encode("latin-1", "replace") + b"\r\n")
        await asyncio.wait_for(self._writer.drain(), self._seconds)
        return _check(await self._answer())

    async def _answer(self) -> tuple[int, str]:
        """Code and all lines of an answer; RFC 959, 4.2: `123-` begins one of several lines that `123 ` ends."""
        lines: list[str] = []
        while True:
            raw = await asyncio.wait_for(self._reader.readline(), self._seconds)
            line = raw.decode("latin-1").rstrip("\r\n")
            if not raw.endswith(b"\n") or len(lines) > 1000:
                raise LineBroke("hfaxd hung up")
            lines.append(line)
            if re.match(r"\d\d\d( |$)", line):
                return int(line[:3]), "\n".join(one[4:] for one in lines)

    @asynccontextmanager
    async def _data(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A data connection that hfaxd waits for (PASV). To the same machine, whatever address hfaxd knows itself by."""
        told = re.search(r"\((?:\d+,){4}(\d+),(\d+)\)", await self.command("PASV"))
        if not told:
            raise LineBroke("hfaxd told no port")
        host = self._writer.get_extra_info("peername")[0]
        port = int(told[1]) * 256 + int(told[2])
        async with _connected(host, port, self._seconds) as streams:
            yield streams


@asynccontextmanager
async def session(server: Server) -> AsyncIterator[Hfaxd]:
    """A session, logged in. OSError (LineBroke, TimeoutError too) where the line fails, HfaxdError where hfaxd says no."""
    async with _connected(server.host, server.port, server.seconds, server.reach) as (reader, writer):
        client = Hfaxd(reader, writer, server.seconds)
        _check(await client._answer())
        code, text = await _login(client, server)
        if code != 230:
            raise HfaxdError(code, text)
        for line in ("TZONE GMT", "TYPE I"):
            await client.command(line)
        yield client
        with suppress(OSError, HfaxdError):
            await client.command("QUIT")


async def _login(client: Hfaxd, server: Server) -> tuple[int, str]:
    client._writer.write(f"USER {server.user}\r\n".encode("latin-1", "replace"))
    code, text = await client._answer()
    if code == 331:  # a password is wanted
        client._writer.write(f"PASS {server.password}\r\n".encode("latin-1", "replace"))
        code, text = await client._answer()
    return code, text


@asynccontextmanager
async def _connected(
    host: str, port: int, seconds: float, reach: Reach = ANY
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(min(seconds, 10.0)):
        link = await reach.connect(host, port)
        reader, writer = await asyncio.open_connection(sock=link)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 5.0)


def _check(answer: tuple[int, str]) -> str:
    code, text = answer
    if not 100 <= code < 400:
        raise HfaxdError(code, text)
    return text


def _job(line: str) -> Job | None:
    fields = line.rstrip("\r").split(_MARK, 7)
    if len(fields) < 8:
        return None
    number, key, state, *counts, reason = (field.strip() for field in fields)
    sent, pages, calls, epoch = (int(count) if count.isdigit() else 0 for count in counts)
    return Job(number, key, state, sent, pages, calls, epoch, reason)
