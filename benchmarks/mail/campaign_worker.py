"""A worker of the campaign bench: works on what is due in a folder's office until it is killed, and writes down its memory.

    python -m benchmarks.mail.campaign_worker FOLDER PORT

FOLDER has office.db, key.pem, organisation, and perhaps clock (seconds to be added to the machine's) and pause (seconds of rest
after each batch, of which then only one is in hand).
"""

import asyncio
import contextlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from postoffice.channels.email.pool import Relay
from postoffice.channels.email.smtp import SmtpCarrier
from postoffice.model.channel import Channel
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.channels.fakes import ListLog
from tests.pipeline.house import Office, open_office

AT_ONCE = 4  #: batches, as a worker's e-mail queue has
LEASE = 8.0  #: seconds: a dead worker's batches are taken over soon


class ShiftedClock:
    """The machine's clock and what the bench adds to it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "clock"

    def now(self) -> datetime:
        with contextlib.suppress(OSError, ValueError):
            return datetime.now(UTC) + timedelta(seconds=float(self._path.read_text()))
        return datetime.now(UTC)


async def office_in(folder: Path, port: int, *, again: bool = True) -> Office:
    """The office of a folder, with an SMTP carrier to the sink."""

    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    database = Database(f"sqlite+aiosqlite:///{folder / 'office.db'}")
    organisation_id = (folder / "organisation").read_text()
    clock = ShiftedClock(folder)
    office = await open_office(
        database, FileDocuments(folder, key_of), Keyring(bytes(32)), clock, organisation_id, again=again, lease_seconds=LEASE
    )
    relay = Relay("127.0.0.1", port, "none", connections=10, mails_per_connection=1000)
    office.carriers.mine[Channel.EMAIL] = SmtpCarrier("bench", relay, ListLog())
    return office


def resident() -> float:
    """MB of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


async def work(folder: Path, port: int) -> None:
    """Work for ever."""
    office = await office_in(folder, port)
    running: dict[str, asyncio.Task[bool]] = {}
    pause = float((folder / "pause").read_text())
    while True:
        for batch_id in await office.due():
            if len(running) >= (1 if pause else AT_ONCE):
                break
            if batch_id not in running:
                running[batch_id] = asyncio.create_task(office.pipeline("bench").work(batch_id))
        if running:
            done, _ = await asyncio.wait(running.values(), timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            running = {name: task for name, task in running.items() if task not in done}
            if not done or any(not task.result() for task in done):
                await asyncio.sleep(0.05)
            if done:
                await asyncio.sleep(pause)
        else:
            await asyncio.sleep(0.1)
        with (folder / "memory").open("a") as file:
            file.write(f"{resident():.0f}\n")


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
