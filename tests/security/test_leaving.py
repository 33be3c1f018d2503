"""A caller who goes away in the middle of a request: nothing is wrong with the office, and it says so."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from postoffice.trouble import GONE
from postoffice.webapp import web_app
from tests.conftest import FixedClock
from tests.doors import Office, add_organisation, open_office
from tests.migrated import sqlite_at

pytestmark = pytest.mark.slow

FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
PORTAL = f"/l/{'a' * 43}"
#: door, type of what is sent, what it begins with, and what the log would be told as the answer's status
DOORS = {
    "sign-in": ("/sign-in", FORM, b"email=a", GONE),
    "language": ("/language", FORM, b"language=f", GONE),
    "portal": (PORTAL, FORM, b"proof=7", GONE),
    "api": ("/api/v1/mailings", PARTS, b"--b\r\nContent-Disposition: form-data; name=options\r\n\r\n{", 400),
    "api-json": ("/api/v1/contacts", "application/json", b"{", 400),
}


@pytest.fixture
async def office(documents: FileDocuments, keyring: Keyring, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    base = sqlite_at(tmp_path / "leaving.db")
    organisation_id = await add_organisation(base, keyring, clock)
    async with open_office(base, documents, keyring, clock, organisation_id) as opened:
        yield opened
    await base.close()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("rude", [False, True], ids=["closes", "resets"])
async def test_leaving_in_the_middle_of_a_post_is_no_trouble_of_the_office(office: Office, door: str, rude: bool) -> None:
    path, kind, begun, told = DOORS[door]
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except BaseException as error:
            answered.set_exception(error)
            raise
        answered.set_result(response.status)
        return response

    app = web_app(office.house)
    app.middlewares.insert(0, watch)
    runner = web.AppRunner(app)  # as the office is served: a handler is not ended when its caller leaves
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        _reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        head = {"Host": "post.example", "Content-Type": kind, "Content-Length": "1000", **await office.key()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + begun)
        await writer.drain()
        await asyncio.sleep(0.1)  # it reads, and waits for the rest
        assert not answered.done()
        if rude:
            writer.transport.abort()
        else:
            writer.close()
        async with asyncio.timeout(10):
            status = await answered
    finally:
        await runner.cleanup()
    assert status == told
    assert [line for line in office.log.lines if line[0] in ("warning", "error")] == []
