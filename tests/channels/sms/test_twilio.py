"""Twilio: the contract, what goes out, what its noes mean, its callbacks. Answers have the shape of its API description."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from postoffice.channels.rest import Site, basic
from postoffice.channels.sms.twilio import Account, TwilioCarrier
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import Forged, InDoubt, Refused, TryLater
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import ListLog, make_piece
from tests.channels.sms.web import Call, Provider, serving

SID, TOKEN, CALLBACK = "AC" + "0" * 32, "auth-token", "https://post.example/hooks/c1"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
REFUSALS = {"97": (400, 21408, {}), "98": (400, 21211, {}), "99": (429, 20429, {"Retry-After": "17"})}


def sms(**changes) -> Piece:
    return make_piece(Channel.SMS, **changes)


class Twilio(Provider):
    """Takes messages and tells their states."""

    def __init__(self) -> None:
        super().__init__(self.reply)
        self.taken: list[tuple[str, str]] = []
        self.states: dict[str, dict[str, Any]] = {}

    def reply(self, call: Call) -> tuple[int, Any, dict[str, str]] | None:
        if call.method == "GET":
            state = self.states.get(call.path.rpartition("/")[2].removesuffix(".json"))
            return (200, state, {}) if state else (404, {"code": 20404, "message": "not found", "status": 404}, {})
        status, code, headers = REFUSALS.get(call.form["To"][-2:], (201, 0, {}))
        if status != 201:
            return status, {"code": code, "message": f"No message to {call.form['To']}", "status": status}, headers
        sid = f"SM{len(self.taken):032x}"
        self.taken.append((sid, call.form.get("StatusCallback", "")))
        self.tell(sid, "queued")
        return 201, self.states[sid], {}

    def tell(self, sid: str, status: str, code: int | None = None, text: str | None = None) -> None:
        self.states[sid] = {
            "sid": sid,
            "status": status,
            "error_code": code,
            "error_message": text,
            "num_segments": "1",
            "date_updated": "Mon, 23 Nov 2026 09:00:00 +0000",
        }


def carrier_of(url: str, **account) -> TwilioCarrier:
    site = Site(url, headers=basic(SID, TOKEN), seconds=2.0)
    return TwilioCarrier("twilio", Account(SID, TOKEN, **{"callback": CALLBACK} | account), site, ListLog())


def knock(form: dict[str, str], *, key: str = "", token: str = TOKEN, url: str = "") -> Knock:
    """As Twilio signs: https://www.twilio.com/docs/usage/security#validating-requests."""
    signed = (url or CALLBACK + (f"?key={key}" if key else "")) + "".join(f"{name}{form[name]}" for name in sorted(form))
    signature = base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    return Knock("POST", "/hooks/c1", headers, {"key": key} if key else {}, urlencode(form).encode(), NOW)


class TwilioBench:
    def __init__(self, provider: Twilio) -> None:
        self.provider = provider
        self.carrier = carrier_of(provider.url)

    def handed_over(self, key: str) -> int:
        return sum(callback.endswith(f"?key={key}") for _, callback in self.provider.taken)

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
        form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        right = knock(form)
        return (
            knock(form, token="another"),
            knock(form, token=""),
            knock(form, url="https://evil.example/hooks/c1"),
            Knock("POST", right.path, right.headers, {"key": "another"}, right.body, NOW),
            Knock("POST", right.path, right.headers, {}, right.body + b"&ErrorCode=1", NOW),
            Knock("POST", right.path, {"x-twilio-signature": "\udcff"}, {}, right.body, NOW),
            Knock("POST", right.path, right.headers, {}, b"&".join(b"a=1" for _ in range(2000)), NOW),
        )


@pytest.fixture
async def provider() -> AsyncIterator[Twilio]:
    async with serving(Twilio()) as running:
        assert isinstance(running, Twilio)
        yield running


@pytest.fixture
async def carrier(provider: Twilio) -> AsyncIterator[TwilioCarrier]:
    made = carrier_of(provider.url)
    yield made
    await made.close()


class TestTwilioContract(CarrierContract):
    @pytest.fixture
    async def bench(self, provider: Twilio) -> AsyncIterator[TwilioBench]:
        made = TwilioBench(provider)
        yield made
        await made.carrier.close()


async def test_what_twilio_gets(provider: Twilio, carrier: TwilioCarrier) -> None:
    piece = sms(text="Fête à 5 €")
    receipt = await carrier.send(piece)
    (call,) = provider.calls
    assert call.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert call.form == {"To": piece.to, "From": "MAIRIE", "Body": "Fête à 5 €", "StatusCallback": f"{CALLBACK}?key={piece.key}"}
    assert call.headers["Authorization"] == "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    assert receipt.reference.startswith("SM")


async def test_a_service_chooses_the_sender(provider: Twilio) -> None:
    carrier = carrier_of(provider.url, service="MG" + "0" * 32, callback="")
    await carrier.send(sms(sender="+33612345678"))
    assert "From" not in provider.calls[0].form
    assert provider.calls[0].form["MessagingServiceSid"].startswith("MG")
    await carrier.close()


