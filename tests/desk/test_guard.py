"""Who may do what: every route, strangers, roles, narrowed rights, other organisations, forged requests."""

import re

import pytest
from aiohttp.test_utils import TestClient, TestServer

from postoffice.desk.guard import Entry
from postoffice.desk.routes import ROUTES
from postoffice.model.ids import new_id
from postoffice.model.people import RIGHTS, Grant, Right, Role, User
from postoffice.store import people, printers
from tests.desk import house
from tests.desk.house import Browser, Office
from tests.desk.matrix import address_of, bare


async def test_every_route_of_the_application_is_in_the_table(office: Office) -> None:
    table = {(one.method, bare(one.path)) for one in ROUTES}
    for route in office.app.router.routes():
        info = route.get_info()
        if "prefix" in info:
            assert info["prefix"] == "/desk/static"
        else:
            assert (route.method, info.get("path") or info["formatter"]) in table


def test_only_sign_in_and_language_are_for_anybody() -> None:
    open_ones = {route.path for route in ROUTES if route.needs is Entry.ANYBODY}
    steps = {"/sign-in/second", "/sign-in/second/passkey", "/sign-in/passkey/begin", "/sign-in/passkey"}
    assert open_ones == {"/sign-in", "/language"} | steps


async def test_strangers_reach_nothing(office: Office) -> None:
    async with TestClient(TestServer(office.app)) as client:
        for route in ROUTES:
            if route.needs is Entry.ANYBODY:
                continue
            answer = await client.request(route.method, address_of(route.path, {}), allow_redirects=False)
            assert (answer.status, answer.headers["Location"].split("?")[0]) == (303, "/sign-in"), route.path


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.slow
async def test_each_role_passes_where_its_rights_say_and_nowhere_else(office: Office, role: Role) -> None:
    user = await office.add_user(f"{role.value}@example.org", Grant(role))
    async with house.browser(office, user) as browser:
        for route in ROUTES:
            if not isinstance(route.needs, Right) or route.path in ("/try", "/upload"):
                continue
            answer = await browser.client.request(
                route.method, address_of(route.path, {}), headers={"X-CSRF": browser.csrf}, allow_redirects=False
            )
            if route.needs in RIGHTS[role]:
                assert answer.status != 403, f"{role} {route.path}"
            else:
                assert answer.status == 403, f"{role} {route.path}"


async def test_nothing_unsafe_happens_without_the_sessions_word(office: Office) -> None:
    user = await office.add_user("all@example.org", *(Grant(role) for role in Role))
    async with house.browser(office, user) as browser:
        for route in ROUTES:
            if route.method == "GET" or route.needs is Entry.ANYBODY or route.own_check:
                continue
            for word in ("", "wrong"):
                status, text, _ = await browser.post(address_of(route.path, {}), csrf=word)
                assert status == 403, route.path
                assert "too old" in text, route.path


async def test_what_another_site_makes_a_browser_send_is_refused(alice: Browser) -> None:
    assert (await alice.post("/sign-out", **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
    assert (await alice.post("/sign-out", Origin="https://evil.example"))[0] == 403
    assert (await alice.post("/language", {"language": "fr"}, **{"Sec-Fetch-Site": "same-site"}))[0] == 403
    assert (await alice.post("/sign-out", **{"Sec-Fetch-Site": "same-origin", "Origin": "null"}))[0] == 303


async def test_every_answer_carries_the_headers(alice: Browser) -> None:
    for path in ("/", "/sign-in", "/nothing-here", f"/m/{new_id()}"):
        answer = await alice.client.get(path, headers={"Accept": "text/html"}, allow_redirects=False)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.slow
async def test_every_page_of_the_desk_carries_the_headers_and_nothing_inline(office: Office, letters: bytes) -> None:
    """Every GET of the table, whatever it answers; and each form that changes something carries the session's word."""
    mailing = await office.add_mailing([house.piece(1, 1)], letters)
    ids = {"mailing": mailing.id, "item": (await office.items_of(mailing))[0].id}
    user = await office.add_user("all@example.org", *(Grant(role) for role in Role))
    async with house.browser(office, user) as browser:
        for route in ROUTES:
            if route.method != "GET" or route.path == "/answers" or route.path.endswith("/live"):
                continue
            answer = await browser.client.get(address_of(route.path, ids), allow_redirects=False)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"], route.path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", route.path
            assert answer.headers["Referrer-Policy"] == "no-referrer", route.path
            assert answer.status < 500, route.path
            if answer.content_type == "text/html" and not route.path.endswith("mail.html"):
                text = await answer.text()
                assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text), route.path
                for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL):
                    open_to_all = re.search(r'action="(/language|/sign-in[^"]*)"', form)
                    assert open_to_all or f'name="csrf" value="{browser.csrf}"' in form or "hx-" in form, (route.path, form[:200])


