"""Passkeys in a real browser with a virtual authenticator (WebAuthn automation), and the app's codes; nothing on the console."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from postoffice.model import totp
from postoffice.store import factors, people
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import PASSWORD, Office
from tests.desk.offices import actions
from tests.real.test_desk_browser import chromium
from tests.servers import free_port

pytestmark = pytest.mark.real
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@asynccontextmanager
async def desk(folder: Path, clock: FixedClock, width: int = 1280) -> AsyncIterator[tuple[Office, Any, Any]]:
    """An office at localhost, a page at its sign-in, and the authenticator's session."""
    async_playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed").async_playwright
    complaints: list[str] = []
    port = free_port()
    office = await house.build(folder, clock, url=f"http://localhost:{port}")
    await office.add_user("alice@example.org", house.administrator())
    async with TestServer(office.app, host="localhost", port=port), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(viewport={"width": width, "height": 800}, base_url=office.house.url)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda line: complaints.append(line.text) if line.type == "error" and "status of 403" not in line.text else None
        )
        device = await context.new_cdp_session(page)
        await device.send("WebAuthn.enable")
        await device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        yield office, page, device
        await browser.close()
    await office.house.database.close()
    assert not complaints


async def by_password(page: Any, to: str = "/account/second") -> None:
    await page.goto(f"/sign-in?next={to}")
    await page.fill("[name=email]", "alice@example.org")
    await page.fill("[name=password]", PASSWORD)
    await page.press("[name=password]", "Enter")


async def add_passkey(page: Any) -> None:
    """From the page of second factors to the recovery codes, by keyboard."""
    await page.fill("form[data-passkey] [name=name]", "Laptop")
    await page.press("form[data-passkey] [name=name]", "Enter")
    await page.wait_for_selector("#codes li:nth-child(10)")


async def sign_out(page: Any) -> None:
    await page.goto("/account")
    await page.click("details.who summary")
    await page.click("form[action='/sign-out'] button")
    await page.wait_for_url(re.compile(r":\d+/sign-in($|\?)"))


async def test_a_passkey_is_made_and_signs_in_alone_as_second_step_and_as_proof(tmp_path: Path, clock: FixedClock) -> None:
    async with desk(tmp_path, clock) as (office, page, _device):
        await by_password(page)
        await add_passkey(page)
        await page.click("a[role=button][href='/account']")
        assert "Laptop" in await page.inner_text("main")
        await sign_out(page)
        # alone
        await page.goto("/sign-in?next=/account")
        await page.click("form[data-passkey] button")
        await page.wait_for_url(re.compile(r":\d+/account($|\?)"))
        await sign_out(page)
        # after the password
        await by_password(page, "/admin/keys")
        await page.wait_for_url(re.compile(r":\d+/sign-in/second($|\?)"))
        await page.click("form[data-passkey] button")
        await page.wait_for_url(re.compile(r":\d+/admin/keys($|\?)"))
        # before something dangerous
        clock.pass_by(minutes=30)
        await page.goto("/admin/keys")
        await page.wait_for_url(re.compile(r":\d+/account/prove($|\?)"))
        await page.click("form[data-passkey] button")
        await page.wait_for_url(re.compile(r":\d+/admin/keys($|\?)"))
        assert await actions(office) == [
            "account.sign-in",
            "account.passkey-add",
            "account.sign-out",
            "account.sign-in",
            "account.sign-out",
            "account.sign-in",
            "account.proved",
        ]


async def test_a_copied_passkey_and_a_removed_one_open_nothing(tmp_path: Path, clock: FixedClock) -> None:
    async with desk(tmp_path, clock) as (office, page, _device):
        await by_password(page)
        await add_passkey(page)
        async with office.house.database.write() as connection:
            user = await people.user_by_email(connection, "alice@example.org")
            assert user
            (kept,) = await factors.passkeys_of(connection, user.id)
            assert await factors.use_passkey(connection, kept, kept.uses + 1000, clock.now()), "as if a copy was used meanwhile"
        await sign_out(page)
        await page.click("form[data-passkey] button")
        await page.wait_for_selector("#wrong")
        assert "not accepted" in await page.inner_text("#wrong")
        async with office.house.database.write() as connection:
            assert await factors.remove_passkey(connection, user.id, kept.id)
        await page.goto("/sign-in")
        await page.click("form[data-passkey] button")
        await page.wait_for_selector("#wrong")


async def test_an_app_on_a_telephone(tmp_path: Path, clock: FixedClock) -> None:
    async with desk(tmp_path, clock, 390) as (_office, page, _device):
        await by_password(page)
        await page.click("form[action='/account/second/app'] button")
        letters = re.sub(r"\s", "", await page.inner_text(".copied code"))
        await page.fill("#code", totp.code_of(totp.of_letters(letters), totp.step_of(clock.now())))
        await page.press("#code", "Enter")
        codes = (await page.inner_text("#codes")).split()
        await sign_out(page)
        await by_password(page, "/account")
        await page.fill("[name=code]", codes[0])
        await page.press("[name=code]", "Enter")
        await page.wait_for_url(re.compile(r":\d+/account($|\?)"))
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
