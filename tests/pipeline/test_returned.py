"""Journeys of letters that come back: by rung and by reason, whoever tells it; and what an entry made by mistake leaves behind."""

from datetime import timedelta

import pytest

from postoffice.actions import returned, steering
from postoffice.actions.actor import OFFICE, Actor
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.errors import Conflict, NotFound, Refused
from postoffice.model.mailing import Mailing, Options
from postoffice.model.ports import Abilities
from postoffice.model.returned import Reason, Way
from postoffice.model.states import EventKind, ItemState
from postoffice.pipeline.news import apply_news
from postoffice.store import events, points, suppressions
from postoffice.store import returned as entries
from postoffice.store import schema as tables
from tests.pipeline.house import Office, PlannedCarrier, people_items

pytestmark = pytest.mark.slow

CLERK = Actor("user:clerk", None)
PAPER = Options(channel=Channel.POST)
LADDER = Options(channel=None, ladder="email-link 3d > post > sms-link")
CHEAP = Options(channel=None, ladder="post > email-link")


@pytest.fixture
def carriers(office: Office) -> dict[Channel, PlannedCarrier]:
    made = {channel: PlannedCarrier(f"my-{channel.value}", Abilities(channel)) for channel in Channel}
    office.carriers.mine.update(made)
    return made


