"""What comes back by e-mail reaches its delivery, once, and only as far as it can be trusted."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.model.ids import new_id
from postoffice.pipeline.mailroom import Mailroom
from postoffice.store import schema as tables
from tests.pipeline.house import Office
from tests.pipeline.returning import DOMAIN, answer, back, blocked, bounce, come_back, kept, posted, state, told, words


async def test_a_sealed_return_path_finds_the_delivery_and_a_dead_address_is_blocked(office: Office) -> None:
    item = await posted(office)
    assert await come_back(office, bounce(), envelope_to=back(office, item.delivery_id))
    (line,) = [one for one in await told(office, item) if one.kind.value == "bounced"]
    assert (line.code, line.detail["reason"], line.detail["found_by"]) == ("5.1.1", "userunknown", "return-path")
    assert "User unknown" in line.text and line.source == "relay"
    assert await state(office, item) == "failed"
    assert await blocked(office) == [("5.1.1", None)]
    (mail,) = await kept(office)
    assert (mail.state, mail.kind, mail.delivery_id, line.detail["mail"]) == ("read", "bounce", item.delivery_id, mail.id)
    assert await office.house.documents.get(office.organisation_id, mail.document) == bounce()


@pytest.mark.slow
async def test_the_return_path_in_the_report_serves_too_whatever_became_of_its_letters(office: Office) -> None:
    item = await posted(office)
    await come_back(office, bounce(To=back(office, item.delivery_id).upper().replace(DOMAIN.upper(), DOMAIN)))
    assert (await told(office, item))[-1].detail["found_by"] == "return-path"


async def test_a_forged_return_path_is_no_more_than_text(office: Office) -> None:
    item, other = await posted(office), await posted(office, "bob@client.example")
    forged = f"b+{item.delivery_id}.{'a' * 24}@{DOMAIN}"
    await come_back(office, bounce(To=forged, to="nobody@client.example"), envelope_to=forged)
    assert await words(office, item) == [] and (await kept(office))[0].state == "aside"
    await come_back(office, bounce(other.delivery_id, To=forged, to="bob@client.example", Subject="second"))
    assert (await words(office, item), await words(office, other)) == ([], ["bounced"])
    assert await Mailroom(office.house).whose(forged) is None


async def test_our_message_id_finds_it_where_nothing_is_sealed(office: Office) -> None:
    item = await posted(office)
    await come_back(office, bounce(item.delivery_id))
    assert (await told(office, item))[-1].detail["found_by"] == "message-id"
    assert len(await blocked(office)) == 1


async def test_an_address_alone_is_a_guess_that_blocks_nothing(office: Office) -> None:
    first = await posted(office, "Anna@client.example")
    latest = await posted(office, "anna@client.example")
    await come_back(office, bounce(to="anna@client.example"))
    assert (await words(office, first), await words(office, latest)) == ([], ["bounced"])
    assert (await told(office, latest))[-1].detail["found_by"] == "address"
    assert await blocked(office) == []


@pytest.mark.slow
async def test_an_old_mail_to_the_same_address_is_not_meant(office: Office) -> None:
    item = await posted(office)
    office.clock.pass_by(days=31)
    await come_back(office, bounce())
    assert await words(office, item) == []


@pytest.mark.slow
async def test_a_full_mailbox_fails_the_delivery_and_is_left_alone_for_a_month(office: Office) -> None:
    item = await posted(office)
    await come_back(office, bounce(item.delivery_id, say="552 5.2.2 Mailbox full"))
    assert (await state(office, item), await blocked(office)) == ("failed", [("mailbox-full", None)])
    async with office.house.database.read() as connection:
        (until,) = list(await connection.scalars(sa.select(tables.suppressions.c.expires_at)))
    assert timedelta(days=29) < until - office.clock.now() <= timedelta(days=30)


@pytest.mark.slow
async def test_an_alias_that_led_to_a_dead_mailbox_does_not_kill_our_address(office: Office) -> None:
    item = await posted(office)
    await come_back(office, bounce(to="old@elsewhere.example"), envelope_to=back(office, item.delivery_id))
    assert (await told(office, item))[-1].detail["leads_to"] == "old@elsewhere.example"
    assert (await state(office, item), await blocked(office)) == ("failed", [])


@pytest.mark.slow
async def test_a_delay_is_told_and_changes_nothing(office: Office) -> None:
    item = await posted(office)
    await come_back(office, bounce(item.delivery_id, say="450 4.4.1 Connection timed out", action="delayed"))
    assert (await words(office, item), await state(office, item)) == (["deferred"], "handed_over")


async def test_a_notice_of_success_and_a_bounce_after_it(office: Office) -> None:
    item = await posted(office)
    await come_back(office, bounce(item.delivery_id, say="250 2.0.0 OK", action="delivered"))
    assert await state(office, item) == "delivered"
    await come_back(office, bounce(item.delivery_id, Subject="later"))
    assert (await words(office, item), await state(office, item)) == (["delivered", "bounced"], "failed")


@pytest.mark.slow
async def test_passed_on_is_not_delivered(office: Office) -> None:
    item = await posted(office)
    await come_back(office, bounce(item.delivery_id, say="250 2.1.9 OK", action="relayed"))
    assert await state(office, item) == "handed_over"


async def test_many_copies_make_one_event(office: Office) -> None:
    item = await posted(office)
    raw = bounce(item.delivery_id)
    assert await come_back(office, raw)
    for copy in (raw, raw.replace(b"\n", b"\r\n"), b"Received: from x by y; today\nDelivered-To: z@news.example\n" + raw):
        assert not await come_back(office, copy)
    # another transfer encoding, so another mail to the eye: the event is the same one
    assert await come_back(office, raw.replace(b"This is the mail system.", b"This is the mail system ="))
    assert await words(office, item) == ["bounced"]


async def test_a_step_that_runs_twice_tells_once(office: Office) -> None:
    item = await posted(office)
    await come_back(office, answer(item.delivery_id, "STOP"))
    before = await office.dump()
    await office.reopen("mail")
    await office.work()
    assert await office.dump() == before


@pytest.mark.slow
async def test_another_organisations_delivery_is_not_found(office: Office) -> None:
    item = await posted(office)
    elsewhere = bounce(item.delivery_id)
    async with office.house.database.write() as connection:
        from postoffice.store import people

        other = await people.add_organisation(
            connection, name="Other", slug="other", document_key=office.house.keyring.wrap(bytes(32)), now=office.clock.now()
        )
    await Mailroom(office.house).keep(other, elsewhere, "mailbox", carrier="relay")
    await office.work()
    assert await words(office, item) == []


COMPLAINT = """From: fbl@provider.example
Date: Mon, 23 Nov 2026 08:00:00 +0000
{extra}Content-Type: multipart/report; report-type=feedback-report; boundary=z

