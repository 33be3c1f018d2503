"""Telnyx fax: the contract, what goes out, what its noes mean, its webhooks. Answers have the shape of its API description."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from postoffice.channels.catalogue import build
from postoffice.channels.fax.telnyx import Account, TelnyxFaxCarrier
from postoffice.channels.kind import BadSetting
from postoffice.channels.rest import Site
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Pages, Piece, Receipt
from postoffice.model.errors import Forged, InDoubt, Refused, TryLater
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import ListLog, MemoryBox, make_piece
from tests.channels.fax.test_hylafax import STOP, SmallWorkshop, foot_ink, letter
from tests.channels.sms.web import Call, Provider, serving

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
REFUSALS = {"97": (422, "10015", {}), "99": (429, "10011", {"Retry-After": "17"})}


def fax(**changes: Any) -> Piece:
    return make_piece(Channel.FAX, **{"pages": Pages("0" * 64, 1, 2, letter)} | changes)


class Telnyx(Provider):
    """Takes faxes and tells their states."""

    def __init__(self) -> None:
        super().__init__(self.reply)
        self.faxes: dict[str, dict[str, Any]] = {}
        self.contents: list[bytes] = []

    def reply(self, call: Call) -> tuple[int, Any, dict[str, str]] | None:
        if call.method == "GET":
            found = self.faxes.get(call.path.rpartition("/")[2])
            return (200, {"data": found}, {}) if found else (404, {"errors": [{"code": "404", "title": "Not Found"}]}, {})
        status, code, headers = REFUSALS.get(call.form["to"][-2:], (202, "", {}))
        if status != 202:
            return status, {"errors": [{"code": code, "title": "No", "detail": f"no fax to {call.form['to']}"}]}, headers
        self.contents.append(call.form["contents"].file.read())
        number = f"0ccc7b54-4df3-4bca-a65a-{len(self.faxes):012x}"
        self.faxes[number] = {
            "id": number,
            "direction": "outbound",
            "status": "queued",
            "to": call.form["to"],
            "updated_at": "2026-11-23T09:00:00Z",
        }
        return 202, {"data": self.faxes[number]}, {}


def carrier_of(url: str, *, draw: bool = False, **account: Any) -> TelnyxFaxCarrier:
    site = Site(url, headers={"Authorization": "Bearer KEY"}, seconds=2.0)
    made = Account(**{"connection": "234423", "sender": "+33199000001", "public_key": PUBLIC} | account)
    return TelnyxFaxCarrier("telnyx", made, site, ListLog(), None if draw else SmallWorkshop())


def knock(data: Any, *, at: datetime = NOW, key: Ed25519PrivateKey = PRIVATE, **headers: str) -> Knock:
    body = json.dumps({"data": data}).encode() if not isinstance(data, bytes) else data
    stamp = str(int(at.timestamp()))
    signature = base64.b64encode(key.sign(f"{stamp}|".encode() + body)).decode()
    return Knock("POST", "/hooks/c2", {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp, **headers}, {}, body, NOW)


def news(word: str, **payload: Any) -> dict[str, Any]:
    """As the description's examples of fax.delivered and fax.failed."""
    return {
        "event_type": f"fax.{word}",
        "occurred_at": "2026-11-23T08:59:58.500Z",
        "payload": {"fax_id": "f1", "status": word, "direction": "outbound", "to": "+33199000042", **payload},
    }


class Bench:
    def __init__(self, provider: Telnyx) -> None:
        self.provider = provider
        self.carrier = carrier_of(provider.url)
        self.keys: dict[str, str] = {}

    def handed_over(self, key: str) -> int:
        receipt = self.carrier._sent.get(key)
        return int(receipt is not None and receipt.reference in self.provider.faxes)

    def later(self) -> Piece:
        return fax(to="+33199000099")

    def refused(self) -> Piece:
        return fax(to="+33199000097")

    def dead(self) -> None:
        return None

    async def unreachable(self) -> None:
        await self.provider.stop()

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        self.provider.faxes[receipt.reference]["status"] = "SUBLIMATED"
        return await self.carrier.ask([receipt])

    def forged(self) -> Sequence[Knock]:
        data = news("delivered")
        right = knock(data)
        return (
            knock(data, key=Ed25519PrivateKey.generate()),
            knock(data, at=NOW - timedelta(minutes=6)),
            knock(data, **{"telnyx-signature-ed25519": "no base64 at all"}),
            Knock("POST", right.path, right.headers, {}, right.body + b" ", NOW),
        )


@pytest.fixture
async def provider() -> AsyncIterator[Telnyx]:
    async with serving(Telnyx()) as running:
        assert isinstance(running, Telnyx)
        yield running


@pytest.fixture
async def carrier(provider: Telnyx) -> AsyncIterator[TelnyxFaxCarrier]:
    made = carrier_of(provider.url)
    yield made
    await made.close()


class TestTelnyxFaxContract(CarrierContract):
    @pytest.fixture
    async def bench(self, provider: Telnyx) -> AsyncIterator[Bench]:
        made = Bench(provider)
        yield made
        await made.carrier.close()


async def test_each_fax_is_created_once(provider: Telnyx, carrier: TelnyxFaxCarrier) -> None:
    piece = fax()
    assert await carrier.send(piece) == await carrier.send(piece)
    assert len(provider.faxes) == 1


