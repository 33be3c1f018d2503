"""Bring in, look, price, send, follow, take back."""

import base64
import io

import pikepdf
import pytest

from postoffice.model.people import Role
from tests.api.sending import MAILINGS, brought_in, form, post
from tests.doors import Office, letters


async def test_the_whole_road_by_rest(office_on_both: Office) -> None:
    office = office_on_both
    key = await office.key(live=False)
    mailing = await brought_in(office, key, 3, {"name": "Factures", "options": {"purpose": "invoice"}})
    assert (mailing["state"], mailing["items"], mailing["name"], mailing["live"]) == ("waiting", 3, "Factures", False)
    address = f"{MAILINGS}/{mailing['id']}"
    counts = mailing["counts"]
    assert sum(counts.values()) == 3
    quote = await (await office.client.post(f"{address}/quote", json={"options": {"colour": True}}, headers=key)).json()
    plain = await (await office.client.post(f"{address}/quote", headers=key)).json()
    assert float(quote["total"]) > float(plain["total"]) > 0 and quote["items"] == counts["draft"]
    sent = await office.client.post(f"{address}/send", json={"options": {"duplex": False}}, headers=key)
    assert sent.status == 200 and (await sent.json())["state"] == "planning"
    again = await office.client.post(f"{address}/send", headers=key)
    assert again.status == 409 and again.content_type == "application/problem+json"
    await office.work()
    await office.relay()
    await office.work()
    followed = await (await office.client.get(address, headers=key)).json()
    assert followed["counts"].get("draft", 0) == 0 and float(followed["cost"]) > 0 and followed["currency"] == "EUR"
    assert followed["options"]["duplex"] is False
    items = (await (await office.client.get(f"{address}/items?limit=2", headers=key)).json())["data"]
    events = (await (await office.client.get(f"/api/v1/items/{items[0]['id']}/events", headers=key)).json())["data"]
    assert "handed_over" in [event["kind"] for event in events]


async def test_a_test_key_stops_at_the_sandbox_and_sees_test_mailings_only(office: Office) -> None:
    live, trial = await office.key(), await office.key(live=False)
    mailing = await brought_in(office, trial)
    real = await brought_in(office, live)
    assert (mailing["live"], real["live"]) == (False, True)
    for key, own, others in ((trial, mailing, real), (live, real, mailing)):
        listed = (await (await office.client.get(MAILINGS, headers=key)).json())["data"]
        assert [one["id"] for one in listed] == [own["id"]]
        assert (await office.client.post(f"{MAILINGS}/{others['id']}/send", headers=key)).status == 404


