"""Maileva: the contract, what goes out, many letters in one sending, what comes back."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from postoffice.channels.print_house.maileva.carrier import MailevaCarrier
from postoffice.channels.print_house.maileva.paper import Account, address_of
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Pages, Piece, Receipt
from postoffice.model.errors import CarrierError, Forged, Refused, TryLater
from postoffice.model.mailing import Envelope, Options, Postage
from postoffice.model.ports import Advises, Batch, Proves, Recalls
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import PDF, make_piece
from tests.channels.print_house.maileva_house import PROOF, Bad, Maileva, basic, carrier_of, serving

REGISTERED = Options(postage=Postage.REGISTERED)
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


def letter(**changes: Any) -> Piece:
    return make_piece(Channel.POST, **changes)


def letters(count: int, *, pages: int = 2, **changes: Any) -> list[Piece]:
    """Letters of one document, whose pages can be had together: 1000 bytes a page."""

    async def alone() -> bytes:
        return PDF

    async def together(some: Sequence[Pages]) -> bytes:
        return b"%PDF" + b"x" * 1000 * sum(one.pages for one in some)

    return [letter(pages=Pages("0" * 64, 1 + pages * number, pages, alone, together), **changes) for number in range(count)]


class MailevaBench:
    """See contract.Bench."""

    def __init__(self, house: Maileva, folder: Path) -> None:
        self.house = house
        self.carrier = carrier_of(house.url, folder)

    def handed_over(self, key: str) -> int:
        return self.house.posted(key)

    def later(self) -> Piece:
        self.house.bad.append(Bad("POST", "/sendings$", 429, after="7"))
        return letter()

    def refused(self) -> Piece:
        return letter(address=PostalAddress(("MME ANNA DUPONT", "3 RUE DU LAC", "PARIS"), "", "PARIS", "FR"))

    def dead(self) -> None:
        return None

    async def unreachable(self) -> None:
        await self.house.stop()

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        self.house.recipient(receipt.key)["status"] = "SUBLIMATED"
        return await self.carrier.ask([receipt])

    def forged(self) -> Sequence[Knock]:
        body = json.dumps(notice("ON_STATUS_ACCEPTED", "po-1")).encode()
        given = ("", basic("maileva", "guess"), basic("other", "knock"), "Bearer knock", "Basic \udcff")
        return [Knock("POST", "/hooks/x", {"authorization": one}, {}, body, NOW) for one in given]


def notice(event: str, name: str, resource: str = "mail/v2/sendings") -> dict[str, Any]:
    """As the notification center's description shows it."""
    return {
        "source": "api.maileva.com",
        "event_type": event,
        "resource_type": resource,
        "event_date": "2026-11-24T10:23:31.137Z",
        "resource_id": "e6118f29",
        "resource_custom_id": name,
    }


def knock(shape: Any) -> Knock:
    body = shape if isinstance(shape, bytes) else json.dumps(shape).encode()
    return Knock("POST", "/hooks/x", {"authorization": basic("maileva", "knock")}, {}, body, NOW)


@pytest.fixture
async def house() -> AsyncIterator[Maileva]:
    async with serving(Maileva()) as running:
        yield running


@pytest.fixture
async def carrier(house: Maileva, tmp_path: Path) -> AsyncIterator[MailevaCarrier]:
    made = carrier_of(house.url, tmp_path)
    yield made
    await made.close()


class TestMailevaContract(CarrierContract):
    @pytest.fixture
    async def bench(self, house: Maileva, tmp_path: Path) -> AsyncIterator[MailevaBench]:
        made = MailevaBench(house, tmp_path)
        yield made
        await made.carrier.close()


def test_abilities(carrier: MailevaCarrier) -> None:
    assert isinstance(carrier, Batch) and isinstance(carrier, Proves) and isinstance(carrier, Advises)
    assert carrier.abilities.heard == 201
    assert not isinstance(carrier, Recalls)  # a submitted sending cannot be taken back


