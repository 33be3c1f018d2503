"""Fill: the recipients of one wave become items, planned and queued as they are written; slice by slice, each in one transaction with
its cursor. Whoever dies in between leaves a whole number of slices; whoever runs it again goes on behind the cursor, and the key
(campaign, occurrence, contact) lets nobody in twice whatever happens.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.campaign_money import CEILING
from postoffice.house import House
from postoffice.model.campaign import Campaign, Wave
from postoffice.model.channel import Channel
from postoffice.model.mailing import Mailing
from postoffice.model.states import CampaignState, MailingState, WaveState
from postoffice.pipeline import campaign_paper
from postoffice.pipeline.campaign_audience import Audience
from postoffice.pipeline.campaign_people import Candidate, People
from postoffice.pipeline.campaign_sheet import Sheet
from postoffice.pipeline.campaign_slice import Slice
from postoffice.pipeline.campaign_wave import new_mailing, options_of, version_of
from postoffice.pipeline.queueing import zone_of
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, budgets, campaigns, items, mailings, people, templates
from postoffice.store import campaigns_members as members
from postoffice.store import campaigns_waves as waves
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.finishing import finish_if_done


async def fill(house: House, batch: Batch, stop: Stop) -> None:
    """Fill a wave whose hour has come."""
    async with house.database.read() as connection:
        wave = await waves.get(connection, batch.subject_id)
        campaign = await campaigns.get(connection, wave.campaign_id)
    if campaign.state is CampaignState.PAUSED:
        await _put_back(house, batch)
    elif campaign.state is not CampaignState.RUNNING or wave.state not in (WaveState.WAITING, WaveState.FILLING):
        await _done(house, batch)
    elif options_of(campaign, wave).channel in (Channel.POST, Channel.FAX) or campaign.design.options.channel is None:
        await campaign_paper.fill(house, batch, campaign, wave, options_of(campaign, wave), stop)
    else:
        await _fill(house, batch, campaign, wave, stop)


async def _put_back(house: House, batch: Batch) -> None:
    async with house.database.write() as connection:
        await batches.put_off(connection, batch, house.clock.now())


async def _done(house: House, batch: Batch) -> None:
    async with house.database.write() as connection:
        await batches.finish(connection, batch, house.clock.now())


async def _fill(house: House, batch: Batch, campaign: Campaign, wave: Wave, stop: Stop) -> None:
    mailing = await open_mailing(house, campaign, wave)
    if mailing is None:
        await _put_back(house, batch)
        return
    async with house.database.read() as connection:
        zone = zone_of(await people.organisation(connection, campaign.organisation_id))
        version = await templates.version(connection, campaign.organisation_id, version_id=version_of(campaign, wave))
    made = await Slice.make(house, campaign, wave, mailing, version.content, zone)
    async with Sheet(house, campaign, version) as sheet:
        crowd = People(house, campaign, Audience(house, campaign, wave, zone), sheet)
        more: bool | None = True
        while more:
            stop.check()
            more = await _slice(house, batch, campaign, wave.id, crowd, made)
    if more is None:  # not closed, whatever the campaign does by now: somebody is left
        await _put_back(house, batch)
    else:
        await _close(house, batch, campaign, wave, mailing)


async def open_mailing(house: House, campaign: Campaign, wave: Wave) -> Mailing | None:
    """The wave's mailing, made when it is first looked for; None where the campaign does not run any more."""
    now = house.clock.now()
    async with house.database.write() as connection:
        if (await campaigns.get(connection, campaign.id, lock=True)).state is not CampaignState.RUNNING:
            return None
        current = await waves.get(connection, wave.id)
        if current.mailing_id is not None:
            return await mailings.get(connection, current.mailing_id)
        version = await templates.version(connection, campaign.organisation_id, version_id=version_of(campaign, wave))
        mailing = await mailings.add(connection, new_mailing(campaign, wave, str(version.content.get("layout", "fr"))), now)
        await templates.begin_merge(connection, campaign.organisation_id, mailing.id, version.id, _day(house, now), 0)
        await mailings.command(connection, mailing, "fill", sent_at=now, ready_at=now)
        await mailings.update(connection, mailing.id, media_type="application/x-postoffice-merge")
        await waves.command(connection, wave.id, "fill", mailing_id=mailing.id)
        return await mailings.get(connection, mailing.id)


