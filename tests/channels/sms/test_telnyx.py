"""Telnyx: the contract, what goes out, what its noes mean, its webhooks. Answers have the shape of its API description."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from postoffice.channels.rest import Site
from postoffice.channels.sms.telnyx import Account, TelnyxCarrier
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import Forged, InDoubt, Refused, TryLater
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import ListLog, make_piece
from tests.channels.sms.web import Call, Provider, serving

CALLBACK = "https://post.example/hooks/c2"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
REFUSALS = {"97": (400, "40305", {}), "98": (400, "40310", {}), "99": (429, "10011", {"Retry-After": "17"})}


def sms(**changes) -> Piece:
    return make_piece(Channel.SMS, **changes)


def error(code: str, detail: str = "no") -> dict[str, Any]:
    return {"errors": [{"code": code, "title": "Error", "detail": detail}]}


class Telnyx(Provider):
    """Takes messages and tells their states."""

    def __init__(self) -> None:
        super().__init__(self.reply)
        self.messages: dict[str, dict[str, Any]] = {}

    def reply(self, call: Call) -> tuple[int, Any, dict[str, str]] | None:
        if call.method == "GET":
            message = self.messages.get(call.path.rpartition("/")[2])
            return (200, {"data": message}, {}) if message else (404, error("10005"), {})
        status, code, headers = REFUSALS.get(call.form["to"][-2:], (200, "", {}))
        if status != 200:
            return status, error(code, f"No message to {call.form['to']}"), headers
        number = f"40385f64-5717-4562-b3fc-{len(self.messages):012x}"
        self.messages[number] = {
            "id": number,
            "direction": "outbound",
            "to": [{"phone_number": call.form["to"], "status": "queued"}],
            "errors": [],
            "webhook_url": call.form.get("webhook_url"),
            "received_at": "2026-11-23T09:00:00.000Z",
            "sent_at": None,
            "completed_at": None,
        }
        return 200, {"data": self.messages[number]}, {}

    def tell(self, number: str, status: str, *errors: dict[str, Any]) -> None:
        self.messages[number]["to"][0]["status"] = status
        self.messages[number]["errors"] = list(errors)


def carrier_of(url: str, **account) -> TelnyxCarrier:
    site = Site(url, headers={"Authorization": "Bearer KEY"}, seconds=2.0)
    return TelnyxCarrier("telnyx", Account(**{"callback": CALLBACK, "public_key": PUBLIC} | account), site, ListLog())


def knock(data: Any, *, at: datetime = NOW, key: Ed25519PrivateKey = PRIVATE, **headers: str) -> Knock:
    """As Telnyx signs: https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks."""
    body = json.dumps({"data": data}).encode() if not isinstance(data, bytes) else data
    stamp = str(int(at.timestamp()))
    signature = base64.b64encode(key.sign(f"{stamp}|".encode() + body)).decode()
    return Knock("POST", "/hooks/c2", {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp, **headers}, {}, body, NOW)


def finalized(status: str, key: str = "", **payload) -> dict[str, Any]:
    address = f"{CALLBACK}?key={key}" if key else None
    return {
        "event_type": "message.finalized",
        "occurred_at": "2026-11-23T08:59:58.500Z",
        "payload": {"id": "m1", "to": [{"status": status}], "webhook_url": address, "errors": [], **payload},
    }


class TelnyxBench:
    def __init__(self, provider: Telnyx) -> None:
        self.provider = provider
        self.carrier = carrier_of(provider.url)

    def handed_over(self, key: str) -> int:
        return sum(str(one["webhook_url"]).endswith(f"?key={key}") for one in self.provider.messages.values())

    def later(self) -> Piece:
        return sms(to="+33639980099")

    def refused(self) -> Piece:
        return sms(to="+33639980097")

    def dead(self) -> Piece:
        return sms(to="+33639980098")

    async def unreachable(self) -> None:
        await self.provider.stop()

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        self.provider.tell(receipt.reference, "SUBLIMATED")
        return await self.carrier.ask([receipt])

    def forged(self) -> Sequence[Knock]:
        data = finalized("delivered")
        right = knock(data)
        return (
            knock(data, key=Ed25519PrivateKey.generate()),
            knock(data, at=NOW - timedelta(minutes=6)),
            knock(data, **{"telnyx-timestamp": "0"}),
            knock(data, **{"telnyx-timestamp": "\udcff"}),
            knock(data, **{"telnyx-signature-ed25519": "no base64 at all"}),
            knock(data, **{"telnyx-signature-ed25519": ""}),
            Knock("POST", right.path, right.headers, {}, right.body + b" ", NOW),
        )


@pytest.fixture
async def provider() -> AsyncIterator[Telnyx]:
    async with serving(Telnyx()) as running:
        assert isinstance(running, Telnyx)
        yield running


@pytest.fixture
async def carrier(provider: Telnyx) -> AsyncIterator[TelnyxCarrier]:
    made = carrier_of(provider.url)
    yield made
    await made.close()


class TestTelnyxContract(CarrierContract):
    @pytest.fixture
    async def bench(self, provider: Telnyx) -> AsyncIterator[TelnyxBench]:
        made = TelnyxBench(provider)
        yield made
        await made.carrier.close()


async def test_what_telnyx_gets(provider: Telnyx) -> None:
    carrier = carrier_of(provider.url, profile="p1")
    piece = sms(text="Fête à 5 €")
    receipt = await carrier.send(piece)
    (call,) = provider.calls
    assert (call.path, call.headers["Authorization"]) == ("/messages", "Bearer KEY")
    assert call.form == {
        "to": piece.to,
        "from": "MAIRIE",
        "text": "Fête à 5 €",
        "type": "SMS",
        "messaging_profile_id": "p1",
        "webhook_url": f"{CALLBACK}?key={piece.key}",
    }
    assert receipt.reference in provider.messages
    await carrier.close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead"),
    [
        (400, "40310", Refused, True),
        (422, "40012", Refused, True),
        (400, "40300", Refused, False),  # the recipient said STOP to this sender
        (422, "10004", Refused, False),
        (401, "10009", TryLater, False),
        (429, "40318", TryLater, False),
        (500, "10007", TryLater, False),
        (504, "", InDoubt, False),
    ],
)
async def test_noes(provider: Telnyx, carrier: TelnyxCarrier, status: int, code: str, kind: type, dead: bool) -> None:
    provider.answer = lambda call: (status, error(code), {})
    with pytest.raises(kind) as caught:
        await carrier.send(sms())
    assert getattr(caught.value, "address_dead", False) is dead
    assert len(provider.calls) == 1


async def test_too_fast_tells_when_and_hides_the_number(carrier: TelnyxCarrier) -> None:
    with pytest.raises(TryLater) as caught:
        await carrier.send(sms(to="+33639980099"))
    assert (caught.value.code, caught.value.after) == ("10011", timedelta(seconds=17))
    assert "33639980099" not in caught.value.reason


async def test_the_line_breaks_after_the_last_byte(provider: Telnyx, carrier: TelnyxCarrier) -> None:
    provider.answer = lambda call: None
    with pytest.raises(InDoubt):
        await carrier.send(sms())
    assert len(provider.calls) == 1


@pytest.mark.parametrize("body", [[], {}, {"data": None}, {"data": []}, {"errors": "x"}])
async def test_a_yes_without_a_name_is_doubt(provider: Telnyx, carrier: TelnyxCarrier, body: Any) -> None:
    provider.answer = lambda call: (200, body, {})
    with pytest.raises(InDoubt):
        await carrier.send(sms())


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead"),
    [
        ("sent", "", EventKind.HANDED_OVER, False),
        ("delivery_unconfirmed", "", EventKind.HANDED_OVER, False),
        ("delivered", "", EventKind.DELIVERED, False),
        ("delivery_failed", "40012", EventKind.BOUNCED, True),
        ("delivery_failed", "40008", EventKind.BOUNCED, False),
        ("sending_failed", "40003", EventKind.REFUSED, False),
        ("expired", "40014", EventKind.EXPIRED, False),
    ],
)
async def test_states_asked_for(provider: Telnyx, carrier: TelnyxCarrier, status: str, code: str, kind: EventKind, dead: bool) -> None:
    receipt = await carrier.send(sms())
    provider.tell(receipt.reference, status, *([{"code": code, "title": "To +33639980042"}] if code else []))
    (event,) = await carrier.ask([receipt, Receipt("k", "unknown"), Receipt("in-doubt")])
    assert (event.kind, event.key, event.at, event.code, event.address_dead) == (kind, receipt.key, NOW, code, dead)
    assert "33639980042" not in event.text


def test_a_webhook_finds_its_delivery_by_the_key_in_the_signed_body() -> None:
    (event,) = carrier_of("https://api.example").read(knock(finalized("delivered", "01k")))
    assert (event.kind, event.key, event.reference) == (EventKind.DELIVERED, "01k", "m1")
    assert event.at == datetime(2026, 11, 23, 8, 59, 58, 500000, tzinfo=UTC)  # theirs, so that a repetition is the same news


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [("STOP", EventKind.OPTED_OUT, "STOP"), ("Merci", EventKind.REPLIED, ""), (None, EventKind.REPLIED, "")],
)
def test_recipients_answers(text: str | None, kind: EventKind, code: str) -> None:
    payload = {"from": {"phone_number": "+33639980042"}, "to": [{"phone_number": "+33199000001"}], "text": text}
    data = {"event_type": "message.received", "occurred_at": "2026-11-23T09:00:00Z", "payload": payload}
    (event,) = carrier_of("https://api.example").read(knock(data))
    assert (event.kind, event.code, event.text) == (kind, code, text or "")
    assert event.detail == {"from": "+33639980042", "to": "+33199000001"}


@pytest.mark.parametrize("data", [None, [], {}, {"event_type": "x", "payload": 3}, b"{", b"[" * 100_000, finalized("SUBLIMATED")])
def test_a_genuine_webhook_of_an_unknown_form_is_kept_as_unknown(data: Any) -> None:
    (event,) = carrier_of("https://api.example").read(knock(data))
    assert event.kind is EventKind.UNKNOWN


def test_without_a_public_key_every_knock_is_forged() -> None:
    with pytest.raises(Forged):
        carrier_of("https://api.example", public_key="").read(knock(finalized("delivered")))
