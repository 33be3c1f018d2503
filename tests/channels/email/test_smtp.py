"""The SMTP carrier against aiosmtpd (TLS, AUTH) and against servers that break off at the worst moment."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from postoffice.channels.email.pool import Relay
from postoffice.channels.email.smtp import Manner, SmtpCarrier, verdict
from postoffice.channels.email.wire import Reply
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import InDoubt, Refused, TryLater
from postoffice.model.mailing import EmailForm, Options
from tests.channels.contract import CarrierContract
from tests.channels.email import peer
from tests.channels.fakes import PDF, ListLog, make_piece
from tests.channels.fakes import PIECES as _PIECES


def carrier_for(port: int, log: ListLog | None = None, *, longest: float = 30.0, **settings: object) -> SmtpCarrier:
    manner = settings.pop("manner", None)
    relay = Relay(**{"host": "127.0.0.1", "port": port, "security": "none", "seconds": 5.0, **settings})
    return SmtpCarrier("relay", relay, log or ListLog(), manner=manner, longest=longest)


def mail(**changes: object) -> Piece:
    return make_piece(Channel.EMAIL, **changes)


class Bench:
    """The carrier and an aiosmtpd relay."""

    def __init__(self, carrier: SmtpCarrier, relay: peer.Relay) -> None:
        self.carrier = carrier
        self.relay = relay

    def handed_over(self, key: str) -> int:
        return self.relay.copies(key)

    def later(self) -> Piece:
        return mail(to="grey@client.example")

    def refused(self) -> Piece:
        return mail(to="policy@client.example")

    def dead(self) -> Piece:
        return mail(to="dead@client.example")

    async def unreachable(self) -> None:
        await self.carrier.close()
        self.relay.server.close()
        await self.relay.server.wait_closed()

    async def strange(self, receipt: Receipt) -> Sequence[Event] | None:
        return None

    def forged(self) -> Sequence[Knock]:
        return ()


@pytest.fixture(params=["none", "starttls", "tls"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with peer.relay(request.param, auth=request.param != "none") as relay:
        secured = {"username": peer.USER, "password": peer.PASSWORD, "ca": peer.certificate()[0]} if request.param != "none" else {}
        carrier = carrier_for(relay.port, security=request.param, **secured)
        yield Bench(carrier, relay)
        await carrier.close()


class TestContract(CarrierContract):
    pass


async def test_tls_and_sign_in_are_used(bench: Bench, request: pytest.FixtureRequest) -> None:
    await bench.carrier.send(mail())
    (taken,) = bench.relay.mails
    secured = "[none]" not in request.node.name
    assert taken.over_tls == secured
    assert taken.user == (peer.USER if secured else "")


@pytest.fixture
async def plain() -> AsyncIterator[tuple[SmtpCarrier, peer.Relay]]:
    async with peer.relay() as relay:
        carrier = carrier_for(relay.port)
        yield carrier, relay
        await carrier.close()


async def test_lines_are_kept_and_never_more_than_agreed() -> None:
    async with peer.relay() as relay:
        carrier = carrier_for(relay.port, connections=3)
        for _ in range(2):
            await asyncio.gather(*(carrier.send(mail()) for _ in range(20)))
        assert len(relay.mails) == 40
        assert len(relay.sessions) <= 3
        await carrier.close()


async def test_a_line_is_left_after_its_share_of_mails() -> None:
    async with peer.relay() as relay:
        carrier = carrier_for(relay.port, connections=1, mails_per_connection=2)
        for _ in range(5):
            await carrier.send(mail())
        assert len(relay.mails) == 5
        await carrier.close()


async def test_a_refusal_leaves_the_line_in_order(plain: tuple[SmtpCarrier, peer.Relay]) -> None:
    carrier, relay = plain
    for to in ("dead@x.example", "grey@x.example", "spam@x.example", "busy@x.example"):
        with pytest.raises((Refused, TryLater)):
            await carrier.send(mail(to=to))
        await carrier.send(mail(to="anna@x.example"))
    assert [taken.rcpt_tos for taken in relay.mails] == [["anna@x.example"]] * 4
    assert len(relay.sessions) == 1


@pytest.mark.parametrize("pipelining", [True, False])
async def test_both_ways_of_talking(pipelining: bool) -> None:
    async with peer.scripted({"RCPT": b"550 5.1.1 no\r\n"}, ("PIPELINING",) if pipelining else ()) as script:
        carrier = carrier_for(script.port)
        with pytest.raises(Refused) as caught:
            await carrier.send(mail())
        assert caught.value.address_dead
        script.steps = {}
        await carrier.send(mail())
        assert script.connections == 1
        assert script.bodies[-1].count(b"Subject:") == 1
        if pipelining:
            assert script.bodies[0] == b""  # the mail to nobody that the server had said 354 to
        await carrier.close()


async def test_dots_and_line_ends_arrive_as_written(plain: tuple[SmtpCarrier, peer.Relay]) -> None:
    carrier, relay = plain
    text = "Bonjour\n.\n..\nété\r\n.fin\n" + "long " * 400
    await carrier.send(mail(text=text, html=""))
    got = message_from_bytes(relay.mails[0].content, policy=policy.SMTP)
    assert got.get_content().replace("\r\n", "\n") == text.replace("\r\n", "\n") + "\n"


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ({"MAIL": "close"}, TryLater),
        ({"RCPT": "close"}, TryLater),
        ({"DATA": "close"}, TryLater),
        ({"body": "close"}, TryLater),
        ({"body": b"451 4.3.0 disk full\r\n"}, TryLater),
        ({"body": b"554 5.6.0 I have seen enough\r\n"}, Refused),
        ({"end": "close"}, InDoubt),
        ({"end": "silence"}, InDoubt),
        ({"end": b"nonsense\r\n"}, InDoubt),
        ({"end": b"421 4.3.2 not this time\r\n"}, TryLater),
        ({"MAIL": b"530 5.7.0 Authentication required\r\n"}, TryLater),
        ({"MAIL": b"550 5.7.1 Sender not allowed\r\n"}, Refused),
        ({"DATA": b"451 4.3.0 later\r\n"}, TryLater),
        ({"DATA": b"554 5.5.1 no valid recipients\r\n"}, Refused),
        ({"MAIL": "silence"}, TryLater),
        ({"MAIL": b"250" + b"x" * 70_000}, TryLater),
    ],
    ids=str,
)
@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.slow
async def test_breaking_off(steps: dict[str, bytes | str | None], kind: type[Exception], pipelining: bool) -> None:
    async with peer.scripted(steps, ("PIPELINING",) if pipelining else ()) as script:
        carrier = carrier_for(script.port, seconds=0.4, longest=0.8)
        piece = mail(
            options=Options(email_form=EmailForm.ATTACHMENT),
            attachments=(),
            pages=_PIECES[Channel.POST].pages,
            text="x" * (8_000_000 if "body" in steps else 10_000),
        )
        with pytest.raises(kind) as caught:
            await carrier.send(piece)
        assert not getattr(caught.value, "address_dead", False)
        # whatever happened, the next mail finds a line in order
        script.steps = {}
        await asyncio.sleep(0.02)
        await carrier.send(mail())
        assert sum(b"Subject:" in body for body in script.bodies) <= 2
        await carrier.close()


async def test_a_line_that_died_while_idle_is_replaced_without_a_word() -> None:
    async with peer.scripted({"MAIL": [b"250 OK\r\n", "close", b"250 OK\r\n"]}) as script:
        carrier = carrier_for(script.port)
        await carrier.send(mail())
        await carrier.send(mail())  # the kept line is closed at MAIL, the second one takes it
        assert script.connections == 2
        assert len(script.bodies) == 2
        await carrier.close()


async def test_421_on_a_kept_line_moves_to_a_new_one(plain: tuple[SmtpCarrier, peer.Relay]) -> None:
    carrier, _ = plain
    await carrier.send(mail())
    with pytest.raises(TryLater):  # said again on the new line: now it is the relay's word
        await carrier.send(mail(to="gone@x.example"))
    await carrier.send(mail())


async def test_a_storm_of_mails_to_a_dead_relay_ends_soon() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # bound, not listening: refused
        log = ListLog()
        carrier = carrier_for(sock.getsockname()[1], log)
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(carrier.send(mail()) for _ in range(300)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {TryLater}
    assert [event for _, event, _ in log.lines].count("relay_unreachable") <= 10


async def test_wrong_password_waits_for_a_person_and_is_not_told() -> None:
    async with peer.relay("starttls", auth=True) as relay:
        log = ListLog()
        wrong = {"username": peer.USER, "password": "wr0ng-secret", "ca": peer.certificate()[0]}
        carrier = carrier_for(relay.port, log, security="starttls", **wrong)
        with pytest.raises(TryLater) as caught:
            await carrier.send(mail())
        assert "password" in caught.value.reason
        assert "wr0ng-secret" not in f"{log.lines} {caught.value}"


async def test_an_unknown_certificate_is_not_trusted() -> None:
    async with peer.relay("starttls", auth=True) as relay:
        carrier = carrier_for(relay.port, security="starttls", username=peer.USER, password=peer.PASSWORD)
        with pytest.raises(TryLater, match="certificate"):
            await carrier.send(mail())
        assert not relay.mails


async def test_no_tls_where_tls_is_wanted_sends_nothing() -> None:
    async with peer.relay() as relay:
        carrier = carrier_for(relay.port, security="starttls")
        with pytest.raises(TryLater):
            await carrier.send(mail())
        assert not relay.mails


async def test_a_mail_larger_than_the_relay_takes_is_refused_before_it_is_sent() -> None:
    async with peer.relay(size=20_000) as relay:
        carrier = carrier_for(relay.port)
        with pytest.raises(Refused) as caught:
            await carrier.send(mail(text="x" * 30_000))
        assert not caught.value.address_dead
        await carrier.send(mail())
        assert len(relay.sessions) == 1
        await carrier.close()


async def test_international_addresses() -> None:
    async with peer.relay(utf8=True) as relay:
        carrier = carrier_for(relay.port)
        await carrier.send(mail(to="anna@bücher.example"))
        await carrier.send(mail(to="jérôme@bücher.example"))
        assert [taken.rcpt_tos for taken in relay.mails] == [["anna@xn--bcher-kva.example"], ["jérôme@xn--bcher-kva.example"]]
        assert "To: jérôme@xn--bcher-kva.example" in relay.mails[1].content.decode()
        await carrier.close()


async def test_without_smtputf8_only_plain_local_parts_go(plain: tuple[SmtpCarrier, peer.Relay]) -> None:
    carrier, relay = plain
    with pytest.raises(Refused) as caught:
        await carrier.send(mail(to="jérôme@client.example"))
    assert not caught.value.address_dead
    await carrier.send(mail(to="jerome@bücher.example"))
    assert len(relay.mails) == 1


@pytest.mark.parametrize("field", ["subject", "sender_name", "to", "sender", "reply_to", "header", "header name"])
async def test_no_line_breaks_get_into_a_mail(plain: tuple[SmtpCarrier, peer.Relay], field: str) -> None:
    carrier, relay = plain
    evil = "a@b.example\r\nBcc: victim@c.example"
    changes = {"header": {"headers": {"X-A": evil}}, "header name": {"headers": {"X-A: b\r\nBcc": "v@c.example"}}}
    with pytest.raises(Refused):
        await carrier.send(mail(**changes.get(field, {field: evil})))
    assert not relay.mails


async def test_without_a_senders_address_the_mail_waits(plain: tuple[SmtpCarrier, peer.Relay]) -> None:
    carrier, relay = plain
    with pytest.raises(TryLater, match="sender"):
        await carrier.send(mail(sender=""))
    ours = carrier_for(relay.port, manner=Manner(sender="post@mairie.example"))
    await ours.send(mail(sender=""))
    assert relay.mails[0].mail_from == "post@mairie.example"
    await ours.close()


async def test_return_path_carries_the_key() -> None:
    async with peer.relay() as relay:
        carrier = carrier_for(relay.port, manner=Manner(return_path="b+{key}@bounces.example"))
        piece = mail()
        await carrier.send(piece)
        assert relay.mails[0].mail_from == f"b+{piece.key}@bounces.example"
        await carrier.close()


async def test_the_letter_is_attached_where_it_was_asked_for(plain: tuple[SmtpCarrier, peer.Relay]) -> None:
    carrier, relay = plain
    pages = _PIECES[Channel.POST].pages
    await carrier.send(mail(pages=pages, subject="Facture n° 12/2026", options=Options(email_form=EmailForm.ATTACHMENT)))
    await carrier.send(mail(pages=pages, options=Options(email_form=EmailForm.LINK)))
    first, second = (message_from_bytes(taken.content, policy=policy.SMTP) for taken in relay.mails)
    (attachment,) = first.iter_attachments()
    assert attachment.get_content() == PDF
    assert attachment.get_filename() == "Facture n 12 2026.pdf"
    assert not list(second.iter_attachments())


async def test_a_promotion_is_not_marked_automatic(plain: tuple[SmtpCarrier, peer.Relay]) -> None:
    carrier, relay = plain
    unsubscribe = {"List-Unsubscribe": "<https://post.example/u/abc>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    await carrier.send(mail(purpose=Purpose.PROMOTION, headers=unsubscribe))
    await carrier.send(mail(purpose=Purpose.INVOICE))
    promotion, invoice = (message_from_bytes(taken.content, policy=policy.SMTP) for taken in relay.mails)
    assert promotion["Auto-Submitted"] is None
    assert {name: promotion[name] for name in unsubscribe} == unsubscribe
    assert invoice["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("at", "code", "text", "kind", "dead"),
    [
        ("RCPT", 550, "5.1.1 unknown", Refused, True),
        ("RCPT", 550, "5.1.10 null MX", Refused, True),
        ("RCPT", 550, "<x>: Recipient address rejected: User unknown in virtual mailbox table", Refused, True),
        ("RCPT", 550, "mailbox unavailable", Refused, False),
        ("RCPT", 550, "5.2.1 mailbox disabled", Refused, False),
        ("RCPT", 550, "5.4.1 Recipient address rejected: Access denied", Refused, False),
        ("RCPT", 554, "5.7.1 Relay access denied", Refused, False),
        ("RCPT", 550, "5.1.1 blocked, see blacklist", Refused, False),
        ("MAIL", 550, "5.1.1 who are you", Refused, False),
        ("END", 550, "5.1.1 no such user", Refused, True),
        ("END", 550, "no such user", Refused, False),
        ("RCPT", 452, "4.5.3 too many", TryLater, None),
        ("RCPT", 421, "", TryLater, None),
        ("END", 0, "", InDoubt, None),
    ],
)
def test_what_a_no_means(at: str, code: int, text: str, kind: type[Exception], dead: bool | None) -> None:
    answer = verdict(at, Reply(code, text))
    assert type(answer) is kind
    assert getattr(answer, "address_dead", None) is dead


def test_wrong_credentials_at_mail_wait_five_minutes() -> None:
    answer = verdict("MAIL", Reply(530, "5.7.0 Must issue a STARTTLS command first"))
    assert isinstance(answer, TryLater)
    assert answer.after == timedelta(minutes=5)
