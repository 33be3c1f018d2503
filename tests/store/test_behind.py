"""What lies behind a link, on both databases: whole rows, and nothing where the link is unknown or blocked."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.model.channel import Purpose
from postoffice.model.ids import new_id
from postoffice.model.item import NewItem
from postoffice.model.mailing import NewMailing, Options, Source
from postoffice.store import behind, contacts, items, links, mailings, people, portal
from postoffice.store import schema as tables
from postoffice.store.behind import Behind
from postoffice.store.database import Database
from postoffice.store.keys import Keyring

YEAR = timedelta(days=365)


@pytest.fixture
async def token(database: Database, organisation_id: str, keyring: Keyring, clock: Any) -> str:
    """A link to a letter of a contact, proven with its postcode."""
    token = keyring.link_token(new_id())
    async with database.write() as connection:
        options = Options(subject="Facture", purpose=Purpose.INVOICE, send_at=clock.now())
        mailing = await mailings.add(connection, NewMailing(organisation_id, Source.API, "x", options=options), clock.now())
        await items.add_all(connection, organisation_id, mailing.id, [NewItem(1, 2, None, email="a@example.net")], clock.now())
        (item,) = await items.page(connection, mailing.id, items.Filter())
        made = await contacts.find_or_add(connection, organisation_id, {"key": {"name": "Anne", "points": []}}, clock.now())
        values = {"contact_id": made["key"], "state": "delivered", "opened_at": clock.now()}
        await connection.execute(tables.items.update().values(**values))
        value = {"organisation_id": organisation_id, "item_id": item.id, "delivery_id": None, "token": token, "proof": "postcode"}
        value |= {"proof_text": "75008", "created_at": clock.now(), "expires_at": clock.now() + YEAR}
        await links.add_missing(connection, [value])
    return token


async def _behind(database: Database, token: str) -> Behind | None:
    return await database.look(partial(behind.by_token, token=token))


async def test_it_is_what_each_table_says_by_itself(database: Database, token: str, organisation_id: str) -> None:
    found = await _behind(database, token)
    assert found
    async with database.read() as connection:
        assert found.link == await links.by_token(connection, token)
        assert found.item == await items.get(connection, found.link.item_id)
        assert found.mailing == await mailings.get(connection, found.item.mailing_id)
        assert found.organisation == await people.organisation(connection, organisation_id)
        assert found.contact == await contacts.get(connection, str(found.item.contact_id), organisation_id)


async def test_an_item_without_a_contact_has_none(database: Database, token: str) -> None:
    async with database.write() as connection:
        await connection.execute(tables.items.update().values(contact_id=None))
    found = await _behind(database, token)
    assert found and found.contact is None and found.item.contact_id is None


async def test_unknown_and_blocked_are_nothing_and_so_is_what_was_shared_from_them(
    database: Database, token: str, organisation_id: str, clock: Any
) -> None:
    found = await _behind(database, token)
    assert found and await _behind(database, token[:-1]) is None
    async with database.write() as connection:
        shared = await links.share(
            connection, found.link, found.item.id, email="b@example.net", label="b", now=clock.now(), lifetime=timedelta(days=7)
        )
        visit = await connection.run_sync(links.open_session, found.link, clock.now(), timedelta(hours=1))
    second = await _behind(database, shared)
    assert second and second.link.parent_id == found.link.id
    opened = await database.look(partial(links.shared, parent_id=found.link.id, now=clock.now()))
    assert opened == [second.link]
    assert await database.look(partial(links.shared, parent_id=found.link.id, now=clock.now() + timedelta(days=8))) == []
    session = await database.look(partial(behind.by_session, token=visit, now=clock.now()))
    assert session and (session.behind, session.level, session.seen_at) == (found, "typed", clock.now())
    async with database.write() as connection:  # the first alone: what was shared from it ends by itself
        await connection.execute(tables.links.update().where(tables.links.c.id == found.link.id).values(revoked_at=clock.now()))
    for dead in (token, shared):
        assert await _behind(database, dead) is None
    assert await database.look(partial(behind.by_session, token=visit, now=clock.now())) is None


async def test_letters_are_those_of_one_contact_that_were_sent(database: Database, token: str, organisation_id: str) -> None:
    found = await _behind(database, token)
    assert found
    whose: dict[str, Any] = {"organisation_id": organisation_id, "contact_id": str(found.item.contact_id)}
    whose |= {"live": True, "confidential": False}
    own = portal.Letter(found.item, found.mailing)
    assert await database.look(partial(portal.letters, **whose)) == [own]
    assert await database.look(partial(portal.letter, item_id=found.item.id, **whose)) == own
    for other in ({"contact_id": new_id()}, {"organisation_id": new_id()}, {"live": False}):
        assert await database.look(partial(portal.letters, **{**whose, **other})) == []
    async with database.write() as connection:
        await connection.execute(sa.update(tables.items).values(state="draft"))
    assert await database.look(partial(portal.letter, item_id=found.item.id, **whose)) is None
