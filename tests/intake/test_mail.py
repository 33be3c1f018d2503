"""The mail door, spoken to over a real line."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from postoffice.intake.mail import MOST_RECIPIENTS, MailDoor
from postoffice.model.errors import OutOfRoom
from tests.channels.fakes import ListLog

LIMIT = 100_000


class Shelf:
    """A mailroom that keeps what it gets in memory. `fails`: what it raises instead."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes, str, str]] = []
        self.fails: Exception | None = None

    async def whose(self, address: str) -> str | None:
        if address.startswith("broken"):
            raise ConnectionError
        return {"ours.example": "org-1", "theirs.example": "org-2"}.get(address.rpartition("@")[2])

    async def keep(self, organisation_id: str, raw: bytes, way: str, *, carrier: str = "", envelope_to: str = "") -> bool:
        if self.fails:
            raise self.fails
        self.kept.append((organisation_id, raw, way, envelope_to))
        return True


class Door:
    """An open door with its shelf."""

    def __init__(self, shelf: Shelf, log: ListLog, port: int) -> None:
        self.shelf, self.log, self.port = shelf, log, port

    async def smtp(self, work: Callable[[smtplib.SMTP], Any], kind: type[smtplib.SMTP] = smtplib.SMTP) -> Any:
        """`work` with a client of the standard library, in a thread."""

        def talk() -> Any:
            with kind("127.0.0.1", self.port, timeout=10) as client:
                client.ehlo_or_helo_if_needed()
                return work(client)

        return await asyncio.to_thread(talk)

    async def say(self, *lines: bytes) -> list[bytes]:
        """Lines as they are, and the last line of each answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answers = [await reader.readline()]
        for line in lines:
            writer.write(line)
            while (answer := await reader.readline())[3:4] == b"-":
                pass
            answers.append(answer)
        writer.close()
        await writer.wait_closed()
        return answers


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    shelf, log = Shelf(), ListLog()
    opened = MailDoor(shelf, log, max_bytes=LIMIT, most_lines=5)
    yield Door(shelf, log, await opened.open("127.0.0.1", 0))
    await opened.close()


def mail(client: smtplib.SMTP, to: list[str], raw: bytes = b"Subject: x\r\n\r\n.dot\r\n", sender: str = "") -> Any:
    return client.sendmail(sender, to, raw)


async def test_a_bounce_with_the_empty_sender_is_stored_as_it_came(door: Door) -> None:
    await door.smtp(lambda client: mail(client, ["b+1@ours.example"]))
    assert door.shelf.kept == [("org-1", b"Subject: x\r\n\r\n.dot\r\n", "door", "b+1@ours.example")]


@pytest.mark.parametrize("address", ["someone@else.example", "b+1@ours.example@else.example", "a%else.example@nowhere", "postmaster"])
async def test_nothing_is_relayed(door: Door, address: str) -> None:
    def refused(client: smtplib.SMTP) -> Any:
        client.mail("x@y.example")
        return client.rcpt(address)[0]

    assert await door.smtp(refused) in (550, 553)
    assert door.shelf.kept == []


async def test_one_mail_for_several_of_our_addresses_is_kept_once_an_organisation(door: Door) -> None:
    await door.smtp(lambda client: mail(client, ["a@ours.example", "b@ours.example", "c@theirs.example"]))
    assert [(organisation, to) for organisation, _, _, to in door.shelf.kept] == [
        ("org-1", "a@ours.example"),
        ("org-2", "c@theirs.example"),
    ]


@pytest.mark.parametrize(("failure", "code"), [(OutOfRoom("full", "The disk is full."), 452), (RuntimeError("no database"), 451)])
async def test_what_is_not_stored_is_not_confirmed(door: Door, failure: Exception, code: int) -> None:
    door.shelf.fails = failure
    with pytest.raises(smtplib.SMTPDataError) as told:
        await door.smtp(lambda client: mail(client, ["a@ours.example"]))
    assert told.value.smtp_code == code
    assert "no database" not in str(door.log.lines) + str(told.value)


async def test_nobody_to_ask_is_a_reason_to_come_back(door: Door) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as told:
        await door.smtp(lambda client: mail(client, ["broken@ours.example"]))
    assert told.value.recipients["broken@ours.example"][0] == 451


async def test_a_mail_that_is_too_large_is_refused_before_and_after(door: Door) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused):  # by its SIZE
        await door.smtp(lambda client: mail(client, ["a@ours.example"], b"x" * (LIMIT + 1)))
    big = b"Subject: x\r\n\r\n" + b"x" * 70 * 1000 + b"\r\n" + (b"y" * 900 + b"\r\n") * 100
    answers = await door.say(
        b"EHLO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<a@ours.example>\r\n", b"DATA\r\n", big + b".\r\n", b"NOOP\r\n"
    )
    assert answers[-2][:1] == b"5" and answers[-1].startswith(b"250")
    assert door.shelf.kept == []


async def test_lmtp_answers_for_each_recipient(door: Door) -> None:
    class Client(smtplib.LMTP):
        pass

    def talk() -> list[bytes]:
        with Client("127.0.0.1", door.port, timeout=10) as client:
            client.ehlo()
            client.mail("")
            for to in ("a@ours.example", "b@ours.example", "c@theirs.example"):
                client.rcpt(to)
            client.putcmd("DATA")
            client.getreply()
            client.send(b"Subject: x\r\n\r\nhello\r\n.\r\n")
            told = [client.getreply()[0] for _ in range(3)]
            client.mail("")
            client.rcpt("a@ours.example")
            client.rcpt("b@ours.example")
            client.putcmd("DATA")
            client.getreply()
            client.send((b"x" * 900 + b"\r\n") * 200 + b".\r\n")
            return told + [client.getreply()[0] for _ in range(2)] + [client.noop()[0]]

    assert await asyncio.to_thread(talk) == [250, 250, 250, 552, 552, 250]
    assert len(door.shelf.kept) == 2


async def test_a_mail_that_runs_in_a_loop_is_refused(door: Door) -> None:
    looping = b"Received: from a by b\r\n" * 51 + b"Subject: x\r\n\r\nhello\r\n"
    with pytest.raises(smtplib.SMTPDataError) as told:
        await door.smtp(lambda client: mail(client, ["a@ours.example"], looping))
    assert told.value.smtp_code == 554


async def test_bad_commands_and_a_line_cut_in_the_middle_of_the_mail(door: Door) -> None:
    answers = await door.say(
        b"HELO x\r\n", b"\xff\xfe\r\n", b"RCPT TO:<a@ours.example>\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<a\x00@ours.example>\r\n",
        b"AUTH PLAIN AAAA\r\n", b"RCPT TO:<" + b"x" * 5000 + b"@ours.example>\r\n", b"RCPT TO:<a@ours.example>\r\n", b"DATA\r\n",
    )  # fmt: skip
    assert [answer[:1] for answer in answers] == [b"2", b"2", b"5", b"5", b"2", b"5", b"5", b"5", b"2", b"3"]
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    for line in (b"HELO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<a@ours.example>\r\n", b"DATA\r\n"):
        writer.write(line)
        await reader.readline()
    writer.write(b"Subject: half\r\n\r\nand the")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await door.smtp(lambda client: mail(client, ["a@ours.example"]))
    assert [raw for _, raw, _, _ in door.shelf.kept] == [b"Subject: x\r\n\r\n.dot\r\n"]


async def test_a_line_end_alone_ends_no_mail(door: Door) -> None:
    smuggled = b"Subject: x\r\n\r\none\n.\nMAIL FROM:<e@vil>\r\nRCPT TO:<b@ours.example>\r\nDATA\r\ntwo\r\n.\r\n"
    await door.say(b"EHLO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<a@ours.example>\r\n", b"DATA\r\n", smuggled)
    assert len(door.shelf.kept) == 1 and b"vil" in door.shelf.kept[0][1]


async def test_too_many_recipients_and_too_many_lines(door: Door) -> None:
    def many(client: smtplib.SMTP) -> int:
        client.mail("")
        codes = [client.rcpt(f"u{n}@ours.example")[0] for n in range(MOST_RECIPIENTS + 1)]
        return int(codes[-1])

    assert await door.smtp(many) == 452
    lines = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(6)]
    told = []
    for reader, writer in lines:
        await reader.readline()
        writer.write(b"HELO x\r\n")
        told.append(await reader.readline())
    assert [one[:3] for one in told] == [b"250"] * 5 + [b"421"]
    for _, writer in lines:
        writer.close()
        await writer.wait_closed()


async def test_no_address_reaches_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    await door.smtp(lambda client: mail(client, ["anna@ours.example"], sender="bob@y.example"))
    await door.say(b"WHAT bob@y.example\r\n")
    said = str(door.log.lines) + caplog.text
    assert "anna" not in said and "bob" not in said and "mail.taken" in said
