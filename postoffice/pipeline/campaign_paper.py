"""A wave that may go on paper or by fax: its recipients become the rows of a merge, whose letters are printed, read and sent as those
of any other spreadsheet. Begun anew as a whole where its worker died before the rows were handed in: nothing has gone by then.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.actions import pricing, steering
from postoffice.actions.actor import OFFICE
from postoffice.actions.campaign_money import CEILING
from postoffice.compose.merge import records
from postoffice.compose.merge.records import Job
from postoffice.house import House
from postoffice.model.campaign import Campaign, Wave
from postoffice.model.errors import PostOfficeError
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing, Options, Source
from postoffice.model.states import CampaignState, ItemState, MailingState
from postoffice.pipeline.campaign_audience import Audience
from postoffice.pipeline.campaign_people import Candidate, People
from postoffice.pipeline.campaign_sheet import Sheet
from postoffice.pipeline.campaign_slice import Slice
from postoffice.pipeline.campaign_wave import new_mailing, version_of
from postoffice.pipeline.queueing import zone_of
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, campaigns, contact_book, erasing, items, mailings, people, templates
from postoffice.store import campaigns_members as members
from postoffice.store import campaigns_waves as waves
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.schema import campaign_members
from postoffice.store.schema import items as item_table
from postoffice.store.schema import mailings as mailing_table

LOOK_AGAIN = timedelta(seconds=5)  #: until its letters are printed
#: the field of a row that says whose it is; no template uses it
WHOSE = "po_contact"
_SLICE = 500


async def fill(house: House, batch: Batch, campaign: Campaign, wave: Wave, options: Options, stop: Stop) -> None:
    """Hand the rows in; wait for the letters; send them."""
    mailing = await _mailing(house, campaign, wave)
    if mailing is None:
        mailing = await _hand_in(house, batch, campaign, wave, options, stop)
        if mailing is None:
            return
    if mailing.state is MailingState.WAITING:
        await _send(house, batch, campaign, wave, mailing)
    elif mailing.state in (MailingState.RECEIVED, MailingState.READING):
        await _put_off(house, batch)
    elif mailing.state in (MailingState.FAILED, MailingState.ABORTED):
        await _pause(house, batch, campaign, "letters-failed")
    else:
        await _close(house, batch, campaign, wave)


async def _put_off(house: House, batch: Batch) -> None:
    async with house.database.write() as connection:
        await batches.put_off(connection, batch, house.clock.now() + LOOK_AGAIN)


async def _mailing(house: House, campaign: Campaign, wave: Wave) -> Mailing | None:
    """The mailing that was handed in, also where its worker died before the wave knew it."""
    async with house.database.write() as connection:
        if wave.mailing_id is not None:
            return await mailings.get(connection, wave.mailing_id)
        query = sa.select(mailing_table.c.id).where(
            mailing_table.c.organisation_id == campaign.organisation_id,
            mailing_table.c.sender_name == _name(wave),
            mailing_table.c.state.not_in([MailingState.ABORTED.value, MailingState.RECEIVING.value]),
        )
        found = await connection.scalar(query.order_by(mailing_table.c.id))
        if found is None:
            return None
        await waves.command(connection, wave.id, "fill", mailing_id=found)
        return await mailings.get(connection, found)


def _name(wave: Wave) -> str:
    return f"wave:{wave.id}"


async def _hand_in(house: House, batch: Batch, campaign: Campaign, wave: Wave, options: Options, stop: Stop) -> Mailing | None:
    """Write the rows of all recipients into a file and bring it in; None where nobody is left to write to."""
    async with house.database.write() as connection:
        await connection.execute(campaign_members.delete().where(campaign_members.c.wave_id == wave.id))
        await waves.command(connection, wave.id, "fill", cursor="", looked_at=0, filled=0, left_out={})
        version = await templates.version(connection, campaign.organisation_id, version_id=version_of(campaign, wave))
        zone = zone_of(await people.organisation(connection, campaign.organisation_id))
        draft = new_mailing(campaign, wave, str(version.content.get("layout", "fr")))
    job = Job(version.id, house.clock.now().date().isoformat(), True, {})
    with tempfile.TemporaryDirectory(prefix="po-wave-") as made:
        packed = Path(made) / "rows.gz"
        async with Sheet(house, campaign, version) as sheet:
            crowd = People(house, campaign, Audience(house, campaign, wave, zone), sheet)
            rows = await _gather(house, batch, campaign, wave.id, crowd, version.content, zone, options, Path(made), stop)
        if rows is None:
            await _put_off(house, batch)
            return None
        if not rows:
            await _close(house, batch, campaign, wave)
            return None
        await house.workshop.run(_pack, packed, job, rows)
        async with house.reception.intake(draft) as intake:
            with packed.open("rb") as file:
                while chunk := file.read(256 * 1024):
                    await intake.write(chunk)
            mailing = await intake.accept(records.MEDIA_TYPE)
    async with house.database.write() as connection:
        current = await campaigns.get(connection, campaign.id, lock=True)
        await waves.update(connection, wave.id, mailing_id=mailing.id)
        if current.state is CampaignState.CANCELLED:  # whoever ended it did not know of this mailing
            await mailings.command(connection, mailing, "cancel", finished_at=house.clock.now())
    return mailing


def _pack(target: Path, job: Job, parts: Sequence[Path]) -> int:
    return records.pack(target, job, (record for part in parts for record in records.unpack(part)))


async def _gather(
    house: House,
    batch: Batch,
    campaign: Campaign,
    wave_id: str,
    crowd: People,
    content: Any,
    zone: str,
    options: Options,
    folder: Path,
    stop: Stop,
) -> list[Path] | None:
    """Files of rows, one a slice; members and counts are written as it goes. None: the campaign does not run any more."""
    parts: list[Path] = []
    cursor, more, number = "", True, 0
    async with house.database.read() as connection:
        wave = await waves.get(connection, wave_id)
    ghost = _ghost(campaign, options)
    made = await Slice.make(house, campaign, wave, ghost, content, zone, letter=True)
    while more:
        stop.check()
        async with house.database.read() as connection:
            look = await crowd.next(connection, cursor, house.clock.now())
        candidates = await asyncio.to_thread(made.check, look.candidates)
        some = await _slice(house, batch, campaign, wave_id, made, candidates, look.seen)
        if some is None:
            return None
        rows = []
        for one in some:
            number += 1
            one.record.number = number
            one.record.values |= {**_points(one), WHOSE: one.contact_id}
            rows.append(one.record)
        if rows:
            parts.append(folder / f"{len(parts)}.gz")
            await asyncio.to_thread(records.pack, parts[-1], Job("", "", True, {}), rows)
        cursor, more = look.cursor, look.more
    return parts


def _points(one: Candidate) -> dict[str, Any]:
    """Addresses as they were judged: a number of a contact that is no good is no reason to hold its letter."""
    assert one.checked is not None
    return {name: one.checked.data[name] for name in ("email", "mobile", "fax")} if one.contact else {}


def _ghost(campaign: Campaign, options: Options) -> Mailing:
    """What planning looks at of a mailing that is not there yet."""
    unknown: dict[str, Any] = dict.fromkeys(("printer_id", "user_id", "api_key_id", "document", "original", "error"))
    times: dict[str, Any] = dict.fromkeys(("received_at", "ready_at", "sent_at", "finished_at"))
    return Mailing(
        id="",
        number=0,
        organisation_id=campaign.organisation_id,
        source=Source.CAMPAIGN,
        name="",
        state=MailingState.RECEIVING,
        layout="fr",
        split_rule="",
        options=options,
        automatic=False,
        live=campaign.live,
        original_size=0,
        media_type="",
        pages=0,
        pages_read=0,
        items=0,
        findings=(),
        sender_name="",
        created_at=campaign.created_at,
        **unknown,
        **times,
    )


async def _slice(
    house: House, batch: Batch, campaign: Campaign, wave_id: str, made: Slice, candidates: Sequence[Candidate], seen: int
) -> list[Candidate] | None:
    """The next who get a letter; None: the campaign does not run any more."""
    now = house.clock.now()
    async with house.database.write() as connection:
        current = await campaigns.get(connection, campaign.id, lock=True)  # before the batch, as whoever pauses it does
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        if current.state is not CampaignState.RUNNING:
            return None
        wave = await waves.get(connection, wave_id)
        key = str(wave.data.get("key", wave.occurrence))
        made.left_out = Counter()
        fresh = await made.still_there(connection, made.once(await made.find_contacts(connection, candidates, now)))
        there = await members.known(connection, campaign.id, key, [one.contact_id for one in fresh])
        if campaign.design.caps.most:
            await campaigns.alone(connection, campaign.organisation_id)
        kept = await made.reachable(connection, [one for one in fresh if one.contact_id not in there], now)
        await made.note(connection, key, kept, now)
        counts = Counter(wave.left_out)
        counts.update(made.left_out)
        filled = wave.filled + len(kept)
        await waves.update(connection, wave_id, looked_at=wave.looked_at + seen, filled=filled, left_out=dict(counts))
    return kept


async def _send(house: House, batch: Batch, campaign: Campaign, wave: Wave, mailing: Mailing) -> None:
    """The letters are printed: whose each is, and the button."""
    after = 0
    while some := await _page(house, mailing, after):
        after = some[-1].position
        await _attribute(house, campaign, wave, mailing, some)
    if not await _may_go(house, campaign, wave, mailing):
        await _put_off(house, batch)
        return
    try:
        await steering.send(house, mailing, mailing.options, OFFICE)
    except PostOfficeError as problem:
        house.log.warning("campaign.not_sent", campaign=campaign.id, wave=wave.id, code=problem.code)
        await _pause(house, batch, campaign, problem.code)
        return
    await _close(house, batch, campaign, wave)


async def _may_go(house: House, campaign: Campaign, wave: Wave, mailing: Mailing) -> bool:
    """Whether the campaign still runs, and its own sum lasts for these letters; they wait for a person where it does not."""
    now, total = house.clock.now(), 0
    if campaign.design.caps.ceiling:
        total = (await pricing.quote(house, mailing, mailing.options)).total
    async with house.database.write() as connection:
        current = await campaigns.get(connection, campaign.id, lock=True)
        if current.state is not CampaignState.RUNNING:
            return False
        data = {one.id: one.data for one in await waves.of_campaign(connection, campaign.id)}
        before = sum(int(one.get("spent", 0)) for wave_id, one in data.items() if wave_id != wave.id)
        if total and before + total > current.design.caps.ceiling:
            await campaigns.command(connection, current, "pause", now, pause_reason=CEILING)
            await waves.hold(connection, campaign.id, now)
            return False
        await waves.update(connection, wave.id, data={**data[wave.id], "spent": total})
    return True


async def _page(house: House, mailing: Mailing, after: int) -> list[Item]:
    async with house.database.read() as connection:
        return await items.page(connection, mailing.id, items.Filter(), after=after, limit=_SLICE)


async def _attribute(house: House, campaign: Campaign, wave: Wave, mailing: Mailing, some: Sequence[Item]) -> None:
    async with house.database.write() as connection:
        rows = await templates.rows_of(connection, mailing.id, [one.first_page for one in some])
        whose = {one.id: str(rows[one.first_page]["data"].get(WHOSE, "")) for one in some if one.first_page in rows}
        held = await contact_book.hold(connection, campaign.organisation_id, whose.values(), shared=True)
        for item_id, contact_id in whose.items():
            await connection.execute(
                item_table.update()
                .where(item_table.c.id == item_id)
                .values(contact_id=contact_id, match={"by": "campaign", "score": 1.0, "filled": []})
            )
            await connection.execute(
                campaign_members.update()
                .where(campaign_members.c.wave_id == wave.id, campaign_members.c.contact_id == contact_id)
                .values(item_id=item_id)
            )
        if gone := {
            item_id: contact_id for item_id, contact_id in whose.items() if contact_id not in held
        }:  # erased while it was printed
            now = house.clock.now()
            await items.set_state(connection, mailing.id, (ItemState.DRAFT, ItemState.HELD), "exclude", now, list(gone))
            await erasing.erase(connection, campaign.organisation_id, sorted(set(gone.values())), now)


async def _pause(house: House, batch: Batch, campaign: Campaign, reason: str) -> None:
    now = house.clock.now()
    async with house.database.write() as connection:
        await campaigns.command(connection, campaign, "pause", now, pause_reason=reason[:60])
        await batches.put_off(connection, batch, now)
        await waves.hold(connection, campaign.id, now)


async def _close(house: House, batch: Batch, campaign: Campaign, wave: Wave) -> None:
    now: datetime = house.clock.now()
    async with house.database.write() as connection:
        current = await campaigns.get(connection, campaign.id, lock=True)
        if not await batches.finish(connection, batch, now):
            raise LostLease(batch.id)
        await waves.command(connection, wave.id, "send", filled_at=now)
        await waves.wake_conductor(connection, wave.campaign_id)
        if current.state is CampaignState.PAUSED:  # between the button and here: what the button began rests as well
            await waves.hold(connection, campaign.id, now)