async def test_pages_bear_no_inline_script_style_or_foreign_address(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1), house.piece(2, 2, 1, "no-address")], letters)
    item = (await office.items_of(mailing))[0]
    for path in (
        "/",
        "/mailings",
        "/upload",
        "/contacts",
        "/password",
        f"/m/{mailing.id}",
        f"/m/{mailing.id}/items/{item.id}",
        f"/i/{item.id}",
    ):
        _status, text = await alice.get(path)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text), path
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", text), path


async def test_a_narrowed_user_sees_the_mailings_of_the_own_printer_only(office: Office, letters: bytes) -> None:
    async with office.house.database.write() as connection:
        mine, other = [
            await printers.add(connection, organisation_id=office.organisation_id, name=name, now=office.house.clock.now())
            for name in ("Compta", "Marketing")
        ]
    user = await office.add_user("bob@example.org", Grant(Role.SENDER, mine))
    visible = await office.add_mailing([house.piece(1, 1)], letters, printer_id=mine, name="Visible")
    hidden = await office.add_mailing([house.piece(1, 1)], letters, printer_id=other, name="Hidden")
    item = (await office.items_of(hidden))[0]
    async with house.browser(office, user) as bob:
        _, listed = await bob.get("/mailings")
        assert "Visible" in listed
        assert "Hidden" not in listed
        assert "Hidden" not in (await bob.get("/"))[1]
        assert (await bob.get(f"/m/{visible.id}"))[0] == 200
        for route in ROUTES:
            if "{mailing}" in route.path or "{item}" in route.path:
                path = address_of(route.path, {"mailing": hidden.id, "item": item.id})
                answer = await bob.client.request(route.method, path, headers={"X-CSRF": bob.csrf}, allow_redirects=False)
                assert answer.status == 404, route.path


async def test_another_organisation_does_not_exist(office: Office, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1)], letters)
    item = (await office.items_of(mailing))[0]
    async with office.house.database.write() as connection:
        elsewhere = await people.add_organisation(
            connection, name="Autre", slug="autre", document_key=office.house.keyring.wrap(bytes(32)), now=office.house.clock.now()
        )
    office.organisation_id = elsewhere
    eve = await office.add_user("eve@example.net", house.administrator())
    async with house.browser(office, eve) as browser:
        for route in ROUTES:
            if "{mailing}" in route.path or "{item}" in route.path:
                path = address_of(route.path, {"mailing": mailing.id, "item": item.id})
                answer = await browser.client.request(route.method, path, headers={"X-CSRF": browser.csrf}, allow_redirects=False)
                assert answer.status == 404, route.path


async def test_an_item_is_not_found_under_another_mailing(office: Office, alice: Browser, letters: bytes) -> None:
    one = await office.add_mailing([house.piece(1, 1)], letters)
    two = await office.add_mailing([house.piece(1, 1)], letters)
    item = (await office.items_of(one))[0]
    assert (await alice.get(f"/m/{two.id}/items/{item.id}"))[0] == 404
    assert (await alice.get(f"/m/{one.id}/items/{item.id}"))[0] == 200


async def test_an_unknown_address_is_a_page_for_people_and_plain_for_programs(alice: Browser) -> None:
    status, text = await alice.get("/nothing-here", Accept="text/html")
    assert (status, "There is no page at this address" in text) == (404, True)
    assert "<html" not in (await alice.get("/nothing-here", Accept="application/json"))[1]


async def test_a_fault_of_ours_tells_a_number_and_no_detail(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1)], letters)
    secret = "M. Jean DUPONT"

    async def breaks(*_args: object, **_more: object) -> None:
        raise RuntimeError(secret)

    office.house.carriers.names = breaks  # type: ignore[method-assign]
    status, text, _ = await alice.post(f"/m/{mailing.id}/confirm", {"channel": "post"})
    assert status == 500
    assert secret not in text
    number = re.search(r"this number: (\w{8})", text)
    assert number
    assert any(number[1] in line for line in office.log.lines)
    assert not any(secret in line for line in office.log.lines)


async def test_a_newcomer_must_choose_a_password_before_anything_else(office: Office) -> None:
    user = await office.add_user("new@example.org", house.administrator(), must_change=True)
    async with house.browser(office, user) as browser:
        assert (await browser.client.get("/mailings", allow_redirects=False)).headers["Location"] == "/password?next=/mailings"
        form = {"old": house.PASSWORD, "new": "encore une phrase", "again": "encore une phrase", "next": "/mailings"}
        assert (await browser.post("/password", form))[::2] == (303, "/mailings")
        assert (await browser.get("/mailings"))[0] == 200


async def test_a_session_ends_when_idle(office: Office, user: User, alice: Browser, clock: house.Any) -> None:
    assert (await alice.get("/"))[0] == 200
    clock.pass_by(minutes=119)
    assert (await alice.get("/"))[0] == 200  # and the session is touched
    clock.pass_by(minutes=119)
    assert (await alice.get("/"))[0] == 200
    clock.pass_by(minutes=121)
    assert (await alice.get("/"))[0] == 303
