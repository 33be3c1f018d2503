"""The options page: list, filters, price, the button."""

import re

from postoffice.model.channel import Channel, Purpose
from postoffice.model.mailing import EmailForm, Envelope, Mailing, Options, Postage
from postoffice.model.people import Grant, Role
from postoffice.model.states import ItemState, MailingState
from postoffice.store import items, mailings
from tests.desk import house
from tests.desk.house import Browser, Office

HTMX = {"HX-Request": "true"}
POST = {"channel": "post", "duplex": "1"}


async def some(office: Office, letters: bytes, count: int = 5, **more: object) -> Mailing:
    """A mailing of one-page letters, the last of which has no address."""
    fine = [house.piece(number, number) for number in range(1, count)]
    return await office.add_mailing([*fine, house.piece(count, count, 1, "no-address", lines=[])], letters, **more)


async def confirmed(alice: Browser, mailing: Mailing, form: dict[str, str]) -> dict[str, str]:
    """The figures of the confirmation."""
    status, text, _ = await alice.post(f"/m/{mailing.id}/confirm", form, **HTMX)
    assert status == 200
    return dict(re.findall(r'name="(items|total)" value="(\d+)"', text))


async def test_letters_stand_there_with_what_was_found(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters)
    _, text = await alice.get(f"/m/{mailing.id}")
    assert text.count('class="leaf"') == 5
    assert "Mme Zoé LEFÈVRE 1" in text
    assert "There is no address in the window." in text
    assert "1 letter needs you and stays here" in text
    assert "Send 4 letters for £" not in text
    assert "Send 4 letters for €5.04" in text


async def test_filters_search_and_pages_stand_in_the_address(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters, 150)
    first = (await alice.get(f"/m/{mailing.id}"))[1]
    assert (first.count('class="leaf"'), "Page 1 of 3" in first) == (60, True)
    third = (await alice.get(f"/m/{mailing.id}?page=3"))[1]
    assert (third.count('class="leaf"'), "LEFÈVRE 121<" in third) == (30, True)
    assert (await alice.get(f"/m/{mailing.id}?page=99999999999&show=nonsense"))[1].count('class="leaf"') == 30
    held = (await alice.get(f"/m/{mailing.id}?show=held"))[1]
    assert held.count('class="leaf"') == 1
    found = (await alice.get(f"/m/{mailing.id}?q=vre+13"))[1]
    assert found.count('class="leaf"') == 11  # 13 and 130 to 139
    none = (await alice.get(f"/m/{mailing.id}?q=%25"))[1]
    assert "No letter fits" in none


async def test_htmx_gets_the_grid_only(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters)
    text = (await alice.get(f"/m/{mailing.id}", **HTMX, **{"HX-Target": "grid"}))[1]
    assert "<html" not in text
    assert text.count('class="leaf"') == 5


async def test_options_are_kept_and_priced_at_once(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters)
    form = {
        "channel": "post",
        "purpose": "invoice",
        "postage": "registered",
        "envelope": "c4",
        "colour": "1",
        "when": "later",
        "send_at": "2027-01-02T08:30",
        "cost_centre": "42",
    }
    status, text, _ = await alice.post(f"/m/{mailing.id}/options", form, **HTMX)
    assert (status, "€" in text) == (200, True)
    kept = (await office.again(mailing)).options
    assert (kept.channel, kept.purpose, kept.postage, kept.envelope) == (Channel.POST, Purpose.INVOICE, Postage.REGISTERED, Envelope.C4)
    assert (kept.colour, kept.duplex, kept.cost_centre) == (True, False, "42")
    assert str(kept.send_at) == "2027-01-02 07:30:00+00:00"  # the organisation's clock, one hour ahead of UTC
    assert 'value="2027-01-02T08:30"' in (await alice.get(f"/m/{mailing.id}"))[1]


async def test_best_channel_and_unknown_words(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters, options=Options(email_form=EmailForm.ATTACHMENT))
    assert (await alice.post(f"/m/{mailing.id}/options", {"channel": "best"}, **HTMX))[0] == 200
    kept = (await office.again(mailing)).options
    assert (kept.channel, kept.email_form) == (None, EmailForm.ATTACHMENT)
    for form in ({"channel": "pigeon"}, {"postage": "rocket"}, {"when": "later", "send_at": "soon"}):
        assert (await alice.post(f"/m/{mailing.id}/options", form, **HTMX))[0] == 400


async def test_letters_that_a_channel_does_not_reach_are_told_before(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1, email="z@example.org"), house.piece(2, 2)], letters)
    _, text, _ = await alice.post(f"/m/{mailing.id}/options", {"channel": "email"}, **HTMX)
    assert "1 letter has no address for this channel" in text
    assert "Send 1 letter for" in text  # and the price is for that one alone


async def test_a_postage_that_is_too_light_is_said_with_a_way_out(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1, 300)], letters)
    _, text, _ = await alice.post(f"/m/{mailing.id}/options", {"channel": "post"}, **HTMX)
    assert ('class="wrong"' in text, "data-send disabled" in text, "No letter can be sent yet" in text) == (True, True, True)


