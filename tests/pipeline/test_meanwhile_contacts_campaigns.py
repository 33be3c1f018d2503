"""What meets a campaign while it is filled: a pause, a person's choice, an erasure, a merge. Nobody twice, nobody forgotten."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import addressbook, campaign_money
from postoffice.actions import campaigns as acting
from postoffice.compose.merge.content import Content, Parts
from postoffice.model.campaign import Campaign, Caps, FollowUp, Test, VariantKind
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import Conflict
from postoffice.model.mailing import Options
from postoffice.model.states import CampaignState
from postoffice.pipeline import Pipeline, campaign_filling
from postoffice.store import batches, campaigns, contact_book, erasing, merges, schema
from postoffice.store import campaigns_members as members
from postoffice.store import campaigns_waves as waves
from tests.pipeline.at_once import AT_ONCE, ONE_BY_ONE, waits
from tests.pipeline.campaigning import AUTHOR, OPTIONS, again, crowd, launched, sent, version_of, waves_of
from tests.pipeline.house import Office, SilentBell

LETTER = Content(
    {"fr": Parts("<!doctype html><style>@page { size: A4 }</style><p>{{ address | address }}</p><p>{{ name }}</p>")},
    purpose="promotion",
)

pytestmark = pytest.mark.slow


async def _conducted(office: Office, **more: Any) -> tuple[Any, str]:
    """A campaign whose wave stands there, and the batch that fills it."""
    made = await launched(office, **more)
    await office.pipeline().work((await office.open_batches(waves.CONDUCT))[0])
    (fill,) = await office.open_batches(waves.FILL)
    return await again(office, made), fill


@AT_ONCE
async def test_a_pause_while_a_slice_begins_stands_in_nobodys_way(office: Office) -> None:
    ids = await crowd(office, 5)
    made, fill = await _conducted(office)
    now = office.clock.now()
    async with office.house.database.write() as connection:
        await campaigns.command(connection, made, "pause", now, pause_reason="by-hand")
        filling = await waits(office, office.pipeline().work(fill))
        await waves.hold(connection, made.id, now)
    await filling
    assert "batch.failed" not in office.log.events("error")
    assert await office.work() == 0 and await sent(office, made) == {}
    await acting.resume(office.house, await again(office, made), AUTHOR)
    await office.follow(4)
    assert await sent(office, made) == dict.fromkeys(ids, 1)


@AT_ONCE
async def test_a_pause_while_a_campaign_is_looked_at_stands_in_nobodys_way(office: Office) -> None:
    await crowd(office, 2)
    made, fill = await _conducted(office)
    now = office.clock.now()
    office.clock.pass_by(seconds=30)
    (look,) = await office.open_batches(waves.CONDUCT)
    async with office.house.database.write() as connection:
        await campaigns.command(connection, made, "pause", now, pause_reason="by-hand")
        looking = await waits(office, office.pipeline().work(look))
        await waves.hold(connection, made.id, now)
    await looking
    assert "batch.failed" not in office.log.events("error")
    assert await office.due() == [] and await office.open_batches(waves.FILL) == [fill]


@AT_ONCE
async def test_a_pause_while_a_failure_is_written_stands_in_nobodys_way(office: Office) -> None:
    await crowd(office, 1)
    made, fill = await _conducted(office)
    await office.pipeline().work(fill)
    (wave,) = await waves_of(office, made)
    now = office.clock.now()
    async with office.house.database.write() as connection:
        more = {"organisation_id": office.organisation_id, "subject_id": wave.mailing_id, "queue": "plan", "now": now}
        climb, later = [await batches.add(connection, step=step, **more) for step in ("climb", "dispatch")]
    async with office.house.database.write() as connection:  # as a chunk of deliveries is recorded, of which one failed
        await batches.wake(connection, [later])
        pausing = await waits(office, acting.pause(office.house, made, AUTHOR))
        await batches.wake(connection, [climb])
    await pausing
    assert await office.due() == []


class RaisingBell(SilentBell):
    """Who is rung raises the campaign's limit and lets it go on, before the one who rings has done the next step."""

    def __init__(self, office: Office, made: Campaign) -> None:
        super().__init__()
        self.office, self.made = office, made

    async def ring(self, queue: str, batch_id: str, attempt: int) -> None:
        current = await again(self.office, self.made)
        if current.state is CampaignState.PAUSED:
            await campaign_money.raise_ceiling(self.office.house, current, 10**9, AUTHOR)
            await acting.resume(self.office.house, current, AUTHOR)


