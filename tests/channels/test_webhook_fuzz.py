"""Webhook bodies that no provider's page describes: whatever comes, a carrier says Forged or tells events, and raises nothing else.

A signed body may still be any JSON: the provider changed its mind, or a field is of another type. Without the signature nothing is
believed, however the headers look.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postoffice.channels.catalogue import build
from postoffice.channels.rest import basic
from postoffice.model.delivery import Event, Knock
from postoffice.model.errors import Forged
from postoffice.model.ports import Carrier
from postoffice.model.states import EventKind
from tests.channels.fakes import ListLog, MemoryBox
from tests.channels.fax import test_telnyx as telnyx_fax
from tests.channels.print_house import test_lob as lob
from tests.channels.print_house import test_pingen as pingen
from tests.channels.sms import test_telnyx as telnyx
from tests.channels.sms import test_twilio as twilio

pytestmark = pytest.mark.slow

NOW = telnyx.NOW
HERE: Mapping[str, Any] = {"url": "https://provider.example"}


def maileva_knock(body: bytes) -> Knock:
    return Knock("POST", "/hooks/x", {"authorization": basic("maileva", "knock")["Authorization"]}, {}, body, NOW)


def sandbox_knock(body: bytes) -> Knock:
    seal = hmac.new(b"whsec", body, hashlib.sha256).hexdigest()
    return Knock("POST", "/hooks/x", {"x-sandbox-signature": seal}, {}, body, NOW)


def twilio_knock(body: bytes) -> Knock:
    """A form of whatever fields the JSON has."""
    found = json.loads(body) if body[:1] in b"[{" else None
    fields = {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {"Body": body.decode("latin-1")}
    fields = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items() if value}
    signed = twilio.CALLBACK + "".join(f"{name}{value}" for name, value in sorted(fields.items()))
    seal = base64.b64encode(hmac.new(twilio.TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    return Knock("POST", "/hooks/x", {"x-twilio-signature": seal}, {}, urlencode(fields).encode(), NOW)


class Door(NamedTuple):
    """A kind with its settings, how its provider signs, and what its provider sends."""

    kind: str
    settings: Mapping[str, Any]
    sign: Callable[[bytes], Knock]
    sample: Any


def signed_by(module: Any) -> Callable[[bytes], Knock]:
    """A knock of a test's own maker, which wraps what is no bytes."""
    return lambda body: module.knock(body)  # type: ignore[no-any-return]


