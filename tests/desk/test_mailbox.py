"""Mail that came back, at the desk: on the item's timeline, as an inert file, and the mailbox that it is fetched from."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from postoffice.model.channel import Channel
from postoffice.model.ids import new_id
from postoffice.model.people import Grant, Role
from postoffice.model.states import EventKind
from postoffice.store import carriers, events, mailboxes, mails
from postoffice.store.mailboxes import MailboxRow
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office, piece
from tests.desk.offices import ALL, actions, signed_in, with_carriers

PAGE = "/admin/carriers/sandbox-email/mailbox"
FORM = {
    "fetching": "1",
    "host": "imap.example.org",
    "security": "tls",
    "username": "post",
    "password": "geheim-4711",
    "folder": "INBOX",
    "address": "Reports@mail.example.org",
    "forward": "address",
    "forward_to": "office@example.org",
}
ANSWER = "Bonjour,\n<script>alert(1)</script> la facture est fausse."
RAW = b"From: Anna <anna@client.example>\nContent-Type: text/html\n\n<script>alert(1)</script>"


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[Browser]:
    async with signed_in(office, ALL) as browser:
        yield browser


async def row(office: Office) -> MailboxRow | None:
    async with office.house.database.read() as connection:
        return await mailboxes.of_carrier(connection, office.organisation_id, "sandbox-email")


async def answered(office: Office) -> tuple[str, str]:
    """An item that somebody answered: its id and the mail's."""
    mailing = await office.add_mailing([piece(1, 1), piece(2, 2)], b"%PDF-1.4")
    item = (await office.items_of(mailing))[0]
    house = office.house
    words = await house.documents.put(office.organisation_id, ANSWER.encode())
    raw = await house.documents.put(office.organisation_id, RAW)
    async with house.database.write() as connection:
        new = mails.NewMail(office.organisation_id, "mailbox", "f" * 64, raw.sha256, raw.size, "sandbox-email")
        mail_id = await mails.add(connection, new, house.clock.now())
        assert mail_id
        await mails.settle(connection, mail_id, mails.READ, house.clock.now(), kind="reply", delivery_id=None)
        told = events.NewEvent(
            office.organisation_id,
            EventKind.REPLIED,
            "sandbox-email",
            house.clock.now(),
            mailing_id=mailing.id,
            item_id=item.id,
            detail={"mail": mail_id, "words": words.sha256, "found_by": "address"},
        )
        await events.add(connection, [told], house.clock.now())
    return item.id, mail_id


