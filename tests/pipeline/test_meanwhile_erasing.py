"""Who is erased while something else is being written about them stays erased: whatever comes second finds nobody."""

from collections.abc import Awaitable, Callable

import pytest

from postoffice.actions import addressbook
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict
from postoffice.store import contact_book, erasing, merges, segment_tags
from postoffice.store.schema import contact_keys, contact_points, contacts
from tests.pipeline.at_once import waits
from tests.pipeline.house import Office

pytestmark = pytest.mark.slow

Write = Callable[[Office, str], Awaitable[object]]


async def _edit(office: Office, contact_id: str) -> object:
    values, points = {"name": "Anne Again", "external_ids": {"crm": "7"}}, {"email": ["anne.again@example.fr"]}
    return await addressbook.update(office.house, office.organisation_id, contact_id, values, points, OFFICE)


async def _tag(office: Office, contact_id: str) -> object:
    async with office.house.database.write() as connection:
        return await segment_tags.put(connection, office.organisation_id, [contact_id], "again", office.clock.now())


async def _merge(office: Office, contact_id: str) -> object:
    other = await addressbook.create(office.house, office.organisation_id, {"name": "Bernard"}, {}, OFFICE)
    return await addressbook.merge(office.house, office.organisation_id, contact_id, other, OFFICE)


async def _anne(office: Office) -> str:
    values = {"name": "Anne Durand", "external_ids": {"crm": "7"}, "tags": ["client"]}
    return await addressbook.create(office.house, office.organisation_id, values, {"email": ["anne@example.fr"]}, OFFICE)


@pytest.mark.parametrize(("write", "refused"), [(_edit, True), (_merge, True), (_tag, False)])
async def test_what_is_written_while_a_contact_is_erased_does_not_outlive_it(office: Office, write: Write, refused: bool) -> None:
    anne, now = await _anne(office), office.clock.now()
    async with office.house.database.write() as connection:
        await contact_book.hold(connection, office.organisation_id, [anne])
        group = await merges.group(connection, office.organisation_id, anne)
        await erasing.erase(connection, office.organisation_id, group, now)
        writing = await waits(office, _settled(write(office, anne)))
    said = await writing
    assert isinstance(said, Conflict) if refused else said is None
    await _nothing_left(office, anne)


async def test_erasing_waits_for_what_is_being_written_and_takes_it_too(office: Office) -> None:
    anne = await _anne(office)
    async with office.house.database.write() as connection:
        await contact_book.hold(connection, office.organisation_id, [anne])
        point = (Channel.EMAIL.value, "anne.again@example.fr", None)
        await contact_book.change(connection, office.organisation_id, anne, {"name": "Anne Again"}, [point], office.clock.now())
        await addressbook.refresh(connection, office.organisation_id, anne)
        erased = await waits(office, addressbook.erase(office.house, office.organisation_id, anne, OFFICE, "asked"))
    await erased
    await _nothing_left(office, anne)


async def test_a_contact_that_is_merged_while_it_is_erased_is_erased_with_the_other(office: Office) -> None:
    anne = await _anne(office)
    other = await addressbook.create(office.house, office.organisation_id, {"name": "Anne Durant"}, {}, OFFICE)
    async with office.house.database.write() as connection:
        await merges.merge(connection, office.organisation_id, anne, other, "staff", "same", office.clock.now())
        erased = await waits(office, addressbook.erase(office.house, office.organisation_id, anne, OFFICE, "asked"))
    await erased
    await _nothing_left(office, anne)
    await _nothing_left(office, other)


async def _settled(work: Awaitable[object]) -> object:
    """What it came to, or the error."""
    try:
        return await work
    except Conflict as error:
        return error


async def _nothing_left(office: Office, contact_id: str) -> None:
    async with office.house.database.read() as connection:
        one = (await connection.execute(contacts.select().where(contacts.c.id == contact_id))).one()
        keys = (await connection.execute(contact_keys.select().where(contact_keys.c.contact_id == contact_id))).all()
        points = (await connection.execute(contact_points.select().where(contact_points.c.contact_id == contact_id))).all()
    assert (one.name, one.external_ids, one.tags, keys, points) == ("", {}, None, [], [])
    assert one.erased_at is not None
