"""A campaign walks the road of mailings: filled, sent, paused, taken back; everybody once, with the reason for whoever is left out."""

import asyncio
from datetime import timedelta

import pytest

from postoffice.actions import campaigns as acting
from postoffice.model.campaign import Caps, Schedule
from postoffice.model.errors import Conflict
from postoffice.model.states import CampaignState
from postoffice.pipeline import campaign_audience
from postoffice.store import schema
from tests.pipeline.campaigning import AUTHOR, again, campaign, crowd, launched, sent, told, waves_of
from tests.pipeline.house import Office, dead_owner


async def test_everybody_gets_it_once_in_their_own_words(office: Office) -> None:
    ids = await crowd(office, 12)
    made = await launched(office)
    await office.follow(4)
    assert await sent(office, made) == dict.fromkeys(ids, 1)
    box = await told(office, made)
    assert {row["subject"] for row in box} == {f"Pour Anne {n}" for n in range(12)}
    assert all(
        "Paris" in row["text"] and "/u/" in row["text"] and row["text"].count("/l/") == row["text"].count("?to=choices") == 1
        for row in box
    )
    assert (await again(office, made)).state is CampaignState.FINISHED


async def test_a_step_run_twice_changes_nothing(office: Office) -> None:
    ids = await crowd(office, 7)
    made = await launched(office)
    await office.follow(3)
    await office.reopen("campaign-fill", "campaign")
    await office.follow(3)
    assert await sent(office, made) == dict.fromkeys(ids, 1) and len(await told(office, made)) == 7


async def test_whoever_lacks_something_is_left_out_and_the_reason_counted(office: Office) -> None:
    await crowd(office, 3)
    await crowd(office, 2, first=10, city="")
    lame = await crowd(office, 1, first=20)
    async with office.house.database.write() as connection:
        points = schema.contact_points
        await connection.execute(
            points.update().where(points.c.contact_id == lame[0], points.c.channel == "email").values(health="dead")
        )
    made = await launched(office)
    await office.follow(3)
    (wave,) = await waves_of(office, made)
    assert wave.filled == 3 and wave.left_out == {"missing-field": 2, "no-email-address": 1}
    assert len(await sent(office, made)) == 3


async def test_a_pause_stops_before_the_next_chunk_and_resuming_leaves_nobody_out(office: Office) -> None:
    ids = await crowd(office, 30)
    made = await launched(office)
    for _ in range(2):  # conduct, fill
        for batch_id in await office.due():
            await office.pipeline().work(batch_id)
    await acting.pause(office.house, await again(office, made), AUTHOR)
    assert await office.due() == [] and await office.work() == 0
    office.clock.pass_by(hours=2)
    assert await office.work() == 0 and await sent(office, made) == {}
    await acting.resume(office.house, await again(office, made), AUTHOR)
    await office.follow(4)
    assert await sent(office, made) == dict.fromkeys(ids, 1)


async def test_cancelling_stops_all_that_was_not_handed_over_and_ends_the_mailing(office: Office) -> None:
    await crowd(office, 30)
    made = await launched(office, schedule=Schedule(spread_days=3))
    await office.work()
    before = await sent(office, made)
    await acting.cancel(office.house, await again(office, made), AUTHOR)
    office.clock.pass_by(days=4)
    await office.follow(4)
    assert 0 < len(before) < 30 and await sent(office, made) == before
    (wave,) = await waves_of(office, made)
    async with office.house.database.read() as connection:
        state = await connection.scalar(schema.mailings.select().with_only_columns(schema.mailings.c.state))
        work = await connection.execute(schema.batches.select().where(schema.batches.c.state == "open"))
        assert state == "finished" and [row.step for row in work if row.step != "ask"] == []
    assert wave.state.value == "cancelled" and (await again(office, made)).state is CampaignState.CANCELLED


async def test_a_segment_of_nobody_is_not_launched(office: Office) -> None:
    made = await campaign(office)
    with pytest.raises(Conflict) as refused:
        await acting.launch(office.house, made, AUTHOR)
    assert refused.value.code == "nobody" and (await again(office, made)).state is CampaignState.DRAFT


@pytest.mark.slow
async def test_a_cap_counts_over_all_campaigns(office: Office) -> None:
    ids = await crowd(office, 5)
    caps = Caps(most=2, within=7)
    for expected in (5, 5, 0):
        made = await launched(office, caps=caps)
        await office.follow(3)
        assert len(await sent(office, made)) == expected
    (wave,) = await waves_of(office, made)
    assert wave.left_out == {"capped": 5}
    office.clock.pass_by(days=8)
    made = await launched(office, caps=caps)
    await office.follow(3)
    assert await sent(office, made) == dict.fromkeys(ids, 1)


@pytest.mark.slow
async def test_a_worker_that_dies_between_slices_leaves_nobody_out_and_nobody_twice(office: Office) -> None:
    ids = await crowd(office, campaign_audience.LOOK + 20)
    made = await launched(office)
    await office.pipeline().work((await office.due())[0])  # conducted: the wave stands there
    (fill,) = await office.open_batches("campaign-fill")
    dying = asyncio.create_task(office.pipeline("dying").work(fill))
    while not (await waves_of(office, made))[0].cursor:
        await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    dead_owner(office)
    await office.follow(4)
    assert await sent(office, made) == dict.fromkeys(ids, 1)


async def test_parts_of_a_spread_go_on_their_days(office: Office) -> None:
    await crowd(office, 9)
    made = await launched(office, schedule=Schedule(spread_days=3))
    seen = []
    for _ in range(4):
        await office.work()
        seen.append(len(await sent(office, made)))
        office.clock.time += timedelta(days=1)
    assert seen == [3, 6, 9, 9]
