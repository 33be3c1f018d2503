"""The board, the item page and contacts: where are they, what failed and why, and what can be done."""

import re
from typing import Any

from postoffice.model.delivery import Delivery
from postoffice.model.ids import new_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.store import contacts, deliveries, events, links, mailings
from postoffice.store.deliveries import Change
from postoffice.store.schema import items as item_rows
from postoffice.store.schema import mailings as mailing_rows
from tests.desk import house
from tests.desk.house import Browser, Office

HTMX = {"HX-Request": "true"}
ENDS = ("hand_over", "refuse", "hand_over")


async def sent(office: Office, letters: bytes, count: int = 3, name: str = "Factures mars") -> tuple[Mailing, list[Item]]:
    """A mailing that was planned and handed over; the second of three failed; one more letter is held."""
    pieces = [house.piece(number, number, email=f"z{number}@example.org") for number in range(1, count + 1)]
    mailing = await office.add_mailing([*pieces, house.piece(count + 1, count + 1, 1, "no-address", lines=[])], letters, name=name)
    now = office.house.clock.now()
    async with office.house.database.write() as connection:
        await mailings.command(connection, mailing, "send", sent_at=now)
        await mailings.command(connection, mailing, "dispatch")
    made = (await office.items_of(mailing))[:count]
    contact = {"key": {"name": "Mme Zoé LEFÈVRE", "points": [("email", "z1@example.org", None)]}}
    async with office.house.database.write() as connection:
        contact_id = (await contacts.find_or_add(connection, office.organisation_id, contact, now))["key"]
        for index, item in enumerate(made):
            delivery_id = new_id()
            values = {"id": delivery_id, "organisation_id": office.organisation_id, "mailing_id": mailing.id, "item_id": item.id}
            more = {
                "batch_id": None,
                "rung": 0,
                "state": "sending",
                "channel": "email",
                "carrier": "relay",
                "to": item.email,
                "created_at": now,
            }
            await deliveries.add_all(connection, [values | more])
            rung = {"channel": "email", "carrier": "relay", "to": item.email, "why": "chosen-for-mailing"}
            await connection.execute(
                item_rows.update()
                .where(item_rows.c.id == item.id)
                .values(state="queued", delivery_id=delivery_id, plan=[rung], contact_id=contact_id, cost=2000)
            )
            delivery = await deliveries.get(connection, delivery_id)
            assert delivery
            await _end(connection, office, delivery, ENDS[index % 3])
            line = events.NewEvent(
                office.organisation_id, EventKind.HANDED_OVER, "relay", now, mailing.id, item.id, delivery_id, contact_id
            )
            await events.add(connection, [line], now)
    return await office.again(mailing), await office.items_of(mailing)


async def _end(connection: Any, office: Office, delivery: Delivery, word: str) -> None:
    reason = {"error": "550 no such user", "code": "5.1.1"} if word == "refuse" else {"reference": "<abc@relay>"}
    await deliveries.record(connection, None, [Change(delivery, word, **reason)], office.house.clock.now(), office.house.lease)