async def test_an_answer_stands_on_the_timeline_as_plain_text(office: Office, admin: Browser) -> None:
    item_id, mail_id = await answered(office)
    page = (await admin.get(f"/i/{item_id}"))[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; la facture est fausse." in page and "<script>alert" not in page
    assert f"/i/{item_id}/mails/{mail_id}" in page and "A guess: the mail names only the address." in page
    status, page = await admin.get(f"/i/{item_id}/mails/{mail_id}")
    assert status == 200 and "la facture est fausse" in page and f"/mails/{mail_id}.eml" in page


async def test_the_mail_itself_is_a_file_that_does_nothing(office: Office, admin: Browser) -> None:
    item_id, mail_id = await answered(office)
    answer = await admin.client.get(f"/i/{item_id}/mails/{mail_id}.eml")
    assert (answer.status, await answer.read(), answer.content_type) == (200, RAW, "application/octet-stream")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{mail_id}.eml"'
    assert "sandbox" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert await actions(office) == ["mail.download"]
    async with signed_in(office, Grant(Role.VIEWER), email="eye@example.org") as viewer:
        assert (await viewer.get(f"/i/{item_id}/mails/{mail_id}"))[0] == 200
        assert (await viewer.get(f"/i/{item_id}/mails/{mail_id}.eml"))[0] in (403, 404)


@pytest.mark.slow
async def test_a_mail_of_another_letter_is_not_shown(office: Office, admin: Browser) -> None:
    item_id, mail_id = await answered(office)
    async with office.house.database.read() as connection:
        line = (await events.of_item(connection, item_id))[-1]
    other = (await office.items_of(await office.add_mailing([piece(3, 1)], b"%PDF-1.4 x")))[0]
    assert line.detail["mail"] == mail_id
    for path in (f"/i/{other.id}/mails/{mail_id}", f"/i/{other.id}/mails/{mail_id}.eml", f"/i/{item_id}/mails/{new_id()}"):
        assert (await admin.get(path))[0] == 404


async def test_a_mailbox_is_kept_with_its_password_sealed(office: Office, admin: Browser) -> None:
    assert "no mailbox" in (await admin.get("/admin/carriers/sandbox-email"))[1]
    assert (await admin.post(PAGE, FORM))[2] == f"{PAGE}?done=kept"
    kept = await row(office)
    assert kept and "geheim-4711" not in str(kept.settings)
    assert (kept.address, kept.forward_to, kept.fetching) == ("reports@mail.example.org", "office@example.org", True)
    page = (await admin.get(PAGE))[1]
    assert "geheim-4711" not in page and 'value="imap.example.org"' in page and "not looked at yet" in page
    await admin.post(PAGE, {**FORM, "password": "", "forward": "sender"})
    again = await row(office)
    assert again and carriers.unseal(office.house.keyring, again.settings)["password"] == "geheim-4711"
    assert again.forward_to == "@sender"
    assert await actions(office) == ["carrier.mailbox"] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"host": ""}, "lacks its server"),
        ({"port": "70000"}, "Correct the marked field"),
        ({"port": "x"}, "Correct the marked field"),
        ({"security": "rot13"}, "Correct the marked field"),
        ({"security": "none"}, "unprotected"),
        ({"folder": "IN\tBOX"}, "Correct the marked field"),
        ({"address": "nobody"}, "not an e-mail address"),
        ({"forward_to": ""}, "Correct the marked field"),
        ({"forward_to": "reports@mail.example.org"}, "Correct the marked field"),
    ],
)
async def test_what_cannot_be_kept_is_told_and_what_was_typed_stays(
    office: Office, admin: Browser, change: dict[str, str], said: str
) -> None:
    status, page, _ = await admin.post(PAGE, FORM | change)
    assert status >= 400 and said in page and 'value="post"' in page and "geheim" not in page
    assert await row(office) is None


@pytest.mark.slow
async def test_one_address_one_carrier(office: Office, admin: Browser) -> None:
    await admin.post(PAGE, FORM)
    async with office.house.database.write() as connection:
        await carriers.add(
            connection,
            organisation_id=office.organisation_id,
            name="second",
            kind="sandbox-email",
            channel=Channel.EMAIL,
            settings={},
            now=office.house.clock.now(),
        )
    status, page, _ = await admin.post("/admin/carriers/second/mailbox", FORM)
    assert status == 409 and "Another carrier takes mail for this address." in page


async def test_trouble_and_last_mail_stand_on_the_carriers_page(office: Office, admin: Browser) -> None:
    await answered(office)
    await admin.post(PAGE, FORM)
    kept = await row(office)
    assert kept
    error: dict[str, Any] = {"code": "mailbox-password", "message": "The server said no.", "help": "", "facts": {}}
    async with office.house.database.write() as connection:
        now, minute = office.house.clock.now(), timedelta(minutes=1)
        assert await mailboxes.claim(connection, "me", now, minute, minute, minute)
        await mailboxes.release(connection, kept, "me", now, error)
    async with signed_in(office, ALL, email="chef@example.org", language="fr") as french:
        page = (await french.get("/admin/carriers/sandbox-email"))[1]
        assert "Le serveur de messagerie refuse l&#39;identifiant ou le mot de passe." in page and "dernier e-mail" in page
        assert "réponse d&#39;une personne" in (await french.get(PAGE))[1]


@pytest.mark.slow
async def test_trying_it_says_what_to_mend(office: Office, admin: Browser) -> None:
    await admin.post(PAGE, {**FORM, "host": "localhost", "port": "1"})
    assert "The mail server does not answer." in (await admin.post(f"{PAGE}/test"))[1]
    assert (await admin.post(f"{PAGE}/remove"))[2] == "/admin/carriers/sandbox-email?done=changed"
    assert await row(office) is None
    assert (await admin.get("/admin/carriers/sandbox-sms/mailbox"))[0] == 404
