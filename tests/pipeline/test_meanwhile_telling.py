"""A listener is removed while there is something to tell it: neither the letters nor whoever removes it fail for that."""

import pytest

from postoffice.model.channel import Channel
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind
from postoffice.store import events, hooks
from tests.pipeline.at_once import meanwhile, sent
from tests.pipeline.house import Office, PlannedCarrier

pytestmark = pytest.mark.slow


async def _listener(office: Office) -> str:
    async with office.house.database.write() as connection:
        endpoint_id, _secret = await hooks.add(
            connection,
            office.house.keyring,
            organisation_id=office.organisation_id,
            url="https://example.fr/hear",
            label="",
            kinds=(),
            live=True,
            now=office.clock.now(),
        )
    return endpoint_id


async def test_what_was_handed_over_is_recorded(office: Office) -> None:
    carrier = office.carriers.mine[Channel.SMS] = PlannedCarrier("my-sms", Abilities(Channel.SMS))
    mailing = await sent(office, 2, rounds=1)
    listener = await _listener(office)
    async with meanwhile(office, office.work()) as connection:
        await hooks.remove(connection, listener)
    await office.work()
    assert office.log.events("error") == []
    assert await office.states(mailing) == {"handed_over": 2}
    assert len(carrier.calls) == 2


async def test_it_is_removed_with_what_was_being_written_for_it(office: Office) -> None:
    listener, now = await _listener(office), office.clock.now()

    async def remove() -> None:
        async with office.house.database.write() as connection:
            await hooks.remove(connection, listener)

    async with meanwhile(office, remove()) as connection:
        await events.add(connection, [events.NewEvent(office.organisation_id, EventKind.DELIVERED, "my-sms", now)], now)
    async with office.house.database.read() as connection:
        assert await hooks.all_of(connection, office.organisation_id) == []