async def test_it_counts_states_carriers_and_reasons(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, _ = await sent(office, letters)
    _, text = await alice.get(f"/m/{mailing.id}")
    assert "550 no such user" in text
    assert "There is no address in the window." in text
    assert "relay" in text
    assert "€0.006" in text
    assert re.search(r"with the carrier</span></a></th><td class=\"number\">2</td>", text)
    assert (await alice.get(f"/m/{mailing.id}?show=failed"))[1].count("data-row") == 1
    part = (await alice.get(f"/m/{mailing.id}?show=needy", **HTMX, **{"HX-Target": "list"}))[1]
    assert ("<html" in part, part.count("data-row")) == (False, 1)


async def test_failed_letters_go_again_only_after_number_and_price_were_said(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, (first, second, *_rest) = await sent(office, letters)
    form = [("chosen", first.id), ("chosen", second.id), ("channel", "post")]
    status, text, _ = await alice.post(f"/m/{mailing.id}/resend", form, **HTMX)
    assert (status, "Send 1 letter once more?" in text, "€1.26" in text) == (200, True, True)  # the first one did not fail
    assert (await office.items_of(mailing))[1].state is ItemState.FAILED
    hidden = re.findall(r'name="(chosen|channel|sure)" value="([^"]*)"', text)
    assert ("sure", "1") in hidden
    assert (await alice.post(f"/m/{mailing.id}/resend", hidden))[::2] == (303, f"/m/{mailing.id}?done=resent&n=1")
    again = (await office.items_of(mailing))[1]
    assert (again.state, again.channel) == (ItemState.DRAFT, "post")
    assert (await alice.post(f"/m/{mailing.id}/resend", hidden))[0] == 409


async def test_all_of_a_filter_can_be_chosen_across_pages(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, _ = await sent(office, letters, 9)
    _, text, _ = await alice.post(f"/m/{mailing.id}/resend", {"all": "1", "show": "failed", "q": "", "channel": ""}, **HTMX)
    assert "Send 3 letters once more?" in text
    assert (await alice.post(f"/m/{mailing.id}/resend", {"all": "1", "show": "delivered"}))[0] == 409


async def test_a_corrected_letter_goes_after_the_others(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, made = await sent(office, letters)
    assert (await alice.post(f"/m/{mailing.id}/send-more"))[0] == 409
    form = {"lines": "Mme Inès GARCÍA\n4 ALLÉE DES CHÊNES\n69003 LYON", "channel": "plan"}
    assert (await alice.post(f"/m/{mailing.id}/items/{made[3].id}", form, **HTMX))[0] == 200
    assert "Send 1 corrected letter" in (await alice.get(f"/m/{mailing.id}"))[1]
    office.bell.rung.clear()
    assert (await alice.post(f"/m/{mailing.id}/send-more"))[0] == 303
    assert office.bell.rung == ["compose-first"]


async def test_what_is_left_is_stopped(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, _ = await sent(office, letters)
    assert (await alice.post(f"/m/{mailing.id}/cancel"))[2].endswith("n=1")
    assert [item.state for item in await office.items_of(mailing)][3] is ItemState.CANCELLED
    assert (await office.again(mailing)).state in (MailingState.SENDING, MailingState.FINISHED)


async def test_the_export_is_what_the_filter_shows_and_no_formula(office: Office, letters: bytes) -> None:
    user = await office.add_user("marie@example.org", house.administrator(), language="fr")
    mailing, made = await sent(office, letters)
    async with office.house.database.write() as connection:
        where = item_rows.update().where(item_rows.c.id == made[0].id)
        await connection.execute(where.values(reference='=HYPERLINK("http://evil")'))
    async with house.browser(office, user) as marie:
        answer = await marie.client.get(f"/m/{mailing.id}/export.csv")
        text = (await answer.read()).decode("utf-8-sig")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="envoi-{mailing.number}.csv"'
        lines = text.splitlines()
        assert len(lines) == 5
        assert lines[0].startswith("Numéro;Nom;Adresse")
        assert "\"'=HYPERLINK(" in lines[1]
        assert "chez l'opérateur" in lines[1]
        assert "en échec" in lines[2]
        assert "550 no such user" in lines[2]
        assert len((await marie.get(f"/m/{mailing.id}/export.csv?show=failed"))[1].splitlines()) == 2


async def test_an_item_tells_its_story_with_proofs(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, made = await sent(office, letters)
    _, text = await alice.get(f"/i/{made[0].id}")
    for part in (
        "Handed to the carrier",
        "&lt;abc@relay&gt;",
        "chosen for the whole mailing",
        "relay",
        "Mme Zoé LEFÈVRE 1",
        "letter.pdf",
    ):
        assert part in text, part
    assert "Send this letter once more" not in text
    assert "Send this letter once more" in (await alice.get(f"/i/{made[1].id}"))[1]
    assert (await alice.post(f"/i/{made[1].id}/resend", {"channel": "post"}))[0] == 303
    assert (await office.items_of(mailing))[1].state is ItemState.DRAFT
    assert (await alice.post(f"/i/{made[3].id}/cancel"))[0] == 303
    assert (await alice.post(f"/i/{made[0].id}/cancel"))[0] == 409
    answer = await alice.client.get(f"/i/{made[0].id}/letter.pdf")
    assert (await answer.read()).startswith(b"%PDF-")


async def test_links_are_blocked_now(office: Office, alice: Browser, letters: bytes, clock: Any) -> None:
    _, made = await sent(office, letters)
    now = clock.now()
    value = {"organisation_id": office.organisation_id, "item_id": made[0].id, "delivery_id": made[0].delivery_id, "token": "t" * 32}
    async with office.house.database.write() as connection:
        proof = {"proof": "postcode", "proof_text": "69003", "created_at": now, "expires_at": now + house.timedelta(days=9)}
        await links.add_missing(connection, [value | proof])
    assert "Block its links now" in (await alice.get(f"/i/{made[0].id}"))[1]
    assert (await alice.post(f"/i/{made[0].id}/block"))[2].endswith("done=blocked&n=1")
    text = (await alice.get(f"/i/{made[0].id}"))[1]
    assert ("blocked" in text, "Block its links now" in text) == (True, False)


async def test_contacts_are_found_and_show_everything(office: Office, alice: Browser, letters: bytes) -> None:
    _, made = await sent(office, letters)
    found = (await alice.get("/contacts?q=Z1%40EXAMPLE"))[1]
    (contact_id,) = set(re.findall(r'href="/contacts/(\w{26})"', found))
    _, text = await alice.get(f"/contacts/{contact_id}")
    assert text.count("Handed to the carrier") == 3
    assert made[0].id in text
    assert "Nobody fits" in (await alice.get("/contacts?q=nobody"))[1]
    assert (await alice.get(f"/contacts/{new_id()}"))[0] == 404


async def test_today_says_what_needs_somebody(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, _ = await sent(office, letters)
    waiting = await office.add_mailing([house.piece(1, 1)], letters, name="Relances")
    _, text = await alice.get("/")
    assert "1 letter could not go and needs you" in text
    assert f"/m/{mailing.id}?show=held" in text
    assert "Relances" in text
    assert f"/m/{waiting.id}" in text
    assert re.search(r"e-mail</span></dt><dd>2</dd>", text)


async def test_a_finished_mailing_stops_trying_other_ways(office: Office, alice: Browser, letters: bytes) -> None:
    mailing, made = await sent(office, letters)
    assert (await alice.post(f"/m/{mailing.id}/cancel"))[0] == 303  # the held one: nothing is left but the ladder
    async with office.house.database.write() as connection:
        changed = item_rows.update().where(item_rows.c.id == made[0].id).values(rungs_left=1)
        await connection.execute(changed)
        options = {**mailing.options.as_dict(), "channel": None}
        await connection.execute(mailing_rows.update().where(mailing_rows.c.id == mailing.id).values(options=options))
    assert (await office.again(mailing)).state is MailingState.FINISHED
    text = (await alice.get(f"/m/{mailing.id}"))[1]
    assert "Stop what is left" in text and "No other way will be tried for 1 letter" in text
    where = f"/m/{mailing.id}?done=ladders&n=1"
    assert (await alice.post(f"/m/{mailing.id}/cancel"))[::2] == (303, where)
    text = (await alice.get(where))[1]
    assert "No other way is tried for 1 letter." in text and "Stop what is left" not in text
    assert (await alice.post(f"/m/{mailing.id}/cancel"))[0] == 409
