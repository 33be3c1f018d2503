"""Templates over REST, and a mailing made of rows."""

from postoffice.compose.merge.records import MEDIA_TYPE
from postoffice.store import mailings
from tests.doors import Office

API = "/api/v1"
LETTER = "<p>{{ address | address }}</p><p>{{ amount | money }}</p>{% for line in lines %}{{ line.text }}{% endfor %}"
ROW = {"name": "Inès", "street": "1 rue", "postcode": "69003", "town": "Lyon", "amount": 12.5, "lines": [{"text": "un"}]}
NEW = {"name": "Facture", "parts": {"fr": {"letter": LETTER}}, "purpose": "invoice", "sample": [ROW]}


async def test_keep_list_and_merge(office: Office) -> None:
    key = await office.key()
    made = await office.client.post(f"{API}/templates", headers=key, json=NEW)
    assert made.status == 201, await made.text()
    shape = await made.json()
    assert shape["version"] is None
    assert [(one["name"], one["kind"]) for one in shape["fields"]] == [("amount", "number"), ("lines", "list")]
    early = await office.client.post(f"{API}/mailings", headers=key, json={"template": shape["id"], "rows": [ROW]})
    assert early.status == 422 and (await early.json())["fields"][0]["field"] == "template"
    shape = await (await office.client.post(f"{API}/templates", headers=key, json={**NEW, "publish": True})).json()
    assert shape["version"] == 1
    listed = await (await office.client.get(f"{API}/templates", headers=key)).json()
    assert len(listed["data"]) == 2
    body = {"template": shape["id"], "rows": [ROW, {**ROW, "amount": "x"}]}
    headers = {**key, "Idempotency-Key": "mars"}
    first = await office.client.post(f"{API}/mailings", json=body, headers=headers)
    assert first.status == 201, await first.text()
    again = await office.client.post(f"{API}/mailings", json=body, headers=headers)
    assert again.status == 201 and again.headers["Idempotent-Replayed"] == "true"
    told = await first.json()
    assert told["id"] == (await again.json())["id"] and told["options"]["purpose"] == "invoice" and told["name"] == "Facture"
    other = await office.client.post(f"{API}/mailings", json={**body, "rows": [ROW]}, headers=headers)
    assert other.status == 422
    async with office.house.database.read() as connection:
        assert (await mailings.get(connection, told["id"])).media_type == MEDIA_TYPE


async def test_what_cannot_be_published_names_part_and_line(office: Office) -> None:
    key = await office.key()
    bad = {**NEW, "parts": {"fr": {"letter": "<p>\n{{ amount | nofilter }}"}}, "publish": True}
    answer = await office.client.post(f"{API}/templates", headers=key, json=bad)
    problem = await answer.json()
    assert answer.status == 422 and problem["code"] == "template-syntax" and problem["facts"]["line"] == 2
    assert not (await (await office.client.get(f"{API}/templates", headers=key)).json())["data"]
