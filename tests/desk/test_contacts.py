"""Contacts at the desk: written, found, corrected, imported, decided, merged, forgotten; every page in both languages."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import FormData

from postoffice.model.address import PostalAddress
from postoffice.model.item import NewItem
from postoffice.model.people import Grant, Role
from postoffice.pipeline import importing, matching
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, contact_book
from postoffice.store.schema import batches as batch_table
from tests.desk import house
from tests.desk.house import Browser, Office

HOME = "Jean Dupont\n12 rue de l'Église\n69002 LYON"
FORM = {
    "name": "Jean Dupont",
    "kind": "person",
    "address": HOME,
    "emails": "jean@example.org",
    "numbers": "crm: C-1",
    "tags": "client, eau",
}
FILE = "Nom;Prénom;Ville;E-mail;N° client\nDupont;Jean;Lyon;jean@example.net;C-1\nMartin;Marie;Lyon;marie@example.org;C-2\n;;;non;\n"


async def work(office: Office) -> None:
    """The worker's part of imports."""
    async with office.house.database.read() as connection:
        query = batch_table.select().where(batch_table.c.state == "open", batch_table.c.step == importing.STEP)
        open_ones = [row.id for row in await connection.execute(query)]
    for batch_id in open_ones:
        async with office.house.database.write() as connection:
            batch = await batches.claim(connection, batch_id, "w", office.house.clock.now(), office.house.lease)
        assert batch is not None
        await importing.run(office.house, batch, Stop())


async def written(browser: Browser, **more: str) -> str:
    _status, _text, where = await browser.post("/contacts/new", FORM | more)
    return where.split("?")[0]


@pytest.fixture
async def officer(office: Office) -> AsyncIterator[Browser]:
    """Somebody who may do all, in French."""
    user = await office.add_user("zoe@example.org", Grant(Role.ADMINISTRATOR), Grant(Role.PRIVACY), language="fr")
    async with house.browser(office, user) as opened:
        yield opened


async def test_a_contact_is_written_found_corrected_and_exported(alice: Browser) -> None:
    page = await written(alice)
    for query in ("?q=dupont+lyon", "?q=jean%40example.org", "?q=C-1", "?tag=eau", "?channel=email&health=good"):
        status, text = await alice.get("/contacts" + query)
        assert status == 200 and page in text, query
    assert page not in (await alice.get("/contacts?q=durand"))[1] and page not in (await alice.get("/contacts?health=dead"))[1]
    status, text, _where = await alice.post(page + "/edit", FORM | {"emails": "no address"})
    assert status == 400 and "no address" in text and "C-1" in text, "what was typed stays"
    await alice.post(page + "/edit", FORM | {"emails": "jean@example.com", "name": "Jean Dupond"})
    text = (await alice.get(page))[1]
    assert "Jean Dupond" in text and "jean@example.com" in text and "jean@example.org" not in text
    assert "69002" in (await alice.get("/contacts/export.csv"))[1]
    answer = await alice.client.get("/contacts/export.xlsx")
    with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
        assert b"Jean Dupond" in archive.read("xl/worksheets/sheet1.xml") and archive.testzip() is None
    assert "FN:Jean Dupond\r\n" in await (await alice.client.get("/contacts/export.vcf")).text()


async def test_a_file_goes_from_the_upload_to_the_book_and_back(office: Office, officer: Browser) -> None:
    page = await written(officer)
    form = FormData()
    form.add_field("csrf", officer.csrf)
    form.add_field("file", FILE.encode("cp1252"), filename="clients.csv")
    _status, _text, where = await officer.post("/contacts/imports", form)
    assert "en cours de lecture" in (await officer.get(where))[1]
    await work(office)
    text = (await officer.get(where))[1]
    assert "N° client" in text and "Que contient chaque colonne" in text
    columns = {"col-0": "family_name", "col-1": "given_name", "col-2": "town", "col-3": "email", "col-4": "reference"}
    await officer.post(where + "/choose", {"header": "0", "system": "crm"} | columns)
    await work(office)
    text = (await officer.get(where))[1]
    assert "jean@example.net, jean@example.org" in text and "Rien dans la ligne" in text or "adresse e-mail" in text
    assert "Marie Martin" not in (await officer.get("/contacts"))[1], "a trial writes nothing"
    await officer.post(where + "/apply")
    await work(office)
    assert "Marie Martin" in (await officer.get("/contacts"))[1] and "jean@example.net" in (await officer.get(page))[1]
    assert "4;" in (await officer.get(where + "/refused.csv"))[1]
    await officer.post(where + "/undo")
    await work(office)
    assert "Marie Martin" not in (await officer.get("/contacts"))[1] and "jean@example.net" not in (await officer.get(page))[1]
    assert "clients.csv" in (await officer.get("/contacts/imports"))[1]


