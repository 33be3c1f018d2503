"""One SMTP connection after its greeting: a mail transaction in two round trips, and how far it got when the line broke.

aiosmtplib opens the connection (EHLO, TLS, AUTH); from there this protocol takes the transport over. The reasons: it sends
MAIL, RCPT and DATA in one packet where the server allows it (RFC 2920), it does not run two regular expressions over every
body, and it tells apart a line that broke before the last byte of a mail from one that broke after it.
"""

import asyncio
import re
from collections import deque
from typing import NamedTuple, cast

_LONGEST_REPLY = 64 * 1024  #: bytes; a server that talks more than this without an end is no mail server
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")


class Reply(NamedTuple):
    """What the server answered: RFC 5321 code, its words with line breaks as spaces."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The RFC 3463 code such as "5.1.1"; empty where the server gives none."""
        found = _ENHANCED.match(self.text)
        return found[0] if found else ""

    @property
    def good(self) -> bool:
        """Whether the command succeeded."""
        return 200 <= self.code < 300


class Said(Exception):
    """The server said no, at the command `at` (MAIL, RCPT, DATA or END). Nothing was handed over; the line still works."""

    def __init__(self, at: str, reply: Reply) -> None:
        super().__init__(f"{at}: {reply.code}")
        self.at = at
        self.reply = reply


