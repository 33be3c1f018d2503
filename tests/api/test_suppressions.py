"""The suppression list by program: blocked once, found by what it is, never by its hash; test keys block nothing real."""

from tests.doors import Office


async def test_an_address_is_blocked_listed_and_found(office: Office) -> None:
    headers = await office.key()
    told = {"channel": "email", "address": "Anne@Example.fr", "purpose": "promotion", "note": "asked in the CRM"}
    answer = await office.client.post("/api/v1/suppressions", json=told, headers=headers)
    made = await answer.json()
    assert answer.status == 201 and made["active"] and made["purpose"] == "promotion"
    assert (await office.client.post("/api/v1/suppressions", json=told, headers=headers)).status == 409
    assert (await office.client.post("/api/v1/suppressions", json=told | {"address": "no address"}, headers=headers)).status == 400
    wanted = {"channel": "email", "address": "anne@example.FR"}
    found = await (await office.client.post("/api/v1/suppressions/search", json=wanted, headers=headers)).json()
    listed = await (await office.client.get("/api/v1/suppressions?active=true&reason=by-hand", headers=headers)).json()
    assert [one["id"] for one in found["data"]] == [one["id"] for one in listed["data"]] == [made["id"]]
    assert listed["next"] is None and "example.fr" not in str(listed).lower() and "hash" not in str(listed)
    none = await (await office.client.get("/api/v1/suppressions?active=false", headers=headers)).json()
    assert none["data"] == []


async def test_a_test_key_blocks_nothing(office: Office) -> None:
    told = {"channel": "email", "address": "anne@example.fr"}
    assert (await office.client.post("/api/v1/suppressions", json=told, headers=await office.key(live=False))).status == 403
