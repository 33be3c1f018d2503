"""HylaFAX: the contract, what its queues get, what its noes mean, keys after a crash, and what it tells of jobs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from postoffice.channels.catalogue import build
from postoffice.channels.fax.hfaxd import Server
from postoffice.channels.fax.hylafax import HylaFaxCarrier, Way
from postoffice.channels.kind import BadSetting
from postoffice.compose.trial import trial_merge
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Pages, Piece, Receipt
from postoffice.model.errors import AlreadySent, InDoubt, Refused, TryLater
from postoffice.model.ports import Recalls
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import ListLog, MemoryBox, make_piece
from tests.channels.fax.hfaxd import FakeHfaxd, FakeJob, running

LETTER = trial_merge(1)[0]
STOP = "Pour ne plus recevoir de publicité par télécopie, sans frais : poste.example/stop, numéro 01 99 00 00 42, code ABCD-EFGH"


def foot_ink(content: bytes) -> int:
    """Black dots in the last centimetre of the last page of a fax."""
    with Image.open(BytesIO(content)) as image:
        image.seek(image.n_frames - 1)
        return image.convert("L").crop((0, image.height - 77, image.width, image.height)).histogram()[0]


async def letter() -> bytes:
    return LETTER


def fax(**changes: Any) -> Piece:
    return make_piece(Channel.FAX, **{"pages": Pages("0" * 64, 1, 2, letter)} | changes)


class SmallWorkshop:
    """A workshop that draws nothing: what is asked of HylaFAX is not the picture."""

    async def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        return b"II*\0" + b"x" * 100, 2


def carrier_of(fake: FakeHfaxd, *, password: str = "", draw: bool = False, seconds: float = 2.0, **way: Any) -> HylaFaxCarrier:
    server = Server("127.0.0.1", fake.port, "office", password, seconds)
    return HylaFaxCarrier("fax", server, Way(**way), ListLog(), workshop=None if draw else SmallWorkshop())


@pytest.fixture
async def fake() -> AsyncIterator[FakeHfaxd]:
    async with running(FakeHfaxd()) as one:
        yield one


class Bench:
    def __init__(self, fake: FakeHfaxd) -> None:
        self.fake = fake
        self.carrier = carrier_of(fake)
        fake.no = self.no

    def no(self, line: str) -> str | None:
        if line.startswith("JPARM DIALSTRING") and line.endswith('0199000099"'):
            return "450 The queue is full."
        if line.startswith("JPARM DIALSTRING") and line.endswith('0199000097"'):
            return "504 This number is barred."
        return None

    def handed_over(self, key: str) -> int:
        return sum(job.parameters["JOBINFO"] == key for job in self.fake.jobs)

    def later(self) -> Piece:
        return fax(to="+33199000099")

    def refused(self) -> Piece:
        return fax(to="+33199000097")

    def dead(self) -> None:
        return None

    async def unreachable(self) -> None:
        await self.fake.stop()

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        self.fake.jobs[-1].state = "SUBLIMATED"
        return await self.carrier.ask([receipt])

    def forged(self) -> Sequence[Knock]:
        return ()


class TestHylaFaxContract(CarrierContract):
    @pytest.fixture
    async def bench(self, fake: FakeHfaxd) -> AsyncIterator[Bench]:
        made = Bench(fake)
        yield made
        await made.carrier.close()


async def test_what_hylafax_gets(fake: FakeHfaxd) -> None:
    piece = fax()
    await carrier_of(fake, prefix="0,", station="+33 1 99 00 00 01", dials=4, retry=90, hours=30, modem="ttyS0").send(piece)
    wanted = {
        "JOBINFO": piece.key,
        "DIALSTRING": "0,0199000042",
        "EXTERNAL": "****0042",
        "MODEM": "ttyS0",
        "MAXDIALS": "4",
        "RETRYTIME": "0130",
        "LASTTIME": "010600",
        "VRES": "196",
        "TSI": "+33 1 99 00 00 01",
        "DOCUMENT": "/tmp/doc1.ps",
    }
    assert wanted.items() <= fake.jobs[0].parameters.items()
    assert not any("TAGLINE" in name for name in fake.jobs[0].parameters)  # HylaFAX's own line is drawn


@pytest.mark.parametrize(
    ("to", "way", "number"),
    [
        ("+33199000042", {}, "0199000042"),
        ("+4989123456", {}, "004989123456"),
        ("+14155550132", {"country": "DE", "international": "00", "prefix": "9,"}, "9,0014155550132"),
        ("+4989123456", {"country": "DE"}, "089123456"),
    ],
)
async def test_numbers_are_dialled_as_from_that_country(fake: FakeHfaxd, to: str, way: dict[str, str], number: str) -> None:
    await carrier_of(fake, **way).send(fax(to=to))
    assert fake.jobs[0].parameters["DIALSTRING"] == number


async def test_the_document_is_a_fax_with_our_line_and_a_cover(fake: FakeHfaxd) -> None:
    await carrier_of(fake, draw=True, header="office", cover=True, fine=False, station="+33199000001").send(fax())
    job = fake.jobs[0]
    with Image.open(BytesIO(job.document)) as image:
        assert (image.size, image.n_frames, image.info["compression"]) == ((1728, 1143), 2, "group4")
    assert (job.parameters["VRES"], job.parameters["USETAGLINE"], job.parameters["TAGLINE"]) == ("98", "YES", "")


async def test_an_offer_says_at_its_foot_how_to_stop_offers(fake: FakeHfaxd) -> None:
    carrier = carrier_of(fake, draw=True)
    await carrier.send(fax())
    await carrier.send(fax(foot=STOP))
    plain, offer = (job.document for job in fake.jobs)
    assert foot_ink(plain) == 0 < foot_ink(offer)


async def test_a_password_is_given_where_it_is_asked_for(fake: FakeHfaxd) -> None:
    fake.password = "secret"
    await carrier_of(fake, password="secret").send(fax())
    with pytest.raises(TryLater) as caught:
        await carrier_of(fake, password="wrong").send(fax())
    assert (caught.value.code, caught.value.after is None) == ("530", False)


@pytest.mark.parametrize("state", ["W", "R", "S", "D", "F"])
async def test_after_a_crash_the_key_is_found_in_either_queue(fake: FakeHfaxd, state: str) -> None:
    piece = fax()
    await carrier_of(fake).send(piece)
    fake.jobs[0].state = state
    with pytest.raises(AlreadySent) as caught:
        await carrier_of(fake).send(piece)
    assert caught.value.reference == "1"
    assert len(fake.jobs) == 1


@pytest.mark.parametrize("broken", ["USER", "STOT", "JNEW", "JPARM DOCUMENT"])
async def test_the_line_breaks_before_the_order(fake: FakeHfaxd, broken: str) -> None:
    fake.no = lambda line: "" if line.startswith(broken) else None
    with pytest.raises(TryLater):
        await carrier_of(fake).send(fax())
    assert not fake.jobs


@pytest.mark.parametrize("taken", [True, False])
async def test_the_line_breaks_at_the_order_and_the_queue_tells(fake: FakeHfaxd, taken: bool) -> None:
    """hfaxd hangs up at JSUBM, with or without having queued the job; the next session finds out."""
    piece, carrier = fax(), carrier_of(fake)

    def no(line: str) -> str | None:
        if line != "JSUBM":
            return None
        fake.no = lambda line: None
        if taken:
            fake.jobs.append(_job_of(fake))
        return ""

    fake.no = no
    if taken:
        assert (await carrier.send(piece)).reference == "1"
    else:
        with pytest.raises(TryLater):
            await carrier.send(piece)
        await carrier.send(piece)
    assert [job.parameters["JOBINFO"] for job in fake.jobs] == [piece.key]


def _job_of(fake: FakeHfaxd) -> FakeJob:
    set_ = dict(line.split(" ", 2)[1:] for line in fake.lines if line.startswith("JPARM"))
    return FakeJob(1, {name: value.strip('"') for name, value in set_.items()}, b"")


async def test_the_line_breaks_at_the_order_and_nobody_answers_any_more(fake: FakeHfaxd) -> None:
    broken = False

    def no(line: str) -> str | None:
        nonlocal broken
        broken = broken or line == "JSUBM"
        return "" if broken else None

    fake.no = no
    with pytest.raises(InDoubt):
        await carrier_of(fake).send(fax())


@pytest.mark.parametrize(
    ("state", "reason", "sent", "kind", "code"),
    [
        ("D", "", 2, EventKind.DELIVERED, "2/2"),
        ("D", "", 1, EventKind.BOUNCED, "failed"),
        ("F", "Busy signal detected; too many attempts to dial", 0, EventKind.EXPIRED, "busy"),
        ("F", "No answer from remote", 0, EventKind.EXPIRED, "no-answer"),
        ("F", "Ringback detected, no answer without CED", 0, EventKind.EXPIRED, "no-answer"),
        ("F", "No carrier detected", 0, EventKind.BOUNCED, "no-carrier"),
        ("F", "Voice line detected", 0, EventKind.BOUNCED, "voice"),
        ("F", "REJECT: Requested modem is not registered", 0, EventKind.REFUSED, "rejected"),
        ("F", "Job aborted by request", 0, EventKind.CANCELLED, "cancelled"),
        ("F", "Kill time expired", 0, EventKind.EXPIRED, "time-over"),
        ("F", "Failure to train remote modem at 2400 bps", 1, EventKind.BOUNCED, "failed"),
    ],
)
async def test_ends(fake: FakeHfaxd, state: str, reason: str, sent: int, kind: EventKind, code: str) -> None:
    carrier = carrier_of(fake)
    receipt = await carrier.send(fax())
    job = fake.jobs[0]
    job.state, job.reason, job.sent, job.pages = state, reason, sent, 2
    (event,) = await carrier.ask([receipt, Receipt("0" * 26, "77")])
    assert (event.kind, event.code, event.key, event.detail["pages"]) == (kind, code, receipt.key, sent)
    assert event.at == datetime.fromtimestamp(job.epoch, UTC)  # HylaFAX's own time: asked twice, it is the same news
    assert kind is EventKind.DELIVERED or f"{sent} of 2 pages confirmed" in event.text
    assert not event.address_dead


async def test_each_failed_call_is_told_once(fake: FakeHfaxd) -> None:
    carrier = carrier_of(fake)
    receipts = [await carrier.send(fax()) for _ in range(2)]
    assert await carrier.ask(receipts) == []
    job = fake.jobs[0]
    job.state, job.reason, job.calls = "S", "Busy signal detected", 1
    (event,) = await carrier.ask(receipts)
    assert (event.kind, event.code, event.key) == (EventKind.DEFERRED, "busy", receipts[0].key)
    assert await carrier.ask(receipts) == []
    job.calls = 2
    assert len(await carrier.ask(receipts)) == 1


async def test_a_fax_is_taken_back_while_it_waits(fake: FakeHfaxd) -> None:
    carrier, piece, other = carrier_of(fake), fax(), fax()
    assert isinstance(carrier, Recalls)
    receipt, kept = await carrier.send(piece), await carrier.send(other)
    await carrier.recall(receipt)
    assert [job.state for job in fake.jobs] == ["F", "W"], "and no other one"
    (told,) = await carrier.ask([receipt])
    assert (told.kind, told.code) == (EventKind.CANCELLED, "cancelled")
    with pytest.raises(Refused):
        await carrier.recall(receipt)
    for state in ("R", "D"):
        fake.jobs[1].state = state
        with pytest.raises(Refused, match="sent"):
            await carrier.recall(kept)
    await fake.stop()
    with pytest.raises(TryLater):
        await carrier.recall(kept)


async def test_many_are_asked_for_in_one_session(fake: FakeHfaxd) -> None:
    carrier = carrier_of(fake)
    receipts = [await carrier.send(fax()) for _ in range(5)]
    for job in fake.jobs:
        job.state, job.sent, job.pages = "D", 1, 1
    fake.lines.clear()
    assert len(await carrier.ask(receipts)) == 5
    assert sum(line.startswith("USER") for line in fake.lines) == 1


async def test_a_damaged_document_is_refused(fake: FakeHfaxd) -> None:
    async def damaged() -> bytes:
        return b"%PDF-1.7 nothing more"

    with pytest.raises(Refused) as caught:
        await carrier_of(fake, draw=True).send(fax(pages=Pages("0" * 64, 1, 1, damaged)))
    assert caught.value.code == "pdf-truncated"
    assert not fake.jobs


@pytest.mark.parametrize("to", ["0199000042", "+33", "+331990000421234567", "+3319900004x", ""])
async def test_what_cannot_be_dialled_is_refused_without_blame(fake: FakeHfaxd, to: str) -> None:
    with pytest.raises(Refused) as caught:
        await carrier_of(fake).send(fax(to=to))
    assert (caught.value.code, caught.value.address_dead) == ("number", False)


async def test_a_silent_server_is_given_up_soon() -> None:
    """It takes connections and says nothing."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    carrier = HylaFaxCarrier("fax", Server("127.0.0.1", server.sockets[0].getsockname()[1], seconds=0.2), Way(), ListLog())
    with pytest.raises(TryLater):
        await carrier.ask([Receipt("k", "1")])
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "wrong", [{"country": "XX"}, {"prefix": '0"'}, {"password": 'a"b'}, {"station": "x\u00e9"}, {"header": "both"}]
)
def test_settings_that_cannot_be(wrong: dict[str, str]) -> None:
    with pytest.raises(BadSetting):
        build("hylafax", "fax", {"host": "fax.example"} | wrong, box=MemoryBox(), log=ListLog())