async def test_cursor_paging_walks_every_item_and_every_mailing_once(office: Office) -> None:
    key = await office.key()
    mailing = await brought_in(office, key, 7)
    for number in range(4):
        await brought_in(office, key, 1, {"name": f"m{number}"})
    for address, names in (
        (f"{MAILINGS}/{mailing['id']}/items", lambda one: one["position"]),
        (MAILINGS, lambda one: -one["number"]),
    ):
        seen, after = [], ""
        while True:
            page = await (await office.client.get(f"{address}?limit=3{after}", headers=key)).json()
            seen += [names(one) for one in page["data"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert seen == sorted(set(seen)) and len(seen) == (7 if "items" in address else 5)
    filtered = await (await office.client.get(f"{MAILINGS}?state=waiting&state=failed&printer={'0' * 26}", headers=key)).json()
    assert filtered == {"data": [], "next": None}


async def test_an_item_can_be_corrected_left_out_taken_in_and_stopped(office: Office) -> None:
    key = await office.key()
    mailing = await brought_in(office, key, 2)
    first, second = (await (await office.client.get(f"{MAILINGS}/{mailing['id']}/items", headers=key)).json())["data"]
    address = f"/api/v1/items/{first['id']}"
    change = {
        "address_lines": ["Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG"],
        "email": "zoe@example.net",
        "channel": "email",
    }
    changed = await (await office.client.patch(address, json=change, headers=key)).json()
    assert changed["address"]["postcode"] == "67000" and changed["channel"] == "email" and changed["email"] == "zoe@example.net"
    assert changed["address_read"]["lines"] == first["address"]["lines"]
    assert (await (await office.client.patch(address, json={"channel": None}, headers=key)).json())["channel"] is None
    out = await (await office.client.patch(address, json={"excluded": True}, headers=key)).json()
    assert out["state"] == "excluded"
    assert (await (await office.client.patch(address, json={"excluded": False}, headers=key)).json())["state"] == "draft"
    assert (await office.client.patch(address, json={"mobile": "not a number"}, headers=key)).status in (400, 422)
    stopped = await office.client.post(f"/api/v1/items/{second['id']}/cancel", headers=key)
    assert (await stopped.json())["state"] == "cancelled"
    assert (await office.client.post(f"/api/v1/items/{second['id']}/cancel", headers=key)).status == 409
    taken_back = await (await office.client.post(f"{MAILINGS}/{mailing['id']}/cancel", headers=key)).json()
    assert taken_back["items"] == 1 and taken_back["mailing"]["state"] == "cancelled"


async def test_an_item_s_pdf_has_its_own_pages_only(office: Office) -> None:
    key = await office.key()
    mailing = await brought_in(office, key, 3, {"name": 'a/b"\r\nSet-Cookie: x=1 «é».pdf'.replace("\r\n", " ")})
    second = (await (await office.client.get(f"{MAILINGS}/{mailing['id']}/items", headers=key)).json())["data"][1]
    answer = await office.client.get(f"/api/v1/items/{second['id']}/pdf?download=true", headers=key)
    assert answer.content_type == "application/pdf" and answer.headers["Content-Disposition"].startswith("attachment; filename=")
    with pikepdf.open(io.BytesIO(await answer.read())) as pdf:
        assert len(pdf.pages) == second["pages"]


async def test_small_documents_may_come_as_json(office: Office) -> None:
    key = await office.key()
    body = {"name": "small", "document": base64.b64encode(letters(1)).decode(), "send": True, "options": {"channel": "post"}}
    answer = await office.client.post(MAILINGS, json=body, headers=key)
    assert answer.status == 201
    created = await answer.json()
    assert created["automatic"] is True and answer.headers["Location"].endswith(created["id"])
    body["document"] = "%%%"
    assert (await office.client.post(MAILINGS, json=body, headers=key)).status == 422


async def test_what_is_unreadable_is_told_with_a_code(office: Office) -> None:
    key = await office.key()
    answer = await post(office, key, b"hello")
    created = await answer.json()
    await office.work()
    failed = await (await office.client.get(f"{MAILINGS}/{created['id']}", headers=key)).json()
    assert failed["state"] == "failed" and failed["error"]["code"] and failed["error"]["help"]
    empty = await post(office, key, b"")
    assert empty.status == 422 and (await empty.json())["code"] == "empty"


async def test_limits_unknown_fields_and_order_are_refused_by_name(office: Office) -> None:
    key = await office.key()
    unknown = await post(office, key, options={"nmae": "x"})
    assert unknown.status == 422 and (await unknown.json())["fields"][0]["field"] == "nmae"
    nested = await post(office, key, options={"options": {"postage": "pigeon"}})
    assert (await nested.json())["fields"][0]["field"] == "options.postage"
    rule = await post(office, key, options={"split_rule": "pages:none"})
    assert rule.status in (400, 422) and (await rule.json())["help"]
    late = form(letters(1))
    late.add_field("options", "{}")
    behind = await office.client.post(MAILINGS, data=late, headers=key)
    assert behind.status == 422 and "front" in (await behind.json())["fields"][0]["message"]
    large = await post(office, key, b"%PDF-" + b"%" * 60_000_000)
    assert large.status == 413 and (await large.json())["facts"]["limit"] == 50_000_000
    json_limit = await office.client.patch(
        f"{MAILINGS}/{'0' * 26}", data=io.BytesIO(b" " * 1_100_000), headers={**key, "Content-Type": "application/json"}
    )
    assert json_limit.status in (404, 413)
    async with office.house.database.read() as connection:
        from postoffice.store import mailings

        kept = await mailings.some(connection, organisation_id=office.organisation_id)
    assert {one.state.value for one in kept} <= {"aborted"}, "a refused upload left a mailing behind"


async def test_a_large_upload_is_streamed(office: Office) -> None:
    key = await office.key()
    answer = await post(office, key, letters(1) + b"%" * 20_000_000 + b"\n%%EOF\n")
    assert answer.status == 201


@pytest.mark.parametrize("role", list(Role))
async def test_rights_follow_the_role_asvs_8_2_1(office: Office, role: Role) -> None:
    from postoffice.model.people import RIGHTS, Right

    key = await office.key(role=role)
    assert (await office.client.get("/api/v1/me", headers=key)).status == 200
    submitted = await post(office, key)
    assert submitted.status == (201 if Right.SUBMIT in RIGHTS[role] else 403)
    send = await office.client.post(f"{MAILINGS}/{'0' * 26}/send", headers=key)
    assert send.status == (404 if Right.SEND in RIGHTS[role] else 403)


async def test_nobody_reaches_another_organisation_s_mail_asvs_8_2_2(office: Office) -> None:
    key = await office.key()
    mailing = await brought_in(office, key)
    item = (await (await office.client.get(f"{MAILINGS}/{mailing['id']}/items", headers=key)).json())["data"][0]
    other = await office.key(organisation_id=await office.other_organisation(), role=Role.ADMINISTRATOR)
    for method, address in (
        ("GET", f"{MAILINGS}/{mailing['id']}"),
        ("PATCH", f"{MAILINGS}/{mailing['id']}"),
        ("GET", f"{MAILINGS}/{mailing['id']}/items"),
        ("POST", f"{MAILINGS}/{mailing['id']}/quote"),
        ("POST", f"{MAILINGS}/{mailing['id']}/send"),
        ("POST", f"{MAILINGS}/{mailing['id']}/cancel"),
        ("GET", f"/api/v1/items/{item['id']}"),
        ("PATCH", f"/api/v1/items/{item['id']}"),
        ("POST", f"/api/v1/items/{item['id']}/cancel"),
        ("GET", f"/api/v1/items/{item['id']}/events"),
        ("GET", f"/api/v1/items/{item['id']}/pdf"),
    ):
        answer = await office.client.request(method, address, headers=other, json={} if method != "GET" else None)
        foreign = await answer.json()
        nowhere = address.replace(mailing["id"], "0" * 26).replace(item["id"], "0" * 26)
        unknown = await (await office.client.request(method, nowhere, headers=other, json={} if method != "GET" else None)).json()
        assert answer.status == 404 and foreign == unknown, (method, address)
    assert (await (await office.client.get(MAILINGS, headers=other)).json())["data"] == []


async def test_no_key_and_a_revoked_one_look_alike(office: Office) -> None:
    for headers in ({}, {"Authorization": "Bearer po_live_" + "x" * 32}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
        answer = await office.client.get(MAILINGS, headers=headers)
        assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.content_type == "application/problem+json"
    assert (await office.client.delete(MAILINGS)).headers["Allow"] == "GET, POST"
    assert (await office.client.get("/api/v1/nothing")).status == 404
