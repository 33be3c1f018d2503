"""Plans in people's hands: rows become a ladder and a sentence, saved ones are chosen by name, duplicates are released in one go."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postoffice.desk.ladders import rows_of, sentence
from postoffice.model.mailing import Options
from postoffice.store import mailings, plans, printers, twins
from postoffice.store import schema as tables
from postoffice.words import Words
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office
from tests.desk.offices import ALL, add_printer, signed_in, with_carriers
from tests.desk.test_printers import FORM
from tests.pipeline.house import people_items

LADDER = "email-link 3d > sms-link 36h > post-registered"


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[Browser]:
    async with signed_in(office, ALL) as browser:
        yield browser


def _rows(*rows: tuple[str, str, str]) -> list[tuple[str, str]]:
    names = ("step-word", "step-wait", "step-unit")
    return [pair for row in rows for pair in zip(names, row, strict=True)]


async def _saved(office: Office, name: str = "Lien puis papier", ladder: str = LADDER) -> str:
    async with office.house.database.write() as connection:
        return await plans.save(connection, office.organisation_id, name, ladder, office.house.clock.now())


def test_the_sentence_is_said_in_both_languages() -> None:
    english, french = sentence(Words("en"), LADDER), sentence(Words("fr"), LADDER)
    assert english == (
        "First by e-mail with a secure link; whoever has not read it after 3 days gets it by SMS with a secure link; "
        "whoever has not read it after 36 hours gets it by registered post."
    )
    assert "3 jours" in french and "36 heures" in french and "d'abord" in french.lower() and "recommand" in french
    assert sentence(Words("en"), "fax > cheapest") == "First by fax; where that fails, by the cheapest of the channels that are left."
    assert sentence(Words("en"), "no such thing") == "" == sentence(Words("fr"), "")
    assert [(row.word, row.wait, row.unit) for row in rows_of(LADDER)] == [
        ("email-link", "3", "d"),
        ("sms-link", "36", "h"),
        ("post-registered", "", "d"),
    ]


async def test_a_plan_is_saved_changed_and_removed(office: Office, admin: Browser) -> None:
    form: list[tuple[str, str]] = [("name", "Relances"), *_rows(("email-link", "3", "d"), ("", "", "d"), ("post", "", "d"))]
    status, _page, where = await admin.post("/admin/plans/new", form)
    assert (status, where) == (303, "/admin/plans?done=kept")
    async with office.house.database.read() as connection:
        (made,) = await plans.all_of(connection, office.organisation_id)
    assert (made.name, made.ladder) == ("Relances", "email-link 3d > post")
    assert "First by e-mail with a secure link" in (await admin.get("/admin/plans"))[1]
    printer = await add_printer(office)
    async with office.house.database.write() as connection:
        await printers.update(connection, printer, options=Options(channel=None, plan="Relances").as_dict())

    status, page, _ = await admin.post(
        f"/admin/plans/{made.id}", [("name", "Rappels"), *_rows(("sms-link", "2", "d"), ("fax", "", "d"))]
    )
    assert status == 303, page
    async with office.house.database.read() as connection:
        assert (await printers.get(connection, printer)).options.plan == "Rappels", "the printer follows the new name"
    status, page, _ = await admin.post(f"/admin/plans/{made.id}/remove", {})
    assert status == 409 and "use this plan" in page


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("email-link", "three", "d")], "no whole number"),
        ([("email-link", "91", "d")], "90 days"),
        ([("cheapest", "", "d"), ("post", "", "d")], "cheapest"),
        ([("post", "", "d"), ("post", "", "d")], "second time"),
        ([("", "", "d")], "no step"),
        ([("pigeon", "", "d")], "does not exist"),
    ],
)
async def test_what_cannot_be_a_plan_is_said_and_stays_typed(
    office: Office, admin: Browser, rows: list[tuple[str, str, str]], told: str
) -> None:
    status, page, _ = await admin.post("/admin/plans/new", [("name", "Mon plan"), *_rows(*rows)])
    assert status == 400 and told in page and 'value="Mon plan"' in page


async def test_two_plans_have_two_names(office: Office, admin: Browser) -> None:
    await _saved(office)
    status, page, _ = await admin.post("/admin/plans/new", [("name", "Lien puis papier"), *_rows(("post", "", "d"))])
    assert status == 409 and "already" in page


async def test_a_mailing_goes_by_a_saved_plan_or_one_of_its_own(office: Office, admin: Browser, letters: bytes) -> None:
    await _saved(office)
    mailing = await office.add_mailing(people_items(3), letters)
    choice: dict[str, Any] = {"channel": "plan", "plan": "Lien puis papier", "purpose": "promotion", "ground": "customers"}
    status, _page, _ = await admin.post(f"/m/{mailing.id}/options", choice)
    kept = await office.again(mailing)
    assert (kept.options.channel, kept.options.plan, kept.options.ladder) == (None, "Lien puis papier", "")
    assert kept.options.ground.value == "customers"
    page = (await admin.get(f"/m/{mailing.id}"))[1]
    assert "whoever has not read it after 3 days" in page and re.search(r'value="plan" checked', page)
    own = [("channel", "plan"), ("plan", ""), *_rows(("sms-link", "1", "d"), ("post", "", "d"))]
    await admin.post(f"/m/{mailing.id}/options", own)
    kept = await office.again(mailing)
    assert (kept.options.plan, kept.options.ladder) == ("", "sms-link 1d > post")
    await admin.post(f"/m/{mailing.id}/options", {"channel": "best"})
    assert (await office.again(mailing)).options.ladder == ""


async def test_hours_and_duplicates_are_chosen(office: Office, admin: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing(people_items(3), letters)
    form = {"channel": "post", "hours": "1", "not_after": "2027-01-31T18:00", "per_hour": "500"}
    await admin.post(f"/m/{mailing.id}/options", form)
    kept = (await office.again(mailing)).options
    assert (kept.not_after.isoformat() if kept.not_after else "", kept.per_hour, kept.duplicates) == (
        "2027-01-31T17:00:00+00:00",
        500,
        False,
    )
    status, _page, _ = await admin.post(f"/m/{mailing.id}/options", form | {"per_hour": "many"})
    assert status == 400
    await admin.post(f"/m/{mailing.id}/options", form | {"not_after": "2020-01-01T00:00"})
    page = (await admin.get(f"/m/{mailing.id}"))[1]
    assert "last hour" in page and "No letter can be sent yet" in page


async def test_a_printer_names_a_plan(office: Office, admin: Browser) -> None:
    await _saved(office)
    status, page, _ = await admin.post("/admin/printers/new", FORM | {"channel": "plan", "plan": "Lien puis papier"})
    assert status == 303, page
    async with office.house.database.read() as connection:
        (made,) = await printers.all_of(connection, office.organisation_id)
    assert (made.options.channel, made.options.plan) == (None, "Lien puis papier")
    page = (await admin.get(f"/admin/printers/{made.id}/settings"))[1]
    assert 'value="plan" checked' in page and "Lien puis papier" in page


async def test_the_same_letters_are_announced_and_released_in_one_go(office: Office, admin: Browser, letters: bytes) -> None:
    alike = [replace(one, digest=str(one.first_page).zfill(64)) for one in people_items(5)]
    first, second = await office.add_mailing(alike, letters), await office.add_mailing(alike, letters)
    async with office.house.database.write() as connection:
        await connection.execute(tables.items.update().where(tables.items.c.mailing_id == first.id).values(state="delivered"))
        await mailings.update(connection, first.id, sent_at=office.house.clock.now())
        assert await twins.hold(connection, second, office.house.clock.now()) == 5
    page = (await admin.get(f"/m/{second.id}"))[1]
    assert f"This looks like mailing {first.number}" in page and "5 of 5 letters" in page and "Let all 5 go" in page
    status, _page, where = await admin.post(f"/m/{second.id}/again", {})
    assert (status, where) == (303, f"/m/{second.id}?done=again&n=5")
    assert "5 letters may go once more" in (await admin.get(where))[1]