--z
Content-Type: message/feedback-report

Feedback-Type: {kind}
Original-Rcpt-To: anna@client.example

--z
Content-Type: text/rfc822-headers

Message-ID: <{key}@news.example>

--z--
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "word", "reason"), [("abuse", "complained", "complaint"), ("opt-out", "opted_out", "opt-out")])
async def test_a_complaint_blocks_promotions(office: Office, kind: str, word: str, reason: str) -> None:
    item = await posted(office)
    await come_back(office, COMPLAINT.format(kind=kind, key=item.delivery_id, extra="").encode())
    assert (await words(office, item), await state(office, item)) == ([word], "handed_over")
    assert (reason, "promotion") in await blocked(office)


@pytest.mark.slow
async def test_praise_is_no_answer_of_a_person(office: Office) -> None:
    item = await posted(office)
    await come_back(office, COMPLAINT.format(kind="not-spam", key=item.delivery_id, extra="").encode())
    assert (await words(office, item), await blocked(office)) == (["auto_replied"], [])


@pytest.mark.slow
async def test_a_vacation_is_told_and_nothing_more(office: Office) -> None:
    item = await posted(office)
    await come_back(office, answer(item.delivery_id, "I am out of the office. STOP", Auto_Submitted="auto-replied"))
    assert (await words(office, item), await state(office, item), await blocked(office)) == (["auto_replied"], "handed_over", [])


async def test_an_answer_is_kept_as_plain_text_without_what_it_quotes(office: Office) -> None:
    item = await posted(office)
    text = "Bonjour,\nla facture est fausse.\n\nLe lun. 23 nov. 2026 à 09:00, Office <office@example.fr> a écrit :\n> STOP\n"
    await come_back(office, answer(item.delivery_id, text))
    (line,) = [one for one in await told(office, item) if one.kind.value == "replied"]
    assert await office.house.documents.get(office.organisation_id, line.detail["words"]) == b"Bonjour,\nla facture est fausse."
    assert (await words(office, item), line.text) == (["replied"], "")


@pytest.mark.slow
@pytest.mark.parametrize("text", ["STOP", "Unsubscribe", "Bonjour,\nDésabonnez-moi svp.\nMerci\nAnna Martin"])
async def test_an_answer_that_says_no_more_opts_out(office: Office, text: str) -> None:
    item = await posted(office)
    await come_back(office, answer(item.delivery_id, f"{text}\n\n> Facture de novembre"))
    assert await words(office, item) in (["replied", "opted_out"], ["opted_out", "replied"])
    assert ("opt-out", "promotion") in await blocked(office)


@pytest.mark.slow
async def test_a_strangers_mail_is_laid_aside(office: Office) -> None:
    item = await posted(office)
    await come_back(office, b"From: anna@client.example\nSubject: lunch\n\nToday?\n")
    assert await words(office, item) == [] and [(mail.state, mail.kind) for mail in await kept(office)] == [("aside", "other")]


@pytest.mark.slow
async def test_whose_mail_it_is(office: Office) -> None:
    item = await posted(office)
    room = Mailroom(office.house)
    assert await room.whose(back(office, item.delivery_id).upper()) == office.organisation_id
    assert await room.whose(back(office, new_id())) is None
    for address in ("", "@", "anna@client.example", "b+@x", f"b+{item.delivery_id}@x", "\r\n@x", "é@x"):
        assert await room.whose(address) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff" * 100,
        b"From: a\r\nb@c\nSubject: =?x?b?",
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 10_000,
    ],
    ids=["empty", "bytes", "broken head", "ten thousand parts"],
)
async def test_bad_input_is_kept_and_laid_aside(office: Office, raw: Any) -> None:
    assert await come_back(office, raw)
    assert [mail.state for mail in await kept(office)] == ["aside"]
    assert office.log.events("error") == []
