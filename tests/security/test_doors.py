"""All doors at once: each route has its line in a table of who may; headers and cookies over https; nothing unsafe without a word."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postoffice.api.routes import ROUTES as API
from postoffice.desk.guard import Entry
from postoffice.desk.routes import ROUTES as DESK
from postoffice.house import HOUSE
from postoffice.portal.routes import ROUTES as PORTAL
from postoffice.webapp import web_app
from tests.api.test_matrix import _DOORS, _RIGHTS
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Office
from tests.desk.matrix import address_of, bare, table
from tests.desk.offices import ALL, with_carriers
from tests.doors import KeptLog as DoorsLog
from tests.portal.test_matrix import TABLE


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    built.house = replace(built.house, log=DoorsLog())
    yield built
    await built.house.database.close()


def _registered(app: web.Application) -> set[tuple[str, str]]:
    found = set()
    for route in app.router.routes():
        info = route.get_info()
        path = info.get("path") or info.get("formatter") or info.get("prefix") or ""
        found.add((route.method, bare(str(path))))
    return found


async def test_every_registered_route_is_in_a_table(office: Office) -> None:
    known = {(method, path) for method, path in table()}
    known |= {(method, bare(path)) for method, path in TABLE}
    known |= {(method, "/api/v1" + bare(path)) for method, path in _RIGHTS}
    known |= {(method, bare(path)) for method, path in _DOORS}
    known |= {("*", path) for _method, path in known if path.startswith("/api/v1/")}  # other methods: 405
    known |= {("HEAD", path) for method, path in known if method == "GET"}
    public = {"/desk/static", "/portal.css", "/portal.js", "/i/{token}", "/i/{name}", "/l/static"}  # files for everybody
    unknown = {(method, path) for method, path in _registered(web_app(office.house)) if (method, path) not in known}
    assert {one for one in unknown if not one[1].startswith(tuple(public))} == set()
    assert len(known) > len(DESK) + len(API) + len(PORTAL)


def _over_https(office: Office) -> web.Application:
    office.house = replace(office.house, secure=True, url="https://post.example")
    app = web_app(office.house)
    assert app[HOUSE] is office.house
    return app


def _addresses() -> list[str]:
    """Every page of desk and portal, but for the endless ones."""
    desk = [address_of(route.path, {}) for route in DESK if route.method == "GET" and not route.path.endswith("/live")]
    portal = [route.path for route in PORTAL if route.method == "GET"]
    named = [
        path.replace("{item:[0-9a-z]{26}}", "0" * 26).replace("{page:[0-9]{1,4}}", "1").replace("{what:email|mobile}", "email")
        for path in portal
    ]
    return desk + [re.sub(r"{token(:[^{}]*({[^}]*})?)?}", "x" * 36, path) for path in named]


@pytest.mark.slow
async def test_headers_over_https_of_every_page(office: Office) -> None:
    app = _over_https(office)
    async with TestClient(TestServer(app)) as client:
        for path in _addresses():
            answer = await client.get(path, allow_redirects=False, headers={"Accept": "text/html"})
            policy = answer.headers.get("Content-Security-Policy", "")
            assert "default-src 'none'" in policy, path
            assert "unsafe-inline" not in policy, path
            assert "unsafe-eval" not in policy, path
            assert "frame-ancestors 'none'" in policy or "sandbox" in policy, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin"), path
            assert "max-age" in answer.headers.get("Strict-Transport-Security", ""), path
            for cookie in answer.headers.getall("Set-Cookie", []):
                assert {"secure", "httponly"} <= {word.strip().lower() for word in cookie.split(";")}, (path, cookie)
                assert "samesite" in cookie.lower(), (path, cookie)


@pytest.mark.slow
async def test_the_cookie_of_a_sign_in_over_https(office: Office) -> None:
    await office.add_user("anne@example.org", ALL)
    async with TestClient(TestServer(_over_https(office))) as client:
        form = {"email": "anne@example.org", "password": house.PASSWORD}
        answer = await client.post("/sign-in", data=form, allow_redirects=False, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status == 303
        cookies = answer.headers.getall("Set-Cookie")
        assert any(cookie.startswith("__Host-") for cookie in cookies), cookies
        for cookie in cookies:
            assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite")), cookie


@pytest.mark.slow
async def test_nothing_unsafe_at_desk_or_portal_for_another_site(office: Office) -> None:
    user = await office.add_user("all@example.org", ALL)
    token, csrf = await office.cookie_of(user)
    async with TestClient(TestServer(web_app(office.house)), cookies={"postoffice": token}) as client:
        for route in DESK:
            if route.method == "GET":
                continue
            sent = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example", "X-CSRF": csrf}
            answer = await client.request(route.method, address_of(route.path, {}), headers=sent, allow_redirects=False)
            assert answer.status == 403, route.path
            if route.needs is Entry.ANYBODY or route.own_check:  # uploads: the word is read from their stream
                continue
            answer = await client.request(route.method, address_of(route.path, {}), headers={"X-CSRF": "x"}, allow_redirects=False)
            assert answer.status == 403 or answer.headers.get("Location", "").startswith("/account/prove"), (route.path, answer.status)
