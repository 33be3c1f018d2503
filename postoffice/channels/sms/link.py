"""The way to a gateway: binds when it is needed, binds again when it is lost, and leaves a gateway in trouble alone for a while."""

import asyncio
from collections.abc import Callable

from postoffice.channels.sms.line import Gateway, Line, Unreachable
from postoffice.channels.sms.pdu import Pdu
from postoffice.model.ports import Log

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0  #: seconds between two tries to bind, doubled each time
_OUR_FAULT_PAUSE = 60.0  #: gateways lock accounts that try wrong passwords in a row


class Link:
    """One line at a time. Receipts come only while we are bound, so once used it stays bound until it is closed."""

    def __init__(
        self, gateway: Gateway, name: str, log: Log, pushed: Callable[[Line, Pdu], None], late: Callable[[str, Pdu], None]
    ) -> None:
        self._gateway = gateway
        self._context = gateway.context()
        self._name = name
        self._log = log
        self._pushed = pushed
        self._late = late
        self._line: Line | None = None
        self._lock = asyncio.Lock()
        self._down: Unreachable | None = None
        self._down_until = 0.0
        self._pause = _FIRST_PAUSE
        self._watcher: asyncio.Task[None] | None = None
        self._closed = False

    async def line(self) -> Line:
        """A bound line; Unreachable at once while a gateway that could not be reached is left alone."""
        if self._line is not None and self._line.usable:
            return self._line
        async with self._lock:
            if self._line is not None and self._line.usable:
                return self._line
            now = asyncio.get_running_loop().time()
            if self._closed:
                raise Unreachable("The carrier was closed")
            if self._down is not None and now < self._down_until:
                raise Unreachable(self._down.why, self._down.code, ours=self._down.ours)
            try:
                self._line = await self._connect()
            except Unreachable as error:
                self._note_down(error)
                raise
            self._note_up()
            return self._line

    def _note_down(self, error: Unreachable) -> None:
        if self._down is None:
            self._log.warning("smpp_unreachable", carrier=self._name, code=error.code, reason=error.why)
        self._down = error
        pause = _OUR_FAULT_PAUSE if error.ours else self._pause
        self._down_until = asyncio.get_running_loop().time() + pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _note_up(self) -> None:
        self._down = None
        self._pause = _FIRST_PAUSE
        self._log.info("smpp_bound", carrier=self._name)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())

    async def _connect(self) -> Line:
        gateway = self._gateway
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(min(gateway.seconds, 30.0)):
                _, line = await loop.create_connection(
                    lambda: Line(gateway, self._pushed, self._late),
                    sock=await gateway.reach.connect(gateway.host, gateway.port),
                    ssl=self._context,
                    server_hostname=gateway.host if self._context else None,
                )
        except TimeoutError:
            raise Unreachable("The gateway cannot be reached: no answer") from None
        except OSError as error:  # ssl's errors too
            raise Unreachable(f"The gateway cannot be reached: {type(error).__name__}") from error
        try:
            await line.bind()
        except BaseException:
            line.hang_up("not bound")
            raise
        return line

    async def _watch(self) -> None:
        """Bind again whenever the line ends, with growing pauses."""
        loop = asyncio.get_running_loop()
        while not self._closed and self._line is not None:
            await self._line.ended.wait()
            if self._closed:
                return
            self._log.warning("smpp_lost", carrier=self._name, reason=self._line.why)
            while not self._closed:
                try:
                    await self.line()
                    break
                except Unreachable:
                    await asyncio.sleep(max(self._down_until - loop.time(), 0.01))

    async def close(self) -> None:
        """Say goodbye; nothing binds again."""
        self._closed = True
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()
            await asyncio.wait({watcher})
        line, self._line = self._line, None
        if line is not None:
            await line.unbind()