@ONE_BY_ONE
async def test_a_limit_that_is_raised_at_once_leaves_nobody_out(office: Office) -> None:
    ids = await crowd(office, 4, first=11)
    made, fill = await _conducted(office, options=Options(channel=Channel.SMS, purpose=Purpose.SERVICE), caps=Caps(ceiling=100_000))
    await Pipeline(replace(office.house, bell=RaisingBell(office, made)), "worker").work(fill)
    (wave,) = await waves_of(office, made)
    assert 0 < wave.filled < 4 and (await again(office, made)).state is CampaignState.RUNNING
    await office.follow(4)
    assert await sent(office, made) == dict.fromkeys(ids, 1)


@AT_ONCE
async def test_who_is_erased_while_a_slice_is_filled_gets_nothing_and_leaves_nothing(office: Office) -> None:
    gone, there = await crowd(office, 2)
    made, fill = await _conducted(office)
    async with office.house.database.write() as connection:
        await contact_book.hold(connection, office.organisation_id, [gone])
        await erasing.erase(connection, office.organisation_id, [gone], office.clock.now())
        filling = await waits(office, office.pipeline().work(fill))
    await filling
    await office.follow(3)
    assert await sent(office, made) == {there: 1}
    async with office.house.database.read() as connection:
        rows = (await connection.execute(schema.items.select().where(schema.items.c.contact_id == gone))).all()
    assert rows == []
    (wave,) = await waves_of(office, made)
    assert wave.filled == 1


@AT_ONCE
async def test_who_is_merged_while_a_slice_is_filled_gets_it_once(office: Office) -> None:
    first, second = await crowd(office, 2)
    made, fill = await _conducted(office)
    async with office.house.database.write() as connection:
        await merges.merge(connection, office.organisation_id, first, second, "user:x", "same", office.clock.now())
        filling = await waits(office, office.pipeline().work(fill))
    await filling
    await office.follow(3)
    assert await sent(office, made) == {first: 1}


@ONE_BY_ONE
async def test_who_got_it_before_a_merge_gets_it_no_second_time(office: Office) -> None:
    first, second = await crowd(office, 2)
    async with office.house.database.write() as connection:  # the first one stands further down
        await connection.execute(schema.contact_points.delete().where(schema.contact_points.c.contact_id == second))
        await merges.merge(connection, office.organisation_id, first, second, "user:x", "same", office.clock.now())
    made, fill = await _conducted(office)
    (wave,) = await waves_of(office, made)
    async with office.house.database.write() as connection:
        shared = {"campaign_id": made.id, "occurrence": "", "organisation_id": office.organisation_id, "wave_id": wave.id}
        await members.add(connection, [shared | {"contact_id": second, "item_id": None, "reason": "", "at": office.clock.now()}])
    await office.pipeline().work(fill)
    await office.follow(3)
    assert await sent(office, made) == {}


@ONE_BY_ONE
async def test_a_choice_that_comes_after_the_rule_has_decided_changes_nothing(office: Office) -> None:
    await crowd(office, 20)
    made = await launched(office, test=Test(VariantKind.SUBJECT, "Vite", 5, hours=2))
    await office.work()
    shown = await again(office, made)
    office.clock.pass_by(hours=3)
    await office.work()
    decided = (await again(office, made)).outcome
    assert decided["winner"] == "a"
    with pytest.raises(Conflict):
        await acting.choose(office.house, shown, "b", AUTHOR)
    assert (await again(office, made)).outcome == decided


@ONE_BY_ONE
async def test_a_choice_is_made_once(office: Office) -> None:
    await crowd(office, 20)
    made = await launched(office, test=Test(VariantKind.SUBJECT, "Vite", 5, hours=2))
    await office.work()
    shown = await again(office, made)
    await acting.choose(office.house, shown, "a", AUTHOR)
    with pytest.raises(Conflict):
        await acting.choose(office.house, shown, "b", AUTHOR)
    assert (await again(office, made)).outcome["chosen"] == "a"


