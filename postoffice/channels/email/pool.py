"""Lines to one relay: kept open, lent to one mail at a time, never more than agreed."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiosmtplib

from postoffice.channels.email.wire import Reply, Said, Wire, take_over
from postoffice.channels.oauth import Tokens
from postoffice.channels.reach import Reach
from postoffice.model.errors import CarrierError
from postoffice.model.ports import Log

_IDLE = 30.0  #: seconds after which a line is not trusted any more: many relays hang up after a minute
_PAUSE = 2.0  #: seconds that a relay which cannot be reached is left alone, so that 500 mails do not each wait for it


class Unreachable(Exception):
    """No line could be opened: `why` in words without secrets, `code` the server's own."""

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.code = code


@dataclass(frozen=True, slots=True)
class Relay:
    """Where to connect, and how. `security`: "tls" from the first byte, "starttls" (required), or "none"."""

    host: str
    port: int
    security: str = "starttls"
    username: str = ""
    password: str = ""
    helo: str = ""
    seconds: float = 20.0  #: patience with connecting, with the envelope, and with the content
    connections: int = 10
    mails_per_connection: int = 100
    ca: str = ""  #: PEM; trusted instead of the system's authorities
    reach: Reach = field(default=Reach(), compare=False)
    tokens: Tokens | None = field(default=None, compare=False)  #: shown instead of the password (XOAUTH2)

    def context(self) -> ssl.SSLContext | None:
        """How the relay proves who it is; None without TLS. ValueError where `ca` holds no certificate."""
        if self.security == "none":
            return None
        try:
            return ssl.create_default_context(cadata=self.ca or None)
        except ssl.SSLError:
            raise ValueError("a certificate in PEM form") from None


class Pool:
    """Wires to one relay. ValueError from the constructor where the relay's certificate cannot be read."""

    def __init__(self, relay: Relay, name: str, log: Log) -> None:
        self._relay = relay
        self._context = relay.context()
        self._name = name
        self._log = log
        self._idle: list[Wire] = []
        self._slots = asyncio.Semaphore(relay.connections)
        self._down: Unreachable | None = None
        self._down_until = 0.0
        self._shown = self._refused = ""  # access tokens

    @asynccontextmanager
    async def wire(self, *, fresh: bool = False) -> AsyncIterator[Wire]:
        """A line for one mail; Unreachable where none can be had. It is kept afterwards unless the mail broke it."""
        async with self._slots:
            wire = None if fresh else self._take()
            if wire is None:
                wire = await self._open()
            try:
                yield wire
            except (Said, CarrierError):
                await self._give_back(wire)  # a clear no, the relay's or ours, leaves the line in order
                raise
            except BaseException:
                wire.close()
                raise
            await self._give_back(wire)

    def _take(self) -> Wire | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            wire = self._idle.pop()
            if wire.usable and now - wire.used_at < _IDLE:
                return wire
            wire.close()
        return None

    async def _give_back(self, wire: Wire) -> None:
        if wire.usable and wire.sent < self._relay.mails_per_connection:
            self._idle.append(wire)
        else:
            await wire.quit()

    async def _open(self) -> Wire:
        loop = asyncio.get_running_loop()
        if self._down is not None and loop.time() < self._down_until:
            raise Unreachable(self._down.why, self._down.code)
        try:
            wire = await self._connect()
        except Unreachable as error:
            if self._down is None:
                self._log.warning("relay_unreachable", carrier=self._name, code=error.code, reason=error.why)
            self._down, self._down_until = error, loop.time() + _PAUSE
            raise
        self._down = None
        wire.used_at = loop.time()
        return wire

    async def _connect(self) -> Wire:
        relay = self._relay
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            use_tls=relay.security == "tls",
            start_tls=relay.security == "starttls",
            username=relay.username or None,
            **({"oauth_token_generator": self._token} if relay.tokens else {"password": relay.password or None}),
            local_hostname=relay.helo or None,
            timeout=relay.seconds,
            tls_context=self._context,
        )
        try:
            async with asyncio.timeout(relay.seconds):  # for all steps; aiosmtplib's own is for each
                link = await self._reached()
                await client.connect(sock=link)
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
        except aiosmtplib.SMTPException as error:
            client.close()
            if isinstance(error, aiosmtplib.SMTPAuthenticationError):
                self._refused = self._shown  # it may have been revoked: the next line shows another
            raise _unreachable(error) from error
        except CarrierError as error:  # no token
            client.close()
            raise Unreachable(error.reason, error.code) from error
        except (OSError, ValueError) as error:
            client.close()
            raise Unreachable(f"The mail relay cannot be used: {_words(error)}") from error
        if client.transport is None:
            raise Unreachable("The mail relay closed the connection at once")
        return take_over(client.transport, client.esmtp_extensions)

    async def _reached(self) -> socket.socket:
        try:
            return await self._relay.reach.connect(self._relay.host, self._relay.port)
        except OSError as error:
            raise Unreachable(f"The mail relay cannot be reached: {_words(error)}") from error

    async def _token(self) -> str:
        assert self._relay.tokens
        self._shown = await self._relay.tokens.get(refused=self._refused)
        return self._shown

    async def close(self) -> None:
        """Say goodbye on every idle line."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(wire.quit() for wire in idle))
        if self._relay.tokens is not None:
            await self._relay.tokens.close()


def _unreachable(error: aiosmtplib.SMTPException) -> Unreachable:
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Unreachable("The mail relay does not accept our user name and password or token", str(error.code))
    if isinstance(error, aiosmtplib.SMTPResponseException):
        reply = Reply(error.code, error.message)
        return Unreachable(f"The mail relay does not take mail from us now ({error.code})", reply.enhanced or str(error.code))
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return Unreachable(f"The mail relay's certificate is not valid: {error.__cause__.verify_message}")
    return Unreachable(f"The mail relay cannot be reached: {_words(error)}")


def _words(error: Exception) -> str:
    """What went wrong, on one line: aiosmtplib's and the system's words name host and port, never credentials."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return " ".join(str(error).split())[:200] or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
