"""What a mailing says about its hours, looked at right before the hand-over: too late, too soon in the day, too many an hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind
from postoffice.routing import messaging
from postoffice.store import batches, deliveries, events, items, paces
from postoffice.store.batches import Batch
from postoffice.store.deliveries import Change
from postoffice.store.finishing import finish_if_done

TOO_LATE = "too-late"
WHY = "It was to be handed over by another hour than this: nothing was sent."
HOUR = timedelta(hours=1)
#: a mailing with a pace goes in portions of so much time, so that it does not go in bursts
PORTION = timedelta(minutes=1)
SLICE = 500  #: items per transaction
HELD = timedelta(seconds=1)  #: a batch that is held is not claimed before that is lifted, whatever its hour


async def end_late(house: House, batch: Batch, mailing: Mailing) -> None:
    """Where the mailing's last hour is over, what this batch did not hand over ends here, with its reason."""
    last = mailing.options.not_after
    if last is None or house.clock.now() < last:
        return
    while await _end_some(house, batch, mailing):
        pass


async def _end_some(house: House, batch: Batch, mailing: Mailing) -> bool:
    now = house.clock.now()
    async with house.database.write() as connection:
        some = await deliveries.queued(connection, batch.id, SLICE)
        changes = [Change(one, "refuse", error=WHY, code=TOO_LATE) for one in some]
        await deliveries.record(connection, batch, changes, now, house.lease)
        contacts = await items.contact_ids(connection, [one.item_id for one in some])
        told = [
            events.NewEvent(
                mailing.organisation_id,
                EventKind.REFUSED,
                "office",
                now,
                mailing_id=mailing.id,
                item_id=one.item_id,
                delivery_id=one.id,
                contact_id=contacts.get(one.item_id),
                code=TOO_LATE,
                text=WHY,
            )
            for one in some
        ]
        await events.add(connection, told, now)
        if some:
            await finish_if_done(connection, mailing.id, now)
    return bool(some)


@dataclass(frozen=True, slots=True)
class Pace:
    """When the next pieces of one batch may go, beside what their carrier says."""

    house: House
    batch: Batch
    mailing: Mailing
    zone: str

    def quiet(self) -> timedelta:
        """How long prospecting must wait for an hour at which it may arrive; zero: it may now.

        Looked at again although planning did: a batch that was delayed does not reach people at night.
        """
        purpose, now = self.mailing.options.purpose, self.house.clock.now()
        country = self.batch.data.get("country") or LAYOUTS[self.mailing.layout].country
        return messaging.next_allowed(purpose, Channel(self.batch.data["channel"]), country, now, self.zone) - now

    @property
    def _name(self) -> str:
        return f"mailing/{self.mailing.id}"

    @property
    def counts(self) -> bool:
        """Whether the mailing has a pace of its own."""
        return bool(self.mailing.options.per_hour)

    async def wait(self, connection: AsyncConnection, now: datetime) -> timedelta:
        """How long until the mailing's own pace lets more go, and nobody holds it; zero: now. `spend` in the same transaction
        belongs to it."""
        if await batches.is_held(connection, self.batch):
            return HELD
        if not self.mailing.options.per_hour:
            return timedelta()
        return await paces.wait(connection, self.mailing.organisation_id, self._name, now)

    def at_most(self, most: int) -> int:
        """Pieces that may go at once."""
        per_hour = self.mailing.options.per_hour
        return min(most, max(1, int(per_hour * (PORTION / HOUR)))) if per_hour else most

    async def spend(self, connection: AsyncConnection, now: datetime, pieces: int) -> None:
        """So many go now."""
        if self.mailing.options.per_hour and pieces:
            time = pieces * HOUR / self.mailing.options.per_hour
            await paces.spend(connection, self.mailing.organisation_id, self._name, now, time)
