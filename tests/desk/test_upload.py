"""Bringing a file in."""

import io
from pathlib import Path

from aiohttp import FormData

from postoffice.model.mailing import Source
from postoffice.model.people import Grant, Role
from postoffice.model.states import MailingState
from postoffice.store import mailings, printers
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Browser, Office


def form(content: bytes, name: str = "C:/Users/zoé/Factures mars.pdf", **fields: str) -> FormData:
    """An upload form, the file last."""
    data = FormData(quote_fields=False)
    for field, value in fields.items():
        data.add_field(field, value)
    data.add_field("file", io.BytesIO(content), filename=name, content_type="application/octet-stream")
    return data


async def all_of(office: Office) -> list[house.Mailing]:
    async with office.house.database.read() as connection:
        return await mailings.some(connection, organisation_id=office.organisation_id)


async def test_a_file_becomes_a_mailing_and_the_reader_is_rung(office: Office, alice: Browser, letters: bytes) -> None:
    fields = {"purpose": "invoice", "layout": "din", "split": "pages", "split_pages": "3"}
    status, _, leads_to = await alice.post("/upload", form(letters, **fields))
    (mailing,) = await all_of(office)
    assert (status, leads_to) == (303, f"/m/{mailing.id}")
    assert (mailing.name, mailing.source, mailing.state) == ("Factures mars.pdf", Source.UPLOAD, MailingState.RECEIVED)
    assert (mailing.layout, mailing.split_rule, mailing.options.purpose, mailing.media_type) == (
        "din",
        "pages:3",
        "invoice",
        "application/pdf",
    )
    assert office.bell.rung == ["compose-first"]


async def test_a_script_gets_the_address_in_the_answer(alice: Browser, letters: bytes) -> None:
    status, text, _ = await alice.post("/upload", form(letters), **{"X-Upload": "1"})
    assert status == 201
    assert '"address": "/m/' in text


async def test_a_plain_form_carries_the_word_in_a_field(office: Office, alice: Browser, letters: bytes) -> None:
    assert (await alice.post("/upload", form(letters, csrf=alice.csrf), csrf=""))[0] == 303
    assert (await alice.post("/upload", form(letters, csrf="wrong"), csrf=""))[0] == 403
    assert (await alice.post("/upload", form(letters), csrf=""))[0] == 403
    assert len(await all_of(office)) == 1


async def test_what_cannot_be_read_leaves_nothing_behind(office: Office, alice: Browser, tmp_path: Path) -> None:
    for content, reason in (
        (b"MZ\x90 a program", "no document"),
        (b"", "empty"),
        (b"%PDF-1.4 " + b"x" * 6_000_000, "larger than the 5 MB"),
    ):
        status, text, _ = await alice.post("/upload", form(content))
        assert status in (413, 422)
        assert reason in text
    assert not await all_of(office)
    assert not list((tmp_path / "documents" / "incoming").iterdir())


async def test_no_file_and_unknown_words_are_said(alice: Browser, letters: bytes) -> None:
    assert "No file was chosen" in (await alice.post("/upload", {"printer": ""}))[1]
    assert "No file was chosen" in (await alice.post("/upload", form(b"", name="")))[1]
    assert (await alice.post("/upload", form(letters, layout="klingon")))[0] == 400
    assert (await alice.post("/upload", form(letters, split="text", split_zone="x", split_word="y")))[0] == 400


async def test_printers_give_their_defaults_and_narrow_the_right(office: Office, letters: bytes, clock: FixedClock) -> None:
    async with office.house.database.write() as connection:
        more = {"layout": "uk", "split_rule": "whole", "live": False}
        mine, other = [
            await printers.add(connection, organisation_id=office.organisation_id, name=name, now=clock.now(), **more)
            for name in ("A", "B")
        ]
    bob = await office.add_user("bob@example.org", Grant(Role.SENDER, mine))
    async with house.browser(office, bob) as browser:
        page = (await browser.get("/upload"))[1]
        assert mine in page
        assert other not in page
        assert (await browser.post("/upload", form(letters, printer=other)))[0] == 403
        assert (await browser.post("/upload", form(letters)))[0] == 403
        assert (await browser.post("/upload", form(letters, printer=mine)))[0] == 303
    (mailing,) = await all_of(office)
    assert (mailing.layout, mailing.split_rule, mailing.live, mailing.printer_id) == ("uk", "whole", False, mine)


async def test_a_paused_printer_takes_nothing(office: Office, alice: Browser, letters: bytes, clock: FixedClock) -> None:
    async with office.house.database.write() as connection:
        paused = await printers.add(connection, organisation_id=office.organisation_id, name="P", now=clock.now(), accepting=False)
    status, text, _ = await alice.post("/upload", form(letters, printer=paused))
    assert (status, "paused" in text) == (409, True)


async def test_the_empty_office_offers_the_whole_road(office: Office, alice: Browser) -> None:
    assert "See the whole road in a minute" in (await alice.get("/"))[1]
    assert (await alice.post("/try"))[0] == 303
    (mailing,) = await all_of(office)
    assert (mailing.source, mailing.live, mailing.state) == (Source.TRIAL, False, MailingState.RECEIVED)
    assert "See the whole road" not in (await alice.get("/"))[1]
