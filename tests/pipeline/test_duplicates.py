"""The same letter to the same recipient is held for a decision, where it was read and again where it is planned."""

from dataclasses import replace
from typing import Any

import pytest

from postoffice.actions import duplicates, pricing, steering
from postoffice.actions.actor import OFFICE
from postoffice.compose.trial import trial_merge
from postoffice.model.mailing import Mailing, Options
from postoffice.model.states import ItemState, MailingState
from postoffice.store import items, twins
from tests.pipeline.house import Office, people_items

pytestmark = pytest.mark.slow


def _letters(count: int, text: str = "a") -> list[Any]:
    return [replace(one, digest=f"{text}{one.first_page}".rjust(64, "0")) for one in people_items(count)]


async def _sent(office: Office, new: list[Any], options: Options | None = None) -> Mailing:
    mailing = await office.drafts(new, options)
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.work()
    return mailing


async def test_a_job_printed_twice_is_held_and_said(office: Office) -> None:
    content, _ = trial_merge(6, seed=3)
    first = await office.submit(content)
    await office.work()
    first = await office.mailing(first)
    await steering.send(office.house, first, first.options, OFFICE)
    await office.work()
    second = await office.submit(content, automatic=True)
    await office.work()
    second = await office.mailing(second)
    assert second.state is MailingState.WAITING, "an automatic printer does not send it again by itself"
    assert (await office.states(second)).get("held") == second.items == first.items
    async with office.house.database.read() as connection:
        like = await twins.likeness(connection, second, office.clock.now())
    assert like and (like.number, like.letters, like.sent) == (first.number, first.items, True)
    assert (await pricing.quote(office.house, second, second.options)).items == 0

    assert await duplicates.release(office.house, second, OFFICE) == second.items
    await steering.send(office.house, second, second.options, OFFICE)
    await office.work()
    assert "held" not in await office.states(second), "what a person released is not held a second time"


async def test_two_that_wait_at_the_same_time_do_not_both_go(office: Office) -> None:
    first, second = await office.drafts(_letters(3)), await office.drafts(_letters(3))
    async with office.house.database.read() as connection:
        like = await twins.likeness(connection, second, office.clock.now())
    assert like and (like.mailing_id, like.letters, like.sent) == (first.id, 3, False)
    for mailing in (first, second):
        await steering.send(office.house, mailing, mailing.options, OFFICE)
        await office.work()
    assert (await office.states(second)) == {"held": 3}
    assert {item.held_reason for item in await office.items(second)} == {"duplicate"}
    assert "held" not in await office.states(first)


async def test_a_single_letter_is_released_by_a_person(office: Office) -> None:
    await _sent(office, _letters(2))
    again = await _sent(office, _letters(2))
    one, other = await office.items(again)
    await steering.release(office.house, one, OFFICE)
    await steering.send_more(office.house, await office.mailing(again), OFFICE)
    await office.work()
    one, other = await office.items(again)
    assert one.state is not ItemState.HELD and other.state is ItemState.HELD


async def test_what_is_not_the_same_goes(office: Office) -> None:
    await _sent(office, _letters(2))
    assert "held" not in await office.states(await _sent(office, _letters(2, text="b"))), "another text"
    assert "held" not in await office.states(await _sent(office, people_items(2))), "a letter without a digest"
    off = await _sent(office, _letters(2), Options(duplicates=False))
    assert "held" not in await office.states(off), "switched off"
    office.clock.pass_by(days=31)
    assert "held" not in await office.states(await _sent(office, _letters(2))), "too long ago"


async def test_one_that_failed_or_was_stopped_may_be_tried_again(office: Office) -> None:
    mailing = await office.drafts(_letters(2))
    await steering.cancel(office.house, mailing, OFFICE)
    again = await _sent(office, _letters(2))
    assert "held" not in await office.states(again)
    (item, _) = await office.items(again)
    async with office.house.database.write() as connection:
        assert await twins.gone_before(connection, again, [item], office.clock.now()) == set(), "an item is not its own duplicate"
        assert await items.count(connection, again.id, items.Filter()) == 2


async def test_twice_within_one_mailing(office: Office) -> None:
    twice = [*_letters(2), *_letters(2)]
    mailing = await _sent(office, twice)
    assert (await office.states(mailing)).get("held") == 2
