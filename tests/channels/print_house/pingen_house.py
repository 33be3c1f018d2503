"""Pingen in memory: the shapes are those of its public description and client libraries, written down here without real names."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from postoffice.channels.print_house.journal import Journal
from postoffice.channels.print_house.pingen import JSON_API, Account, PingenCarrier, make
from tests.channels.print_house.maileva_house import Bad

ORGANISATION = "testxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxx1"
DATE = "2026-11-23T09:42:48+0100"
LETTERS = f"/organisations/{ORGANISATION}/deliveries/letters"


def letter_of(number: str, attributes: dict[str, Any]) -> dict[str, Any]:
    """A letter as GET and POST answer it."""
    return {
        "data": {
            "id": number,
            "type": "letters",
            "attributes": {
                "status": "valid",
                "file_original_name": "lorem.pdf",
                "file_pages": 2,
                "address": "Hans Meier\nExample street 4\n8000 Zürich\nSwitzerland",
                "country": "CH",
                "price_currency": "CHF",
                "price_value": 1.25,
                "paper_types": ["normal", "qr"],
                "source": "api",
                "submitted_at": DATE,
                "created_at": DATE,
                "updated_at": DATE,
                **attributes,
            },
            "relationships": {"organisation": {"data": {"id": ORGANISATION, "type": "organisations"}}},
        }
    }


def webhook(kind: str, letter: str = "letter-1", relation: str = "letter", **attributes: Any) -> dict[str, Any]:
    """A webhook: the event category's resource, with the letter and its event beside it."""
    return {
        "data": {
            "type": kind,
            "id": "309a31e0",
            "attributes": {"reason": "Page limit exceeded", "created_at": DATE, **attributes},
            "relationships": {relation: {"data": {"type": "letters", "id": letter}}},
        },
        "included": [
            {"type": "letters_events", "id": "e1", "attributes": {"code": "file_too_many_pages", "name": "Page limit exceeded"}}
        ],
    }


@dataclass
class Pingen:
    """The house. `checks`: how often a letter is still being validated when asked; `verdict`: what comes of it."""

    letters: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    files: list[bytes] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    checks: int = 0
    verdict: str = "valid"
    late: bool = False
    url: str = ""
    runner: web.AppRunner | None = None
    numbers: Any = field(default_factory=itertools.count)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        content = json.loads(raw) if request.content_type == JSON_API and raw else raw
        self.calls.append((request.method, request.path, dict(request.headers), content))
        bad = next((one for one in self.bad if one.method == request.method and request.path.endswith(one.path)), None)
        if not bad:
            return self._answer(request, content)
        self.bad.remove(bad)
        if bad.done:
            self._answer(request, content)
        if not bad.status:
            assert request.transport
            request.transport.abort()
            return web.Response()
        headers = {"Retry-After": bad.after} if bad.after else {}
        shape = {"errors": [{"code": bad.code, "title": "No", "detail": ""}]}
        return web.json_response(shape, status=bad.status, headers=headers)

    def _answer(self, request: web.Request, content: Any) -> web.Response:
        if request.path == "/auth/access-tokens":
            return web.json_response({"token_type": "Bearer", "expires_in": 43200, "access_token": "t"})
        if request.path == "/storage":
            self.files.append(content)
            return web.Response(status=200)
        if request.headers.get("Authorization") != "Bearer t":
            return web.json_response({"errors": [{"code": "access_denied"}]}, status=401)
        if request.path == "/file-upload":
            upload = {"url": f"{self.url}/storage?signer=url", "url_signature": "$2y$10$BLOz", "expires_at": DATE}
            return web.json_response({"data": {"id": "u1", "type": "file_uploads", "attributes": upload}})
        number, _, action = request.path.removeprefix(LETTERS).strip("/").partition("/")
        if request.method == "POST" and number == "price-calculator":
            return web.json_response({"data": {"type": "letter_price_calculator", "attributes": {"currency": "CHF", "price": 1.25}}})
        if request.method == "POST":
            return self._create(request.headers["Idempotency-Key"], content["data"]["attributes"])
        if number not in self.letters:
            return web.json_response({"errors": [{"code": "not_found"}]}, status=404)
        return self._letter(request.method, number, action, content)

    def _create(self, key: str, attributes: dict[str, Any]) -> web.Response:
        if key not in self.by_key:
            self.by_key[key] = f"letter-{next(self.numbers)}"
            self.letters[self.by_key[key]] = {**attributes, "status": "validating", "checks": self.checks}
        number = self.by_key[key]
        return web.json_response(letter_of(number, self.letters[number]), status=201)

    def _letter(self, method: str, number: str, action: str, content: Any) -> web.Response:
        letter = self.letters[number]
        if action == "events":
            named = {"id": "e1", "type": "letters_events", "attributes": {"code": "x", "name": "Content in restricted area"}}
            return web.json_response({"data": [named]})
        if action == "cancel":
            if self.late:
                return web.json_response({"errors": [{"code": "cannot_cancel"}]}, status=422)
            letter["status"] = "cancelled"
            return web.Response(status=202)
        if action == "send":
            if letter["status"] != "valid":
                return web.json_response({"errors": [{"code": "not_sendable"}]}, status=422)
            letter |= {**content["data"]["attributes"], "status": "submitted"}
            self.sent[number] = self.sent.get(number, 0) + 1
        elif letter["status"] == "validating":
            letter["checks"] -= 1
            if letter["checks"] < 0:
                letter["status"] = self.verdict
        return web.json_response(letter_of(number, letter))

    async def stop(self) -> None:
        if self.runner:
            await self.runner.cleanup()
            self.runner = None


def carrier_of(house: Pingen, folder: Path | None, secret: str = "whsec") -> PingenCarrier:
    account = Account(ORGANISATION, "right", secret)
    return make("pingen", account, house.url, house.url, ("id", "s"), Journal(folder), lasting=folder is not None)


@asynccontextmanager
async def serving(house: Pingen) -> AsyncIterator[Pingen]:
    """The house on a free port of the loopback interface."""
    app = web.Application(client_max_size=30_000_000)
    app.router.add_route("*", "/{rest:.*}", house.handle)
    house.runner = web.AppRunner(app, shutdown_timeout=0.1)
    await house.runner.setup()
    await web.TCPSite(house.runner, "127.0.0.1", 0).start()
    house.url = "http://{}:{}".format(*house.runner.addresses[0][:2])
    try:
        yield house
    finally:
        await house.stop()