async def test_what_maileva_gets(house: Maileva, carrier: MailevaCarrier) -> None:
    piece = letter(options=Options(postage=Postage.ECONOMY, colour=True, duplex=False))
    receipt = await carrier.send(piece)
    (sending,) = house.submitted
    (recipient,) = sending["recipients"].values()
    assert {name: sending[name] for name in ("color_printing", "duplex_printing", "postage_type", "custom_data")} == {
        "color_printing": True,
        "duplex_printing": False,
        "postage_type": "ECONOMIC",
        "custom_data": "m1",
    }
    assert sending["name"] == sending["custom_id"] and len(sending["name"]) <= 36
    assert recipient["custom_id"] == piece.key
    assert [recipient.get(f"address_line_{number}") for number in range(1, 7)] == [
        None,
        "MME ANNA DUPONT",
        None,
        "3 RUE DU LAC",
        None,
        "75008 PARIS",
    ]
    (document,) = sending["documents"].values()
    assert document["content"] == PDF
    assert receipt.reference == f"mail/{sending['id']}/{recipient['id']}"
    assert house.token_requests == 1


async def test_many_letters_are_one_sending_with_a_run_of_pages_each(house: Maileva, carrier: MailevaCarrier) -> None:
    pieces = letters(25, pages=3)
    receipts = await carrier.send_many(pieces)
    (sending,) = house.submitted
    (document,) = sending["documents"].values()
    runs = [one["documents_override"][0] for one in sending["recipients"].values()]
    assert runs == [{"document_id": document["id"], "start_page": 3 * n + 1, "end_page": 3 * n + 3} for n in range(25)]
    assert [one.key for one in receipts if isinstance(one, Receipt)] == [piece.key for piece in pieces]
    assert house.count("POST", "/") == 5  # a token, a draft, a document, the recipients, submitted


@pytest.mark.parametrize(("account", "sizes"), [(Account(recipients=10), [10, 10, 5]), (Account(max_bytes=30_000), [12, 13])])
async def test_sendings_stay_within_the_limits(house: Maileva, tmp_path: Path, account: Account, sizes: list[int]) -> None:
    carrier = carrier_of(house.url, tmp_path, account=account)
    pieces = letters(25)
    answers = await carrier.send_many(pieces)
    assert sorted(len(one["recipients"]) for one in house.submitted) == sorted(sizes)
    assert all(isinstance(one, Receipt) for one in answers) and {house.posted(piece.key) for piece in pieces} == {1}
    await carrier.close()


async def test_one_bad_letter_does_not_spoil_the_others(house: Maileva, carrier: MailevaCarrier) -> None:
    pieces = letters(8)
    pieces[2] = replace(pieces[2], address=PostalAddress(("X" * 39, "75008 PARIS"), "75008", "PARIS", "FR"))
    house.refuse = lambda recipient: "ADDRESS_LINE_4_TOO_LONG" if recipient["custom_id"] == pieces[5].key else None
    answers = await carrier.send_many(pieces)
    assert [number for number, one in enumerate(answers) if isinstance(one, Refused)] == [2, 5]
    assert [one.code for one in answers if isinstance(one, Refused)] == ["ADDRESS_LINE_2_TOO_LONG", "ADDRESS_LINE_4_TOO_LONG"]
    assert [house.posted(piece.key) for piece in pieces] == [1, 1, 0, 1, 1, 0, 1, 1]
    assert not house.drafts


async def test_a_refused_whole_is_taken_apart_until_the_guilty_letter_is_found(house: Maileva, carrier: MailevaCarrier) -> None:
    pieces = letters(5)
    guilty = pieces[3].key

    async def refuse_with(some: Sequence[Pages]) -> bytes:
        if any(one.first_page == pieces[3].pages.first_page for one in some):  # type: ignore[union-attr]
            house.bad.append(Bad("POST", "/documents$", 400, code="CORRUPTED_DOCUMENT"))
        return PDF

    async def damaged() -> bytes:
        return await refuse_with([pieces[3].pages])  # type: ignore[list-item]

    for number, piece in enumerate(pieces):
        assert piece.pages
        alone = damaged if piece.key == guilty else piece.pages.pdf
        pieces[number] = replace(piece, pages=replace(piece.pages, together=refuse_with, pdf=alone))
    answers = await carrier.send_many(pieces)
    refused = [piece.key for piece, one in zip(pieces, answers, strict=True) if isinstance(one, CarrierError)]
    assert refused == [guilty]
    assert [house.posted(piece.key) for piece in pieces] == [1, 1, 1, 0, 1]


