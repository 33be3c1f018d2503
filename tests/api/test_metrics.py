"""What /metrics tells of flow and backlog; the dashboard and the alerts ask for nothing that it does not tell."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from postoffice.commands.doctor import ready_made
from postoffice.model.states import EventKind
from postoffice.model.tracing import NO_TRACES
from postoffice.pipeline import Pipeline
from postoffice.store import batches, events, flow
from postoffice.store.schema import batches as batch_rows
from postoffice.store.schema import carriers
from tests.api.sending import MAILINGS, brought_in
from tests.doors import Office

NAME = re.compile(r"\bpostoffice_\w+")


async def _samples(office: Office) -> list[Any]:
    text = await (await office.client.get("/metrics")).text()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def _value(samples: list[Any], name: str, **labels: str) -> float:
    found = [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]
    assert found, f"{name} {labels} is not told"
    return float(sum(found))


async def _sent(office: Office) -> None:
    key = await office.key()
    mailing = await brought_in(office, key, 3)
    assert (await office.client.post(f"{MAILINGS}/{mailing['id']}/send", headers=key)).status == 200
    for _ in range(3):
        await office.relay()
        await office.work()


async def test_flow_of_the_last_minute_backlog_and_documents(office_on_both: Office) -> None:
    office = office_on_both
    office.clock.time = datetime.now(UTC)  # ids are of the machine's time
    await _sent(office)
    async with office.house.database.write() as connection:
        name = await connection.scalar(sa.select(carriers.c.name).where(carriers.c.channel == "post"))
        refused = events.NewEvent(office.organisation_id, EventKind.REFUSED, name, office.clock.now())
        await events.add(connection, [refused], office.clock.now())
    samples = await _samples(office)
    assert _value(samples, "postoffice_events_last_minute", kind="handed_over") == 3
    assert _value(samples, "postoffice_handed_over_last_minute", channel="post", kind="sandbox-post") == 3
    assert 0 <= _value(samples, "postoffice_hand_over_seconds_mean") <= _value(samples, "postoffice_hand_over_seconds_max") < 60
    assert _value(samples, "postoffice_carrier_errors_last_minute", channel="post", event="refused") == 1
    assert _value(samples, "postoffice_documents") >= 1 and _value(samples, "postoffice_documents_bytes") > 1000
    assert _value(samples, "postoffice_backlog", what="news-failed") == 0
    assert "Mairie" not in str(samples) and office.organisation_id not in str(samples)


async def test_a_lost_lease_is_counted_and_abandoned_work_is_told(office: Office) -> None:
    key = await office.key()
    mailing = await brought_in(office, key, 3)
    await office.client.post(f"{MAILINGS}/{mailing['id']}/send", headers=key)
    _, batch_id, _ = office.bell.rings.pop(0)
    async with office.house.database.write() as connection:
        await batches.claim(connection, batch_id, "other:1", office.clock.now(), office.house.lease)
    office.clock.pass_by(seconds=3600)
    assert _value(await _samples(office), "postoffice_batches_abandoned") == 1

    async with office.house.database.write() as connection:
        mine = await batches.claim(connection, batch_id, "late:1", office.clock.now(), office.house.lease)
        assert mine is not None
        await connection.execute(batch_rows.update().values(token=batch_rows.c.token + 1))  # another one takes it over
    with NO_TRACES.span("step") as span:
        await Pipeline(office.house, "late:1")._run(mine, span)
    samples = await _samples(office)
    assert _value(samples, "postoffice_leases_lost_total") == 1
    async with office.house.database.read() as connection:
        assert await flow.lost_leases(connection) == 1


async def test_the_dashboard_and_the_alerts_name_only_metrics_that_exist(office: Office) -> None:
    import yaml

    await office.client.get("/health")
    text = await (await office.client.get("/metrics")).text()
    known = set()
    for family in text_string_to_metric_families(text):
        known |= (
            {family.name, f"{family.name}_total", f"{family.name}_bucket"} if family.type in ("counter", "histogram") else {family.name}
        )
    dashboard = json.loads(ready_made("dashboard"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = [rule for group in yaml.safe_load(ready_made("alerts"))["groups"] for rule in group["rules"]]
    assert all(rule["annotations"]["action"] and rule["labels"]["severity"] in ("page", "ticket") for rule in rules)
    asked += [rule["expr"] for rule in rules]
    named = {name for expression in asked for name in NAME.findall(expression)}
    assert len(asked) > 30 and named - known == set()
    assert {name for name in known if name.startswith("postoffice_") and not name.endswith(("_total", "_bucket"))} - {
        re.sub(r"_(total|bucket)$", "", name) for name in named
    } <= {"postoffice_http_requests_created", "postoffice_http_request_duration_seconds_created"}
    places = [tuple(panel["gridPos"][name] for name in "xy") for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
