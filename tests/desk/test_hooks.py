"""Webhooks at the desk: the secret is shown once, a test, set aside and told again, paused, removed; and what carriers told."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.model.states import EventKind
from postoffice.pipeline import Pipeline
from postoffice.store import events, hooks, news
from postoffice.store import schema as tables
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office
from tests.desk.offices import ALL, actions, other_organisation, signed_in, with_carriers

URL = "https://crm.example.org/hear"


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock, url="https://post.example")
    yield built
    await built.house.database.close()


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[Browser]:
    async with signed_in(office, ALL) as browser:
        yield browser


async def added(office: Office, admin: Browser, **more: str) -> hooks.Endpoint:
    status, page, _ = await admin.post("/admin/hooks", {"url": URL, "label": "CRM", "live": "1", **more})
    assert status == 200 and len(re.findall(r"whsec_[A-Za-z0-9+/=]{40,}", page)) == 1
    async with office.house.database.read() as connection:
        return (await hooks.all_of(connection, office.organisation_id))[-1]


async def messages(office: Office, endpoint: hooks.Endpoint) -> list[hooks.Message]:
    async with office.house.database.read() as connection:
        return await hooks.messages(connection, endpoint.id)


async def test_the_secret_is_shown_once(office: Office, admin: Browser) -> None:
    one = await added(office, admin, kind="delivered")
    assert one.kinds == ["delivered"]
    for path in ("/admin/hooks", f"/admin/hooks/{one.id}"):
        status, page = await admin.get(path)
        assert status == 200 and "CRM" in page and "whsec_" not in page
    _, page, _ = await admin.post(f"/admin/hooks/{one.id}/rotate")
    assert "whsec_" in page
    assert "Calls are signed with the new secret and, for a day, with the one before." in (await admin.get(f"/admin/hooks/{one.id}"))[1]
    assert await actions(office) == ["webhook.add", "webhook.rotate"]


async def test_an_address_within_our_network_is_refused_and_what_was_typed_stays(office: Office, admin: Browser) -> None:
    status, page, _ = await admin.post("/admin/hooks", {"url": "https://10.1.2.3/crm", "label": "Mine", "live": "1"})
    assert status == 400 and "cannot be " in page and "https://10.1.2.3/crm" in page
    one = await added(office, admin)
    status, page, _ = await admin.post(f"/admin/hooks/{one.id}/settings", {"url": "http://localhost/", "label": "x"})
    assert status == 400 and "http://localhost/" in page


async def test_test_set_aside_tell_again(office: Office, admin: Browser) -> None:
    one = await added(office, admin)
    path = f"/admin/hooks/{one.id}"
    assert (await admin.post(path + "/test"))[0] == 303
    (message,) = await messages(office, one)
    assert (message.kind, message.state) == ("test", "waiting")
    async with office.house.database.write() as connection:
        await hooks.record(connection, message.id, office.house.clock.now(), status=500, answer="<b>no</b>", state="dead")
    page = (await admin.get(path))[1]
    assert "1 event could not be told and was set aside" in page and "&lt;b&gt;no&lt;/b&gt;" in page
    await admin.post(path + "/replay")
    assert [(one.state, one.attempts) for one in await messages(office, one)] == [("waiting", 0)]


async def test_pause_and_remove(office: Office, admin: Browser) -> None:
    one = await added(office, admin)
    path = f"/admin/hooks/{one.id}"
    await admin.post(path + "/switch", {"on": "0"})
    assert "paused" in (await admin.get("/admin/hooks"))[1]
    assert (await admin.post(path + "/test"))[0] == 409
    await admin.post(path + "/switch", {"on": "1"})
    await admin.post(path + "/remove")
    assert (await admin.get(path))[0] == 404


async def test_others_see_nothing(office: Office, admin: Browser) -> None:
    house = office.house
    other = await other_organisation(office)
    async with house.database.write() as connection:
        hook_id, _ = await hooks.add(
            connection, house.keyring, organisation_id=other, url=URL, label="Theirs", kinds=(), live=True, now=house.clock.now()
        )
    assert "Theirs" not in (await admin.get("/admin/hooks"))[1]
    assert (await admin.get(f"/admin/hooks/{hook_id}"))[0] == 404
    for verb in ("test", "rotate", "switch", "replay", "remove", "settings"):
        assert (await admin.post(f"/admin/hooks/{hook_id}/{verb}", {"url": URL}))[0] == 404, verb


async def test_a_carriers_page_shows_its_address_and_news(office: Office, admin: Browser) -> None:
    house = office.house
    async with house.database.write() as connection:
        row = (await connection.execute(tables.carriers.select().where(tables.carriers.c.name == "sandbox-sms"))).mappings().one()
        news_id, _ = await news.keep(
            connection,
            organisation_id=office.organisation_id,
            carrier="sandbox-sms",
            way="knock",
            digest="d",
            body=b"",
            request={"bytes": 120},
            now=house.clock.now(),
        )
        await news.mark(connection, [news_id], "failed", house.clock.now(), error="The clock of the signature is wrong")
        await news.count_forged(connection, office.organisation_id, row["id"], 3)
    page = (await admin.get("/admin/carriers/sandbox-sms"))[1]
    assert "https://post.example" + news.door_path(house.keyring, row["id"], "sandbox-sms") in page
    assert "3 calls were turned away" in page and "The clock of the signature is wrong" in page


async def test_what_was_not_understood_is_read_again_on_demand(office: Office, admin: Browser) -> None:
    house = office.house
    async with house.database.write() as connection:
        news_id, _ = await news.keep(
            connection,
            organisation_id=office.organisation_id,
            carrier="sandbox-sms",
            way="heard",
            digest="d",
            body=news.seal_events(house.keyring, []),
            request={},
            now=house.clock.now(),
        )
        await news.mark(connection, [news_id], "failed", house.clock.now(), error="broken")
    assert "sandbox-sms" in (await admin.get("/"))[1]
    for _ in range(2):
        assert (await admin.post("/admin/carriers/sandbox-sms/read-again"))[0] == 303
    async with house.database.read() as connection:
        (batch_id,) = await connection.scalars(sa.select(tables.batches.c.id).where(tables.batches.c.step == "news"))
    await Pipeline(house, "worker").work(batch_id)
    async with house.database.read() as connection:
        assert [one.state for one in await news.latest(connection, office.organisation_id, "sandbox-sms")] == ["read"]


async def test_answers_without_a_letter_are_shown(office: Office, admin: Browser) -> None:
    async with office.house.database.write() as connection:
        new = events.NewEvent(
            office.organisation_id,
            EventKind.REPLIED,
            "sandbox-sms",
            office.house.clock.now(),
            text="Qui êtes-vous ?",
            detail={"from": "+33639980001"},
        )
        await events.add(connection, [new], office.house.clock.now())
    page = (await admin.get("/answers"))[1]
    assert "Qui êtes-vous ?" in page and "+33639980001" in page
