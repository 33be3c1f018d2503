"""No more of this, by every means: the ledger, the list and the queue follow, and exactly what was meant stops."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postoffice.actions import optouts, steering
from postoffice.actions.actor import OFFICE, Actor
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import ALL, Entry, Means
from postoffice.model.delivery import Event
from postoffice.model.item import NewItem
from postoffice.model.mailing import Ground, Mailing, Options
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind, ItemState
from postoffice.pipeline.news import apply_news
from postoffice.privacy import ledger
from postoffice.store import consents, events, suppressions
from tests.pipeline.house import Office, PlannedCarrier, people_items

OFFERS = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
CLERK = Actor("user:clerk", None)


@pytest.fixture
def carriers(office: Office) -> dict[Channel, PlannedCarrier]:
    made = {channel: PlannedCarrier(f"my-{channel.value}", Abilities(channel)) for channel in Channel}
    office.carriers.mine.update(made)
    return made


def people(count: int) -> list[NewItem]:
    """Items of different people, each with numbers of their own; the first is that of `people_items(1)`."""
    return [replace(one, mobile=f"+3363998000{number}", fax=f"+3319900000{number}") for number, one in enumerate(people_items(count))]


async def queued(office: Office, options: Options, count: int = 2) -> Mailing:
    """A mailing after the button whose deliveries wait for their hour."""
    later = Options.from_dict({**options.as_dict(), "send_at": (office.clock.now() + timedelta(hours=1)).isoformat()})
    mailing = await office.drafts(people(count), later)
    await steering.send(office.house, mailing, later, OFFICE)
    await office.work()
    assert await office.states(mailing) == {"queued": count}
    return mailing


async def said(office: Office, contact_id: str) -> list[Entry]:
    async with office.house.database.read() as connection:
        return (await consents.of_contacts(connection, office.organisation_id, [contact_id])).get(contact_id, [])


async def listed(office: Office) -> list[tuple[str, str | None, str]]:
    async with office.house.database.read() as connection:
        some = await suppressions.page(connection, office.organisation_id, suppressions.Filter(), office.clock.now(), limit=500)
    return sorted((one.channel, one.purpose or ALL, one.reason) for one in some)


async def test_a_word_between_button_and_hand_over_stops_exactly_that_item(
    office: Office, carriers: dict[Channel, PlannedCarrier]
) -> None:
    mailing = await queued(office, OFFERS, 3)
    anne, zoe, _ = await office.items(mailing)
    call = await optouts.opt_out(
        office.house, office.organisation_id, anne.contact_id, CLERK, means=Means.PHONE, purposes=(Purpose.PROMOTION,)
    )
    assert call == 1
    assert await office.states(mailing) == {"queued": 2, "failed": 1}, "it ends at once, not at its hour"
    async with office.house.database.write() as connection:  # as a program of the organisation's own writes it: into the ledger alone
        entry = Entry("promotion", "email", False, office.clock.now(), Means.API)
        await consents.add(connection, office.organisation_id, [(zoe.contact_id, entry)])
    office.clock.pass_by(hours=2)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 1, "failed": 2}
    assert len(carriers[Channel.EMAIL].calls) == 1
    async with office.house.database.read() as connection:
        for item in (anne, zoe):
            line = [one for one in await events.of_item(connection, item.id) if one.kind is EventKind.REFUSED][-1]
            assert (line.source, line.code) == ("office", "opted-out")


async def test_partial_is_partial_and_full_is_full(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    offers, bills = await queued(office, OFFERS, 1), await queued(office, Options(channel=Channel.POST, purpose=Purpose.INVOICE), 1)
    (item,) = await office.items(offers)
    for _ in range(2):  # twice is once
        await optouts.opt_out(
            office.house,
            office.organisation_id,
            item.contact_id,
            CLERK,
            means=Means.PORTAL,
            purposes=(Purpose.PROMOTION,),
            channel=Channel.EMAIL,
            proof={"text": "sha256:1", "version": 3},
        )
    (entry,) = await said(office, item.contact_id)
    assert (entry.purpose, entry.channel, entry.given, entry.means, entry.proof["version"]) == (
        "promotion",
        "email",
        False,
        Means.PORTAL,
        3,
    )
    assert await listed(office) == [("email", "promotion", "opt-out")]
    assert (await office.states(offers), await office.states(bills)) == ({"failed": 1}, {"queued": 1})
    assert await optouts.opt_out(office.house, office.organisation_id, item.contact_id, CLERK, means=Means.LETTER) == 1
    assert await office.states(bills) == {"failed": 1}
    entries = await said(office, item.contact_id)
    assert all(ledger.standing(entries, purpose, channel) is False for purpose in Purpose for channel in Channel)
    assert [one[0] for one in await listed(office)].count("post") == 1


@pytest.mark.parametrize(
    ("channel", "kind", "means"),
    [
        (Channel.SMS, EventKind.OPTED_OUT, Means.SMS),
        (Channel.EMAIL, EventKind.OPTED_OUT, Means.EMAIL),
        (Channel.FAX, EventKind.OPTED_OUT, Means.FAX),
        (Channel.EMAIL, EventKind.COMPLAINED, Means.COMPLAINT),
    ],
)
async def test_what_carriers_tell_reaches_ledger_list_and_queue(
    office: Office, carriers: dict[Channel, PlannedCarrier], channel: Channel, kind: EventKind, means: Means
) -> None:
    options = Options(channel=channel, purpose=Purpose.INVOICE)
    first = await office.drafts(people_items(1), options)
    await steering.send(office.house, first, options, OFFICE)
    await office.work()
    waiting = await queued(office, options, 2)
    told = [Event(kind, office.clock.now(), key=carriers[channel].calls[0], detail={"from": "+33639980000"})]
    for _ in range(2):
        await apply_news(office.house, office.organisation_id, f"my-{channel.value}", told)
    (item,) = await office.items(first)
    entries = await said(office, item.contact_id)
    assert [(one.purpose, one.channel, one.means) for one in entries] == [
        ("invoice", channel.value, means),
        ("promotion", channel.value, means),
    ]
    assert {one[:2] for one in await listed(office)} == {(channel.value, "invoice"), (channel.value, "promotion")}
    mine, other = await office.items(waiting)
    assert mine.contact_id == item.contact_id and mine.state is ItemState.FAILED
    assert other.state is ItemState.QUEUED, "exactly that item"


async def test_a_full_mailbox_is_left_alone_for_thirty_days(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    options = Options(channel=Channel.EMAIL)
    mailing = await office.drafts(people_items(1), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    told = Event(
        EventKind.BOUNCED, office.clock.now(), key=carriers[Channel.EMAIL].calls[0], code="5.2.2", detail={"reason": "mailboxfull"}
    )
    await apply_news(office.house, office.organisation_id, "my-email", [told])
    for days, state in ((0, ItemState.HELD), (31, ItemState.HANDED_OVER)):
        office.clock.pass_by(days=days)
        again = await office.drafts(people_items(1), options)
        await steering.send(office.house, again, options, OFFICE)
        await office.work()
        assert [one.state for one in await office.items(again)] == [state]


async def test_trials_write_nothing_real(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await office.drafts(people_items(1), OFFERS, live=False)
    await steering.send(office.house, mailing, OFFERS, OFFICE)
    await office.work()
    told = [Event(EventKind.OPTED_OUT, office.clock.now(), key=(await office.items(mailing))[0].delivery_id)]
    await apply_news(office.house, office.organisation_id, "my-email", told)
    (item,) = await office.items(mailing)
    assert await listed(office) == [] and await said(office, item.contact_id) == []
