"""SMPP's way back: receipts late, twice, out of order, after a crash; answers of recipients."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from postoffice.channels.sms import news
from postoffice.channels.sms.journal import Journal
from postoffice.channels.sms.news import News
from postoffice.channels.sms.smpp import SmppCarrier
from postoffice.model.delivery import Event, Receipt
from postoffice.model.errors import Forged, TryLater
from postoffice.model.ports import Listener
from postoffice.model.states import EventKind
from tests.channels.fakes import ListLog, make_knock
from tests.channels.sms.gateway import Gateway, deliver_body
from tests.channels.sms.test_smpp import carrier_of, sms, told

BOTH = "a" * 200  #: a text in two parts


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    running = await Gateway().start()
    yield running
    await running.stop()


@pytest.fixture
async def carrier(gateway: Gateway, tmp_path: Path) -> AsyncIterator[SmppCarrier]:
    made = carrier_of(gateway, tmp_path / "journal")
    yield made
    await made.close()


async def settled(gateway: Gateway, carrier: SmppCarrier, count: int) -> None:
    """Until so many pushes were acknowledged."""
    for _ in range(300):
        if len(gateway.acknowledged) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(gateway.acknowledged)} of {count} acknowledged")


def words(events: Sequence[Event]) -> list[tuple[EventKind, str]]:
    return [(event.kind, event.code) for event in events]


async def test_a_dead_number_by_the_gateways_own_code(gateway: Gateway) -> None:
    carrier = carrier_of(gateway, receipts=news.Manner(dead=frozenset({"1"})))
    first, second = await carrier.send(sms()), await carrier.send(sms())
    gateway.receipt(first.reference, "UNDELIV", "001")
    gateway.receipt(second.reference, "UNDELIV", "002")
    events = await told(carrier, first, second, count=2)
    assert [(one.kind, one.code, one.address_dead) for one in events] == [
        (EventKind.BOUNCED, "001", True),
        (EventKind.BOUNCED, "002", False),
    ]
    await carrier.close()


@pytest.mark.parametrize(
    ("stat", "err", "kind"),
    [
        ("DELIVRD", "000", EventKind.DELIVERED),
        ("EXPIRED", "002", EventKind.EXPIRED),
        ("REJECTD", "003", EventKind.REFUSED),
        ("UNDELIV", "001", EventKind.BOUNCED),
        ("DELETED", "000", EventKind.REFUSED),
        ("ACCEPTD", "000", EventKind.HANDED_OVER),
        ("ENROUTE", "000", EventKind.HANDED_OVER),
        ("UNKNOWN", "004", EventKind.UNKNOWN),
    ],
)
async def test_words_of_receipts(gateway: Gateway, carrier: SmppCarrier, stat: str, err: str, kind: EventKind) -> None:
    receipt = await carrier.send(sms())
    gateway.receipt(receipt.reference, stat, err)
    (event,) = await told(carrier, receipt)
    assert (event.kind, event.key, event.reference) == (kind, receipt.key, receipt.reference)
    assert not event.address_dead


async def test_twice_the_same_receipt_is_one_piece_of_news(gateway: Gateway, carrier: SmppCarrier) -> None:
    receipt = await carrier.send(sms())
    gateway.receipt(receipt.reference)
    first = await told(carrier, receipt)
    gateway.receipt(receipt.reference)
    await settled(gateway, carrier, 2)
    assert await carrier.ask([receipt]) == first  # the same event: its time did not change


async def test_part_two_before_part_one(gateway: Gateway, carrier: SmppCarrier) -> None:
    receipt = await carrier.send(sms(text=BOTH))
    one, two = receipt.reference.split()
    gateway.receipt(two)
    await settled(gateway, carrier, 1)
    assert await carrier.ask([receipt]) == []
    gateway.receipt(one)
    (event,) = await told(carrier, receipt)
    assert (event.kind, event.key) == (EventKind.DELIVERED, receipt.key)


async def test_one_part_that_fails_fails_the_message(gateway: Gateway, carrier: SmppCarrier) -> None:
    receipt = await carrier.send(sms(text=BOTH))
    one, two = receipt.reference.split()
    gateway.receipt(one)
    gateway.receipt(two, "EXPIRED", "002")
    assert words(await told(carrier, receipt)) == [(EventKind.EXPIRED, "002")]


async def test_enroute_after_delivered_is_told_and_harmless(gateway: Gateway, carrier: SmppCarrier) -> None:
    receipt = await carrier.send(sms())
    gateway.receipt(receipt.reference)
    gateway.receipt(receipt.reference, "ENROUTE")
    events = await told(carrier, receipt, count=2)
    assert {event.kind for event in events} == {EventKind.DELIVERED, EventKind.HANDED_OVER}


async def test_a_receipt_before_the_answer(gateway: Gateway, carrier: SmppCarrier) -> None:
    gateway.delay = 0.1
    sending = asyncio.create_task(carrier.send(sms()))
    await asyncio.sleep(0.05)
    gateway.receipt("00000001")
    receipt = await sending
    assert words(await told(carrier, receipt)) == [(EventKind.DELIVERED, "")]


async def test_receipts_for_messages_never_sent_are_acknowledged_and_told_of_nobody(gateway: Gateway, carrier: SmppCarrier) -> None:
    receipt = await carrier.send(sms())
    gateway.receipt("deadbeef")
    gateway.push(deliver_body("33639980042", "MAIRIE", b"no fields at all", esm=4))
    await settled(gateway, carrier, 2)
    assert await carrier.ask([receipt]) == []
    assert {status for _, status in gateway.acknowledged} == {0}


@pytest.mark.parametrize(
    ("number", "ids", "in_receipt"),
    [
        (0x1A2B, "same", "1A2B"),
        (0x1A2B, "same", "00001a2b"),
        (0x1A2B, "decimal", "6699"),
        (0x1A2B, "decimal", "0000006699"),
        (0x10, "decimal", "16"),
    ],
)
async def test_ids_written_in_another_way(gateway: Gateway, number: int, ids: str, in_receipt: str) -> None:
    gateway.make_id = lambda _: f"{number:08x}"
    carrier = carrier_of(gateway, receipts=news.Manner(ids))
    receipt = await carrier.send(sms())
    gateway.receipt(in_receipt)
    assert words(await told(carrier, receipt)) == [(EventKind.DELIVERED, "")]
    await carrier.close()


async def test_hexadecimal_receipts_of_decimal_answers(gateway: Gateway) -> None:
    gateway.make_id = lambda number: f"{number + 15}"
    carrier = carrier_of(gateway, receipts=news.Manner("hex"))
    first, second = await carrier.send(sms()), await carrier.send(sms())
    gateway.receipt("10")  # 16, the first; not "10"
    gateway.receipt("0011")
    assert len(await told(carrier, first, second, count=2)) == 2
    await carrier.close()


async def test_the_field_of_its_own_beats_the_text(gateway: Gateway, carrier: SmppCarrier) -> None:
    receipt = await carrier.send(sms())
    fields = {0x1E: receipt.reference.encode() + b"\0", 0x427: b"\2"}
    gateway.push(deliver_body("33639980042", "MAIRIE", b"whatever", esm=4, tlvs=fields))
    assert words(await told(carrier, receipt)) == [(EventKind.DELIVERED, "")]


async def test_the_networks_own_word_for_an_unknown_subscriber(gateway: Gateway, carrier: SmppCarrier) -> None:
    first, second = await carrier.send(sms()), await carrier.send(sms())
    gateway.receipt(first.reference, "UNDELIV", "", tlvs={0x423: b"\3\0\1"})
    gateway.receipt(second.reference, "UNDELIV", "", tlvs={0x423: b"\3\0\x1b"})  # absent subscriber
    events = await told(carrier, first, second, count=2)
    assert [one.address_dead for one in events] == [True, False]


# --- nothing is lost


async def test_a_crash_between_acknowledging_and_recording(gateway: Gateway, tmp_path: Path) -> None:
    first = carrier_of(gateway, tmp_path / "j")
    receipt = await first.send(sms(text=BOTH))
    for one in receipt.reference.split():
        gateway.receipt(one)
    await settled(gateway, first, 2)
    second = carrier_of(gateway, tmp_path / "j")  # the first never told anybody; it still lives, as another worker's would
    assert words(await second.ask([receipt])) == [(EventKind.DELIVERED, "")]
    await first.close()
    await second.close()
    third = carrier_of(gateway, tmp_path / "j")
    assert words(await third.ask([receipt])) == [(EventKind.DELIVERED, "")]
    await third.close()


async def test_a_full_disk_makes_the_gateway_keep_its_news(gateway: Gateway, tmp_path: Path) -> None:
    folder = tmp_path / "j"
    carrier = carrier_of(gateway, folder)
    receipt = await carrier.send(sms())
    folder.write_text("a file where the folder should be")
    gateway.receipt(receipt.reference)
    await settled(gateway, carrier, 1)
    assert gateway.acknowledged[-1][1] == 0x64
    folder.unlink()
    gateway.receipt(receipt.reference)  # as gateways do
    assert words(await told(carrier, receipt)) == [(EventKind.DELIVERED, "")]
    assert gateway.acknowledged[-1][1] == 0
    await carrier.close()


async def test_news_is_told_while_the_gateway_is_away(gateway: Gateway, carrier: SmppCarrier) -> None:
    receipt = await carrier.send(sms())
    gateway.receipt(receipt.reference)
    await settled(gateway, carrier, 1)
    await gateway.stop()
    assert words(await carrier.ask([receipt])) == [(EventKind.DELIVERED, "")]


async def test_a_line_cut_short_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    one, two = News("2026-11-23T09:00:00+00:00", "1", "DELIVRD"), News("2026-11-23T09:00:01+00:00", "2", "DELIVRD")
    journal = Journal(tmp_path)
    await journal.keep([one])
    journal.close()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + b'{"at": "2026\n' + two.line().encode()[:20])
    again = Journal(tmp_path)
    await again.refresh()
    assert again.of(["1", "2"]) == {"1": [one]}
    with file.open("ab") as rest:
        rest.write(two.line().encode()[20:] + b"\n")  # it was another process, still writing
    await again.refresh()
    assert again.of(["1", "2"]) == {"1": [one], "2": [two]}
    assert file.stat().st_mode & 0o777 == 0o600


async def test_an_unreadable_journal_is_later(gateway: Gateway, tmp_path: Path) -> None:
    folder = tmp_path / "j"
    carrier = carrier_of(gateway, folder)
    receipt = await carrier.send(sms())
    folder.mkdir()
    (folder / "1.news").mkdir()
    with pytest.raises(TryLater):
        await carrier.ask([receipt])
    await carrier.close()


# --- recipients answer


async def test_stop_and_other_answers(gateway: Gateway, carrier: SmppCarrier) -> None:
    piece = sms()
    await carrier.send(piece)
    gateway.push(deliver_body("33639980042", "MAIRIE", b"Arr\x05t"))  # e acute of the telephone's alphabet
    gateway.push(deliver_body("33639980042", "MAIRIE", "Arrêt".encode("utf-16-be"), coding=8))
    gateway.push(deliver_body("33639980042", "MAIRIE", b"CONTACT"))
    gateway.push(deliver_body("33639980042", "MAIRIE", b"\5\0\3\1\2\1Merci", esm=0x40))
    gateway.push(deliver_body("447700900142", "MAIRIE", b"stop"))
    events = await told(carrier, count=5)
    assert [(event.kind, event.code, event.text, event.key) for event in events] == [
        (EventKind.OPTED_OUT, "STOP", "Arrét", piece.key),
        (EventKind.OPTED_OUT, "STOP", "Arrêt", piece.key),
        (EventKind.REPLIED, "CONTACT", "CONTACT", piece.key),
        (EventKind.REPLIED, "", "Merci", piece.key),
        (EventKind.OPTED_OUT, "STOP", "stop", ""),
    ]
    assert events[-1].detail["from"] == "+447700900142"


async def test_an_answer_from_a_number_without_plus(gateway: Gateway, carrier: SmppCarrier) -> None:
    await carrier.send(sms())
    body = deliver_body("33639980042", "MAIRIE", b"Merci").replace(b"\0\1\0013363", b"\0\0\0003363")
    gateway.push(body)
    (event,) = await told(carrier)
    assert event.detail["from"] == "+33639980042"
    assert event.key


@pytest.mark.slow
async def test_answers_are_heard_as_they_come_and_offered_again_until_they_are_recorded(gateway: Gateway, tmp_path: Path) -> None:
    carrier = carrier_of(gateway, tmp_path / "j")
    assert isinstance(carrier, Listener)
    heard: list[Event] = []
    broken = True

    async def hear(events: Sequence[Event]) -> None:
        nonlocal broken
        if broken:
            broken = False
            raise OSError("database away")
        heard.extend(events)

    listening = asyncio.create_task(carrier.listen(hear))
    await gateway.wait_bound()  # nothing was sent, and yet it listens
    gateway.push(deliver_body("33639980042", "36001", b"STOP"))
    await settled(gateway, carrier, 1)
    assert await carrier.ask([]) == []  # somebody listens: not told twice
    for _ in range(400):
        if heard:
            break
        await asyncio.sleep(0.01)
    gateway.push(deliver_body("33639980043", "36001", b"Merci"))
    for _ in range(400):
        if len(heard) == 2:
            break
        await asyncio.sleep(0.01)
    assert [event.kind for event in heard] == [EventKind.OPTED_OUT, EventKind.REPLIED]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await carrier.close()


def test_a_gateway_never_knocks(gateway: Gateway) -> None:
    with pytest.raises(Forged):
        carrier_of(gateway).read(make_knock(datetime.datetime.now(datetime.UTC)))


# --- TLS


def certificate(folder: Path) -> tuple[ssl.SSLContext, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    (folder / "pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "pem")
    return context, pem.decode()


async def test_tls_and_a_gateway_that_cannot_prove_who_it_is(tmp_path: Path) -> None:
    context, pem = certificate(tmp_path)
    gateway = await Gateway(ssl=context).start()
    carrier = carrier_of(gateway, security="tls", ca=pem)
    receipt = await carrier.send(sms())
    gateway.receipt(receipt.reference)
    assert await told(carrier, receipt)
    stranger = carrier_of(gateway, security="tls", log=ListLog())
    with pytest.raises(TryLater, match="SSLCertVerificationError"):
        await stranger.send(sms())
    assert len(gateway.submits) == 1
    await stranger.close()
    await carrier.close()
    await gateway.stop()


async def test_ids_beyond_the_databases_room_keep_the_last_parts(gateway: Gateway) -> None:
    gateway.make_id = lambda number: f"{number}" + "x" * 62
    carrier = carrier_of(gateway)
    receipt = await carrier.send(sms(text="a" * 153 * 5))
    ids = receipt.reference.split()
    assert len(receipt.reference) <= 255
    assert [one[0] for one in ids] == ["2", "3", "4", "5"]
    assert Receipt(receipt.key, receipt.reference)
    await carrier.close()
