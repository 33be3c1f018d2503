"""Printers: made, changed, their addresses shown and revoked; who may, and for which."""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postoffice.desk.printing import ways
from postoffice.model.people import Grant, Role
from postoffice.store import printers
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office
from tests.desk.offices import ALL, actions, add_printer, other_organisation, signed_in, with_carriers

FORM = {
    "name": "Factures",
    "layout": "din",
    "split": "pages",
    "split_pages": "2",
    "automatic": "1",
    "live": "0",
    "channel": "email",
    "purpose": "invoice",
    "duplex": "1",
    "subject": "Votre facture",
    "megabytes": "20",
    "max_jobs": "7",
}


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[Browser]:
    async with signed_in(office, ALL) as browser:
        yield browser


async def test_a_printer_is_made_with_everything_that_the_form_says(office: Office, admin: Browser) -> None:
    status, _text, where = await admin.post("/admin/printers/new", FORM)
    assert status == 303
    async with office.house.database.read() as connection:
        (made,) = await printers.all_of(connection, office.organisation_id)
        tokens = await printers.tokens(connection, made.id)
    assert where == f"/admin/printers/{made.id}?done=made"
    assert (made.name, made.layout, made.split_rule, made.automatic, made.live) == ("Factures", "din", "pages:2", True, False)
    assert (made.max_bytes, made.max_jobs, made.accepting) == (20_000_000, 7, True)
    assert (made.options.channel, made.options.purpose, made.options.subject) == ("email", "invoice", "Votre facture")
    assert (made.options.duplex, made.options.colour, len(tokens)) == (True, False, 1)
    status, page = await admin.get(f"/admin/printers/{made.id}")
    assert status == 200 and "Factures" in page and "the sandbox only" in page
    assert (await admin.get("/admin/printers"))[1].count("Factures") == 1
    assert await actions(office) == ["printer.add"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "  "}, "A name is needed."),
        ({"split": "text", "split_zone": "1,2", "split_word": "x"}, "no zone"),
        ({"split": "text", "split_zone": "1,2,30,40", "split_word": "(a+)+"}, "repeats a repetition"),
        ({"split": "pages", "split_pages": "0"}, "number of pages"),
        ({"megabytes": "51"}, "from 1 to 50"),
        ({"max_jobs": "x"}, "whole number"),
        ({"layout": "us"}, "choice does not exist"),
        ({"channel": "pigeon"}, "choice does not exist"),
    ],
)
async def test_what_cannot_be_kept_is_said_and_nothing_typed_is_lost(
    office: Office, admin: Browser, wrong: dict[str, str], said: str
) -> None:
    status, page, _where = await admin.post("/admin/printers/new", {**FORM, **wrong})
    assert status == 400 and said in page
    assert 'value="Votre facture"' in page and 'name="duplex" value="1" checked' in page and 'name="colour" value="1">' in page
    async with office.house.database.read() as connection:
        assert await printers.all_of(connection, office.organisation_id) == []


async def test_settings_are_changed_and_the_rule_comes_back_into_the_form(office: Office, admin: Browser) -> None:
    printer_id = await add_printer(office)
    rule = {"split": "text", "split_zone": "110,10,90,20", "split_word": "Facture n°"}
    assert (await admin.post(f"/admin/printers/{printer_id}/settings", {**FORM, **rule}))[0] == 303
    _status, page = await admin.get(f"/admin/printers/{printer_id}/settings")
    assert 'value="Facture n°"' in page and '<option value="text" selected>' in page and 'value="7"' in page
    async with office.house.database.read() as connection:
        assert (await printers.get(connection, printer_id)).split_rule == "text:110,10,90,20~Facture n°"


async def test_pause_resume_remove(office: Office, admin: Browser) -> None:
    printer_id = await add_printer(office)
    await admin.post(f"/admin/printers/{printer_id}/accepting", {"accepting": "0"})
    assert "paused" in (await admin.get(f"/admin/printers/{printer_id}"))[1]
    await admin.post(f"/admin/printers/{printer_id}/accepting", {"accepting": "1"})
    await admin.post(f"/admin/printers/{printer_id}/remove")
    assert (await admin.get(f"/admin/printers/{printer_id}"))[0] == 404
    assert await actions(office) == ["printer.pause", "printer.resume", "printer.remove"]


async def test_an_address_is_made_shown_and_revoked(office: Office, admin: Browser) -> None:
    printer_id = await add_printer(office)
    owner = await office.add_user("bob@example.org", Grant(Role.SENDER))
    _status, _text, where = await admin.post(f"/admin/printers/{printer_id}/tokens", {"user": owner.id})
    status, page = await admin.get(where)
    found = re.search(r"ipp://post\.example:8025/ipp/print/([a-z2-7]{32})", page)
    assert status == 200 and found
    assert f"ipps://post.example:8026/ipp/print/{found[1]}" in page
    assert "linux/install.sh" in page and "install.command" in page and "install.ps1" in page and "prints in the name of Bob" in page
    async with office.house.database.read() as connection:
        opened = await printers.by_token(connection, found[1])
    assert opened is not None and opened[0].id == printer_id and opened[2] == owner.id
    assert found[1] not in (await admin.get(f"/admin/printers/{printer_id}"))[1], "only shown where it was asked for"
    await admin.post(where + "/revoke")
    async with office.house.database.read() as connection:
        assert await printers.by_token(connection, found[1]) is None
    assert (await admin.get(where))[0] == 404
    assert await actions(office) == ["printer.token-add", "printer.token-show", "printer.token-revoke"]
    assert found[1] not in "".join(office.log.lines)


