"""Forgetting a person: no row tells of them any more, and what is left belongs together as before."""

from typing import Any

import pytest

from postoffice.actions import addressbook, returned, steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.mailing import Options
from postoffice.model.returned import Reason, Way
from postoffice.store import mailings
from postoffice.store.schema import metadata
from postoffice.store.verify import ask_rows
from tests.pipeline.house import Office, people_items

pytestmark = pytest.mark.slow

WORDS = ("Anne 2", "anne2@", "2 rue des Lilas")


async def rows_with(office: Office, words: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Tables and rows in which one of some words stands, as a person would read them."""
    found = []
    async with office.house.database.read() as connection:
        for table in metadata.sorted_tables:
            for row in await connection.execute(table.select()):
                if any(word in str(tuple(row)) for word in words):
                    found.append((table.name, tuple(row)))
    return found


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.POST])
async def test_no_row_tells_of_an_erased_person_and_all_still_belongs_together(office: Office, channel: Channel) -> None:
    options = Options(channel=channel)
    mailing = await office.drafts(people_items(3), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.follow(5)
    one = (await office.items(mailing))[1]
    assert one.contact_id and one.delivery_id and await rows_with(office, WORDS)
    if channel is Channel.POST:
        await returned.enter(office.house, office.organisation_id, one.delivery_id, Reason.UNKNOWN, OFFICE, Way.TYPED)
    for _ in range(2):
        kept = await addressbook.erase(office.house, office.organisation_id, one.contact_id, OFFICE, "asked by letter")
        assert (kept.letters_blanked, kept.letters_under_way) == (1, 0)
        assert await rows_with(office, WORDS) == []
    assert len(await rows_with(office, ("Anne 1", "Anne 3"))) >= 4, "nobody else is forgotten"
    assert [(result.word, result.examples) for result in await ask_rows(office.house.database) if result.faults] == []
    async with office.house.database.read() as connection:
        now_so = await mailings.get(connection, mailing.id)
    await steering.resend(office.house, now_so, [(await office.items(mailing))[1]], OFFICE)
    await office.follow(2)
    again = (await office.items(mailing))[1]
    assert (again.state.value, again.held_reason) == ("held", f"no-{channel.value}-address"), "there is nowhere to send it to"
