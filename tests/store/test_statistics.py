"""What a database is told of tables that just filled, and rows that go to it as columns."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from postoffice.model.errors import Conflict
from postoffice.store import contact_book, contact_keys, statistics
from postoffice.store.contact_book import NewContact
from postoffice.store.database import Database
from postoffice.store.prepared import insert_rows
from postoffice.store.schema import contacts

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def test_tables_that_filled_are_looked_at_once(database: Database, organisation_id: str) -> None:
    new = [NewContact({"name": f"n{number}" * 40, "match_key": f"k{number}"}, [], frozenset()) for number in range(600)]
    async with database.write() as connection:
        await contact_book.add_all(connection, organisation_id, new, NOW)
    first = await statistics.refresh(database)
    assert first == ([] if database.is_sqlite else ["contacts"])
    assert await statistics.refresh(database) == []


async def test_many_rows_are_written_as_they_are_whatever_is_in_them(database: Database, organisation_id: str) -> None:
    names = ["", "NULL", "{a,b}", 'a "quoted" \\ name', "Zoë\n☃", "'); --"] * 5
    values = [
        {"id": f"{number:026}", "organisation_id": organisation_id, "kind": "person", "name": name, "match_key": str(number)}
        | {"language": "", "created_at": NOW, "updated_at": NOW, "external_ids": {}, "attributes": {"a": [name, None, number]}}
        for number, name in enumerate(names)
    ]
    async with database.write() as connection:
        assert await insert_rows(connection, contacts, values) == len(values)
        assert await insert_rows(connection, contacts, values, once=True) == 0
        # one of them is new, and no column but the words of its key tells it from another: what all share is sent once
        fresh = {**values[0], "id": f"{99:026}", "match_key": "fresh"}
        assert await insert_rows(connection, contacts, [fresh, *[values[0]] * 30], once=True) == 1
        await connection.execute(contacts.delete().where(contacts.c.id == fresh["id"]))
    query = sa.select(contacts.c.name, contacts.c.attributes, contacts.c.created_at, contacts.c.merged_into).order_by(contacts.c.id)
    async with database.read() as connection:
        found = (await connection.execute(query)).all()
    assert [tuple(one) for one in found] == [(name, {"a": [name, None, number]}, NOW, None) for number, name in enumerate(names)]


async def test_a_number_that_another_contact_has_is_a_conflict(database: Database, organisation_id: str) -> None:
    new = [NewContact({"name": f"n{number}", "match_key": f"k{number}"}, [], frozenset()) for number in range(2)]
    async with database.write() as connection:
        one, other = await contact_book.add_all(connection, organisation_id, new, NOW)
        await contact_keys.write(connection, organisation_id, [(one, {("x", "7|erp")})])
    with pytest.raises(Conflict):
        async with database.write() as connection:
            await contact_keys.write(connection, organisation_id, [(other, {("x", "7|erp")})])
