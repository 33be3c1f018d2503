"""Plans, grounds and figures over REST."""

from typing import Any

import pytest

from postoffice.store import plans
from tests.api.sending import MAILINGS, brought_in, post
from tests.doors import Office

pytestmark = pytest.mark.slow


async def test_a_program_names_a_plan_or_writes_one(office: Office) -> None:
    key = await office.key(live=False)
    async with office.house.database.write() as connection:
        await plans.save(connection, office.organisation_id, "Relances", "email-link 3d > post", office.house.clock.now())
    mailing = await brought_in(office, key, 2, {"options": {"plan": "Relances", "ground": "companies"}})
    options = mailing["options"]
    assert (options["channel"], options["plan"], options["ladder"], options["ground"]) == (None, "Relances", "", "companies")
    address = f"{MAILINGS}/{mailing['id']}"
    quote = await (await office.client.post(f"{address}/quote", json={"options": {"ladder": "post > fax"}}, headers=key)).json()
    assert {line["channel"] for line in quote["lines"]} == {"post"} and "later" in quote
    await office.client.post(f"{address}/send", headers=key)
    sent = await (await office.client.get(address, headers=key)).json()
    assert sent["options"]["ladder"] == "email-link 3d > post", "what was sent keeps its own text"
    figures = await (await office.client.get("/api/v1/figures?by=mailing", headers=key)).json()
    assert [one["key"] for one in figures["data"]] == [mailing["id"]] and figures["currency"] == "EUR"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"ladder": "pigeon 3d"}, 422),
        ({"ladder": "post", "plan": "Relances"}, 422),
        ({"ladder": "post", "channel": "email"}, 422),
        ({"plan": "Nobody's"}, 400),
        ({"ground": "because"}, 422),
        ({"per_hour": -1}, 422),
        ({"not_after": "2026-12-01T08:00:00"}, 422),
    ],
)
async def test_what_is_no_plan_is_refused_with_its_field(office: Office, options: dict[str, Any], status: int) -> None:
    key = await office.key(live=False)
    answer = await post(office, key, options={"options": options})
    told = await answer.json()
    assert answer.status == status and answer.content_type == "application/problem+json", told
    assert told["code"] in ("invalid", "plan-gone", "invalid-request") or told["fields"]


@pytest.mark.parametrize(
    ("query", "status"), [("by=month&since=2026-01&until=2026-12", 200), ("since=yesterday", 422), ("by=weather", 422)]
)
async def test_figures_ask_for_months(office: Office, query: str, status: int) -> None:
    answer = await office.client.get(f"/api/v1/figures?{query}", headers=await office.key())
    assert answer.status == status, await answer.text()
