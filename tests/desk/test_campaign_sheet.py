"""A spreadsheet as a campaign's audience, in people's hands: errors by row, columns said anew, never replaced once it runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData

from postoffice.model.people import Grant, Role
from postoffice.model.states import CampaignState
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office
from tests.desk.offices import signed_in, with_carriers
from tests.desk.test_campaigns import FORM, Page, look, only_campaign, press
from tests.pipeline import campaigning
from tests.pipeline.house import Office as Road

ROWS = b"nom;courriel;city\nAnne;anne@example.fr;Brest\nZoe;zoe(at)example.fr;Lyon\nNemo;;Paris\n"


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


async def bring(person: Browser, url: str, rows: bytes, name: str = "clients.csv") -> Page:
    """Upload a spreadsheet."""
    form = FormData()
    form.add_field("csrf", person.csrf)
    form.add_field("sheet", rows, filename=name)
    status, text, leads = await person.post(f"{url}/sheet", form)
    return await look(person, leads) if leads else Page(status, text)


async def test_rows_with_errors_are_told_and_what_runs_is_not_replaced(office: Office) -> None:
    road = Road(office.house, office.organisation_id)
    version_id = await campaigning.version_of(road)
    async with signed_in(office, Grant(Role.SENDER), language="fr") as author:
        asked = {**FORM, "name": "Noël", "segment": "sheet", "version": version_id}
        page = await press(author, "/campaigns/new", asked)
        assert page.status == 200 and "Destinataires d&#39;un tableur" in page.text
        made = await only_campaign(office)
        url = f"/campaigns/{made.id}"
        launch = await press(author, f"{url}/launch", {})
        assert launch.status == 400 and "pas encore été déposé" in launch.text
        assert (await bring(author, url, b"\x00\x01")).status == 400
        page = await bring(author, url, ROWS)
        assert "clients.csv" in page.text and "zoe(at)example.fr" in page.text and "2 lignes comportent des erreurs" in page.text
        columns = {"column-1": "nom", "field-1": "name", "column-2": "courriel", "field-2": "email", "column-3": "city"}
        lost = await press(author, f"{url}/columns", {**columns, "field-3": ""})
        assert "city" in lost.text and "3 lignes comportent des erreurs" in lost.text
        await press(author, f"{url}/columns", {**columns, "field-3": "city"})
        page = await bring(author, url, ROWS.replace(b"zoe(at)", b"zoe@"), "clients-2.csv")
        assert "1 ligne comporte une erreur" in page.text
        assert (await only_campaign(office)).design.sheet_rows == 3
        assert "clients-2.csv" in (await look(author, f"{url}/edit")).text
        assert (await press(author, f"{url}/launch", {})).status == 200
        await road.work()
        refused = await bring(author, url, ROWS, "autre.csv")
        assert refused.status == 409 and "rien n&#39;a été remplacé" in refused.text and "autre.csv" not in refused.text
    await road.follow(2)
    made = await campaigning.again(road, made)
    assert made.state in (CampaignState.RUNNING, CampaignState.FINISHED) and made.design.sheet_name == "clients-2.csv"
    assert sorted(row["to"] for row in await campaigning.told(road, made)) == ["anne@example.fr", "zoe@example.fr"]


@pytest.mark.slow
async def test_a_segment_takes_the_place_of_a_spreadsheet(office: Office) -> None:
    road = Road(office.house, office.organisation_id)
    await campaigning.crowd(road, 1)
    version_id = await campaigning.version_of(road)
    async with signed_in(office, Grant(Role.SENDER)) as author:
        asked = {**FORM, "name": "Noël", "segment": "sheet", "version": ""}
        await press(author, "/campaigns/new", asked)
        url = f"/campaigns/{(await only_campaign(office)).id}"
        assert "Choose the template first" in (await bring(author, url, ROWS)).text
        await press(author, f"{url}/edit", {**asked, "version": version_id})
        assert (await bring(author, url, ROWS)).status == 200
        assert (await only_campaign(office)).design.sheet_rows == 3
        await press(author, f"{url}/edit", {**asked, "version": version_id, "segment": ""})
        design = (await only_campaign(office)).design
        assert (design.sheet, design.sheet_rows, dict(design.mapping)) == ("", 0, {})
