"""Lob by its own description: Prism takes what we send, and refuses what breaks the contract.

Lob takes a file by multipart only, and Prism judges nested fields and files of multipart bodies by their raw text. So a relay stands in
between that says the same request in JSON: fields of `to[...]` as an object, the file by its name.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from postoffice.channels.print_house.lob import Account, LobCarrier
from postoffice.channels.rest import Site, basic
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Receipt
from postoffice.model.errors import Refused, TryLater
from postoffice.model.mailing import Options, Postage
from tests.channels.fakes import make_piece
from tests.real.houses import serve, status_of

pytestmark = [pytest.mark.real, pytest.mark.slow]
SENDER = ("ACME INC", "185 BERRY ST", "SAN FRANCISCO CA 94107")
SIGNED = {**basic("test_k", ""), "Content-Type": "application/json"}
HOME = PostalAddress(("JOE DOE", "ACME", "SUITE 4", "1 MAIN ST", "SPRINGFIELD IL 62701"), "62701", "SPRINGFIELD", "US")


@pytest.fixture(scope="module")
def prism_url() -> Iterator[str]:
    for (url,) in serve("lob-letters.json"):
        yield url


def as_json(form: Any) -> dict[str, Any]:
    """A form as Lob reads it."""
    body: dict[str, Any] = {}
    for name, value in form.items():
        if isinstance(value, web.FileField):
            value.file.close()
            body[name] = value.filename
        elif found := re.fullmatch(r"(\w+)\[(\w+)\]", name):
            body.setdefault(found[1], {})[found[2]] = value
        else:
            body[name] = {"true": True, "false": False}.get(value, value)
    return body


@pytest.fixture
async def url(prism_url: str) -> AsyncIterator[str]:
    """The relay's address. What is multipart goes on as JSON, the rest as it came."""

    async def relay(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name in ("Authorization", "Idempotency-Key")}
        content = {"json": as_json(await request.post())} if request.content_type == "multipart/form-data" else {}
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, f"{prism_url}{request.path_qs}", headers=headers, **content) as answer,
        ):
            return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", relay)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()


def carrier_of(url: str, key: str = "test_k") -> LobCarrier:
    return LobCarrier("lob", Account(SENDER, "whs"), Site(url, basic(key, "") if key else {}))


@pytest.mark.parametrize("postage", [Postage.ECONOMY, Postage.STANDARD, Postage.REGISTERED])
async def test_lob_takes_what_we_send(url: str, postage: Postage) -> None:
    carrier = carrier_of(url)
    for colour in (True, False):
        options = Options(postage=postage, colour=colour, duplex=not colour)
        assert (await carrier.send(make_piece(Channel.POST, address=HOME, options=options, purpose=Purpose.PROMOTION))).reference
        if postage is not Postage.ECONOMY:
            assert (await carrier.send(make_piece(Channel.POST, options=options))).reference  # to France
    await carrier.close()


async def test_lob_can_be_asked_searched_and_told_to_stop(url: str) -> None:
    carrier = carrier_of(url)
    letter = Receipt("k", "ltr_4868c3b754655f90")
    assert {event.key for event in await carrier.ask([letter])} == {"k"}
    await carrier._find("k")
    await carrier.recall(letter)
    await carrier.close()


def test_the_judge_refuses_what_breaks_the_contract(prism_url: str) -> None:
    to = {"name": "A", "address_line1": "1 Main St", "address_city": "X", "address_state": "IL", "address_zip": "62701"}
    right = {"to": to, "from": to, "file": "letter.pdf", "color": False, "use_type": "operational"}
    place = f"{prism_url}/letters"
    assert status_of(place, json.dumps(right).encode(), SIGNED) == 200
    assert status_of(place, json.dumps(right).encode(), {"Content-Type": "application/json"}) == 401
    assert status_of(place, b"{}", SIGNED) == 422
    for wrong in ({"use_type": "fun"}, {"mail_type": "pigeon"}, {"extra_service": "hand"}, {"to": {"name": "A"}}, {"color": "red"}):
        assert status_of(place, json.dumps(right | wrong).encode(), SIGNED) == 422, wrong


async def test_a_wrong_field_shows_through_the_carrier(url: str) -> None:
    carrier = carrier_of(url)
    carrier._sender["address_zip"] = "SW1A 1AA"
    with pytest.raises((Refused, TryLater)):
        await carrier.send(make_piece(Channel.POST))
    await carrier.close()


async def test_without_a_key_the_letter_waits_for_a_person(url: str) -> None:
    carrier = carrier_of(url, key="")
    with pytest.raises(TryLater) as caught:
        await carrier.send(make_piece(Channel.POST))
    assert caught.value.after and caught.value.after.total_seconds() == 300
    await carrier.close()
