"""Preferences and data: each change is a line of the ledger with its proof, and takes effect where mail is planned."""

import io
import json
import zipfile
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import addressbook
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Means
from postoffice.privacy import ledger
from postoffice.store import consents, contacts, points, portal, suppressions
from postoffice.store import schema as tables
from tests.doors import Office
from tests.portal.conftest import Letter, belongs, dump, last_code, sandboxed, sent
from tests.portal.test_codes import other as another_code
from tests.portal.test_letters import enter

AGENT = {"User-Agent": "Telephone/1.0"}


async def visited(office: Office) -> tuple[Letter, str]:
    letter, _ = await sent(office, 2)
    contact_id = await belongs([letter])
    await enter(letter)
    return letter, contact_id


async def said(office: Office, contact_id: str) -> list[Any]:
    async with office.house.database.read() as connection:
        found = await consents.of_contacts(connection, office.organisation_id, [contact_id])
    return found.get(contact_id, [])


async def blocked(office: Office, purpose: Purpose, channel: Channel = Channel.EMAIL, to: str = "anne@example.net") -> bool:
    blind = office.house.keyring.blind(suppressions.normal(channel, to, None))
    async with office.house.database.read() as connection:
        found = await suppressions.among(connection, office.organisation_id, purpose, [blind], office.clock.now())
    return (channel, blind) in found


async def test_no_is_a_line_with_its_proof_and_blocks_at_once(office_on_both: Office) -> None:
    office = office_on_both
    letter, contact_id = await visited(office)
    page = await (await office.client.get("/l/choices")).text()
    assert 'name="promotion.email"' in page and 'name="invoice.post"' not in page, "what is needed cannot be refused"
    assert page.count(" checked") == 1, "nothing is answered beforehand but the favourite, which is none"
    answer = await office.client.post("/l/choices", data={"promotion.email": "no"}, headers=AGENT, allow_redirects=False)
    assert answer.status == 303
    (line,) = await said(office, contact_id)
    assert (line.purpose, line.channel, line.given, line.means) == ("promotion", "email", False, Means.PORTAL)
    proof = line.proof
    assert len(proof["text"]) == 64 and proof["agent"] == "Telephone/1.0" and proof["network"] == "127.0.0.0/24" and proof["link"]
    assert await blocked(office, Purpose.PROMOTION) and not await blocked(office, Purpose.INVOICE)
    assert letter.token not in str(proof) and "anne@" not in str(proof)


@pytest.mark.slow
async def test_yes_after_no_lifts_what_they_blocked_but_no_bounce(office_on_both: Office) -> None:
    office = office_on_both
    _letter, contact_id = await visited(office)
    await office.client.post("/l/choices", data={"promotion.email": "no"})
    await office.client.post("/l/choices", data={"promotion.email": "yes"})
    assert not await blocked(office, Purpose.PROMOTION)
    lines = await said(office, contact_id)
    assert [line.given for line in lines] == [False, True] and ledger.standing(lines, "promotion", "email") is True
    async with office.house.database.write() as connection:
        blind = office.house.keyring.blind(suppressions.normal(Channel.EMAIL, "anne@example.net", None))
        for reason, purpose in (("bounced", None), ("opt-out", None)):
            await suppressions.add(
                connection,
                organisation_id=office.organisation_id,
                channel=Channel.EMAIL,
                address_hash=blind,
                reason=reason,
                origin="relay",
                now=office.clock.now(),
                purpose=purpose,
            )
    await office.client.post("/l/choices", data={"promotion.email": "yes"})
    assert await blocked(office, Purpose.PROMOTION), "an address that bounced stays blocked"


@pytest.mark.slow
async def test_saying_the_same_again_or_nothing_writes_nothing(office: Office) -> None:
    _letter, contact_id = await visited(office)
    for data in ({}, {"favourite": ""}, {"promotion.email": "perhaps"}, {"invoice.post": "no"}, {"x.y": "no"}):
        assert (await office.client.post("/l/choices", data=data, allow_redirects=False)).status == 303
    assert await said(office, contact_id) == []
    for _ in range(2):
        await office.client.post("/l/choices", data={"promotion.sms": "no", "service.sms": "yes"})
    assert len(await said(office, contact_id)) == 2


@pytest.mark.slow
async def test_all_off_spares_what_is_needed(office: Office) -> None:
    _letter, contact_id = await visited(office)
    assert "done=off" in (await office.client.post("/l/choices/off", allow_redirects=False)).headers["Location"]
    lines = await said(office, contact_id)
    for channel in Channel:
        assert ledger.standing(lines, "promotion", channel.value) is False
        assert ledger.standing(lines, "invoice", channel.value) is None
    assert ledger.standing(lines, "service", "email") is False and ledger.standing(lines, "service", "post") is None
    page = await (await office.client.get("/l/choices")).text()
    assert 'name="promotion.email" value="no" checked' in page


