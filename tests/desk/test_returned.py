"""The station of returned mail and the suppression list as pages: who may, what is said, what takes effect."""

import io
from typing import Any

import pytest
from PIL import Image

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.ids import new_id, to_bytes
from postoffice.model.item import Item, NewItem
from postoffice.model.people import Grant, Role
from postoffice.model.returned import Reason
from postoffice.model.states import ItemState
from postoffice.pipeline import Pipeline
from postoffice.store import contacts, deliveries, scans, suppressions
from postoffice.store import schema as tables
from tests.desk import house
from tests.desk.house import Browser, Office
from tests.papers.envelopes import blank, envelopes


async def posted(office: Office, count: int = 2) -> list[Item]:
    """Letters that were posted."""
    new = [
        NewItem(
            n, 1, PostalAddress((f"Mme Zoé LEFÈVRE {n}", f"{n} RUE DES LILAS", "69003 LYON"), "69003", "LYON", "FR"), reference=f"C-{n}"
        )
        for n in range(1, count + 1)
    ]
    mailing = await office.add_mailing(new, b"%PDF-1.4 not looked at")
    now = office.house.clock.now()
    for item in await office.items_of(mailing):
        point = ("post", ", ".join(item.address.lines), item.address.as_dict()) if item.address else ("post", "", None)
        key = new_id()
        row = {"id": key, "organisation_id": office.organisation_id, "mailing_id": mailing.id, "item_id": item.id, "batch_id": None}
        async with office.house.database.write() as connection:
            known = await contacts.find_or_add(
                connection,
                office.organisation_id,
                {item.id: {"name": item.address.name if item.address else "", "points": [point]}},
                now,
            )
            await deliveries.add_all(
                connection, [row | {"rung": 0, "channel": "post", "carrier": "house", "to": "Zoé", "created_at": now}]
            )
            await connection.execute(tables.deliveries.update().where(tables.deliveries.c.id == key).values(state="mailed"))
            change = tables.items.update().where(tables.items.c.id == item.id)
            await connection.execute(change.values(delivery_id=key, state="mailed", contact_id=known[item.id]))
    return await office.items_of(mailing)


def shown(item: Item) -> Image.Image:
    assert item.delivery_id and item.address
    return envelopes([(to_bytes(item.delivery_id), item.delivery_id, item.address)])[0].picture


def key_of(item: Item) -> str:
    assert item.delivery_id
    return item.delivery_id


async def test_typed_code_then_the_same_again_then_undo(office: Office, alice: Browser) -> None:
    first, _ = await posted(office)
    status, text = await alice.get("/returned?reason=refused")
    assert status == 200 and 'value="refused" checked' in text
    part = {"HX-Request": "true"}
    typed = {"typed": to_bytes(key_of(first)).hex(), "reason": "unknown"}
    _, text, _ = await alice.post("/returned/enter", typed, **part)
    assert "Entered" in text and "Mme Zoé LEFÈVRE 1" in text and "data-undo" in text
    _, text, _ = await alice.post("/returned/enter", typed, **part)
    assert "Already entered" in text
    (row,) = [line for line in text.split('action="') if "/undo" in line]
    _, text, _ = await alice.post(row.split('"')[0], **part)
    assert "stand as before" in text
    assert [item.state for item in await office.items_of(await mailing_of(office, first))] == [ItemState.MAILED] * 2


async def mailing_of(office: Office, item: Item) -> Any:
    from postoffice.store import mailings

    async with office.house.database.read() as connection:
        return await mailings.get(connection, item.mailing_id)


