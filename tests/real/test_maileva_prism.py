"""Maileva by its own descriptions: Prism takes what we send, and refuses what breaks the contract."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from postoffice.channels.print_house.journal import Journal
from postoffice.channels.print_house.maileva import paper
from postoffice.channels.print_house.maileva.carrier import Login, MailevaCarrier, Sites
from postoffice.channels.print_house.maileva.paper import Account
from postoffice.channels.print_house.maileva.service import Service
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Receipt
from postoffice.model.errors import CarrierError, TryLater
from postoffice.model.mailing import Options, Postage
from tests.channels.fakes import PDF, ListLog, make_piece
from tests.real.houses import mended, serve, status_of

pytestmark = [pytest.mark.real, pytest.mark.slow]
SPECIFICATIONS = (
    "maileva-authentication-v2-1b.json",
    "maileva-mail-v2-9b.json",
    "maileva-registered_mail-v4-9.json",
    "maileva-notification_center-v2-8.json",
)
SENDER = ("Mairie de Lys", "1 place de la Mairie", "59390 Lys-lez-Lannoy")
SIGNED = {"Authorization": "Bearer x", "Content-Type": "application/json"}
RECIPIENT = {"address_line_2": "Anne", "address_line_6": "75008 PARIS", "country_code": "FR"}


def text_parts(shape: dict[str, Any]) -> None:
    """Prism does not parse a part of a multipart body as JSON: let it take the text, as the description of simple mail has it."""
    body = shape["paths"]["/sendings/{sending_id}/documents"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert "$ref" in body["schema"]["properties"]["metadata"]
    body["schema"]["properties"]["metadata"] = {"type": "string"}


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    auth, mail, registered, center = SPECIFICATIONS
    yield from serve(auth, mail, mended(registered, tmp_path_factory.mktemp("specs"), text_parts), center)


@pytest.fixture
async def carrier(urls: tuple[str, ...], tmp_path: Path) -> AsyncIterator[MailevaCarrier]:
    made = carrier_of(urls, tmp_path)
    yield made
    await made.close()


def carrier_of(urls: tuple[str, ...], folder: Path, account: Account | None = None) -> MailevaCarrier:
    login = Login("app", "s", "anne", "p", "maileva", "knock", "https://post.example/hooks/c1")
    return MailevaCarrier("maileva", login, account or Account(), Sites(*urls), Journal(folder), ListLog(), lasting=True)


@pytest.mark.parametrize("postage", list(Postage))
@pytest.mark.parametrize("account", [Account(), Account(receipt=False, sender_lines=SENDER, archive_years=6)])
async def test_whole_sendings_pass(urls: tuple[str, ...], tmp_path: Path, postage: Postage, account: Account) -> None:
    carrier = carrier_of(urls, tmp_path, account)
    german = PostalAddress(("ACME GmbH", "Weg 1", "10115 Berlin", "ALLEMAGNE"), "10115", "Berlin", "DE")
    for options in (Options(postage=postage), Options(postage=postage, colour=True, duplex=False)):
        assert (await carrier.send(make_piece(Channel.POST, options=options))).reference
    if postage is not Postage.REGISTERED:
        assert (await carrier.send(make_piece(Channel.POST, options=Options(postage=postage), address=german))).reference
    await carrier.close()


@pytest.mark.parametrize("word", [paper.MAIL, paper.REGISTERED])
async def test_each_call_passes(carrier: MailevaCarrier, word: str) -> None:
    service: Service = carrier._services[word]
    run = {"document_id": "d1", "start_page": 1, "end_page": 2}
    pieces = [make_piece(Channel.POST) for _ in range(3)]
    made = await service.add_recipients("s1", [{**paper.recipient_of(piece), "documents_override": [run]} for piece in pieces])
    assert made.ids
    assert await service.upload("s1", "po-1", PDF)
    assert (await service.submit("s1")).status == 200
    assert await service.get("s1") is not None
    assert await service.delete("s1")
    assert await service.find("not there") == ""
    assert [one async for one in service.recipients("s1")]
    if word == paper.REGISTERED:
        for proof in ("deposit_proof", "content_proof", "acknowledgement_of_receipt", "undelivered_mail"):
            assert (await service.download("s1", "r1", proof)).status == 200


async def test_news_and_subscriptions_pass(carrier: MailevaCarrier) -> None:
    await carrier.ask([Receipt("k", "mail/s1/r1"), Receipt("l", "registered_mail/s1/r1")])
    log = carrier._log
    assert isinstance(log, ListLog) and log.lines == []  # every subscription was taken


def test_the_judge_refuses_what_breaks_the_contract(urls: tuple[str, ...]) -> None:
    _, mail, registered, center = urls
    good = {"name": "x", "custom_id": "po-1", "postage_type": "FAST"}
    for url in (mail, registered):
        assert status_of(f"{url}/sendings", json.dumps(good).encode(), SIGNED) == 201
        assert status_of(f"{url}/sendings", json.dumps(good).encode(), {"Content-Type": "application/json"}) == 401
        assert status_of(f"{url}/sendings", json.dumps(good | {"color_printing": "red"}).encode(), SIGNED) in (400, 422)
        assert status_of(f"{url}/sendings/s1/recipients", json.dumps(RECIPIENT).encode(), SIGNED) == 201
        townless = {name: value for name, value in RECIPIENT.items() if name != "address_line_6"}
        assert status_of(f"{url}/sendings/s1/recipients", json.dumps(townless).encode(), SIGNED) in (400, 422)
    assert status_of(f"{mail}/sendings", json.dumps(good | {"postage_type": "SLOW"}).encode(), SIGNED) in (400, 422)
    assert status_of(f"{registered}/sendings", b"{}", SIGNED) in (400, 422)
    wrong = {"event_type": "ON_WHIM", "resource_type": "mail/v2/sendings", "callback_url": "https://x"}
    assert status_of(f"{center}/subscriptions", json.dumps(wrong).encode(), SIGNED) in (400, 422)


async def test_a_broken_contract_shows_through_the_carrier(carrier: MailevaCarrier) -> None:
    service = carrier._services[paper.MAIL]
    with pytest.raises(CarrierError):
        await service.create({"name": "x", "postage_type": "SLOW"})
    with pytest.raises(CarrierError):
        await service.add_recipient("s1", {"custom_id": "k", "country_code": "FR"})


async def test_an_error_that_is_asked_for_is_later(urls: tuple[str, ...], tmp_path: Path) -> None:
    nowhere = (urls[0], f"{urls[1]}/nowhere", *urls[2:])
    carrier = carrier_of(nowhere, tmp_path)
    with pytest.raises(TryLater):
        await carrier.send(make_piece(Channel.POST))
    await carrier.close()
