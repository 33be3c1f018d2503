"""Role by route: every route x {anonymous, each role, a role narrowed to one printer, another organisation} is compared with one table.

A new route fails here until it has its line in matrix.tsv: decide who may before you write it.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postoffice.desk import add_desk
from postoffice.desk.guard import Route
from postoffice.desk.routes import ROUTES
from postoffice.house import HOUSE
from postoffice.model.consent import Means
from postoffice.model.people import Grant, Role
from postoffice.store import contacts, printers
from postoffice.store.schema import audit as trail
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Browser, Office
from tests.desk.matrix import address_of, bare, letter, table
from tests.desk.offices import ALL, add_printer, other_organisation, with_carriers


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def ids(office: Office, letters: bytes) -> dict[str, str]:
    """Something of this organisation for every place of a path that names a thing."""
    printer = await add_printer(office, "Compta")
    mailing = await office.add_mailing([house.piece(1, 1)], letters, printer_id=printer)
    person = await office.add_user("somebody@example.org", Grant(Role.VIEWER))
    async with office.house.database.write() as connection:
        row = await printers.get(connection, printer, office.organisation_id)
        await printers.add_token(connection, office.house.keyring, row, label="x", now=office.house.clock.now())
        (token,) = await printers.tokens(connection, printer)
    item = (await office.items_of(mailing))[0]
    found = {"mailing": mailing.id, "item": item.id, "printer": printer, "token": token.id, "user": person.id}
    async with office.house.database.write() as connection:
        zoe = {"zoe": {"name": "Zoé", "points": [("email", "zoe@example.org", None)]}}
        found["contact"] = (await contacts.find_or_add(connection, office.organisation_id, zoe, office.house.clock.now()))["zoe"]
    return found | {"carrier": "sandbox-email"}


#: what handlers want to read before they look for the thing that the address names
_FORMS = {"/contacts/{contact}/opt-out": {"means": Means.PHONE.value}, "/suppressions/{suppression}/lift": {"reason": "somebody asked"}}


async def asked(client: Any, route: Route, csrf: str, ids: dict[str, str]) -> str:
    address, form = address_of(route.path, ids), _FORMS.get(bare(route.path))
    answer = await client.request(route.method, address, data=form, headers={"X-CSRF": csrf}, allow_redirects=False)
    answer.close()
    return letter(answer.status, answer.headers.get("Location", ""))


async def _let_in(_: web.Request) -> web.StreamResponse:
    return web.Response(status=200)


def doors_only(office: Office) -> web.Application:
    """The desk with its guard, and nothing behind its doors."""
    app = web.Application()
    app[HOUSE] = office.house
    add_desk(app, [route._replace(handler=_let_in) for route in ROUTES])
    return app


def compared(found: dict[tuple[str, str], str], column: str) -> list[str]:
    told = table()
    return [f"{method} {path}: {column} is {found[method, path]}, the table says {told.get((method, path), {}).get(column, 'nothing')}"
            for method, path in found if told.get((method, path), {}).get(column) != found[method, path]]  # fmt: skip


def test_the_table_has_every_route_and_no_other() -> None:
    known = {(route.method, bare(route.path)) for route in ROUTES}
    told = set(table())
    assert known - told == set(), "add lines to tests/desk/matrix.tsv: who may?"
    assert told - known == set(), "take these lines out of tests/desk/matrix.tsv"


@pytest.mark.slow
@pytest.mark.parametrize("column", ["anonymous", *(role.value for role in Role)])
async def test_the_guard_lets_each_role_in_where_the_table_says(office: Office, column: str) -> None:
    app, found = doors_only(office), {}
    cookies, csrf = {}, ""
    if column != "anonymous":
        user = await office.add_user("who@example.org", Grant(Role(column)))
        cookies["postoffice"], csrf = await office.cookie_of(user)
    async with TestClient(TestServer(app), cookies=cookies) as client:
        for route in ROUTES:
            found[route.method, bare(route.path)] = await asked(client, route, csrf, {})
    assert compared(found, column) == []


@pytest.mark.slow
async def test_dangerous_routes_ask_again_and_no_others(office: Office, clock: FixedClock) -> None:
    user = await office.add_user("who@example.org", ALL, Grant(Role.PRIVACY))
    dangerous = {"/admin/people", "/admin/keys", "/account/second", "/account/passkeys"}
    async with house.browser(office, user) as browser:
        async with office.house.database.write() as connection:
            await connection.execute(_aged(clock))
        async with TestClient(TestServer(doors_only(office)), cookies=_cookies(browser)) as client:
            for route in ROUTES:
                asks = await asked(client, route, browser.csrf, {}) == "p"
                assert asks == bool(route.proof), route.path
                if route.method == "POST" and any(route.path.startswith(path) for path in dangerous):
                    assert asks or route.path.endswith("/revoke"), route.path


def _aged(clock: FixedClock) -> Any:
    from postoffice.store.schema import sessions

    return sessions.update().values(proved_at=clock.now() - timedelta(hours=2))


def _cookies(browser: Browser) -> dict[str, str]:
    jar = browser.client.session.cookie_jar.filter_cookies(browser.client.make_url("/"))
    return {name: morsel.value for name, morsel in jar.items()}


@pytest.mark.slow
@pytest.mark.parametrize("column", ["printer", "other"])
async def test_things_of_others_are_out_of_reach(office: Office, ids: dict[str, str], column: str) -> None:
    found: dict[tuple[str, str], str] = {}
    if column == "printer":
        own = await add_printer(office, "Marketing")
        grants = [Grant(Role.ADMINISTRATOR, own), Grant(Role.SENDER, own)]
    else:
        office.organisation_id, grants = await other_organisation(office), [ALL]
    user = await office.add_user("who@example.org", *grants)
    last = {"/sign-out", "/password", "/sign-in"}
    routes = sorted(ROUTES, key=lambda route: route.path in last)
    async with house.browser(office, user) as browser:
        for route in routes:
            if route.path == "/answers" or route.path.endswith("/live"):
                found[route.method, bare(route.path)] = table()[route.method, bare(route.path)][column]  # streams: the guard's tests
                continue
            found[route.method, bare(route.path)] = await asked(browser.client, route, browser.csrf, ids)
    assert compared(found, column) == []
    assert not [line for line in office.log.lines if "desk.trouble" in line]


#: unsafe requests that leave no line in the audit trail, each with its reason in the route table; and those of strangers
_QUIET = {
    "/m/{mailing}/confirm",
    "/m/{mailing}/fields/try",
    "/plans/say",
    "/account/prove/passkey",
    "/account/passkeys/begin",
    "/account/second/app",
    "/suppressions/search",
    "/segments/build",
    "/segments/live",
    "/returned/frame",
    "/admin/domains/{domain}/check",
    # of strangers: nothing is done, or the handler itself says who signed in
    "/sign-in",
    "/sign-in/second",
    "/sign-in/second/passkey",
    "/sign-in/passkey/begin",
    "/sign-in/passkey",
    "/language",
}


@pytest.mark.slow
async def test_each_change_leaves_a_line_in_the_audit_trail(office: Office) -> None:
    """With handlers that note nothing: the guard does. With those that do, there is no second line (test_people, test_second)."""
    user = await office.add_user("who@example.org", ALL, Grant(Role.PRIVACY), Grant(Role.CLERK))
    token, csrf = await office.cookie_of(user)
    async with TestClient(TestServer(doors_only(office)), cookies={"postoffice": token}) as client:
        before = 0
        for route in ROUTES:
            assert await asked(client, route, csrf, {}) == "+", route.path
            async with office.house.database.read() as connection:
                number = int(await connection.scalar(sa.select(sa.func.count()).select_from(trail)) or 0)
            quiet = route.method == "GET" or bare(route.path) in _QUIET
            assert number - before == (0 if quiet else 1), route.path
            before = number
    assert {bare(route.path) for route in ROUTES if route.quiet} <= _QUIET
