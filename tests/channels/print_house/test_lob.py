"""Lob: the contract, what goes out, what its noes mean, recall, its webhooks. Answers have the shape of its API description."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postoffice.channels.print_house.lob import Account, LobCarrier, address_of
from postoffice.channels.rest import Site, basic
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Forged, InDoubt, Refused, TryLater
from postoffice.model.ids import first_id_of
from postoffice.model.mailing import Envelope, Options, Postage
from postoffice.model.ports import Advises, Recalls
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import PDF, make_piece
from tests.channels.sms.web import Call, Provider, serving

SENDER = ("ACME INC", "185 BERRY ST", "SAN FRANCISCO CA 94107")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DATE = "2026-11-23T09:00:00.000Z"
SECRET = "whs"
#: the name on the letter asks for it
REFUSALS = {
    "LATER": (429, "rate_limit_exceeded", {"Retry-After": "17"}),
    "REFUSED": (422, "invalid_file_dimensions", {}),
    "DEAD": (422, "failed_deliverability_strictness", {}),
}


def letter(**changes: Any) -> Piece:
    return make_piece(Channel.POST, **changes)


def named(name: str) -> Piece:
    piece = letter()
    assert piece.address
    return replace(piece, address=replace(piece.address, lines=(name, *piece.address.lines[1:])))


def error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"no: {code}", "status_code": 422}}


class Lob(Provider):
    """Makes letters, and remembers keys as Lob does."""

    def __init__(self) -> None:
        super().__init__(self.reply)
        self.letters: dict[str, dict[str, Any]] = {}
        self.by_key: dict[str, str] = {}
        self.forms: list[dict[str, Any]] = []
        self.late = False

    def reply(self, call: Call) -> tuple[int, Any, dict[str, str]] | None:
        number = call.path.rpartition("/")[2]
        if call.method == "GET" and number == "letters":
            return 200, {"data": [self.letters[self.by_key[k]] for k in self.by_key if k in self.wanted(call)]}, {}
        if call.method != "POST":
            if number not in self.letters:
                return 404, error("not_found"), {}
            if call.method == "DELETE" and self.late:
                return 422, error("not_deletable"), {}
            self.letters[number] |= {"deleted": True, "date_modified": DATE} if call.method == "DELETE" else {}
            return 200, self.letters[number], {}
        with call.form["file"].file as file:
            self.forms.append({**call.form, "file": file.read()})
        status, code, headers = REFUSALS.get(call.form["to[name]"], (200, "", {}))
        if status != 200:
            return status, error(code), headers
        key = call.headers["Idempotency-Key"]
        if key not in self.by_key:
            made = f"ltr_{len(self.letters):016x}"
            metadata = {"postoffice_key": call.form["metadata[postoffice_key]"]}
            self.letters[made] = {"id": made, "date_created": DATE, "metadata": metadata, "tracking_events": []}
            self.by_key[key] = made
        return 200, self.letters[self.by_key[key]], {}

    def wanted(self, call: Call) -> str:
        return str(self.question)

    question = ""


def carrier_of(url: str, **account: Any) -> LobCarrier:
    return LobCarrier("lob", Account(SENDER, **{"secret": SECRET} | account), Site(url, basic("test_k", ""), 2.0))


def knock(shape: Any, *, at: datetime = NOW, secret: str = SECRET, **headers: str) -> Knock:
    """As Lob signs: https://help.lob.com, Using webhooks."""
    body = shape if isinstance(shape, bytes) else json.dumps(shape).encode()
    stamp = str(int(at.timestamp() * 1000))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Knock("POST", "/hooks/x", {"lob-signature": signature, "lob-signature-timestamp": stamp, **headers}, {}, body, NOW)


def event(word: str, key: str = "k1", **letter: Any) -> dict[str, Any]:
    body = {"id": "ltr_1", "metadata": {"postoffice_key": key}, **letter}
    return {"id": "evt_1", "event_type": {"id": word, "resource": "letters"}, "date_created": DATE, "body": body}


