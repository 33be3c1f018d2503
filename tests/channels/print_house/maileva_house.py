"""Maileva in memory, with the behaviour that its descriptions state, and with the bad days that a test asks for."""

import asyncio
import base64
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from postoffice.channels.print_house.journal import Journal
from postoffice.channels.print_house.maileva.carrier import Login, MailevaCarrier, Sites
from postoffice.channels.print_house.maileva.paper import Account
from tests.channels.fakes import ListLog

DATE = "2026-11-23T09:00:00.000Z"
PROOF = b"%PDF-1.4 proof"


@dataclass
class Bad:
    """What goes wrong at the next request that matches. `done`: it is carried out all the same. `status` 0: the line breaks."""

    method: str
    path: str
    status: int = 500
    done: bool = False
    after: str = ""
    delay: float = 0.0
    code: str = "UNEXPECTED"


@dataclass
class Maileva:
    """The house. `sendings` by id; each has `documents`, `recipients`, and its API's word."""

    sendings: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    token_life: int = 300
    token_requests: int = 0
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    refuse: Callable[[dict[str, Any]], str | None] = lambda recipient: None
    url: str = ""
    runner: web.AppRunner | None = None
    numbers: Any = field(default_factory=itertools.count)

    def posted(self, key: str) -> int:
        """How often a letter with this key will be made."""
        submitted = [one for one in self.sendings.values() if one["status"] != "DRAFT"]
        return sum(recipient["custom_id"] == key for one in submitted for recipient in one["recipients"].values())

    @property
    def drafts(self) -> list[dict[str, Any]]:
        return [one for one in self.sendings.values() if one["status"] == "DRAFT"]

    @property
    def submitted(self) -> list[dict[str, Any]]:
        return [one for one in self.sendings.values() if one["status"] != "DRAFT"]

    def recipient(self, key: str) -> dict[str, Any]:
        return next(one for sending in self.submitted for one in sending["recipients"].values() if one["custom_id"] == key)

    def produce(self, status: str = "PROCESSED") -> None:
        """The house works: everything that was submitted is made."""
        for sending in self.submitted:
            sending |= {"status": status, "processed_date": "2026-11-24T09:00:00.000Z"}
            for one in sending["recipients"].values():
                one["status"] = status

    def count(self, method: str, path: str) -> int:
        return sum(one == method and re.search(path, where) is not None for one, where in self.calls)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append((request.method, request.path))
        bad = next((one for one in self.bad if one.method == request.method and re.search(one.path, request.path)), None)
        content = await self._content(request)
        if bad:
            self.bad.remove(bad)
            await asyncio.sleep(bad.delay)
            if bad.done:
                self._answer(request, content)
            if not bad.status:
                assert request.transport
                request.transport.abort()
                return web.Response()
            headers = {"Retry-After": bad.after} if bad.after else {}
            return web.json_response({"errors": [{"code": bad.code, "message": "no"}]}, status=bad.status, headers=headers)
        return self._answer(request, content)

    async def _content(self, request: web.Request) -> dict[str, Any]:
        if request.content_type == "application/json" and request.can_read_body:
            return dict(await request.json())
        return {name: self._read(part) for name, part in (await request.post()).items()}

    def _read(self, part: Any) -> Any:
        if not isinstance(part, web.FileField):
            return part
        with part.file as file:
            return file.read()

    def _answer(self, request: web.Request, content: dict[str, Any]) -> web.Response:
        if request.path == "/auth/token":
            return self._token(content)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return error(401, "UNAUTHORIZED")
        word, *parts = request.path.strip("/").split("/")
        if word == "notifications":
            return self._subscribe(request.method, content)
        match request.method, parts:
            case "POST", ["sendings"]:
                return self._create(word, content)
            case "GET", ["sendings"]:
                return listing(request, "sendings", [plain(one) for one in self.sendings.values() if one["api"] == word])
            case method, ["sendings", number, *rest] if number in self.sendings and self.sendings[number]["api"] == word:
                return self._sending(request, method, self.sendings[number], rest, content)
        return error(404, "SENDING_NOT_FOUND")

    def _token(self, content: dict[str, Any]) -> web.Response:
        self.token_requests += 1
        wanted = {"grant_type": "password", "client_id": "app", "client_secret": "s", "username": "anne", "password": "p"}
        if content != wanted:
            return error(401, "invalid_grant")
        token = f"token-{next(self.numbers)}"
        self.tokens.add(token)
        return web.json_response({"access_token": token, "expires_in": self.token_life, "token_type": "Bearer"})

    def _subscribe(self, method: str, content: dict[str, Any]) -> web.Response:
        if method == "POST":
            self.subscriptions.append(content)
            return web.json_response(content, status=201)
        return web.json_response({"subscriptions": self.subscriptions, "paging": {}})

    def _create(self, word: str, content: dict[str, Any]) -> web.Response:
        if word == "registered_mail" and not content.get("name"):
            return error(400, "EMPTY_NAME")
        number = f"s{next(self.numbers)}"
        made = {**content, "id": number, "status": "DRAFT", "creation_date": DATE, "api": word, "documents": {}, "recipients": {}}
        self.sendings[number] = made
        return web.json_response(plain(made), status=201)

    def _sending(self, request: web.Request, method: str, sending: dict[str, Any], rest: list[str], content: Any) -> web.Response:
        draft = sending["status"] == "DRAFT"
        match method, rest:
            case "GET", []:
                return web.json_response(plain(sending))
            case "GET", ["recipients"]:
                return listing(request, "recipients", list(sending["recipients"].values()))
            case "GET", ["recipients", number, name] if number in sending["recipients"]:
                known = sending["recipients"][number].get(f"{name.removeprefix('download_')}_url")
                return web.Response(body=PROOF, content_type="application/pdf") if known else error(404, "NOT_FOUND")
            case _ if not draft:
                return error(400, "SENDING_STATUS_IS_NOT_DRAFT")
            case "DELETE", []:
                del self.sendings[sending["id"]]
                return web.Response(status=204)
            case "POST", ["documents"]:
                return self._document(sending, content)
            case "POST", ["recipients"]:
                code = self._wrong(content)
                return error(400, code) if code else web.json_response(self._recipient(sending, content), status=201)
            case "POST", ["recipients", "imports"]:
                return self._import(sending, content)
            case "POST", ["submit"]:
                return self._submit(sending)
        return error(404, "NOT_FOUND")

    def _document(self, sending: dict[str, Any], content: Any) -> web.Response:
        body = content["document"]
        if len(body) > 20_000_000:
            return error(400, "INVALID_DOCUMENT_SIZE")
        number = f"d{next(self.numbers)}"
        sending["documents"][number] = {"id": number, **json.loads(text_of(content["metadata"])), "content": body}
        return web.json_response(
            {"id": number, "name": "x.pdf", "priority": 1, "type": "application/pdf", "size": len(body)}, status=201
        )

    def _wrong(self, recipient: dict[str, Any]) -> str:
        lines = [str(recipient.get(f"address_line_{number}") or "") for number in range(1, 7)]
        for number, line in enumerate(lines, 1):
            if len(line) > 38:
                return f"ADDRESS_LINE_{number}_TOO_LONG"
        if not (lines[0] or lines[1]):
            return "EMPTY_ADDRESS_LINE_1_OR_ADDRESS_LINE_2"
        if recipient["country_code"] == "FR" and not re.match(r"\d{5} ", lines[5]):
            return "ADDRESS_LINE_6_WRONG_FORMAT"
        return self.refuse(recipient) or ""

    def _recipient(self, sending: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
        number = f"r{next(self.numbers)}"
        sending["recipients"][number] = {**content, "id": number, "status": "DRAFT"}
        return sending["recipients"][number]

    def _import(self, sending: dict[str, Any], content: dict[str, Any]) -> web.Response:
        taken, refused = [], []
        for one in content["import_recipients"]:
            if code := self._wrong(one):
                refused.append({"correlation_id": one["correlation_id"], "errors": [{"code": code, "message": "no"}]})
            else:
                made = self._recipient(sending, one)
                taken.append({"correlation_id": one["correlation_id"], "id": made["id"]})
        return web.json_response({"accepted_import": taken, "rejected_import": refused}, status=201)

    def _submit(self, sending: dict[str, Any]) -> web.Response:
        if not sending["documents"] or not sending["recipients"]:
            return error(400, "EMPTY_DOCUMENT")
        sending |= {"status": "PENDING", "submission_date": DATE}
        for one in sending["recipients"].values():
            one["status"] = "PENDING"
        return web.Response(status=200)

    async def stop(self) -> None:
        if self.runner:
            await self.runner.cleanup()
            self.runner = None


def text_of(part: Any) -> str:
    return part if isinstance(part, str) else bytes(part).decode()


def plain(sending: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sending.items() if name not in ("api", "documents", "recipients")}


def error(status: int, code: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": "refused"}]}, status=status)


def listing(request: web.Request, name: str, some: list[Any]) -> web.Response:
    start, count = int(request.query.get("start_index", 1)), min(int(request.query.get("count", 50)), 500)
    return web.json_response({name: some[start - 1 : start - 1 + count], "paging": {"total_results": len(some)}})


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def carrier_of(
    url: str, folder: Path | None, *, account: Account | None = None, log: Any = None, patience: float = 2.0, **login: str
) -> MailevaCarrier:
    """A carrier of this house; `folder`: of its journal, shared by all workers of an office."""
    known = {"hook_user": "maileva", "hook_password": "knock"} | login
    sites = Sites(f"{url}/auth", f"{url}/mail", f"{url}/registered_mail", f"{url}/notifications", patience)
    journal = Journal(folder)
    who = Login("app", "s", "anne", "p", **known)
    return MailevaCarrier("maileva", who, account or Account(), sites, journal, log or ListLog(), lasting=folder is not None)


@asynccontextmanager
async def serving(house: Maileva) -> AsyncIterator[Maileva]:
    """The house on a free port of the loopback interface."""
    app = web.Application(client_max_size=30_000_000)
    app.router.add_route("*", "/{rest:.*}", house.handle)
    house.runner = web.AppRunner(app, shutdown_timeout=0.1)
    await house.runner.setup()
    site = web.TCPSite(house.runner, "127.0.0.1", 0)
    await site.start()
    host, port = house.runner.addresses[0][:2]
    house.url = f"http://{host}:{port}"
    try:
        yield house
    finally:
        await house.stop()
