"""Mailings, items, events and deliveries: guarded commands, positions, filters, news told twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.finding import Finding, Severity
from postoffice.model.ids import new_id
from postoffice.model.item import Item, NewItem
from postoffice.model.mailing import Mailing, NewMailing, Options, Source
from postoffice.model.ports import StoredDocument
from postoffice.model.states import DELIVERY_COMMANDS, DeliveryState, EventKind, ItemState, MailingState
from postoffice.store import batches, deliveries, events, items, mailings
from postoffice.store.database import Database
from postoffice.store.deliveries import Change
from postoffice.store.items import Filter

LEASE = timedelta(seconds=30)
ERROR = Finding("address-missing", Severity.ERROR, 1)
WARNING = Finding("text-in-window", Severity.WARNING, 1)


class Rows:
    """A mailing and what a test does to it, each call one transaction."""

    def __init__(self, database: Database, clock: Any, organisation_id: str) -> None:
        self.database, self.clock, self.organisation_id = database, clock, organisation_id

    async def write(self, function: Any, *arguments: Any, **more: Any) -> Any:
        async with self.database.write() as connection:
            return await function(connection, *arguments, **more)

    async def read(self, function: Any, *arguments: Any, **more: Any) -> Any:
        async with self.database.read() as connection:
            return await function(connection, *arguments, **more)

    async def mailing(self) -> Mailing:
        return await self.write(mailings.add, NewMailing(self.organisation_id, Source.API, "x"), self.clock.now())  # type: ignore[no-any-return]

    async def waiting(self, count: int, **more: Any) -> tuple[Mailing, list[Item]]:
        mailing = await self.mailing()
        document = StoredDocument("a" * 64, 10)
        await self.write(mailings.stored, mailing, document, "application/pdf", self.clock.now())
        await self.write(mailings.command, mailing, "read")
        new = [NewItem(number, 1, PostalAddress((f"Name {number}", "75001 PARIS")), **more) for number in range(1, count + 1)]
        await self.write(items.add_all, self.organisation_id, mailing.id, new, self.clock.now())
        await self.write(mailings.command, mailing, "offer", items=count)
        return await self.read(mailings.get, mailing.id), await self.all(mailing)

    async def all(self, mailing: Mailing, chosen: Filter | None = None) -> list[Item]:
        return await self.read(items.page, mailing.id, chosen or Filter(), limit=5000)  # type: ignore[no-any-return]

    async def sending(self, count: int) -> tuple[Mailing, batches.Batch, list[str]]:
        """A claimed batch with queued deliveries."""
        mailing, found = await self.waiting(count)
        now = self.clock.now()
        batch_id = await self.write(
            batches.add, organisation_id=self.organisation_id, step="dispatch", subject_id=mailing.id, queue="post", now=now
        )
        ids = [new_id() for _ in found]
        rows = [
            {"id": key, "organisation_id": self.organisation_id, "mailing_id": mailing.id, "item_id": item.id, "batch_id": batch_id}
            | {"rung": 0, "channel": "post", "carrier": "c", "to": "x", "created_at": now}
            for key, item in zip(ids, found, strict=True)
        ]
        await self.write(deliveries.add_all, rows)
        plans = [
            {"b_id": item.id, "plan": [], "rung": 0, "delivery_id": key, "cost": 1, "state": "queued", "held_reason": ""}
            | {"contact_id": None, "now": now}
            for key, item in zip(ids, found, strict=True)
        ]
        await self.write(items.planned, plans)
        return mailing, await self.write(batches.claim, batch_id, "w", now, LEASE), ids


@pytest.fixture
def rows(database: Database, clock: Any, organisation_id: str) -> Rows:
    return Rows(database, clock, organisation_id)


async def test_numbers_grow_without_holes_or_doubles(rows: Rows) -> None:
    made = await asyncio.gather(*(rows.mailing() for _ in range(12)))
    assert sorted(one.number for one in made) == list(range(1, 13))


async def test_the_same_document_from_many_at_once(rows: Rows) -> None:
    document = StoredDocument("b" * 64, 5)
    note = (mailings.note_document, rows.organisation_id, document, "application/pdf", rows.clock.now())
    await asyncio.gather(*(rows.write(*note) for _ in range(8)))


async def test_two_press_the_button_one_gets_conflict(rows: Rows) -> None:
    mailing, _ = await rows.waiting(1)
    got = await asyncio.gather(*(rows.write(mailings.command, mailing, "send") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in got) == 4
    assert [one for one in got if not isinstance(one, BaseException)] == [MailingState.PLANNING]
    with pytest.raises(Conflict):
        await rows.write(mailings.set_options, mailing, Options())


async def test_other_organisations_see_nothing(rows: Rows) -> None:
    mailing, (item,) = await rows.waiting(1)
    for function, one in ((mailings.get, mailing.id), (items.get, item.id)):
        with pytest.raises(NotFound):
            await rows.read(function, one, new_id())


async def test_reading_twice_gives_the_items_once(rows: Rows) -> None:
    mailing, first = await rows.waiting(3)
    new = [NewItem(1, 2, None, (ERROR,)), NewItem(3, 1, PostalAddress(("A", "B")), (WARNING,))]
    assert await rows.write(items.add_all, rows.organisation_id, mailing.id, new, rows.clock.now()) == 1
    found = await rows.all(mailing)
    assert [item.position for item in found] == [1, 2] and [item.state for item in found] == [ItemState.HELD, ItemState.DRAFT]
    assert found[0].held_reason == "address-missing" and found[0].level is Severity.ERROR


async def test_filters(rows: Rows) -> None:
    mailing, _ = await rows.waiting(12, email="100%_sure@example.fr")
    assert len(await rows.all(mailing, Filter(search="name 1"))) == 4
    assert len(await rows.all(mailing, Filter(search="0%_S"))) == 12 and not await rows.all(mailing, Filter(search="0%s"))
    assert not await rows.all(mailing, Filter(states=(ItemState.HELD,))) and not await rows.all(
        mailing, Filter(levels=(Severity.ERROR,))
    )
    page = await rows.read(items.page, mailing.id, Filter(), after=5, limit=3)
    assert [item.position for item in page] == [6, 7, 8]
    assert await rows.read(items.count, mailing.id, Filter(search="name")) == 12
    assert await rows.read(items.positions, mailing.id, Filter(search="name 1")) == [1, 10, 11, 12]
    assert await rows.read(items.count_by_state, mailing.id) == {ItemState.DRAFT: 12}
    (alike,) = await rows.read(items.count_alike, mailing.id)
    assert (alike.pages, alike.channel, alike.items) == (1, None, 12)
    assert Channel.POST in alike.reach and Channel.FAX not in alike.reach


async def test_merge_and_cut_move_positions(rows: Rows) -> None:
    mailing, found = await rows.waiting(5)
    await rows.write(items.recut, found[1:3], [NewItem(2, 2, None)], rows.clock.now())
    after = await rows.all(mailing)
    assert [(item.position, item.first_page) for item in after] == [(1, 1), (2, 2), (3, 4), (4, 5)]
    await rows.write(items.recut, [after[1]], [NewItem(2, 1, None), NewItem(3, 1, None)], rows.clock.now())
    again = await rows.all(mailing)
    assert [(item.position, item.first_page) for item in again] == [(n, n) for n in range(1, 6)]
    assert (await rows.read(mailings.get, mailing.id)).items == 5
    with pytest.raises(Conflict):
        await rows.write(items.recut, found[1:3], [NewItem(2, 2, None)], rows.clock.now())
    assert await rows.all(mailing) == again


async def test_edit_holds_and_releases(rows: Rows) -> None:
    mailing, (item,) = await rows.waiting(1)
    now = rows.clock.now()
    await rows.write(items.edit, item, now, address=None, findings=[ERROR])
    (held,) = await rows.all(mailing)
    assert held.state is ItemState.HELD and held.address is None and held.address_read == item.address
    better = PostalAddress(("Mme Neuve", "75002 PARIS"))
    await rows.write(items.edit, held, now, address=better, findings=[WARNING], email="a@b.fr", channel="email")
    (free,) = await rows.all(mailing)
    assert free.state is ItemState.DRAFT and free.address == better and free.email == "a@b.fr" and not free.held_reason
    await rows.write(items.command, free, "queue", now)
    with pytest.raises(Conflict):
        await rows.write(items.edit, free, now, address=None, findings=[])
    with pytest.raises(Conflict):
        await rows.write(items.update_draft, free.id, now, channel=None)


async def test_news_told_twice_is_one_event(rows: Rows) -> None:
    mailing, (item,) = await rows.waiting(1)
    now = rows.clock.now()
    key = new_id()
    told = events.NewEvent(rows.organisation_id, EventKind.DELIVERED, "c", now, mailing.id, item.id, key, once="delivered|x")
    own = events.NewEvent(rows.organisation_id, EventKind.EDITED, "staff", now, mailing.id, item.id)
    assert await rows.write(events.add, [told, told, own], now) == 2
    assert await rows.write(events.add, [told], now) == 0
    await asyncio.gather(*(rows.write(events.add, [told, own], now) for _ in range(4)))
    line = await rows.read(events.of_item, item.id)
    assert [one.kind for one in line].count(EventKind.DELIVERED) == 1 and len(line) == 6


async def test_mark_under_a_token(rows: Rows) -> None:
    mailing, batch, ids = await rows.sending(7)
    now = rows.clock.now()
    first = await rows.write(deliveries.mark, batch, 3, now, LEASE)
    second = await rows.write(deliveries.mark, batch, 10, now, LEASE)
    assert [one.id for one in (*first.deliveries, *second.deliveries)] == ids and {one.attempt for one in first.deliveries} == {1}
    assert not (await rows.write(deliveries.mark, batch, 10, now, LEASE)).deliveries
    for one in await rows.all(mailing):  # what is handed over is read on the way, by the drivers' own hands
        marked = (first.items | second.items)[one.id]
        assert replace(one, address_read=None, findings=(), level=None, match={}) == marked
    assert {item.state for item in await rows.all(mailing)} == {ItemState.SENDING}
    assert {one.id for one in await rows.read(deliveries.orphans, batch)} == set(ids)


@pytest.mark.parametrize("word", ["hand_over", "put_back", "refuse", "doubt"])
async def test_record_every_command(rows: Rows, word: str) -> None:
    mailing, batch, _ = await rows.sending(3)
    now = rows.clock.now()
    marked = (await rows.write(deliveries.mark, batch, 3, now, LEASE)).deliveries
    later = now + timedelta(minutes=1)
    changes = [Change(one, word, f"r{n}", 7, "why", "c1", later) for n, one in enumerate(marked)]
    await rows.write(deliveries.record, batch, changes, now, LEASE)
    await rows.write(deliveries.record, batch, [], now, LEASE)
    target = DELIVERY_COMMANDS[word][1]
    kept = await rows.read(deliveries.by_ids, [one.id for one in marked])
    assert {one.state for one in kept.values()} == {target} and {one.cost for one in kept.values()} == {7}
    assert sorted(one.reference for one in kept.values()) == ["r0", "r1", "r2"]
    assert {one.handed_over_at is not None for one in kept.values()} == {word == "hand_over"}
    assert {one.ended_at is not None for one in kept.values()} == {target is DeliveryState.FAILED}
    assert {item.state.value for item in await rows.all(mailing)} == {target.value}
    if word == "put_back":
        assert await rows.read(deliveries.next_due, batch.id) == (3, later)
        assert not (await rows.write(deliveries.mark, batch, 3, now, LEASE)).deliveries
        assert len((await rows.write(deliveries.mark, batch, 3, later, LEASE)).deliveries) == 3


async def test_cancelling_against_marking(rows: Rows) -> None:
    """Whoever is first has the delivery; nobody has it twice."""
    for _ in range(3):
        mailing, batch, ids = await rows.sending(20)
        now = rows.clock.now()
        stopped, marked = await asyncio.gather(
            rows.write(deliveries.cancel_queued, mailing.id, now), rows.write(deliveries.mark, batch, 12, now, LEASE)
        )
        sent = len(marked.deliveries)
        assert stopped + sent <= len(ids) and stopped >= len(ids) - 12
        states = await rows.read(items.count_by_state, mailing.id)
        assert states.get(ItemState.CANCELLED, 0) == stopped and states.get(ItemState.SENDING, 0) == sent


@pytest.mark.slow
async def test_more_items_than_a_statement_has_parameters(rows: Rows) -> None:
    mailing, _batch, ids = await rows.sending(1300)
    assert await rows.write(deliveries.cancel_queued, mailing.id, rows.clock.now()) == len(ids)
    assert await rows.read(items.count_by_state, mailing.id) == {ItemState.CANCELLED: 1300}


async def test_climbing_in_any_order(rows: Rows) -> None:
    mailing, batch, ids = await rows.sending(2)
    now = rows.clock.now()
    told = [Event(kind, now, code="N02", text="gone", reference="theirs") for kind in (EventKind.RETURNED, EventKind.MAILED)]
    assert await rows.write(deliveries.climb, {ids[0]: told, ids[1]: told[::-1]}, now) == 2
    assert await rows.write(deliveries.climb, {ids[0]: told, ids[1]: told[::-1]}, now) == 0
    for one in (await rows.read(deliveries.by_ids, ids)).values():
        assert (one.state, one.code, one.error, one.reference) == (DeliveryState.RETURNED, "N02", "gone", "theirs")
        assert one.handed_over_at and one.ended_at
    assert {item.state for item in await rows.all(mailing)} == {ItemState.RETURNED}
    assert batch


async def test_references_of_another_organisation_are_not_ours(rows: Rows) -> None:
    _mailing, batch, _ids = await rows.sending(1)
    now = rows.clock.now()
    (marked,) = (await rows.write(deliveries.mark, batch, 1, now, LEASE)).deliveries
    await rows.write(deliveries.record, batch, [Change(marked, "hand_over", "ref-1")], now, LEASE)
    told = [Event(EventKind.DELIVERED, now, reference="ref-1"), Event(EventKind.DELIVERED, now, key=marked.id)]
    assert len(await rows.read(deliveries.find, rows.organisation_id, "c", told)) == 2
    assert await rows.read(deliveries.find, new_id(), "c", told) == {}
    assert await rows.read(deliveries.find, rows.organisation_id, "other", told) == {}