class LobBench:
    """See contract.Bench."""

    def __init__(self, provider: Lob) -> None:
        self.provider = provider
        self.carrier = carrier_of(provider.url)

    def handed_over(self, key: str) -> int:
        return int(key in self.provider.by_key)

    def later(self) -> Piece:
        return named("LATER")

    def refused(self) -> Piece:
        return named("REFUSED")

    def dead(self) -> Piece:
        return named("DEAD")

    async def unreachable(self) -> None:
        await self.provider.stop()

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        self.provider.letters[receipt.reference]["tracking_events"] = [{"name": "SUBLIMATED", "time": DATE}]
        return await self.carrier.ask([receipt])

    def forged(self) -> Sequence[Knock]:
        right = knock(event("letter.mailed"))
        return (
            knock(event("letter.mailed"), secret="guess"),
            knock(event("letter.mailed"), at=NOW - timedelta(minutes=6)),
            knock(event("letter.mailed"), **{"lob-signature": "\udcff"}),
            knock(event("letter.mailed"), **{"lob-signature-timestamp": "soon\udcff"}),
            Knock("POST", right.path, right.headers, {}, right.body + b" ", NOW),
        )


@pytest.fixture
async def provider() -> AsyncIterator[Lob]:
    async with serving(Lob()) as running:
        assert isinstance(running, Lob)
        yield running


@pytest.fixture
async def carrier(provider: Lob) -> AsyncIterator[LobCarrier]:
    made = carrier_of(provider.url)
    yield made
    await made.close()


class TestLobContract(CarrierContract):
    @pytest.fixture
    async def bench(self, provider: Lob) -> AsyncIterator[LobBench]:
        made = LobBench(provider)
        yield made
        await made.carrier.close()


def test_abilities(carrier: LobCarrier) -> None:
    assert isinstance(carrier, Recalls) and isinstance(carrier, Advises)


async def test_what_lob_gets(provider: Lob, carrier: LobCarrier) -> None:
    piece = letter(options=Options(postage=Postage.REGISTERED, colour=True, duplex=False))
    await carrier.send(piece)
    (call,), (form,) = provider.calls, provider.forms
    assert (call.headers["Idempotency-Key"], call.headers["Authorization"]) == (piece.key, basic("test_k", "")["Authorization"])
    assert form == {
        "to[name]": "MME ANNA DUPONT",
        "to[address_line1]": "3 RUE DU LAC",
        "to[address_city]": "PARIS",
        "to[address_zip]": "75008",
        "to[address_country]": "FR",
        "from[name]": "ACME INC",
        "from[address_line1]": "185 BERRY ST",
        "from[address_city]": "SAN FRANCISCO",
        "from[address_state]": "CA",
        "from[address_zip]": "94107",
        "from[address_country]": "US",
        "color": "true",
        "double_sided": "false",
        "use_type": "operational",
        "mail_type": "usps_first_class",
        "extra_service": "registered",
        "metadata[postoffice_key]": piece.key,
        "file": PDF,
    }


async def test_registered_at_home_is_certified(provider: Lob, carrier: LobCarrier) -> None:
    home = PostalAddress(("JOE DOE", "1 MAIN ST", "SPRINGFIELD, IL 62701-1234"), "62701", "SPRINGFIELD", "US")
    await carrier.send(letter(address=home, options=Options(postage=Postage.REGISTERED)))
    assert provider.forms[0]["extra_service"] == "certified_return_receipt"
    assert (provider.forms[0]["to[address_city]"], provider.forms[0]["to[address_zip]"]) == ("SPRINGFIELD", "62701-1234")


async def test_a_key_that_lob_has_forgotten_is_looked_up_first(provider: Lob, carrier: LobCarrier) -> None:
    old = first_id_of(datetime.now(UTC) - timedelta(days=2))
    receipt = await carrier.send(letter(key=old))
    provider.question = old
    with pytest.raises(AlreadySent) as caught:
        await carrier.send(letter(key=old))
    assert caught.value.reference == receipt.reference
    assert [call.method for call in provider.calls] == ["GET", "POST", "GET"]
    provider.answer = lambda call: (503, error("service_unavailable"), {})
    with pytest.raises(InDoubt):
        await carrier.send(letter(key=old))


@pytest.mark.parametrize("answer", [None, (504, {}, {})])
async def test_the_line_breaks_after_the_last_byte(provider: Lob, carrier: LobCarrier, answer: Any) -> None:
    def broken(call: Call) -> Any:
        call.form["file"].file.close()
        return answer

    piece = letter()
    provider.answer = broken
    with pytest.raises(InDoubt):
        await carrier.send(piece)
    provider.answer = provider.reply
    assert (await carrier.send(piece)).key == piece.key  # the key tells repeats apart


