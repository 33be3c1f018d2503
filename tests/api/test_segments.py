"""Segments and purchases by program: kept, counted, walked; a purchase told twice is one; what is wrong is told by its place."""

from typing import Any

from postoffice.model.ids import new_id
from postoffice.model.states import CampaignState
from postoffice.store.schema import campaigns
from tests.doors import Office

VIP = {"on": "tag", "value": "vip"}


async def _contact(office: Office, headers: Any, name: str, tags: list[str]) -> str:
    body = {"name": name, "emails": [f"{name.lower()}@example.org"], "external_ids": {"crm": f"C-{name}"}, "tags": tags}
    return str((await (await office.client.post("/api/v1/contacts", json=body, headers=headers)).json())["id"])


async def test_a_segment_is_kept_counted_walked_changed_and_removed(office: Office) -> None:
    headers = await office.key()
    ids = sorted([await _contact(office, headers, name, ["vip"]) for name in ("Ada", "Bob", "Cyd")])
    await _contact(office, headers, "Dan", [])
    answer = await office.client.post("/api/v1/segments", json={"name": " The  best ", "rules": VIP}, headers=headers)
    made = await answer.json()
    assert answer.status == 201 and made["name"] == "The best" and made["sentence"] == "Contacts who have the tag “vip”"
    at = f"/api/v1/segments/{made['id']}"
    assert (await (await office.client.get(at + "/count", headers=headers)).json())["count"] == 3
    first = await (await office.client.get(at + "/members?limit=2", headers=headers)).json()
    rest = await (await office.client.get(at + f"/members?limit=2&after={first['next']}", headers=headers)).json()
    assert first["data"] + rest["data"] == ids and rest["next"] is None
    inner = {"all": [{"on": "segment", "value": made["id"]}, {"not": VIP}]}
    nobody = await (await office.client.post("/api/v1/segments", json={"name": "Nobody", "rules": inner}, headers=headers)).json()
    assert (await (await office.client.get(f"/api/v1/segments/{nobody['id']}/count", headers=headers)).json())["count"] == 0
    assert (await office.client.delete(at, headers=headers)).status == 409, "another segment leans on it"
    circle = {"rules": {"on": "segment", "value": nobody["id"]}}
    assert (await (await office.client.patch(at, json=circle, headers=headers)).json())["code"] == "segment-circle"
    assert (await office.client.delete(f"/api/v1/segments/{nobody['id']}", headers=headers)).status == 200
    assert (await office.client.delete(at, headers=headers)).status == 200
    assert (await office.client.get(at, headers=headers)).status == 404
    assert (await (await office.client.get("/api/v1/segments", headers=headers)).json())["data"] == []


async def test_what_is_wrong_with_rules_is_told_by_its_place(office: Office) -> None:
    headers = await office.key()
    wrong = {
        "segment-attribute": {"on": "attribute", "name": "no such", "test": "is", "value": "x"},
        "segment-number": {"on": "attribute", "name": "age", "type": "number", "test": "over", "value": "old"},
        "segment-other": {"on": "segment", "value": "0" * 26},
        "segment-subject": {"on": "shoe size"},
    }
    for code, rule in wrong.items():
        body = {"name": "x", "rules": {"all": [VIP, rule]}}
        answer = await office.client.post("/api/v1/segments", json=body, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (422, code)


async def test_purchases_are_written_once_and_refused_one_by_one(office: Office) -> None:
    headers = await office.key()
    ada = await _contact(office, headers, "Ada", [])
    line = {"external_id": "F1", "customer": "C-Ada", "bought_at": "2026-11-01T10:00:00Z", "amount": "12.50", "category": "books"}
    lines = [
        line,
        {**line, "external_id": "F2", "customer": "crm:C-Ada", "amount": "-2.5"},
        {**line, "external_id": "F3", "customer": "", "email": "Ada@example.org"},
        {**line, "external_id": "F4", "customer": "", "contact": ada},
        {**line, "external_id": "F5", "customer": "C-nobody"},
        {**line, "external_id": "F6", "amount": "1.005"},
        {**line, "external_id": "F7", "bought_at": "2027-01-01T00:00:00Z"},
        {**line, "amount": "13"},
    ]
    told = await (await office.client.post("/api/v1/purchases", json={"purchases": lines}, headers=headers)).json()
    reasons = {4: "unknown-customer", 5: "no-amount", 6: "in-future", 7: "differs"}
    assert (told["written"], told["known"]) == (4, 0) and {one["index"]: one["reason"] for one in told["refused"]} == reasons
    again = await (await office.client.post("/api/v1/purchases", json={"purchases": lines[:4]}, headers=headers)).json()
    assert (again["written"], again["known"], again["refused"]) == (0, 4, [])
    rules = {"on": "bought", "test": "amount", "at": "least", "value": 35}
    made = await (await office.client.post("/api/v1/segments", json={"name": "35", "rules": rules}, headers=headers)).json()
    assert (await (await office.client.get(f"/api/v1/segments/{made['id']}/members", headers=headers)).json())["data"] == [ada]


async def test_a_segment_that_a_campaign_goes_to_stays(office: Office) -> None:
    headers = await office.key()
    made = await (await office.client.post("/api/v1/segments", json={"name": "The best", "rules": VIP}, headers=headers)).json()
    now, at = office.house.clock.now(), f"/api/v1/segments/{made['id']}"
    row = {"id": new_id(), "organisation_id": office.organisation_id, "name": "Spring", "state": CampaignState.RUNNING.value}
    row |= {"design": {"segment_id": made["id"]}, "rules": {}, "outcome": {}, "created_at": now, "updated_at": now}
    async with office.house.database.write() as connection:
        await connection.execute(campaigns.insert(), row)
    told = await office.client.delete(at, headers=headers)
    assert (told.status, (await told.json())["code"]) == (409, "segment-used")
    async with office.house.database.write() as connection:
        await connection.execute(campaigns.update().values(state=CampaignState.FINISHED.value))
    assert (await office.client.delete(at, headers=headers)).status == 200
