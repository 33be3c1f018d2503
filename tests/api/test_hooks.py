"""The carriers' door: who is let in, what is kept, how large a knock may be; and that a kept knock is read whenever it can be."""

import asyncio
import base64
import hashlib
import hmac
import io
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.api.hooks import MOST, add_hooks
from postoffice.model.channel import Channel
from postoffice.store import carriers, news
from postoffice.store import schema as tables
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.conftest import FixedClock
from tests.doors import Office, open_office

SECRET = "the carrier's own"


@dataclass
class Door:
    """An office with one carrier that can be knocked for."""

    office: Office
    path: str
    carrier_id: str

    async def knock(self, body: bytes, *, secret: str = SECRET, path: str = "", **headers: str) -> int:
        signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        answer = await self.office.client.post(path or self.path, data=body, headers={"x-sandbox-signature": signed, **headers})
        return answer.status

    async def rows(self) -> list[Any]:
        async with self.office.house.database.read() as connection:
            return list((await connection.execute(tables.news.select().order_by(tables.news.c.id))).mappings())

    async def forged(self) -> int:
        async with self.office.house.database.read() as connection:
            return await news.forged(connection, self.office.organisation_id, self.carrier_id)

    async def batches(self) -> list[str]:
        async with self.office.house.database.read() as connection:
            query = sa.select(tables.batches.c.state).where(tables.batches.c.step == "news")
            return list(await connection.scalars(query))


@pytest.fixture
async def door(
    database: Database, documents: FileDocuments, keyring: Keyring, clock: FixedClock, organisation_id: str
) -> AsyncIterator[Door]:
    async with open_office(database, documents, keyring, clock, organisation_id, add_hooks) as office:
        async with database.write() as connection:
            carrier_id = await carriers.add(
                connection,
                organisation_id=organisation_id,
                name="knocker",
                kind="sandbox-sms",
                channel=Channel.SMS,
                settings=carriers.seal(keyring, {"secret": SECRET}),
                now=clock.now(),
            )
        yield Door(office, news.door_path(keyring, carrier_id, "knocker"), carrier_id)


def told(**line: Any) -> bytes:
    return json.dumps([line]).encode()


async def test_a_knock_is_kept_before_it_is_understood(door: Door) -> None:
    assert await door.knock(told(status="replied", key="0" * 26, text="private words"), cookie="secret=1") == 200
    (row,) = await door.rows()
    assert (row["state"], row["way"], row["carrier"], row["read_at"]) == ("waiting", "knock", "knocker", None)
    assert b"private" not in row["body"] and "private" not in json.dumps(dict(row["request"]))
    kept = news.open_knock(door.office.house.keyring, row["body"])
    assert b"private words" in kept.body and "x-sandbox-signature" in kept.headers and "cookie" not in kept.headers
    assert [ring[0] for ring in door.office.bell.rings] == ["sms"]
    await door.office.work()
    assert (await door.rows())[0]["state"] == "partly", "it names no delivery yet: it is read again"


async def test_the_same_knock_twice_is_kept_once(door: Door) -> None:
    for _ in range(3):
        assert await door.knock(told(status="delivered", key="0" * 26)) == 200
    assert len(await door.rows()) == 1 and await door.batches() == ["open"]


async def test_many_knocks_make_one_piece_of_work(door: Door) -> None:
    statuses = await asyncio.gather(*(door.knock(told(status="unknown", text=str(number))) for number in range(20)))
    assert statuses == [200] * 20 and len(await door.rows()) == 20
    assert await door.batches() == ["open"]
    door.office.clock.pass_by(hours=1)
    await door.office.relay()
    await door.office.work()
    assert await door.knock(told(status="unknown", text="later")) == 200
    assert (await door.rows())[-1]["state"] == "waiting"


async def test_forged_knocks_leave_only_a_count(door: Door) -> None:
    assert [await door.knock(b"[]", secret="guess") for _ in range(3)] == [403] * 3
    assert await door.knock(b"[]") == 200
    assert len(await door.rows()) == 1
    assert await door.forged() == 1, "the first at once, the rest a little later: a flood is not written one by one"


