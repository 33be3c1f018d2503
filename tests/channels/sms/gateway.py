"""A small SMPP gateway whose behaviour a test controls. It reads the wire by itself, without the carrier's own code."""

import asyncio
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

SUBMIT, DELIVER, UNBIND, BIND, ENQUIRE = 0x4, 0x5, 0x6, 0x9, 0x15


@dataclass
class Submit:
    """A message that was submitted."""

    source: str
    destination: str
    esm_class: int
    coding: int
    text: bytes
    tlvs: dict[int, bytes]
    source_ton: int
    validity: str
    receipt: int
    id: str = ""


def read_submit(body: bytes) -> Submit:
    """submit_sm, SMPP 3.4, 4.4.1."""
    place = 0

    def string() -> str:
        nonlocal place
        end = body.index(b"\0", place)
        found, place = body[place:end].decode(), end + 1
        return found

    def octet() -> int:
        nonlocal place
        place += 1
        return body[place - 1]

    string()
    ton, _ = octet(), octet()
    source = string()
    octet(), octet()
    destination = string()
    esm = octet()
    octet(), octet()
    string()
    validity = string()
    receipt, _, coding, _, length = octet(), octet(), octet(), octet(), octet()
    text, place = body[place : place + length], place + length
    tlvs: dict[int, bytes] = {}
    while place < len(body):
        tag, size = struct.unpack_from(">HH", body, place)
        tlvs[tag] = body[place + 4 : place + 4 + size]
        place += 4 + size
    return Submit(source, destination, esm, coding, text, tlvs, ton, validity, receipt)


def deliver_body(source: str, destination: str, text: bytes, *, esm: int = 0, coding: int = 0, tlvs: dict[int, bytes] | None = None):
    """deliver_sm, SMPP 3.4, 4.6.1."""
    tail = b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in (tlvs or {}).items())
    return b"".join(
        [
            b"\0\1\1",
            source.encode() + b"\0",
            b"\1\1",
            destination.encode() + b"\0",
            bytes((esm, 0, 0)),
            b"\0\0",
            bytes((0, 0, coding, 0, len(text))),
            text,
            tail,
        ]
    )


def receipt_text(message_id: str, stat: str = "DELIVRD", err: str = "000") -> bytes:
    """A receipt as in appendix B."""
    counted = "001" if stat == "DELIVRD" else "000"
    dates = "submit date:2611230900 done date:2611230901"
    return f"id:{message_id} sub:001 dlvrd:{counted} {dates} stat:{stat} err:{err} text:Bonjour id:99".encode()


@dataclass
class Gateway:
    """`answer` decides what a submit gets: a status, or None for no answer at all. `make_id` names the n-th message."""

    answer: Callable[[Submit], int | None] = lambda submit: 0
    make_id: Callable[[int], str] = lambda number: f"{number:08x}"
    password: str = "secret"
    port: int = 0
    submits: list[Submit] = field(default_factory=list)
    taken: list[Submit] = field(default_factory=list)
    binds: int = 0
    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    enquiries: int = 0
    silent: bool = False  #: nothing is answered any more
    delay: float = 0.0
    highest: int = 0  #: most unanswered submits at once
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _sequence: int = 1000
    _open: int = 0
    _tasks: set = field(default_factory=set)
    ssl: object = None

    async def start(self) -> "Gateway":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.ssl)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self.vanish()
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def vanish(self) -> None:
        """Cut all lines."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    @property
    def bound(self) -> bool:
        return bool(self._writers)

    async def wait_bound(self) -> None:
        for _ in range(500):
            if self._writers:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody binds")

    def copies(self, to: str) -> int:
        """How many messages to this number were taken."""
        return Counter(one.destination for one in self.taken)[to.lstrip("+")]

    def push(self, body: bytes, command: int = DELIVER) -> int:
        """Push over the line that is bound; its sequence number."""
        self._sequence += 1
        self._writers[-1].write(struct.pack(">IIII", 16 + len(body), command, 0, self._sequence) + body)
        return self._sequence

    def receipt(self, message_id: str, stat: str = "DELIVRD", err: str = "000", *, tlvs: dict[int, bytes] | None = None) -> int:
        return self.push(deliver_body("33639980042", "MAIRIE", receipt_text(message_id, stat, err), esm=4, tlvs=tlvs))

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._writers[-1].write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length, command, status, sequence = struct.unpack(">IIII", await reader.readexactly(16))
                body = await reader.readexactly(length - 16)
                if self.silent:
                    continue
                self._take(writer, command, status, sequence, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        if writer in self._writers:
            self._writers.remove(writer)

    def _take(self, writer: asyncio.StreamWriter, command: int, status: int, sequence: int, body: bytes) -> None:
        if command == BIND:
            right = self.password.encode() in body
            self.binds += 1
            self._reply(writer, command, sequence, b"GW\0", 0 if right else 0xE)
            if right:
                self._writers.append(writer)
        elif command == SUBMIT:
            task = asyncio.create_task(self._submit(writer, sequence, read_submit(body)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif command == ENQUIRE:
            self.enquiries += 1
            self._reply(writer, command, sequence)
        elif command == UNBIND:
            self._reply(writer, command, sequence)
            writer.close()
        elif command == DELIVER | 0x80000000:
            self.acknowledged.append((sequence, status))

    async def _submit(self, writer: asyncio.StreamWriter, sequence: int, submit: Submit) -> None:
        self.submits.append(submit)
        self._open += 1
        self.highest = max(self.highest, self._open)
        if self.delay:
            await asyncio.sleep(self.delay)
        self._open -= 1
        status = self.answer(submit)
        if status is None:
            return
        if status == 0:
            self.taken.append(submit)
            submit.id = self.make_id(len(self.taken))
        self._reply(writer, SUBMIT, sequence, submit.id.encode() + b"\0" if status == 0 else b"", status)

    def _reply(self, writer: asyncio.StreamWriter, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        if not writer.is_closing():
            writer.write(struct.pack(">IIII", 16 + len(body), command | 0x80000000, status, sequence) + body)
