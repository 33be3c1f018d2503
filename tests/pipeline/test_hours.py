"""Hours of a mailing, looked at right before the hand-over: a last one, a pace, quiet ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postoffice.actions import pricing, steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel, Purpose
from postoffice.model.mailing import Ground, Mailing, Options
from postoffice.model.ports import Abilities
from postoffice.model.states import ItemState, MailingState
from postoffice.store import carriers as carrier_rows
from postoffice.store import events
from tests.pipeline.house import Office, PlannedCarrier, people_items


@pytest.fixture
def carriers(office: Office) -> dict[Channel, PlannedCarrier]:
    made = {channel: PlannedCarrier(f"my-{channel.value}", Abilities(channel)) for channel in Channel}
    office.carriers.mine.update(made)
    return made


async def _sent(office: Office, options: Options, count: int = 1) -> Mailing:
    mailing = await office.drafts(people_items(count), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    return mailing


async def test_what_comes_too_late_ends_and_climbs_nothing(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    now = office.clock.now()
    options = Options(channel=None, ladder="email-link > post", send_at=now + timedelta(hours=1), not_after=now + timedelta(hours=2))
    mailing = await _sent(office, options, 2)
    office.clock.pass_by(hours=2, minutes=1)
    await office.work()
    found = await office.items(mailing)
    assert [item.state for item in found] == [ItemState.FAILED] * 2
    assert not carriers[Channel.EMAIL].calls and not carriers[Channel.POST].calls
    async with office.house.database.read() as connection:
        assert "too-late" in [line.code for line in await events.of_item(connection, found[0].id)]
    assert (await office.mailing(mailing)).state is MailingState.FINISHED
    assert await office.open_batches("climb") == [] == await office.open_batches("dispatch")


async def test_what_was_handed_over_in_time_stays(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    options = Options(channel=Channel.EMAIL, not_after=office.clock.now() + timedelta(hours=2))
    mailing = await _sent(office, options)
    office.clock.pass_by(hours=3)
    await office.work()
    assert [item.state for item in await office.items(mailing)] == [ItemState.HANDED_OVER]


async def test_a_switched_off_carrier_does_not_make_it_later(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await office.drafts(people_items(1), Options(not_after=office.clock.now() + timedelta(minutes=5)))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.pipeline().work((await office.due())[0])
    office.carriers.off.add("my-post")
    await office.work(3)
    office.clock.pass_by(minutes=6)
    await office.work(3)
    assert [item.state for item in await office.items(mailing)] == [ItemState.FAILED]


async def test_a_pace_spreads_a_mailing_over_hours(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    await _sent(office, Options(channel=Channel.EMAIL, per_hour=120), 10)
    counts = [len(carriers[Channel.EMAIL].calls)]
    for _ in range(6):
        office.clock.pass_by(minutes=1)
        await office.work()
        counts.append(len(carriers[Channel.EMAIL].calls))
    assert counts == [2, 4, 6, 8, 10, 10, 10]


async def test_a_batch_that_was_delayed_into_the_night_waits(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    office.clock.time = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)  # 19:00 in Paris, a Tuesday
    options = Options(channel=Channel.SMS, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
    mailing = await office.drafts(people_items(2), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.pipeline().work((await office.due())[0])  # planned at an hour at which they may go ...
    office.clock.pass_by(hours=3)  # ... but no worker was there before 22:00
    await office.work()
    assert carriers[Channel.SMS].calls == []
    for _ in range(48):
        office.clock.pass_by(minutes=15)
        await office.work()
        if carriers[Channel.SMS].calls:
            break
    assert office.clock.now().hour == 7 and len(carriers[Channel.SMS].calls) == 2, "08:00 in Paris"


async def test_invoices_go_at_night(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    office.clock.time = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    await _sent(office, Options(channel=Channel.SMS, purpose=Purpose.INVOICE))
    assert len(carriers[Channel.SMS].calls) == 1


async def test_the_quote_says_when_paper_leaves(office: Office) -> None:
    office.clock.time = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)  # 17:30 in Paris, a Friday
    async with office.house.database.write() as connection:
        (row,) = [one for one in await carrier_rows.all_of(connection, office.organisation_id) if one.channel is Channel.POST]
        await carrier_rows.update(connection, row.id, cut_offs=["16:00"] * 5 + ["", ""])
    mailing = await office.drafts(people_items(1))

    async def leaves(options: Options) -> Any:
        return (await pricing.quote(office.house, mailing, options)).leaves

    assert (await leaves(Options())).isoformat() == "2026-11-30", "Monday"
    later = replace(Options(), send_at=datetime(2026, 12, 1, 9, 0, tzinfo=UTC))
    assert (await leaves(later)).isoformat() == "2026-12-01"
    assert await leaves(Options(channel=Channel.EMAIL)) is None
