"""Workers that die at the worst moment. Whoever comes next settles what they left: nothing lost, nothing blindly sent twice."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Delivery, Event, Piece
from postoffice.model.errors import InDoubt, PostOfficeError, TryLater
from postoffice.model.mailing import Ground, Mailing, Options
from postoffice.model.ports import Abilities
from postoffice.model.states import DeliveryState, EventKind, MailingState
from postoffice.store import batches, deliveries
from postoffice.store.batches import Batch
from postoffice.store.deliveries import Change, LostLease
from tests.pipeline.house import Office, PlannedCarrier, dead_owner, people_items

pytestmark = pytest.mark.slow

LEASE = timedelta(seconds=60)
#: abilities of a carrier on e-mail, by what it offers against doubt
KEYS = Abilities(Channel.EMAIL, keeps_keys=True, chunk=2)
ASKABLE = Abilities(Channel.EMAIL, can_be_asked=True, chunk=2)
NEITHER = Abilities(Channel.EMAIL, chunk=2)


class Killed(BaseException):
    """The process ended here: no line after this one ran."""


async def planned(
    office: Office, count: int, abilities: Abilities, purpose: Purpose = Purpose.INVOICE
) -> tuple[Mailing, PlannedCarrier]:
    """A mailing whose deliveries wait for a carrier of our own."""
    carrier = PlannedCarrier("mine", abilities)
    office.carriers.mine[Channel.EMAIL] = carrier
    options = Options(channel=Channel.EMAIL, purpose=purpose, ground=Ground.CUSTOMERS)
    mailing = await office.drafts(people_items(count), options)
    await steering.send(office.house, mailing, options, OFFICE)
    (plan,) = await office.due()
    assert await office.pipeline().work(plan)
    return mailing, carrier


async def claim(office: Office) -> Batch:
    (batch_id,) = await office.due()
    async with office.house.database.write() as connection:
        batch = await batches.claim(connection, batch_id, "doomed", office.clock.now(), LEASE)
    assert batch
    return batch


async def mark(office: Office, batch: Batch, count: int) -> list[Delivery]:
    async with office.house.database.write() as connection:
        return list((await deliveries.mark(connection, batch, count, office.clock.now(), LEASE)).deliveries)


def die() -> Callable[[Piece], Awaitable[None]]:
    async def kill(_piece: Piece) -> None:
        raise Killed

    return kill


async def test_dead_after_mark_with_keys(office: Office) -> None:
    mailing, carrier = await planned(office, 4, KEYS)
    await mark(office, await claim(office), 2)
    assert await office.states(mailing) == {"sending": 2, "queued": 2}
    assert await office.work() == 0, "the dead owner's lease still runs"
    dead_owner(office)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 4}
    assert set(carrier.taken.values()) == {1} and len(carrier.taken) == 4


async def test_dead_after_send_with_keys(office: Office) -> None:
    """The carrier has two pieces that we know nothing of: the same keys are shown again, and it tells them apart."""
    mailing, carrier = await planned(office, 4, KEYS)
    marked = await mark(office, await claim(office), 2)
    carrier.taken = {one.id: 1 for one in marked}
    dead_owner(office)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 4}
    assert len(carrier.taken) == 4 and set(carrier.taken.values()) == {1}


async def test_dead_after_send_askable(office: Office) -> None:
    """One of two arrived; the carrier says which. The other stays in doubt for as long as the carrier knows nothing of it."""
    mailing, carrier = await planned(office, 2, ASKABLE)
    first, second = await mark(office, await claim(office), 2)
    carrier.taken[first.id] = 1
    carrier.news[first.id] = [Event(EventKind.HANDED_OVER, office.clock.now(), key=first.id, reference="theirs")]
    dead_owner(office)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 1, "in_doubt": 1}
    assert carrier.calls == [], "never sent blindly"
    async with office.house.database.read() as connection:
        told = await deliveries.get(connection, first.id)
    assert told and told.reference == "theirs" and told.handed_over_at
    assert (await office.mailing(mailing)).state is MailingState.SENDING
    carrier.news[second.id] = [Event(EventKind.DELIVERED, office.clock.now(), key=second.id)]
    await office.follow(4, minutes=10)
    assert await office.states(mailing) == {"handed_over": 1, "delivered": 1}
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


async def test_dead_after_send_neither_and_invoice(office: Office) -> None:
    """A lost invoice does more harm than a doubled one: repeated once with the same key, then it is a person's."""
    mailing, carrier = await planned(office, 2, NEITHER)
    marked = await mark(office, await claim(office), 2)
    carrier.taken = {one.id: 1 for one in marked}
    dead_owner(office)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 2}
    assert sorted(carrier.calls) == sorted(one.id for one in marked)


