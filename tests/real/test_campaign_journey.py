"""A campaign in a real browser, from two spreadsheets to the report for the boss: one writes, another approves, a clock that moves."""

import io
import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp.test_utils import TestServer

from postoffice.actions import campaigns as acting
from postoffice.model.people import Grant, Role
from postoffice.store import people, segments
from tests.conftest import FixedClock
from tests.desk.house import Office
from tests.desk.offices import with_carriers
from tests.desk.test_contacts import work
from tests.pipeline.house import Office as Road
from tests.real import axe
from tests.real.test_contacts_browser import again
from tests.real.test_desk_browser import chromium, expected

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(400)]
PICTURES = os.environ.get("CAMPAIGN_PICTURES", "")


class Words(NamedTuple):
    """What the pages say in one language."""

    look: str
    trial: str
    apply: str
    written: str
    subject: str
    submit: str
    approve: str
    schedule: str
    waits: str
    finished: str
    results: str


SAID = {
    "fr": Words(
        "Regarder",
        "Voir ce qui changerait",
        "Les écrire",
        "Ce qui est écrit",
        "Vous nous manquez",
        "Soumettre",
        "Approuver exactement ceci",
        "Programmer",
        "attend son heure",
        "terminé",
        "Résultats",
    ),
    "en": Words(
        "Look",
        "See what would change",
        "Write them",
        "What was written",
        "We miss you",
        "Hand in",
        "Approve exactly this",
        "Schedule",
        "waits for its hour",
        "finished",
        "Results",
    ),
}


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    clock.time = datetime(2026, 11, 23, 9, tzinfo=UTC)
    built = await with_carriers(tmp_path, clock)
    settings = {acting.APPROVAL: True, "sender_email": "bonjour@maison.example"}
    async with built.house.database.write() as connection:
        await people.update_organisation(connection, built.organisation_id, settings=settings)
    yield built
    await built.house.database.close()


async def picture(page: Any, name: str) -> None:
    """Nowhere may a page be wider than its screen; in English axe-core looks too, which the French run's content policy forbids."""
    if name.startswith("en-"):
        bad = await axe.faults(page, axe.script())
        assert not bad, (name, bad)
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.locator("body").evaluate("body => body.scrollWidth") <= width, f"{name} is too wide for {width}"
        if PICTURES:
            await page.screenshot(path=f"{PICTURES}/{name}-{width}.png", full_page=True)
    await page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.parametrize(("language", "count"), [("fr", 10_000), ("en", 1_500)])
async def test_from_two_spreadsheets_to_the_report(office: Office, tmp_path: Path, language: str, count: int) -> None:
    async_playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed").async_playwright
    complaints: list[str] = []
    async with TestServer(office.app) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])

        base, users = str(server.make_url("/")), dict[str, Any]()

        async def enter(page: Any, name: str) -> None:
            token, _csrf = await office.cookie_of(users[name])
            await page.context.add_cookies([{"name": "postoffice", "value": token, "url": base}])

        async def signed_in(name: str, role: Role) -> Any:
            users[name] = await office.add_user(f"{name}@example.org", Grant(role), language=language)
            free = language == "en"  # for axe alone, which is put into the page
            context = await browser.new_context(viewport={"width": 1280, "height": 800}, base_url=base, bypass_csp=free)
            made = await context.new_page()
            await enter(made, name)
            made.set_default_timeout(200_000)
            made.on("dialog", lambda dialog: dialog.accept())
            made.on("console", lambda one: complaints.append(one.text) if one.type == "error" and not expected(one.text) else None)
            return made

        author, boss = await signed_in("anne", Role.ADMINISTRATOR), await signed_in("zoe", Role.APPROVER)
        said = SAID[language]
        await _bring_in(office, author, tmp_path, count, said)
        wanted = await _segment(author, f"{language}-segment")
        await _mail(author, said, f"{language}-mail")
        path = await _write(author, said, language)
        wanted = await _go(office, author, boss, path, said, wanted, language, lambda: enter(author, "anne"))
        await _results(author, path, said, wanted, language)
        await browser.close()
    assert complaints == []


async def _bring_in(office: Office, page: Any, folder: Path, count: int, said: Words) -> None:
    """Contacts, then what they bought until the end of summer."""
    people_csv, sales = folder / "clients.csv", folder / "ventes.csv"
    rows = [f"Martin{n};Anne;Lyon;n{n}@example.org;C{n}" for n in range(count)]
    people_csv.write_text("Nom;Prénom;Ville;E-mail;N° client\n" + "\n".join(rows) + "\n", encoding="utf-8")
    lines = [
        f"C{n};F{n}-{time};2026-{1 + (n * 7 + time * 3) % 9:02d}-{1 + n % 27:02d};{20 + n * 3 % 90},50;livres"
        for n in range(count)
        for time in range(1 + n % 5)
    ]
    sales.write_text("client;commande;date;montant;catégorie\n" + "\n".join(lines) + "\n", encoding="utf-8")
    await page.goto("/contacts/imports")
    await page.set_input_files("[name=file]", people_csv)
    await page.click(f"button[type=submit]:has-text('{said.look}')")
    await page.wait_for_url("**/contacts/imports/*")
    for press in (said.trial, said.apply):
        await work(office)
        await again(page)
        await page.click(f"text={press}")
    await work(office)
    await again(page)
    assert said.written in await page.inner_text("main")
    await page.goto("/segments/customers")
    await page.set_input_files("input[type=file]", sales)
    await page.click("form.upload button")
    await page.wait_for_url("**/segments/purchases/*")
    await work(office)
    await again(page)
    await page.wait_for_selector("table.rfm")


