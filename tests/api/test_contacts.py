"""Contacts over REST: written once for one number, followed by a cursor, merged and parted, erased, and nobody else's."""

from datetime import timedelta
from typing import Any

from postoffice.model.people import Role
from tests.doors import Office

JEAN = {
    "name": "Jean Dupont",
    "addresses": [{"lines": ["Jean Dupont", "12 rue de l'Église", "69002 LYON"], "postcode": "69002", "town": "LYON", "country": "FR"}],
    "emails": ["Jean@Example.org"],
    "mobiles": ["06 12 34 56 78"],
    "tags": ["client"],
    "attributes": {"since": 2019, "vip": True},
}


class Program:
    """A CRM with a key."""

    def __init__(self, office: Office, headers: dict[str, str]) -> None:
        self.client, self.headers = office.client, headers

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = await self.client.request(method, "/api/v1" + path, json=body, headers=self.headers)
        text = await answer.json()
        assert answer.status == status, text
        return text


async def program(office: Office, role: Role = Role.SENDER) -> Program:
    return Program(office, await office.key(role=role))


async def test_a_number_of_another_program_makes_one_contact_however_often_it_is_told(office_on_both: Office) -> None:
    crm = await program(office_on_both)
    first = await crm.ask("PUT", "/contacts/by/crm/C-17", JEAN)
    again = await crm.ask("PUT", "/contacts/by/crm/C-17", {"language": "fr", "emails": ["jean@example.net"]})
    assert again["id"] == first["id"] and again["name"] == "Jean Dupont" and again["language"] == "fr"
    assert [(one["channel"], one["value"], one["health"]) for one in again["points"]] == [
        ("email", "jean@example.net", "good"),
        ("post", "Jean Dupont, 12 rue de l'Église, 69002 LYON", "good"),
        ("sms", "+33612345678", "good"),
    ]
    assert again["external_ids"] == {"crm": "C-17"} and again["attributes"] == {"since": 2019, "vip": True}
    taken = await crm.ask("POST", "/contacts", {"name": "Other", "external_ids": {"crm": "C-17"}}, status=409)
    assert taken["code"] == "external-id-taken"
    for query in ("number=C-17&system=crm", "search=dup", "search=jean%40example.net", "search=06 12 34", "search=lyon", "tag=client"):
        assert [one["id"] for one in (await crm.ask("GET", f"/contacts?{query}"))["data"]] == [first["id"]], query


async def test_a_cursor_tells_every_change_at_least_once(office_on_both: Office) -> None:
    office, crm = office_on_both, await program(office_on_both)
    ids = []
    for number in range(5):
        ids.append((await crm.ask("POST", "/contacts", {"name": f"N{number}"}, status=201))["id"])
        office.house.clock.pass_by(minutes=1)  # type: ignore[attr-defined]
    page = await crm.ask("GET", "/contacts?limit=3")
    assert [one["id"] for one in page["data"]] == ids[:3] and page["more"]
    page = await crm.ask("GET", f"/contacts?limit=3&since={page['next']}")
    assert [one["id"] for one in page["data"]] == ids[3:] and not page["more"]
    await crm.ask("PATCH", f"/contacts/{ids[0]}", {"name": "New"})
    page = await crm.ask("GET", f"/contacts?since={page['next']}")
    assert [one["name"] for one in page["data"]] == ["New"]
    late = await crm.ask("GET", f"/contacts?since={page['next']}")
    assert [one["name"] for one in late["data"]] == ["New"], "changes of the last seconds are told again, for those that commit late"
    office.house.clock.pass_by(minutes=2)  # type: ignore[attr-defined]
    page = await crm.ask("GET", f"/contacts?since={late['next']}")
    assert (await crm.ask("GET", f"/contacts?since={page['next']}"))["data"] == []
    assert (await crm.ask("GET", "/contacts?since=nonsense", status=422))["fields"]
    assert office.house.clock.now() and timedelta


async def test_consents_merge_part_and_erase(office_on_both: Office) -> None:
    crm, officer = await program(office_on_both), await program(office_on_both, Role.PRIVACY)
    jean = (await crm.ask("POST", "/contacts", JEAN, status=201))["id"]
    twin = (await crm.ask("POST", "/contacts", {"name": "J. Dupont", "emails": ["j@example.org"]}, status=201))["id"]
    said = {"purpose": "promotion", "channel": "email", "given": True, "means": "form", "proof": {"text": "v3"}}
    ledger = await crm.ask("POST", f"/contacts/{jean}/consents", said)
    assert ledger["standing"]["promotion"]["email"] is True and ledger["data"][0]["proof"]["text"] == "v3"
    await crm.ask("POST", f"/contacts/{twin}/consents", {"purpose": "*", "channel": "email", "given": False, "means": "phone"})
    merged = await crm.ask("POST", f"/contacts/{jean}/merge", {"gone": twin})
    assert {one["value"] for one in merged["contact"]["points"] if one["channel"] == "email"} == {"jean@example.org", "j@example.org"}
    after = await crm.ask("GET", f"/contacts/{jean}/consents")
    assert after["standing"]["promotion"]["email"] is False, "what the other one refused holds for both"
    assert (await crm.ask("GET", f"/contacts/{twin}"))["merged_into"] == jean
    assert (await crm.ask("PATCH", f"/contacts/{twin}", {"name": "x"}, status=409))["code"] == "contact-gone"
    await crm.ask("DELETE", f"/contacts/{jean}/merges/{merged['merge_id']}")
    assert (await crm.ask("GET", f"/contacts/{jean}/consents"))["standing"]["promotion"]["email"] is True
    await crm.ask("DELETE", f"/contacts/{twin}", {"reason": "asked by letter"}, status=403)
    kept = await officer.ask("DELETE", f"/contacts/{twin}", {"reason": "asked by letter"})
    assert kept["consents"] == 1 and kept["suppressions"] >= 1
    gone = await crm.ask("GET", f"/contacts/{twin}")
    assert gone["erased"] and gone["name"] == "" and gone["points"] == []


async def test_what_cannot_be_used_is_named(office: Office) -> None:
    crm = await program(office)
    assert (await crm.ask("POST", "/contacts", {}, status=400))["code"] == "nobody"
    assert (await crm.ask("POST", "/contacts", {"name": "x", "emails": ["no"]}, status=400))["code"] == "bad-email"
    assert (await crm.ask("POST", "/contacts", {"name": "x", "mobiles": ["12"]}, status=400))["code"] == "bad-mobile"
    assert (await crm.ask("GET", "/contacts/01aaaaaaaaaaaaaaaaaaaaaaaa", status=404))["code"] == "no-such-contact"
    viewer = await program(office, Role.VIEWER)
    await viewer.ask("POST", "/contacts", {"name": "x"}, status=403)