async def _printed(office: Office, count: int, **more: Any) -> tuple[Any, str, list[str]]:
    """A campaign on paper whose letters are printed, the batch that is to send them, and its people."""
    ids = await crowd(office, count)
    version_id = await version_of(office, LETTER)
    made, fill = await _conducted(office, version_id=version_id, options=replace(OPTIONS, channel=Channel.POST), **more)
    await office.pipeline().work(fill)  # its rows are handed in
    (reading,) = await office.open_batches("read")
    await office.pipeline().work(reading)
    office.clock.pass_by(minutes=1)
    return made, fill, ids


@AT_ONCE
async def test_letters_of_a_campaign_that_is_paused_before_the_button_stay(office: Office) -> None:
    made, fill, ids = await _printed(office, 2)
    now, items = office.clock.now(), schema.items
    async with office.house.database.write() as connection:
        await connection.execute(sa.select(items.c.id).with_for_update())
        filling = await waits(office, office.pipeline().work(fill))
        await campaigns.command(connection, made, "pause", now, pause_reason="by-hand")
        await waves.hold(connection, made.id, now)
    await filling
    await office.follow(4)
    assert await sent(office, made) == {}
    await acting.resume(office.house, await again(office, made), AUTHOR)
    await office.follow(4)
    assert await sent(office, made) == dict.fromkeys(ids, 1)


@ONE_BY_ONE
async def test_the_letter_of_who_was_erased_while_it_was_printed_stays(office: Office) -> None:
    made, fill, (gone, there) = await _printed(office, 2)
    await addressbook.erase(office.house, office.organisation_id, gone, AUTHOR, "asked")
    await office.pipeline().work(fill)
    await office.follow(3)
    assert await sent(office, made) == {there: 1}
    async with office.house.database.read() as connection:
        row = (await connection.execute(schema.items.select().where(schema.items.c.contact_id == gone))).one()
    assert (row.state, row.name, row.address, row.email, row.fields) == ("excluded", "", None, "", None)


@ONE_BY_ONE
async def test_letters_stop_at_the_campaigns_own_limit_as_well(office: Office) -> None:
    made, fill, ids = await _printed(office, 2, caps=Caps(ceiling=100_000))
    await office.pipeline().work(fill)
    await office.follow(3)
    resting = await again(office, made)
    assert (resting.state, resting.pause_reason, await sent(office, made)) == (CampaignState.PAUSED, campaign_money.CEILING, {})
    await campaign_money.raise_ceiling(office.house, resting, 10**9, AUTHOR)
    await acting.resume(office.house, await again(office, made), AUTHOR)
    await office.follow(3)
    assert await sent(office, made) == dict.fromkeys(ids, 1)
    async with office.house.database.read() as connection:
        told = await campaign_money.spending(office.house, connection, await again(office, made))
        cost = await connection.scalar(sa.select(sa.func.sum(schema.items.c.cost)))
    assert told.spent == cost


@ONE_BY_ONE
async def test_who_was_merged_since_gets_the_follow_up(office: Office) -> None:
    gone, there = await crowd(office, 2)
    options = Options(channel=Channel.EMAIL, purpose=Purpose.SERVICE)  # at any hour of any day
    made, fill = await _conducted(office, options=options, follow_up=FollowUp(Channel.SMS, 1))
    async with office.house.database.write() as connection:  # of the two only this one is in the wave
        table = schema.contact_points
        await connection.execute(table.delete().where(table.c.contact_id == there, table.c.channel == "email"))
    await office.pipeline().work(fill)
    await office.follow(2)
    await addressbook.merge(office.house, office.organisation_id, there, gone, AUTHOR)
    office.clock.pass_by(days=1, hours=1)
    await office.follow(3)
    assert await sent(office, made) == {gone: 2}


@ONE_BY_ONE
async def test_a_wave_of_a_campaign_that_was_taken_back_opens_no_mailing(office: Office) -> None:
    await crowd(office, 2)
    made, fill = await _conducted(office)
    (wave,) = await waves_of(office, made)
    await acting.cancel(office.house, made, AUTHOR)
    await office.work()
    assert await campaign_filling.open_mailing(office.house, made, wave) is None  # its worker had looked before
    async with office.house.database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(schema.mailings)) == 0