DOORS = (
    Door(
        "sandbox-sms",
        {"secret": "whsec"},
        sandbox_knock,
        [{"key": "k", "status": "delivered", "at": "2026-11-23T09:00:00Z", "code": "1", "text": "t"}],
    ),
    Door(
        "twilio-sms",
        {**HERE, "account": twilio.SID, "token": twilio.TOKEN, "sender": "+33639980001", "callback": twilio.CALLBACK},
        twilio_knock,
        {
            "MessageSid": "SM1",
            "MessageStatus": "failed",
            "ErrorCode": "30003",
            "ErrorMessage": "m",
            "Body": "STOP",
            "From": "+336",
            "OptOutType": "STOP",
        },
    ),
    Door(
        "telnyx-sms",
        {**HERE, "api_key": "K", "sender": "+33639980001", "public_key": telnyx.PUBLIC},
        signed_by(telnyx),
        {
            "data": {
                "event_type": "message.finalized",
                "occurred_at": "2026-11-23T09:00:00Z",
                "payload": {
                    "id": "1",
                    "to": [{"status": "delivered", "phone_number": "+33"}],
                    "from": {"phone_number": "+33"},
                    "text": "t",
                    "errors": [{"code": "1", "title": "t"}],
                    "webhook_url": "https://x/?key=1",
                },
            }
        },
    ),
    Door(
        "telnyx-fax",
        {**HERE, "api_key": "K", "connection": "1", "sender": "+33199000001", "public_key": telnyx_fax.PUBLIC},
        signed_by(telnyx_fax),
        {"data": telnyx_fax.news("failed", failure_reason="user_busy", page_count=2)},
    ),
    Door(
        "lob",
        {**HERE, "api_key": "test_k", "secret": lob.SECRET, "sender": "\n".join(lob.SENDER)},
        signed_by(lob),
        {
            "event_type": {"id": "letter.returned_to_sender"},
            "date_created": "2026-11-23T09:00:00Z",
            "body": {"id": "ltr_1", "metadata": {"key": "k"}, "tracking_number": "9", "tracking_events": [{"name": "Mailed"}]},
        },
    ),
    Door(
        "pingen",
        {"client_id": "a", "client_secret": "b", "organisation": "o", "secret": "whsec"},
        signed_by(pingen),
        {
            "data": {
                "type": "webhook_undeliverable",
                "attributes": {"reason": "unknown", "created_at": "2026-11-23T09:00:00Z", "corrected_address": {"a": 1}},
                "relationships": {"letter": {"data": {"id": "1"}}},
            },
            "included": [{"type": "letters_events", "attributes": {"code": "c"}}],
        },
    ),
    Door(
        "maileva",
        {"client_id": "a", "client_secret": "b", "username": "u", "password": "p", "hook_user": "maileva", "hook_password": "knock"},
        maileva_knock,
        {
            "event_type": "ON_STATUS_PROCESSED",
            "event_date": "2026-11-23T09:00:00Z",
            "resource_id": "1",
            "resource_type": "mail/v2/recipients",
            "resource_location": "https://x/mail/v2/sendings/1/recipients/2",
            "resource_custom_id": "k",
        },
    ),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["9999-12-31T23:59:59+23:59", "1e400"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape"))  #: as aiohttp gives a header


def carrier_of(door: Door) -> Carrier:
    return build(door.kind, "c", door.settings, box=MemoryBox(), log=ListLog())


def bent(draw: st.DrawFn, shape: Any) -> Any:
    """A sample with some of its parts replaced by anything, or left out."""
    chance = draw(st.integers(0, 9))
    if chance == 0:
        return draw(JSON)
    if isinstance(shape, dict):
        return {name: bent(draw, value) for name, value in shape.items() if draw(st.integers(0, 9))}
    if isinstance(shape, list):
        return [bent(draw, value) for value in shape]
    return draw(JSON) if chance == 1 else shape


@st.composite
def bodies(draw: st.DrawFn, sample: Any) -> bytes:
    """Near to what a provider sends, any JSON, any bytes."""
    way = draw(st.sampled_from(("near", "json", "bytes")))
    if way == "bytes":
        return draw(st.binary(max_size=60))
    return json.dumps(bent(draw, sample) if way == "near" else draw(JSON)).encode()


def tells(door: Door, carrier: Carrier, body: bytes) -> None:
    try:
        knock = door.sign(body)
    except (ValueError, AttributeError):  # no form can be made of it
        return
    told = carrier.read(knock)
    assert isinstance(told, Sequence)
    for event in told:
        assert isinstance(event, Event) and event.kind in EventKind and event.at.tzinfo is not None
        assert all(isinstance(text, str) for text in (event.key, event.reference, event.code, event.text))


def believes_nothing(carrier: Carrier, headers: Mapping[str, str], body: bytes, query: Mapping[str, str]) -> None:
    with pytest.raises(Forged):
        carrier.read(Knock("POST", "/hooks/x", headers, query, body, NOW))


IDS = [door.kind for door in DOORS]


def run(door: Door, examples: int) -> None:
    carrier = carrier_of(door)
    genuine = door.sign(json.dumps(door.sample).encode())
    assert all(event.kind is not EventKind.UNKNOWN for event in carrier.read(genuine)), "the sample is what the provider sends"
    names = st.sampled_from([*genuine.headers, "x"])
    cut = settings(max_examples=examples, deadline=None, database=None)

    @cut
    @given(bodies(door.sample))
    def signed(body: bytes) -> None:
        tells(door, carrier, body)

    @cut
    @given(
        st.dictionaries(names, WORDS, max_size=3),
        st.binary(max_size=60),
        st.dictionaries(st.text(max_size=4), st.text(max_size=9), max_size=2),
    )
    def forged(headers: Mapping[str, str], body: bytes, query: Mapping[str, str]) -> None:
        believes_nothing(carrier, headers, body, query)

    signed()
    forged()
    for name in genuine.headers:
        believes_nothing(carrier, {**genuine.headers, name: "\udcff"}, genuine.body, {})
    if door.kind != "maileva":  # shows a password, and signs nothing
        for changed in (genuine.body + b" &a=b", genuine.body[:-1], b""):
            believes_nothing(carrier, genuine.headers, changed, {})


@pytest.mark.parametrize("door", DOORS, ids=IDS)
def test_any_body_is_told_or_turned_away(door: Door) -> None:
    run(door, 10)


@pytest.mark.parametrize("door", DOORS, ids=IDS)
def test_any_body_is_told_or_turned_away_at_length(door: Door) -> None:
    run(door, 100)
