"""Contacts in a real browser, in French: write one down by keyboard, import a file, decide a doubt, look at the page on a phone."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from postoffice.model.address import PostalAddress
from postoffice.model.item import NewItem
from postoffice.model.people import Grant, Role
from postoffice.pipeline import matching
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Office
from tests.desk.test_contacts import FILE, work
from tests.real.test_desk_browser import chromium, expected

pytestmark = pytest.mark.real
PICTURES = os.environ.get("CONTACT_PICTURES", "")


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await house.build(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def page(office: Office) -> AsyncIterator[Any]:
    """A page of somebody who is signed in; what the browser complains of fails the test."""
    async_playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed").async_playwright
    user = await office.add_user("zoe@example.org", Grant(Role.ADMINISTRATOR), Grant(Role.PRIVACY), language="fr")
    token, _csrf = await office.cookie_of(user)
    complaints: list[str] = []
    async with TestServer(office.app) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, base_url=str(server.make_url("/")))
        await context.add_cookies([{"name": "postoffice", "value": token, "url": str(server.make_url("/"))}])
        made = await context.new_page()
        made.on("console", lambda line: complaints.append(line.text) if line.type == "error" and not expected(line.text) else None)
        yield made
        await browser.close()
    assert not complaints


async def picture(page: Any, name: str) -> None:
    """Keep what the page looks like, wide and on a phone, where somebody wants to look; nowhere may a page be wider than its screen."""
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.locator("body").evaluate("body => body.scrollWidth") <= width, f"{name} is too wide for {width}"
        if PICTURES:
            await page.screenshot(path=f"{PICTURES}/{name}-{width}.png", full_page=True)
    await page.set_viewport_size({"width": 1280, "height": 800})


async def test_contacts_from_the_first_to_the_doubtful(office: Office, page: Any, tmp_path: Path, letters: bytes) -> None:
    await page.goto("/contacts/new")
    await page.keyboard.type("Jean Dupont")  # the field has the focus
    await page.fill("[name=address]", "Jean Dupont\n12 rue de l'Église\n69002 LYON")
    await page.fill("[name=emails]", "jean@example.org")
    await page.fill("[name=numbers]", "crm: C-1")
    await page.fill("[name=tags]", "client, eau")
    await picture(page, "edit")
    await page.focus("[name=tags]")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/contacts/*?done=*")
    await picture(page, "contact")
    await _import(office, page, tmp_path)
    mailing = await office.add_mailing([NewItem(1, 1, PostalAddress(("J. Dupont", "12 rue de l'Église", "69002 LYON")))], letters)
    async with office.house.database.write() as connection:
        await matching.place(office.house, connection, office.organisation_id, await office.items_of(mailing), office.house.clock.now())
    await page.goto("/contacts")
    await picture(page, "list")
    await page.click("text=peut-être pour quelqu’un")
    await picture(page, "doubts")
    await page.click("text=La même : celle-ci")
    await page.wait_for_url("**/contacts/doubts?done=*")
    assert "Aucun courrier" in await page.inner_text("main")


async def again(page: Any) -> None:
    """Show the page anew, also where it does so by itself at the same moment."""
    from playwright.async_api import Error

    for left in (2, 1, 0):
        try:
            await page.goto(page.url)
        except Error:
            if not left:
                raise
        else:
            return


async def _import(office: Office, page: Any, folder: Path) -> None:
    (folder / "clients.csv").write_text(FILE, encoding="cp1252")
    await page.goto("/contacts/imports")
    await picture(page, "imports")
    await page.set_input_files("[name=file]", folder / "clients.csv")
    await page.click("button[type=submit]:has-text('Regarder')")
    await page.wait_for_url("**/contacts/imports/*")
    await work(office)
    await again(page)
    await picture(page, "mapping")
    await page.click("text=Voir ce qui changerait")
    await work(office)
    await again(page)
    await picture(page, "trial")
    await page.click("text=Les écrire")
    await work(office)
    await again(page)
    assert "Ce qui est écrit" in await page.inner_text("main")


@pytest.fixture(scope="session")
def letters() -> bytes:
    """A merged PDF of a few letters."""
    from postoffice.compose.trial import trial_letters

    return trial_letters(5, 7)
