"""Webhooks to our own programs: signed, told again, given up, replayed; one that hangs holds up nobody; never into our own network."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Options
from postoffice.model.outside import check_url, is_public
from postoffice.model.states import EventKind
from postoffice.pipeline.news import apply_news
from postoffice.pipeline.outward import Answer, Outward
from postoffice.pipeline.telling import SCHEDULE, Manner, Telling, next_pause
from postoffice.store import alerts, events, hooks, people
from postoffice.store import schema as tables
from tests.pipeline.house import Office, people_items

pytestmark = pytest.mark.slow

EMAIL = Options(channel=Channel.EMAIL)


class Crm:
    """A customer's program: keeps what it is told, and answers what the test says."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.say: list[int] = []
        self.headers: dict[str, str] = {}
        self.hang = asyncio.Event()
        self.hang.set()

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        await self.hang.wait()
        self.calls.append(({name.lower(): value for name, value in request.headers.items()}, body))
        return web.Response(status=self.say.pop(0) if self.say else 204, text="no", headers=self.headers)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.calls]


@pytest.fixture
async def crm() -> AsyncIterator[tuple[Crm, str]]:
    one = Crm()
    app = web.Application()
    app.router.add_post("/{tail:.*}", one.hear)
    async with TestServer(app) as server:
        yield one, str(server.make_url("/hear"))


async def endpoint(office: Office, url: str, *kinds: str, live: bool = True, organisation_id: str = "") -> tuple[str, str]:
    async with office.house.database.write() as connection:
        whose = organisation_id or office.organisation_id
        await hooks.allow_inside(connection, whose, True)
        return await hooks.add(
            connection, office.house.keyring, organisation_id=whose, url=url, label="", kinds=kinds, live=live, now=office.clock.now()
        )


async def tell(office: Office, **manner: Any) -> None:
    """One look, until all that it began is done."""
    telling = Telling(office.house, "teller", Manner(**manner))
    await telling.look()
    await telling.settle()
    await telling.close()


async def state(office: Office, table: sa.Table = tables.hook_messages) -> list[Any]:
    async with office.house.database.read() as connection:
        return list((await connection.execute(table.select().order_by(table.c.id))).mappings())


async def delivered(office: Office, *, live: bool = True) -> Any:
    """A letter that the sandbox delivers; its item."""
    mailing = await office.drafts(people_items(1, reference="INV-7"), EMAIL, live=live)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.follow(3)
    return (await office.items(mailing))[0]


async def test_an_event_is_told_signed_and_without_content(office: Office, crm: tuple[Crm, str]) -> None:
    one, url = crm
    _, secret = await endpoint(office, url, "delivered", "replied")
    item = await delivered(office)
    answer = Event(EventKind.REPLIED, office.clock.now(), key=item.delivery_id, text="my secret illness")
    await apply_news(office.house, office.organisation_id, "sandbox-email", [answer])
    await tell(office)
    assert {told["type"] for told in one.told()} == {"item.delivered", "item.replied"}
    told = next(told for told in one.told() if told["type"] == "item.delivered")
    assert told["data"]["item_id"] == item.id and told["data"]["item_reference"] == "INV-7" and told["data"]["live"] is True
    assert told["data"]["contact_id"] == item.contact_id and told["data"]["channel"] == "email"
    for headers, body in one.calls:
        assert b"illness" not in body and b"example.fr" not in body, "neither words nor addresses"
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert [row["state"] for row in await state(office)] == ["done", "done"]
    await tell(office)
    assert len(one.calls) == 2


async def test_trials_are_told_to_those_who_hear_of_trials(office: Office, crm: tuple[Crm, str]) -> None:
    one, url = crm
    await endpoint(office, url, "delivered")
    await delivered(office, live=False)
    assert await state(office) == []
    await endpoint(office, url, "delivered", live=False)
    await delivered(office, live=False)
    await tell(office)
    assert [told["data"]["live"] for told in one.told()] == [False]


