"""Several relays behind one carrier: shares, fail-over, storms, limits; and what is in doubt goes nowhere else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from postoffice.channels.catalogue import build
from postoffice.channels.email.fleet import Member, read_member, read_ramp
from postoffice.channels.email.pool import Relay
from postoffice.channels.email.smtp import SmtpCarrier
from postoffice.channels.kind import BadSetting
from postoffice.model import return_path
from postoffice.model.channel import Channel
from postoffice.model.errors import InDoubt, Refused, TryLater
from tests.channels.email import peer
from tests.channels.fakes import ListLog, MemoryBox, make_piece


def member(port: int, weight: int = 1, **more: Any) -> Member:
    return Member(Relay("127.0.0.1", port, "none", seconds=15.0, connections=3), weight, **more)


@contextlib.asynccontextmanager
async def carrier_of(*members: Member, **more: Any) -> AsyncIterator[SmtpCarrier]:
    carrier = SmtpCarrier("relays", members, ListLog(), longest=60.0, **more)
    try:
        yield carrier
    finally:
        await carrier.close()


async def send(carrier: SmtpCarrier, count: int, to: str = "anna@client.example") -> list[Any]:
    pieces = [make_piece(Channel.EMAIL, to=to) for _ in range(count)]
    return await asyncio.gather(*(carrier.send(piece) for piece in pieces), return_exceptions=True)


async def test_relays_share_by_weight_and_a_mail_keeps_its_relay() -> None:
    async with (
        peer.relay() as one,
        peer.relay() as other,
        peer.relay() as reserve,
        carrier_of(member(one.port, 3), member(other.port, 1), member(reserve.port, 0)) as carrier,
    ):
        await send(carrier, 200)
        assert 100 < len(one.mails) < 185 and len(one.mails) + len(other.mails) == 200 and not reserve.mails
        piece = make_piece(Channel.EMAIL)
        for _ in range(4):
            await carrier.send(piece)
        assert sorted((one.copies(piece.key), other.copies(piece.key))) == [0, 4]


@pytest.mark.parametrize(
    "steps",
    [
        {"MAIL": b"421 4.3.2 closing\r\n"},
        {"MAIL": b"451 4.3.0 no disk\r\n"},
        {"MAIL": b"530 5.7.0 sign in first\r\n"},
        {"RCPT": b"421 4.7.0 too busy\r\n"},
        {"RCPT": "close"},
        {"body": "close"},
        {"end": b"452 4.3.1 no disk\r\n"},
    ],
    ids=str,
)
async def test_what_is_the_relays_own_trouble_goes_by_the_other(steps: dict[str, Any]) -> None:
    async with (
        peer.scripted(steps) as bad,
        peer.relay() as good,
        carrier_of(member(bad.port, 1000), member(good.port, 0)) as carrier,
    ):
        piece = make_piece(Channel.EMAIL, text="x" * (8_000_000 if "body" in steps else 100))
        await carrier.send(piece)
        assert good.copies(piece.key) == 1


@pytest.mark.parametrize("end", ["close", b"250", b"garbage\r\n"])
async def test_what_is_in_doubt_at_one_relay_goes_by_no_other(end: Any) -> None:
    async with peer.scripted({"end": end}) as bad, peer.relay() as good:
        relay = Relay("127.0.0.1", bad.port, "none", seconds=0.3)
        carrier = SmtpCarrier("relays", [Member(relay, 1000), member(good.port, 0)], ListLog(), longest=1.5)
        with pytest.raises(InDoubt):
            await carrier.send(make_piece(Channel.EMAIL))
        assert not good.mails
        await carrier.close()


async def test_a_relay_that_swallows_mail_without_a_word_gets_few() -> None:
    """Each such mail is in doubt for good where it must not go twice: the rest waits."""
    async with peer.scripted({"end": "close"}) as bad, carrier_of(member(bad.port)) as carrier:
        answers = await send(carrier, 60)
        doubts = [one for one in answers if isinstance(one, InDoubt)]
        assert 3 <= len(doubts) <= 6, "three in a row, and what the other lines had under way"
        assert all(isinstance(one, InDoubt | TryLater) for one in answers) and carrier.wait() > 0


async def test_what_is_said_of_the_recipient_counts_for_all_relays() -> None:
    async with peer.relay() as one, peer.relay() as other, carrier_of(member(one.port), member(other.port)) as carrier:
        for to, kind in (("dead@x.example", Refused), ("grey@x.example", TryLater), ("full@y.example", Refused)):
            (answer,) = await send(carrier, 1, to)
            assert type(answer) is kind
        grey = (await send(carrier, 1, "grey@x.example"))[0]
        assert grey.after and grey.after.total_seconds() == 330, "greylisting wants five minutes"
        assert carrier.wait() == 0.0


async def test_a_storm_of_421_gives_the_relay_rest_and_the_mail_another_way() -> None:
    async with (
        peer.scripted({"MAIL": b"421 4.3.2 too busy\r\n"}) as bad,
        peer.relay() as good,
        carrier_of(member(bad.port, 1000), member(good.port, 1)) as carrier,
    ):
        await send(carrier, 40)
        before = len(bad.commands)
        await send(carrier, 20)
        assert len(good.mails) == 60 and len(bad.commands) == before
        assert carrier.wait() == 0.0


async def test_with_no_relay_left_nothing_is_tried_and_the_reason_is_told() -> None:
    async with peer.scripted({"MAIL": b"421 4.3.2 too busy\r\n"}) as bad, carrier_of(member(bad.port)) as carrier:
        await send(carrier, 10)
        assert 0 < carrier.wait() <= 10
        before = len(bad.commands)
        (answer,) = await send(carrier, 1)
        assert isinstance(answer, TryLater) and "too busy" in answer.reason and answer.after
        assert len(bad.commands) == before


async def test_a_relays_ceiling_holds_and_the_rest_goes_by_the_other(tmp_path: Path) -> None:
    async with peer.relay() as one, peer.relay() as other:
        members = (member(one.port, 1000, warm_up=(7, 50)), member(other.port, 1, per_hour=20))
        async with carrier_of(*members, folder=tmp_path) as carrier:
            answers = await send(carrier, 40)
        assert (len(one.mails), len(other.mails)) == (7, 20)
        assert sum(isinstance(answer, TryLater) for answer in answers) == 13
        async with carrier_of(*members, folder=tmp_path) as again:
            assert again.wait() > 0, "a restart begins no second day"


def test_relays_as_people_write_them() -> None:
    like = Relay("main.example", 587, connections=8, seconds=9.0)
    made = read_member("smtps://po%40st:p%3Aw@relay.example?weight=2&connections=4&per_hour=100&warm_up=50,100", like)
    assert made == Member(
        Relay("relay.example", 465, "tls", "po@st", "p:w", seconds=9.0, connections=4), 2, per_hour=100, warm_up=(50, 100)
    )
    wrong = ["relay.example", "http://x", "smtp://", "smtp://x?weight=heavy", "smtp://x?secret=1", "smtp://x:port", "smtp+none://u:p@x"]
    for line in wrong:
        with pytest.raises(ValueError, match=r"addresses|encrypted"):
            read_member(line, like)
    with pytest.raises(ValueError, match="row of numbers"):
        read_ramp("50, many")


async def test_settings_of_the_catalogue() -> None:
    given = {"host": "127.0.0.1", "security": "none", "bounce_domain": "Bounce.Mairie.example", "warm_up": "5,50"}
    async with peer.relay() as relay:
        key = b"k" * 32
        settings = {**given, "port": str(relay.port), "relays": "smtp://other.example?weight=0"}
        carrier = build("smtp", "relay", settings, box=MemoryBox(), log=ListLog(), return_key=key)
        piece = make_piece(Channel.EMAIL)
        await carrier.send(piece)
        local, _, domain = relay.mails[0].mail_from.rpartition("@")
        assert (return_path.read(key, local), domain) == (piece.key, "bounce.mairie.example")
        await carrier.close()
    for field, wrong in (("relays", "relay.example"), ("warm_up", "soon"), ("domain_limits", "x y"), ("bounce_domain", "a b")):
        with pytest.raises(BadSetting) as caught:
            build("smtp", "relay", {**given, field: wrong}, box=MemoryBox(), log=ListLog())
        assert caught.value.facts["field"] == field


async def test_odd_addresses_are_refused_before_any_connection() -> None:
    async with peer.scripted({}) as script, carrier_of(member(script.port)) as carrier:
        for to in ("a\r\nRCPT TO:<b@c.example>", "a@b.example\n", "\N{PILE OF POO}@", "x" * 300 + "@b.example", "a@" + "b" * 300):
            with pytest.raises(Refused) as caught:
                await carrier.send(make_piece(Channel.EMAIL, to=to))
            assert caught.value.address_dead
        assert script.connections == 0