async def test_the_address_is_a_secret(door: Door) -> None:
    for path in (
        door.path[:-1],
        door.path.replace("knocker", "sandbox-sms"),
        f"/hooks/{door.carrier_id}/knocker",
        f"/hooks/{door.carrier_id}{'a' * 32}/knocker",
        f"/hooks/{'é' * 58}/knocker",
    ):
        assert await door.knock(b"[]", path=path) == 404, path
        assert (await door.office.client.get(path)).status == 404
    assert (await door.office.client.get(door.path)).status == 200
    assert await door.rows() == []
    assert not any(door.path[20:50] in str(line) for line in door.office.log.lines)


async def test_too_large_is_refused_at_once(door: Door) -> None:
    began = asyncio.get_running_loop().time()
    answer = await door.office.client.post(door.path, data=io.BytesIO(bytes(10_000_000)), expect100=True)
    assert answer.status == 413
    assert asyncio.get_running_loop().time() - began < 2.0

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield bytes(100_000)

    answer = await door.office.client.post(door.path, data=endless())  # no Content-Length
    assert answer.status == 413
    assert await door.knock(told(status="unknown", text="x" * (MOST - 100))) == 200
    assert len(await door.rows()) == 1


async def test_news_of_a_carrier_that_is_switched_off_counts(door: Door) -> None:
    async with door.office.house.database.write() as connection:
        await carriers.update(connection, door.carrier_id, enabled=False)
    assert await door.knock(told(status="delivered")) == 200
    await door.office.work()
    assert (await door.rows())[0]["state"] == "partly"


async def test_what_is_not_understood_stays_with_its_reason(door: Door) -> None:
    assert await door.knock(told(status="delivered")) == 200
    async with door.office.house.database.write() as connection:
        await carriers.update(connection, door.carrier_id, settings=carriers.seal(door.office.house.keyring, {"secret": "changed"}))
    await door.office.work()
    (row,) = await door.rows()
    assert row["state"] == "failed" and "x-sandbox-signature" in row["error"]


async def test_telnyx_read_hours_later(door: Door) -> None:
    """A provider's signature is bound to the hour of the knock: a worker that was away for a day must still read it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from tests.channels.sms import test_telnyx as telnyx

    public = base64.b64encode(telnyx.PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    house, clock = door.office.house, door.office.clock
    async with house.database.write() as connection:
        carrier_id = await carriers.add(
            connection,
            organisation_id=door.office.organisation_id,
            name="telnyx",
            kind="telnyx-sms",
            channel=Channel.SMS,
            settings=carriers.seal(house.keyring, {"api_key": "KEY", "public_key": public, "callback": "https://x.example/hooks"}),
            now=clock.now(),
        )
    path = news.door_path(house.keyring, carrier_id, "telnyx")
    inbound = {
        "event_type": "message.received",
        "occurred_at": "2026-11-23T08:59:58.500Z",
        "payload": {"id": "m1", "from": {"phone_number": "+33639980001"}, "to": [{"phone_number": "+33199000000"}], "text": "Merci"},
    }
    right = telnyx.knock(inbound, at=clock.now())
    assert (await door.office.client.post(path, data=right.body, headers=dict(right.headers))).status == 200
    assert (await door.office.client.post(path, data=right.body + b" ", headers=dict(right.headers))).status == 403
    clock.time += timedelta(days=1)
    await door.office.work()
    (row,) = await door.rows()
    assert (row["state"], row["error"]) == ("read", "")
    async with house.database.read() as connection:
        (event,) = (await connection.execute(tables.events.select())).mappings()
    assert (event["kind"], event["text"], event["news_id"], event["detail"]["from"]) == ("replied", "Merci", row["id"], "+33639980001")


async def test_any_bytes_are_kept_where_they_are_signed_and_none_where_they_are_not(door: Door) -> None:
    dice, bodies = random.Random(7), [b"", b"[]", b"null", b"[" * 5000, b"\xff\xfe", b'[{"at":"9999-12-31T23:59:59+00:00","status":7}]']
    bodies += [dice.randbytes(dice.randrange(1, 60)) for _ in range(12)]
    for body in bodies:
        assert await door.knock(body, secret="guessed") == 403
        assert await door.knock(body) == 200
    kept = [news.open_knock(door.office.house.keyring, row["body"]).body for row in await door.rows()]
    assert sorted(kept) == sorted(bodies), "raw, as they came"
    door.office.clock.pass_by(hours=1)
    await door.office.work()
    assert {row["state"] for row in await door.rows()} <= {"read", "partly", "failed"}
