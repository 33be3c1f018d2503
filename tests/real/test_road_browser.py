"""A newcomer's road in a real browser: start the office, sign in, print through CUPS, the page opens, choose, send, watch."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postoffice.compose.trial import trial_merge
from tests.real.cups import Cups
from tests.real.office import Office
from tests.real.test_desk_browser import chromium, expected
from tests.servers import wait_for

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(240)]

LETTERS = 120
PASSWORD = "Une-lettre-par-jour-2026"


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of a browser; what it complains of fails the test."""
    sync_playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").sync_playwright
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        made = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
        made.on("pageerror", lambda error: complaints.append(str(error)))
        made.on("console", lambda line: complaints.append(line.text) if line.type == "error" and not expected(line.text) else None)
        yield made
        browser.close()
    assert complaints == []


def _sign_in_for_the_first_time(page: Any, office: Office) -> None:
    page.goto(f"{office.url}/")
    page.fill("[name=email]", "admin@postoffice.local")
    page.fill("[name=password]", office.password)
    page.click("main form button[type=submit] >> nth=0")
    page.wait_for_url("**/password")
    fields = page.locator("input[type=password]")
    for index, text in enumerate([office.password, PASSWORD, PASSWORD]):
        fields.nth(index).fill(text)
    page.click("main button[type=submit] >> nth=0")
    page.wait_for_url(f"{office.url}/")


def _count(page: Any) -> int:
    """The number under "Arrived" on the board."""
    text = page.inner_text("main")
    found = re.search(r"Arrived\s+(\d+)", text)
    return int(found[1]) if found else -1


def test_print_choose_send_watch(page: Any, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    opener = tmp_path / "open"
    opener.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    opener.chmod(0o755)
    letters = tmp_path / "letters.pdf"
    content, truth = trial_merge(LETTERS, 5)
    letters.write_bytes(content)
    office = Office(tmp_path / "data", chunk_delay_ms=20).start()
    try:
        _sign_in_for_the_first_time(page, office)
        with Cups() as cups:
            uri = office.printer_uri()
            cups.add_queue("road", uri)
            token = uri.rsplit("/", 1)[1]
            config = tmp_path / "agent.json"
            config.write_text(f'{{"desk": "{office.url}", "token": "{token}"}}')
            agent = subprocess.Popen(
                [sys.executable, "printdrivers/linux/agent.py", "--config", config, "--open", str(opener), "--wait", "5"],
                env=cups.environment | {"XDG_STATE_HOME": str(tmp_path / "state")},
            )
            try:
                wait_for(lambda: list((tmp_path / "state").rglob("*.json")), what="the agent's first question")
                cups.print_file("road", letters, "Invoices for the road")
                address = wait_for(lambda: opened.exists() and opened.read_text().strip(), 30, what="the page that opens by itself")
            finally:
                agent.terminate()
                agent.wait(10)
        assert address.startswith(f"{office.url}/m/")

        page.goto(address)
        page.wait_for_selector(".leaf a", timeout=30_000)
        assert "Invoices for the road" in page.inner_text("h1")
        wait_for(lambda: "Send 120 letters" in page.inner_text("#price"), 30, what="the price of all letters")
        names = page.locator(".leaf .name").all_inner_texts()
        assert names == [one.lines[0] for one in truth[: len(names)]]
        before = page.inner_text("#price .total")
        page.check("[name=colour]")
        wait_for(lambda: page.inner_text("#price .total") != before, what="the price of letters in colour")
        page.click("[data-send]")
        page.wait_for_selector("dialog[open]")
        assert "120" in page.inner_text("dialog h2")
        pressed = time.monotonic()
        page.click("[data-sure-send]")
        page.wait_for_selector(".live")
        wait_for(lambda: _count(page) == LETTERS, 60, what=f"{LETTERS} arrived on the live board")
        assert "finished" in page.inner_text("main")
        sys.stdout.write(f"\nfrom the button to {LETTERS} arrived on the board: {time.monotonic() - pressed:.1f} s\n")

        page.locator("a[href^='/i/']").first.click()
        page.wait_for_selector("text=" + truth[0].lines[-1])
        timeline = page.inner_text("main")
        assert truth[0].lines[0] in timeline
        for word in ("posted", "delivered"):
            assert word in timeline.lower()
    finally:
        office.stop()
