"""Items find their contacts: by number, e-mail, mobile, name and address; what is not sure waits, and nothing is merged silently."""

from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import addressbook, steering
from postoffice.actions.actor import OFFICE
from postoffice.contacts.keys import keys_of
from postoffice.model.address import PostalAddress
from postoffice.model.item import NewItem
from postoffice.model.mailing import Options
from postoffice.pipeline import matching
from postoffice.store import contact_book, doubts, events, items, merges, points
from postoffice.store.contact_book import NewContact
from postoffice.store.schema import contacts
from tests.pipeline.house import Office, people_items

HOME = PostalAddress(("Jean Dupont", "12 rue de l'Église", "69002 LYON"), "69002", "LYON", "FR")


async def add(office: Office, name: str, address: PostalAddress | None, *, external: str = "", **values: str) -> str:
    known = [("post", ", ".join(address.lines), address)] if address else []
    places: list[Any] = known + [(channel, value, None) for channel, value in values.items()]
    numbers = {"crm": external} if external else {}
    keys = keys_of(name, "", [address] if address else [], numbers, ())
    new = NewContact({"name": name, "match_key": f"{name}{external}"[:64], "external_ids": numbers}, places, keys)
    async with office.house.database.write() as connection:
        return (await contact_book.add_all(connection, office.organisation_id, [new], office.clock.now()))[0]


async def matched(office: Office, *new: NewItem) -> list[Any]:
    mailing = await office.drafts(list(new))
    found = await office.items(mailing)
    async with office.house.database.write() as connection:
        await matching.place(office.house, connection, office.organisation_id, found, office.clock.now())
    return await office.items(mailing)


def letter(*lines: str, **more: Any) -> NewItem:
    return NewItem(1, 1, PostalAddress(lines) if lines else None, **more)


@pytest.mark.parametrize(
    "lines",
    [
        ("M. DUPONT Jean", "12, r. de l'Eglise", "69002 Lyon"),
        ("Jean Dupond", "12 rue de l'Église", "69002 LYON CEDEX"),
        ("Monsieur Jean DUPONT", "Bâtiment B", "12 rue de l Eglise", "69002 LYON"),
    ],
)
async def test_a_name_and_address_in_another_writing_is_the_same_contact(office: Office, lines: tuple[str, ...]) -> None:
    jean = await add(office, "Jean Dupont", HOME, email="jean@example.org", sms="+33612345678")
    (item,) = await matched(office, letter(*lines))
    assert item.contact_id == jean and item.match["by"] == "address"
    assert (item.email, item.mobile) == ("jean@example.org", "+33612345678") and item.match["filled"] == ["email", "mobile"]


@pytest.mark.parametrize(
    ("lines", "doubtful"),
    [
        (("Jeanne Dupont", "12 rue de l'Église", "69002 LYON"), True),
        (("J. Dupont", "12 rue de l'Église", "69002 LYON"), True),
        (("Jean Dupont", "14 rue de l'Église", "69002 LYON"), True),
        (("Marie Dupont", "12 rue de l'Église", "69002 LYON"), False),
        (("Jean Dupont", "3 place Bellecour", "69002 LYON"), False),
        (("Jean Dupont", "12 rue de l'Église", "35000 RENNES"), False),
    ],
)
async def test_who_is_only_alike_is_never_taken_for_the_contact(office: Office, lines: tuple[str, ...], doubtful: bool) -> None:
    jean = await add(office, "Jean Dupont", HOME, email="jean@example.org")
    (item,) = await matched(office, letter(*lines))
    assert item.contact_id is None and item.email == "" and item.match["by"] == ""
    async with office.house.database.read() as connection:
        waiting = await doubts.page(connection, office.organisation_id)
    assert [one["contact"] for doubt in waiting for one in doubt.candidates] == ([jean] if doubtful else [])


async def test_a_customers_number_an_address_and_a_mobile_find_their_contact(office: Office) -> None:
    jean = await add(office, "Jean Dupont", None, external="C-17", email="jean@example.org", sms="+33612345678")
    paul = await add(office, "Paul Petit", None, external="C-18", email="paul@example.org")
    found = await matched(
        office,
        letter("Dupont", "3 place Bellecour", "69002 LYON", reference="C-17"),
        letter(email="Jean@example.org"),
        letter("Jean Dupont", "x", "69002 LYON", mobile="+33612345678"),
        letter("Somebody Else", "3 place Bellecour", "69002 LYON", fields={"customer": "C-18"}, reference="INV-1"),
        letter("Somebody Else", "3 place Bellecour", "69002 LYON", email="paul@example.org"),
        letter("Nobody Known", "3 place Bellecour", "69002 LYON", reference="C-1"),
    )
    assert [item.contact_id for item in found] == [jean, jean, jean, None, None, None]
    assert [item.match["by"] for item in found] == ["reference", "email", "sms", "", "", ""]
    async with office.house.database.read() as connection:
        waiting = await doubts.page(connection, office.organisation_id)
    assert [[one["contact"] for one in doubt.candidates] for doubt in waiting] == [[paul], [paul]]
    assert all("other-name" in doubt.candidates[0]["reasons"] for doubt in waiting)


