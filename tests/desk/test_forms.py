"""Forms, the calendar, the archive and who did what, in people's hands."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postoffice.actions import archive
from postoffice.house import HOUSE
from postoffice.model.campaign import Repeat, RepeatKind, Schedule
from postoffice.model.errors import Conflict
from postoffice.model.people import Grant, Role
from postoffice.portal.routes import add_portal
from postoffice.store import people
from tests.conftest import FixedClock
from tests.desk.house import Office
from tests.desk.offices import signed_in, with_carriers
from tests.desk.test_campaigns import look, press
from tests.pipeline import campaigning
from tests.pipeline.house import Office as Road

FORM = {"name": "Site", "kind": "sign-up", "channel": "email", "language": "fr", "title": 'Lettre "A"', "p-promotion": "1"}


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.mark.slow
async def test_a_form_is_written_with_the_lines_that_embed_it(office: Office) -> None:
    async with signed_in(office, Grant(Role.SENDER)) as author:
        wrong = await press(author, "/forms/new", {**FORM, "sites": "javascript:alert(1)"})
        assert wrong.status == 400 and "https://www.example.org" in wrong.text
        assert (await press(author, "/forms/new", {**FORM, "p-promotion": ""})).status == 400
        page = await press(author, "/forms/new", {**FORM, "label0": "Votre nom", "name0": "name", "sites": "https://shop.example"})
        assert page.status == 200 and "&lt;iframe src=" in page.text and "Lettre &amp;quot;A&amp;quot;" in page.text
        assert "Site" in (await look(author, "/forms")).text


async def test_the_calendar_shows_what_is_to_go_and_the_page_who_did_what(office: Office) -> None:
    road = Road(office.house, office.organisation_id)
    await campaigning.crowd(road, 2)
    await campaigning.campaign(road, schedule=Schedule(at="2026-12-24T10:00"))
    await campaigning.campaign(
        road, schedule=Schedule(at="2026-12-01T08:00"), repeat=Repeat(RepeatKind.WEEKLY, days=(1,), until="2026-12-20")
    )
    async with signed_in(office, Grant(Role.SENDER), language="fr") as author:
        month = await look(author, "/calendar?month=2026-12")
        assert month.text.count("<time>08:00</time>") == 2 and month.text.count("<time>10:00</time>") == 1  # Mondays 7 and 14
        assert "décembre 2026" in month.text and "month=2026-11" in month.text and "month=2027-01" in month.text
        assert "Rien ce mois-ci" in (await look(author, "/calendar?month=2031-01")).text
        assert (await look(author, "/calendar?month=x")).status == 200
        made = await campaigning.launched(road)
        page = await look(author, f"/campaigns/{made.id}")
        assert "Qui a fait quoi" in page.text and "a lancé une campagne" in page.text


@pytest.mark.slow
async def test_the_archive_shows_a_mail_for_nobody_in_particular(office: Office) -> None:
    road = Road(office.house, office.organisation_id)
    await campaigning.crowd(road, 2)
    draft = await campaigning.campaign(road)
    with pytest.raises(Conflict):
        await archive.switch(office.house, draft, campaigning.AUTHOR, shown=True)
    made = await campaigning.launched(road)
    await road.work()
    made = await campaigning.again(road, made)
    await archive.switch(office.house, made, campaigning.AUTHOR, shown=True)
    assert [one.id for one in await archive.listed(office.house, office.organisation_id)] == [made.id]
    async with office.house.database.read() as connection:
        organisation = await people.organisation(connection, office.organisation_id)
    mail = await archive.mail_of(office.house, organisation, made, "fr")
    assert mail is not None and "Bonjour" in mail.text and "Anne" not in mail.text and "/u/" not in mail.text and "/c/" not in mail.text
    await archive.switch(office.house, replace(made), campaigning.AUTHOR, shown=False)
    assert await archive.listed(office.house, office.organisation_id) == []


@pytest.mark.slow
async def test_the_archive_is_kept_by_browsers_and_followed_as_a_feed(office: Office) -> None:
    road = Road(office.house, office.organisation_id)
    await campaigning.crowd(road, 2)
    made = await campaigning.launched(road)
    await road.work()
    await archive.switch(office.house, await campaigning.again(road, made), campaigning.AUTHOR, shown=True)
    async with office.house.database.read() as connection:
        slug = (await people.organisation(connection, office.organisation_id)).slug
    app = web.Application()
    app[HOUSE] = office.house
    add_portal(app)
    async with TestClient(TestServer(app)) as reader:
        path, french = f"/archive/{slug}", {"Accept-Language": "fr"}
        page = await reader.get(path, headers=french)
        assert f'href="{path}/feed.xml"' in await page.text() and "feed.xml" in page.headers["Link"]
        for address in (path, f"{path}/feed.xml", f"{path}/{made.id}"):
            first = await reader.get(address, headers=french)
            assert first.status == 200 and first.headers["Cache-Control"] == "public, max-age=300" and "Set-Cookie" not in first.headers
            again = await reader.get(address, headers={**french, "If-None-Match": f'"x", W/{first.headers["ETag"]}'})
            assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", first.headers["ETag"])
            assert (await reader.get(address, headers={**french, "If-None-Match": '"x"'})).status == 200
        told = await reader.get(f"{path}/feed.xml", headers=french)
        feed, atom = ElementTree.fromstring(await told.text()), "{http://www.w3.org/2005/Atom}"
        assert told.content_type == "application/atom+xml" and "Ce que" in str(feed.findtext(f"{atom}title"))
        (entry,) = feed.findall(f"{atom}entry")
        assert str(entry.findtext(f"{atom}id")).endswith(f"{path}/{made.id}") and "Bonjour" in str(entry.findtext(f"{atom}summary"))
        assert feed.findtext(f"{atom}updated") == entry.findtext(f"{atom}updated") and "Anne" not in await told.text()
        unknown = await reader.get("/archive/nobody/feed.xml")
        assert (unknown.status, unknown.headers["Cache-Control"]) == (404, "no-store")
