"""Recency, frequency, amount: the database's reckoning laid beside one in plain Python over the same purchases."""

import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.campaigns.rfm import MAP, Group, group, score
from postoffice.model.ids import new_id
from postoffice.store import contact_book, merges, purchases, rfm
from postoffice.store.contact_book import NewContact
from postoffice.store.database import Database
from postoffice.store.purchases import Line

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def _customers(database: Database, organisation_id: str, count: int) -> list[str]:
    new = [NewContact({"name": f"n{number}", "match_key": f"k{number}"}, [], frozenset()) for number in range(count)]
    async with database.write() as connection:
        return await contact_book.add_all(connection, organisation_id, new, NOW)


def _lines(dice: random.Random, ids: list[str], count: int) -> list[Line]:
    """Many ties: round amounts, few days; some refunds, some in another currency, some yet to come."""
    return [
        Line(
            dice.choice(ids),
            new_id(),
            NOW - timedelta(days=dice.randrange(-2, 40)),
            dice.choice([-1000, 1000, 1000, 2000, 5000]),
            dice.choice(["EUR"] * 9 + ["USD"]),
            "",
            1,
        )
        for _ in range(count)
    ]


def _by_hand(lines: list[Line], stands_for: dict[str, str]) -> dict[str, tuple[int, int, int, Group]]:
    """Counting who is worse, one by one."""
    last, often, much = defaultdict[str, datetime](lambda: datetime.min.replace(tzinfo=UTC)), Counter[str](), Counter[str]()
    for line in lines:
        if line.currency == "EUR" and line.bought_at <= NOW:
            who = stands_for.get(line.contact_id, line.contact_id)
            much[who] += line.amount
            if line.amount > 0:
                last[who] = max(last[who], line.bought_at)
                often[who] += 1
    found = {}
    for who in often:
        scores = []
        for values in (last, often, much):
            worse = sum(values[other] < values[who] for other in often)
            scores.append(1 + (worse * 5) // len(often))
        found[who] = (*scores, group(*scores))
    return found


@pytest.mark.parametrize(("customers", "count"), [(3, 4), (90, 300)])
async def test_scores_are_those_of_an_independent_reckoning(
    database: Database, organisation_id: str, customers: int, count: int
) -> None:
    ids = await _customers(database, organisation_id, customers)
    lines = _lines(random.Random(5), ids, count)
    async with database.write() as connection:
        assert set(await purchases.add_all(connection, organisation_id, lines, NOW)) == {"written"}
        assert set(await purchases.add_all(connection, organisation_id, lines, NOW)) == {"known"}
        await merges.merge(connection, organisation_id, ids[0], ids[1], "x", "", NOW)
        assert await rfm.stale(connection, NOW) == [organisation_id]
    made = await rfm.make(database, organisation_id, MAP, NOW)
    assert await rfm.make(database, organisation_id, MAP, NOW) == made, "twice is once"
    right = _by_hand(lines, {ids[1]: ids[0]})
    async with database.read() as connection:
        found = {one: await rfm.of_contact(connection, organisation_id, one) for one in ids}
        sizes = await rfm.sizes(connection, organisation_id)
        run = await rfm.run(connection, organisation_id)
        assert await rfm.stale(connection, NOW) == [] and await rfm.stale(connection, NOW + timedelta(days=2)) == [organisation_id]
    told = {who: (one.recency, one.frequency, one.monetary, Group(one.group)) for who, one in found.items() if one}
    assert told == right and made == len(right) and run is not None and run.reference_at == NOW
    assert {word: number for word, (number, _amount) in sizes.items()} == Counter(one[3].value for one in right.values())


class _Dies(Database):
    """A database whose process ends at its third writing transaction; what others write meanwhile is told to `between`."""

    def __init__(self, url: str, between: Callable[[], Awaitable[None]]) -> None:
        super().__init__(url)
        self._between, self._left = between, 3

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        self._left -= 1
        if not self._left:
            await self._between()  # would wait for ever, were it all one transaction
            raise ConnectionError("killed")
        async with super().write() as connection:
            yield connection


async def test_killed_between_two_pieces_it_is_made_again_and_others_write_meanwhile(database: Database, organisation_id: str) -> None:
    ids = sorted(await _customers(database, organisation_id, 12))
    lines = [Line(one, new_id(), NOW - timedelta(days=number), 1000, "EUR", "", 1) for number, one in enumerate(ids)]
    async with database.write() as connection:
        await purchases.add_all(connection, organisation_id, lines, NOW)

    async def others() -> None:
        async with database.write() as connection:
            more = Line(ids[0], new_id(), NOW, 9000, "EUR", "", 2)
            await purchases.add_all(connection, organisation_id, [more], NOW)
            await rfm.told(connection, organisation_id)

    dying = _Dies(database.url.render_as_string(hide_password=False), others)
    with pytest.raises(ConnectionError):
        await rfm.make(dying, organisation_id, MAP, NOW, piece=5)
    await dying.close()
    async with database.read() as connection:
        assert [bool(await rfm.of_contact(connection, organisation_id, one)) for one in ids] == [True] * 5 + [False] * 7
        assert await rfm.stale(connection, NOW) == [organisation_id]
    assert await rfm.make(database, organisation_id, MAP, NOW, piece=5) == 12
    async with database.read() as connection:
        first = await rfm.of_contact(connection, organisation_id, ids[0])
        assert first is not None and (first.amount, first.purchases) == (10_000, 2)
        assert (
            await rfm.stale(connection, NOW) == [] and sum(n for n, _ in (await rfm.sizes(connection, organisation_id)).values()) == 12
        )


def test_the_ten_groups_fill_the_whole_map() -> None:
    assert {group(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)} == set(Group)
    assert [group(5, 5, 5), group(1, 1, 1), group(1, 5, 5), group(3, 3, 3)] == [
        Group.CHAMPIONS,
        Group.LOST,
        Group.CANNOT_LOSE,
        Group.ATTENTION,
    ]
    assert [score(worse, 10) for worse in range(10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [score(worse, 1) for worse in (0,)] == [1]