def _day(house: House, now: datetime) -> str:
    return now.date().isoformat()


async def _slice(house: House, batch: Batch, campaign: Campaign, wave_id: str, crowd: People, made: Slice) -> bool | None:
    """One transaction: the next people, their items and deliveries, and the cursor behind them. False: there was nobody left; None:
    the campaign does not run any more."""
    async with house.database.read() as connection:  # what takes long is prepared outside of the transaction
        cursor = (await waves.get(connection, wave_id)).cursor
        look = await crowd.next(connection, cursor, house.clock.now())
    candidates = await asyncio.to_thread(made.check, look.candidates)
    now = house.clock.now()
    async with house.database.write() as connection:
        current = await campaigns.get(connection, campaign.id, lock=True)  # before the batch, as whoever pauses it does
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        wave = await waves.get(connection, wave_id)
        if current.state is not CampaignState.RUNNING:
            return None
        assert wave.cursor == cursor, "only the owner of the lease moves the cursor"
        rings, lasts = await _write(connection, current, wave, crowd, made, candidates, now)
        values = made.counted(wave)
        if lasts:
            values |= {"cursor": look.cursor, "looked_at": wave.looked_at + look.seen}
        else:
            await _stop_at_ceiling(connection, current, now)
        await waves.update(connection, wave_id, **values)
        await mailings.update(connection, made.mailing.id, items=values["filled"])
    for queue, batch_id in rings:
        await house.bell.ring(queue, batch_id, 1)
    return look.more if lasts else None


async def _write(
    connection: AsyncConnection,
    campaign: Campaign,
    wave: Wave,
    crowd: People,
    made: Slice,
    candidates: Sequence[Candidate],
    now: datetime,
) -> tuple[list[tuple[str, str]], bool]:
    """Members, items, deliveries and lines of timelines; whether the campaign's own sum lasted for all."""
    key = str(wave.data.get("key", wave.occurrence))
    fresh = await made.find_contacts(connection, candidates, now)
    made.left_out = Counter()
    fresh = await made.still_there(connection, made.once(fresh))
    there = await members.known(connection, campaign.id, key, [one.contact_id for one in fresh])
    fresh = [one for one in fresh if one.contact_id not in there and crowd.audience.is_in_half(one.contact_id)]
    if campaign.design.caps.most:
        await campaigns.alone(connection, campaign.organisation_id)
    ready = await made.plan(connection, fresh, wave, now)
    lasts = await made.within_ceiling(connection, ready)
    return await made.write(connection, key, ready, now), lasts


async def _stop_at_ceiling(connection: AsyncConnection, campaign: Campaign, now: datetime) -> None:
    await campaigns.command(connection, campaign, "pause", now, pause_reason=CEILING)
    await waves.hold(connection, campaign.id, now)


async def _close(house: House, batch: Batch, campaign: Campaign, wave: Wave, mailing: Mailing) -> None:
    """All stand in the mailing, or the campaign stopped meanwhile."""
    now = house.clock.now()
    async with house.database.write() as connection:
        current = await campaigns.get(connection, campaign.id, lock=True)
        if current.state is CampaignState.PAUSED:
            await batches.put_off(connection, batch, now)
            return
        if not await batches.finish(connection, batch, now):
            raise LostLease(batch.id)
        if current.state is not CampaignState.RUNNING:
            return
        await waves.command(connection, wave.id, "send", filled_at=now)
        sent = await mailings.get(connection, mailing.id)
        if sent.state is MailingState.PLANNING:
            await mailings.command(connection, sent, "dispatch")
        if not await items.count(connection, mailing.id, items.Filter()):
            house.log.info("campaign.nobody", campaign=campaign.id, wave=wave.id)
        await budgets.settle(connection, sent)
        await finish_if_done(connection, mailing.id, now)
        await waves.wake_conductor(connection, campaign.id)
