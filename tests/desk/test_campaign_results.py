"""The results of a campaign at the desk: a page, a file, a report, and campaigns beside one another."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pdfplumber
import pytest

from postoffice.model.people import Grant, Role
from postoffice.store import clicks
from tests.conftest import FixedClock
from tests.desk.house import Office
from tests.desk.offices import signed_in, with_carriers
from tests.pipeline import campaigning
from tests.pipeline.house import Office as Road


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


async def test_a_page_a_file_and_a_report(office: Office) -> None:
    road = Road(office.house, office.organisation_id)
    await campaigning.crowd(road, 7)
    draft = await campaigning.campaign(road, name="=Noël")
    made = await campaigning.launched(road, name="Soldes d'hiver")
    url = f"/campaigns/{made.id}"
    async with signed_in(office, Grant(Role.VIEWER), language="fr") as reader:
        assert "Rien n’est encore parti" in (await reader.get(f"/campaigns/{draft.id}/results"))[1]
        await road.follow(4)
        (wave,) = await campaigning.waves_of(road, made)
        async with office.house.database.write() as connection:
            link = clicks.Link(1, "fr", "html", "https://example.org/<soldes>", "", True)
            await clicks.register(connection, made.organisation_id, wave.mailing_id, [link])
        status, text = await reader.get(f"{url}/results")
        assert status == 200 and "Soldes d&#39;hiver" in text and "https://example.org/&lt;soldes&gt;" in text
        assert "Résultats" in (await reader.get(url))[1]
        status, text = await reader.get(f"{url}/results.csv")
        lines = text.lstrip("\ufeff").splitlines()
        assert lines[0].startswith("Vague;Début;Destinataires;Envoyé;") and ";7;7;0;0;0;0;0;0;0;0;0,00;" in lines[1]
        status, text = await reader.get("/campaigns/compare")
        assert "Soldes d&#39;hiver" in text and "=Noël" not in text
        pdf = await (await reader.client.get(f"{url}/report.pdf")).read()
    with pdfplumber.open(io.BytesIO(pdf)) as opened:
        words = "\n".join(page.extract_text() for page in opened.pages)
    assert "Soldes d'hiver" in words and "Adresses mortes" in words and len(opened.pages) <= 2


async def test_another_organisations_campaign_is_not_there(office: Office) -> None:
    async with signed_in(office, Grant(Role.VIEWER)) as reader:
        for path in ("results", "results.csv", "report.pdf"):
            assert (await reader.get(f"/campaigns/{'0' * 26}/{path}"))[0] == 404
            assert (await reader.get(f"/campaigns/nonsense/{path}"))[0] == 404
