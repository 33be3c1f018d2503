"""Who may do what at the doors of programs: every route of the API x keys of each role and mode, other organisations; all other doors.

A new route fails here until it has its line: in _RIGHTS for the API, in _DOORS for anything else outside of desk and portal.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postoffice.api import add_api
from postoffice.api.call import Call
from postoffice.api.routes import ROUTES
from postoffice.desk.routes import ROUTES as DESK_ROUTES
from postoffice.house import HOUSE
from postoffice.model.ids import new_id
from postoffice.model.people import Right, Role
from postoffice.portal.routes import ROUTES as PORTAL_ROUTES
from postoffice.store import contacts
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from postoffice.store.schema import audit as trail
from postoffice.webapp import web_app
from tests.api.sending import brought_in
from tests.conftest import FixedClock
from tests.desk.matrix import bare
from tests.doors import Office, add_organisation, open_office
from tests.migrated import sqlite_at

_SEE, _SUBMIT, _SEND, _MANAGE, _PRIVACY = "aspcvd", "as", "asp", "a", "d"
_LETTERS = {
    "a": Role.ADMINISTRATOR,
    "s": Role.SENDER,
    "p": Role.APPROVER,
    "c": Role.CLERK,
    "v": Role.VIEWER,
    "d": Role.PRIVACY,
}
#: the table: (method, path) -> letters of the roles whose keys are let in
_RIGHTS: dict[tuple[str, str], str] = {
    ("GET", "/me"): _SEE,
    ("GET", "/campaigns"): _SEE,
    ("POST", "/campaigns"): _SUBMIT,
    ("GET", "/campaigns/{campaign_id}"): _SEE,
    ("PUT", "/campaigns/{campaign_id}"): _SUBMIT,
    ("PUT", "/campaigns/{campaign_id}/sheet"): _SUBMIT,
    ("POST", "/campaigns/{campaign_id}/submit"): _SUBMIT,
    ("POST", "/campaigns/{campaign_id}/launch"): _SEND,
    ("POST", "/campaigns/{campaign_id}/pause"): _SEND,
    ("POST", "/campaigns/{campaign_id}/resume"): _SEND,
    ("POST", "/campaigns/{campaign_id}/cancel"): _SEND,
    ("POST", "/campaigns/{campaign_id}/choose"): _SEND,
    ("GET", "/printers"): _SEE,
    ("POST", "/mailings"): _SUBMIT,
    ("GET", "/mailings"): _SEE,
    ("GET", "/mailings/{mailing_id}"): _SEE,
    ("PATCH", "/mailings/{mailing_id}"): _SUBMIT,
    ("GET", "/mailings/{mailing_id}/items"): _SEE,
    ("POST", "/mailings/{mailing_id}/quote"): _SEE,
    ("POST", "/mailings/{mailing_id}/send"): _SEND,
    ("POST", "/mailings/{mailing_id}/cancel"): _SEND,
    ("GET", "/items/{item_id}"): _SEE,
    ("PATCH", "/items/{item_id}"): _SUBMIT,
    ("POST", "/items/{item_id}/cancel"): _SEND,
    ("GET", "/items/{item_id}/events"): _SEE,
    ("GET", "/items/{item_id}/pdf"): _SEE,
    ("GET", "/figures"): _SEE,
    ("GET", "/templates"): _SEE,
    ("GET", "/templates/{template_id}"): _SEE,
    ("POST", "/templates"): _SEND,
    ("GET", "/suppressions"): _SEE,
    ("POST", "/suppressions"): _SUBMIT,
    ("POST", "/suppressions/search"): _SEE,
    ("GET", "/contacts"): _SEE,
    ("POST", "/contacts"): _SUBMIT,
    ("PUT", "/contacts/by/{system}/{number}"): _SUBMIT,
    ("GET", "/contacts/{contact_id}"): _SEE,
    ("PATCH", "/contacts/{contact_id}"): _SUBMIT,
    ("DELETE", "/contacts/{contact_id}"): _PRIVACY,
    ("GET", "/contacts/{contact_id}/consents"): _SEE,
    ("POST", "/contacts/{contact_id}/consents"): _SUBMIT,
    ("POST", "/contacts/{contact_id}/merge"): _SUBMIT,
    ("DELETE", "/contacts/{contact_id}/merges/{merge_id}"): _SUBMIT,
    ("GET", "/segments"): _SEE,
    ("POST", "/segments"): _SUBMIT,
    ("GET", "/segments/{segment_id}"): _SEE,
    ("PATCH", "/segments/{segment_id}"): _SUBMIT,
    ("DELETE", "/segments/{segment_id}"): _SUBMIT,
    ("GET", "/segments/{segment_id}/count"): _SEE,
    ("GET", "/segments/{segment_id}/members"): _SEE,
    ("POST", "/purchases"): _SUBMIT,
    ("POST", "/conversions"): _SUBMIT,
    ("GET", "/webhooks"): _MANAGE,
    ("POST", "/webhooks"): _MANAGE,
    ("DELETE", "/webhooks/{webhook_id}"): _MANAGE,
}
#: every door that is neither desk, portal nor API -> what a stranger gets
_DOORS: dict[tuple[str, str], int] = {
    ("GET", "/health"): 503,  # open to all, says no names; 503 because no worker runs in this test
    ("GET", "/metrics"): 200,  # to this machine; to others only with the token (test_health)
    ("GET", "/agent/next"): 401,
    ("GET", "/hooks/{door}/{carrier}"): 404,
    ("HEAD", "/hooks/{door}/{carrier}"): 404,
    ("POST", "/hooks/{door}/{carrier}"): 404,
    ("GET", "/i/{token}{suffix}"): 404,  # pictures of campaigns, by an address that nobody guesses
    ("HEAD", "/i/{token}{suffix}"): 404,
    ("GET", "/ipp/icon.png"): 200,
    ("GET", "/ipp/print"): 404,
    ("POST", "/ipp/print"): 415,
    ("GET", "/ipp/print/"): 404,
    ("POST", "/ipp/print/"): 415,
    ("GET", "/ipp/print/{token}"): 404,
    ("POST", "/ipp/print/{token}"): 415,
    ("GET", "/ipp/print/{token}/{job}"): 404,
    ("POST", "/ipp/print/{token}/{job}"): 415,
    ("GET", "/api/v1/openapi.json"): 200,
    ("GET", "/api/v1/docs"): 200,
    ("*", "/api/v1/{tail}"): 404,
}


@pytest.fixture
async def whole(documents: FileDocuments, keyring: Keyring, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    """An office whose application is the one that `postoffice serve` serves."""
    base = sqlite_at(tmp_path / "whole.db")
    organisation_id = await add_organisation(base, keyring, clock)
    async with open_office(base, documents, keyring, clock, organisation_id, add_api) as opened:
        yield opened
    await base.close()


def test_the_table_has_every_route_and_no_other() -> None:
    known = {(route.method, route.path) for route in ROUTES}
    assert known - set(_RIGHTS) == set(), "add lines to _RIGHTS: whose keys may?"
    assert set(_RIGHTS) - known == set(), "take these lines out of _RIGHTS"


async def _let_in(_: Call) -> web.StreamResponse:
    return web.Response()


@pytest.mark.parametrize("live", [True, False], ids=["live", "test"])
@pytest.mark.slow
async def test_keys_are_let_in_where_the_table_says(office: Office, live: bool) -> None:
    app = web.Application()
    app[HOUSE] = office.house
    add_api(app, [replace(route, handle=_let_in, body=None, query=None) for route in ROUTES])
    async with TestClient(TestServer(app)) as client:
        for sign, role in [*_LETTERS.items(), ("", None)]:
            key = await office.key(live=live, role=role) if role else {"Authorization": "Bearer po_live_no"}
            for route in ROUTES:
                address = "/api/v1" + re.sub(r"{\w+}", lambda _: new_id(), route.path)
                status = (await client.request(route.method, address, headers=key)).status
                told = 401 if role is None else 200 if sign in _RIGHTS[route.method, route.path] else 403
                assert status == told, (role, route.method, route.path)
                assert (await client.request(route.method, address)).status == 401, route.path
        changing = [route for route in ROUTES if route.method != "GET" and route.right is not Right.SEE]
        async with office.house.database.read() as connection:
            noted = await connection.execute(sa.select(trail.c.detail).where(trail.c.action == "api.change"))
            told = [row.detail["route"] for row in noted]
    for route in changing:  # handlers that say nothing leave the door's own line
        assert told.count(f"{route.method} {route.path}") == len(_RIGHTS[route.method, route.path]), route.path
    assert len(told) == sum(len(_RIGHTS[route.method, route.path]) for route in changing)


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["test key", "other organisation"])
async def test_things_of_others_are_out_of_reach(office: Office, whose: str) -> None:
    owner = await office.key(role=Role.ADMINISTRATOR)
    mailing = await brought_in(office, owner, 2)
    items = await (await office.client.get(f"/api/v1/mailings/{mailing['id']}/items", headers=owner)).json()
    body = {"url": "https://example.org/hook", "description": "x"}
    hook = await (await office.client.post("/api/v1/webhooks", json=body, headers=owner)).json()
    async with office.house.database.write() as connection:
        wanted = {"k": {"name": "Zoé", "points": [("email", "z@example.org", None)]}}
        contact = (await contacts.find_or_add(connection, office.organisation_id, wanted, office.clock.now()))["k"]
    ids = {
        "contact_id": contact,
        "mailing_id": mailing["id"],
        "item_id": items["data"][0]["id"],
        "webhook_id": hook.get("id", new_id()),
    }
    other = await office.other_organisation() if whose != "test key" else None
    live = whose != "test key"
    administrator = await office.key(live=live, role=Role.ADMINISTRATOR, organisation_id=other)
    privacy = await office.key(live=live, role=Role.PRIVACY, organisation_id=other)
    for route in ROUTES:
        address = "/api/v1" + re.sub(r"{(\w+)}", lambda place: ids.get(place[1]) or new_id(), route.path)
        if not other and "contact" in route.path:
            continue  # contacts have no mode
        key = privacy if route.right is Right.PRIVACY else administrator
        if "{" in route.path:
            answer = await office.client.request(route.method, address, headers=key, json={} if route.body else None)
            makes = route.method == "PUT"  # what has the same number elsewhere is made here
            assert answer.status in ((404, 422) if route.body else (404,)) or makes, (route.method, route.path, answer.status)
        elif route.method == "GET":
            text = await (await office.client.get(address, headers=key)).text()
            assert not any(one in text for one in ids.values()), route.path


async def test_every_door_of_the_house_is_in_a_table(whole: Office) -> None:
    desk = {(route.method, bare(route.path)) for route in DESK_ROUTES}
    portal = {(route.method, bare(route.path)) for route in PORTAL_ROUTES}
    api = {(route.method, "/api/v1" + route.path) for route in ROUTES}
    refused = {("*", path) for _method, path in api}  # other methods: 405
    known = desk | portal | api | refused | set(_DOORS)
    app = web_app(whole.house)
    for route in app.router.routes():
        info = route.get_info()
        if "prefix" in info:
            assert info["prefix"] == "/desk/static"
            continue
        told = (route.method, bare(info.get("path") or info["formatter"]))
        of_get = route.method == "HEAD" and ("GET", told[1]) in known
        assert told in known or of_get, f"{told} is in no table: who may?"
    async with TestClient(TestServer(app)) as client:
        got: dict[tuple[str, str], int] = {}
        for method, path in _DOORS:
            address = path.replace("{job}", "1").replace("{token}{suffix}", "a" * 32 + ".png")
            address = re.sub(r"{\w+}", lambda _: new_id(), address)
            answer = await client.request("GET" if method == "*" else method, address, allow_redirects=False)
            got[method, path] = answer.status
        assert got == _DOORS
