"""SMPP: the contract, and a gateway that is slow, strict, forgetful, or gone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from postoffice.channels.sms.journal import Journal
from postoffice.channels.sms.line import Gateway as Address
from postoffice.channels.sms.smpp import SmppCarrier
from postoffice.channels.sms.write import Manner
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import InDoubt, Refused, TryLater
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import ListLog, make_piece
from tests.channels.sms.gateway import Gateway, Submit

STATUSES = {"99": 0x58, "98": 0x0B, "97": 0x0A, "96": 0x14}


def by_number(submit: Submit) -> int | None:
    return STATUSES.get(submit.destination[-2:], 0)


def carrier_of(gateway: Gateway, folder: Path | None = None, *, log: ListLog | None = None, **more) -> SmppCarrier:
    address = {"window": 50, "seconds": 5.0, "idle": 30.0} | {
        name: more.pop(name) for name in ("window", "seconds", "idle", "password", "security", "ca", "host") if name in more
    }
    address = {"host": "127.0.0.1", "password": "secret", "security": "none"} | address
    where = Address(port=gateway.port, system_id="post", **address)
    return SmppCarrier("smpp", where, log or ListLog(), Journal(folder), **more)


def sms(**changes) -> Piece:
    return make_piece(Channel.SMS, **changes)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    running = await Gateway(by_number).start()
    yield running
    await running.stop()


@pytest.fixture
async def carrier(gateway: Gateway, tmp_path: Path) -> AsyncIterator[SmppCarrier]:
    made = carrier_of(gateway, tmp_path / "journal")
    yield made
    await made.close()


class Remembering(SmppCarrier):
    """SMPP has no place for our key: the bench learns it from the receipts."""

    def __init__(self, *given, **more) -> None:
        super().__init__(*given, **more)
        self.known: dict[str, str] = {}

    async def send(self, piece: Piece) -> Receipt:
        receipt = await super().send(piece)
        self.known[piece.key] = receipt.reference
        return receipt


class SmppBench:
    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.gateway = gateway
        address = Address("127.0.0.1", gateway.port, "post", "secret", security="none")
        self.carrier = Remembering("smpp", address, ListLog(), Journal(folder))
        self._numbers: dict[str, str] = {}

    def handed_over(self, key: str) -> int:
        if key in self._numbers:
            return self.gateway.copies(self._numbers[key])
        return [one.id for one in self.gateway.taken].count(self.carrier.known.get(key, "?"))

    def _to(self, number: str) -> Piece:
        piece = sms(to=number)
        self._numbers[piece.key] = number
        return piece

    def later(self) -> Piece:
        return self._to("+33639980099")

    def refused(self) -> Piece:
        return self._to("+33639980097")

    def dead(self) -> Piece:
        return self._to("+33639980098")

    async def unreachable(self) -> None:
        await self.gateway.stop()

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        self.gateway.receipt(receipt.reference, "SUBLIMATED")
        return await told(self.carrier, receipt)

    def forged(self) -> Sequence[Knock]:
        return ()


class TestSmppContract(CarrierContract):
    @pytest.fixture
    async def bench(self, gateway: Gateway, tmp_path: Path) -> AsyncIterator[SmppBench]:
        made = SmppBench(gateway, tmp_path / "journal")
        yield made
        await made.carrier.close()


async def told(carrier: SmppCarrier, *receipts: Receipt, count: int = 1) -> list[Event]:
    """Ask until so many events came."""
    for _ in range(200):
        events = list(await carrier.ask(receipts))
        if len(events) >= count:
            return events
        await asyncio.sleep(0.01)
    raise AssertionError("no such news came")


# --- what goes out


async def test_what_the_gateway_gets(gateway: Gateway, carrier: SmppCarrier) -> None:
    receipt = await carrier.send(sms(text="Été à 5 € @ Lys"))
    (one,) = gateway.taken
    assert (one.source, one.source_ton, one.destination, one.coding, one.receipt) == ("MAIRIE", 5, "33639980042", 0, 1)
    assert one.text == b"\x1ft\x05 \x7f 5 \x1be \x00 Lys"
    assert one.validity == "000002000000000R"
    assert (receipt.reference, receipt.detail) == ("00000001", {"parts": 1})


async def test_a_text_beyond_the_alphabet_goes_as_utf_16(gateway: Gateway, carrier: SmppCarrier) -> None:
    await carrier.send(sms(text="Fête \N{PARTY POPPER}"))
    assert gateway.taken[0].coding == 8
    assert gateway.taken[0].text.decode("utf-16-be") == "Fête \N{PARTY POPPER}"


@pytest.mark.parametrize("text", ["a" * 152 + "€" + "b" * 200, "ê" * 66 + "\N{PARTY POPPER}" * 30])
async def test_a_long_text_in_parts_with_headers(gateway: Gateway, carrier: SmppCarrier, text: str) -> None:
    piece = sms(text=text)
    receipt = await carrier.send(piece)
    parts = gateway.taken
    assert len(parts) == receipt.detail["parts"] == len(receipt.reference.split())
    assert {one.text[:3] for one in parts} == {b"\x05\x00\x03"}
    assert len({one.text[3] for one in parts}) == 1
    assert [one.text[4:6] for one in parts] == [bytes((len(parts), number)) for number in range(1, len(parts) + 1)]
    assert {one.esm_class for one in parts} == {0x40}
    assert max(len(one.text) - 6 for one in parts) <= (153 if parts[0].coding == 0 else 134)
    joined = b"".join(one.text[6:] for one in parts)
    assert (joined.decode("utf-16-be") if parts[0].coding == 8 else joined.replace(b"\x1be", b"E").decode()) == text.replace("€", "E")


async def test_other_ways_for_long_texts(gateway: Gateway) -> None:
    sar, payload = carrier_of(gateway, manner=Manner(long="sar")), carrier_of(gateway, manner=Manner(long="payload"))
    await sar.send(sms(text="a" * 200))
    await payload.send(sms(text="a" * 200))
    first, second, whole = gateway.taken
    assert [first.tlvs[0x20E], first.tlvs[0x20F], second.tlvs[0x20F]] == [b"\2", b"\1", b"\2"]
    assert first.tlvs[0x20C] == second.tlvs[0x20C]
    assert (len(first.text), len(second.text), first.esm_class) == (153, 47, 0)
    assert (whole.text, whole.tlvs[0x424]) == (b"", b"a" * 200)
    await sar.close()
    await payload.close()


async def test_too_long_is_said_before_anything_goes(gateway: Gateway, carrier: SmppCarrier) -> None:
    with pytest.raises(Refused, match="7 messages; this carrier sends 6") as caught:
        await carrier.send(sms(text="a" * 1000))
    assert (caught.value.code, caught.value.address_dead, gateway.submits) == ("length", False, [])


async def test_a_forbidden_sender_never_reaches_the_gateway(gateway: Gateway, carrier: SmppCarrier) -> None:
    with pytest.raises(Refused, match="06, 07"):
        await carrier.send(sms(sender="+33612345678"))
    assert gateway.submits == []


async def test_the_window_is_kept(gateway: Gateway) -> None:
    gateway.delay = 0.02
    carrier = carrier_of(gateway, window=5)
    await asyncio.gather(*(carrier.send(sms()) for _ in range(40)))
    assert gateway.highest == 5
    assert gateway.binds == 1
    await carrier.close()


async def test_the_agreed_rate_is_kept(gateway: Gateway) -> None:
    carrier = carrier_of(gateway, per_second=50.0)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await carrier.send(sms())
    await asyncio.gather(*(carrier.send(sms()) for _ in range(10)))
    assert 0.19 <= loop.time() - begun < 2
    await carrier.close()


# --- a gateway in trouble


@pytest.mark.parametrize(("ending", "code"), [("99", "0x58"), ("96", "0x14")])
async def test_throttled_is_later_and_slows_down(gateway: Gateway, carrier: SmppCarrier, ending: str, code: str) -> None:
    await carrier.send(sms())
    with pytest.raises(TryLater) as caught:
        await carrier.send(sms(to=f"+336399800{ending}"))
    assert caught.value.code == code
    assert caught.value.after is not None
    assert caught.value.after.total_seconds() >= 1
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await carrier.send(sms())
    assert loop.time() - begun >= 0.09  # one breath, and then as before
    begun = loop.time()
    await carrier.send(sms())
    assert loop.time() - begun < 0.09


async def test_a_later_part_that_is_throttled_is_tried_again_by_itself(gateway: Gateway, carrier: SmppCarrier) -> None:
    seen = []

    def answer(submit: Submit) -> int:
        seen.append(submit.text[5])
        return 0x58 if seen == [1, 2] else 0

    gateway.answer = answer
    receipt = await carrier.send(sms(text="a" * 200))
    assert seen == [1, 2, 2]
    assert len(receipt.reference.split()) == 2


async def test_half_a_message_is_in_doubt(gateway: Gateway) -> None:
    gateway.answer = lambda submit: 0x58 if submit.text[5] == 2 else 0
    carrier = carrier_of(gateway, longest=1.5)
    with pytest.raises(InDoubt, match="Part 2"):
        await carrier.send(sms(text="a" * 200))
    await carrier.close()


async def test_vanishing_with_unanswered_messages_is_doubt_for_those_and_nothing_for_the_rest(gateway: Gateway) -> None:
    gateway.answer = lambda submit: None
    carrier = carrier_of(gateway, window=5)
    sending = [asyncio.create_task(carrier.send(sms())) for _ in range(8)]
    while len(gateway.submits) < 5:
        await asyncio.sleep(0.01)
    gateway.answer = by_number
    gateway.vanish()
    answers = await asyncio.gather(*sending, return_exceptions=True)
    assert [type(one) for one in answers] == [InDoubt] * 5 + [TryLater] * 3
    assert len(gateway.submits) == 5  # nothing went again by itself
    receipt = await carrier.send(sms())  # a new line, bound by itself
    assert receipt.reference
    assert gateway.binds == 2
    await carrier.close()


async def test_no_answer_is_doubt_and_a_late_one_settles_it(gateway: Gateway, tmp_path: Path) -> None:
    gateway.delay = 0.8
    carrier = carrier_of(gateway, tmp_path / "j", seconds=0.4)
    piece = sms()
    with pytest.raises(InDoubt, match="did not answer"):
        await carrier.send(piece)
    in_doubt = Receipt(piece.key)
    assert await carrier.ask([in_doubt]) == []
    (event,) = await told(carrier, in_doubt)
    assert (event.kind, event.key, event.reference) == (EventKind.HANDED_OVER, piece.key, "00000001")
    gateway.receipt("00000001")
    events = await told(carrier, in_doubt, count=2)
    assert [one.kind for one in events] == [EventKind.HANDED_OVER, EventKind.DELIVERED]
    await carrier.close()
    again = carrier_of(gateway, tmp_path / "j")  # and a new process knows it too
    assert await again.ask([in_doubt]) == events
    await again.close()


async def test_a_wrong_password_is_ours_to_mend_and_not_tried_in_a_row(gateway: Gateway) -> None:
    log = ListLog()
    carrier = carrier_of(gateway, log=log, password="wrong")
    answers = await asyncio.gather(*(carrier.send(sms()) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(one, TryLater) and one.after and one.after.total_seconds() == 300 for one in answers)
    assert gateway.binds == 1
    assert "wrong" not in str(log.lines) + str(answers)
    await carrier.close()


async def test_a_lost_line_is_bound_again_without_a_message(gateway: Gateway, carrier: SmppCarrier) -> None:
    await carrier.send(sms())
    gateway.vanish()
    await asyncio.sleep(0.05)
    await gateway.wait_bound()
    assert gateway.binds == 2


async def test_a_gateway_that_comes_back_is_found_again(gateway: Gateway, carrier: SmppCarrier) -> None:
    await carrier.send(sms())
    await gateway.stop()
    await asyncio.sleep(0.05)  # until we notice; before that it would be a doubt
    with pytest.raises(TryLater):
        await carrier.send(sms())
    await gateway.start()
    await gateway.wait_bound()
    await carrier.send(sms())


@pytest.mark.slow
async def test_silence_is_noticed(gateway: Gateway) -> None:
    carrier = carrier_of(gateway, seconds=0.3, idle=0.2)
    await carrier.send(sms())
    await asyncio.sleep(0.5)
    assert gateway.enquiries >= 1
    assert gateway.binds == 1
    gateway.silent = True
    await asyncio.sleep(1.0)
    gateway.silent = False
    await asyncio.sleep(1.2)
    assert gateway.binds >= 2
    await carrier.close()


async def test_an_unbind_of_the_gateway_lets_answers_come_and_starts_anew(gateway: Gateway, carrier: SmppCarrier) -> None:
    await carrier.send(sms())
    gateway.delay = 0.2
    sending = asyncio.create_task(carrier.send(sms()))
    await asyncio.sleep(0.05)
    gateway.push(b"", command=0x06)
    receipt = await sending
    assert receipt.reference == "00000002"
    assert (await carrier.send(sms())).reference == "00000003"
    assert gateway.binds == 2


@pytest.mark.parametrize("nonsense", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 16, b"\xff" * 64])
async def test_nonsense_on_the_line(gateway: Gateway, carrier: SmppCarrier, nonsense: bytes) -> None:
    await carrier.send(sms())
    gateway.raw(nonsense)
    await asyncio.sleep(0.05)
    assert (await carrier.send(sms())).reference == "00000002"
    assert gateway.binds == 2


async def test_a_push_that_cannot_be_read_is_refused_and_the_line_lives(gateway: Gateway, carrier: SmppCarrier) -> None:
    await carrier.send(sms())
    gateway.push(b"\0\1")
    gateway.push(b"", command=0x77)  # a command that nobody knows
    await carrier.send(sms())
    assert gateway.acknowledged == [(1001, 0x66)]
    assert gateway.binds == 1