async def test_registered_mail(house: Maileva, tmp_path: Path) -> None:
    carrier = carrier_of(house.url, tmp_path, account=Account(undelivered=True))
    receipt = await carrier.send(letter(options=REGISTERED))
    (sending,) = house.submitted
    assert sending["api"] == "registered_mail"
    assert (sending["acknowledgement_of_receipt"], sending["returned_mail_scanning"], sending["archiving_duration"]) == (True, True, 3)
    assert receipt.reference.startswith("registered_mail/")
    await carrier.close()


async def test_news_of_a_registered_letter_and_its_proofs(house: Maileva, carrier: MailevaCarrier) -> None:
    receipt = await carrier.send(letter(options=REGISTERED))
    recipient = house.recipient(receipt.key)
    house.produce()
    recipient |= {
        "delivery_statuses": [
            {"code": "LP03", "label": "Tri départ", "date": "2026-11-25T01:00:00Z"},
            {"code": "LP21", "label": "Retour à l'expéditeur : destinataire inconnu à l'adresse", "date": "2026-11-27T08:00:00Z"},
        ],
        "deposit_proof_date": "2026-11-25T02:00:00Z",
        "deposit_proof_url": "/x",
        "undelivered_mail_date": "2026-12-01T02:00:00Z",
        "undelivered_mail_url": "/y",
    }
    events = await carrier.ask([receipt])
    assert {event.key for event in events} == {receipt.key}
    assert [(event.kind, event.code, event.address_dead) for event in events] == [
        (EventKind.MAILED, "", False),
        (EventKind.MAILED, "LP03", False),
        (EventKind.RETURNED, "LP21", True),
        (EventKind.PROVEN, "deposit", False),
        (EventKind.PROVEN, "returned-scan", False),
    ]
    assert "inconnu à l'adresse" in events[2].text
    assert (await carrier.proof(receipt, "deposit")).content == PROOF
    for wrong in ("acknowledgement", "love-letter"):
        with pytest.raises((Refused, TryLater)):
            await carrier.proof(receipt, wrong)


async def test_returned_simple_mail_has_no_reason_and_condemns_nobody(house: Maileva, carrier: MailevaCarrier) -> None:
    receipt = await carrier.send(letter())
    house.produce()
    house.recipient(receipt.key).update(last_delivery_status="N10", last_delivery_status_date="2026-12-01T02:00:00Z")
    events = await carrier.ask([receipt])
    assert [(event.kind, event.code, event.address_dead) for event in events][-1] == (EventKind.RETURNED, "N10", False)
    assert await carrier.ask([receipt]) == events  # told again, it is the same news


async def test_a_rejected_sending_refuses_each_letter_with_its_reason(house: Maileva, carrier: MailevaCarrier) -> None:
    receipts = [one for one in await carrier.send_many(letters(3)) if isinstance(one, Receipt)]
    house.submitted[0].update(status="REJECTED", status_detail="Solde insuffisant")
    events = await carrier.ask(receipts)
    assert [(event.kind, event.code) for event in events] == [(EventKind.REFUSED, "REJECTED")] * 3
    assert "Solde insuffisant" in events[0].text


async def test_a_hundred_letters_are_asked_for_in_two_calls(house: Maileva, carrier: MailevaCarrier) -> None:
    receipts = [one for one in await carrier.send_many(letters(100)) if isinstance(one, Receipt)]
    house.calls.clear()
    assert len(await carrier.ask(receipts)) == 100
    assert len(house.calls) == 2


async def test_webhooks_of_sendings_speak_of_each_letter(house: Maileva, carrier: MailevaCarrier) -> None:
    pieces = letters(3)
    await carrier.send_many(pieces)
    name = house.submitted[0]["custom_id"]
    events = carrier.read(knock(notice("ON_STATUS_PROCESSED", name)))
    assert [(event.kind, event.key) for event in events] == [(EventKind.MAILED, piece.key) for piece in pieces]
    assert events[0].at == datetime(2026, 11, 24, 10, 23, 31, 137000, tzinfo=UTC)
    (unknown,) = carrier.read(knock(notice("ON_STATUS_PROCESSED", "../../etc/passwd")))
    assert (unknown.key, unknown.reference) == ("", "e6118f29")


