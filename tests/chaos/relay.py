"""A mail relay that writes down what it took, and behaves badly when told to. A thread of its own; nothing of the office's code."""

import asyncio
import re
import socket
import threading
from dataclasses import dataclass, field
from enum import StrEnum


class Mood(StrEnum):
    """How the relay behaves from now on."""

    WELL = "well"
    LATE = "late"  #: answers after a second
    HANGS = "hangs"  #: takes the mail and never says so
    CLOSES = "closes"  #: takes the mail and closes the line instead of saying so
    DROPS = "drops"  #: closes the line in the middle of the mail, which it does not take
    BUSY = "busy"  #: 421 to everybody
    AWAY = "away"  #: closes at once


@dataclass
class Relay:
    """`taken`: (recipient, Message-ID) of each mail that was kept, in order, whether its sender was told so or not."""

    port: int = 0
    mood: Mood = Mood.WELL
    taken: list[tuple[str, str]] = field(default_factory=list)
    told: int = 0  #: mails whose sender was told
    late: float = 0.0  #: seconds until it answers a mail when it is well
    listener: socket.socket | None = None  #: a bound socket, where it is to listen elsewhere than on the loopback interface

    def __enter__(self) -> "Relay":
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(200)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        listener = self.listener or socket.socket()
        if self.listener is None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=listener))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the office died: that is what this is for
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mood is Mood.AWAY:
            return
        writer.write(b"220 relay\r\n")
        recipient = ""
        while line := await reader.readline():
            word = line[:4].upper()
            if self.mood is Mood.BUSY:
                writer.write(b"421 come back later\r\n")
                return
            if word == b"EHLO":
                writer.write(b"250-relay\r\n250 PIPELINING\r\n")
            elif word == b"RCPT":
                found = re.search(rb"<([^>]*)>", line)
                recipient = found[1].decode() if found else ""
                writer.write(b"250 ok\r\n")
            elif word == b"DATA":
                writer.write(b"354 go on\r\n")
                if not await self._take(reader, writer, recipient):
                    return
            elif word == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> bool:
        mood = self.mood
        if mood is Mood.DROPS:
            await reader.read(200)
            return False
        mail = await reader.readuntil(b"\r\n.\r\n")
        found = re.search(rb"(?im)^message-id:\s*(\S+)", mail)
        self.taken.append((recipient, found[1].decode() if found else ""))
        if mood is Mood.HANGS:
            await asyncio.sleep(60)
            return False
        if mood is Mood.CLOSES:
            return False
        if wait := 1.0 if mood is Mood.LATE else self.late:
            await asyncio.sleep(wait)
        writer.write(b"250 taken\r\n")
        self.told += 1
        return True
