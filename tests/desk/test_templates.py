"""Templates at the desk: begun from a sample, changed, published, restored; a spreadsheet becomes a mailing."""

import re

import pytest
from aiohttp import FormData

from postoffice.compose.merge.records import MEDIA_TYPE
from postoffice.model.mailing import Source
from postoffice.store import audit, mailings, templates
from tests.desk.house import Browser, Office

SHEET = (
    "Nom;Prénom;Adresse;CP;Ville;E-mail;Facture;Date facture;Échéance;Montant;Niveau\n"
    "Fournier;Inès;12 rue des Lilas;69003;Lyon;ines@example.org;F-1;02/03/2026;01/04/2026;415,60;1\n"
    "Le Goff;Yann;3 rue du Port;29200;Brest;pas une adresse;F-2;02/03/2026;01/04/2026;12,3x;1\n"
)


async def begun(alice: Browser, sample: str = "reminder") -> str:
    status, _, path = await alice.post("/templates", {"sample": sample})
    assert status == 303
    return path


async def fields_of(alice: Browser, path: str) -> dict[str, str]:
    _, page = await alice.get(path)
    form = page[page.index('id="source-form"') :]
    return dict(re.findall(r'<input type="hidden" name="(lang|part|row|revision)" value="([^"]*)"', form)[:4])


@pytest.mark.slow  # seven letters are laid out
async def test_a_sample_is_begun_changed_published_and_restored(office: Office, alice: Browser) -> None:
    path = await begun(alice)
    status, page = await alice.get(path)
    assert status == 200 and "data:image/png;base64," in page and 'class="bubble"' in page and "mail.html?lang=en" in page
    status, mail = await alice.get(f"{path}/mail.html?lang=en")
    assert status == 200 and "still open" in mail
    told = await fields_of(alice, path)
    assert await alice.post(f"{path}/publish") == (303, "", f"{path}?done=published")
    changed = {**told, "part": "sms", "source": "Short: {{ invoice }} {{ link }}"}
    status, preview, _ = await alice.post(path, changed, **{"HX-Request": "true"})
    assert status == 200 and "Short: F-2026-0042" in preview
    status, _, _ = await alice.post(path, {**changed, "source": "late"}, **{"HX-Request": "true"})
    assert status == 409  # built on a revision that is no longer the last one
    status, page = await alice.get(f"{path}/versions/1")
    assert status == 200 and "Short: {{ invoice }}" in page and 'class="new"' in page
    status, _, back = await alice.post(f"{path}/restore", {"number": "1"})
    assert back == f"{path}?done=restored"
    _, page = await alice.get(f"{path}/versions/1")
    assert 'class="new"' not in page
    async with office.house.database.read() as connection:
        lines = await audit.page(connection, office.organisation_id)
    assert [line.action for line in lines if line.action.startswith("template.")] == [
        "template.restore",
        "template.publish",
        "template.create",
    ]


async def test_an_error_names_its_line_and_is_not_published(alice: Browser) -> None:
    path = await begun(alice)
    told = {**await fields_of(alice, path), "part": "letter", "source": "<p>one</p>\n<p>{{ invoice | nofilter }}</p>"}
    status, preview, _ = await alice.post(path, told, **{"HX-Request": "true"})
    assert status == 200 and 'data-line="2"' in preview and "nofilter" in preview
    status, page, _ = await alice.post(f"{path}/publish")
    assert status == 422 and "Not published" in page and "line 2" in page


async def test_a_spreadsheet_becomes_a_mailing(office: Office, alice: Browser) -> None:
    path = await begun(alice)
    status, page, _ = await alice.post(f"{path}/merge")
    assert status == 400  # no form at all
    await alice.post(f"{path}/publish")
    form = FormData()
    form.add_field("csrf", alice.csrf)
    form.add_field("sheet", SHEET.encode("cp1252"), filename="rappels.csv")
    status, _, sheet = await alice.post(f"{path}/merge", form)
    assert status == 303
    status, page = await alice.get(sheet)
    assert status == 200 and "1 row has an error" in page and "12,3x" in page and "pas une adresse" in page
    chosen = dict(re.findall(r'name="(column-\d+)" value="([^"]*)"', page))
    selected = re.findall(r'<select name="(field-\d+)".*?</select>', page, re.S)
    for name in selected:
        part = re.search(rf'<select name="{name}".*?</select>', page, re.S)
        assert part
        found = re.search(r"<option selected>([^<]*)", part[0])
        chosen[name] = found[1] if found else ""
    assert chosen["column-8"] == "Date facture" and chosen["field-8"] == "date" and chosen["field-4"] == "postcode"
    chosen["field-11"] = "level"
    status, _, to = await alice.post(sheet, {**chosen, "action": "make", "name": "Rappels de mars"})
    assert status == 303 and to.startswith("/m/")
    async with office.house.database.read() as connection:
        made = await mailings.get(connection, to.removeprefix("/m/"), office.organisation_id)
        kept = (await templates.all_of(connection, office.organisation_id))[0]
    assert made.media_type == MEDIA_TYPE and made.source is Source.UPLOAD and made.name == "Rappels de mars"
    assert kept.mapping["niveau"] == "level"  # remembered for the next spreadsheet
    status, page = await alice.get(to)
    assert status == 200


async def test_two_columns_cannot_fill_one_field(alice: Browser) -> None:
    path = await begun(alice)
    await alice.post(f"{path}/publish")
    form = FormData(default_to_multipart=True)
    form.add_field("csrf", alice.csrf)
    form.add_field("pasted", "Nom\tNom\nA\tB\n")
    _, _, sheet = await alice.post(f"{path}/merge", form)
    _, page = await alice.get(sheet)
    assert "Several columns are called Nom" in page and "Nom (2)" in page
    twice = {"column-1": "Nom", "field-1": "name", "column-2": "Nom (2)", "field-2": "name", "action": "make"}
    status, page, _ = await alice.post(sheet, twice)
    assert status == 400 and "Two columns fill the field name" in page


async def test_templates_of_others_do_not_exist(alice: Browser) -> None:
    for path in ("", "/thumb.png", "/mail.html", "/merge", "/versions/1"):
        status, _ = await alice.get(f"/templates/{'0' * 26}{path}")
        assert status == 404