def test_webhooks_of_recipients(carrier: MailevaCarrier) -> None:
    who = "registered_mail/v4/recipients"
    (event,) = carrier.read(knock(notice("ON_MAIN_DELIVERY_STATUS_UNDELIVERED", "k1", who)))
    assert (event.kind, event.key, event.code) == (EventKind.RETURNED, "k1", "ON_MAIN_DELIVERY_STATUS_UNDELIVERED")
    assert carrier.read(knock(notice("ON_DEPOSIT_PROOF_RECEIVED", "k1", who))) == ()
    (strange,) = carrier.read(knock(notice("ON_SUBLIMATION", "k1", who)))
    assert (strange.kind, strange.code) == (EventKind.UNKNOWN, "ON_SUBLIMATION")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b"[" * 100_000, b"{}"])
def test_a_notification_of_an_unknown_form_is_kept_as_unknown(carrier: MailevaCarrier, body: bytes) -> None:
    (event,) = carrier.read(knock(body))
    assert event.kind is EventKind.UNKNOWN


def test_without_a_password_every_knock_is_forged(house: Maileva) -> None:
    with pytest.raises(Forged):
        carrier_of(house.url, None, hook_password="").read(knock(notice("ON_STATUS_ACCEPTED", "x")))


async def test_the_notification_center_is_subscribed_to_once(house: Maileva, tmp_path: Path) -> None:
    for _ in range(2):
        carrier = carrier_of(house.url, tmp_path, callback="https://post.example/hooks/c1")
        house.bad.append(Bad("GET", "^/notifications", 500))
        await carrier.ask([])
        await carrier.close()
        assert not house.subscriptions  # it failed, and news is asked for all the same
    for _ in range(2):
        carrier = carrier_of(house.url, tmp_path, callback="https://post.example/hooks/c1")
        await carrier.ask([])
        await carrier.close()
        assert len({(one["resource_type"], one["event_type"]) for one in house.subscriptions}) == len(house.subscriptions) == 12
    assert house.subscriptions[0]["authentication"] == {"basic": {"login": "maileva", "password": "knock"}}


@pytest.mark.parametrize(
    ("options", "pages", "country", "codes"),
    [
        (Options(), 3, "FR", []),
        (Options(), 90, "", []),
        (Options(), 91, "FR", ["house-sheets"]),
        (Options(duplex=False), 46, "DE", ["house-sheets"]),
        (Options(envelope=Envelope.DL), 10, "FR", []),
        (Options(envelope=Envelope.DL), 11, "FR", ["house-envelope"]),
        (Options(envelope=Envelope.C4), 3, "FR", ["house-envelope"]),
        (REGISTERED, 3, "RE", []),
        (REGISTERED, 3, "DE", ["house-postage"]),
        (REGISTERED, 89, "FR", ["house-sheets"]),
    ],
)
def test_conflicts_are_named_before_sending(
    carrier: MailevaCarrier, options: Options, pages: int, country: str, codes: list[str]
) -> None:
    found = carrier.conflicts(options, pages, country)
    assert [one.code for one in found] == codes
    assert all(one.help for one in found)


def test_addresses() -> None:
    fields = address_of(
        PostalAddress(("ACME GmbH", "Erika Muster", "Hof 2", "Weg 1", "10115 Berlin", "ALLEMAGNE"), "10115", "Berlin", "DE")
    )
    assert fields == {
        "address_line_1": "ACME GmbH",
        "address_line_2": "Erika Muster",
        "address_line_3": "Hof 2",
        "address_line_4": "Weg 1",
        "address_line_6": "10115 Berlin",
        "country_code": "DE",
    }
    assert address_of(PostalAddress(("Seán", "1 Quay", "Dublin"), "", "Dublin", "IE"))["address_line_6"] == "Dublin"
    for lines in (("A",), ("A", "B", "C", "D", "E", "F", "75008 PARIS"), ("A\u202eB", "75008 PARIS")):
        with pytest.raises(Refused) as caught:
            address_of(PostalAddress(lines, "", "", "FR"))
        assert lines[0] not in caught.value.reason.split("'")
