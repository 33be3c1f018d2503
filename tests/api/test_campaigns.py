"""Campaigns by program: a spreadsheet as the audience, what is wrong with its rows."""

import base64
from typing import Any

from tests.doors import Office

PARTS = {"en": {"subject": "Hello {{ name }}", "text": "Hello {{ name }}"}}
TEMPLATE = {"name": "News", "parts": PARTS, "purpose": "service", "sample": [{"name": "Ada"}], "publish": True}
ROWS = b"name;email\nAda;ada@example.org\nBob;nowhere\n"


async def test_a_spreadsheet_becomes_the_audience_with_errors_by_row(office: Office) -> None:
    headers = await office.key()
    template = await (await office.client.post("/api/v1/templates", json=TEMPLATE, headers=headers)).json()
    body: dict[str, Any] = {"name": "November", "purpose": "service", "template": template["id"]}
    made = await (await office.client.post("/api/v1/campaigns", json=body, headers=headers)).json()
    at = f"/api/v1/campaigns/{made['id']}"
    wrong = await office.client.put(at + "/sheet", json={"name": "a.csv", "document": "§"}, headers=headers)
    assert wrong.status == 422
    sheet = {"name": "a.csv", "document": base64.b64encode(ROWS).decode()}
    seen = await (await office.client.put(at + "/sheet", json=sheet, headers=headers)).json()
    assert (seen["recipients"], seen["faulty"], seen["mapping"]["email"]) == (2, 1, "email")
    assert [(row["row"], row["code"], row["value"]) for row in seen["rows"]] == [(3, "row-bad-email", "nowhere")]
    kept = await (await office.client.put(at, json=body, headers=headers)).json()
    assert kept["design"]["sheet_rows"] == 2 and kept["design"]["sheet_name"] == "a.csv"
