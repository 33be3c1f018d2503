"""Late, double and out-of-order news is harmless: on the table alone, and through the database."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.ports import Abilities
from postoffice.model.states import DELIVERY_RANK, NEWS, DeliveryState, EventKind, after_news
from postoffice.pipeline.news import apply_news
from postoffice.store import events
from tests.pipeline.house import Office, PlannedCarrier, people_items

KINDS = st.lists(st.sampled_from(list(EventKind)), max_size=12)


def end(start: DeliveryState, kinds: list[EventKind]) -> DeliveryState:
    state = start
    for kind in kinds:
        reached = after_news(state, kind)
        assert DELIVERY_RANK[reached] >= DELIVERY_RANK[state], "never back"
        state = reached
    return state


@given(st.sampled_from(list(DeliveryState)), KINDS, st.randoms())
def test_any_order_and_any_repetition_ends_in_the_same_state(
    start: DeliveryState, kinds: list[EventKind], chance: random.Random
) -> None:
    wanted = end(start, kinds)
    shuffled = kinds * 2
    chance.shuffle(shuffled)
    assert end(start, shuffled) == wanted
    ranks = [DELIVERY_RANK[NEWS[kind]] for kind in kinds if kind in NEWS]
    assert DELIVERY_RANK[wanted] == max([DELIVERY_RANK[start], *ranks])


@pytest.mark.slow
async def test_the_same_through_the_database(office: Office) -> None:
    """Forty letters with random news, cut into random pieces, told up to three times in random order, by key or by reference."""
    chance = random.Random(20261123)
    office.carriers.mine[Channel.POST] = PlannedCarrier("mine", Abilities(Channel.POST, keeps_keys=True))
    mailing = await office.drafts(people_items(40))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.work()
    some = await office.items(mailing)
    wanted: dict[str, DeliveryState] = {}
    told: list[Event] = []
    kinds: dict[str, set[EventKind]] = {}
    for item in some:
        mine = chance.choices(list(NEWS) + [EventKind.OPENED, EventKind.UNKNOWN, EventKind.REPLIED], k=chance.randrange(6))
        wanted[item.id] = end(DeliveryState.HANDED_OVER, mine)
        kinds[item.id] = set(mine)
        for kind in set(mine):
            event = Event(kind, office.clock.now(), item.delivery_id, f"ref-{item.delivery_id}")
            told += [event] * chance.randrange(1, 4)
    chance.shuffle(told)
    while told:
        part, told = told[:7], told[7:]
        await apply_news(office.house, office.organisation_id, "mine", part)
    assert {item.id: item.state.value for item in await office.items(mailing)} == {key: state.value for key, state in wanted.items()}
    async with office.house.database.read() as connection:
        for item in some:
            heard = [line.kind for line in await events.of_item(connection, item.id) if line.source == "mine"]
            ours = [EventKind.HANDED_OVER]  # what dispatch itself wrote
            assert sorted(heard) == sorted([*ours, *kinds[item.id]])