async def test_news_told_twice_is_passed_on_once_and_rolled_back_with_its_event(office: Office, crm: tuple[Crm, str]) -> None:
    await endpoint(office, crm[1], "opened")
    item = await delivered(office)
    opened = Event(EventKind.OPENED, office.clock.now(), key=item.delivery_id)
    for _ in range(3):
        await apply_news(office.house, office.organisation_id, "sandbox-email", [opened, opened])
    assert len(await state(office)) == 1
    from postoffice.store import events

    async def broken_off() -> None:
        async with office.house.database.write() as connection:
            new = events.NewEvent(office.organisation_id, EventKind.OPENED, "x", office.clock.now(), item_id=item.id)
            await events.add(connection, [new], office.clock.now())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken_off()
    assert len(await state(office)) == 1


async def test_told_again_with_the_same_id_until_it_is_taken(office: Office, crm: tuple[Crm, str]) -> None:
    one, url = crm
    await endpoint(office, url, "delivered")
    await delivered(office)
    one.say = [500, 302, 429]
    for _ in range(4):
        await tell(office)
        office.clock.pass_by(hours=30)
    assert len(one.calls) == 4 and len({headers["webhook-id"] for headers, _ in one.calls}) == 1
    assert len({body for _, body in one.calls}) == 1
    (row,) = await state(office)
    assert (row["state"], row["attempts"], row["status"]) == ("done", 4, 204)


async def test_given_up_after_three_days_and_told_again_by_a_person(office: Office, crm: tuple[Crm, str]) -> None:
    one, url = crm
    hook_id, _ = await endpoint(office, url, "delivered")
    await delivered(office)
    one.say = [503] * 10
    began = office.clock.now()
    while (row := (await state(office))[0])["state"] == "waiting":
        office.clock.time = max(office.clock.now() + timedelta(minutes=6), row["next_at"])
        await tell(office)
    assert row["state"] == "dead" and row["attempts"] == len(SCHEDULE) + 1 == 10
    assert timedelta(hours=50) < office.clock.now() - began < timedelta(hours=102)
    async with office.house.database.write() as connection:
        assert await hooks.replay(connection, hook_id, office.clock.now()) == 1
    office.clock.pass_by(minutes=6)
    await tell(office)
    assert (await state(office))[0]["state"] == "done"


def test_pauses_grow_vary_and_heed_the_other_side() -> None:
    pauses = [next_pause(3, Answer(500, "")) for _ in range(50)]
    assert len(set(pauses)) > 10 and all(pause and timedelta(minutes=20) < pause < timedelta(minutes=40) for pause in pauses)
    assert sum(SCHEDULE, timedelta()) == timedelta(seconds=272_105)
    assert next_pause(1, Answer(429, "", timedelta(hours=2))) == timedelta(hours=2)
    assert next_pause(1, Answer(429, "", timedelta(days=9000))) == timedelta(days=1)
    assert next_pause(len(SCHEDULE) + 1, Answer(500, "")) is None


async def test_gone_is_gone(office: Office, crm: tuple[Crm, str]) -> None:
    one, url = crm
    await endpoint(office, url, "delivered", "handed_over")
    await delivered(office)
    one.say = [410] * 9
    await tell(office)
    assert {row["state"] for row in await state(office)} == {"dead"}
    assert [row["state"] for row in await state(office, tables.hook_endpoints)] == ["gone"]
    before = len(await state(office))
    await delivered(office)
    await tell(office)
    assert len(await state(office)) == before


async def test_during_a_rotation_both_secrets_sign(office: Office, crm: tuple[Crm, str]) -> None:
    one, url = crm
    hook_id, old = await endpoint(office, url)
    async with office.house.database.write() as connection:
        new = await hooks.rotate(
            connection, office.house.keyring, await hooks.get(connection, office.organisation_id, hook_id), office.clock.now()
        )

    async def signatures() -> list[str]:
        async with office.house.database.write() as connection:
            await hooks.try_out(connection, await hooks.get(connection, office.organisation_id, hook_id), office.clock.now())
        await tell(office)
        headers, _ = one.calls[-1]
        return headers["webhook-signature"].split()

    assert old != new and len(await signatures()) == 2
    office.clock.pass_by(hours=25)
    assert len(await signatures()) == 1