async def sent(office: Office, options: Options = PAPER, count: int = 1) -> Mailing:
    mailing = await office.drafts(people_items(count), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    return mailing


async def enter(office: Office, key: str, reason: Reason, way: Way = Way.CODE) -> returned.Came:
    return await returned.enter(office.house, office.organisation_id, key, reason, CLERK, way)


async def health(office: Office, contact_id: str) -> dict[str, str]:
    async with office.house.database.read() as connection:
        known = await points.of_contact(connection, office.organisation_id, contact_id)
    return {one.channel.value: one.health for one in known}


async def blocked(office: Office) -> list[tuple[str, str]]:
    async with office.house.database.read() as connection:
        some = await suppressions.page(connection, office.organisation_id, suppressions.Filter(state="active"), office.clock.now())
    return sorted((one.channel, one.reason) for one in some)


async def test_bounce_paper_returned_dead_and_the_next_mailing_goes_elsewhere(
    office: Office, carriers: dict[Channel, PlannedCarrier]
) -> None:
    carriers[Channel.EMAIL].say["*"] = [Refused("No such mailbox.", code="5.1.1", address_dead=True)]
    mailing = await sent(office, LADDER)
    (letter,) = carriers[Channel.POST].calls
    (item,) = await office.items(mailing)
    assert (await health(office, item.contact_id))["email"] == "dead"
    came = await enter(office, letter, Reason.UNKNOWN)
    assert (came.already, came.item.state) == (False, ItemState.RETURNED)
    await office.work()
    assert len(carriers[Channel.SMS].calls) == 1, "the last rung"
    assert await health(office, item.contact_id) == {"email": "dead", "post": "dead", "sms": "good", "fax": "good"}
    assert await blocked(office) == [("email", "5.1.1"), ("post", "returned-unknown")]
    second = await sent(office, LADDER)
    (again,) = await office.items(second)
    assert again.contact_id == item.contact_id
    assert [rung["channel"] for rung in again.plan] == ["sms"], "neither the dead mailbox nor the dead address"
    assert (len(carriers[Channel.EMAIL].calls), len(carriers[Channel.POST].calls), len(carriers[Channel.SMS].calls)) == (1, 1, 2)


@pytest.mark.parametrize(
    ("reason", "after", "blocks"),
    [
        (Reason.UNKNOWN, "dead", True),
        (Reason.ADDRESS, "doubtful", True),
        (Reason.REFUSED, "good", False),
        (Reason.UNCLAIMED, "doubtful", False),
        (Reason.OTHER, "doubtful", False),
    ],
)
async def test_each_reason_marks_the_address_in_its_way(
    office: Office, carriers: dict[Channel, PlannedCarrier], reason: Reason, after: str, blocks: bool
) -> None:
    (item,) = await office.items(await sent(office, CHEAP))
    await enter(office, carriers[Channel.POST].calls[0], reason)
    await office.work()
    assert len(carriers[Channel.EMAIL].calls) == 1, "every reason leads on"
    assert (await health(office, item.contact_id))["post"] == after
    assert await blocked(office) == ([("post", f"returned-{reason.value}")] if blocks else [])


async def test_a_house_that_tells_no_reason_is_believed_the_second_time(
    office: Office, carriers: dict[Channel, PlannedCarrier]
) -> None:
    for _ in range(2):
        (item,) = await office.items(await sent(office))
        told = [Event(EventKind.RETURNED, office.clock.now(), key=carriers[Channel.POST].calls[-1], code="N10")]
        assert await apply_news(office.house, office.organisation_id, "my-post", told) == 1
        office.clock.pass_by(days=1)
    assert (await health(office, item.contact_id))["post"] == "dead"
    assert await blocked(office) == [("post", "returned-other")]


async def test_nothing_more_goes_to_somebody_who_has_died(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await sent(office, CHEAP)
    await enter(office, carriers[Channel.POST].calls[0], Reason.DECEASED)
    await office.work()
    assert not carriers[Channel.EMAIL].calls
    (item,) = await office.items(mailing)
    assert (item.state, (await health(office, item.contact_id))["post"]) == (ItemState.RETURNED, "dead")
    (next_one,) = await office.items(await sent(office, Options(channel=None, ladder="email-link > sms-link > post")))
    assert (next_one.state, next_one.held_reason) == (ItemState.HELD, "suppressed")


async def test_house_and_station_have_the_same_effect_once(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await sent(office, CHEAP, 2)
    by_house, by_hand = carriers[Channel.POST].calls
    told = [Event(EventKind.RETURNED, office.clock.now(), key=by_house, code="N02", text="NPAI", address_dead=True)]
    for _ in range(2):
        await apply_news(office.house, office.organisation_id, "my-post", told)
    await enter(office, by_hand, Reason.UNKNOWN)
    assert (await enter(office, by_hand, Reason.UNKNOWN)).already and (await enter(office, by_house, Reason.OTHER)).already
    late = [Event(EventKind.RETURNED, office.clock.now(), key=by_hand, code="N02")]
    await apply_news(office.house, office.organisation_id, "my-post", late)
    await office.work()
    assert await blocked(office) == [("post", "returned-unknown")] * 2
    assert len(carriers[Channel.EMAIL].calls) == 2
    async with office.house.database.read() as connection:
        found = await entries.last(connection, office.organisation_id)
        reasons = [
            line.detail.get("reason")
            for item in await office.items(mailing)
            for line in await events.of_item(connection, item.id)
            if line.kind is EventKind.RETURNED
        ]
    assert sorted((one.way.value, one.reason.value) for one in found) == [("code", "unknown"), ("house", "unknown")]
    assert reasons == ["unknown"] * 3


async def test_an_entry_made_by_mistake_is_undone(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await sent(office, CHEAP)
    (item,) = await office.items(mailing)
    key = carriers[Channel.POST].calls[0]
    came = await enter(office, key, Reason.UNKNOWN)
    assert await returned.undo(office.house, office.organisation_id, came.entry.id, CLERK)
    await office.work()
    (after,) = await office.items(mailing)
    assert (after.state, after.delivery_id, carriers[Channel.EMAIL].calls) == (ItemState.MAILED, key, [])
    assert await blocked(office) == [] and (await health(office, item.contact_id))["post"] == "good"
    with pytest.raises(Conflict):
        await returned.undo(office.house, office.organisation_id, came.entry.id, CLERK)
    again = await enter(office, key, Reason.REFUSED)
    assert not again.already, "the next try counts"
    await office.work()
    assert not await returned.undo(office.house, office.organisation_id, again.entry.id, CLERK), "an e-mail went out meanwhile"
    (gone_on,) = await office.items(mailing)
    assert gone_on.delivery_id == carriers[Channel.EMAIL].calls[0] and gone_on.state is ItemState.HANDED_OVER


async def test_what_climbed_but_waits_is_called_back_by_undo(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await sent(office, CHEAP)
    key = carriers[Channel.POST].calls[0]
    (item,) = await office.items(mailing)
    came = await enter(office, key, Reason.UNKNOWN)
    for batch_id in await office.open_batches("climb"):
        await office.pipeline().work(batch_id)
    (climbed,) = await office.items(mailing)
    assert climbed.state is ItemState.QUEUED
    assert await returned.undo(office.house, office.organisation_id, came.entry.id, CLERK)
    await office.work()
    (after,) = await office.items(mailing)
    assert (after.delivery_id, after.rung, after.cost, carriers[Channel.EMAIL].calls) == (key, 0, item.cost, [])


async def test_what_never_left_or_is_not_ours_is_told_so(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await office.drafts(people_items(1), Options(channel=Channel.POST, send_at=office.clock.now() + timedelta(days=1)))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.work()
    (item,) = await office.items(mailing)
    with pytest.raises(Conflict, match="not posted"):
        await enter(office, item.delivery_id, Reason.UNKNOWN)
    with pytest.raises(NotFound):
        await enter(office, "0" * 26, Reason.UNKNOWN)
    await sent(office, Options(channel=Channel.EMAIL))
    with pytest.raises(NotFound):  # an e-mail does not lie on the table
        await enter(office, carriers[Channel.EMAIL].calls[0], Reason.UNKNOWN)


async def test_moved_with_a_new_address_that_a_person_accepts(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    (item,) = await office.items(await sent(office, CHEAP))
    new = {"name": "Mme Anne 1", "street": "rue du Port", "number": "5", "zip": "56100", "city": "LORIENT", "country": "FR"}
    told = Event(EventKind.RETURNED, office.clock.now(), key=carriers[Channel.POST].calls[0], text="Recipient has moved")
    event = Event(told.kind, told.at, told.key, code="", text=told.text, detail={"corrected_address": new})
    await apply_news(office.house, office.organisation_id, "my-post", [event])
    async with office.house.database.read() as connection:
        (offer,) = await entries.offers(connection, office.organisation_id, item.contact_id)
    assert offer.corrected and offer.corrected.lines == ("Mme Anne 1", "5 rue du Port", "56100 LORIENT")
    await returned.decide(office.house, office.organisation_id, offer.id, CLERK, accept=True)
    async with office.house.database.read() as connection:
        known = await points.of_contact(connection, office.organisation_id, item.contact_id)
        assert not await entries.offers(connection, office.organisation_id, item.contact_id)
    assert {(one.value, one.health) for one in known if one.channel is Channel.POST} == {
        ("Mme Anne 1, 1 rue des Lilas, 75011 PARIS", "dead"),
        ("Mme Anne 1, 5 rue du Port, 56100 LORIENT", "good"),
    }
    with pytest.raises(Conflict):
        await returned.decide(office.house, office.organisation_id, offer.id, CLERK, accept=False)


async def test_news_for_an_erased_contact_marks_nobody(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    await sent(office)
    async with office.house.database.write() as connection:
        await connection.execute(tables.items.update().values(contact_id=None))
        await connection.execute(tables.events.update().values(contact_id=None))
        await connection.execute(tables.contact_keys.delete())
        await connection.execute(tables.contact_points.delete())
    came = await enter(office, carriers[Channel.POST].calls[0], Reason.UNKNOWN)
    assert came.entry.contact_id is None
    assert await blocked(office) == [("post", "returned-unknown")], "the hash survives erasure"


async def test_trials_mark_nothing_real(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await office.drafts(people_items(1), PAPER, live=False)
    await steering.send(office.house, mailing, PAPER, OFFICE)
    await office.work()
    (item,) = await office.items(mailing)
    await enter(office, item.delivery_id, Reason.UNKNOWN)
    assert await blocked(office) == []
    assert (await health(office, item.contact_id))["post"] == "good"
