"""Signing in and out."""

from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer

from postoffice.model.people import User
from postoffice.store import people
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


async def test_ten_wrong_passwords_pause_the_account(office: Office, user: User, clock: FixedClock) -> None:
    async with TestClient(TestServer(office.app)) as client:
        for _ in range(10):
            answer = await client.post("/sign-in", data={"email": user.email, "password": "wrong"})
        assert answer.status == 429
        right = {"email": user.email, "password": PASSWORD}
        assert (await client.post("/sign-in", data=right, allow_redirects=False)).status == 429
        clock.pass_by(minutes=6)
        assert (await client.post("/sign-in", data=right, allow_redirects=False)).status == 303


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
        ({"old": PASSWORD, "new": "court", "again": "court"}, "at least 10"),
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
