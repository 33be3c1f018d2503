"""Pingen: the contract, what goes out, bad days, recall, price, what comes back; against recorded shapes."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from postoffice.channels.print_house.pingen import PingenCarrier
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Forged, InDoubt, Refused, TryLater
from postoffice.model.mailing import Envelope, Options, Postage
from postoffice.model.ports import Advises, Price, Quotes, Recalls
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import PDF, make_piece
from tests.channels.print_house.maileva_house import Bad
from tests.channels.print_house.pingen_house import LETTERS, Pingen, carrier_of, serving, webhook

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
UPLOAD, STORE, CREATE, SEND = "/file-upload", "/storage", "/letters", "/send"


def letter(**changes: Any) -> Piece:
    return make_piece(Channel.POST, **changes)


def knock(shape: Any, secret: str = "whsec", **headers: str) -> Knock:
    body = shape if isinstance(shape, bytes) else json.dumps(shape).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Knock("POST", "/hooks/x", {"signature": signature, **headers}, {}, body, NOW)


class PingenBench:
    """See contract.Bench."""

    def __init__(self, house: Pingen, folder: Path) -> None:
        self.house = house
        self.carrier = carrier_of(house, folder)

    def handed_over(self, key: str) -> int:
        return self.house.sent.get(self.house.by_key.get(key, ""), 0)

    def later(self) -> Piece:
        self.house.bad.append(Bad("POST", CREATE, 429, after="7"))
        return letter()

    def refused(self) -> Piece:
        self.house.verdict = "invalid"
        return letter()

    def dead(self) -> None:
        return None

    async def unreachable(self) -> None:
        await self.house.stop()

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        self.house.letters[receipt.reference]["status"] = "SUBLIMATED"
        return await self.carrier.ask([receipt])

    def forged(self) -> Sequence[Knock]:
        right = knock(webhook("webhook_sent"))
        return (
            knock(webhook("webhook_sent"), "guess"),
            knock(webhook("webhook_sent"), signature="\udcff"),
            knock(webhook("webhook_sent"), signature=""),
            Knock("POST", right.path, right.headers, {}, right.body + b" ", NOW),
        )


@pytest.fixture
async def house() -> AsyncIterator[Pingen]:
    async with serving(Pingen()) as running:
        yield running


@pytest.fixture
async def carrier(house: Pingen, tmp_path: Path) -> AsyncIterator[PingenCarrier]:
    made = carrier_of(house, tmp_path)
    yield made
    await made.close()


class TestPingenContract(CarrierContract):
    @pytest.fixture
    async def bench(self, house: Pingen, tmp_path: Path) -> AsyncIterator[PingenBench]:
        made = PingenBench(house, tmp_path)
        yield made
        await made.carrier.close()


def test_abilities(carrier: PingenCarrier) -> None:
    assert isinstance(carrier, Recalls) and isinstance(carrier, Quotes) and isinstance(carrier, Advises)


async def test_what_pingen_gets(house: Pingen, carrier: PingenCarrier) -> None:
    piece = letter(options=Options(postage=Postage.PRIORITY, colour=True, duplex=False))
    receipt = await carrier.send(piece)
    assert house.files == [PDF]
    created, sent = (call for call in house.calls if call[1].startswith(LETTERS) and call[0] != "GET")
    assert created[2]["Idempotency-Key"] == piece.key and sent[2]["Idempotency-Key"] == f"{piece.key}-send"
    assert created[2]["Content-Type"] == "application/vnd.api+json"
    assert created[3]["data"] == {
        "type": "letters",
        "attributes": {
            "file_original_name": f"{piece.key}.pdf",
            "file_url": f"{house.url}/storage?signer=url",
            "file_url_signature": "$2y$10$BLOz",
            "address_position": "right",
            "auto_send": False,
        },
    }
    assert sent[3]["data"] == {
        "type": "letters",
        "id": receipt.reference,
        "attributes": {"delivery_product": "fast", "print_mode": "simplex", "print_spectrum": "color"},
    }
    stored = next(call for call in house.calls if call[1] == "/storage")
    assert "Authorization" not in stored[2]  # the signed address is its own right; our token stays with Pingen


async def test_it_waits_until_the_file_is_checked(house: Pingen, carrier: PingenCarrier) -> None:
    house.checks = 1
    receipt = await carrier.send(letter())
    assert house.sent == {receipt.reference: 1}


async def test_what_cannot_be_printed_is_refused_with_its_reason(house: Pingen, carrier: PingenCarrier) -> None:
    house.verdict = "action_required"
    with pytest.raises(Refused, match="restricted area"):
        await carrier.send(letter())
    assert not house.sent


@pytest.mark.parametrize(
    "bad",
    [
        *(Bad("GET", UPLOAD, status) for status in (500, 0, 401)),
        *(Bad("PUT", STORE, status) for status in (503, 0)),
        *(Bad("POST", CREATE, status, done) for status, done in ((500, True), (500, False), (0, True), (504, False), (409, False))),
        *(
            Bad("PATCH", SEND, status, done)
            for status, done in ((500, True), (500, False), (0, True), (0, False), (504, True), (429, False))
        ),
    ],
    ids=lambda bad: f"{bad.path.strip('/')}-{bad.status}{'-done' if bad.done else ''}",
)
async def test_a_failure_at_each_call(house: Pingen, tmp_path: Path, bad: Bad) -> None:
    house.bad.append(Bad(bad.method, bad.path, bad.status, bad.done))
    piece = letter()
    for _ in range(3):
        carrier = carrier_of(house, tmp_path)  # another process each time
        try:
            await carrier.send(piece)
        except (TryLater, InDoubt):
            continue
        except AlreadySent:
            pass
        finally:
            await carrier.close()
        break
    assert not house.bad
    assert list(house.sent.values()) == [1]


async def test_a_key_that_pingen_forgot_is_in_our_journal(house: Pingen, carrier: PingenCarrier) -> None:
    piece = letter()
    receipt = await carrier.send(piece)
    house.by_key.clear()
    with pytest.raises(AlreadySent) as caught:
        await carrier.send(piece)
    assert caught.value.reference == receipt.reference
    house.bad.append(Bad("GET", receipt.reference, 500))
    with pytest.raises(InDoubt):
        await carrier.send(piece)
    assert [one.key for one in await carrier.ask([Receipt(piece.key)])] == [piece.key]


async def test_recall_while_it_can_be(house: Pingen, carrier: PingenCarrier) -> None:
    receipt = await carrier.send(letter())
    await carrier.recall(receipt)
    assert [one.kind for one in await carrier.ask([receipt])] == [EventKind.CANCELLED]
    house.late = True
    with pytest.raises(Refused):
        await carrier.recall(receipt)


async def test_price(carrier: PingenCarrier) -> None:
    assert await carrier.quote(Options(), 2, "CH") == Price(1_250_000, "CHF")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("submitted", EventKind.HANDED_OVER),
        ("awaiting_credits", EventKind.DEFERRED),
        ("printing", EventKind.IN_PRODUCTION),
        ("sent", EventKind.MAILED),
        ("delivered", EventKind.DELIVERED),
        ("undeliverable", EventKind.RETURNED),
        ("rejected", EventKind.REFUSED),
    ],
)
async def test_states_asked_for(house: Pingen, carrier: PingenCarrier, status: str, kind: EventKind) -> None:
    receipt = await carrier.send(letter())
    house.letters[receipt.reference]["status"] = status
    (event,) = await carrier.ask([receipt, Receipt("k", "none")])
    assert (event.kind, event.key, event.at) == (kind, receipt.key, datetime(2026, 11, 23, 8, 42, 48, tzinfo=UTC))


@pytest.mark.parametrize("relation", ["letter", "deliverable"])
def test_webhooks(carrier: PingenCarrier, relation: str) -> None:
    (issue,) = carrier.read(knock(webhook("webhook_issues", relation=relation)))
    assert (issue.kind, issue.reference, issue.code) == (EventKind.REFUSED, "letter-1", "file_too_many_pages")
    assert issue.text == "Page limit exceeded"
    (sent,) = carrier.read(knock(webhook("webhook_sent")))
    assert (sent.kind, sent.code) == (EventKind.MAILED, "")
    corrected = {"name": "X", "street": "Y", "number": "1", "zip": "8000", "city": "Zürich"}
    (back,) = carrier.read(knock(webhook("webhook_undeliverable", reason="Recipient moved", corrected_address=corrected)))
    assert (back.kind, back.address_dead, back.detail) == (EventKind.RETURNED, True, {"corrected_address": corrected})
    (strange,) = carrier.read(knock(webhook("webhook_sublimated")))
    assert strange.kind is EventKind.UNKNOWN


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, {"data": {"type": "webhook_sent", "relationships": 3}}])
def test_a_genuine_webhook_of_an_unknown_form_is_kept_as_unknown(carrier: PingenCarrier, body: Any) -> None:
    (event,) = carrier.read(knock(body))
    assert event.kind is EventKind.UNKNOWN


def test_without_a_secret_every_knock_is_forged(house: Pingen) -> None:
    with pytest.raises(Forged):
        carrier_of(house, None, "").read(knock(webhook("webhook_sent"), ""))


def test_conflicts_are_named_before_sending(carrier: PingenCarrier) -> None:
    assert [one.code for one in carrier.conflicts(Options(), 320, "CH")] == []
    assert [one.code for one in carrier.conflicts(Options(envelope=Envelope.DL), 321, "CH")] == ["house-pages", "house-envelope"]
