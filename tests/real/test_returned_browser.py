"""The station in a real browser, by keyboard alone, in French and in English: type or scan, next envelope, bin, undo, camera."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from postoffice.model.ids import to_bytes
from postoffice.model.states import ItemState
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Office
from tests.desk.test_returned import key_of, mailing_of, posted
from tests.real.test_desk_browser import chromium, expected, sign_in, until

pytestmark = pytest.mark.real
SHOTS = os.environ.get("POSTOFFICE_SHOTS", "")  # a folder for pictures of the pages, to be looked at


@pytest.fixture(params=["fr", "en"])
async def office(tmp_path: Path, clock: FixedClock, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    built = await house.build(tmp_path, clock)
    await built.add_user("alice@example.org", house.administrator(), language=request.param)
    yield built
    await built.house.database.close()


@pytest.fixture
async def page(office: Office) -> AsyncIterator[Any]:
    """A page with a camera that shows a test picture; what the browser complains of fails the test."""
    async_playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed").async_playwright
    complaints: list[str] = []
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    async with TestServer(office.app) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", *camera])
        base = str(server.make_url("/")).replace("127.0.0.1", "localhost")  # cameras need a secure place, which localhost is
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, base_url=base)
        made = await context.new_page()
        made.on("pageerror", lambda error: complaints.append(str(error)))
        made.on("console", lambda line: complaints.append(line.text) if line.type == "error" and not known(line.text) else None)
        yield made
        await browser.close()
    assert not complaints


def known(complaint: str) -> bool:
    return expected(complaint) or "status of 404" in complaint or "status of 400" in complaint


async def shot(page: Any, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


async def focused(page: Any) -> str:
    return str(await page.evaluate("document.activeElement.id || document.activeElement.tagName"))


async def test_envelopes_one_after_the_other_by_keyboard_only(office: Office, page: Any) -> None:
    first, second, third = await posted(office, 3)
    await sign_in(page, "/returned")
    await page.wait_for_selector("#typed")
    language = await page.evaluate("document.documentElement.lang")
    assert await focused(page) == "typed"
    keys = page.keyboard
    await keys.type(to_bytes(key_of(first)).hex())  # as a hand-held scanner does, with its Enter
    await keys.press("Enter")
    await page.wait_for_selector("#came .one.fresh")
    assert (await focused(page), await page.input_value("#typed")) == ("typed", "")
    await keys.press("Alt+3")
    assert await page.evaluate("document.querySelector('#bins').elements.reason.value") == "refused"
    await keys.type("lefevre 2 69003")
    await keys.press("Enter")
    await page.wait_for_selector("#came .choices")
    await shot(page, f"choices-{language}")
    await keys.press("Enter")  # the likeliest has the focus
    await page.wait_for_selector("#came .one.fresh")
    words = await page.inner_text("#came")
    assert ("Refusé par le destinataire" if language == "fr" else "Refused by the recipient") in words
    assert await page.locator("#came .last li").count() == 2
    await shot(page, f"station-{language}")
    await keys.press("Control+z")
    await until(page, "document.querySelectorAll('#came .last li').length === 1")
    assert await focused(page) == "typed"
    states = [item.state for item in await office.items_of(await mailing_of(office, first))]
    assert states == [ItemState.RETURNED, ItemState.MAILED, ItemState.MAILED]
    await keys.type(key_of(first))
    await keys.press("Enter")
    await page.wait_for_selector("#came .one.already")
    await keys.type(third.reference + "9 no such thing")
    await keys.press("Enter")
    await page.wait_for_selector("#came .calm")
    await page.click("[data-start]")
    await page.wait_for_selector("video[data-on]")
    await page.wait_for_timeout(1200)  # some pictures go to the office, which sees no code in them
    await page.click("[data-stop]")
    assert second.contact_id


async def test_pages_fit_a_phone(office: Office, page: Any) -> None:
    item, _ = await posted(office)
    await sign_in(page, "/returned")
    await page.set_viewport_size({"width": 390, "height": 844})
    for number, path in enumerate(("/returned", "/suppressions", f"/contacts/{item.contact_id}")):
        await page.goto(path)
        await page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        await shot(page, f"phone-{number}")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto("/suppressions")
    await page.evaluate("document.querySelector('main details').open = true")
    await page.fill("main details [name=typed]", "anne@example.fr")
    await page.click("main details form button >> nth=0")
    await page.wait_for_selector("main table")
    await page.fill(".lookup [name=typed]", "ANNE@example.fr")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("p.held")
    assert "anne" not in page.url
    await shot(page, "suppressions")