async def test_an_address_says_when_it_was_last_used(office: Office, admin: Browser) -> None:
    printer_id = await add_printer(office)
    _status, _text, where = await admin.post(f"/admin/printers/{printer_id}/tokens", {"label": "PC 12"})
    assert "not used yet" in (await admin.get(f"/admin/printers/{printer_id}"))[1]
    card = await office.house.reception.book.printer_by_token(office.house.keyring.printer_token(where.rsplit("/", 1)[1]))
    assert card is not None and card.id == printer_id
    assert "last used" in (await admin.get(f"/admin/printers/{printer_id}"))[1]


async def test_an_address_needs_a_name_and_an_owner_of_this_organisation(office: Office, admin: Browser) -> None:
    printer_id = await add_printer(office)
    assert (await admin.post(f"/admin/printers/{printer_id}/tokens", {"label": " "}))[0] == 400
    assert (await admin.post(f"/admin/printers/{printer_id}/tokens", {"label": "x", "user": "0" * 26}))[0] == 404


async def test_other_organisations_printers_do_not_exist(office: Office, admin: Browser) -> None:
    theirs = await add_printer(office, "Secret", await other_organisation(office))
    mine = await add_printer(office)
    async with office.house.database.write() as connection:
        printer = await printers.get(connection, theirs)
        await printers.add_token(connection, office.house.keyring, printer, label="x", now=office.house.clock.now())
        token = (await printers.tokens(connection, theirs))[0].id
    for path in (f"/admin/printers/{theirs}", f"/admin/printers/{theirs}/settings", f"/admin/printers/{theirs}/tokens/{token}"):
        assert (await admin.get(path))[0] == 404
    for path in ("settings", "accepting", "remove", "tokens", f"tokens/{token}/revoke"):
        assert (await admin.post(f"/admin/printers/{theirs}/{path}", FORM))[0] == 404
    assert (await admin.get(f"/admin/printers/{mine}/tokens/{token}"))[0] == 404
    assert "Secret" not in (await admin.get("/admin/printers"))[1]


async def test_an_administrator_of_one_printer_manages_that_one_alone(office: Office) -> None:
    one, two = await add_printer(office, "One"), await add_printer(office, "Two")
    async with signed_in(office, Grant(Role.ADMINISTRATOR, one), email="narrow@example.org") as narrow:
        page = (await narrow.get("/admin/printers"))[1]
        assert "One" in page and "Two" not in page and "Add a printer" not in page
        assert (await narrow.get(f"/admin/printers/{two}"))[0] == 404
        assert (await narrow.post(f"/admin/printers/{one}/accepting", {"accepting": "0"}))[0] == 303
        for path in ("/admin/printers/new", "/admin/people", "/admin/people/new", "/admin/keys", "/admin/carriers", "/admin/audit"):
            assert (await narrow.get(path))[0] == 403, path
        assert (await narrow.post(f"/admin/printers/{one}/remove"))[0] == 403
        assert (await narrow.get("/admin/organisation"))[0] == 403


async def test_without_the_csrf_word_nothing_is_done(office: Office, admin: Browser) -> None:
    printer_id = await add_printer(office)
    assert (await admin.post(f"/admin/printers/{printer_id}/remove", csrf="wrong"))[0] == 403
    assert await actions(office) == []


async def test_the_scripts_come_as_a_zip_that_unpacks_to_programs(admin: Browser) -> None:
    answer = await admin.client.get("/admin/printdrivers.zip")
    archive = zipfile.ZipFile(io.BytesIO(await answer.read()))
    names = set(archive.namelist())
    assert {"printdrivers/README.md", "printdrivers/linux/install.sh", "printdrivers/windows/install.ps1"} <= names
    assert archive.getinfo("printdrivers/linux/install.sh").external_attr >> 16 == 0o100755
    only = zipfile.ZipFile(io.BytesIO(await (await admin.client.get("/admin/printdrivers.zip?system=macos")).read()))
    assert {name.split("/")[1] for name in only.namelist()} == {"README.md", "macos"}
    assert (await admin.get("/admin/printdrivers.zip?system=../../etc"))[0] == 400


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://post.example", ["ipps://post.example:443/ipp/print/t"]),
        ("https://post.example:8443", ["ipps://post.example:8443/ipp/print/t"]),
        ("http://[::1]:8025", ["ipp://[::1]:8025/ipp/print/t", "ipps://[::1]:8026/ipp/print/t"]),
    ],
)
async def test_addresses_follow_how_people_reach_the_office(tmp_path: Path, clock: FixedClock, url: str, wanted: list[str]) -> None:
    office = await with_carriers(tmp_path, clock, url=url)
    assert [way.address for way in ways(office.house, "t")] == wanted
    await office.house.database.close()


async def test_in_french(office: Office) -> None:
    await add_printer(office)
    async with signed_in(office, ALL, email="fr@example.org", language="fr") as french:
        page = (await french.get("/admin/printers"))[1]
        assert "Imprimantes" in page and "attend votre choix" in page
        assert "Il faut un nombre entier de 1 à 50" in (await french.post("/admin/printers/new", {**FORM, "megabytes": "0"}))[1]