async def test_dead_twice_neither_and_invoice(office: Office) -> None:
    mailing, carrier = await planned(office, 1, NEITHER)
    await mark(office, await claim(office), 2)
    carrier.say["*"] = [InDoubt("the line broke")]
    dead_owner(office)
    await office.work()
    assert await office.states(mailing) == {"in_doubt": 1}
    dead_owner(office)
    await office.follow(3, hours=3)
    assert len(carrier.calls) == 1 and await office.states(mailing) == {"in_doubt": 1}
    assert (await office.mailing(mailing)).state is MailingState.SENDING, "somebody has to decide"


async def test_dead_after_send_neither_and_promotion(office: Office) -> None:
    mailing, carrier = await planned(office, 3, NEITHER, Purpose.PROMOTION)
    await mark(office, await claim(office), 2)
    dead_owner(office)
    await office.work()
    assert await office.states(mailing) == {"in_doubt": 2, "handed_over": 1}
    assert len(carrier.calls) == 1


async def test_a_person_sends_what_is_in_doubt_again(office: Office) -> None:
    mailing, carrier = await planned(office, 1, NEITHER, Purpose.PROMOTION)
    await mark(office, await claim(office), 2)
    dead_owner(office)
    await office.work()
    doubtful = await office.items(mailing)
    await steering.resend(office.house, await office.mailing(mailing), doubtful, OFFICE)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 1} and len(carrier.calls) == 1
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


async def test_killed_while_calling(office: Office) -> None:
    """The process dies inside the carrier's call; nothing after it runs."""
    mailing, carrier = await planned(office, 3, KEYS)
    carrier.say["*"] = [die()]
    (batch_id,) = await office.due()
    with pytest.raises(Killed):
        await office.pipeline("doomed").work(batch_id)
    dead_owner(office)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 3}
    assert set(carrier.taken.values()) == {1}


async def test_lease_lost_while_calling(office: Office) -> None:
    """A frozen worker wakes up after another one took over: it writes nothing, and the other one finishes."""
    mailing, carrier = await planned(office, 2, KEYS)

    async def another_takes_over(piece: Piece) -> None:
        dead_owner(office)
        carrier.taken[piece.key] = 1
        assert await office.pipeline("other").work(batch_id)

    carrier.say["anne1@example.fr"] = [another_takes_over]
    (batch_id,) = await office.due()
    await office.pipeline("frozen").work(batch_id)
    assert "batch.lost" in office.log.events("warning")
    assert await office.states(mailing) == {"handed_over": 2}
    assert set(carrier.taken.values()) == {1}


async def test_a_stale_token_changes_nothing(office: Office) -> None:
    mailing, _ = await planned(office, 2, KEYS)
    old = await claim(office)
    marked = await mark(office, old, 2)
    dead_owner(office)
    new = await claim(office)
    before = await office.dump()
    for change in ("hand_over", "put_back", "refuse", "doubt"):
        with pytest.raises(LostLease):
            async with office.house.database.write() as connection:
                await deliveries.record(connection, old, [Change(marked[0], change)], office.clock.now(), LEASE)
    with pytest.raises(LostLease):
        await mark(office, old, 2)
    async with office.house.database.write() as connection:
        assert not await batches.finish(connection, old, office.clock.now())
        assert not await batches.put_off(connection, old, office.clock.now())
        assert not await batches.renew(connection, old, office.clock.now(), LEASE)
        await batches.fail(connection, old, office.clock.now(), "late")
    assert await office.dump() == before
    assert new.token == old.token + 1


