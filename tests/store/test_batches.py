"""Batches: claimed by one at a time, fenced by a token, rung for until somebody comes, set aside when they never work."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from postoffice.model.ids import new_id
from postoffice.store import batches
from postoffice.store.batches import MOST_FAILURES, RING_AGAIN, Batch
from postoffice.store.database import Database

LEASE = timedelta(seconds=30)


@pytest.fixture
def desk(database: Database, clock: Any, organisation_id: str) -> "Desk":
    return Desk(database, clock, organisation_id)


class Desk:
    """Each call in a transaction of its own, as workers do."""

    def __init__(self, database: Database, clock: Any, organisation_id: str) -> None:
        self.database, self.clock, self.organisation_id = database, clock, organisation_id

    async def add(self, **more: Any) -> str:
        values = {"step": "dispatch", "subject_id": new_id(), "queue": "post"} | more
        async with self.database.write() as connection:
            return await batches.add(connection, organisation_id=self.organisation_id, now=self.clock.now(), **values)

    async def claim(self, batch_id: str, owner: str = "one") -> Batch | None:
        async with self.database.write() as connection:
            return await batches.claim(connection, batch_id, owner, self.clock.now(), LEASE)

    async def due(self, **more: Any) -> list[tuple[str, int]]:
        async with self.database.read() as connection:
            any_due = await batches.any_due(connection, self.clock.now(), deaf=more.get("deaf", False))
        async with self.database.write() as connection:
            rings = await batches.due(connection, self.clock.now(), **more)
        assert any_due or not rings
        return [(ring.batch_id, ring.attempt) for ring in rings]

    async def do(self, function: Any, *arguments: Any) -> Any:
        async with self.database.write() as connection:
            return await function(connection, *arguments)


async def test_one_of_many_claimers_gets_it(desk: Desk) -> None:
    for _ in range(3):
        batch_id = await desk.add()
        got = await asyncio.gather(*(desk.claim(batch_id, f"w{number}") for number in range(12)))
        assert len([one for one in got if one]) == 1


async def test_lease_runs_out_and_the_token_grows(desk: Desk) -> None:
    batch_id = await desk.add()
    first = await desk.claim(batch_id)
    assert first and first.token == 1 and await desk.claim(batch_id, "two") is None
    desk.clock.pass_by(seconds=29)
    assert await desk.do(batches.renew, first, desk.clock.now(), LEASE)
    desk.clock.pass_by(seconds=29)
    assert await desk.claim(batch_id, "two") is None
    desk.clock.pass_by(seconds=2)
    second = await desk.claim(batch_id, "two")
    assert second and second.token == 2
    now = desk.clock.now()
    assert not await desk.do(batches.renew, first, now, LEASE)
    assert not await desk.do(batches.put_off, first, now)
    assert not await desk.do(batches.finish, first, now)
    assert await desk.do(batches.finish, second, now)
    assert not await desk.do(batches.finish, second, now), "done is done"
    assert await desk.claim(batch_id) is None


async def test_not_before_its_hour(desk: Desk) -> None:
    batch_id = await desk.add(not_before=desk.clock.now() + timedelta(hours=1), ring_now=False)
    assert await desk.claim(batch_id) is None and await desk.due() == []
    desk.clock.pass_by(hours=1)
    assert await desk.due() == [(batch_id, 1)]
    assert await desk.claim(batch_id)


async def test_rings_and_rings_again(desk: Desk) -> None:
    batch_id = await desk.add()  # whoever added it rings after its commit
    assert await desk.due() == []
    desk.clock.time += RING_AGAIN + timedelta(seconds=1)
    assert await desk.due() == [(batch_id, 2)], "the first ring was lost"
    assert await desk.due() == []
    desk.clock.time += RING_AGAIN + timedelta(seconds=1)
    assert await desk.due() == [(batch_id, 3)]
    claimed = await desk.claim(batch_id)
    assert claimed and await desk.due() == []
    assert await desk.do(batches.put_off, claimed, desk.clock.now(), {"round": 2})
    assert await desk.due() == [(batch_id, 4)], "put off until now: rung at once"
    again = await desk.claim(batch_id)
    assert again and again.data == {"round": 2}


async def test_what_a_dead_worker_held_is_rung_when_its_lease_ends(desk: Desk) -> None:
    batch_id = await desk.add()
    async with desk.database.write() as connection:
        assert await batches.claim(connection, batch_id, "doomed", desk.clock.now(), timedelta(seconds=3))
    assert await desk.due() == []
    desk.clock.pass_by(seconds=4)
    assert await desk.due() == [(batch_id, 2)]
    assert await desk.due() == [], "once is enough for ten seconds"


async def test_a_broken_bell_counts_no_rings(desk: Desk) -> None:
    post, fax = await desk.add(), await desk.add(queue="fax")
    assert await desk.due() == []
    assert [one for one, _ in await desk.due(deaf=True, queues=["post"])] == [post]
    assert {one for one, _ in await desk.due(deaf=True)} == {post, fax}
    assert len(await desk.due(deaf=True, limit=1)) == 1


async def test_urgent_first(desk: Desk) -> None:
    late, soon = await desk.add(priority=6, ring_now=False), await desk.add(priority=2, ring_now=False)
    async with desk.database.write() as connection:
        first = await batches.due(connection, desk.clock.now(), 1)
    assert [ring.batch_id for ring in first] == [soon] and await desk.due() == [(late, 1)]


async def test_fair_shares_and_a_window(desk: Desk) -> None:
    """A campaign of hundreds of batches lets another mailing's through, keeps to the window, and never stands before small ones."""
    campaign, other = new_id(), new_id()
    many = [await desk.add(subject_id=campaign, ring_now=False) for _ in range(batches.WINDOW + 20)]
    few = [await desk.add(subject_id=other, ring_now=False) for _ in range(3)]
    small = [await desk.add(queue=batches.lane("post", small=True), priority=5, ring_now=False) for _ in range(3)]
    rung = [one for one, _ in await desk.due()]
    assert [one for one in rung if one in few or one in many[:3]] == [one for pair in zip(many, few, strict=False) for one in pair]
    assert set(small) <= set(rung) and len(rung) == batches.WINDOW + 3
    assert await desk.due() == [], "nobody came for these yet"
    for one in rung[:10]:
        assert await desk.claim(one)
    later = [one for one, _ in await desk.due()]
    assert 7 <= len(later) <= 10 and set(later) <= set(many)


