"""Figures and what Today says, in a real browser, in French and English: by keyboard, on a phone, nothing wider than the page."""

from typing import Any

import pytest

from postoffice.model.returned import Reason
from postoffice.store import scans
from tests.desk.house import Office
from tests.desk.test_figures import _sent
from tests.real.test_desk_browser import sign_in
from tests.real.test_returned_browser import office, page, shot  # noqa: F401 - fixtures

pytestmark = pytest.mark.real


async def test_figures_by_keyboard_and_on_a_phone(office: Office, page: Any) -> None:  # noqa: F811
    await _sent(office, b"%PDF-1.4 not looked at", 10, wishes=2, centre="Ventes")
    await _sent(office, b"%PDF-1.4 not looked at", 10, centre="Compta")
    async with office.house.database.write() as connection:
        now = office.house.clock.now()
        scan = await scans.add(connection, office.organisation_id, Reason.UNKNOWN, "bin.pdf", "0" * 64, "Alice", now)
        await scans.keep(connection, office.organisation_id, [scans.Page(scan, n, scans.Outcome.DOUBTFUL) for n in (1, 2)])
    await sign_in(page, "/")
    await page.wait_for_selector(".needs")
    today = await page.inner_text("main")
    assert "2 enveloppes numérisées" in today or "2 scanned envelopes" in today
    await shot(page, "figures-today")
    await page.goto("/figures")
    await page.focus("select[name=by]")
    await page.keyboard.press("End")  # a choice is shown at once
    await page.wait_for_url("**by=cost-centre**")
    text = await page.inner_text("main")
    assert "Ventes" in text and "Compta" in text
    await shot(page, "figures-1280")
    for path in ("/figures?by=mailing", "/", "/suppressions"):
        await page.set_viewport_size({"width": 390, "height": 800})
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        await shot(page, "figures-390" + path.split("?")[0].replace("/", "-"))
