"""End a campaign that was taken back: what was not handed over is cancelled, slice by slice, and its work is put away."""

from postoffice.house import House
from postoffice.model.states import ItemState, MailingState, WaveState
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, budgets, deliveries, items, ladders, mailings
from postoffice.store import campaigns_waves as waves
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.finishing import finish_if_done

SLICE = 2000


async def end(house: House, batch: Batch, stop: Stop) -> None:
    """Cancel what is left of every wave. All of it is held, so that nothing is handed over meanwhile; and nothing climbs later."""
    async with house.database.read() as connection:
        known = await waves.of_campaign(connection, batch.subject_id)
    for wave in known:
        while wave.mailing_id and await _end_ladders(house, batch, wave.mailing_id):
            stop.check()
        if wave.state in (WaveState.FINISHED, WaveState.CANCELLED):
            continue
        while wave.mailing_id and await _cancel_some(house, batch, wave.mailing_id):
            stop.check()
        async with house.database.write() as connection:
            await waves.command(connection, wave.id, "cancel", finished_at=house.clock.now())
    async with house.database.write() as connection:
        now = house.clock.now()
        await waves.end_work(connection, batch.subject_id, now, steps=(waves.FILL, "plan", "read"))
        await waves.release(connection, batch.subject_id)  # what is left finds nothing to hand over, and ends
        await batches.finish(connection, batch, now)


async def _end_ladders(house: House, batch: Batch, mailing_id: str) -> bool:
    """One transaction; False where no letter had another way left: those of a wave that ended long ago may have."""
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        return await ladders.end(connection, mailing_id, now, SLICE)


async def _cancel_some(house: House, batch: Batch, mailing_id: str) -> bool:
    """One transaction; False where nothing was left."""
    now = house.clock.now()
    async with house.database.write() as connection:
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        stopped = await deliveries.cancel_queued(connection, mailing_id, now, limit=SLICE)
        mailing = await mailings.get(connection, mailing_id)
        await budgets.give_back_cancelled(connection, mailing, now)
        if stopped:
            return True
        await items.set_state(connection, mailing_id, (ItemState.DRAFT, ItemState.HELD), "cancel", now)
        if mailing.state is MailingState.PLANNING:
            await mailings.command(connection, mailing, "dispatch")
        elif mailing.state is not MailingState.SENDING and mailing.state is not MailingState.FINISHED:
            await mailings.command(connection, mailing, "cancel", finished_at=now)
        await finish_if_done(connection, mailing_id, now)
    return False