async def test_names_are_offered_and_a_person_chooses(office: Office, alice: Browser) -> None:
    first, second = await posted(office)
    for typed in ("lefèvre", "69003", "C-2", "LEFÈVRE 2 69003"):
        _, text, _ = await alice.post("/returned/enter", {"typed": typed, "reason": "unknown"}, **{"HX-Request": "true"})
        assert key_of(second) in text, typed
        assert (key_of(first) in text) is (typed in ("lefèvre", "69003"))
    _, text, _ = await alice.post("/returned/enter", {"typed": "Dupont", "reason": "unknown"}, **{"HX-Request": "true"})
    assert "fits “Dupont”" in text
    assert (await alice.post("/returned/enter", {"typed": "ab", "reason": "unknown"}))[0] == 400
    assert (await alice.post("/returned/enter", {"typed": "C-2", "reason": "lost"}))[0] == 400
    status, text, _ = await alice.post("/returned/enter", {"delivery": key_of(second), "reason": "deceased"})
    assert status == 200 and "Recipient deceased" in text and "<html" in text, "without script: the whole station"


@pytest.mark.slow
async def test_the_camera_sees_a_code_or_says_nothing(office: Office, alice: Browser) -> None:
    first, _ = await posted(office)
    for picture, status in ((shown(first), 200), (blank(), 204), (shown(first), 200)):
        target = io.BytesIO()
        picture.save(target, "JPEG", quality=80)
        answer = await alice.client.post(
            "/returned/frame?reason=unknown",
            data=io.BytesIO(target.getvalue()),
            headers={"X-CSRF": alice.csrf, "HX-Request": "true", "Content-Type": "image/jpeg"},
        )
        assert answer.status == status
    assert "Already entered" in await answer.text()
    entry = (await answer.text()).split("/returned/")[1].split("/")[0]
    assert (await alice.client.get(f"/returned/{entry}/picture")).content_type == "image/jpeg"
    broken = await alice.client.post("/returned/frame?reason=unknown", data=b"\xff\xd8\xff no", headers={"X-CSRF": alice.csrf})
    assert broken.status == 422


@pytest.mark.slow
async def test_a_scan_of_codes_of_nothing_and_the_same_twice(office: Office, alice: Browser) -> None:
    first, second = await posted(office)
    target = io.BytesIO()
    pages = [shown(first), blank(), shown(first), shown(second).rotate(180)]
    pages[0].save(target, "TIFF", save_all=True, append_images=pages[1:], compression="jpeg", quality=70)
    for _ in range(2):
        status, _, where = await alice.post("/returned/scans", {"reason": "unknown", "file": io.BytesIO(target.getvalue())})
        assert status == 303 and where == "/returned?reason=unknown&done=scans"
        async with office.house.database.read() as connection:
            batch = await connection.scalar(
                tables.batches.select().where(tables.batches.c.step == "returned", tables.batches.c.state == "open")
            )
        assert await Pipeline(office.house, "worker").work(str(batch))
    _, text = await alice.get("/returned/scans")
    assert text.count("2 entered") == 1 and text.count("2 already entered") == 1 and "1 page shows no letter of ours" in text
    assert "hx-trigger" not in text, "nothing is being read any more"
    scan = text.split("/returned/scans/")[1].split('"')[0]
    assert "No page waits for you" in (await alice.get(f"/returned/scans/{scan}"))[1]
    assert (await alice.post("/returned/scans", {"reason": "unknown", "file": io.BytesIO(b"GIF89a no")}))[0] == 422
    _, text = await alice.get("/returned/export")
    assert text.count("Unknown at the address") == 2 and "Mme Zoé LEFÈVRE 1" in text


async def test_who_may_not_enter_does_not_see_the_station(office: Office) -> None:
    await posted(office)
    viewer = await office.add_user("vera@example.org", Grant(Role.VIEWER))
    async with house.browser(office, viewer) as browser:
        assert (await browser.get("/returned"))[0] == 403
        status, text = await browser.get("/suppressions")
        assert status == 200 and "Add an address by hand" not in text
        assert (await browser.post("/suppressions", {"channel": "email", "typed": "a@b.fr"}))[0] == 403