async def test_news_is_quicker_than_our_record(office: Office) -> None:
    """The carrier's webhook says `delivered` before our own transaction said `handed over`: it stays delivered, with its reference."""
    from postoffice.pipeline.news import apply_news

    mailing, carrier = await planned(office, 1, KEYS)

    async def news_first(piece: Piece) -> None:
        told = [Event(EventKind.DELIVERED, office.clock.now(), key=piece.key)]
        assert await apply_news(office.house, office.organisation_id, "mine", told) == 1

    carrier.say["*"] = [news_first]
    await office.work()
    assert await office.states(mailing) == {"delivered": 1}
    (item,) = await office.items(mailing)
    async with office.house.database.read() as connection:
        delivery = await deliveries.get(connection, item.delivery_id)
    assert delivery and delivery.state is DeliveryState.DELIVERED
    assert delivery.reference == f"ref-{delivery.id}" and delivery.handed_over_at and delivery.ended_at


async def test_carrier_that_was_switched_off_is_waited_for(office: Office) -> None:
    mailing, carrier = await planned(office, 2, KEYS)
    office.carriers.off.add("mine")
    await office.follow(20, minutes=2)
    assert await office.states(mailing) == {"queued": 2} and carrier.calls == []
    office.carriers.off.clear()
    await office.follow(2, minutes=2)
    assert await office.states(mailing) == {"handed_over": 2}


async def test_pieces_that_cannot_be_made_leave_nobody_in_doubt(office: Office) -> None:
    """A program error before the carrier is called: the batch is tried again, and even a promotion is in no doubt."""
    from dataclasses import replace
    from pathlib import Path

    mailing, carrier = await planned(office, 2, NEITHER, Purpose.PROMOTION)
    whole = office.house
    office.house = replace(whole, templates=Path("/nowhere"))
    await office.follow(2)
    assert carrier.calls == [] and "in_doubt" not in await office.states(mailing)
    office.house = whole
    await office.follow(6, minutes=5)
    if (await office.states(mailing)).get("failed") != 2:  # a missing template may also be a refusal in words
        assert await office.states(mailing) == {"handed_over": 2}


async def test_full_disk_puts_off_instead_of_refusing(office: Office) -> None:
    from postoffice.model.errors import OutOfRoom

    mailing, carrier = await planned(office, 1, KEYS)
    carrier.say["*"] = [OutOfRoom("disk-full", "full"), PostOfficeError("document-damaged", "damaged")]
    await office.work()
    assert await office.states(mailing) == {"queued": 1}
    await office.follow(3)
    assert await office.states(mailing) == {"failed": 1}


async def test_stop_between_chunks_gives_the_rest_back(office: Office) -> None:
    mailing, carrier = await planned(office, 6, KEYS)
    polite = office.pipeline("polite")

    async def stop(_piece: Piece) -> None:
        polite.stop.ask()

    carrier.say["anne1@example.fr"] = [stop]
    (batch_id,) = await office.due()
    assert await polite.work(batch_id)
    assert await office.states(mailing) == {"handed_over": 2, "queued": 4}
    await office.work()  # at once: no lease has to run out
    assert await office.states(mailing) == {"handed_over": 6}
    assert len(carrier.calls) == 6


async def test_try_later_then_success(office: Office) -> None:
    mailing, carrier = await planned(office, 2, KEYS)
    carrier.say["anne1@example.fr"] = [TryLater("busy", code="4.7.1"), TryLater("busy", after=timedelta(hours=1))]
    await office.work()
    assert await office.states(mailing) == {"handed_over": 1, "queued": 1}
    office.clock.pass_by(seconds=16)
    await office.work()
    office.clock.pass_by(minutes=50)
    await office.work()
    assert len(carrier.calls) == 3, "the carrier asked for an hour"
    office.clock.pass_by(minutes=11)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 2} and set(carrier.taken.values()) == {1}


async def test_try_later_for_days_ends(office: Office) -> None:
    mailing, carrier = await planned(office, 1, KEYS)
    carrier.say["*"] = [TryLater("never today")] * 1000
    await office.follow(64, hours=2)
    assert await office.states(mailing) == {"failed": 1}
    assert (await office.mailing(mailing)).state is MailingState.FINISHED
    assert 30 < len(carrier.calls) < 75
