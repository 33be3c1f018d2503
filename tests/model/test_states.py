"""The one transition table: commands only from where it says, news in any order to the same end, a look and words for every state."""

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postoffice.model import states
from postoffice.model.errors import Conflict
from postoffice.model.states import (
    DELIVERY_COMMANDS,
    DELIVERY_RANK,
    ITEM_COMMANDS,
    ITEM_LOOK,
    MAILING_COMMANDS,
    MAILING_LOOK,
    NEWS,
    DeliveryState,
    EventKind,
    ItemState,
    MailingState,
)
from postoffice.words import terms

kinds = st.sampled_from(EventKind)


@given(st.sampled_from(DeliveryState), st.lists(kinds, max_size=8), st.randoms(use_true_random=False))
def test_any_order_of_the_same_news_ends_in_the_same_state(start: DeliveryState, told: list[EventKind], chance: Any) -> None:
    def end(order: list[EventKind]) -> DeliveryState:
        state = start
        for kind in order:
            state = states.after_news(state, kind)
        return state

    shuffled = [*told, *told]  # told twice besides
    chance.shuffle(shuffled)
    assert end(told) is end(shuffled)


@given(st.sampled_from(DeliveryState), kinds)
def test_news_never_goes_back_and_never_raises(state: DeliveryState, kind: EventKind) -> None:
    after = states.after_news(state, kind)
    assert DELIVERY_RANK[after] >= DELIVERY_RANK[state]
    assert states.after_news(after, kind) is after
    assert after is state or NEWS[kind] is after


def test_ranks_are_distinct_and_complete() -> None:
    assert set(DELIVERY_RANK) == set(DeliveryState)
    assert len(set(DELIVERY_RANK.values())) == len(DELIVERY_RANK)


@given(st.sampled_from(MailingState), st.sampled_from(sorted(MAILING_COMMANDS)))
def test_mailing_commands_are_closed(state: MailingState, word: str) -> None:
    sources, target = MAILING_COMMANDS[word]
    if state in sources:
        assert states.command_mailing(state, word) is target
    else:
        with pytest.raises(Conflict) as caught:
            states.command_mailing(state, word)
        assert caught.value.help and state.value in caught.value.message


@given(st.sampled_from(ItemState), st.sampled_from(sorted(ITEM_COMMANDS)))
def test_item_commands_are_closed(state: ItemState, word: str) -> None:
    sources, target = ITEM_COMMANDS[word]
    if state in sources:
        assert states.command_item(state, word) is target
    else:
        with pytest.raises(Conflict):
            states.command_item(state, word)


@pytest.mark.parametrize("table", [MAILING_COMMANDS, ITEM_COMMANDS, DELIVERY_COMMANDS], ids=["mailing", "item", "delivery"])
def test_every_command_leads_somewhere(table: dict[str, tuple[frozenset[StrEnum], StrEnum]]) -> None:
    for word, (sources, target) in table.items():
        assert sources, word
        assert {type(state) for state in sources} == {type(target)}


def test_every_mailing_state_can_be_reached_and_left_or_is_final() -> None:
    reached = {target for _, target in MAILING_COMMANDS.values()} | {MailingState.RECEIVING}
    assert reached == set(MailingState)
    left = {source for sources, target in MAILING_COMMANDS.values() for source in sources if source is not target}
    assert {state for state in MailingState if not MAILING_LOOK[state].final} <= left


def test_what_was_called_is_never_called_again_without_being_put_back() -> None:
    """`mark` is the only way to the carrier, and only what is queued can be marked."""
    sources, target = DELIVERY_COMMANDS["mark"]
    assert sources == {DeliveryState.QUEUED} and target is DeliveryState.SENDING
    back = {source for sources, target in DELIVERY_COMMANDS.values() if target is DeliveryState.QUEUED for source in sources}
    assert back == {DeliveryState.SENDING, DeliveryState.IN_DOUBT}


def test_every_state_has_a_look() -> None:
    assert set(MAILING_LOOK) == set(MailingState) and set(ITEM_LOOK) == set(ItemState)


@pytest.mark.parametrize("kind", [MailingState, ItemState, EventKind], ids=lambda kind: kind.__name__)
def test_every_state_has_words(kind: type[StrEnum]) -> None:
    table = {MailingState: terms._MAILING, ItemState: terms._ITEM, EventKind: terms._EVENT}[kind]
    assert {one.value for one in kind} <= set(table)


def test_every_delivery_state_is_one_of_an_item() -> None:
    for state in DeliveryState:
        assert states.item_state_of(state).value == state.value