@pytest.mark.parametrize(
    ("channel", "typed", "spelt"),
    [
        ("email", "Anne@Example.fr", "anne@example.fr "),
        ("sms", "+33 6 39 98 00 01", "0033639980001"),
        ("post", "Mme Anne\n1 rue X\n75011 PARIS", "mme anne, 1 RUE X, 75011 Paris"),
    ],
)
async def test_an_address_is_added_found_and_lifted(office: Office, alice: Browser, channel: str, typed: str, spelt: str) -> None:
    form = {"channel": channel, "typed": typed, "note": "by telephone", "days": "10"}
    assert (await alice.post("/suppressions", form))[2] == "/suppressions?done=suppressed"
    assert (await alice.post("/suppressions", form))[0] == 409
    status, text, where = await alice.post("/suppressions/search", {"channel": channel, "typed": spelt})
    assert status == 200 and "has been on the list" in text and "by telephone" in text and not where
    assert "is not on the list" in (await alice.post("/suppressions/search", {"channel": "fax", "typed": "+33199000000"}))[1]
    async with office.house.database.read() as connection:
        (line,) = await suppressions.page(connection, office.organisation_id, suppressions.Filter(), office.house.clock.now())
    assert line.holds(office.house.clock.now()) and line.expires_at
    assert (await alice.post(f"/suppressions/{line.id}/lift", {"reason": " "}))[0] == 400
    assert (await alice.post(f"/suppressions/{line.id}/lift", {"reason": "typed wrongly"}))[2] == "/suppressions?done=lifted"
    assert (await alice.post(f"/suppressions/{line.id}/lift", {"reason": "once more"}))[0] == 409
    _, text = await alice.get("/suppressions?state=ended")
    assert "typed wrongly" in text and "lifted" in text
    assert Channel(channel) and "typed wrongly" not in (await alice.get("/suppressions?state=active"))[1]


async def test_an_opt_out_noted_during_a_call(office: Office, alice: Browser) -> None:
    item, _ = await posted(office)
    path = f"/contacts/{item.contact_id}"
    form = {"means": "phone", "purpose": "promotion", "channel": "", "note": "called on Monday"}
    assert (await alice.post(path + "/opt-out", form))[2] == f"{path}?done=opted-out&n=0"
    assert (await alice.post(path + "/opt-out", form | {"means": "portal"}))[0] == 400
    _, text = await alice.get("/suppressions?contact_id=" + str(item.contact_id))
    assert "wants no more" in text and "promotion" in text


async def test_today_tells_of_scanned_pages_that_wait_for_a_person(office: Office, alice: Browser) -> None:
    viewer = await office.add_user("viewer@example.org", Grant(Role.VIEWER))
    async with office.house.database.write() as connection:
        scan = await scans.add(
            connection, office.organisation_id, Reason.UNKNOWN, "bin.pdf", "0" * 64, "Alice", office.house.clock.now()
        )
        pages = [scans.Page(scan, n, scans.Outcome.DOUBTFUL if n < 3 else scans.Outcome.NOTHING) for n in range(1, 5)]
        await scans.keep(connection, office.organisation_id, pages)
    assert "2 scanned envelopes could not be told" in (await alice.get("/"))[1]
    async with house.browser(office, viewer) as browser:
        assert "scanned envelope" not in (await browser.get("/"))[1], "who may not settle them is not asked to"


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.PRIVACY, Role.SENDER])
async def test_who_sees_the_button_that_lifts_a_suppression_may_lift_it(office: Office, alice: Browser, role: Role) -> None:
    await alice.post("/suppressions", {"channel": "email", "typed": "zoe@example.org", "note": "asked by phone"})
    user = await office.add_user("who@example.org", Grant(role))
    async with office.house.database.read() as connection:
        (one,) = await suppressions.page(connection, office.organisation_id, suppressions.Filter(), office.house.clock.now())
    async with house.browser(office, user) as browser:
        seen = f"/suppressions/{one.id}/lift" in (await browser.get("/suppressions"))[1]
        status, _text, _where = await browser.post(f"/suppressions/{one.id}/lift", {"reason": "it was a mistake"})
    assert (status == 303) is seen and seen is (role is Role.ADMINISTRATOR)
