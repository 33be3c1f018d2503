"""Every page of the desk, full of things, in a real browser: axe-core finds nothing, light and dark; none is wider than its screen.

A new page fails here until it is shown (SHOWN) or stands among LEFT_OUT with its reason.
"""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from postoffice.channels.email.dns import DnsTools
from postoffice.desk.routes import ROUTES
from postoffice.house import HOUSE
from postoffice.model.people import Grant, Role
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import PASSWORD, Office
from tests.desk.matrix import bare
from tests.desk.offices import ALL, with_carriers
from tests.dns import Zone, name_server
from tests.real import axe
from tests.real.full_office import Things, furnish
from tests.real.test_desk_browser import chromium

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]
PICTURES = os.environ.get("DESK_PICTURES", "")  # a folder for pictures of the pages, to be looked at

FILE, PICTURE, PART, FRAME = "a file to be kept", "a picture", "a part of a page that shows it", "a mail within its frame"
LEFT_OUT: Mapping[str, str] = {
    "/campaigns/{campaign}/results.csv": FILE,
    "/campaigns/{campaign}/report.pdf": FILE,
    "/m/{mailing}/live": "a stream of parts of the page of a mailing",
    "/m/{mailing}/export.csv": FILE,
    "/m/{mailing}/items/{item}/fix/{word}/{page}.png": PICTURE,
    "/m/{mailing}/items/{item}/{size}-{page}.png": PICTURE,
    "/i/{item}/letter.pdf": FILE,
    "/i/{item}/proofs/{event}": FILE,
    "/i/{item}/mails/{mail}.eml": FILE,
    "/templates/{template}/thumb.png": PICTURE,
    "/templates/{template}/mail.html": FRAME,
    "/figures.csv": FILE,
    "/contacts/export.{kind}": FILE,
    "/contacts/imports/{import}/refused.csv": FILE,
    "/contacts/{contact}/everything.zip": FILE,
    "/segments/{segment}/count": PART,
    "/returned/export": FILE,
    "/returned/{entry}/picture": PICTURE,
    "/returned/scans": PART,
    "/returned/scans/{scan}/{page}.jpg": PICTURE,
    "/suppressions/export": FILE,
    "/admin": "leads to the first of its pages that one may see",
    "/admin/printdrivers.zip": FILE,
    "/sandbox/{key}/mail.html": FRAME,
    "/sandbox/{key}/{size}-{page}.png": PICTURE,
    "/sign-in": "for strangers: looked at after the others",
    "/sign-in/second": "for strangers: looked at after the others",
}
#: addresses of a route where its own is not enough; the words in braces are names of what `furnish` put there
SHOWN: Mapping[str, tuple[str, ...]] = {
    "/campaigns/{campaign}": ("/campaigns/{draft}", "/campaigns/{ended}"),
    "/campaigns/{campaign}/results": ("/campaigns/{ended}/results",),
    "/campaigns/{campaign}/sheet": ("/campaigns/{sheet}/sheet",),
    "/campaigns/{campaign}/edit": ("/campaigns/{draft}/edit",),
    "/calendar": ("/calendar?month=2026-12",),
    "/forms/{form}": ("/forms/{form}",),
    "/forms/{form}/edit": ("/forms/{form}/edit",),
    "/m/{mailing}": ("/m/{waiting}", "/m/{sent}", "/m/{wave}"),
    "/m/{mailing}/fields": ("/m/{waiting}/fields",),
    "/m/{mailing}/items/{item}": ("/m/{waiting}/items/{faulty}", "/m/{waiting}/items/{held}"),
    "/m/{mailing}/items/{item}/fix/{word}": ("/m/{waiting}/items/{faulty}/fix/clear-window",),
    "/i/{item}": ("/i/{gone}", "/i/{failed}", "/i/{returned}", "/i/{answered}"),
    "/i/{item}/mails/{mail}": ("/i/{answered}/mails/{mail}",),
    "/templates/{template}": ("/templates/{template}",),
    "/templates/{template}/mail": ("/templates/{newsletter}/mail",),
    "/templates/{template}/check": ("/templates/{newsletter}/check",),
    "/templates/{template}/versions/{number}": ("/templates/{template}/versions/1",),
    "/templates/{template}/merge": ("/templates/{template}/merge",),
    "/templates/{template}/merge/{sheet}": ("/templates/{template}/merge/{rows}",),
    "/contacts/imports/{import}": ("/contacts/imports/{import}", "/contacts/imports/{mapping}"),
    "/contacts/{contact}": ("/contacts/{contact}", "/contacts/{customer}"),
    "/contacts/{contact}/edit": ("/contacts/{contact}/edit",),
    "/segments/purchases/{import}": ("/segments/purchases/{sales}",),
    "/segments/{segment}": ("/segments/{segment}",),
    "/segments/{segment}/edit": ("/segments/{segment}/edit",),
    "/returned/scans/{scan}": ("/returned/scans/{scan}",),
    "/admin/printers/{printer}": ("/admin/printers/{printer}",),
    "/admin/printers/{printer}/settings": ("/admin/printers/{printer}/settings",),
    "/admin/printers/{printer}/tokens/{token}": ("/admin/printers/{printer}/tokens/{token}",),
    "/admin/carriers/new": ("/admin/carriers/new?kind=smtp",),
    "/admin/carriers/{carrier}": ("/admin/carriers/sandbox-email", "/admin/carriers/sandbox-sms", "/admin/carriers/sandbox-post"),
    "/admin/carriers/{carrier}/mailbox": ("/admin/carriers/sandbox-email/mailbox",),
    "/admin/plans/{plan}": ("/admin/plans/{plan}",),
    "/admin/people/{user}": ("/admin/people/{person}",),
    "/admin/hooks/{hook}": ("/admin/hooks/{hook}",),
    "/sandbox/{key}": tuple(f"/sandbox/{{sandbox-{channel}}}" for channel in ("email", "sms", "fax", "post")),
}
PAGES = [bare(route.path) for route in ROUTES if route.method == "GET" and bare(route.path) not in LEFT_OUT]


