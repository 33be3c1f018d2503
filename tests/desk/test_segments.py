"""Segments at the desk: built by buttons, counted, kept, frozen, removed; sleepers set aside and taken back; purchases brought in."""

import re
from datetime import timedelta

from aiohttp import FormData

from postoffice.actions.purchases import Outcome
from postoffice.campaigns.rules_words import SUBJECTS
from postoffice.model.ids import new_id
from postoffice.store import contact_book, contact_keys, imports, purchases, rfm
from postoffice.store.contact_book import NewContact
from postoffice.store.schema import contacts, deliveries, events
from tests.desk import house
from tests.desk.house import Browser, Office
from tests.desk.test_contacts import work

FILLED = {
    "tag": {"value": "eau"},
    "attribute": {"name": "city", "type": "text", "test": "empty"},
    "name": {"test": "contains", "value": "d"},
    "company": {"test": "filled"},
    "kind": {"value": "company"},
    "language": {"test": "is_not", "value": "de"},
    "country": {"test": "is", "value": "FR"},
    "postcode": {"test": "starts", "value": "69"},
    "town": {"test": "is", "value": "Lyon"},
    "created": {"test": "after", "value": "2020-01-31"},
    "bought": {"test": "amount", "at": "most", "value": "12", "days": "90", "category": "wine"},
    "last_purchase": {"test": "within", "days": "30"},
    "first_purchase": {"test": "before", "value": "2026-01-31", "category": "wine"},
    "rfm": {"value": "champions"},
    "rfm_score": {"measure": "recency", "test": "over", "value": "4"},
    "event": {"kind": "clicked", "times": "2", "days": "30", "channel": "email"},
    "consent": {"purpose": "tracking_open", "channel": "email", "state": "never"},
    "suppressed": {"channel": "sms"},
    "reachable": {"channel": "fax"},
}
RULE = {"r.group": "all", "r.0.on": "tag", "r.0.value": "vip"}


async def _people(office: Office, *names: str, tags: tuple[str, ...] = ("vip",)) -> list[str]:
    new = [
        NewContact(
            {"name": name, "match_key": f"key {name}", "tags": list(tags) or None, "attributes": {"city": "Lyon"}},
            [("email", f"{name.lower()}@example.org", None)],
            frozenset({*(("t", tag) for tag in tags), ("x", f"C-{name}\x1fcrm")}),
        )
        for name in names
    ]
    async with office.house.database.write() as connection:
        return await contact_book.add_all(connection, office.organisation_id, new, office.house.clock.now())


async def test_a_segment_is_built_by_buttons_counted_kept_frozen_and_removed(office: Office, alice: Browser) -> None:
    await _people(office, "Ada", "Bob")
    await _people(office, "Cyd", tags=())
    assert "no segment yet" in (await alice.get("/segments"))[1]
    _status, page, _ = await alice.post("/segments/build", {**RULE, "do": "add:r"})
    assert 'name="r.1.on"' in page and "<strong>2</strong>" in page and "Ada" in page, "an unfinished rule is left out of the count"
    assert "not finished are left out" in page and "not filled in" not in page, "what was just added is empty, not wrong"
    _status, page, _ = await alice.post("/segments/build", {**RULE, "r.1.on": "bought", "do": "group:r"})
    assert 'name="r.2.group"' in page and 'name="r.2.0.on"' in page and 'name="r.1.days"' in page
    _status, page, _ = await alice.post("/segments/build", {**RULE, "do": "remove:r.0"})
    assert 'name="r.0.on"' not in page and "<strong>3</strong>" in page
    _status, page, _ = await alice.post("/segments/live", {**RULE, "r.0.no": "1"})
    assert "<strong>1</strong>" in page and "who do not have the tag “vip”" in page
    status, page, _ = await alice.post("/segments", {**RULE, "title": "", "r.0.value": "vip"})
    assert status == 422 and "has no name" in page and 'value="vip"' in page, "what was typed is still there"
    _status, _page, where = await alice.post("/segments", {**RULE, "title": "The best"})
    at = where.split("?")[0]
    page = (await alice.get(at))[1]
    assert "The best" in page and "<strong>2</strong>" in page and "Contacts who have the tag “vip”." in page
    assert 'value="vip"' in (await alice.get(at + "/edit"))[1]
    await alice.post(at + "/freeze", {})
    await _people(office, "Dan")
    assert "<strong>2</strong>" in (await alice.get(at))[1], "frozen"
    await alice.post(at + "/thaw", {})
    assert ">3<" in (await alice.get(at + "/count"))[1]
    other = {"r.group": "all", "r.0.on": "segment", "r.0.value": at.rpartition("/")[2], "title": "On top"}
    await alice.post("/segments", other)
    assert (await alice.post(at + "/remove", {}))[0] == 409
    listed = (await alice.get("/segments"))[1]
    assert "The best" in listed and "who are in the segment “The best”" in listed
    circle = {**other, "id": at.rpartition("/")[2], "title": "Circle"}
    assert "circle" in (await alice.post("/segments", circle))[1]


