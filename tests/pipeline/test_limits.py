"""Spending limits: reserved at the button, turned into cost by planning, looked at before a climb; never passed, not even together."""

import asyncio
from typing import Any

import pytest

from postoffice.actions import pricing, steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, Refused
from postoffice.model.mailing import Mailing, Options
from postoffice.model.ports import Abilities
from postoffice.store import budgets
from tests.pipeline.house import Office, PlannedCarrier, people_items


async def _limit(office: Office, amount: int | None, scope: str = "organisation", subject: str = "") -> None:
    async with office.house.database.write() as connection:
        await budgets.set_limit(connection, office.organisation_id, scope, subject, amount, office.clock.now())


async def _spent(office: Office) -> dict[str, int]:
    async with office.house.database.read() as connection:
        found = await budgets.state(connection, office.organisation_id, office.clock.now())
    return {one.subject or one.scope: one.spent for one in found}


async def _price(office: Office, mailing: Mailing) -> int:
    return (await pricing.quote(office.house, mailing, mailing.options)).total


async def _send(office: Office, mailing: Mailing) -> None:
    await steering.send(office.house, mailing, mailing.options, OFFICE)


async def test_two_presses_at_once_cannot_both_pass(office: Office) -> None:
    mailings = [await office.drafts(people_items(5)) for _ in range(6)]
    one = await _price(office, mailings[0])
    await _limit(office, 2 * one + one // 2)
    pressed = await asyncio.gather(*(_send(office, mailing) for mailing in mailings), return_exceptions=True)
    refused = [told for told in pressed if told is not None]
    assert len(refused) == 4 and all(isinstance(told, Conflict) and told.code == "over-limit-organisation" for told in refused)
    assert (await _spent(office))["organisation"] == 2 * one
    await office.work()
    assert (await _spent(office))["organisation"] == 2 * one, "planned at the price that was quoted"
    states = [(await office.mailing(mailing)).state.value for mailing in mailings]
    assert states.count("waiting") == 4


async def test_the_refusal_says_what_is_left(office: Office) -> None:
    mailing = await office.drafts(people_items(3), Options(cost_centre="Ventes"))
    await _limit(office, 1_500_000, "cost-centre", "Ventes")
    with pytest.raises(Conflict) as refused:
        await _send(office, mailing)
    assert refused.value.code == "over-limit-cost-centre"
    assert refused.value.facts["left"] == "1.50 EUR" == refused.value.facts["limit"]
    assert set((await _spent(office)).values()) == {0}, "nothing was reserved, anywhere"
    other = await office.drafts(people_items(3), Options(cost_centre="Achats"))
    await _send(office, other)
    await _limit(office, None, "cost-centre", "Ventes")
    await _send(office, await office.mailing(mailing))


async def test_what_is_stopped_or_not_needed_is_given_back(office: Office) -> None:
    mailing = await office.drafts(people_items(4))
    price = await _price(office, mailing)
    await _send(office, mailing)
    assert (await _spent(office))["organisation"] == price
    await steering.cancel(office.house, await office.mailing(mailing), OFFICE)  # before it was planned
    await office.work()
    assert (await _spent(office))["organisation"] == 0

    later = await office.drafts(people_items(4), Options(send_at=office.clock.now().replace(year=2030)))
    later_price = await _price(office, later)
    await _send(office, later)
    await office.work()
    first, *_ = await office.items(later)
    await steering.cancel_item(office.house, first, OFFICE)
    assert (await _spent(office))["organisation"] == later_price * 3 // 4
    await steering.cancel(office.house, await office.mailing(later), OFFICE)
    assert (await _spent(office))["organisation"] == 0 == sum(item.cost for item in await office.items(later))


async def test_trials_cost_nothing(office: Office) -> None:
    await _limit(office, 1)
    mailing = await office.drafts(people_items(2), live=False)
    await _send(office, mailing)
    await office.work()
    assert "held" not in await office.states(mailing) and (await _spent(office))["organisation"] == 0


async def test_a_climb_does_not_pass_the_limit(office: Office) -> None:
    made: dict[Channel, Any] = {channel: PlannedCarrier(f"my-{channel.value}", Abilities(channel)) for channel in Channel}
    office.carriers.mine.update(made)
    made[Channel.EMAIL].say["*"] = [Refused("No such mailbox.", code="550") for _ in range(2)]
    options = Options(channel=None, ladder="email-link 3d > post")
    mailing = await office.drafts(people_items(2), options)
    quote = await pricing.quote(office.house, mailing, options)
    assert quote.later > quote.total, "paper is dearer than e-mail, and told before"
    await _limit(office, quote.total + quote.later // 2)  # room for one of the two letters
    await _send(office, mailing)
    await office.work()
    assert len(made[Channel.POST].calls) == 1
    assert (await _spent(office))["organisation"] == quote.total + quote.later // 2
    states = sorted((await office.states(mailing)).items())
    assert states == [("failed", 1), ("handed_over", 1)]
    assert await office.open_batches("climb") == [], "nobody waits for a limit that nobody raises"


async def test_what_was_dearer_than_quoted_is_held(office: Office) -> None:
    """Letters that were released after the button have nothing reserved: they take of what is left, and no more."""
    mailing = await office.drafts(people_items(3))
    price = await _price(office, mailing)
    _, second, third = await office.items(mailing)
    await steering.exclude(office.house, mailing, [second.id, third.id], OFFICE)
    await _send(office, mailing)
    await office.work()
    await _limit(office, price * 2 // 3)
    await steering.exclude(office.house, mailing, [second.id, third.id], OFFICE, include=True)
    await steering.send_more(office.house, await office.mailing(mailing), OFFICE)
    await office.work()
    held = [item.held_reason for item in await office.items(mailing) if item.state.value == "held"]
    assert held == ["over-limit"] and (await _spent(office))["organisation"] == price * 2 // 3
