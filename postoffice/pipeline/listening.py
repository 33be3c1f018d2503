"""Listen: some carriers tell of answers over a line of their own. Exactly one process of the fleet listens to each."""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.errors import PostOfficeError
from postoffice.model.ports import Listener
from postoffice.pipeline.hearing import hear
from postoffice.store import carriers, leases
from postoffice.store.carriers import CarrierRow

LEASE = timedelta(seconds=30)  #: after so long another process takes over from one that died
LOOK_EVERY = 5.0  #: seconds until a carrier that was added, changed or switched off is noticed
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  #: seconds before a line that broke is taken up again


@dataclass
class _Line:
    """One carrier as this process knows it. `task`: we are the one who listens."""

    row: CarrierRow
    hears: bool = False  #: it is a Listener
    task: asyncio.Task[None] | None = None
    renew_at: datetime = datetime.min.replace(tzinfo=UTC)


class Listening:
    """Looks again and again which carriers are to be listened to, and listens to those that nobody else listens to."""

    def __init__(
        self,
        house: House,
        owner: str,
        *,
        channels: Collection[str] = tuple(Channel),
        every: float = LOOK_EVERY,
        lease: timedelta = LEASE,
        pause: float = FIRST_PAUSE,
    ) -> None:
        self._house = house
        self._owner = owner
        self._channels = channels
        self._every = every
        self._lease = lease
        self._pause = pause
        self._lines: dict[str, _Line] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Until told to stop; then the leases are given back, so that another process goes on at once."""
        try:
            while not stopping.is_set():
                try:
                    await self.look()
                except Exception as error:  # the database may be away:
                    # a lease that cannot be prolonged runs out: whoever takes it then must be alone
                    self._house.log.warning("listening.no_database", error=type(error).__name__)
                    await self._hang_up(list(self._lines.values()))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), self._every)
        finally:
            await self._hang_up(list(self._lines.values()), give_back=True)

    async def look(self) -> None:
        """Compare what is listened to with what should be; take and prolong leases."""
        async with self._house.database.read() as connection:
            rows = {row.id: row for row in await carriers.all_enabled(connection) if row.channel in self._channels}
        changed = [line for line in self._lines.values() if not _same(rows.get(line.row.id), line.row)]
        await self._hang_up(changed, give_back=True)
        for line in changed:
            del self._lines[line.row.id]
        for row in rows.values():
            if row.id not in self._lines:
                self._lines[row.id] = _Line(row, await self._is_listener(row))
        for line in self._lines.values():
            if line.hears:
                await self._tend(line)

    async def _is_listener(self, row: CarrierRow) -> bool:
        try:
            return isinstance(await self._house.carriers.get(row.organisation_id, row.name), Listener)
        except Exception as error:  # settings that cannot be read: dispatch tells of it, and no other carrier suffers
            self._house.log.warning("listening.no_carrier", carrier=row.name, error=type(error).__name__)
            return False

    async def _tend(self, line: _Line) -> None:
        now = self._house.clock.now()
        if line.task is not None and now < line.renew_at:
            return
        async with self._house.database.read() as connection:  # a lease that another one holds is looked at, not written
            if await leases.owner_of(connection, _name(line.row), now) not in ("", self._owner):
                await self._hang_up([line])
                return
        async with self._house.database.write() as connection:
            ours = await leases.take(connection, line.row.organisation_id, _name(line.row), self._owner, now, self._lease)
        line.renew_at = now + self._lease / 3
        if not ours:
            await self._hang_up([line])
        elif line.task is None or line.task.done():
            line.task = asyncio.create_task(self._listen(line.row))

    async def _listen(self, row: CarrierRow) -> None:
        """Listen on and on. What ends or raises is begun anew, less and less often while it keeps failing."""
        pause, loop = self._pause, asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                carrier = await self._house.carriers.get(row.organisation_id, row.name)
                assert isinstance(carrier, Listener)
                await carrier.listen(lambda told: self._hear(row, told))
            except PostOfficeError as gone:
                self._house.log.warning("listening.no_carrier", carrier=row.name, code=gone.code)
            except Exception as error:  # whatever its line raises: an answer must not be lost for it
                self._house.log.warning("listening.broke", carrier=row.name, error=type(error).__name__)
            if loop.time() - began > LONGEST_PAUSE:
                pause = self._pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _hear(self, row: CarrierRow, told: Sequence[Event]) -> int:
        return await hear(self._house, row.organisation_id, row.name, told)

    async def _hang_up(self, lines: Sequence[_Line], *, give_back: bool = False) -> None:
        listening = [line for line in lines if line.task is not None]
        for line in listening:
            assert line.task
            line.task.cancel()
        await asyncio.gather(*(line.task for line in listening if line.task), return_exceptions=True)
        for line in listening:
            line.task = None
            if give_back:
                with contextlib.suppress(SQLAlchemyError, OSError):  # it runs out by itself
                    async with self._house.database.write() as connection:
                        await leases.give_back(connection, _name(line.row), self._owner)


def _name(row: CarrierRow) -> str:
    return f"listen:{row.id}"


def _same(now: CarrierRow | None, then: CarrierRow) -> bool:
    return now is not None and (now.sealed, now.kind, now.name) == (then.sealed, then.kind, then.name)
