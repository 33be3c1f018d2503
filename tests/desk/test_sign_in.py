"""Signing in and out."""

import asyncio
import statistics
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from postoffice.desk.sign_in import ADDRESS, network_of
from postoffice.house import HOUSE
from postoffice.model.people import User
from postoffice.store import people, sign_ins, tries
from postoffice.store.tries import Limit
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import PASSWORD, Browser, Office


async def test_the_way_leads_back_to_the_page_that_was_wanted(office: Office, user: User) -> None:
    async with TestClient(TestServer(office.app)) as client:
        wanted = await client.get("/mailings?show=needy", allow_redirects=False)
        assert wanted.headers["Location"] == "/sign-in?next=/mailings%3Fshow%3Dneedy"
        form = {"email": " Alice@Example.org ", "password": PASSWORD, "next": "/mailings?show=needy"}
        answer = await client.post("/sign-in", data=form, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/mailings?show=needy")
        cookie = answer.headers.getall("Set-Cookie")[0]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


@pytest.mark.parametrize("bad", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y"])
async def test_it_never_leads_to_another_site(office: Office, user: User, bad: str) -> None:
    async with TestClient(TestServer(office.app)) as client:
        form = {"email": user.email, "password": PASSWORD, "next": bad}
        answer = await client.post("/sign-in", data=form, allow_redirects=False)
        assert answer.headers["Location"] == "/"


async def test_a_wrong_password_and_an_unknown_address_read_the_same(office: Office, user: User) -> None:
    async with TestClient(TestServer(office.app)) as client:
        texts = []
        for email in (user.email, "nobody@example.org"):
            answer = await client.post("/sign-in", data={"email": email, "password": "wrong"}, allow_redirects=False)
            assert answer.status == 403
            texts.append((await answer.text()).replace(email, ""))
        assert texts[0] == texts[1]


async def attempt(client: Any, email: str, password: str = "wrong") -> Any:
    return await client.post("/sign-in", data={"email": email, "password": password}, allow_redirects=False)


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
async def test_ten_wrong_passwords_pause_an_address_whether_it_has_an_account_or_not(
    office: Office, user: User, clock: FixedClock, email: str
) -> None:
    async with TestClient(TestServer(office.app)) as client:
        assert [(await attempt(client, email)).status for _ in range(11)] == [403] * 10 + [429]
        held = await attempt(client, email, PASSWORD)
        assert held.status == 429 and 0 < int(held.headers["Retry-After"]) <= 300 and "5 minutes" in await held.text()
        clock.pass_by(minutes=6)
        assert (await attempt(client, email, PASSWORD)).status == (303 if email == user.email else 403)


async def test_a_pause_survives_a_restart_and_holds_back_an_address_with_many_accounts(office: Office, user: User) -> None:
    async with TestClient(TestServer(office.app)) as client:
        house = office.house
        async with house.database.write() as connection:
            limits = [Limit(house.keyring.blind("desk try from 127.0.0.1"), *ADDRESS)]
            for _ in range(ADDRESS[0]):
                await tries.count(connection, office.organisation_id, limits, house.clock.now())
        assert (await attempt(client, user.email, PASSWORD)).status == 429, "counters are in the database, not in the process"


async def test_right_passwords_do_not_count(office: Office, user: User) -> None:
    async with TestClient(TestServer(office.app)) as client:
        assert {(await attempt(client, user.email, PASSWORD)).status for _ in range(12)} == {303}


async def test_a_password_is_hashed_outside_of_any_transaction(office: Office, user: User) -> None:
    """While many sign in, others write: SQLite's one writer does not wait for argon2."""
    database = office.house.database
    async with TestClient(TestServer(office.app)) as client:
        async with database.write() as held:  # the only writer is busy
            account = await sign_ins.known(held, user.email)
            assert await asyncio.wait_for(sign_ins.fits(account, PASSWORD), 5)
        assert (await attempt(client, user.email, PASSWORD)).status == 303


@pytest.mark.slow
async def test_known_and_unknown_addresses_take_the_same_time(office: Office, user: User) -> None:
    async with TestClient(TestServer(office.app)) as client:
        spent: dict[str, list[float]] = {user.email: [], "nobody@example.org": []}
        for _ in range(9):
            for email, seconds in spent.items():
                began = time.process_time()
                await attempt(client, email)
                seconds.append(time.process_time() - began)
        known, unknown = (statistics.median(seconds) for seconds in spent.values())
        assert 0.7 < known / unknown < 1.4


async def test_signing_in_again_ends_the_session_that_the_browser_had(office: Office, user: User) -> None:
    async with house.browser(office, user) as browser:
        before = browser.client.session.cookie_jar.filter_cookies(browser.client.make_url("/"))["postoffice"].value
        assert (await attempt(browser.client, user.email, PASSWORD)).status == 303
        after = browser.client.session.cookie_jar.filter_cookies(browser.client.make_url("/"))["postoffice"].value
    assert after != before
    async with office.house.database.read() as connection:
        assert await people.session(connection, before, office.house.clock.now(), timedelta(hours=2)) is None


async def test_over_https_the_cookie_belongs_to_this_host_alone(tmp_path: Path, clock: FixedClock) -> None:
    built = await house.build(tmp_path, clock, url="https://post.example")
    built.app[HOUSE] = built.house = replace(built.house, secure=True)
    await built.add_user("alice@example.org", house.administrator())
    async with TestClient(TestServer(built.app)) as client:
        cookie = (await attempt(client, "alice@example.org", PASSWORD)).headers.getall("Set-Cookie")[0]
    await built.house.database.close()
    assert cookie.startswith("__Host-postoffice=") and "Domain" not in cookie
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


@pytest.mark.parametrize(
    ("remote", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("2001:db8::9", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_subscriber_is_one_address(remote: str, network: str) -> None:
    assert network_of(remote) == network


async def test_signing_out_ends_the_session(alice: Browser) -> None:
    assert (await alice.post("/sign-out"))[::2] == (303, "/sign-in")
    assert (await alice.get("/"))[0] == 303


async def test_a_new_password_ends_the_other_sessions(office: Office, user: User) -> None:
    async with house.browser(office, user) as here:
        token, _csrf = await office.cookie_of(user)
        now, idle = office.house.clock.now(), timedelta(hours=2)
        async with office.house.database.read() as connection:
            assert await people.session(connection, token, now, idle)
        form = {"old": PASSWORD, "new": "une autre phrase", "again": "une autre phrase"}
        assert (await here.post("/password", form))[0] == 303
        assert (await here.get("/"))[0] == 200
        async with office.house.database.read() as connection:
            assert await people.session(connection, token, now, idle) is None


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"old": PASSWORD, "new": "court", "again": "court"}, "at least 12"),
        ({"old": PASSWORD, "new": "Password2026!", "again": "Password2026!"}, "among the first"),
        ({"old": PASSWORD, "new": "x y z " * 40, "again": "x y z " * 40}, "200 characters at most"),
        ({"old": PASSWORD, "new": "assez long mot", "again": "assez long mto"}, "differ"),
        ({"old": "wrong", "new": "assez long mot", "again": "assez long mot"}, "not right"),
        ({"old": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "none of your old ones"),
    ],
)
async def test_a_poor_password_is_refused_with_the_reason(alice: Browser, form: dict[str, str], reason: str) -> None:
    status, text, _ = await alice.post("/password", form)
    assert status == 422
    assert reason in text


async def test_the_language_is_the_users_own_and_a_strangers_browsers(office: Office, alice: Browser) -> None:
    assert "What needs you" in (await alice.get("/"))[1] or "The office is open" in (await alice.get("/"))[1]
    assert (await alice.post("/language", {"language": "fr", "next": "/mailings"}))[::2] == (303, "/mailings")
    assert "Le bureau est ouvert" in (await alice.get("/"))[1]
    assert (await alice.post("/language", {"language": "xx"}))[0] == 400
    async with TestClient(TestServer(office.app)) as stranger:
        assert "Se connecter" in await (await stranger.get("/sign-in", headers={"Accept-Language": "fr-CH, en;q=0.5"})).text()
        assert "Sign in" in await (await stranger.get("/sign-in", headers={"Accept-Language": "de"})).text()