async def test_the_button_sends_what_was_confirmed_and_a_second_press_does_nothing(
    office: Office, alice: Browser, letters: bytes
) -> None:
    mailing = await some(office, letters)
    figures = await confirmed(alice, mailing, POST)
    assert figures == {"items": "4", "total": "5040000"}
    office.bell.rung.clear()
    for _ in range(2):
        status, _, leads_to = await alice.post(f"/m/{mailing.id}/send", figures, **HTMX)
        assert (status, leads_to) == (204, f"/m/{mailing.id}")
    assert (await office.again(mailing)).state is MailingState.PLANNING
    assert office.bell.rung == ["compose-first"]


async def test_nothing_goes_when_the_figures_changed(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters)
    figures = await confirmed(alice, mailing, POST)
    first = (await office.items_of(mailing))[0]
    assert (await alice.post(f"/m/{mailing.id}/exclude", {"chosen": first.id}))[::2] == (303, f"/m/{mailing.id}?done=excluded&n=1")
    status, text, _ = await alice.post(f"/m/{mailing.id}/send", figures, **HTMX)
    assert (status, "nothing was sent" in text) == (409, True)
    assert (await office.again(mailing)).state is MailingState.WAITING
    assert (await alice.post(f"/m/{mailing.id}/send", {}))[0] == 409


async def test_nothing_to_send_is_no_button(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1, 1, "no-address", lines=[])], letters)
    assert "No letter can be sent yet" in (await alice.get(f"/m/{mailing.id}"))[1]
    assert (await alice.post(f"/m/{mailing.id}/send", {"items": "0", "total": "0"}))[0] == 409


async def test_letters_are_left_out_and_put_back(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters)
    chosen = [item.id for item in (await office.items_of(mailing))[:2]]
    assert (await alice.post(f"/m/{mailing.id}/exclude", [("chosen", one) for one in chosen]))[2].endswith("n=2")
    assert [item.state for item in (await office.items_of(mailing))[:3]] == [ItemState.EXCLUDED, ItemState.EXCLUDED, ItemState.DRAFT]
    assert (await alice.post(f"/m/{mailing.id}/include", {"chosen": chosen[0]}))[2].endswith("n=1")
    assert (await alice.post(f"/m/{mailing.id}/exclude", {"chosen": "no-id"}))[0] == 400


async def test_reading_again_with_another_rule(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters)
    assert (await alice.post(f"/m/{mailing.id}/recut", {"layout": "din", "split": "pages", "split_pages": "2"}))[0] == 303
    now = await office.again(mailing)
    assert (now.state, now.layout, now.split_rule) == (MailingState.RECEIVED, "din", "pages:2")
    text = (await alice.get(f"/m/{mailing.id}"))[1]
    assert "waits to be read" in text
    assert "sse-connect" in text
    other = await some(office, letters)
    assert (await alice.post(f"/m/{other.id}/recut", {"layout": "din", "split": "pages", "split_pages": "none"}))[0] == 400
    assert (await office.again(other)).state is MailingState.WAITING


async def test_a_failed_reading_says_why_in_the_readers_language(office: Office, letters: bytes) -> None:
    user = await office.add_user("marie@example.org", house.administrator(), language="fr")
    mailing = await some(office, letters)
    error = mailings.as_error("pdf-encrypted", "This PDF is protected by a password.", "Save it again.", {})
    async with office.house.database.write() as connection:
        await mailings.command(connection, mailing, "recut")
        await items.add_all(connection, office.organisation_id, mailing.id, [], office.house.clock.now())
        await mailings.command(connection, mailing, "fail", error=error)
    async with house.browser(office, user) as marie:
        for path in (f"/m/{mailing.id}", "/"):
            assert "Ce PDF est protégé par un mot de passe." in (await marie.get(path))[1]


async def test_what_waits_for_approval_needs_the_right_to_approve(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters)
    async with office.house.database.write() as connection:
        await mailings.command(connection, mailing, "submit")
    sender = await office.add_user("bob@example.org", Grant(Role.SENDER))
    figures = {"items": "4", "total": "5040000"}
    async with house.browser(office, sender) as bob:
        assert "data-send" not in (await bob.get(f"/m/{mailing.id}"))[1]
        assert (await bob.post(f"/m/{mailing.id}/send", figures))[0] == 409
    assert (await alice.post(f"/m/{mailing.id}/send", figures))[0] == 303


async def test_names_in_letters_are_text_and_never_markup(office: Office, alice: Browser, letters: bytes) -> None:
    nasty = '<img src=x onerror=alert(1)>"'
    mailing = await office.add_mailing([house.piece(1, 1, lines=[nasty, "{{ 7*7 }}", "{n} 69003 LYON"])], letters, name=nasty)
    item = (await office.items_of(mailing))[0]
    for path in (
        f"/m/{mailing.id}",
        f"/m/{mailing.id}/items/{item.id}",
        f"/i/{item.id}",
        "/mailings",
        "/",
        f"/m/{mailing.id}?q={nasty}",
    ):
        _, text = await alice.get(path)
        assert "<img src=x" not in text, path
        assert "&lt;img src=x" in text or path == "/", path


async def test_cancelling_before_the_button(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await some(office, letters)
    assert (await alice.post(f"/m/{mailing.id}/cancel"))[::2] == (303, f"/m/{mailing.id}?done=cancelled&n=5")
    text = (await alice.get(f"/m/{mailing.id}?done=cancelled&n=5"))[1]
    assert "This mailing was cancelled. Nothing was sent." in text
    assert "5 letters were stopped." in text