async def test_a_doubt_is_decided_and_remembered(office: Office, alice: Browser, letters: bytes) -> None:
    page = await written(alice)
    other = [NewItem(1, 1, PostalAddress(("J. Dupont", "12 rue de l'Église", "69002 LYON")))]

    async def doubtful() -> Any:
        mailing = await office.add_mailing(other, letters)
        async with office.house.database.write() as connection:
            await matching.place(
                office.house, connection, office.organisation_id, await office.items_of(mailing), office.house.clock.now()
            )
        return (await office.items_of(mailing))[0]

    item = await doubtful()
    text = (await alice.get("/contacts/doubts"))[1]
    assert "J. Dupont" in text and page in text
    await alice.post(f"/contacts/doubts/{item.id}", {"contact": page.rsplit("/", 1)[-1]})
    assert "J. Dupont" not in (await alice.get("/contacts/doubts"))[1]
    again = await doubtful()
    assert again.contact_id == page.rsplit("/", 1)[-1] and again.match["by"] == "key"


async def test_two_contacts_become_one_and_two_again(alice: Browser) -> None:
    one, two = await written(alice), await written(alice, name="Jean Dupond", numbers="crm: C-2", emails="second@example.org")
    await alice.post(one + "/merge", {"gone": "http://localhost" + two})
    text = (await alice.get(one))[1]
    assert "second@example.org" in text and two not in (await alice.get("/contacts"))[1]
    assert (await alice.post(two + "/edit", FORM))[0] == 409
    merge = text.split(f"{one}/part/")[1].split('"')[0]
    await alice.post(f"{one}/part/{merge}")
    assert "second@example.org" not in (await alice.get(one))[1] and two in (await alice.get("/contacts"))[1]


async def test_consent_access_and_forgetting(office: Office, officer: Browser, alice: Browser, letters: bytes) -> None:
    page = await written(officer)
    contact_id = page.rsplit("/", 1)[-1]
    await officer.post(page + "/consent", {"purpose": "promotion", "channel": "email", "means": "letter", "note": "lettre du 3 mars"})
    text = (await officer.get(page))[1]
    assert "lettre du 3 mars" in text and "promotion · e-mail" in text and "user:" not in text
    await office.add_mailing([NewItem(1, 1, PostalAddress(tuple(HOME.splitlines())))], letters)
    assert (await alice.get(page + "/everything.zip"))[0] == 403 and (await alice.post(page + "/erase"))[0] == 403
    answer = await officer.client.get(page + "/everything.zip")
    with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
        told = json.loads(archive.read("contact.json"))
    assert told["contact"]["name"] == "Jean Dupont" and told["consents"][0]["proof"]["note"] == "lettre du 3 mars"
    assert (await officer.post(page + "/erase", {"reason": "demande"}))[0] == 400
    await officer.post(page + "/erase", {"reason": "demande", "sure": "1"})
    text = (await officer.get(page))[1]
    assert "oubliée" in text and "Jean Dupont" not in text and "jean@example.org" not in text
    async with office.house.database.read() as connection:
        gone = await contact_book.get(connection, office.organisation_id, contact_id)
    assert (gone.name, gone.points, gone.external_ids) == ("", (), {})


async def test_nobody_reads_another_organisations_contacts(office: Office, alice: Browser) -> None:
    assert (await alice.get("/contacts/01aaaaaaaaaaaaaaaaaaaaaaaa"))[0] == 404
    assert (await alice.get("/contacts/imports/01aaaaaaaaaaaaaaaaaaaaaaaa"))[0] == 404
    assert (await alice.get("/contacts/nonsense"))[0] == 404
    assert office.users == {}


async def test_a_bad_form_is_told_and_an_unknown_contact_comes_before_the_form(alice: Browser) -> None:
    page = await written(alice)
    nobody = "/contacts/" + "0" * 26
    for part, form in (
        ("edit", {}),
        ("edit", {"kind": "robot"}),
        ("edit", FORM | {"emails": "no address"}),
        ("consent", {}),
        ("consent", {"channel": "pigeon", "means": "phone"}),
        ("merge", {}),
        ("merge", {"gone": "nonsense"}),
        ("merge", {"gone": page}),
        ("erase", {}),
    ):
        told = await alice.post(f"{page}/{part}", form)
        assert 400 <= told[0] < 500, (part, form, told[0])
        assert (await alice.post(f"{nobody}/{part}", form))[0] == (403 if part == "erase" else 404), (part, form)
    assert "Jean Dupont" in (await alice.get(page))[1]