async def test_one_that_hangs_holds_up_nobody_else(office: Office, crm: tuple[Crm, str]) -> None:
    one, url = crm
    slow = Crm()
    slow.hang.clear()
    app = web.Application()
    app.router.add_post("/hear", slow.hear)
    async with TestServer(app) as server:
        async with office.house.database.write() as connection:
            key = office.house.keyring.wrap(bytes(32))
            other = await people.add_organisation(connection, name="Other", slug="other", document_key=key, now=office.clock.now())
            await _fill(connection, office, other, str(server.make_url("/hear")), 10)
            await _fill(connection, office, office.organisation_id, url, 1)
        stopping = asyncio.Event()
        telling = Telling(office.house, "teller", Manner(every=0.02, patience=2.0))
        running = asyncio.create_task(telling.run(stopping))
        async with asyncio.timeout(1.5):
            while not one.calls:
                await asyncio.sleep(0.01)
        stopping.set()
        await running
        slow.hang.set()
    assert slow.calls == []


async def _fill(connection: Any, office: Office, organisation_id: str, url: str, number: int) -> None:
    await hooks.allow_inside(connection, organisation_id, True)
    for _ in range(number):
        hook_id, _ = await hooks.add(
            connection,
            office.house.keyring,
            organisation_id=organisation_id,
            url=url,
            label="",
            kinds=(),
            live=True,
            now=office.clock.now(),
        )
        await hooks.try_out(connection, await hooks.get(connection, organisation_id, hook_id), office.clock.now())


async def test_two_workers_tell_it_once(office: Office, crm: tuple[Crm, str]) -> None:
    one, url = crm
    await endpoint(office, url, "delivered")
    await delivered(office)
    tellers = [Telling(office.house, f"teller {number}", Manner()) for number in range(3)]
    await asyncio.gather(*(teller.look() for teller in tellers))
    await asyncio.gather(*(teller.settle() for teller in tellers))
    await asyncio.gather(*(teller.close() for teller in tellers))
    assert len(one.calls) == 1


class Resolver(AbstractResolver):
    """Every name leads where the test says."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=4) for address in self.addresses]

    async def close(self) -> None:
        """Nothing is open."""


async def test_never_into_our_own_network(crm: tuple[Crm, str]) -> None:
    one, url = crm
    port = url.rsplit(":", 1)[1].split("/")[0]
    outward = Outward(2.0, Resolver("127.0.0.1"))
    for wanted in (url, f"https://innocent.example:{port}/", f"https://127。0。0。1:{port}/", f"https://１２７.0.0.1:{port}/"):
        answer = await outward.post(wanted, b"{}", {}, inside=False)
        assert answer.status is None and "private network" in answer.text or "https" in answer.text, wanted
    assert one.calls == []
    assert (await outward.post(f"http://innocent.example:{port}/", b"{}", {}, inside=True)).good
    await outward.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "https://",
        "https://user:pass@example.org/",
        "https://example.org/#part",
        "https://localhost/",
        "https://printer.local/",
        "https://intranet/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://10.0.0.8/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fd00::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[2002:7f00:1::]/",
        "https://0.0.0.0/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://exa mple.org/",
        "https://example.org/\r\nHost: x",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_addresses_that_no_webhook_may_have(url: str) -> None:
    with pytest.raises(PostOfficeError):
        check_url(url, inside=False)


def test_addresses_that_a_webhook_may_have() -> None:
    for url in (
        "https://crm.example.org/hear?token=1",
        "https://93.184.215.14:8443/",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    ):
        check_url(url, inside=False)
    check_url("http://127.0.0.1:9/", inside=True)
    assert not is_public("no address")


async def test_an_alert_of_a_mailing_is_told_once(office: Office, crm: tuple[Crm, str]) -> None:
    await endpoint(office, crm[1], "alerted")
    mailing = await office.drafts(people_items(6), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.follow()
    items, now = await office.items(mailing), office.clock.now()
    for number, expected in ((1, 0), (2, 1), (3, 0)):  # one who unsubscribes is no trend, and a third one is no second alert
        wish = events.NewEvent(
            office.organisation_id, EventKind.OPTED_OUT, "recipient", now, mailing_id=mailing.id, item_id=items[number].id
        )
        async with office.house.database.write() as connection:
            await events.add(connection, [wish], now)
            assert await alerts.tell(connection, now) == expected
            assert await alerts.tell(connection, now) == 0
    await tell(office)
    (told,) = crm[0].told()
    assert told["type"] == "mailing.alerted" and told["data"]["mailing_id"] == mailing.id
    assert told["data"]["code"] == "unsubscribes" and told["data"]["contact_id"] is None
