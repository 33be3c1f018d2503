"""Where carriers' own connections may go: never to link-local and metadata addresses, inside only where the office allows it."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from postoffice.channels.catalogue import ADDRESSES, KINDS, build
from postoffice.channels.email.pool import Pool, Relay, Unreachable
from postoffice.channels.fax.hfaxd import Server, session
from postoffice.channels.kind import BadSetting, FieldKind
from postoffice.channels.print_house.session import House
from postoffice.channels.print_house.session import Line as Drop
from postoffice.channels.reach import PrivateAddress, Reach
from postoffice.channels.rest import Rest, Site
from postoffice.channels.sms.line import Gateway
from postoffice.channels.sms.line import Unreachable as NoGateway
from postoffice.channels.sms.link import Link
from postoffice.model.errors import TryLater
from postoffice.model.outside import is_barred
from tests.channels.fakes import ListLog, MemoryBox

METADATA = (
    "169.254.169.254",
    "fe80::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "::ffff:169.254.169.254",
    "0.0.0.0",
    "64:ff9b::a9fe:a9fe",
)
PRIVATE = ("127.0.0.1", "10.1.2.3", "192.168.1.25", "172.16.0.1", "::1", "fd12::1", "100.64.0.1")
PUBLIC = ("93.184.215.14", "2606:4700::1111")


@pytest.mark.parametrize(("inside", "reached"), [(True, PRIVATE + PUBLIC), (False, PUBLIC)])
def test_what_is_reached(inside: bool, reached: tuple[str, ...]) -> None:
    reach = Reach(inside)
    every = METADATA + PRIVATE + PUBLIC
    assert tuple(one for one in every if reach.allows(one)) == reached
    assert tuple(one for one in every if not reach.forbids(one)) == reached
    assert not reach.forbids("relay.example.org") and reach.forbids("localhost") is not inside
    assert is_barred("no address")


def leads_to(*addresses: str, port: int, inside: bool = True) -> Reach:
    """A name that resolves to these."""

    async def resolve(host: str, _port: int) -> list[tuple[Any, ...]]:
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    return Reach(inside, resolve)


async def test_a_name_is_judged_by_what_it_resolves_to_and_reached_at_that_very_address() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        link = await leads_to("169.254.169.254", "127.0.0.1", port=port).connect("relay.example", 1)
        assert link.getpeername() == ("127.0.0.1", port)
        link.close()
        with pytest.raises(PrivateAddress):
            await leads_to("127.0.0.1", "10.0.0.1", port=port, inside=False).connect("relay.example", 1)
    with pytest.raises(ConnectionRefusedError):
        await leads_to("127.0.0.1", port=port).connect("relay.example", 1)


async def test_no_carrier_connects_to_a_name_that_leads_to_the_metadata_service() -> None:
    reach, log = leads_to("169.254.169.254", port=80), ListLog()
    pool = Pool(Relay("relay.example", 25, "none", reach=reach), "relay", log)
    with pytest.raises(Unreachable, match="CARRIERS_INSIDE"):
        await pool._open()
    with pytest.raises(PrivateAddress):
        async with session(Server("fax.example", reach=reach)):
            pass
    drop = Drop(House("drop.example", host_keys=(), reach=reach), "drop", log)
    with pytest.raises(PrivateAddress):
        await drop.client()
    link = Link(Gateway("sms.example", 2775, "x", "y", security="none", reach=reach), "smpp", log, lambda *_: None, lambda *_: None)
    with pytest.raises(NoGateway, match="PrivateAddress"):
        await link._connect()
    for url in ("https://169.254.169.254", "https://[fe80::1]"):
        rest = Rest(Site(url))
        with pytest.raises(TryLater, match="CARRIERS_INSIDE"):
            await rest.post("/latest/meta-data")
        await rest.close()
    rest = Rest(Site("https://localhost:1", reach=Reach(inside=False)))
    with pytest.raises(TryLater):
        await rest.get("/")
    await rest.close()


def filled(word: str, **settings: Any) -> Mapping[str, Any]:
    kind = next(one for one in KINDS if one.word == word)
    typed = {one.name: "1" if one.kind in (FieldKind.NUMBER, FieldKind.SECONDS) else "x" for one in kind.fields if one.required}
    return {**typed, **settings}


#: kind -> the settings that hold an address
PLACES = [(kind.word, field.name) for kind in KINDS for field in kind.fields if field.name in ADDRESSES]


@pytest.mark.parametrize(("word", "field"), PLACES)
@pytest.mark.parametrize(("address", "inside"), [("169.254.169.254", True), ("10.1.2.3", False), ("localhost", False)])
def test_an_address_that_is_not_reached_is_told_when_it_is_typed(word: str, field: str, address: str, inside: bool) -> None:
    text = address if field == "host" else f"https://{address}/v2"
    with pytest.raises(BadSetting) as caught:
        build(word, "check", filled(word, **{field: text}), box=MemoryBox(), log=ListLog(), reach=Reach(inside))
    assert (caught.value.facts["field"], "carriers may not be" in caught.value.message) == (field, True)


def test_every_setting_that_is_an_address_is_known() -> None:
    assert {"smtp", "smpp", "sftp", "hylafax"} <= {word for word, field in PLACES if field == "host"}
    looks = {(k.word, f.name) for k in KINDS for f in k.fields if f.name.endswith(("host", "url")) or str(f.default).startswith("http")}
    assert looks == set(PLACES)