async def test_what_telnyx_gets(provider: Telnyx) -> None:
    carrier = carrier_of(provider.url, draw=True)
    piece = fax()
    await carrier.send(piece)
    (call,) = provider.calls
    assert (call.path, call.headers["Authorization"]) == ("/faxes", "Bearer KEY")
    sent = {name: value for name, value in call.form.items() if name != "contents"}
    assert sent == {"connection_id": "234423", "from": "+33199000001", "to": piece.to, "quality": "high"}
    with Image.open(BytesIO(provider.contents[0])) as image:
        assert (image.size, image.info["compression"]) == ((1728, 2287), "group4")
    await carrier.close()


async def test_an_offer_says_at_its_foot_how_to_stop_offers(provider: Telnyx) -> None:
    carrier = carrier_of(provider.url, draw=True)
    await carrier.send(fax())
    await carrier.send(fax(foot=STOP))
    plain, offer = provider.contents
    assert foot_ink(plain) == 0 < foot_ink(offer)
    await carrier.close()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(422, "10004", Refused), (401, "10009", TryLater), (500, "10007", TryLater), (504, "", InDoubt)],
)
async def test_noes(provider: Telnyx, carrier: TelnyxFaxCarrier, status: int, code: str, kind: type) -> None:
    provider.answer = lambda call: (status, {"errors": [{"code": code, "title": "No"}]}, {})
    with pytest.raises(kind):
        await carrier.send(fax())
    assert len(provider.calls) == 1


async def test_too_fast_tells_when_and_hides_the_number(carrier: TelnyxFaxCarrier) -> None:
    with pytest.raises(TryLater) as caught:
        await carrier.send(fax(to="+33199000099"))
    assert caught.value.after == timedelta(seconds=17)
    assert "33199000099" not in caught.value.reason


@pytest.mark.parametrize("body", [[], {}, {"data": None}, {"data": {}}])
async def test_a_yes_without_a_name_is_doubt(provider: Telnyx, carrier: TelnyxFaxCarrier, body: Any) -> None:
    provider.answer = lambda call: (202, body, {})
    with pytest.raises(InDoubt):
        await carrier.send(fax())


async def test_the_line_breaks_after_the_last_byte(provider: Telnyx, carrier: TelnyxFaxCarrier) -> None:
    provider.answer = lambda call: None
    with pytest.raises(InDoubt):
        await carrier.send(fax())
    assert len(provider.calls) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [("sending", EventKind.HANDED_OVER), ("delivered", EventKind.DELIVERED), ("failed", EventKind.BOUNCED)],
)
async def test_states_asked_for(provider: Telnyx, carrier: TelnyxFaxCarrier, status: str, kind: EventKind) -> None:
    receipt = await carrier.send(fax())
    provider.faxes[receipt.reference]["status"] = status
    (event,) = await carrier.ask([receipt, Receipt("k", "unknown"), Receipt("in-doubt")])
    assert (event.kind, event.key, event.at) == (kind, receipt.key, NOW)


@pytest.mark.parametrize(
    ("reason", "kind", "code", "dead"),
    [
        ("rejected", EventKind.REFUSED, "rejected", False),
        ("user_busy", EventKind.EXPIRED, "busy", False),
        ("receiver_no_answer", EventKind.EXPIRED, "no-answer", False),
        ("receiver_unallocated_number", EventKind.BOUNCED, "receiver_unallocated_number", True),
        ("a_word_of_tomorrow", EventKind.BOUNCED, "a_word_of_tomorrow", False),
    ],
)
def test_failures_by_webhook(reason: str, kind: EventKind, code: str, dead: bool) -> None:
    (event,) = carrier_of("https://api.example").read(knock(news("failed", failure_reason=reason)))
    assert (event.kind, event.code, event.address_dead, event.reference) == (kind, code, dead, "f1")


def test_pages_confirmed_by_webhook() -> None:
    (event,) = carrier_of("https://api.example").read(knock(news("delivered", page_count=2)))
    assert (event.kind, event.detail["pages"]) == (EventKind.DELIVERED, 2)
    assert event.at == datetime(2026, 11, 23, 8, 59, 58, 500000, tzinfo=UTC)


@pytest.mark.parametrize("data", [None, [], {}, {"event_type": "x", "payload": 3}, b"{", b"[" * 100_000, news("SUBLIMATED")])
def test_a_genuine_webhook_of_an_unknown_form_is_kept_as_unknown(data: Any) -> None:
    (event,) = carrier_of("https://api.example").read(knock(data))
    assert event.kind is EventKind.UNKNOWN


def test_without_a_public_key_every_knock_is_forged() -> None:
    with pytest.raises(Forged):
        carrier_of("https://api.example", public_key="").read(knock(news("delivered")))


@pytest.mark.parametrize(
    "wrong", [{"sender": "0199000001"}, {"url": "http://api.example"}, {"api_key": "k\u00e9"}, {"public_key": "AAAA"}]
)
def test_settings_that_cannot_be(wrong: dict[str, str]) -> None:
    least = {"api_key": "k", "connection": "1", "sender": "+33199000001"}
    with pytest.raises(BadSetting):
        build("telnyx-fax", "fax", least | wrong, box=MemoryBox(), log=ListLog())
