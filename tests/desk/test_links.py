"""The desk's hand on secure links: who opened, extend, block within the second, preview, marks, look, the officer's requests."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from postoffice.desk.links import opening_of
from postoffice.desk.look import HEAVIEST, drawn_anew
from postoffice.model.errors import PostOfficeError
from postoffice.model.item import Item
from postoffice.model.people import Grant, Role
from postoffice.model.states import EventKind
from postoffice.portal import add_portal
from postoffice.portal.brand import style_of
from postoffice.store import contacts, events, items, links, portal
from tests.desk import house
from tests.desk.house import Browser, Office, browser

TOKEN = "a" * 32


@pytest.fixture
async def office(tmp_path: Any, clock: Any) -> Any:
    built = await house.build(tmp_path, clock)
    add_portal(built.app)
    yield built
    await built.house.database.close()


@pytest.fixture
async def admin(office: Office) -> Any:
    user = await office.add_user("alice@example.org", house.administrator(), language="en")
    async with browser(office, user) as opened:
        yield opened


async def linked(office: Office) -> tuple[Item, links.Link]:
    """A letter with a link of 30 days."""
    from postoffice.compose.trial import trial_letters

    mailing = await office.add_mailing([house.piece(1, 1)], trial_letters(1, 3))
    (item,) = await office.items_of(mailing)
    now = office.house.clock.now()
    value = {"organisation_id": office.organisation_id, "item_id": item.id, "delivery_id": None, "token": TOKEN, "proof": "postcode"}
    value |= {"proof_text": "69003", "created_at": now, "expires_at": now + timedelta(days=30)}
    async with office.house.database.write() as connection:
        await links.add_missing(connection, [value])
        link = await links.by_token(connection, TOKEN)
    assert link
    return item, link


async def test_a_link_is_extended_previewed_and_blocked_at_once(office: Office, admin: Browser, clock: Any) -> None:
    item, link = await linked(office)
    status, page = await admin.get(f"/i/{item.id}")
    assert status == 200 and "Not opened yet" in page and "Block now" in page
    assert (await admin.post(f"/i/{item.id}/links/{link.id}/extend", {"days": "90"}))[0] == 303
    assert (await admin.post(f"/i/{item.id}/links/{link.id}/extend", {"days": "30"}))[0] == 409, "never shorter"
    assert (await admin.post(f"/i/{item.id}/links/{link.id}/extend", {"days": "9999"}))[0] == 400
    proof = await admin.client.post(f"/l/{TOKEN}", data={"proof": "69003"}, allow_redirects=False)
    assert proof.status == 303 and (await admin.get("/l/document"))[0] == 200
    assert "Opened by a person" in (await admin.get(f"/i/{item.id}"))[1]
    assert "proved who they are" in (await admin.get(f"/i/{item.id}"))[1], "the trail of its links"
    assert (await admin.post(f"/i/{item.id}/links/{link.id}/block"))[0] == 303
    assert (await admin.get("/l/document"))[0] == 403 and (await admin.get(f"/l/{TOKEN}"))[0] == 404, "block now: the next request"
    for deed in ("preview", "resend"):
        assert (await admin.post(f"/i/{item.id}/links/{link.id}/{deed}"))[0] == 409


@pytest.mark.slow
async def test_a_preview_is_a_short_visit_that_counts_as_nobody_s(office: Office, admin: Browser) -> None:
    item, link = await linked(office)
    status, _text, to = await admin.post(f"/i/{item.id}/links/{link.id}/preview")
    assert (status, to) == (303, "/l/document")
    page = (await admin.get("/l/document"))[1]
    assert "Preview from the desk" in page or "Aperçu depuis le bureau" in page
    async with office.house.database.read() as connection:
        assert (await items.get(connection, item.id)).opened_at is None
    assert "Not opened yet" in (await admin.get(f"/i/{item.id}"))[1]


@pytest.mark.slow
async def test_links_of_other_letters_and_without_the_right_are_not_touched(office: Office, admin: Browser) -> None:
    item, link = await linked(office)
    from postoffice.compose.trial import trial_letters

    (other,) = await office.items_of(await office.add_mailing([house.piece(1, 1)], trial_letters(1, 4)))
    for deed in ("extend", "block", "preview", "resend"):
        assert (await admin.post(f"/i/{other.id}/links/{link.id}/{deed}", {"days": "90"}))[0] == 404
    viewer = await office.add_user("viewer@example.org", Grant(Role.VIEWER))
    async with browser(office, viewer) as looking:
        for deed in ("extend", "block", "preview", "resend"):
            assert (await looking.post(f"/i/{item.id}/links/{link.id}/{deed}", {"days": "90"}))[0] in (403, 404)
        assert (await looking.post(f"/i/{item.id}/mark", {"mark": "paid"}))[0] in (403, 404)


@pytest.mark.slow
async def test_a_mark_is_kept_and_shown(office: Office, admin: Browser) -> None:
    item, _link = await linked(office)
    assert (await admin.post(f"/i/{item.id}/mark", {"mark": "unpaid"}))[0] == 303
    assert (await admin.post(f"/i/{item.id}/mark", {"mark": "stolen"}))[0] == 400
    async with office.house.database.read() as connection:
        assert (await items.get(connection, item.id)).fields["mark"] == "unpaid"


def line(kind: EventKind, code: str = "") -> events.Line:
    values: dict[str, Any] = dict.fromkeys(events.Line.__slots__)
    return events.Line(**{**values, "kind": kind, "code": code, "detail": {}})


@pytest.mark.slow
async def test_openings_are_told_apart(office: Office) -> None:
    item, link = await linked(office)
    assert opening_of(item, [link], []).word == "nobody"
    assert opening_of(item, [link], [line(EventKind.OPENED)]).word == "unknown"
    assert opening_of(item, [link], [line(EventKind.OPENED, "machine")]).word == "machine"
    assert opening_of(item, [link], [line(EventKind.OPENED, "machine"), line(EventKind.OPENED)]).word == "unknown"


@pytest.mark.slow
async def test_the_officer_answers_requests_and_nobody_else_sees_them(office: Office, admin: Browser, clock: Any) -> None:
    async with office.house.database.write() as connection:
        made = await contacts.find_or_add(connection, office.organisation_id, {"k": {"name": "Anne", "points": []}}, clock.now())
        await portal.ask(
            connection, office.organisation_id, made["k"], "erasure", {"words": "Please", "network": "192.0.2.0/24"}, clock.now()
        )
    assert (await admin.get("/privacy/requests"))[0] == 403
    officer = await office.add_user("dpo@example.org", Grant(Role.PRIVACY), language="en")
    async with browser(office, officer) as opened:
        assert "asks to be erased" in (await opened.get("/"))[1]
        status, page = await opened.get("/privacy/requests")
        found = re.search(r"/privacy/requests/([0-9a-z]{26})", page)
        assert status == 200 and "Anne" in page and found
        assert (await opened.post(f"/privacy/requests/{found[1]}", {"state": "later"}))[0] == 400
        assert (await opened.post(f"/privacy/requests/{found[1]}", {"state": "done", "answer": "Erased"}))[0] == 303
        assert (await opened.post(f"/privacy/requests/{found[1]}", {"state": "done"}))[0] == 409
        assert "asks to be erased" not in (await opened.get("/"))[1]


def picture(kind: str, size: tuple[int, int]) -> bytes:
    target = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(target, kind)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_logo_is_drawn_anew_and_light(kind: str) -> None:
    made = drawn_anew(picture(kind, (600, 300)))
    assert made.startswith(b"\x89PNG") and len(made) <= HEAVIEST


@pytest.mark.parametrize(
    "content", [b"", b"x", b"<svg onload='x()'/>", b"%PDF-1.4", b"\x89PNG\r\n\x1a\n" + b"0" * 50, b"x" * 1_000_001]
)
def test_what_is_no_picture_is_no_logo_asvs_5_2(content: bytes) -> None:
    with pytest.raises(PostOfficeError) as refused:
        drawn_anew(content)
    assert refused.value.code == "bad-logo"


@pytest.mark.slow
async def test_a_colour_must_be_readable_and_reaches_the_recipient_s_page(office: Office, admin: Browser) -> None:
    for colour, status in (("#7a1f5c", 303), ("#ffff00", 400), ("red;}", 400), ("", 303)):
        assert (await admin.post("/admin/organisation/look", {"colour": colour}))[0] == status, colour
    await admin.post("/admin/organisation/look", {"colour": "#7A1F5C"})
    await linked(office)
    answer = await admin.client.get(f"/l/{TOKEN}")
    assert "--go:#7a1f5c" in await answer.text() and answer.headers["Content-Security-Policy"].count("'sha256-") == 2
    assert style_of("#ffff00") == "" and style_of("}") == ""