async def test_two_contacts_that_fit_alike_are_a_doubt(office: Office) -> None:
    both = {await add(office, "Jean Dupont", HOME, external=number) for number in ("A", "B")}
    (item,) = await matched(office, letter("M. Jean Dupont", "12 rue de l'Église", "69002 LYON"))
    async with office.house.database.read() as connection:
        waiting = await doubts.page(connection, office.organisation_id)
    assert item.contact_id is None and {one["contact"] for one in waiting[0].candidates} == both


async def test_only_healthy_addresses_are_filled_in(office: Office) -> None:
    jean = await add(office, "Jean Dupont", HOME, email="jean@example.org", sms="+33612345678")
    async with office.house.database.write() as connection:
        dead = lambda point: point.channel == "email"  # noqa: E731
        await points.mark(connection, office.organisation_id, jean, dead, "dead", "bounced", office.clock.now())
    (item,) = await matched(office, letter("Jean Dupont", "12 rue de l'Église", "69002 LYON"))
    assert (item.email, item.mobile) == ("", "+33612345678")


async def test_a_merged_contact_is_found_as_the_one_that_stands_for_it_until_they_are_parted(office: Office) -> None:
    jean = await add(office, "Jean Dupont", HOME, external="A")
    other = await add(office, "Jean Durand", None, external="B", email="durand@example.org")
    async with office.house.database.write() as connection:
        merge_id = await merges.merge(connection, office.organisation_id, jean, other, "user:x", "", office.clock.now())
    (item,) = await matched(office, letter(reference="B"))
    assert item.contact_id == jean and item.email == "durand@example.org"
    async with office.house.database.write() as connection:
        await merges.part(connection, office.organisation_id, merge_id, office.clock.now())
    (item,) = await matched(office, letter(reference="B"))
    assert item.contact_id == other


async def test_reading_a_mailing_twice_matches_once_and_planning_makes_contacts_of_the_rest(office: Office) -> None:
    jean = await add(office, "Jean Dupont", HOME, email="jean@example.org")
    mailing = await office.drafts(
        [letter("Dupont Jean", "12 rue de l Eglise", "69002 Lyon"), letter("Anne Neu", "1 rue X", "75011 PARIS")], Options(channel=None)
    )

    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.work(1)
    first, second = await office.items(mailing)
    assert first.contact_id == jean and second.contact_id not in (None, jean)
    assert (first.email, first.match["by"], first.match["filled"]) == ("jean@example.org", "address", ["email"])
    assert first.plan[0]["to"] == "jean@example.org", "what was found is planned with in the same transaction"
    assert (second.match["by"], second.match["filled"]) == ("", [])
    async with office.house.database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(contacts)) == 2
        assert [one.name for one in (await contact_book.by_ids(connection, office.organisation_id, [second.contact_id])).values()]
    (again,) = await matched(office, letter("NEU Anne", "1, rue X", "75011 Paris"))
    assert again.contact_id == second.contact_id, "what planning made is found by the next mailing, whatever its writing"
    assert await office.items(mailing) and items


async def test_news_for_an_erased_contact_reaches_its_letter_without_the_person(office: Office) -> None:
    mailing = await office.drafts(people_items(2))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.work()
    before = await office.items(mailing)
    kept = await addressbook.erase(office.house, office.organisation_id, before[0].contact_id, OFFICE, "asked")
    assert kept.letters_under_way == 1
    await office.follow()
    after = await office.items(mailing)
    assert [item.state.value for item in after] == ["delivered", "delivered"], office.log.lines
    again = await addressbook.erase(office.house, office.organisation_id, before[0].contact_id, OFFICE, "asked")
    assert again.letters_blanked == 1
    blank = (await office.items(mailing))[0]
    assert (blank.address, blank.email, blank.mobile, blank.fax) == (None, "", "", "") and blank.contact_id == before[0].contact_id
    async with office.house.database.read() as connection:
        lines = await events.of_contact(connection, before[0].contact_id)
        gone = await contact_book.get(connection, office.organisation_id, before[0].contact_id)
    assert lines and (gone.name, gone.points) == ("", ()) and gone.erased_at