async def test_relays_share_and_do_not_wait(desk: Desk) -> None:
    ids = {await desk.add(ring_now=False) for _ in range(20)}
    rung = await asyncio.gather(*(desk.due() for _ in range(4)), return_exceptions=True)
    assert not [one for one in rung if isinstance(one, BaseException) and not isinstance(one, AssertionError)]
    told = [batch_id for one in rung if not isinstance(one, BaseException) for batch_id, _ in one]
    assert set(told) <= ids and len(told) == len(set(told))


async def test_failures_back_off_then_it_is_set_aside(desk: Desk) -> None:
    batch_id = await desk.add()
    waits = []
    for number in range(1, MOST_FAILURES + 1):
        claimed = await desk.claim(batch_id)
        assert claimed and claimed.failures == number - 1
        dead = await desk.do(batches.fail, claimed, desk.clock.now(), "ValueError at x.py:1")
        assert dead == (number == MOST_FAILURES)
        waited = 0
        while not dead and await desk.claim(batch_id, "probe") is None:
            desk.clock.pass_by(seconds=1)
            waited += 1
        waits.append(waited)
        desk.clock.pass_by(seconds=31)  # the probe's lease
    assert waits == [1, 2, 4, 8, 16, 32, 64, 0]
    assert await desk.claim(batch_id) is None and await desk.due() == []


async def test_a_person_wakes_what_was_put_off(desk: Desk) -> None:
    batch_id = await desk.add(not_before=desk.clock.now() + timedelta(days=1))
    await desk.do(batches.wake, [batch_id])
    assert await desk.claim(batch_id)


async def test_waiting_counts_and_ages(desk: Desk) -> None:
    await desk.add()
    desk.clock.pass_by(seconds=90)
    await desk.add()
    await desk.add(queue="fax", not_before=desk.clock.now() + timedelta(hours=1))
    async with desk.database.read() as connection:
        assert await batches.waiting(connection, desk.clock.now()) == {"post": (2, 90.0)}
