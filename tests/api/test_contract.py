"""The description holds: valid OpenAPI 3.1, every route in it, and on odd input every route answers as described, never with a 5xx."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from postoffice.api.routes import ROUTES
from postoffice.model.people import Role
from tests.api.sending import brought_in
from tests.doors import Office

ODD_TEXTS = [
    "",
    "0",
    "-1",
    "x" * 3000,
    "\x00",
    "%00",
    "' OR 1=1 --",
    "../../etc",
    "é" * 40,
    "1e999",
    "null",
    "0" * 26,
    "z" * 26,
    "٣" * 26,
]
ODD_BODIES: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"{}",
    b'{"options": null}',
    b'{"options": {"postage": 7, "send_at": "yesterday"}}',
    b'{"options": {"send_at": "2026-01-01T00:00:00"}}',
    b'{"options": {"subject": "a\\u0000b"}}',
    b'{"options": {"subject": "\\ud800"}}',
    b'{"more": true}',
    b'{"more": true, "options": {"colour": true}}',
    b'{"address_lines": ["a\\nb"]}',
    b'{"address_lines": []}',
    b'{"address_lines": ["x"], "mobile": "++", "fax": "1", "email": "@"}',
    b'{"excluded": true, "held": false}',
    b'{"held": true}',
    b'{"channel": "pigeon"}',
    b"\xff\xfe",
    b"[" * 5000,
    b'{"a": ' * 200 + b"1" + b"}" * 200,
]


@pytest.fixture
async def described(office: Office) -> dict[str, Any]:
    answer = await office.client.get("/api/v1/openapi.json")
    assert answer.status == 200
    return dict(await answer.json())


async def test_the_description_is_valid_and_complete(described: dict[str, Any]) -> None:
    validate(described)
    told = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert told == {(route.method, route.path) for route in ROUTES}
    names = [one["operationId"] for methods in described["paths"].values() for one in methods.values()]
    assert len(set(names)) == len(names) and described["openapi"].startswith("3.1")


async def test_every_route_of_the_application_is_in_the_table(office: Office) -> None:
    served = {
        (route.method, route.resource.canonical.removeprefix("/api/v1"))
        for route in office.client.app.router.routes()
        if route.resource and route.resource.canonical.startswith("/api/v1") and route.method not in ("*", "HEAD")
    }
    assert served == {(route.method, route.path) for route in ROUTES} | {("GET", "/openapi.json"), ("GET", "/docs")}


async def test_the_page_for_people_loads_nothing_from_elsewhere(office: Office) -> None:
    answer = await office.client.get("/api/v1/docs")
    text = await answer.text()
    assert answer.status == 200 and "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"(src|href)=[\"']?(https?:)?//|<script", text) and len(text) < 200_000
    assert all(f"{route.path}" in text for route in ROUTES)


def _check(described: dict[str, Any], route: Any, status: int, content_type: str, body: bytes) -> None:
    operation = described["paths"][route.path][route.method.lower()]
    assert str(status) in operation["responses"], (route.method, route.path, status, body[:300])
    content = operation["responses"][str(status)]["content"]
    assert content_type in content, (route.path, status, content_type)
    if "json" in content_type:
        schema = {**content[content_type]["schema"], "components": described["components"]}
        jsonschema.validate(json.loads(body), schema)


def _addresses(route: Any, ids: dict[str, str]) -> Iterator[str]:
    path = "/api/v1" + route.path
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    yield path
    if route.query:
        for name in (*route.query.model_fields, "unknown"):
            for odd in ODD_TEXTS:
                yield f"{path}?{name}={odd[:500]}"
        yield f"{path}?limit=5&limit=6"
    if "{" in route.path:
        for odd in ODD_TEXTS:
            if odd and "/" not in odd:
                yield re.sub(
                    "/api/v1" + re.sub(r"{\w+}", "[0-9a-z]{26}", route.path), "/api/v1" + re.sub(r"{\w+}", odd, route.path), path
                )


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.slow
async def test_odd_input_gets_described_answers(office: Office, described: dict[str, Any], route: Any) -> None:
    key = await office.key(role=Role.SENDER)
    mailing = await brought_in(office, key, 2)
    items = await (await office.client.get(f"/api/v1/mailings/{mailing['id']}/items", headers=key)).json()
    ids = {"mailing_id": mailing["id"], "item_id": items["data"][0]["id"]}
    bodies = ODD_BODIES if route.body or route.own_body else [None]
    for address in _addresses(route, ids):
        for body in bodies if address == next(_addresses(route, ids)) else bodies[:1]:
            headers = {**key, **({"Content-Type": "application/json"} if body is not None else {})}
            answer = await office.client.request(route.method, address, headers=headers, data=body)
            _check(described, route, answer.status, answer.content_type, await answer.read())
            assert answer.status < 500
    for other in ({}, await office.key(role=Role.PRIVACY)):
        answer = await office.client.request(route.method, next(_addresses(route, ids)), headers=other)
        _check(described, route, answer.status, answer.content_type, await answer.read())
    wrong_type = await office.client.request(
        route.method, next(_addresses(route, ids)), headers={**key, "Content-Type": "text/plain"}, data=b"x"
    )
    _check(described, route, wrong_type.status, wrong_type.content_type, await wrong_type.read())
    assert not [line for line in office.log.lines if line[0] == "error"], office.log.lines


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"--b--\r\n",
        b"--b\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF',
        b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n{"x"\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\n{}\r\n--b--\r\n',
        b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBE\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Length: 99\r\n\r\nabc\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n' + b" " * 70_000 + b"\r\n--b--\r\n",
    ],
)
@pytest.mark.slow
async def test_malformed_multipart_is_never_our_failure(office: Office, described: dict[str, Any], body: bytes) -> None:
    key = await office.key()
    route = next(route for route in ROUTES if route.own_body)
    for content_type in ("multipart/form-data; boundary=b", "multipart/form-data"):
        headers = {**key, "Content-Type": content_type}
        answer = await office.client.post("/api/v1/mailings", data=body, headers=headers)
        _check(described, route, answer.status, answer.content_type, await answer.read())
        assert 400 <= answer.status < 500
    async with office.house.database.read() as connection:
        from postoffice.store import mailings

        assert {one.state.value for one in await mailings.some(connection)} <= {"aborted"}


async def test_a_database_that_is_away_is_503_and_says_when_to_come_back(office: Office, described: dict[str, Any]) -> None:
    key = await office.key()
    import sqlalchemy as sa

    async with office.house.database.write() as connection:
        await connection.execute(sa.text("DROP TABLE idempotency_keys"))
        await connection.execute(sa.text("PRAGMA foreign_keys=OFF"))
        await connection.execute(sa.text("ALTER TABLE api_keys RENAME TO gone"))
    answer = await office.client.get("/api/v1/me", headers=key)
    assert answer.status == 503 and answer.headers["Retry-After"] == "5" and "api_keys" not in await answer.text()