async def test_sleepers_are_set_aside_by_a_tag_and_taken_back(office: Office, alice: Browser, letters: bytes) -> None:
    ada, bob, cyd = await _people(office, "Ada", "Bob", "Cyd", tags=("eau",))
    now, mine = office.house.clock.now(), office.organisation_id
    mailing = await office.add_mailing([house.piece(1, 1)], letters)
    item = (await office.items_of(mailing))[0]
    async with office.house.database.write() as connection:
        await connection.execute(contacts.update().values(created_at=now - timedelta(days=900)))
        ids = {"id": new_id(), "organisation_id": mine, "mailing_id": mailing.id, "item_id": item.id}
        way = {"channel": "email", "carrier": "x", "state": "delivered", "to": "x", "created_at": now}
        await connection.execute(deliveries.insert(), ids | way)
        row = {"organisation_id": mine, "source": "x", "recorded_at": now, "code": "", "text": "", "delivery_id": ids["id"]}
        told = [(one, "handed_over", days) for one in (ada, bob, cyd) for days in (20, 50, 80)] + [(bob, "clicked", 10)]
        for one, kind, days in told:
            what = {"id": new_id(), "contact_id": one, "kind": kind, "at": now - timedelta(days=days)}
            await connection.execute(events.insert(), row | what)
    page = (await alice.get("/segments/sleepers?months=12"))[1]
    assert "<strong>2</strong>" in page and "Ada" in page and "Bob" not in page
    _status, _page, where = await alice.post("/segments/sleepers", {"months": "12"})
    async with office.house.database.read() as connection:
        found = await contact_book.by_ids(connection, mine, [ada, bob, cyd])
        tagged = await contact_keys.holders(connection, mine, "t", ["sleeping"])
    assert [found[one].tags for one in (ada, bob, cyd)] == [("eau", "sleeping"), ("eau",), ("eau", "sleeping")]
    assert sorted(tagged["sleeping"]) == sorted([ada, cyd])
    assert "Nobody sleeps" in (await alice.get("/segments/sleepers?months=12"))[1]
    await alice.post(where + "/take-back", {})
    async with office.house.database.read() as connection:
        assert (await contact_book.get(connection, mine, ada)).tags == ("eau",)
    assert "<strong>2</strong>" in (await alice.get("/segments/sleepers?months=12"))[1]
    assert (await alice.post("/segments/sleepers", {"months": "7"}))[0] == 400


FILE = """N° client;E-mail;Date;Montant TTC;Catégorie;Commande
C-Ada;;01/10/2026;1 200,50 €;livres;F1
;BOB@example.org;2026-11-01;-20,00;;F2
;bob@example.org;2026-11-01;40;;
;bob@example.org;2026-11-01;40;;
C-nobody;;2026-11-01;10;;F4
C-Ada;;soon;10;;F5
C-Ada;;2026-11-01;much;;F6
"""


