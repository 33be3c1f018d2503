"""An hfaxd whose behaviour a test controls; answers as HylaFAX 6.0.7 gave them (see tests/real for the true one)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class FakeJob:
    """A submitted job: what JPARM set, and how it stands."""

    number: int
    parameters: dict[str, str]
    document: bytes
    state: str = "W"
    reason: str = ""
    sent: int = 0
    pages: int = 0
    calls: int = 0
    epoch: int = 1_795_000_000

    @property
    def done(self) -> bool:
        return self.state in ("D", "F")

    def line(self) -> str:
        fields = (
            self.number,
            self.parameters.get("JOBINFO", ""),
            self.state,
            self.sent,
            self.pages,
            self.calls,
            self.epoch,
            self.reason,
        )
        return "\x1f".join(str(one) for one in fields) + "\r\n"


@dataclass
class FakeHfaxd:
    """`no` may answer a line instead of the server ("" hangs up); `password` empty: none is asked for."""

    password: str = ""
    no: Callable[[str], str | None] = lambda line: None
    jobs: list[FakeJob] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    port: int = 0
    server: asyncio.Server | None = None
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        talk = Talk(self, reader, writer)
        try:
            writer.write(b"220 fax.example server (HylaFAX (tm) Version 6.0.7) ready.\r\n")
            await talk.run()
        except ConnectionError:
            pass
        finally:
            talk.close()
            self.open.discard(writer)
            writer.close()

    async def stop(self) -> None:
        if self.server:
            self.server.close()
            for writer in list(self.open):
                writer.transport.abort()
            await self.server.wait_closed()
            self.server = None


class Talk:
    """One session."""

    def __init__(self, fake: FakeHfaxd, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.fake = fake
        self.reader = reader
        self.writer = writer
        self.documents: dict[str, bytes] = {}
        self.parameters: dict[str, str] = {}
        self.data: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.door: asyncio.Server | None = None

    async def run(self) -> None:
        while raw := await self.reader.readline():
            line = raw.decode("latin-1").rstrip("\r\n")
            self.fake.lines.append(line)
            answer = self.fake.no(line)
            if answer == "":
                self.writer.transport.abort()
                return
            if answer is None:
                answer = await self.answer(*line.partition(" ")[::2])
            self.writer.write(answer.encode() + b"\r\n")
            await self.writer.drain()
            if answer.startswith("221"):
                return

    def close(self) -> None:
        """Let go of a data connection that was opened and not used."""
        if self.door:
            self.door.close()
        while not self.data.empty():
            self.data.get_nowait()[1].transport.abort()

    async def answer(self, verb: str, rest: str) -> str:
        match verb:
            case "USER":
                return "331 Password required." if self.fake.password else "230 User logged in."
            case "PASS":
                return "230 User logged in." if rest == self.fake.password else "530 Login incorrect."
            case "TZONE" | "TYPE" | "JOBFMT":
                return "200 OK."
            case "PASV":
                return await self.passive()
            case "STOT":
                return await self.store()
            case "JNEW":
                self.parameters = {}
                return "200 New job created: jobid: 1 groupid: 1."
            case "JPARM":
                name, _, value = rest.partition(" ")
                self.parameters[name] = value.strip('"')
                return f"213 {name} set to {value}."
            case "JSUBM":
                return self.submit()
            case "JKILL":
                return self.kill(int(rest))
            case "LIST":
                return await self.list(rest)
            case "QUIT":
                return "221 Goodbye."
        return f"500 {verb}: Command not recognized."

    async def passive(self) -> str:
        async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self.data.put((reader, writer))

        self.door = await asyncio.start_server(came, "127.0.0.1", 0)
        port = self.door.sockets[0].getsockname()[1]
        return f"227 Entering passive mode (10,0,0,9,{port // 256},{port % 256})"  # as behind a translator of addresses

    async def _streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        streams = await self.data.get()
        assert self.door
        self.door.close()
        return streams

    async def store(self) -> str:
        name = f"/tmp/doc{len(self.documents) + 1}.ps"
        self.writer.write(f"150 FILE: {name} (Opening new data connection).\r\n".encode())
        reader, writer = await self._streams()
        self.documents[name] = await reader.read()
        writer.close()
        return f"226 Transfer complete (FILE: {name})."

    def submit(self) -> str:
        job = FakeJob(len(self.fake.jobs) + 1, self.parameters, self.documents[self.parameters["DOCUMENT"]])
        self.fake.jobs.append(job)
        return f"200 Job {job.number} submitted."

    def kill(self, number: int) -> str:
        for job in self.fake.jobs:
            if job.number == number and not job.done:
                job.state, job.reason = "F", "Job aborted by request"
                return f"200 Job {number} killed."
        return f"500 Cannot kill job {number}: No such job."

    async def list(self, queue: str) -> str:
        self.writer.write(b"150 Opening new data connection.\r\n")
        _, writer = await self._streams()
        for job in self.fake.jobs:
            if job.done == (queue == "doneq"):
                writer.write(job.line().encode())
        await writer.drain()
        writer.close()
        return "226 Transfer complete."


@asynccontextmanager
async def running(fake: FakeHfaxd) -> AsyncIterator[FakeHfaxd]:
    """The server on a free port of the loopback interface."""
    fake.server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = fake.server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        await fake.stop()
        await asyncio.sleep(0.01)  # aborted connections end in the loop's next rounds
