"""Handing over, climbing and stopping at the same moment: nobody waits in a circle, and what was stopped does not go."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.errors import Conflict
from postoffice.model.mailing import Mailing, Options
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind
from postoffice.store import batches, deliveries, handing, mailings
from postoffice.store import schema as tables
from tests.pipeline.at_once import BY_SMS, hold, meanwhile, sent
from tests.pipeline.house import Office, PlannedCarrier, people_items

pytestmark = pytest.mark.slow

LADDER = Options(channel=None, ladder="email-link 3d > sms-link 2d > post")


@pytest.fixture
def carriers(office: Office) -> dict[Channel, PlannedCarrier]:
    made = {channel: PlannedCarrier(f"my-{channel.value}", Abilities(channel, chunk=2)) for channel in Channel}
    office.carriers.mine.update(made)
    return made


async def _cancel(office: Office, item: Any) -> str:
    try:
        await steering.cancel_item(office.house, item, OFFICE)
    except Conflict as conflict:
        return conflict.code
    return "stopped"


async def test_a_letter_that_is_marked_while_it_is_stopped_is_too_late(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await sent(office, 1, rounds=1)
    (item,), (batch_id,), now = await office.items(mailing), await office.open_batches("dispatch"), office.clock.now()
    async with office.house.database.write() as connection:
        batch = await batches.claim(connection, batch_id, "worker", now, office.house.lease)
    assert batch is not None
    async with office.house.database.write() as connection:
        one = tables.deliveries.c.id == item.delivery_id
        await connection.execute(tables.deliveries.update().where(one).values(code=""))  # a worker marks deliveries, then items
        stopping = asyncio.create_task(_cancel(office, item))
        await asyncio.sleep(0.3)
        marked = await connection.run_sync(handing.mark, batch, 2, now, office.house.lease)
    assert marked is not None and len(marked.deliveries) == 1
    assert await stopping == "too-late"


async def test_a_letter_that_bounces_as_its_wait_ends_climbs_once(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    mailing = await sent(office, 1, LADDER)
    (climb,), (item,) = await office.open_batches("climb"), await office.items(mailing)
    office.clock.pass_by(days=3, minutes=1)
    told = {item.delivery_id: [Event(EventKind.BOUNCED, office.clock.now(), key=item.delivery_id, code="550")]}
    async with office.house.database.write() as connection:
        await hold(connection, item.id)  # news changes the item, then wakes whoever climbs
        climbing = asyncio.create_task(office.pipeline().work(climb))
        await asyncio.sleep(0.3)
        assert await deliveries.climb(connection, told, office.clock.now()) == 1
    await climbing
    await office.work()
    assert office.log.events("error") == []
    assert {channel.value: len(one.calls) for channel, one in carriers.items() if one.calls} == {"email": 1, "sms": 1}


async def test_what_is_held_in_the_middle_of_its_batch_goes_no_further(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    async def pause(_piece: Any) -> None:
        async with office.house.database.write() as connection:
            await connection.execute(tables.batches.update().values(held_at=office.clock.now()))

    carriers[Channel.SMS].say["*"] = [pause]
    mailing = await sent(office, 5)
    assert len(carriers[Channel.SMS].calls) == 2, "the chunk in hand"
    async with office.house.database.write() as connection:
        await connection.execute(tables.batches.update().values(held_at=None))
    await office.work()
    assert await office.states(mailing) == {"handed_over": 5}


async def test_the_same_letter_sent_twice_at_the_same_moment_goes_once(office: Office, carriers: dict[Channel, PlannedCarrier]) -> None:
    await sent(office, 3)  # their contacts are known: whoever makes them anew waits for them
    new = [replace(one, digest=str(one.first_page).rjust(64, "0")) for one in people_items(3)]
    both: list[Mailing] = [await office.drafts(new, BY_SMS), await office.drafts(new, BY_SMS)]
    for mailing in both:
        await steering.send(office.house, mailing, BY_SMS, OFFICE)
    works = [
        office.pipeline(f"worker {number}").work(batch_id) for number, batch_id in enumerate(sorted(await office.open_batches("plan")))
    ]
    async with meanwhile(office, *works, waits=False) as connection:
        await mailings.locked(connection, both[0].id)  # the first one waits where it has looked for the others
    await office.work()
    assert [await office.states(mailing) for mailing in both] == [{"handed_over": 3}, {"held": 3}]


async def test_a_mailing_that_is_stopped_while_some_of_it_is_marked_stops(
    office: Office, carriers: dict[Channel, PlannedCarrier]
) -> None:
    carriers[Channel.SMS] = office.carriers.mine[Channel.SMS] = PlannedCarrier("my-sms", Abilities(Channel.SMS, chunk=50))
    await _among_thousands(office)
    mailing = await sent(office, 3, rounds=1)
    (dispatch,) = await office.open_batches("dispatch")
    table = tables.deliveries
    async with office.house.database.write() as connection:
        first, _second, third = sorted(await connection.scalars(sa.select(table.c.id).where(table.c.batch_id == dispatch)))
        for state in ("sending", "queued"):  # it was put back: PostgreSQL keeps it behind the others
            await connection.execute(table.update().where(table.c.id == first).values(state=state))
    works = (steering.cancel(office.house, mailing, OFFICE), office.pipeline().work(dispatch))
    async with meanwhile(office, *works) as connection:
        await connection.execute(table.update().where(table.c.id == third).values(code=""))
    assert office.log.events("error") == []
    assert await office.states(mailing) == {"cancelled": 3}


async def _among_thousands(office: Office) -> None:
    """PostgreSQL finds deliveries by their id only where there are many."""
    if office.house.database.is_sqlite:
        return
    await sent(office, 1)
    names = ", ".join(f'"{column.name}"' for column in tables.deliveries.c if column.name != "id")
    copies = f"INSERT INTO deliveries (id, {names}) SELECT n::text, {names} FROM deliveries, generate_series(1, 20000) n"
    async with office.house.database.write() as connection:
        await connection.execute(sa.text(copies))
    async with office.house.database.write() as connection:
        await connection.execute(sa.text("ANALYZE deliveries"))
