"""The sandbox carriers: the contract, each magic address, and the speed of a chunk."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from postoffice.channels.sandbox import OUTCOMES, SandboxCarrier, outcome_of
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Refused, TryLater
from postoffice.model.states import DeliveryState, EventKind, after_news
from tests.channels.contract import CarrierContract
from tests.channels.fakes import PIECES, ListLog, MemoryBox, make_knock, make_piece

SECRET = "sesame"


def magic(channel: Channel, word: str) -> Piece:
    """A piece to the magic address of an outcome."""
    row = next(one for one in OUTCOMES if one.word == word)
    if channel is Channel.EMAIL:
        return make_piece(channel, to=f"{word}@any.example")
    if channel is Channel.POST:
        return make_piece(channel, address=replace(PIECES[channel].address, lines=("MME DUPONT", "1 RUE", f"000{row.digits} NOWHERE")))
    return make_piece(channel, to=PIECES[channel].to[:-2] + row.digits)


class Bench:
    """A sandbox with a box in memory."""

    def __init__(self, channel: Channel, pace: float = 0.0) -> None:
        self.box = MemoryBox()
        self.channel = channel
        self.log = ListLog()
        self.carrier = SandboxCarrier("trial", channel, self.box, self.log, pace=pace, secret=SECRET)

    def handed_over(self, key: str) -> int:
        return int(key in self.box.copies)  # a key that is shown again is counted, not kept again

    def later(self) -> Piece:
        return magic(self.channel, "later")

    def refused(self) -> Piece:
        return magic(self.channel, "blocked")

    def dead(self) -> Piece:
        return magic(self.channel, "refused")

    async def unreachable(self) -> None:
        self.box.failing = True

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        return self.carrier.read(signed(json.dumps([{"key": receipt.key, "status": "SUBLIMATED"}]).encode()))

    def forged(self) -> Sequence[Knock]:
        now = datetime.now(UTC)
        return [
            make_knock(now, b"[]", {"x-sandbox-signature": "0" * 64}),
            make_knock(now, b"[1]", signed(b"[]").headers),
            make_knock(now, b"[]", {"x-sandbox-signature": "é"}),
        ]


def signed(body: bytes) -> Knock:
    return make_knock(datetime.now(UTC), body, {"x-sandbox-signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()})


@pytest.fixture(params=list(Channel))
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


class TestContract(CarrierContract):
    pass


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("row", OUTCOMES, ids=lambda row: row.word)
async def test_each_magic_address_acts_its_row(channel: Channel, row) -> None:
    bench = Bench(channel)
    piece = replace(magic(channel, row.word), key="old-key")  # no id of ours: "later" is over
    if row.refuse:
        with pytest.raises(Refused):
            await bench.carrier.send(piece)
        return
    receipt = await bench.carrier.send(piece)
    told = [event.kind for event in await bench.carrier.ask([receipt])]
    story = row.paper if channel is Channel.POST else row.story
    assert told == [EventKind.HANDED_OVER, *(one.kind for one in story)]
    # a doubtful hand-over has no reference: what is known then must end in the same state
    ends = [_state_after(await bench.carrier.ask([one])) for one in (receipt, Receipt(piece.key))]
    assert ends[0] is ends[1]
    assert EventKind(bench.box.kept[piece.key].outcome) is (story[-1].kind if story else EventKind.HANDED_OVER)


def _state_after(events: Sequence[Event]) -> DeliveryState:
    state = DeliveryState.SENDING
    for event in events:
        state = after_news(state, event.kind)
    return state


async def test_words_and_digits_are_unique() -> None:
    assert len({row.word for row in OUTCOMES}) == len({row.digits for row in OUTCOMES}) == len(OUTCOMES)


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (("MME DUPONT SANDBOX BOUNCE", "1 RUE", "75001 PARIS"), "bounce"),
        (("MME DUPONT", "Sandbox later", "75001 PARIS"), "later"),
        (("MME DUPONT", "SANDBOX NONSENSE", "00002 NOWHERE"), "expired"),
        (("00098 COMPANY", "1 RUE", "75001 PARIS"), "refused"),
        (("MME DUPONT", "1 RUE", "00077 NOWHERE"), "delivered"),
        (("MME DUPONT", "1 RUE", "75001 PARIS"), "delivered"),
    ],
)
def test_paper_asks_by_line_or_postcode(lines: tuple[str, ...], word: str) -> None:
    piece = make_piece(Channel.POST, address=replace(PIECES[Channel.POST].address, lines=lines))
    assert outcome_of(piece).word == word


@pytest.mark.parametrize(("to", "word"), [("bounce+17@x.example", "bounce"), ("Later@x", "later"), ("bounced@x", "delivered")])
def test_mail_asks_by_its_local_part(to: str, word: str) -> None:
    assert outcome_of(make_piece(Channel.EMAIL, to=to)).word == word


async def test_news_comes_step_by_step_and_is_the_same_each_time() -> None:
    time_now = [datetime(2026, 11, 23, 9, tzinfo=UTC)]
    box = MemoryBox()
    carrier = SandboxCarrier("trial", Channel.POST, box, ListLog(), pace=10, now=lambda: time_now[0])
    receipt = await carrier.send(make_piece(Channel.POST))
    seen = []
    for _ in range(5):
        seen.append(await carrier.ask([receipt]))
        time_now[0] += timedelta(seconds=10)
    assert [len(events) for events in seen] == [1, 2, 3, 4, 4]
    assert list(seen[-1][:2]) == list(seen[1])


async def test_later_means_twice_then_yes() -> None:
    piece = magic(Channel.EMAIL, "later")
    time_now = [datetime.now(UTC)]
    carrier = SandboxCarrier("trial", Channel.EMAIL, MemoryBox(), ListLog(), later=10, now=lambda: time_now[0])
    for _ in range(2):
        with pytest.raises(TryLater) as caught:
            await carrier.send(piece)
        time_now[0] += caught.value.after
    assert (await carrier.send(piece)).key == piece.key


async def test_nothing_is_told_of_what_never_came(bench: Bench) -> None:
    assert await bench.carrier.ask([Receipt("0" * 26), Receipt("x", "sandbox-bounce-x")]) == []


async def test_five_hundred_at_once_are_one_call() -> None:
    bench = Bench(Channel.POST)
    pieces = [make_piece(Channel.POST) for _ in range(500)]
    start = time.perf_counter()
    await asyncio.gather(*(bench.carrier.send(piece) for piece in pieces))
    assert time.perf_counter() - start < 0.5
    assert bench.box.calls == 1


async def test_the_same_key_twice_at_once_is_taken_once() -> None:
    bench = Bench(Channel.SMS)
    piece = make_piece(Channel.SMS)
    answers = await asyncio.gather(bench.carrier.send(piece), bench.carrier.send(piece), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Receipt, AlreadySent]
    assert bench.box.copies[piece.key] == 2  # and the box knows that it came twice


async def test_a_cancelled_sender_does_not_hold_up_the_others() -> None:
    bench = Bench(Channel.SMS)
    first, second = (asyncio.create_task(bench.carrier.send(make_piece(Channel.SMS))) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).reference
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_signed_knock_is_translated() -> None:
    bench = Bench(Channel.EMAIL)
    lines = [
        {"key": "k1", "status": "bounced", "at": "2026-11-23T09:00:00+01:00", "code": "5.1.1"},
        {"key": "k2", "status": "delivered", "at": "not a date"},
        "nonsense",
    ]
    first, second, third = bench.carrier.read(signed(json.dumps(lines).encode()))
    assert (first.kind, first.key, first.code, first.at.hour) == (EventKind.BOUNCED, "k1", "5.1.1", 9)
    assert second.kind is EventKind.DELIVERED
    assert third.kind is EventKind.UNKNOWN
    (broken,) = bench.carrier.read(signed(b"{"))
    assert broken.kind is EventKind.UNKNOWN