async def test_recall_while_it_can_be(provider: Lob, carrier: LobCarrier) -> None:
    receipt = await carrier.send(letter())
    await carrier.recall(receipt)
    assert [one.kind for one in await carrier.ask([receipt])] == [EventKind.HANDED_OVER, EventKind.CANCELLED]
    provider.late = True
    with pytest.raises(Refused):
        await carrier.recall(await carrier.send(letter()))
    provider.answer = lambda call: (500, error("internal_server_error"), {})
    with pytest.raises(TryLater):
        await carrier.recall(receipt)


async def test_tracking_asked_for(provider: Lob, carrier: LobCarrier) -> None:
    receipt = await carrier.send(letter())
    steps = ["Mailed", "In Transit", "In Local Area", "Processed for Delivery", "Delivered", "Re-Routed", "Returned to Sender"]
    provider.letters[receipt.reference]["tracking_events"] = [{"name": name, "time": DATE, "details": None} for name in steps]
    kinds = [one.kind for one in await carrier.ask([receipt, Receipt("k", "ltr_none")])]
    assert kinds == [
        EventKind.HANDED_OVER,
        *[EventKind.MAILED] * 4,
        EventKind.DELIVERED,
        EventKind.MAILED,
        EventKind.RETURNED,
    ]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("letter.created", EventKind.HANDED_OVER),
        ("letter.rendered_pdf", EventKind.IN_PRODUCTION),
        ("letter.in_transit", EventKind.MAILED),
        ("letter.re-routed", EventKind.MAILED),
        ("letter.delivered", EventKind.DELIVERED),
        ("letter.certified.delivered", EventKind.DELIVERED),
        ("letter.certified.pickup_available", EventKind.DEFERRED),
        ("letter.returned_to_sender", EventKind.RETURNED),
        ("letter.failed", EventKind.REFUSED),
        ("letter.deleted", EventKind.CANCELLED),
        ("letter.return_envelope.created", EventKind.UNKNOWN),
        ("postcard.mailed", EventKind.UNKNOWN),
    ],
)
def test_webhooks(carrier: LobCarrier, word: str, kind: EventKind) -> None:
    (one,) = carrier.read(knock(event(word)))
    assert (one.kind, one.key, one.reference, one.at) == (kind, "k1", "ltr_1", NOW)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, {"event_type": {"id": "letter.mailed"}, "body": 3}])
def test_a_genuine_webhook_of_an_unknown_form_is_kept_as_unknown(carrier: LobCarrier, body: Any) -> None:
    (one,) = carrier.read(knock(body))
    assert one.kind is EventKind.UNKNOWN


def test_without_a_secret_every_knock_is_forged(provider: Lob) -> None:
    with pytest.raises(Forged):
        carrier_of(provider.url, secret="").read(knock(event("letter.mailed"), secret=""))


@pytest.mark.parametrize(
    ("options", "pages", "country", "codes"),
    [
        (Options(), 12, "FR", []),
        (Options(), 13, "FR", ["house-sheets"]),
        (Options(), 120, "US", []),
        (Options(), 121, "", ["house-sheets"]),
        (Options(envelope=Envelope.C4), 2, "US", ["house-envelope"]),
        (Options(postage=Postage.ECONOMY), 2, "US", []),
        (Options(postage=Postage.ECONOMY), 2, "CA", ["house-postage"]),
        (Options(postage=Postage.PRIORITY), 2, "US", ["house-postage"]),
        (Options(postage=Postage.REGISTERED), 2, "CA", []),
    ],
)
def test_conflicts_are_named_before_sending(carrier: LobCarrier, options: Options, pages: int, country: str, codes: list[str]) -> None:
    assert [one.code for one in carrier.conflicts(options, pages, country)] == codes


@pytest.mark.parametrize(
    "lines", [("JOE", "SPRINGFIELD IL 62701"), ("JOE", "1 MAIN ST", "SPRINGFIELD"), ("J" * 41, "1 MAIN ST", "X IL 62701")]
)
def test_addresses_that_lob_would_not_take(lines: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as caught:
        address_of(PostalAddress(lines, country="US"))
    assert "JOE" not in caught.value.reason and not caught.value.address_dead