class Broken(Exception):
    """The line broke or went silent. `fresh`: it was closed before the first answer; `doubtful`: after the mail's last byte."""

    def __init__(self, why: str, *, fresh: bool = False, doubtful: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.fresh = fresh
        self.doubtful = doubtful


class Envelope(NamedTuple):
    """The commands before the content, each with its line end."""

    mail: bytes
    rcpt: bytes


class Wire(asyncio.Protocol):
    """Takes `transport` over. `extensions`: EHLO words in lower case. One transaction at a time."""

    def __init__(self, transport: asyncio.Transport, extensions: frozenset[str], max_bytes: int) -> None:
        self.extensions = extensions
        self.max_bytes = max_bytes  #: of a message, by the server's SIZE; 0: not told
        self.sent = 0  #: transactions so far
        self.used_at = 0.0  #: loop time of the last one
        self.silent = False  #: it was given up because nothing came any more
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._buffer = bytearray()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None  # wakes whoever waits for a reply or for room to write
        self._paused = False
        self._lost: str = ""
        transport.set_protocol(self)
        # "paused" now means "not all bytes are with the system yet", so that we know when a body has gone out;
        # high is 1 and not 0, because asyncio's TLS would take an empty buffer for a full one
        transport.set_write_buffer_limits(high=1, low=0)

    @property
    def usable(self) -> bool:
        """Whether the next transaction may try this line: open, and nothing unasked was said (a 421 before closing)."""
        return not self._lost and not self._replies and not self._buffer and not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Cut replies out of the stream."""
        self._buffer += data
        if len(self._buffer) > _LONGEST_REPLY:
            self._lose("the server's answer has no end")
        while (reply := self._cut()) is not None:
            self._replies.append(reply)
        self._wake()

    def _cut(self) -> Reply | None:
        """The first whole reply in the buffer; multi-line ones joined by a space."""
        texts, start = [], 0
        while (end := self._buffer.find(b"\n", start)) >= 0:
            line = self._buffer[start:end].decode("utf-8", "replace").rstrip("\r")
            start = end + 1
            texts.append(line[4:])
            if line[3:4] != "-":
                del self._buffer[:start]
                code = int(line[:3]) if line[:3].isascii() and line[:3].isdigit() else 0
                return Reply(code, _joined(texts))
        return None

    def eof_received(self) -> bool:
        """The server closed its side; nothing more will come."""
        self._lose("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone."""
        self._lose("the connection was lost")

    def pause_writing(self) -> None:
        """Bytes are left to send."""
        self._paused = True

    def resume_writing(self) -> None:
        """All bytes are with the system."""
        self._paused = False
        self._wake()

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why
        self._transport.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _news(self, until: float) -> None:
        """Until something happens, or it is `until` (loop time)."""
        self._waiter = self._loop.create_future()
        alarm = self._loop.call_at(until, self._wake)
        try:
            await self._waiter
        finally:
            alarm.cancel()
            self._waiter = None

    async def _reply(self, seconds: float) -> Reply:
        """The next reply. Broken where none comes any more, or not within `seconds`."""
        until = self._loop.time() + seconds
        while not self._replies:
            if not self._lost and self._loop.time() >= until:
                self.silent = True
                self._lose(f"no answer within {seconds:.0f} s")
            if self._lost:
                raise Broken(self._lost)
            await self._news(until)
        return self._replies.popleft()

    async def _flush(self, seconds: float) -> None:
        """Until the system has taken every byte, or the server says something. Broken as for a reply."""
        until = self._loop.time() + seconds
        while self._paused and not self._lost and not self._replies:
            if self._loop.time() >= until:
                self._lose(f"the server took no bytes for {seconds:g} s")
            else:
                await self._news(until)
        if self._lost and not self._replies:
            raise Broken(self._lost)

    def _write(self, data: bytes) -> None:
        if not self._lost:
            self._transport.write(data)

    async def transact(self, envelope: Envelope, content: bytes, *, seconds: float, ends: float) -> Reply:
        """Hand one mail over and return the server's 250. Said where it says no, Broken where the line fails.

        `seconds`: patience with the envelope, and with the content; `ends`: loop time until which the answer to the whole mail
        may take, which is when servers scan it. `content` ends in CRLF, its dots are doubled where lines begin with one.
        """
        self.sent += 1
        await self._open(envelope, seconds)
        self._write(content)
        await self._flush(seconds)
        if self._replies:  # an answer before the end: the server has had enough
            reply = self._replies.popleft()
            self.close()
            raise Said("END", reply)
        self._write(b".\r\n")
        try:
            reply = await self._reply(max(ends - self._loop.time(), 1.0))
        except Broken as broken:
            raise Broken(broken.why, doubtful=True) from None
        self.used_at = self._loop.time()
        if not reply.good:
            raise Said("END", reply)
        return reply

    async def _open(self, envelope: Envelope, seconds: float) -> None:
        """MAIL, RCPT and DATA, up to the server's 354."""
        commands = (("MAIL", envelope.mail), ("RCPT", envelope.rcpt), ("DATA", b"DATA\r\n"))
        together = "pipelining" in self.extensions
        if together:
            self._write(b"".join(command for _, command in commands))
        refusal: Said | None = None
        for at, command in commands:
            if not together:
                self._write(command)
            try:
                reply = await self._reply(seconds)
            except Broken as broken:
                if refusal:  # it told us why before it hung up
                    raise refusal from None
                raise Broken(broken.why, fresh=at == "MAIL" and not self.silent) from None
            if reply.code != 354 if at == "DATA" else not reply.good:
                refusal = refusal or Said(at, reply)
                if not together:
                    break
            elif at == "DATA" and refusal:
                # RFC 2920, 3.1: no recipient was taken, so this ends an empty mail to nobody; good or bad, it is over
                await self._command(b".\r\n", seconds)
        if refusal:
            if refusal.reply.code == 421 or not await self._command(b"RSET\r\n", seconds):
                self.close()
            raise refusal

    async def _command(self, command: bytes, seconds: float) -> bool:
        """Whether the server agreed; False too where the line broke, which `usable` then tells."""
        self._write(command)
        try:
            return (await self._reply(seconds)).good
        except Broken:
            return False

    async def quit(self, seconds: float = 1.0) -> None:
        """Say goodbye and close; a server that does not answer is left all the same."""
        if self.usable:
            await self._command(b"QUIT\r\n", seconds)
        self.close()

    def close(self) -> None:
        """Close without a word."""
        self._lost = self._lost or "closed by us"
        self._transport.close()


def _joined(texts: list[str]) -> str:
    """Lines as one; the enhanced code that servers repeat on each line stays at the front only."""
    first = _ENHANCED.match(texts[0])
    if first:
        texts = [texts[0], *(text.removeprefix(first[0]).lstrip() for text in texts[1:])]
    text = " ".join(texts)
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text.strip()[:500]


def take_over(transport: asyncio.BaseTransport, extensions: dict[str, str]) -> Wire:
    """The wire on a transport that aiosmtplib has opened, greeted and signed in on. `extensions`: name to parameters."""
    size = extensions.get("size", "").strip()
    return Wire(cast(asyncio.Transport, transport), frozenset(extensions), int(size) if size.isdigit() else 0)