async def test_purchases_come_by_file_once_and_make_groups(office: Office, alice: Browser) -> None:
    ada, bob = await _people(office, "Ada", "Bob")

    def form() -> FormData:
        made = FormData({"csrf": alice.csrf})
        made.add_field("file", FILE.encode("cp1252", "replace"), filename="sales.csv", content_type="text/csv")
        return made

    for written, known in ((4, 0), (0, 4)):
        _status, _text, leads = await alice.post("/segments/purchases", form())
        assert "being written" in (await alice.get(leads))[1]
        await work(office)
        page = (await alice.get(leads))[1]
        assert f"{written} purchase" in page and "3 rows were left out" in page
        assert (f"{known} were there already" in page) is bool(known)
    async with office.house.database.read() as connection:
        lines = await purchases.of_contact(connection, office.organisation_id, ada)
        assert [(line.amount, line.category, line.external_id) for line in lines] == [(120_050, "livres", "F1")]
        assert sum(line.amount for line in await purchases.of_contact(connection, office.organisation_id, bob)) == 6_000
        scored = await rfm.of_contact(connection, office.organisation_id, bob)
    assert scored is not None and (scored.purchases, scored.recency, scored.frequency, scored.monetary) == (2, 3, 3, 1)
    page = (await alice.get("/segments/customers"))[1]
    assert "Reference date" in page and "Ties" in page and re.search("Champions|Loyal", page)
    page = (await alice.get(f"/contacts/{ada}"))[1]
    assert "Everybody begins with" in page and "Bought in the last 90 days" in page and "1,200.50" in page
    wrong = FormData({"csrf": alice.csrf})
    wrong.add_field("file", b"a;b\n1;2\n", filename="x.csv", content_type="text/csv")
    leads = (await alice.post("/segments/purchases", wrong))[2]
    await work(office)
    assert "not clear which columns" in (await alice.get(leads))[1]
    assert (await alice.get(leads.replace("/segments/purchases", "/contacts/imports")))[0] == 404
    assert "sales.csv" not in (await alice.get("/contacts/imports"))[1]


async def test_an_import_of_purchases_goes_on_behind_what_was_noted(office: Office, alice: Browser) -> None:
    ada, _bob = await _people(office, "Ada", "Bob")
    form = FormData({"csrf": alice.csrf})
    form.add_field("file", FILE.encode("cp1252", "replace"), filename="sales.csv", content_type="text/csv")
    leads = (await alice.post("/segments/purchases", form))[2]
    async with office.house.database.write() as connection:
        noted = Outcome(written=9, known=1).as_dict()
        await imports.note(connection, leads.rpartition("/")[2], next_row=7, outcome=noted)  # as if a worker had died behind all rows
    await work(office)
    assert "9 purchases were written" in (await alice.get(leads))[1]
    async with office.house.database.read() as connection:
        assert await purchases.of_contact(connection, office.organisation_id, ada) == []
    assert Outcome.from_dict(noted).as_dict() == noted


async def test_every_subject_is_shown_unfinished_filled_and_said(office: Office, alice: Browser) -> None:
    await _people(office, "Ada")
    for subject in SUBJECTS:
        form = {"r.group": "any", "r.0.on": subject, "r.0.no": "1"}
        for address in ("/segments/build", "/segments/live"):
            status, page, _ = await alice.post(address, form)
            assert status == 200 and "contact" in page, (subject, address)
    every = {"r.group": "all"}
    for number, (subject, fields) in enumerate(FILLED.items()):
        every |= {f"r.{number}.on": subject, **{f"r.{number}.{name}": value for name, value in fields.items()}}
    assert set(FILLED) | {"segment"} == set(SUBJECTS)
    _status, page, _ = await alice.post("/segments/live", every)
    assert 'class="held"' in page and "Nobody fulfils" in page and page.count("held") == 1, page
    _status, _page, where = await alice.post("/segments", every | {"title": "All"})
    at = where.split("?")[0]
    assert (await alice.get(at))[1].count(" who") > 10
    page = (await alice.get(at + "/edit"))[1]
    for number, fields in enumerate(FILLED.values()):
        for name, value in fields.items():
            assert f'name="r.{number}.{name}"' in page and value in page
