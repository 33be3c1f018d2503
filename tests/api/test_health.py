"""/health says what is wrong, /metrics is for this machine and tells nobody's mail."""

from datetime import timedelta

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from postoffice.api import add_health
from postoffice.house import HOUSE
from postoffice.store.schema import heartbeats
from tests.api.sending import brought_in
from tests.doors import Office


async def _beat(office: Office) -> None:
    now = office.clock.now()
    async with office.house.database.write() as connection:
        await connection.execute(
            heartbeats.insert(), {"owner": "host:1:ab", "kind": "worker", "queues": ["compose"], "started_at": now, "seen_at": now}
        )


async def test_health_is_ok_with_everything_there_and_503_with_what_is_missing(office_on_both: Office) -> None:
    office = office_on_both
    sick = await office.client.get("/health")
    assert sick.status == 503 and "worker" in (await sick.json())["workers"]
    await _beat(office)
    well = await office.client.get("/health")
    assert well.status == 200
    assert await well.json() == {"status": "ok", "database": "ok", "queue": "ok", "disk": "ok", "workers": "ok"}
    office.bell.answers = False
    deaf = await office.client.get("/health")
    assert deaf.status == 503 and (await deaf.json())["queue"] != "ok"
    office.bell.answers = True
    office.clock.time += timedelta(minutes=5)
    assert (await office.client.get("/health")).status == 503
    await office.house.database.close()


async def test_metrics_tell_queues_items_requests_and_workers(office: Office) -> None:
    key = await office.key()
    await _beat(office)
    await brought_in(office, key, 3, {"name": "Secret name"})
    await office.client.get("/api/v1/items/" + "0" * 26, headers=key)
    text = await (await office.client.get("/metrics")).text()
    found = {sample.name: sample for family in text_string_to_metric_families(text) for sample in family.samples}
    assert found["postoffice_database_up"].value == 1 and found["postoffice_workers"].value == 1
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert sum(sample.value for sample in samples if sample.name == "postoffice_items") == 3
    routes = {sample.labels["route"] for sample in samples if sample.name == "postoffice_http_requests_total"}
    assert "/api/v1/items/{item_id}" in routes
    assert {sample.labels["channel"] for sample in samples if sample.name == "postoffice_carriers"} == {"email", "sms", "fax", "post"}
    for secret in ("Secret name", key["Authorization"].split()[1], office.organisation_id):
        assert secret not in text


async def test_metrics_are_closed_to_others_but_open_with_the_token(office: Office) -> None:
    assert (await office.client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})).status == 403
    app = web.Application()
    app[HOUSE] = office.house
    add_health(app, metrics_token="open sesame")
    async with TestClient(TestServer(app)) as client:
        far = {"X-Forwarded-For": "203.0.113.9"}
        assert (await client.get("/metrics", headers={**far, "Authorization": "Bearer wrong"})).status == 403
        assert (await client.get("/metrics", headers={**far, "Authorization": "Bearer open sesame"})).status == 200


async def test_metrics_without_a_database_still_answer(office: Office) -> None:
    import sqlalchemy as sa

    async with office.house.database.write() as connection:
        await connection.execute(sa.text("ALTER TABLE heartbeats RENAME TO gone"))
    answer = await office.client.get("/metrics")
    assert answer.status == 200 and "postoffice_database_up 0.0" in await answer.text()
    assert (await (await office.client.get("/health")).json())["workers"].startswith("failing")