async def _segment(page: Any, name: str) -> int:
    """Loyal, no order for ninety days: built in the browser; how many the page counts beside it."""
    await page.goto("/segments/new")
    await page.fill("[name=title]", "Fidèles sans commande")
    await page.select_option("[name='r.0.on']", "rfm")
    await page.wait_for_load_state("networkidle")
    await page.select_option("select[name='r.0.value']", "loyal")
    await page.click("button[value='add:r']")
    await page.wait_for_selector("[name='r.1.on']")
    await page.select_option("[name='r.1.on']", "bought")
    await page.wait_for_selector("[name='r.1.days']")
    await page.fill("[name='r.1.days']", "90")
    await page.check("[name='r.1.no']")
    await page.wait_for_load_state("networkidle")
    await picture(page, name)
    await page.click(".top-row button:not([name])")
    await page.wait_for_url("**/segments/*?done=kept")
    counted = int(re.sub(r"\D", "", await page.inner_text(".meant .count strong")))
    assert counted > 0
    return counted


async def _mail(page: Any, said: Words, name: str) -> None:
    """From the sample of a newsletter, with a subject of its own, published."""
    await page.goto("/templates")
    await page.click("button[name=sample][value=newsletter]")
    await page.wait_for_url("**/mail*")
    await page.fill("[name=subject]", said.subject)
    await page.click("form.mail-form p.buttons button[type=submit]")
    await page.wait_for_load_state("networkidle")
    assert said.subject in await page.inner_text("#preview .inbox")
    await picture(page, name)
    await page.click("form[action$='/publish'] button")
    await page.wait_for_load_state("networkidle")


async def _write(page: Any, said: Words, language: str) -> str:
    """The campaign, handed in; its path."""
    await page.goto("/campaigns/new")
    await page.fill("[name=name]", said.subject)
    await page.select_option("[name=segment]", label="Fidèles sans commande")
    await page.select_option("[name=version]", index=1)
    await page.select_option("[name=ground]", "customers")
    await page.fill("[name=at]", "2026-11-24T10:00")
    await picture(page, f"{language}-form")
    await page.click("form.campaign-form p.buttons button[type=submit]")
    await page.wait_for_url(re.compile(r"/campaigns/[0-9a-z]{26}"))
    path = "/" + page.url.split("/", 3)[3].partition("?")[0]
    await picture(page, f"{language}-draft")
    await page.click(f"button:has-text('{said.submit}')")
    await page.wait_for_selector(f"button:has-text('{said.submit}')", state="detached")
    return path


async def _go(office: Office, author: Any, boss: Any, path: str, said: Words, wanted: int, language: str, enter: Any) -> int:
    """Another person says yes; nothing goes before its hour; then everything does. How many: a day later some orders more are old."""
    await boss.goto(path)
    await picture(boss, f"{language}-review")
    await boss.click(f"button:has-text('{said.approve}')")
    await boss.wait_for_selector(f"button:has-text('{said.approve}')", state="detached")
    await author.goto(path)
    await author.click(f"button:has-text('{said.schedule}')")
    await author.click("dialog[open] [data-yes]")
    await author.wait_for_selector(f"text={said.waits}")
    road = Road(office.house, office.organisation_id)
    await road.work()
    assert await road.box() == {}
    office.house.clock.time = datetime(2026, 11, 24, 9, 0, 1, tzinfo=UTC)  # type: ignore[attr-defined]
    async with office.house.database.read() as connection:
        (segment,) = await segments.page(connection, office.organisation_id)
        segment = await segments.get(connection, office.organisation_id, segment.id)
        before, wanted = wanted, await segments.count(connection, segment, office.house.clock.now())
    assert wanted >= before
    await road.work(2)
    await enter()  # a day later
    await author.goto(path)
    await picture(author, f"{language}-running")
    await road.follow(8, seconds=60)
    assert sorted((await road.box()).values()) == [1] * wanted
    await author.goto(path)
    assert said.finished in (await author.inner_text("main")).lower()
    await picture(author, f"{language}-finished")
    await author.goto("/campaigns")
    await picture(author, f"{language}-list")
    return wanted


async def _results(page: Any, path: str, said: Words, wanted: int, language: str) -> None:
    """The page of results and the PDF, which says the same number."""
    pdfplumber = pytest.importorskip("pdfplumber", reason="pdfplumber is not installed")
    await page.goto(path)
    await page.click(f"a[role=button]:has-text('{said.results}')")
    await page.wait_for_url("**/results")
    await picture(page, f"{language}-results")
    assert str(wanted) in re.sub(r"(?<=\d)[\s,](?=\d)", "", await page.inner_text("main"))
    answer = await page.request.get(f"{path}/report.pdf")
    content = await answer.body()
    assert answer.status == 200 and content.startswith(b"%PDF")
    if PICTURES:
        Path(PICTURES, f"{language}-report.pdf").write_bytes(content)
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        text = "\n".join(one.extract_text() for one in pdf.pages)
    assert said.subject in text and str(wanted) in re.sub(r"(?<=\d)[\s,](?=\d)", "", text)
