"""What carriers answer and tell later, by the sandbox's magic addresses; dead addresses; taking mailings back while they leave."""

import asyncio
import random

import pytest

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.errors import Conflict, Refused
from postoffice.model.mailing import Options
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.pipeline.news import apply_news
from postoffice.store import events
from tests.pipeline.house import Office, PlannedCarrier, people_items

pytestmark = pytest.mark.slow

EMAIL = Options(channel=Channel.EMAIL)
#: word of the sandbox -> where an e-mail ends, and where paper does
ENDS = {
    "delivered": ("delivered", "delivered"),
    "bounce": ("failed", "returned"),
    "expired": ("failed", "returned"),
    "rejected": ("failed", "failed"),
    "full": ("failed", "returned"),
    "unknown": ("handed_over", "mailed"),
    "silent": ("handed_over", "mailed"),
    "opened": ("delivered", "delivered"),
    "complaint": ("delivered", "delivered"),
    "reply": ("delivered", "delivered"),
    "stop": ("delivered", "delivered"),
    "blocked": ("failed", "failed"),
    "refused": ("failed", "failed"),
}


async def test_magic_addresses_of_email(office: Office) -> None:
    new = [people_items(1, email=f"{word}@example.fr")[0] for word in ENDS]
    mailing = await office.drafts(new, EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.follow(5)
    ended = {item.email.split("@")[0]: item.state.value for item in await office.items(mailing)}
    assert ended == {word: ends[0] for word, ends in ENDS.items()}
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


async def test_magic_addresses_on_paper(office: Office) -> None:
    from dataclasses import replace

    new = []
    for word in ENDS:
        (item,) = people_items(1)
        assert item.address
        lines = (f"Mme Dupont sandbox {word}", *item.address.lines[1:])
        new.append(replace(item, address=replace(item.address, lines=lines), reference=word))
    mailing = await office.drafts(new)
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow(5)
    assert {item.reference: item.state.value for item in await office.items(mailing)} == {word: ends[1] for word, ends in ENDS.items()}


async def test_later_comes_back(office: Office) -> None:
    mailing = await office.drafts(people_items(1, email="later@example.fr"), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.work()
    assert await office.states(mailing) == {"queued": 1}
    await asyncio.sleep(0.45)  # the sandbox counts from the key's birth, by the real clock
    await office.follow(4)
    assert await office.states(mailing) == {"delivered": 1}


async def test_dead_address_is_not_used_again(office: Office) -> None:
    for state in ("failed", "held"):
        mailing = await office.drafts(people_items(1, email="refused@example.fr"), EMAIL)
        await steering.send(office.house, mailing, EMAIL, OFFICE)
        await office.follow(3)
        assert await office.states(mailing) == {state: 1}
    (held,) = await office.items(mailing)
    assert held.held_reason == "suppressed" and held.delivery_id is None


async def test_dead_address_told_later_is_not_used_again(office: Office) -> None:
    mailing = await office.drafts(people_items(1, email="bounce@example.fr"), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.follow(3)
    again = await office.drafts(people_items(1, email="BOUNCE@example.fr"), EMAIL)
    await steering.send(office.house, again, EMAIL, OFFICE)
    await office.follow(2)
    assert await office.states(again) == {"held": 1}


async def test_trials_block_nothing(office: Office) -> None:
    for _ in range(2):
        mailing = await office.drafts(people_items(1, email="refused@example.fr"), EMAIL, live=False)
        await steering.send(office.house, mailing, EMAIL, OFFICE)
        await office.follow(3)
        assert await office.states(mailing) == {"failed": 1}


async def test_no_address_on_the_chosen_channel_is_held_with_its_reason(office: Office) -> None:
    mailing = await office.drafts([*people_items(2, email=""), *people_items(1, email="anne@example.fr")], EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.follow(4)
    assert await office.states(mailing) == {"held": 2, "delivered": 1}
    assert {item.held_reason for item in await office.items(mailing)} == {"no-email-address", ""}
    assert (await office.mailing(mailing)).state is MailingState.FINISHED
    assert len(await office.box()) == 1


async def test_a_channel_that_reaches_nobody_is_refused_before_anything_happens(office: Office) -> None:
    mailing = await office.drafts(people_items(2, email=""), EMAIL)
    with pytest.raises(Conflict, match="No letter of this mailing has an address for this channel"):
        await steering.send(office.house, mailing, EMAIL, OFFICE)
    assert await office.states(mailing) == {"draft": 2}
    assert (await office.mailing(mailing)).state is MailingState.WAITING


async def test_news_in_any_order_told_twice(office: Office) -> None:
    carrier = PlannedCarrier("mine", Abilities(Channel.POST, keeps_keys=True))
    office.carriers.mine[Channel.POST] = carrier
    mailing = await office.drafts(people_items(6))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.work()
    start = office.clock.now()
    kinds = [EventKind.IN_PRODUCTION, EventKind.MAILED, EventKind.DELIVERED, EventKind.OPENED]
    for number, item in enumerate(await office.items(mailing)):
        told = [Event(kind, start, key=item.delivery_id if number % 2 else "", reference=f"ref-{item.delivery_id}") for kind in kinds]
        random.Random(number).shuffle(told)
        for event in told:
            assert await apply_news(office.house, office.organisation_id, "mine", [event]) == 1
        assert await apply_news(office.house, office.organisation_id, "mine", told) == 0
    assert await office.states(mailing) == {"delivered": 6}


async def test_news_of_nothing_and_of_others(office: Office) -> None:
    mailing = await office.drafts(people_items(1), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.work(2)
    (item,) = await office.items(mailing)
    now = office.clock.now()
    told = [Event(EventKind.BOUNCED, now, key=item.delivery_id or ""), Event(EventKind.BOUNCED, now, reference="never heard of")]
    assert await apply_news(office.house, "0" * 26, "sandbox-email", told) == 0
    assert await apply_news(office.house, office.organisation_id, "another-carrier", told) == 0
    assert "failed" not in await office.states(mailing)


async def test_returned_after_delivered(office: Office) -> None:
    mailing = await office.drafts(people_items(1))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow(4)
    (item,) = await office.items(mailing)
    told = [Event(EventKind.RETURNED, office.clock.now(), key=item.delivery_id, code="N02", text="Unknown", address_dead=True)]
    assert await apply_news(office.house, office.organisation_id, "sandbox-post", told) == 1
    assert await office.states(mailing) == {"returned": 1}
    async with office.house.database.read() as connection:
        line = await events.of_item(connection, item.id)
    assert (line[-1].kind, line[-1].code) == (EventKind.RETURNED, "N02")


async def test_refusals_in_words(office: Office) -> None:
    carrier = PlannedCarrier("mine", Abilities(Channel.EMAIL))
    carrier.say["*"] = [Refused("No such customer", code="E42"), ZeroDivisionError("a bug"), TimeoutError()]
    office.carriers.mine[Channel.EMAIL] = carrier
    options = Options(channel=Channel.EMAIL)
    mailing = await office.drafts(people_items(1), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    (item,) = await office.items(mailing)
    async with office.house.database.read() as connection:
        last = (await events.of_item(connection, item.id))[-1]
    assert (last.kind, last.code, last.text) == (EventKind.REFUSED, "E42", "No such customer")


async def test_cancel_before_and_while_sending(office: Office) -> None:
    carrier = PlannedCarrier("mine", Abilities(Channel.EMAIL, keeps_keys=True, chunk=2))
    office.carriers.mine[Channel.EMAIL] = carrier
    mailing = await office.drafts(people_items(6), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    with pytest.raises(Conflict):
        await steering.send(office.house, mailing, EMAIL, OFFICE)

    async def cancel(_piece: object) -> None:
        assert await steering.cancel(office.house, mailing, OFFICE) == (4, 0)

    carrier.say["anne1@example.fr"] = [cancel]
    await office.work()
    assert await office.states(mailing) == {"handed_over": 2, "cancelled": 4}
    assert len(carrier.calls) == 2
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


async def test_one_item_is_stopped_or_it_is_too_late(office: Office) -> None:
    mailing = await office.drafts(people_items(2), EMAIL)
    stale = await office.items(mailing)  # as a page would have shown them, before the button
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    (plan,) = await office.due()
    await office.pipeline().work(plan)
    await steering.cancel_item(office.house, stale[0], OFFICE)
    await office.follow(4)
    assert await office.states(mailing) == {"cancelled": 1, "delivered": 1}
    assert len(await office.box()) == 1
    with pytest.raises(Conflict):
        await steering.cancel_item(office.house, stale[1], OFFICE)


async def test_cancel_while_planning_leaves_no_delivery_behind(office: Office) -> None:
    """Planning and taking back at the same moment: every item is either cancelled or has left, never both."""
    mailing = await office.drafts(people_items(40), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    (plan,) = await office.due()
    await asyncio.gather(office.pipeline().work(plan), steering.cancel(office.house, mailing, OFFICE))
    await office.follow(5)
    states = await office.states(mailing)
    assert sum(states.values()) == 40 and set(states) <= {"cancelled", "delivered"}
    assert len(await office.box()) == states.get("delivered", 0)
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


async def test_two_pipelines_on_the_same_batches(office: Office) -> None:
    mailing = await office.drafts(people_items(30))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    for _ in range(6):
        due = await office.due()
        await asyncio.gather(*(office.pipeline(owner).work(one) for one in due for owner in ("a", "b", "c")))
        office.clock.pass_by(seconds=30)
    assert await office.states(mailing) == {"delivered": 30}
    assert set((await office.box()).values()) == {1}


async def test_excluded_items_stay(office: Office) -> None:
    mailing = await office.drafts(people_items(3))
    chosen = (await office.items(mailing))[0]
    assert await steering.exclude(office.house, mailing, [chosen.id], OFFICE) == 1
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow(4)
    assert await office.states(mailing) == {"excluded": 1, "delivered": 2}
    assert (await office.items(mailing))[0].state is ItemState.EXCLUDED
