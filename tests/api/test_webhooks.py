"""Webhooks set up by program: added with their secret once, listed without it, seen by their own organisation and mode only."""

from postoffice.model.people import Role
from tests.doors import Office

URL = "https://crm.example.org/hear"


async def test_added_listed_removed(office: Office) -> None:
    key = await office.key(role=Role.ADMINISTRATOR)
    answer = await office.client.post("/api/v1/webhooks", json={"url": URL, "events": ["delivered", "bounced"]}, headers=key)
    made = await answer.json()
    assert answer.status == 201 and made["secret"].startswith("whsec_") and made["state"] == "on" and made["live"] is True
    listed = await (await office.client.get("/api/v1/webhooks", headers=key)).json()
    assert [one["events"] for one in listed["data"]] == [["delivered", "bounced"]] and "secret" not in listed["data"][0]
    test_key = await office.key(role=Role.ADMINISTRATOR, live=False)
    stranger = await office.key(role=Role.ADMINISTRATOR, organisation_id=await office.other_organisation())
    for other in (test_key, stranger):
        assert (await (await office.client.get("/api/v1/webhooks", headers=other)).json())["data"] == []
        assert (await office.client.delete(f"/api/v1/webhooks/{made['id']}", headers=other)).status == 404
    assert (await office.client.delete(f"/api/v1/webhooks/{made['id']}", headers=key)).status == 200
    assert (await office.client.delete(f"/api/v1/webhooks/{made['id']}", headers=key)).status == 404


async def test_what_cannot_be_a_webhook(office: Office) -> None:
    key = await office.key(role=Role.ADMINISTRATOR)
    for body, status in (
        ({"url": "https://127.0.0.1/"}, 400),
        ({"url": "http://crm.example.org/"}, 400),
        ({"url": URL, "events": ["planned"]}, 422),
        ({"url": URL, "events": ["nonsense"]}, 422),
        ({}, 422),
    ):
        assert (await office.client.post("/api/v1/webhooks", json=body, headers=key)).status == status, body
    statuses = [(await office.client.post("/api/v1/webhooks", json={"url": URL}, headers=key)).status for _ in range(21)]
    assert statuses == [201] * 20 + [409]
    sender = await office.key(role=Role.SENDER)
    assert (await office.client.get("/api/v1/webhooks", headers=sender)).status == 403
