"""Ladders: a failure leads on at once, a wait when it is over, and nothing that is closed today is taken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import ALL, Entry, Means
from postoffice.model.delivery import Event
from postoffice.model.errors import Conflict, Refused
from postoffice.model.item import NewItem
from postoffice.model.mailing import Ground, Mailing, Options
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.pipeline.news import apply_news
from postoffice.store import consents, events, suppressions
from postoffice.store import schema as tables
from tests.pipeline.house import Office, PlannedCarrier, people_items

LADDER = Options(channel=None, ladder="email-link 3d > sms-link 2d > post")


@pytest.fixture
def carriers(office: Office) -> dict[Channel, PlannedCarrier]:
    made = {channel: PlannedCarrier(f"my-{channel.value}", Abilities(channel)) for channel in Channel}
    office.carriers.mine.update(made)
    return made


async def _sent(office: Office, options: Options, new: list[NewItem] | None = None) -> Mailing:
    mailing = await office.drafts(new or people_items(1), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    return mailing


async def _item(office: Office, mailing: Mailing) -> Any:
    (item,) = await office.items(mailing)
    return item


async def _pass(office: Office, **span: float) -> None:
    office.clock.pass_by(**span)
    await office.work()


def _calls(carriers: dict[Channel, PlannedCarrier]) -> dict[str, int]:
    return {channel.value: len(carrier.calls) for channel, carrier in carriers.items() if carrier.calls}


async def test_unread_links_climb_when_their_time_is_over(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await _sent(office, LADDER)
    assert _calls(carriers) == {"email": 1}
    await _pass(office, days=2, hours=23)
    assert _calls(carriers) == {"email": 1}
    await _pass(office, hours=1, minutes=1)
    assert _calls(carriers) == {"email": 1, "sms": 1}
    await _pass(office, days=2, minutes=1)
    assert _calls(carriers) == {"email": 1, "sms": 1, "post": 1}
    await _pass(office, days=100)
    item = await _item(office, mailing)
    assert (_calls(carriers), item.rung, item.state) == ({"email": 1, "sms": 1, "post": 1}, 2, ItemState.HANDED_OVER)
    assert item.cost > 0
    async with office.house.database.read() as connection:
        codes = [line.code for line in await events.of_item(connection, item.id) if line.kind is EventKind.PLANNED]
    assert sorted(codes) == ["after-waiting", "after-waiting", "ladder"]
    assert await office.open_batches("climb") == [], "nothing is left to watch"


async def test_who_has_read_it_is_left_alone(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await _sent(office, LADDER)
    async with office.house.database.write() as connection:
        await connection.execute(tables.items.update().values(opened_at=office.clock.now()))
    await _pass(office, days=5)
    assert _calls(carriers) == {"email": 1}
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


async def test_a_failure_leads_on_at_once(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    carriers[Channel.EMAIL].say["*"] = [Refused("No such mailbox.", code="550", address_dead=True)]
    mailing = await _sent(office, LADDER)
    assert _calls(carriers) == {"email": 1, "sms": 1}
    key = carriers[Channel.SMS].calls[0]
    told = [Event(EventKind.EXPIRED, office.clock.now(), key=key, code="expired")]
    for _ in range(2):  # told twice, it climbs once
        await apply_news(office.house, office.organisation_id, "my-sms", told)
        await office.work()
    assert _calls(carriers) == {"email": 1, "sms": 1, "post": 1}
    item = await _item(office, mailing)
    assert (item.rung, item.state) == (2, ItemState.HANDED_OVER)


async def test_late_news_of_a_rung_that_was_left_does_not_move_the_item(
    office: Office, carriers: dict[Channel, PlannedCarrier]
) -> None:
    mailing = await _sent(office, LADDER)
    await _pass(office, days=3, minutes=1)
    bounced = Event(EventKind.BOUNCED, office.clock.now(), key=carriers[Channel.EMAIL].calls[0])
    await apply_news(office.house, office.organisation_id, "my-email", [bounced])
    await office.work()
    assert (await _item(office, mailing)).state is ItemState.HANDED_OVER
    assert _calls(carriers) == {"email": 1, "sms": 1}


async def test_a_rung_that_was_closed_meanwhile_is_passed_over(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await _sent(office, LADDER)
    blind = office.house.keyring.blind(suppressions.normal(Channel.SMS, "+33639980000", None))
    async with office.house.database.write() as connection:
        await suppressions.add(
            connection,
            organisation_id=office.organisation_id,
            channel=Channel.SMS,
            address_hash=blind,
            reason="opt-out",
            origin="test",
            now=office.clock.now(),
        )
    await _pass(office, days=3, minutes=1)
    assert _calls(carriers) == {"email": 1, "post": 1}
    item = await _item(office, mailing)
    async with office.house.database.read() as connection:
        last = [line for line in await events.of_item(connection, item.id) if line.code == "after-waiting"]
    assert last[0].detail["passed_over"] == {"sms": "suppressed"}


async def test_an_exhausted_ladder_ends_failed(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    for carrier in carriers.values():
        carrier.say["*"] = [Refused("No.", code="no")]
    mailing = await _sent(office, LADDER)
    assert _calls(carriers) == {"email": 1, "sms": 1, "post": 1}
    assert (await _item(office, mailing)).state is ItemState.FAILED
    assert (await office.mailing(mailing)).state is MailingState.FINISHED
    before = await office.dump()
    await office.reopen("climb", "plan")
    await office.work()
    assert await office.dump() == before, "each step can run twice"


async def test_what_has_arrived_is_not_followed_by_paper(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    await _sent(office, Options(channel=None, ladder="fax 1d > post"))
    key = carriers[Channel.FAX].calls[0]
    await apply_news(office.house, office.organisation_id, "my-fax", [Event(EventKind.DELIVERED, office.clock.now(), key=key)])
    await _pass(office, days=2)
    assert _calls(carriers) == {"fax": 1}


async def test_a_step_may_ask_for_its_own_postage_and_form(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    seen = []
    carriers[Channel.POST].say["*"] = [lambda piece: seen.append(piece.options.postage.value) or _nothing()]
    carriers[Channel.EMAIL].say["*"] = [Refused("No.", code="no")]
    mailing = await _sent(office, Options(channel=None, ladder="email-link > post-registered"))
    assert seen == ["registered"]
    assert (await _item(office, mailing)).cost > 4_000_000


async def _nothing() -> None:
    return None


@pytest.mark.slow
async def test_many_items_climb_in_slices_and_none_twice(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    carriers[Channel.EMAIL].abilities = Abilities(Channel.EMAIL, batch=500, chunk=250)
    carriers[Channel.EMAIL].say["*"] = [Refused("No.", code="no")] * 450
    mailing = await _sent(office, Options(channel=None, ladder="email-link > post"), people_items(450))
    assert len(carriers[Channel.POST].taken) == 450
    assert set(carriers[Channel.POST].taken.values()) == {1}
    assert await office.states(mailing) == {"handed_over": 450}


PROMOTION = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION)


async def _says(office: Office, mailing: Mailing, *entries: Entry) -> None:
    item = await _item(office, mailing)
    async with office.house.database.write() as connection:
        await consents.add(connection, office.organisation_id, [(item.contact_id, entry) for entry in entries])


async def test_prospecting_needs_consent_and_an_import_does_not_bring_it_back(office: Office, carriers: Any) -> None:
    mailing = await _sent(office, PROMOTION)
    assert (await _item(office, mailing)).held_reason == "no-consent"
    day = office.clock.now() - timedelta(days=9)
    await _says(office, mailing, Entry("promotion", "email", True, day, Means.FORM))
    assert (await _item(office, await _sent(office, PROMOTION))).state is ItemState.HANDED_OVER
    await _says(office, mailing, Entry(ALL, "email", False, day + timedelta(days=1), Means.SMS))
    await _says(office, mailing, Entry("promotion", "email", True, day + timedelta(days=2), Means.IMPORT))
    assert (await _item(office, await _sent(office, PROMOTION))).held_reason == "opted-out"
    customers = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
    assert (await _item(office, await _sent(office, customers))).held_reason == "opted-out"
    invoice = Options(channel=Channel.EMAIL, purpose=Purpose.INVOICE)
    assert (await _item(office, await _sent(office, invoice))).held_reason == "opted-out", "every purpose was withdrawn"
    calls = _calls(carriers)
    await _sent(office, Options(channel=None, purpose=Purpose.INVOICE))
    assert _calls(carriers) == calls | {"sms": 1}, "the cheapest that is left"


async def test_short_messages_of_prospecting_wait_for_monday_morning(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    office.clock.time = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # a Sunday
    options = Options(channel=Channel.SMS, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
    await _sent(office, options)
    async with office.house.database.read() as connection:
        hours = list(await connection.scalars(sa.select(tables.batches.c.not_before).where(tables.batches.c.step == "dispatch")))
    assert hours == [datetime(2026, 11, 23, 7, 0, tzinfo=UTC)]
    assert _calls(carriers) == {}
    await _pass(office, hours=16, minutes=1)
    assert _calls(carriers) == {"sms": 1}


async def test_a_mailing_that_is_stopped_goes_by_no_other_way(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await _sent(office, LADDER, people_items(3))
    assert _calls(carriers) == {"email": 3} and (await office.mailing(mailing)).state is MailingState.FINISHED
    assert await steering.cancel(office.house, mailing, OFFICE) == (0, 3)
    await _pass(office, days=3, minutes=1)
    await _pass(office, days=3)
    assert _calls(carriers) == {"email": 3}
    assert all(item.state is ItemState.HANDED_OVER for item in await office.items(mailing))
    with pytest.raises(Conflict):  # a second time there is nothing left to stop
        await steering.cancel(office.house, mailing, OFFICE)


async def test_stopping_half_way_stops_the_letter_that_waits_for_its_next_way(
    office: Office, carriers: dict[Channel, PlannedCarrier]
) -> None:
    mailing = await _sent(office, LADDER)
    office.clock.pass_by(days=3, minutes=1)
    (climb,) = await office.open_batches("climb")
    assert await office.pipeline().work(climb)  # the text message is queued, and not handed over yet
    assert (await steering.cancel(office.house, await office.mailing(mailing), OFFICE)).items == 1
    await _pass(office, days=3)
    assert _calls(carriers) == {"email": 1} and (await _item(office, mailing)).state is ItemState.CANCELLED