async def test_too_fast_tells_when_and_hides_the_number(carrier: TwilioCarrier) -> None:
    with pytest.raises(TryLater) as caught:
        await carrier.send(sms(to="+33639980099"))
    assert (caught.value.code, caught.value.after) == ("20429", timedelta(seconds=17))
    assert "[number]" in caught.value.reason
    assert "33639980099" not in caught.value.reason


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead"),
    [
        (400, 21211, Refused, True),
        (400, 21614, Refused, True),
        (400, 21610, Refused, False),  # the recipient said STOP to this sender
        (400, 21606, Refused, False),
        (401, 20003, TryLater, False),
        (403, 20005, TryLater, False),
        (429, 63038, TryLater, False),
        (500, 20500, TryLater, False),
        (503, 0, TryLater, False),
        (302, 0, TryLater, False),
        (502, 0, InDoubt, False),  # a proxy that does not know
        (504, 0, InDoubt, False),
    ],
)
async def test_noes(provider: Twilio, carrier: TwilioCarrier, status: int, code: int, kind: type, dead: bool) -> None:
    provider.answer = lambda call: (status, {"code": code, "message": "no"}, {"Location": "https://evil.example/"})
    with pytest.raises(kind) as caught:
        await carrier.send(sms())
    assert getattr(caught.value, "address_dead", False) is dead
    assert len(provider.calls) == 1


async def test_the_line_breaks_after_the_last_byte(provider: Twilio, carrier: TwilioCarrier) -> None:
    provider.answer = lambda call: None
    with pytest.raises(InDoubt):
        await carrier.send(sms())
    assert len(provider.calls) == 1  # nothing is repeated here


async def test_no_answer_in_time_is_doubt(provider: Twilio) -> None:
    provider.delay = 1.0
    carrier = TwilioCarrier("twilio", Account(SID, TOKEN), Site(provider.url, seconds=0.3), ListLog())
    with pytest.raises(InDoubt):
        await carrier.send(sms())
    await carrier.close()


@pytest.mark.parametrize("body", [[], "x", {}, {"sid": None}])
async def test_a_yes_without_a_name_is_doubt(provider: Twilio, carrier: TwilioCarrier, body: Any) -> None:
    provider.answer = lambda call: (201, body, {})
    with pytest.raises(InDoubt):
        await carrier.send(sms())


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead"),
    [
        ("sent", None, EventKind.HANDED_OVER, False),
        ("delivered", None, EventKind.DELIVERED, False),
        ("undelivered", 30005, EventKind.BOUNCED, True),
        ("undelivered", 30003, EventKind.BOUNCED, False),
        ("failed", 30007, EventKind.REFUSED, False),
        ("canceled", None, EventKind.CANCELLED, False),
    ],
)
async def test_states_asked_for(provider: Twilio, carrier: TwilioCarrier, status: str, code: int, kind: EventKind, dead: bool) -> None:
    receipt = await carrier.send(sms())
    provider.tell(receipt.reference, status, code, "Unknown handset +33639980042" if code else None)
    (event,) = await carrier.ask([receipt, Receipt("k", "SM" + "f" * 32), Receipt("in-doubt")])
    assert (event.kind, event.key, event.at, event.address_dead) == (kind, receipt.key, NOW, dead)
    assert event.code == (str(code) if code else "")
    assert "33639980042" not in event.text


async def test_a_provider_that_cannot_be_asked_is_later(provider: Twilio, carrier: TwilioCarrier) -> None:
    receipt = await carrier.send(sms())
    provider.answer = lambda call: (503, {}, {"Retry-After": "9"})
    with pytest.raises(TryLater):
        await carrier.ask([receipt] * 30)
    assert len(provider.calls) <= 1 + 10  # it was left alone


async def test_a_callback_finds_its_delivery_by_key_and_reference(carrier: TwilioCarrier) -> None:
    piece = sms()
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30005", "To": piece.to}
    (event,) = carrier.read(knock(form, key=piece.key))
    assert (event.kind, event.key, event.reference, event.code) == (EventKind.BOUNCED, piece.key, "SM1", "30005")
    assert (event.at, event.address_dead) == (NOW, True)


@pytest.mark.parametrize(
    ("more", "kind", "code"),
    [
        ({"Body": "Arrêt"}, EventKind.OPTED_OUT, "STOP"),
        ({"Body": "quoi ?", "OptOutType": "STOP"}, EventKind.OPTED_OUT, "STOP"),
        ({"Body": "CONTACT"}, EventKind.REPLIED, "CONTACT"),
        ({"Body": "Merci & à bientôt"}, EventKind.REPLIED, ""),
        ({"Body": ""}, EventKind.REPLIED, ""),
    ],
)
def test_recipients_answers(more: dict[str, str], kind: EventKind, code: str) -> None:
    form = {"MessageSid": "SM2", "SmsStatus": "received", "From": "+33639980042", "To": "+33199000001", **more}
    (event,) = carrier_of("https://api.example").read(knock(form))
    assert (event.kind, event.code, event.text) == (kind, code, more["Body"])
    assert event.detail == {"from": "+33639980042", "to": "+33199000001"}


def test_without_a_webhook_address_every_knock_is_forged() -> None:
    with pytest.raises(Forged):
        carrier_of("https://api.example", callback="").read(knock({"MessageStatus": "sent"}, url=""))
