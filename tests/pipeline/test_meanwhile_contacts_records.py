"""What is written about a contact while somebody erases, changes or uses it: returned letters, purchases, letters' contacts."""

from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import click_tracking, returned, steering
from postoffice.actions import purchases as buying
from postoffice.actions.actor import OFFICE, Actor
from postoffice.campaigns.segment_purchases import Bought
from postoffice.compose.merge.content import Content, Parts
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.clicks import CONSENT, ClickMode
from postoffice.model.consent import Entry, Means
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Ground, Options
from postoffice.model.ports import Abilities
from postoffice.model.returned import Reason, Way
from postoffice.pipeline import matching
from postoffice.store import clicks, consents, contact_book, contacts, erasing, points, schema
from postoffice.store import returned as entries
from postoffice.tracking.clicks import Recent
from tests.pipeline.at_once import AT_ONCE, waits
from tests.pipeline.campaigning import crowd
from tests.pipeline.house import Office, PlannedCarrier, people_items
from tests.pipeline.returning import posted

pytestmark = pytest.mark.slow
CLERK = Actor("user:clerk", None)


async def _posted(office: Office) -> tuple[str, Any]:
    """A letter that was posted: its delivery and its item."""
    carrier = office.carriers.mine[Channel.POST] = PlannedCarrier("house", Abilities(Channel.POST))
    options = Options(channel=Channel.POST)
    mailing = await office.drafts(people_items(1), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    (item,) = await office.items(mailing)
    return carrier.calls[0], item


async def _erase(office: Office, connection: Any, contact_id: str) -> None:
    """As somebody erases a person; the caller's transaction is open until its end."""
    await contact_book.hold(connection, office.organisation_id, [contact_id])
    await erasing.erase(connection, office.organisation_id, [contact_id], office.clock.now())


async def _points(office: Office, contact_id: str) -> list[Any]:
    table = schema.contact_points
    async with office.house.database.read() as connection:
        return list(await connection.scalars(sa.select(table.c.value).where(table.c.contact_id == contact_id)))


@AT_ONCE
async def test_a_letter_that_two_note_at_once_came_back_once(office: Office) -> None:
    delivery_id, item = await _posted(office)

    async def enter(actor: str) -> returned.Came:
        return await returned.enter(office.house, office.organisation_id, delivery_id, Reason.UNKNOWN, Actor(actor), Way.CODE)

    async with office.house.database.write() as connection:
        query = schema.deliveries.select().where(schema.deliveries.c.id == delivery_id)
        await connection.execute(query.with_for_update())
        both = [await waits(office, enter(one)) for one in ("user:a", "user:b")]
    came = [await one for one in both]
    assert sorted(one.already for one in came) == [False, True] and came[0].entry.id == came[1].entry.id


@AT_ONCE
async def test_a_new_address_that_is_taken_over_while_its_person_is_erased_is_forgotten(office: Office) -> None:
    delivery_id, item = await _posted(office)
    came = await returned.enter(office.house, office.organisation_id, delivery_id, Reason.UNKNOWN, CLERK, Way.CODE)
    new = PostalAddress(("Anne", "3 place Bellecour", "69002 LYON"), "69002", "LYON", "FR")
    async with office.house.database.write() as connection:
        values = {"corrected": new.as_dict()}
        await connection.execute(schema.returned.update().where(schema.returned.c.id == came.entry.id).values(**values))
    async with office.house.database.write() as connection:
        await _erase(office, connection, item.contact_id)
        deciding = await waits(
            office, _settled(returned.decide(office.house, office.organisation_id, came.entry.id, CLERK, accept=True))
        )
    await deciding
    assert await _points(office, item.contact_id) == []


@AT_ONCE
async def test_a_letter_that_comes_back_while_its_person_is_erased_names_nobody(office: Office) -> None:
    delivery_id, item = await _posted(office)
    async with office.house.database.write() as connection:
        await _erase(office, connection, item.contact_id)
        entering = await waits(
            office, returned.enter(office.house, office.organisation_id, delivery_id, Reason.UNKNOWN, CLERK, Way.CODE)
        )
    came = await entering
    async with office.house.database.read() as connection:
        assert (await entries.get(connection, office.organisation_id, came.entry.id)).contact_id is None


@AT_ONCE
async def test_what_a_second_letter_told_stays_when_the_first_ones_return_is_taken_back(office: Office) -> None:
    first, item = await _posted(office)
    came = await returned.enter(office.house, office.organisation_id, first, Reason.UNCLAIMED, CLERK, Way.CODE)
    async with office.house.database.write() as connection:
        await contact_book.hold(connection, office.organisation_id, [item.contact_id])
        await points.mark(
            connection,
            office.organisation_id,
            item.contact_id,
            lambda one: one.channel is Channel.POST,
            points.DEAD,
            "returned-unknown",
            office.clock.now(),
        )
        undoing = await waits(office, returned.undo(office.house, office.organisation_id, came.entry.id, CLERK))
    assert await undoing
    async with office.house.database.read() as connection:
        known = await points.of_contact(connection, office.organisation_id, item.contact_id)
    assert [one.health for one in known if one.channel is Channel.POST] == [points.DEAD]


@AT_ONCE
async def test_purchases_that_are_told_while_their_customer_is_erased_are_not_written(office: Office) -> None:
    (anne,) = await crowd(office, 1)
    bought = Bought("order-1", office.clock.now(), 1_000, "EUR", contact_id=anne)
    outcome = buying.Outcome()
    async with office.house.database.write() as connection:
        await _erase(office, connection, anne)
        telling = await waits(office, buying.tell(office.house, office.organisation_id, [(1, bought)], OFFICE, outcome))
    await telling
    async with office.house.database.read() as connection:
        assert list(await connection.scalars(sa.select(schema.purchases.c.id))) == []
    assert (outcome.written, dict(outcome.reasons)) == (0, {"unknown-customer": 1})


@AT_ONCE
async def test_a_letter_whose_person_is_erased_while_it_finds_its_contact_gets_none(office: Office) -> None:
    (anne,) = await crowd(office, 1)
    mailing = await office.drafts(people_items(1, email="anne0@example.fr", mobile="", fax=""))
    some = await office.items(mailing)

    async def match() -> None:
        async with office.house.database.write() as connection:
            await matching.place(office.house, connection, office.organisation_id, some, office.clock.now())

    async with office.house.database.write() as connection:
        await _erase(office, connection, anne)
        placing = await waits(office, match())
    await placing
    (item,) = await office.items(mailing)
    assert (item.contact_id, item.mobile, item.match) == (None, "", {"by": "", "score": 0.0, "filled": []})


@AT_ONCE
async def test_an_address_that_is_told_while_its_person_is_erased_is_another_persons(office: Office) -> None:
    wanted = {"key": {"name": "Anne", "points": [("email", "anne@example.fr", None)], "keys": ()}}

    async def find() -> contacts.Found:
        async with office.house.database.write() as connection:
            return await contacts.find_or_add(connection, office.organisation_id, wanted, office.clock.now())

    anne = (await find())["key"]
    async with office.house.database.write() as connection:
        await _erase(office, connection, anne)
        finding = await waits(office, find())
    found = await finding
    assert await _points(office, anne) == []
    assert found["key"] != anne and await _points(office, found["key"]) == ["anne@example.fr"]


@AT_ONCE
async def test_a_click_that_comes_while_its_person_is_erased_bears_no_name(office: Office) -> None:
    item = await posted(office, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
    now, content = office.clock.now(), Content({"fr": Parts(subject="S", html='<a href="https://shop.example/a">A</a>')})
    async with office.house.database.write() as connection:
        said = Entry("promotion", CONSENT, True, now, Means.PORTAL)
        await consents.add(connection, office.organisation_id, [(item.contact_id, said)])
        tracking = await click_tracking.begin(
            connection, office.house, office.organisation_id, item.mailing_id, content, ClickMode.MIXED
        )
    counted = tracking.of(item.delivery_id, agreed=True)
    assert counted is not None
    address = counted.address(1, tracking.fixed[1]).rpartition("/")[2]
    asked = click_tracking.Asked("GET", {"user-agent": "Mozilla/5.0 Firefox/128.0"}, "192.0.2.1")
    office.clock.pass_by(minutes=1)
    async with office.house.database.write() as connection:
        await _erase(office, connection, item.contact_id)
        clicking = await waits(office, click_tracking.follow(office.house, Recent(), address, "", asked))
    assert await clicking == "https://shop.example/a"
    async with office.house.database.read() as connection:
        assert await clicks.people(connection, item.mailing_id) == []
        assert (await connection.execute(schema.click_hits.select())).all() == []
        (one,) = await clicks.by_link(connection, item.mailing_id)
    assert (one.people, one.somebody) == (0, 1)


async def _settled(work: Any) -> Any:
    try:
        return await work
    except PostOfficeError as error:
        return error
