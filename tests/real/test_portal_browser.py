"""The portal in a real browser at telephone size: from the link to a choice, with JavaScript and without; accessibility and weight."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from postoffice.house import HOUSE
from postoffice.model.mailing import LinkProof
from postoffice.portal import add_portal
from postoffice.privacy import ledger
from postoffice.store import consents, people, portal
from tests.doors import Office
from tests.portal.conftest import Letter, belongs, last_code, office, sent  # noqa: F401
from tests.real import axe

pytestmark = pytest.mark.real
PHONE = {"width": 390, "height": 844}
FIRST_VIEW = 100_000  # bytes


def chromium() -> str:
    """The browser of this machine, or a skip that says what is missing."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed (make test installs it)")
    return found


class Weighed:
    """A page of a browser, what its network brought since it was last asked, and what it complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.bytes = 0
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: None if "127.0.0.1" in request.url or request.url[:5] == "data:" else self.foreign.append(request.url),
        )

    async def weight(self) -> int:
        """Bytes of the page and of all that it loaded, bodies as they came."""
        entries = "performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))"
        return int(await self.page.evaluate(f"{entries}.reduce((sum, one) => sum + one.transferSize, 0)"))


@asynccontextmanager
async def browsing(opened: Office, *, scripts: bool = True, language: str = "fr-FR", dark: bool = False) -> AsyncIterator[Weighed]:
    async_playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed").async_playwright
    app = web.Application()
    app[HOUSE] = opened.house
    add_portal(app)
    async with TestServer(app) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(
            viewport=PHONE,
            base_url=str(server.make_url("/")),
            java_script_enabled=scripts,
            locale=language,
            color_scheme="dark" if dark else "light",
            bypass_csp=True,  # for axe alone, which is put into the page: the policy itself is tested in tests/portal
            has_touch=True,
        )
        yield Weighed(await context.new_page())
        await browser.close()


async def two_letters(opened: Office) -> list[Letter]:
    letters = await sent(opened, 2, proof=("code", ""), wanted=LinkProof.CODE)
    await belongs(letters)
    async with opened.house.database.write() as connection:
        await portal.mark(connection, letters[0].item.id, "unpaid", opened.clock.now())
    return letters


async def to_the_letter(weighed: Weighed, opened: Office, letter: Letter) -> None:
    """Link, code, letter."""
    await weighed.page.goto(letter.path)
    await weighed.page.click("button.go")
    await weighed.page.fill("#code", await last_code(opened))
    await weighed.page.click("button.go")
    assert weighed.page.url.endswith("/l/document")


@pytest.mark.parametrize("scripts", [True, False])
async def test_link_code_invoice_history_no_more_promotions(office: Office, scripts: bool) -> None:  # noqa: F811
    letter, other = await two_letters(office)
    async with browsing(office, scripts=scripts) as weighed:
        page = weighed.page
        await to_the_letter(weighed, office, letter)
        assert "à payer" in await page.inner_text("main")
        if scripts:
            await page.wait_for_load_state("networkidle")
            drawn = "[...document.querySelectorAll('.sheets img')].every((one) => one.complete && one.naturalWidth === 800)"
            assert await page.evaluate(drawn)
        await page.click("text=Mes documents")
        assert await page.locator(".list li").count() == 2
        await page.click(f"a[href$='{other.item.id}']")
        assert page.url.endswith(other.item.id)
        await page.click("text=Mes choix")
        await page.check("[name='promotion.email'][value=no]")
        await page.click("button.go >> nth=0")
        assert await page.locator(".done").count() == 1
        assert not weighed.complaints and not weighed.foreign
    contact_id = await belongs([letter])
    async with office.house.database.read() as connection:
        lines = (await consents.of_contacts(connection, office.organisation_id, [contact_id]))[contact_id]
    assert ledger.standing(lines, "promotion", "email") is False and ledger.standing(lines, "promotion", "post") is None


class Judge:
    """Looks at a page: does it fit, what does it weigh, what does axe-core find."""

    def __init__(self, weighed: Weighed) -> None:
        self.weighed = weighed
        self.axe = axe.script()
        self.weights: dict[str, int] = {}

    async def look(self, name: str) -> None:
        page = self.weighed.page
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        self.weights[name] = await self.weighed.weight()
        bad = await axe.faults(page, self.axe)
        assert not bad, (name, bad)

    async def visit(self, path: str) -> None:
        await self.weighed.page.goto(path)
        await self.look(path)


@pytest.mark.parametrize("dark", [False, True])
async def test_every_page_is_accessible_light_and_fits_a_telephone(office: Office, dark: bool) -> None:  # noqa: F811
    letter, other = await two_letters(office)
    (typed,) = await sent(office, 1, subject="Relance")
    async with office.house.database.write() as connection:
        await people.update_organisation(connection, office.organisation_id, settings={"colour": "#7a1f5c"})
    async with browsing(office, dark=dark) as weighed:
        page, judge = weighed.page, Judge(weighed)
        await judge.visit(typed.path)
        await page.fill("#proof", "00000")
        await page.click("button.go")
        await judge.look("wrong")
        await judge.visit(letter.path)
        await page.click("button.go")
        await judge.look("code asked for")
        await page.fill("#code", await last_code(office))
        await page.click("button.go")
        await judge.look("document")
        await page.click("summary >> nth=1")
        await page.fill("#email", "c@cabinet.example")
        await page.click("text=Créer un lien")
        await judge.look("shared")
        for path in ("/l/documents", f"/l/documents/{other.item.id}", "/l/choices", "/l/choices/email", "/l/choices/mobile", "/l/data"):
            await judge.visit(path)
        await page.click("button.quiet")
        await judge.look("closed")
        for path in ("/l/document", "/l/unknown"):
            await judge.visit(path)
        assert max(judge.weights.values()) < FIRST_VIEW, judge.weights
        assert not weighed.foreign


async def test_the_keyboard_alone_leads_through_and_a_browser_without_cookies_is_told(office: Office) -> None:  # noqa: F811
    (letter,) = await sent(office, 1)
    await belongs([letter])
    async with browsing(office) as weighed:
        page = weighed.page
        await page.goto(letter.path)
        await page.keyboard.press("Tab")
        await page.keyboard.type(letter.proof)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/l/document")
        await page.context.clear_cookies()
        await page.goto("/l/document")
        assert "cookies" in await page.inner_text("main")
        first = await page.evaluate("getComputedStyle(document.body).fontSize")
        assert float(first.removesuffix("px")) >= 16
