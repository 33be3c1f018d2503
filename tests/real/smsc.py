"""The node gateway of smsc.js: started, killed and started again on the same port; and a client that drives the SMPP carrier."""

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from postoffice.channels.sms.journal import Journal
from postoffice.channels.sms.line import Gateway
from postoffice.channels.sms.smpp import SmppCarrier
from postoffice.model.delivery import Event, Piece, Receipt
from postoffice.model.errors import InDoubt, Refused, TryLater
from tests.real import npm
from tests.servers import free_port

HERE = Path(__file__).parent


class Smsc:
    """A gateway in a process of its own."""

    def __init__(self, folder: Path, delay: int = 20) -> None:
        self.modules = npm.installed("smpp", "0.5.1")
        self.record = folder / "record"
        self.port = free_port()
        self._delay = delay
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "Smsc":
        words = [npm.node(), str(HERE / "smsc.js"), str(self.port), str(self.record), str(self._delay)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=self.environment())
        assert self._process.stdout
        assert self._process.stdout.readline() == "listening\n"
        return self

    def environment(self) -> dict[str, str]:
        return {"NODE_PATH": str(self.modules), "PATH": "/usr/bin:/bin"}

    def kill(self) -> None:
        """kill -9: what is on the line is lost, what is in the record is not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdout
            self._process.stdout.close()
            self._process = None

    def carrier(self, log, folder: Path, **more) -> SmppCarrier:
        gateway = Gateway("127.0.0.1", self.port, "post", "secret", security="none", seconds=10.0)
        return SmppCarrier("smpp", gateway, log, Journal(folder), **more)

    def taken(self) -> Counter[str]:
        """How often each number's message was taken."""
        lines = (line.split() for line in self.record.read_text().splitlines())
        return Counter(f"+{line[2]}" for line in lines if line[0] == "T")

    def unacknowledged(self) -> int:
        """Messages whose receipt nobody acknowledged."""
        lines = [line.split() for line in self.record.read_text().splitlines()]
        return len({line[1] for line in lines if line[0] == "T"} - {line[1] for line in lines if line[0] == "R"})


@dataclass
class Run:
    """What came of a run."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    doubts: set[str] = field(default_factory=set)
    refused: dict[str, Refused] = field(default_factory=dict)
    later: int = 0  #: how often a piece was put back
    events: dict[str, list[Event]] = field(default_factory=dict)
    answers: list[Event] = field(default_factory=list)
    seconds_sent: float = 0.0
    seconds: float = 0.0


async def drive(carrier: SmppCarrier, pieces: Sequence[Piece], *, at_once: int = 200, patience: float = 60.0) -> Run:
    """Send as dispatch does (chunks side by side, TryLater goes again), then ask until all receipts were told."""
    run = Run()
    begun = time.monotonic()
    queue = list(reversed(pieces))

    async def one() -> None:
        while queue:
            piece = queue.pop()
            try:
                run.receipts[piece.key] = await carrier.send(piece)
            except TryLater:
                run.later += 1
                queue.insert(0, piece)
                await asyncio.sleep(0.1)
            except InDoubt:
                run.doubts.add(piece.key)
            except Refused as refused:
                run.refused[piece.key] = refused

    await asyncio.gather(*(one() for _ in range(at_once)))
    run.seconds_sent = time.monotonic() - begun
    await _ask(carrier, run, begun + patience)
    run.seconds = time.monotonic() - begun
    return run


async def _ask(carrier: SmppCarrier, run: Run, ends: float) -> None:
    waiting = dict(run.receipts)
    while waiting and time.monotonic() < ends:
        for event in await carrier.ask(list(waiting.values())):
            if "from" in event.detail:
                run.answers.append(event)
            else:
                run.events.setdefault(event.key, []).append(event)
        for key in list(waiting):
            if run.events.get(key):
                del waiting[key]
        if waiting:
            await asyncio.sleep(0.05)