@pytest.mark.slow
async def test_paper_can_be_preferred(office: Office) -> None:
    _letter, contact_id = await visited(office)
    await office.client.post("/l/choices", data={"favourite": "post"})
    async with office.house.database.read() as connection:
        assert (await contacts.get(connection, contact_id, office.organisation_id)).preferred_channel == "post"
    (line,) = await said(office, contact_id)
    assert (line.purpose, line.channel) == ("preference", "post")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "to", "kept"), [("email", "New@Example.ORG", "New@example.org"), ("mobile", "06 12 34 56 78", "+33612345678")]
)
async def test_a_new_address_counts_once_its_code_was_typed(office_on_both: Office, what: str, to: str, kept: str) -> None:
    office = office_on_both
    _letter, contact_id = await visited(office)
    channel = Channel.EMAIL if what == "email" else Channel.SMS

    async def known() -> set[str]:
        async with office.house.database.read() as connection:
            found = await points.of_contact(connection, office.organisation_id, contact_id)
        return {one.value for one in found if one.channel is channel}

    asked = await (await office.client.post(f"/l/choices/{what}", data={"to": to})).text()
    ask = asked.split('name="ask" value="')[1][:32]
    (message,) = await sandboxed(office)
    assert message.to == kept and kept not in asked and kept not in await known()
    code = await last_code(office)
    wrong = await office.client.post(f"/l/choices/{what}", data={"ask": ask, "code": another_code(code)}, allow_redirects=False)
    assert wrong.status == 422 and kept not in await known()
    other = "mobile" if what == "email" else "email"
    swapped = await office.client.post(f"/l/choices/{other}", data={"ask": ask, "code": code}, allow_redirects=False)
    assert swapped.status == 422, "bound to what it was asked for"
    right = await office.client.post(f"/l/choices/{what}", data={"ask": ask, "code": code}, allow_redirects=False)
    assert right.status == 303 and await known() == {kept}
    (line,) = await said(office, contact_id)
    assert (line.purpose, line.channel) == ("address", channel.value) and kept not in str(line.proof)


@pytest.mark.slow
async def test_an_erased_person_s_new_address_is_not_kept(office: Office) -> None:
    _letter, contact_id = await visited(office)
    asked = await (await office.client.post("/l/choices/email", data={"to": "new@example.org"})).text()
    ask, code = asked.split('name="ask" value="')[1][:32], await last_code(office)
    await addressbook.erase(office.house, office.organisation_id, contact_id, OFFICE, "asked by letter")
    late = await office.client.post("/l/choices/email", data={"ask": ask, "code": code}, allow_redirects=False)
    assert late.status == 404
    async with office.house.database.read() as connection:
        assert await points.of_contact(connection, office.organisation_id, contact_id) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "to"), [("email", "x"), ("email", "a@b\r\nBcc: c@d.fr"), ("mobile", "01 23 45 67 89"), ("mobile", "12"), ("mobile", "é")]
)
async def test_what_is_no_address_gets_no_code(office: Office, what: str, to: str) -> None:
    await visited(office)
    before = dump(office)
    answer = await office.client.post(f"/l/choices/{what}", data={"to": to})
    assert answer.status == 422 and not await sandboxed(office) and dump(office) == before


@pytest.mark.slow
async def test_my_data_is_seen_and_taken_away_with_the_letters(office: Office) -> None:
    letter, contact_id = await visited(office)
    await office.client.post("/l/choices", data={"promotion.email": "no"})
    page = await (await office.client.get("/l/data")).text()
    assert "anne@example.net" in page and "Anne" in page
    answer = await office.client.get("/l/data.zip")
    with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
        data = json.loads(archive.read("data.json"))
        (entry,) = data["letters"]
        assert archive.read(entry["file"]).startswith(b"%PDF") and entry["id"] == letter.item.id
    assert data["name"] == "Anne" and data["choices"][0]["purpose"] == "promotion"
    async with office.house.database.read() as connection:
        actions = list(await connection.scalars(sa.select(tables.audit.c.action).where(tables.audit.c.subject == contact_id)))
    assert "contact.data-taken" in actions


@pytest.mark.slow
async def test_erasure_is_asked_once_and_answered_by_the_officer(office_on_both: Office) -> None:
    office = office_on_both
    _letter, contact_id = await visited(office)
    first = await office.client.post("/l/data/erase", allow_redirects=False)
    second = await office.client.post("/l/data/erase", allow_redirects=False)
    assert first.headers["Location"].endswith("=asked") and second.headers["Location"].endswith("=asked-before")
    async with office.house.database.write() as connection:
        (request,) = await portal.requests(connection, office.organisation_id)
        assert request.contact_id == contact_id and request.proof["link"]
        now = office.clock.now()
        assert not await portal.answer(connection, "other", request.id, "done", "u", "", now)
        assert await portal.answer(connection, office.organisation_id, request.id, "done", "u", "Erased", now)
        assert not await portal.requests(connection, office.organisation_id)
