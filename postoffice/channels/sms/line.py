"""One bound connection to a gateway: requests with a window, answers in any order, and what the gateway pushes. SMPP 3.4, 2.7, 7.2."""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from postoffice.channels.reach import Reach
from postoffice.channels.sms.pdu import ANSWER, LAST_SEQUENCE, BadPdu, Command, Pdu, Status, bind_body, pack, take

_LATE = 10_000  #: unanswered requests whose late answer is still understood
_TICK = 0.5  #: seconds between two looks at what is overdue


class Lost(Exception):
    """The line is gone, or a request was not answered. `doubtful`: the request had been written."""

    def __init__(self, why: str, *, doubtful: bool) -> None:
        super().__init__(why)
        self.why = why
        self.doubtful = doubtful


class Unreachable(Exception):
    """No line could be had: `why` in words without secrets, `code` the gateway's own, `ours` where our settings are to blame."""

    def __init__(self, why: str, code: str = "", *, ours: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.code = code
        self.ours = ours


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where to connect, and how. `security`: "tls" from the first byte, or "none"."""

    host: str
    port: int
    system_id: str
    password: str
    system_type: str = ""
    security: str = "tls"
    ca: str = ""  #: PEM; trusted instead of the system's authorities
    window: int = 50  #: requests that may be unanswered
    seconds: float = 30.0  #: patience with an answer
    reach: Reach = Reach()
    idle: float = 30.0  #: seconds of silence after which the line is tried with enquire_link

    def context(self) -> ssl.SSLContext | None:
        """How the gateway proves who it is; None without TLS. ValueError where `ca` holds no certificate."""
        if self.security == "none":
            return None
        try:
            return ssl.create_default_context(cadata=self.ca or None)
        except ssl.SSLError:
            raise ValueError("a certificate in PEM form") from None


@dataclass(slots=True)
class _Waiting:
    answer: asyncio.Future[Pdu]
    ends: float
    key: str


class Line(asyncio.Protocol):
    """A connection. `pushed` gets what the gateway sends by itself; `late` the answer to a request that nobody awaits any more."""

    def __init__(self, gateway: Gateway, pushed: Callable[["Line", Pdu], None], late: Callable[[str, Pdu], None]) -> None:
        self._gateway = gateway
        self._pushed = pushed
        self._late_answer = late
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._sequence = 0
        self._waiting: dict[int, _Waiting] = {}
        self._late: OrderedDict[int, str] = OrderedDict()
        self._window = asyncio.Semaphore(gateway.window)
        self._heard = self._loop.time()
        self._asked: float | None = None
        self._closing = False
        self._ticker: asyncio.Task[None] | None = None
        self.why = "the gateway hung up"
        self.ended = asyncio.Event()

    @property
    def usable(self) -> bool:
        """Whether new requests may be written."""
        return self._transport is not None and not self._closing and not self._transport.is_closing()

    async def bind(self) -> None:
        """Sign in as transceiver. Unreachable, with the gateway's status, where it says no."""
        gateway = self._gateway
        try:
            body = bind_body(gateway.system_id, gateway.password, gateway.system_type)
            answer = await self.request(Command.BIND_TRANSCEIVER, body)
        except BadPdu as error:
            raise Unreachable(f"Sign-in data does not fit: {error}", ours=True) from None
        except Lost as lost:
            raise Unreachable(f"The gateway did not answer the sign-in: {lost.why}") from lost
        if answer.status != Status.OK:
            ours = answer.status in (Status.BIND_FAILED, Status.BAD_PASSWORD, Status.BAD_SYSTEM_ID, Status.BAD_SYSTEM_TYPE)
            raise Unreachable("The gateway refuses the sign-in", f"{answer.status:#x}", ours=ours)

    async def request(self, command: Command, body: bytes = b"", key: str = "") -> Pdu:
        """Write a request when the window has room, and wait for its answer. Lost says whether it had been written.

        An answer that comes after that goes to `late` with `key`, where one was given.
        """
        async with self._window:
            transport = self._transport
            if transport is None or not self.usable:
                raise Lost(self.why, doubtful=False)
            self._sequence = self._sequence % LAST_SEQUENCE + 1
            number = self._sequence
            waiting = _Waiting(self._loop.create_future(), self._loop.time() + self._gateway.seconds, key)
            self._waiting[number] = waiting
            transport.write(pack(command, number, body))
            try:
                return await waiting.answer
            except (Lost, asyncio.CancelledError):
                if key:
                    self._remember(number, key)
                raise
            finally:
                del self._waiting[number]

    def answer(self, pdu: Pdu, status: int = Status.OK) -> None:
        """Answer what the gateway pushed; nothing where it is gone, for then it will push it again."""
        if self._transport is not None and not self._transport.is_closing():
            body = b"\0" if pdu.command in (Command.DELIVER, Command.DATA) else b""
            self._transport.write(pack(pdu.command | ANSWER, pdu.sequence, body, status))

    async def unbind(self) -> None:
        """Say goodbye and hang up; what is unanswered may still be answered meanwhile."""
        if self.usable:
            try:
                async with asyncio.timeout(2.0):
                    await self.request(Command.UNBIND)
            except (Lost, TimeoutError):
                self.why = "the gateway did not answer our goodbye"
        self.hang_up("we hung up")
        if self._ticker is not None:
            await asyncio.wait({self._ticker})

    def hang_up(self, why: str) -> None:
        """End the line now."""
        self._closing = True
        if self._transport is not None:
            self.why = why
            self._transport.abort()
        if self._ticker is not None:
            self._ticker.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ticker = asyncio.create_task(self._tick())

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol. Whatever was written and not answered is in doubt."""
        self._transport = None
        self._closing = True
        if self._ticker is not None:
            self._ticker.cancel()
        for waiting in list(self._waiting.values()):
            self._fail(waiting, self.why)
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._heard = self._loop.time()
        self._asked = None
        self._buffer += data
        try:
            for pdu in take(self._buffer):
                self._take(pdu)
        except BadPdu as error:
            self.hang_up(f"the gateway sent nonsense: {error}")

    def _take(self, pdu: Pdu) -> None:
        if pdu.command & ANSWER:
            self._take_answer(pdu)
        elif pdu.command == Command.ENQUIRE_LINK:
            self.answer(pdu)
        elif pdu.command == Command.UNBIND:  # it will hang up: what is unanswered may still come, nothing new goes out
            self._closing = True
            self.answer(pdu)
            self.why = "the gateway unbound"
            self._loop.call_later(1.0, self.hang_up, self.why)
        elif pdu.command in (Command.DELIVER, Command.DATA):
            self._pushed(self, pdu)
        elif pdu.command != Command.ALERT_NOTIFICATION and self._transport is not None:
            self._transport.write(pack(Command.GENERIC_NACK, pdu.sequence, status=Status.BAD_COMMAND))

    def _take_answer(self, pdu: Pdu) -> None:
        waiting = self._waiting.get(pdu.sequence)
        if waiting is not None:
            if not waiting.answer.done():
                waiting.answer.set_result(pdu)
        elif (key := self._late.pop(pdu.sequence, None)) is not None:
            self._late_answer(key, pdu)

    def _fail(self, waiting: _Waiting, why: str) -> None:
        if not waiting.answer.done():
            waiting.answer.set_exception(Lost(why, doubtful=True))

    def _remember(self, number: int, key: str) -> None:
        self._late[number] = key
        while len(self._late) > _LATE:
            self._late.popitem(last=False)

    async def _tick(self) -> None:
        """Give up on what is overdue; try the line when it has been silent."""
        gateway = self._gateway
        while True:
            await asyncio.sleep(min(_TICK, gateway.seconds / 4))
            now = self._loop.time()
            for waiting in list(self._waiting.values()):
                if waiting.ends > now:
                    break
                self._fail(waiting, f"the gateway did not answer within {gateway.seconds:.0f} s")
            if self._asked is not None and now - self._asked > gateway.seconds:
                self.hang_up("the gateway fell silent")
            elif self._asked is None and now - self._heard > gateway.idle and self._transport is not None:
                self._asked = now
                self._sequence = self._sequence % LAST_SEQUENCE + 1
                self._transport.write(pack(Command.ENQUIRE_LINK, self._sequence))
