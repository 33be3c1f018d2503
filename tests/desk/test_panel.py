"""The side panel of one letter."""

from postoffice.model.channel import Channel
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import ItemState
from tests.desk import house
from tests.desk.house import Browser, Office

HTMX = {"HX-Request": "true"}


async def three(office: Office, letters: bytes) -> tuple[Mailing, list[Item]]:
    """A mailing of three letters: fine, two pages, without address."""
    mailing = await office.add_mailing([house.piece(1, 1), house.piece(2, 2, 2), house.piece(3, 4, 1, "no-address", lines=[])], letters)
    return mailing, await office.items_of(mailing)


async def test_it_shows_pages_findings_and_both_addresses(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, (first, second, third) = await three(office, letters)
    text = (await alice.get(f"/m/{mailing.id}/items/{third.id}", **HTMX))[1]
    assert "nothing could be read" in text
    assert "110 mm from the left, 55 mm from the top, 85 mm × 33 mm" in text.replace("\u00a0", " ")
    assert second.id in text  # the neighbour
    assert "<html" not in text
    text = (await alice.get(f"/m/{mailing.id}/items/{second.id}"))[1]
    assert "<html" in text  # without htmx it is a page of its own
    assert text.count("page-") >= 2
    assert first.id in text
    assert third.id in text


async def test_a_typed_address_releases_the_letter(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, (_first, _second, third) = await three(office, letters)
    form = {"lines": "Mme Inès GARCÍA\r\n\r\n4 ALLÉE DES CHÊNES\r\n69003 LYON\r\n", "channel": "plan", "email": "", "reference": "F-7"}
    answer = await alice.client.post(f"/m/{mailing.id}/items/{third.id}", data=form, headers={"X-CSRF": alice.csrf, **HTMX})
    assert answer.headers["HX-Trigger"] == "items-moved"
    now = (await office.items_of(mailing))[2]
    assert now.address
    assert now.address.lines == ("Mme Inès GARCÍA", "4 ALLÉE DES CHÊNES", "69003 LYON")
    assert (now.state, now.address.postcode, now.reference) == (ItemState.DRAFT, "69003", "F-7")
    assert now.address_read is None


async def test_a_worse_address_holds_the_letter(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, (first, *_rest) = await three(office, letters)
    assert (await alice.post(f"/m/{mailing.id}/items/{first.id}", {"lines": "Mme Inès GARCÍA\nPARIS", "channel": "plan"}, **HTMX))[
        0
    ] == 200
    now = (await office.items_of(mailing))[0]
    assert (now.state, bool(now.held_reason)) == (ItemState.HELD, True)


async def test_points_and_channel_of_one_letter(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, (first, *_rest) = await three(office, letters)
    form = {"email": "zoe@example.org", "mobile": "06 12 34 56 78", "channel": "email"}
    assert (await alice.post(f"/m/{mailing.id}/items/{first.id}", form, **HTMX))[0] == 200
    now = (await office.items_of(mailing))[0]
    assert (now.email, now.mobile, now.channel) == ("zoe@example.org", "+33612345678", Channel.EMAIL)
    assert now.address == first.address
    assert (await alice.post(f"/m/{mailing.id}/items/{first.id}", {"channel": "plan"}, **HTMX))[0] == 200
    assert (await office.items_of(mailing))[0].channel is None
    for wrong in ({"email": "not an address"}, {"mobile": "12"}, {"channel": "pigeon"}):
        assert (await alice.post(f"/m/{mailing.id}/items/{first.id}", wrong, **HTMX))[0] == 400


async def test_release_exclude_include(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, (_first, _second, third) = await three(office, letters)
    for action, state in (("release", ItemState.DRAFT), ("exclude", ItemState.EXCLUDED), ("include", ItemState.DRAFT)):
        assert (await alice.post(f"/m/{mailing.id}/items/{third.id}/{action}", **HTMX))[0] == 200
        assert (await office.items_of(mailing))[2].state is state


async def test_merge_and_cut_by_hand(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, (first, _second, third) = await three(office, letters)
    assert (await alice.post(f"/m/{mailing.id}/items/{first.id}/merge", **HTMX))[0] == 200
    merged, last = await office.items_of(mailing)
    assert (merged.first_page, merged.pages, merged.address) == (1, 3, first.address)
    assert last.id == third.id
    assert (await alice.post(f"/m/{mailing.id}/items/{last.id}/merge", **HTMX))[0] == 409
    assert (await alice.post(f"/m/{mailing.id}/items/{merged.id}/cut", {"before": "2"}, **HTMX))[0] == 200
    assert [(item.first_page, item.pages) for item in await office.items_of(mailing)] == [(1, 1), (2, 2), (4, 1)]
    assert (await alice.post(f"/m/{mailing.id}/items/{last.id}/cut", {"before": "x"}, **HTMX))[0] == 400
    assert (await alice.get(f"/m/{mailing.id}/items/{merged.id}"))[0] == 404  # it is another letter now


async def test_after_the_button_nothing_is_cut_any_more(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, (first, second, third) = await three(office, letters)
    figures = {"items": "2", "total": "2550000"}
    assert (await alice.post(f"/m/{mailing.id}/send", figures))[0] == 303
    assert (await alice.post(f"/m/{mailing.id}/items/{first.id}/merge", **HTMX))[0] == 409
    assert (await alice.post(f"/m/{mailing.id}/items/{second.id}/cut", {"before": "2"}, **HTMX))[0] == 409
    text = (await alice.get(f"/m/{mailing.id}/items/{third.id}", **HTMX))[1]
    assert "Keep the corrections" in text  # a held letter can still be corrected, and sent after the others
    assert "Merge with" not in text
