"""How fast, and for how long: a carrier's rate, a carrier that says when it takes nothing, and the end of patience."""

from datetime import timedelta

import pytest

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import InDoubt, TryLater
from postoffice.model.mailing import Ground, Options, Postage
from postoffice.model.ports import Abilities
from tests.pipeline.house import Office, PlannedCarrier, people_items

EMAIL = Options(channel=Channel.EMAIL)


class Resting(PlannedCarrier):
    """A Paced carrier that rests for as long as it is told."""

    rest = 0.0

    def wait(self) -> float:
        return self.rest


async def test_a_carriers_rate_is_kept_over_all_batches(office: Office) -> None:
    carrier = PlannedCarrier("planned", Abilities(Channel.EMAIL, keeps_keys=True, batch=8, chunk=10, per_second=4))
    office.carriers.mine[Channel.EMAIL] = carrier
    mailing = await office.drafts(people_items(20), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    went = []
    for _ in range(8):
        before = len(carrier.calls)
        await office.work()
        went.append(len(carrier.calls) - before)
        office.clock.pass_by(seconds=1)
    assert went[:5] == [4, 4, 4, 4, 4] and sum(went) == 20
    assert await office.states(mailing) == {"handed_over": 20}
    assert set(carrier.taken.values()) == {1}


async def test_nothing_is_tried_in_vain_at_a_carrier_that_says_when_it_takes_nothing(office: Office) -> None:
    carrier = Resting("planned", Abilities(Channel.EMAIL, batch=100, chunk=5))
    carrier.rest = 3600.0
    office.carriers.mine[Channel.EMAIL] = carrier
    mailing = await office.drafts(people_items(7), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.follow(3, minutes=16)
    assert await office.states(mailing) == {"queued": 7} and not carrier.calls
    carrier.rest = 0.0
    await office.follow(2, minutes=16)
    assert await office.states(mailing) == {"handed_over": 7}


@pytest.mark.slow
async def test_the_end_of_patience_has_the_last_reason(office: Office) -> None:
    carrier = PlannedCarrier("planned", Abilities(Channel.EMAIL))
    carrier.say["*"] = [TryLater(f"The relay asks to come back later: {number}", code="4.7.1") for number in range(500)]
    office.carriers.mine[Channel.EMAIL] = carrier
    for options, days in ((EMAIL, 5), (Options(channel=Channel.EMAIL, postage=Postage.PRIORITY), 1)):
        mailing = await office.drafts(people_items(1), options)
        await steering.send(office.house, mailing, options, OFFICE)
        await office.follow(days * 12 - 1, hours=2)
        assert await office.states(mailing) == {"queued": 1}
        await office.follow(3, hours=2)
        assert await office.states(mailing) == {"failed": 1}
        last = len(carrier.calls) - 1
        assert f"later: {last}" in await office.last_error(mailing)


async def test_what_waited_for_its_hour_has_all_its_patience_from_then_on(office: Office) -> None:
    carrier = PlannedCarrier("planned", Abilities(Channel.EMAIL))
    carrier.say["*"] = [TryLater("Later")]
    office.carriers.mine[Channel.EMAIL] = carrier
    options = Options(channel=Channel.EMAIL, send_at=office.clock.now() + timedelta(days=30))
    mailing = await office.drafts(people_items(1), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.follow(1, days=30, seconds=1)
    await office.follow(2, minutes=1)
    assert await office.states(mailing) == {"handed_over": 1}


async def test_a_retry_never_repeats_a_promotion_that_is_in_doubt(office: Office) -> None:
    carrier = PlannedCarrier("planned", Abilities(Channel.EMAIL))
    carrier.say["anne1@example.fr"] = [TryLater("Greylisted"), TryLater("Greylisted"), InDoubt("The line broke after the last byte")]
    carrier.say["anne2@example.fr"] = [TryLater("Greylisted")]
    office.carriers.mine[Channel.EMAIL] = carrier
    options = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
    mailing = await office.drafts(people_items(2), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.follow(12, minutes=30)
    assert len(carrier.calls) == 3 + 2
    assert await office.states(mailing) == {"in_doubt": 1, "handed_over": 1}
