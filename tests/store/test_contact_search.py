"""Lists of contacts: whatever a filter leaves, few or thousands, a page is the same."""

from typing import Any

import pytest

from postoffice.model.ids import new_id
from postoffice.store import contact_book, contact_search
from postoffice.store.contact_book import NewContact
from postoffice.store.contact_search import Look
from postoffice.store.database import Database

pytestmark = pytest.mark.slow
COUNT = 5_400  #: of whom all are called Martin: more than are fetched one by one


def person(number: int) -> NewContact:
    name = f"{'Anne' if number % 3 else 'Zoé'} Martin {number * 7919 % COUNT:05d}"
    keys = {("w", "martin"), ("w", "anne" if number % 3 else "zoe"), *([("w", "rare")] if number % 900 == 0 else [])}
    values = {"kind": "person", "name": name, "match_key": new_id(), "external_ids": {}}
    return NewContact(values, [("email", f"m{number}@example.org", None)], frozenset(keys))


@pytest.fixture
async def names(database: Database, organisation_id: str, clock: Any) -> dict[str, str]:
    """Name -> id."""
    new = [person(number) for number in range(COUNT)]
    async with database.write() as connection:
        ids = await contact_book.add_all(connection, organisation_id, new, clock.now())
    return dict(zip((str(one.values["name"]) for one in new), ids, strict=True))


async def look(database: Database, organisation_id: str, words: tuple[str, ...], after: tuple[str, str] | None = None) -> list[str]:
    async with database.read() as connection:
        return await contact_search.page(connection, organisation_id, Look(words=words), after=after, limit=20)


async def test_pages_come_by_name_however_many_fit(database: Database, organisation_id: str, names: dict[str, str]) -> None:
    ordered = sorted(names)
    first = await look(database, organisation_id, ("martin",))
    assert first == [names[name] for name in ordered[:20]], "thousands fit: they are sorted"
    following = await look(database, organisation_id, ("martin",), (ordered[19], names[ordered[19]]))
    assert following == [names[name] for name in ordered[20:40]]
    zoes = [name for name in ordered if name.startswith("Zoé")]
    assert await look(database, organisation_id, ("martin", "zoe")) == [names[name] for name in zoes[:20]]
    rare = [person(number).values["name"] for number in range(0, COUNT, 900)]
    assert await look(database, organisation_id, ("martin", "rare")) == [names[name] for name in sorted(rare)]
    assert await look(database, organisation_id, ("martin", "nobody")) == []
