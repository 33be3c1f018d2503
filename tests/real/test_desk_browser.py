"""The desk in a real browser: sign in, look at letters, correct one, choose, confirm, see the board. Nothing on the console."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from postoffice.compose.trial import trial_letters
from postoffice.model.mailing import Mailing
from postoffice.model.states import ItemState, MailingState
from postoffice.store import items, mailings
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import PASSWORD, Office

pytestmark = pytest.mark.real
LETTERS = 80


def chromium() -> str:
    """The browser of this machine, or a skip that says what is missing."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed (make test installs it)")
    return found


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await house.build(tmp_path, clock)
    await built.add_user("alice@example.org", house.administrator(), language="fr")
    yield built
    await built.house.database.close()


@pytest.fixture
async def mailing(office: Office) -> Mailing:
    """Letters of which the second has no postcode."""
    pieces = [house.piece(number, number) for number in range(1, LETTERS + 1)]
    pieces[1] = house.piece(2, 2, 1, "address-no-postcode", lines=["M. Jean DUPONT", "7 QUAI D'ORSAY", "PARIS"])
    return await office.add_mailing(pieces, trial_letters(LETTERS, 3))


@pytest.fixture
async def page(office: Office) -> AsyncIterator[Any]:
    """A page of a browser at the sign-in of a running desk; what the browser complains of fails the test."""
    async_playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed").async_playwright
    complaints: list[str] = []
    async with TestServer(office.app) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, base_url=str(server.make_url("/")))
        made = await context.new_page()
        made.on("pageerror", lambda error: complaints.append(str(error)))
        made.on("console", lambda line: complaints.append(line.text) if line.type == "error" and not expected(line.text) else None)
        yield made
        await browser.close()
    assert not complaints


def expected(complaint: str) -> bool:
    """A stream that ends with its page, and the refusal that a test provokes, are no faults."""
    return "[object Event]" in complaint or "status of 422" in complaint


async def until(page: Any, expression: str) -> None:
    """Wait until an expression is true. (Playwright's own way evaluates text in the page, which its content policy forbids.)"""
    for _ in range(100):
        if await page.evaluate(expression):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"never true: {expression}")


async def sign_in(page: Any, path: str) -> None:
    await page.goto(path)
    await page.fill("[name=email]", "alice@example.org")
    await page.fill("[name=password]", PASSWORD)
    await page.click("main form button[type=submit] >> nth=0")


async def test_from_sign_in_to_the_board(office: Office, mailing: Mailing, page: Any) -> None:
    await sign_in(page, f"/m/{mailing.id}")
    await page.wait_for_selector(".leaf a")
    assert await page.locator(".leaf").count() == 60
    drawn = "[...document.querySelectorAll('.leaf img')].slice(0, 8).every((one) => one.complete && one.naturalWidth === 240)"
    await until(page, drawn)

    await page.keyboard.press("j")  # by keyboard: to the second letter, and into it
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#panel .one")
    await page.fill("#panel [name=lines]", "M. Jean DUPONT\n7 QUAI D'ORSAY\n75007 PARIS")
    await page.click("#panel .facts form >> nth=0 >> button[type=submit]")
    await page.wait_for_selector("#panel .one > header .state.waiting")
    assert (await office.items_of(mailing))[1].state is ItemState.DRAFT
    await page.keyboard.press("Escape")
    assert not await page.locator("#panel .one").count()

    await page.check("[name=colour]")
    await until(page, "document.querySelector('#price .total').textContent.includes('105,60')")
    await page.click("[data-send]")
    await page.wait_for_selector("dialog[open]")
    assert "Envoyer 80 plis pour 105,60" in (await page.inner_text("dialog h2")).replace("\u00a0", " ")
    await page.click("[data-sure-send]")
    await page.wait_for_selector(".live")
    now = await office.again(mailing)
    assert (now.state, now.options.colour) == (MailingState.PLANNING, True)


async def test_a_phone_shows_everything_without_sideways_scrolling(office: Office, mailing: Mailing, page: Any) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await sign_in(page, "/")
    item = (await office.items_of(mailing))[0]
    for path in ("/", "/mailings", "/upload", f"/m/{mailing.id}", f"/m/{mailing.id}/items/{item.id}", f"/i/{item.id}", "/contacts"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


async def test_a_dropped_file_that_is_none_says_so_and_keeps_the_form(office: Office, page: Any) -> None:
    await sign_in(page, "/upload")
    await page.select_option("[name=purpose]", "invoice")
    await page.set_input_files("[name=file]", {"name": "x.pdf", "mimeType": "application/pdf", "buffer": b"no PDF at all"})
    await page.click("#upload > button")
    await page.wait_for_selector("#notice .problem")
    assert "pas un document" in await page.inner_text("#notice")
    assert await page.input_value("[name=purpose]") == "invoice"


async def test_the_page_of_options_follows_the_reading(office: Office, mailing: Mailing, page: Any) -> None:
    async with office.house.database.write() as connection:
        await mailings.command(connection, mailing, "recut", pages_read=0)
        await mailings.command(connection, mailing, "read")
        await items.add_all(connection, office.organisation_id, mailing.id, [], office.house.clock.now())
    await sign_in(page, f"/m/{mailing.id}")
    async with office.house.database.write() as connection:
        await mailings.update(connection, mailing.id, pages_read=40)
    await page.wait_for_selector("text=Lecture de la page 40 sur 80")
    async with office.house.database.write() as connection:
        await items.add_all(connection, office.organisation_id, mailing.id, [house.piece(1, 1)], office.house.clock.now())
        await mailings.command(connection, mailing, "offer", items=1)
    await page.wait_for_selector(".leaf a")
