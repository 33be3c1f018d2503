"""No more offers by fax: a code that is typed off the fax, and the page that it is typed into."""

from datetime import timedelta

import pytest

from postoffice.actions import fax_stops
from postoffice.model.channel import Channel, Purpose
from postoffice.model.ids import new_id
from postoffice.portal.limits import TRIES_OF_NETWORK
from postoffice.store import consents, deliveries, events, people, suppressions
from tests.doors import Office
from tests.portal.conftest import Letter, belongs, dump, sent

NUMBER = "+33199000042"


def code_of(office: Office, number: str = NUMBER, *, organisation_id: str = "", live: bool = True) -> str:
    return office.house.keyring.fax_stop_code(organisation_id or office.organisation_id, number, live=live)


async def faxed(office: Office) -> tuple[Letter, str]:
    """A letter that went by fax to a contact, and the contact's id."""
    (letter,) = await sent(office, 1, purpose=Purpose.PROMOTION)
    row = {"id": new_id(), "organisation_id": office.organisation_id, "item_id": letter.item.id, "mailing_id": letter.item.mailing_id}
    more = {"batch_id": None, "rung": 0, "channel": "fax", "carrier": "my-fax", "to": NUMBER, "created_at": office.clock.now()}
    async with office.house.database.write() as connection:
        await deliveries.add_all(connection, [{**row, **more}])
        table = deliveries.deliveries
        await connection.execute(table.update().where(table.c.id == row["id"]).values(state="delivered"))
    return letter, await belongs([letter])


async def type_in(office: Office, number: str, code: str, **headers: str) -> tuple[int, str]:
    answer = await office.client.post(fax_stops.PATH, data={"number": number, "code": code}, headers=headers)
    return answer.status, await answer.text()


async def blocked(office: Office, purpose: Purpose = Purpose.PROMOTION, number: str = NUMBER, *, organisation_id: str = "") -> bool:
    blind = office.house.keyring.blind(suppressions.normal(Channel.FAX, number, None))
    whose = organisation_id or office.organisation_id
    async with office.house.database.read() as connection:
        return (Channel.FAX, blind) in await suppressions.among(connection, whose, purpose, [blind], office.clock.now())


async def test_the_number_as_dialled_and_the_code_stop_offers_and_nothing_else(office_on_both: Office) -> None:
    office = office_on_both
    letter, contact_id = await faxed(office)
    status, text = await type_in(office, "01 99 00 00 42", code_of(office).lower().replace("-", " "))
    assert status == 200 and "Mairie de Test" in text and "n&#39;envoie plus de publicité" in text
    assert await blocked(office) and not await blocked(office, Purpose.INVOICE)
    assert (await type_in(office, "+33 1 99 00 00 42", code_of(office)))[0] == 200, "twice is once"
    async with office.house.database.read() as connection:
        lines = [line.kind.value for line in await events.of_item(connection, letter.item.id)]
        (entry,) = (await consents.of_contacts(connection, office.organisation_id, [contact_id]))[contact_id]
    assert lines.count("opted_out") == 1
    assert (entry.purpose, entry.channel, entry.given, entry.means.value) == ("promotion", "fax", False, "fax")
    assert entry.proof["words"] and entry.proof["delivery"] and "0199000042" not in str(entry.proof)


async def test_a_right_code_stops_a_number_that_is_no_contact_s(office: Office) -> None:
    assert (await type_in(office, "01 99 00 00 42", code_of(office)))[0] == 200
    assert await blocked(office)


@pytest.mark.parametrize("number", [NUMBER, "01 99 00 00 43", "", "no number", "é" * 400])
async def test_a_wrong_code_says_the_same_of_every_number(office: Office, number: str) -> None:
    await faxed(office)
    before = dump(office)
    unlike = code_of(office, "+33199000077")
    status, text = await type_in(office, number, unlike)
    other = await type_in(office, "01 99 00 00 55", unlike)
    assert status == other[0] == 422 and not await blocked(office)
    assert text.replace(number, "") == other[1].replace("01 99 00 00 55", "")
    (counted,) = [line for line in dump(office).splitlines() if line not in before]
    assert counted.startswith('INSERT INTO "tries"'), "nothing else is kept of it"


async def test_the_code_tells_which_organisation_is_meant(office: Office) -> None:
    other = await office.other_organisation()
    status, text = await type_in(office, "+33199000042", code_of(office, organisation_id=other))
    assert status == 200 and "Other" in text
    assert await blocked(office, organisation_id=other) and not await blocked(office)


async def test_a_trial_s_code_stops_nothing_real(office: Office) -> None:
    assert (await type_in(office, NUMBER, code_of(office, live=False)))[0] == 200
    assert not await blocked(office)


async def test_letters_that_look_like_digits_are_taken_for_them(office: Office) -> None:
    async with office.house.database.read() as connection:
        known = await people.all_organisations(connection)
    for last in range(3000):
        number = f"+331990{last:05}"
        code = code_of(office, number)
        assert len(code) == 9 and not set(code) & set("ILOU")
        if {"0", "1"} <= set(code):
            break
    typed = code.replace("0", "O").replace("1", "l")
    found = fax_stops.find(office.house, known, {"FR": number}, typed)
    assert found is not None and found.number == number
    assert fax_stops.find(office.house, known, {"FR": number}, typed[:-1]) is None
    assert fax_stops.find(office.house, known, {"FR": ""}, code_of(office, "")) is None


async def test_looking_changes_nothing_and_tells_how(office: Office) -> None:
    before = dump(office)
    for language, words in (("fr", "Votre numéro de télécopie"), ("en", "Your fax number")):
        answer = await office.client.get("/stop?number=1&code=2", headers={"Accept-Language": language})
        assert answer.status == 200 and words in await answer.text()
    assert (await office.client.head("/stop")).status == 200
    assert dump(office) == before


async def test_wrong_tries_are_limited_by_where_they_come_from_and_right_ones_forgiven(office: Office) -> None:
    for _ in range(3):
        assert (await type_in(office, NUMBER, code_of(office)))[0] == 200
    for _ in range(TRIES_OF_NETWORK):
        assert (await type_in(office, NUMBER, "ABCD-EFGH"))[0] == 422
    assert (await type_in(office, NUMBER, code_of(office)))[0] == 429, "not even a right one is judged"
    office.clock.time += timedelta(minutes=16)
    assert (await type_in(office, NUMBER, code_of(office)))[0] == 200
