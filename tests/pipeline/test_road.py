"""A mailing walks the whole road: read, planned, handed over, asked about; every step run twice changes nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.compose.trial import trial_merge
from postoffice.model.channel import Channel
from postoffice.model.mailing import Options
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.store import events, items, mailings
from postoffice.store.book import add_reading
from tests.pipeline.house import Office, people_items


async def test_from_bytes_to_delivered(office: Office) -> None:
    pdf, truth = trial_merge(12)
    mailing = await office.submit(pdf)
    await office.work()
    mailing = await office.mailing(mailing)
    assert mailing.state is MailingState.WAITING, mailing.error
    found = await office.items(mailing)
    assert [(item.first_page, item.pages) for item in found] == [(one.first_page, one.pages) for one in truth]
    assert [item.address.lines for item in found] == [one.lines for one in truth]
    assert mailing.items == 12 and mailing.pages == mailing.pages_read == sum(one.pages for one in truth)

    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow()
    assert await office.states(mailing) == {"delivered": 12}
    assert (await office.mailing(mailing)).state is MailingState.FINISHED
    box = await office.box()
    assert len(box) == 12 and set(box.values()) == {1}
    async with office.house.database.read() as connection:
        line = [one.kind for one in await events.of_item(connection, found[0].id)]
    assert line[0] is EventKind.PLANNED and line[-1] is EventKind.DELIVERED and EventKind.MAILED in line
    assert not office.log.events("error")


@pytest.mark.parametrize("channel", list(Channel))
async def test_every_channel(office: Office, channel: Channel) -> None:
    mailing = await office.drafts(people_items(3), Options(channel=channel))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow(4)
    assert await office.states(mailing) == {"delivered": 3}, office.log.lines
    assert {item.cost > 0 for item in await office.items(mailing)} == {True}


async def test_each_step_run_twice_changes_nothing(office: Office) -> None:
    pdf, _ = trial_merge(4)
    mailing = await office.submit(pdf)
    await office.work()
    first = await office.dump()
    await office.reopen("read")
    await office.work()
    assert await office.dump() == first

    mailing = await office.mailing(mailing)
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow(6)
    last = await office.dump()
    assert await office.states(mailing) == {"delivered": 4}
    for step in ("read", "plan", "dispatch", "ask"):
        await office.reopen(step)
        await office.work()
        assert await office.dump() == last, step


async def test_a_reading_that_died_half_way_is_read_again(office: Office) -> None:
    """Reading twice over gives the same items once, not twice."""
    pdf, truth = trial_merge(4)
    mailing = await office.submit(pdf)
    stopped = office.pipeline("first")
    stopped.stop.ask()
    (batch_id,) = await office.due()
    assert not await stopped.work(batch_id)
    await office.work()
    assert len(await office.items(mailing)) == len(truth)


async def test_automatic_mailing_needs_no_button(office: Office) -> None:
    pdf, _ = trial_merge(3)
    mailing = await office.submit(pdf, automatic=True)
    await office.follow(6)
    assert await office.states(mailing) == {"delivered": 3}


async def test_automatic_mailing_whose_worker_died_before_sending(office: Office) -> None:
    """The items stand there, but nobody pressed the button: the batch is still open, so the next worker does."""
    mailing = await office.drafts(people_items(2))
    async with office.house.database.write() as connection:
        await mailings.update(connection, mailing.id, automatic=True)
        await add_reading(connection, mailing, office.clock.now())
    await office.follow(6)
    assert await office.states(mailing) == {"delivered": 2}


async def test_a_mailing_cut_anew_by_hand_does_not_leave_by_itself(office: Office) -> None:
    mailing = await office.submit(trial_merge(3)[0])
    await office.work()
    async with office.house.database.write() as connection:
        await mailings.update(connection, mailing.id, automatic=True)
    await steering.recut(office.house, await office.mailing(mailing), "fr", "whole", OFFICE)
    await office.work()
    assert (await office.mailing(mailing)).state is MailingState.WAITING
    assert len(await office.items(mailing)) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"%PDF-1.7\nbroken", None), (b"hello, this is no document", None), (b"%PDF-1.4\n%%EOF", None)],
    ids=["truncated", "text", "hollow"],
)
async def test_unreadable_document_says_why(office: Office, content: bytes, code: str | None) -> None:
    mailing = await office.submit(content)
    await office.work()
    mailing = await office.mailing(mailing)
    assert mailing.state is MailingState.FAILED
    assert mailing.error and mailing.error["code"] and mailing.error["message"] and mailing.error["help"]
    assert await office.due() == []


async def test_too_many_pages_fail_in_words(office: Office) -> None:
    office.house = replace(office.house, limits=replace(office.house.limits, max_pages=2))
    mailing = await office.submit(trial_merge(4)[0])
    await office.work()
    mailing = await office.mailing(mailing)
    assert mailing.state is MailingState.FAILED and mailing.error and mailing.error["code"] == "too-many-pages"


async def test_cancelled_while_being_read(office: Office) -> None:
    mailing = await office.submit(trial_merge(2)[0])
    async with office.house.database.write() as connection:
        await mailings.command(connection, mailing, "cancel")
    await office.work()
    assert (await office.mailing(mailing)).state is MailingState.CANCELLED
    assert await office.items(mailing) == [] and not office.log.events("error")


async def test_held_items_stay_and_go_later(office: Office) -> None:
    mailing = await office.drafts(people_items(3))
    held = (await office.items(mailing))[1]
    async with office.house.database.write() as connection:
        await items.command(connection, held, "hold", office.clock.now(), held_reason="policy")
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow(6)
    assert await office.states(mailing) == {"delivered": 2, "held": 1}
    mailing = await office.mailing(mailing)
    assert mailing.state is MailingState.FINISHED
    held = (await office.items(mailing))[1]
    await steering.release(office.house, held, OFFICE)
    await steering.send_more(office.house, mailing, OFFICE)
    await office.follow(6)
    assert await office.states(mailing) == {"delivered": 3}
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


async def test_send_at_waits_for_its_hour(office: Office) -> None:
    options = Options(send_at=office.clock.now() + timedelta(hours=2))
    mailing = await office.drafts(people_items(2), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.follow(3)
    assert await office.states(mailing) == {"queued": 2}
    office.clock.pass_by(hours=2)
    await office.follow(4)
    assert await office.states(mailing) == {"delivered": 2}


async def test_resend_is_a_new_delivery(office: Office) -> None:
    mailing = await office.drafts(people_items(1, email="bounce@example.fr"), Options(channel=Channel.EMAIL))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow(4)
    (failed,) = await office.items(mailing)
    assert failed.state is ItemState.FAILED
    mailing = await office.mailing(mailing)
    assert await steering.resend(office.house, mailing, [failed], OFFICE, Channel.POST) == 1
    await office.follow(6)
    (again,) = await office.items(mailing)
    assert again.state is ItemState.DELIVERED and again.delivery_id != failed.delivery_id
