"""Colleagues who correct the same mailing at once, or send it: no correction is lost, and no letter gets another's pages."""

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from postoffice.actions import mending, recutting, steering
from postoffice.actions.actor import OFFICE
from postoffice.compose.fixes import catalogue
from postoffice.compose.trial import trial_merge
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.mailing import Mailing, Together
from postoffice.model.states import MailingState
from postoffice.store import items
from tests.desk.test_fixes import WORD
from tests.desk.test_fixes import merge as with_something_in_windows
from tests.pipeline.at_once import BY_SMS, hold, meanwhile, sent
from tests.pipeline.house import InlineWorkshop, Office, people_items

ADDRESS = ("Mme Berthe Blanc", "2 rue du Bac", "75007 PARIS")


class Interrupted(InlineWorkshop):
    """A workshop during whose first work a colleague corrects a letter."""

    def __init__(self, office: Office, mailing: Mailing, item: Any) -> None:
        super().__init__()
        self._correct: Any = steering.edit_item(office.house, mailing, item, OFFICE, email="new@example.fr", lines=ADDRESS)

    async def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        found = await super().run(work, *args, **kwargs)
        if self._correct is not None:
            correct, self._correct = self._correct, None
            await correct
        return found


async def test_two_who_correct_different_things_both_have_their_way(office: Office) -> None:
    mailing = await office.drafts(people_items(1))
    (shown,) = await office.items(mailing)  # to both
    await steering.edit_item(office.house, mailing, shown, OFFICE, lines=ADDRESS)
    await steering.edit_item(office.house, mailing, shown, OFFICE, email="new@example.fr")
    (item,) = await office.items(mailing)
    assert (item.address.lines, item.email) == (ADDRESS, "new@example.fr")


async def test_what_is_merged_is_what_was_shown_and_not_what_moved_to_its_place(office: Office) -> None:
    mailing = await office.drafts(people_items(5))
    shown = await office.items(mailing)
    await steering.merge(office.house, mailing, shown[0], OFFICE)
    await steering.merge(office.house, mailing, shown[2], OFFICE)
    assert [(one.position, one.first_page, one.pages) for one in await office.items(mailing)] == [(1, 1, 2), (2, 3, 2), (3, 5, 1)]
    with pytest.raises(NotFound):
        await steering.release(office.house, shown[3], OFFICE)
    with pytest.raises(NotFound):
        await steering.edit_item(office.house, mailing, shown[3], OFFICE, email="new@example.fr")


@pytest.mark.slow
async def test_a_correction_that_is_being_written_goes_into_what_is_merged(office: Office) -> None:
    mailing = await office.drafts(people_items(2))
    first, _second = await office.items(mailing)
    async with meanwhile(office, steering.merge(office.house, mailing, first, OFFICE)) as connection:
        await items.edit(connection, first, office.clock.now(), address=first.address, findings=(), email="new@example.fr")
    (item,) = await office.items(mailing)
    assert (item.pages, item.email) == (2, "new@example.fr")


@pytest.mark.slow
async def test_two_merges_at_once_leave_each_letter_in_its_place(office: Office) -> None:
    mailing = await office.drafts(people_items(6))
    some = await office.items(mailing)
    works = [steering.merge(office.house, mailing, some[place], OFFICE) for place in (0, 3)]
    async with meanwhile(office, *works) as connection:
        await hold(connection, some[5].id)  # both would move it
    told = [(one.position, one.first_page, one.pages) for one in await office.items(mailing)]
    assert told == [(1, 1, 2), (2, 3, 1), (3, 4, 2), (4, 6, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["merge", "together"])
async def test_what_is_put_together_while_it_is_sent_goes(office: Office, how: str) -> None:
    mailing = await office.drafts(people_items(4, reference="R"), BY_SMS)
    some = await office.items(mailing)

    async def put_together() -> None:
        if how == "merge":
            await steering.merge(office.house, mailing, some[0], OFFICE)
            return
        with contextlib.suppress(Conflict):  # on SQLite the one who sends may be the first
            await recutting.share_envelopes(office.house, mailing, replace(BY_SMS, together=Together.ADDRESS), OFFICE)

    async def send() -> None:
        await steering.send(office.house, mailing, BY_SMS, OFFICE)
        await office.work()

    async with meanwhile(office, put_together(), send()) as connection:
        await hold(connection, some[3].id)
    await office.work()
    assert (await office.states(mailing)).keys() == {"handed_over"}
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


@pytest.mark.slow
async def test_a_correction_while_pages_are_read_for_a_cut_stays(office: Office) -> None:
    content, _ = trial_merge(4, seed=3)
    mailing = await office.submit(content)
    await office.work()
    mailing = await office.mailing(mailing)
    long = next(one for one in await office.items(mailing) if one.pages > 1)
    house = replace(office.house, workshop=Interrupted(office, mailing, long))
    first, second = await steering.cut(house, mailing, long, 2, OFFICE)
    assert first.address is not None and (first.pages, first.email, first.address.lines) == (1, "new@example.fr", ADDRESS)
    assert second.first_page == long.first_page + 1


@pytest.mark.slow
async def test_a_correction_while_the_document_is_mended_stays(office: Office) -> None:
    mailing = await office.submit(with_something_in_windows())
    await office.work()
    mailing = await office.mailing(mailing)
    (item, *_) = await mending.concerned(office.house, mailing, catalogue.get(WORD))
    house = replace(office.house, workshop=Interrupted(office, mailing, item))
    await mending.apply(house, mailing, WORD, OFFICE)
    async with office.house.database.read() as connection:
        mended = await items.get(connection, item.id)
    assert mended.address is not None and (mended.email, mended.address.lines) == ("new@example.fr", ADDRESS)
    assert (await office.mailing(mailing)).fixes


@pytest.mark.slow
async def test_what_is_released_while_its_mailing_is_stopped_is_stopped(office: Office) -> None:
    mailing = await sent(office, 2, rounds=0)
    held, _other = await office.items(mailing)
    async with office.house.database.write() as connection:
        await items.command(connection, held, "hold", office.clock.now(), held_reason="asked")
    async with meanwhile(office, steering.cancel(office.house, mailing, OFFICE)) as connection:
        await items.command(connection, held, "release", office.clock.now(), held_reason="")
    await office.work()
    assert await office.states(mailing) == {"cancelled": 2}