def addresses(things: Things) -> Iterator[str]:
    """What a browser is sent to, the pages' addresses in the order of the route table."""
    for path in PAGES:
        yield from (one.format_map(things) for one in SHOWN.get(path, (path,)))
    yield "/no-such-page"


def test_every_page_is_shown_or_left_out_for_a_reason() -> None:
    known = {bare(route.path) for route in ROUTES if route.method == "GET"}
    assert set(SHOWN) | set(LEFT_OUT) <= known and not set(SHOWN) & set(LEFT_OUT), "what is no page any more"
    assert [path for path in PAGES if "{" in path and path not in SHOWN] == [], (
        "say in SHOWN which one is looked at, or why not in LEFT_OUT"
    )


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    zone: Zone = {}
    with name_server(zone) as port:
        built = await with_carriers(tmp_path, clock, url="https://post.example")
        built.app[HOUSE] = built.house = replace(built.house, sending=DnsTools(f"127.0.0.1:{port}"))
        yield built
        await built.house.database.close()


class Walk:
    """A walk through pages; what is wrong with them is gathered, so that one run tells everything."""

    def __init__(self, page: Any, name: str) -> None:
        self.page = page
        self.name = name
        self.axe = axe.script()
        self.wrong: dict[str, list[Any]] = {}

    async def visit(self, path: str) -> None:
        """Go there and look; all that can be opened on the page is open."""
        answer = await self.page.goto(path, wait_until="load")
        expected = 404 if path == "/no-such-page" else 200
        if (
            answer.status != expected
            or not self.page.url.endswith(path)
            or answer.headers["content-type"] != "text/html; charset=utf-8"
        ):
            self.wrong[path] = [answer.status, self.page.url]
            return
        await self.look(path)

    async def look(self, name: str) -> None:
        """Judge the page that is shown."""
        await self.page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        found: list[Any] = await axe.faults(self.page, self.axe)
        for width in (390, 1280):
            await self.page.set_viewport_size({"width": width, "height": 800})
            is_wide = await self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
            found += [f"wider than {width}"] * is_wide
            if PICTURES:
                place = name.strip("/").replace("/", "_").replace("?", "_")[:60] or "today"
                await self.page.screenshot(path=f"{PICTURES}/{place}-{self.name}-{width}.png", full_page=True)
        if found:
            self.wrong[name] = found


async def _opened(walk: Walk, things: Things) -> None:
    """What opens over the page of a mailing that waits: a letter's panel, and the question before it is sent."""
    await walk.page.goto(f"/m/{things['waiting']}")
    await walk.page.click(".leaf a >> nth=0")
    await walk.page.wait_for_selector("#panel .one")
    await walk.look("panel")
    await walk.page.keyboard.press("Escape")
    await walk.page.wait_for_selector("#panel .one", state="detached")
    await walk.page.click("[data-send]")
    await walk.page.wait_for_selector("dialog[open]")
    await walk.look("question")


async def _strangers(walk: Walk) -> None:
    """The pages before somebody is signed in."""
    await walk.page.context.clear_cookies()
    await walk.visit("/sign-in")
    await walk.page.fill("[name=email]", "paul@example.org")
    await walk.page.fill("[name=password]", PASSWORD)
    await walk.page.click("main form button[type=submit] >> nth=0")
    await walk.page.wait_for_url("**/sign-in/second")
    await walk.look("/sign-in/second")


async def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_its_screen(office: Office, tmp_path: Path) -> None:
    async_playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed").async_playwright
    binary, axe_there = chromium(), axe.script()
    grants = (ALL, Grant(Role.PRIVACY), Grant(Role.CLERK))
    users = {language: await office.add_user(f"zoe-{language}@example.org", *grants, language=language) for language in ("fr", "en")}
    async with house.browser(office, users["fr"]) as browser:
        things = await furnish(office, browser, tmp_path)
    wrong: dict[str, Any] = {}
    async with TestServer(office.app) as server, async_playwright() as playwright:
        base = str(server.make_url("/"))
        started = await playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        for language, colours in (("fr", "light"), ("en", "dark")):
            context = await started.new_context(base_url=base, color_scheme=colours, locale=language, bypass_csp=True)
            token, _csrf = await office.cookie_of(users[language])
            await context.add_cookies([{"name": "postoffice", "value": token, "url": base}])
            await context.add_init_script(axe.script())
            walk = Walk(await context.new_page(), language)
            for path in addresses(things):
                await walk.visit(path)
            await _opened(walk, things)
            await _strangers(walk)
            wrong |= {f"{path} ({language}, {colours})": found for path, found in walk.wrong.items()}
            await context.close()
        await started.close()
    assert axe_there and wrong == {}
