"""Twilio and Telnyx by their own API descriptions: Prism takes what we send, and refuses what breaks the contract."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from postoffice.channels.rest import Site, basic
from postoffice.channels.sms.telnyx import Account as TelnyxAccount
from postoffice.channels.sms.telnyx import TelnyxCarrier
from postoffice.channels.sms.twilio import Account as TwilioAccount
from postoffice.channels.sms.twilio import TwilioCarrier
from postoffice.model.channel import Channel
from postoffice.model.delivery import Piece, Receipt
from postoffice.model.errors import InDoubt, Refused, TryLater
from tests.channels.fakes import ListLog, make_piece
from tests.real.npm import Missing
from tests.real.prism import prism

pytestmark = pytest.mark.real
SID = "AC" + "0" * 32
TOKEN = "t"
CALLBACK = "https://post.example/hooks/c1"
LONG = "Fête \N{PARTY POPPER} " * 20


def serve(specification: str) -> Iterator[str]:
    try:
        with prism(specification) as url:
            yield url
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def twilio_url() -> Iterator[str]:
    yield from serve("twilio-sms.json")


@pytest.fixture(scope="module")
def telnyx_url() -> Iterator[str]:
    yield from serve("telnyx-sms-fax.json")


def status_of(url: str, body: bytes, headers: dict[str, str]) -> int:
    """What a plain POST gets."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def pieces() -> list[Piece]:
    return [make_piece(Channel.SMS), make_piece(Channel.SMS, text=LONG), make_piece(Channel.SMS, sender="+33199000001")]


def twilio(url: str, prefer: str = "", **account: Any) -> TwilioCarrier:
    headers = basic(SID, TOKEN) | ({"Prefer": prefer} if prefer else {})
    return TwilioCarrier("twilio", TwilioAccount(SID, TOKEN, **{"callback": CALLBACK} | account), Site(url, headers), ListLog())


def telnyx(url: str, prefer: str = "", key: str = "KEY") -> TelnyxCarrier:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    account = TelnyxAccount(callback=CALLBACK, profile="abc85f64-5717-4562-b3fc-2c9600000000")
    return TelnyxCarrier("telnyx", account, Site(url, headers | ({"Prefer": prefer} if prefer else {})), ListLog())


async def test_twilio_takes_what_we_send(twilio_url: str) -> None:
    for carrier in (twilio(twilio_url), twilio(twilio_url, callback="", service="MG" + "a" * 32)):
        for piece in pieces():
            receipt = await carrier.send(piece)
            assert receipt.reference
        await carrier.close()


async def test_twilio_can_be_asked(twilio_url: str) -> None:
    carrier = twilio(twilio_url)
    events = await carrier.ask([Receipt("k", "SM" + "b" * 32)])
    assert [event.key for event in events] == ["k"]
    await carrier.close()


def test_the_judge_refuses_what_breaks_twilios_contract(twilio_url: str) -> None:
    url = f"{twilio_url}/2010-04-01/Accounts/{SID}/Messages.json"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    signed = form | basic(SID, TOKEN)
    assert status_of(url, b"To=%2B33639980042&From=MAIRIE&Body=x", signed) == 201
    assert status_of(url, b"From=MAIRIE&Body=x", signed) == 422
    assert status_of(url, b"To=%2B33639980042&From=MAIRIE&Body=x", form) == 401
    assert status_of(url.replace(SID, "AC1"), b"To=%2B33639980042&From=MAIRIE&Body=x", signed) == 422


async def test_a_wrong_service_shows_through_the_carrier(twilio_url: str) -> None:
    carrier = twilio(twilio_url, service="MG1")
    with pytest.raises(Refused):
        await carrier.send(make_piece(Channel.SMS))
    await carrier.close()


async def test_telnyx_takes_what_we_send(telnyx_url: str) -> None:
    carrier = telnyx(telnyx_url)
    for piece in pieces():
        assert (await carrier.send(piece)).reference
    await carrier.close()


async def test_telnyx_can_be_asked(telnyx_url: str) -> None:
    carrier = telnyx(telnyx_url)
    events = await carrier.ask([Receipt("k", "40385f64-5717-4562-b3fc-2c963f66afa6")])
    assert {event.key for event in events} <= {"k"}
    await carrier.close()


def test_the_judge_refuses_what_breaks_telnyxs_contract(telnyx_url: str) -> None:
    signed = {"Content-Type": "application/json", "Authorization": "Bearer KEY"}
    right = {"to": "+33639980042", "from": "MAIRIE", "text": "x", "type": "SMS"}
    url = f"{telnyx_url}/messages"
    assert status_of(url, json.dumps(right).encode(), signed) == 200
    assert status_of(url, json.dumps(right | {"type": "LETTER"}).encode(), signed) == 422
    assert status_of(url, b"{}", signed) == 422
    assert status_of(url, json.dumps(right).encode(), {"Content-Type": "application/json"}) == 401


async def test_without_a_key_the_message_waits_for_a_person(telnyx_url: str) -> None:
    carrier = telnyx(telnyx_url, key="")
    with pytest.raises(TryLater) as caught:
        await carrier.send(make_piece(Channel.SMS))
    assert caught.value.after is not None
    assert caught.value.after.total_seconds() == 300
    await carrier.close()


async def test_a_broken_contract_is_never_a_yes(telnyx_url: str) -> None:
    carrier = telnyx(f"{telnyx_url}/nowhere")
    with pytest.raises((TryLater, Refused, InDoubt)):
        await carrier.send(make_piece(Channel.SMS))
    await carrier.close()
