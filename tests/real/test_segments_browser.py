"""Segments in a real browser: purchases brought in, a segment built with its count beside it; with a script and without."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from postoffice.model.people import Grant, Role
from postoffice.store import contact_book
from postoffice.store.contact_book import NewContact
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Office
from tests.desk.test_contacts import work
from tests.real.test_contacts_browser import again
from tests.real.test_desk_browser import chromium, expected

pytestmark = pytest.mark.real
PICTURES = os.environ.get("SEGMENT_PICTURES", "")
PEOPLE = 40


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await house.build(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture(params=["fr", "en"])
async def page(request: pytest.FixtureRequest, office: Office) -> AsyncIterator[Any]:
    """A page of somebody who is signed in, once with scripts and in French, once without and in English."""
    async_playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed").async_playwright
    user = await office.add_user("zoe@example.org", Grant(Role.ADMINISTRATOR), language=request.param)
    token, _csrf = await office.cookie_of(user)
    complaints: list[str] = []
    async with TestServer(office.app) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        view = {"width": 1280, "height": 800}
        scripts = request.param == "fr"
        context = await browser.new_context(viewport=view, base_url=str(server.make_url("/")), java_script_enabled=scripts)
        await context.add_cookies([{"name": "postoffice", "value": token, "url": str(server.make_url("/"))}])
        made = await context.new_page()
        made.on("console", lambda line: complaints.append(line.text) if line.type == "error" and not expected(line.text) else None)
        made.scripts = scripts
        yield made
        await browser.close()
    assert complaints == []


async def picture(page: Any, name: str) -> None:
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 800})
        if page.scripts:
            assert await page.locator("body").evaluate("body => body.scrollWidth") <= width, f"{name} is too wide for {width}"
        if PICTURES:
            await page.screenshot(path=f"{PICTURES}/{name}-{width}{'' if page.scripts else '-en'}.png", full_page=True)
    await page.set_viewport_size({"width": 1280, "height": 800})


async def _people(office: Office, tmp_path: Path) -> Path:
    new = [
        NewContact(
            {"name": f"Anne Martin {number}", "match_key": f"k{number}", "tags": ["vip"] if number % 4 == 0 else None},
            [("email", f"n{number}@example.org", None)],
            frozenset({("x", f"C{number}\x1fcrm"), *([("t", "vip")] if number % 4 == 0 else [])}),
        )
        for number in range(PEOPLE)
    ]
    async with office.house.database.write() as connection:
        await contact_book.add_all(connection, office.organisation_id, new, office.house.clock.now())
    lines = [
        f"C{number};F{number}-{time};2026-{1 + (number * 7 + time * 3) % 9:02d}-{1 + number % 27:02d};{20 + number * 3 % 90},50;livres"
        for number in range(PEOPLE - 5)
        for time in range(1 + number % 5)
    ]
    path = tmp_path / "ventes.csv"
    path.write_text("client;commande;date;montant;catégorie\n" + "\n".join([*lines, "C999;F;2026-01-01;10;x"]) + "\n", encoding="utf-8")
    return path


async def _redraw(page: Any) -> None:
    """With scripts a choice redraws the form; without, a button does."""
    if not page.scripts:
        await page.click("button[value=count]")
    await page.wait_for_load_state("networkidle")


async def test_loyal_customers_without_an_order_for_ninety_days(office: Office, page: Any, tmp_path: Path) -> None:
    path = await _people(office, tmp_path)
    await page.goto("/segments")
    await picture(page, "empty")
    await page.goto("/segments/customers")
    await page.set_input_files("input[type=file]", path)
    await page.click("form.upload button")
    await page.wait_for_url("**/segments/purchases/*")
    await work(office)
    await again(page)
    await page.wait_for_selector("table.rfm")
    await picture(page, "customers")
    await page.goto("/segments/new")
    await page.fill("[name=title]", "Fidèles sans commande")
    await page.select_option("[name='r.0.on']", "rfm")
    await _redraw(page)
    await page.select_option("[name='r.0.value']", "loyal")
    await page.click("button[value='add:r']")
    await page.wait_for_selector("[name='r.1.on']")
    await page.select_option("[name='r.1.on']", "bought")
    await _redraw(page)
    await page.wait_for_selector("[name='r.1.days']")
    await page.fill("[name='r.1.days']", "90")
    await page.check("[name='r.1.no']")
    await _redraw(page)
    await page.wait_for_selector(f"text={'n’ont pas acheté' if page.scripts else 'did not buy'}")
    counted = await page.inner_text(".meant .count strong")
    await page.click("button[value='group:r']")
    await page.wait_for_selector("[name='r.2.0.on']")
    await picture(page, "builder")
    await page.click("button[value='remove:r.2']")
    await page.wait_for_selector("[name='r.2.group']", state="detached")
    await page.focus("[name=title]")
    await page.click(".top-row button:not([name])")
    await page.wait_for_url("**/segments/*?done=kept")
    assert await page.inner_text(".meant .count strong") == counted != "0"
    await picture(page, "segment")
    await page.click(".people a")
    await picture(page, "contact")
    await page.goto("/segments")
    if page.scripts:
        await page.wait_for_selector("td.number span:not([hx-get])")
        assert await page.inner_text("td.number") == counted
    await picture(page, "list")
    await page.goto("/segments/sleepers")
    await picture(page, "sleepers")
