"""News through a running office: what becomes of letters reaches a CRM, a knock at a carrier's door too; a replay changes nothing."""

import asyncio
import hashlib
import hmac
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.commands.common import open_rows
from postoffice.settings import load
from postoffice.store import carriers, news
from postoffice.store import schema as tables
from tests.real.office import Office
from tests.servers import wait_for

pytestmark = [pytest.mark.real, pytest.mark.slow]
SECRET = "the carrier's own"


@pytest.fixture
def crm() -> Iterator[tuple[list[Any], str]]:
    """What the CRM was told, and its address."""
    told: list[Any] = []

    class Ears(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ears)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield told, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def post(url: str, body: bytes, **headers: str) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
        return int(answer.status)


async def _arrange(office: Office, delivery_id: str) -> str:
    """Give the carrier of this delivery a secret; the address of its door."""
    deliveries = tables.deliveries
    async with open_rows(load(office.data)) as (database, keyring), database.write() as connection:
        delivery = (await connection.execute(deliveries.select().where(deliveries.c.id == delivery_id))).mappings().one()
        row = await carriers.by_name(connection, delivery["organisation_id"], delivery["carrier"])
        await carriers.update(connection, row.id, settings=carriers.seal(keyring, {"secret": SECRET}))
        return news.door_path(keyring, row.id, row.name)


async def _count(office: Office, kind: str) -> int:
    async with open_rows(load(office.data)) as (database, _), database.read() as connection:
        return int(
            await connection.scalar(sa.select(sa.func.count()).select_from(tables.events).where(tables.events.c.kind == kind)) or 0
        )


def test_from_the_knock_to_the_crm(office: Office, crm: tuple[list[Any], str]) -> None:
    told, url = crm
    office.run("events", "inside", "yes")
    key = office.run("key", "add", "crm", "--role", "administrator").strip()  # a test key: it hears of trials
    wanted = json.dumps({"url": url, "events": ["delivered", "opened"]}).encode()
    bearer = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    assert post(f"{office.url}/api/v1/webhooks", wanted, **bearer) == 201
    office.try_letters(5)
    wait_for(lambda: sum(one["type"] == "item.delivered" for one in told) >= 5, 60, what="five deliveries at the CRM")
    delivery_id = told[-1]["data"]["delivery_id"]  # the office may have sent other things before
    path = asyncio.run(_arrange(office, delivery_id))
    before = asyncio.run(_count(office, "opened"))
    body = json.dumps([{"key": delivery_id, "status": "opened", "at": "2026-11-23T10:00:00Z"}]).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    for _ in range(3):
        assert post(office.url + path, body, **{"x-sandbox-signature": signature}) == 200
    wait_for(lambda: [one for one in told if one["type"] == "item.opened"], 60, what="the opening at the CRM")
    after = asyncio.run(_count(office, "opened"))
    assert "1 pieces of news read again: 0 new events, 0 pieces not understood" in office.run("events", "replay")
    assert asyncio.run(_count(office, "opened")) == after == before + 1
    (opened,) = [one for one in told if one["type"] == "item.opened"]
    assert opened["data"]["delivery_id"] == delivery_id and opened["data"]["live"] is False
