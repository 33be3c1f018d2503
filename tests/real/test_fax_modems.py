"""Letters truly faxed: our carrier, HylaFAX, two software modems; the page that came is read by OCR. Busy and no-answer too."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from postoffice.channels.fax.hfaxd import Server
from postoffice.channels.fax.hylafax import HylaFaxCarrier, Way
from postoffice.compose.trial import trial_merge
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Pages, Receipt
from postoffice.model.errors import AlreadySent
from postoffice.model.states import EventKind
from postoffice.pdf.cut import cut_many
from postoffice.pdf.raster import page_image
from tests.channels.fakes import ListLog, make_piece
from tests.ocr import words_of
from tests.real.fax_lab import FaxLab, Missing

pytestmark = [pytest.mark.real, pytest.mark.fax, pytest.mark.timeout(230)]


@pytest.fixture(scope="module")
def lab() -> Iterator[FaxLab]:
    running = FaxLab()
    try:
        running.start()
    except Missing as missing:
        pytest.skip(str(missing))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One page of the trial letters."""
    folder = tmp_path_factory.mktemp("letter")
    (folder / "all.pdf").write_bytes(trial_merge(1)[0])
    (folder / "one.pdf").write_bytes(cut_many(folder / "all.pdf", [(1, 1)])[0])
    return folder / "one.pdf"


def carrier_of(lab: FaxLab, modem: str, **way: Any) -> HylaFaxCarrier:
    settings = {"country": "FR", "station": "+33 1 99 00 00 01", "modem": modem, "dials": 2, "tries": 1, "retry": 5} | way
    return HylaFaxCarrier("fax", Server("127.0.0.1", lab.port), Way(**settings), ListLog())


def fax(letter: Path, to: str):
    async def pdf() -> bytes:
        return letter.read_bytes()

    return make_piece(Channel.FAX, to=to, pages=Pages("0" * 64, 1, 1, pdf))


async def until_over(carrier: HylaFaxCarrier, receipt: Receipt, seconds: float) -> list[Event]:
    """All news, the last of which ends it."""
    told: list[Event] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        told += await carrier.ask([receipt])
        if told and told[-1].kind is not EventKind.DEFERRED:
            return told
        await asyncio.sleep(1)
    raise AssertionError(f"no end after {seconds} s: {told}")


async def test_three_faxes_at_the_same_time(lab: FaxLab, letter: Path, tmp_path: Path) -> None:
    """One arrives and is read, one finds the line busy twice, and one that nobody answers."""
    calling = carrier_of(lab, "ttyIAX0", header="office")
    arriving = fax(letter, "+33123456701")
    receipt = await calling.send(arriving)
    busy = carrier_of(lab, "ttyIAX2"), fax(letter, "+33123456717")
    silent = carrier_of(lab, "ttyIAX3", dials=1), fax(letter, "+33123456718")
    others = [(carrier, await carrier.send(piece)) for carrier, piece in (busy, silent)]
    with pytest.raises(AlreadySent) as caught:
        await carrier_of(lab, "any").send(arriving)  # as after a crash: nothing is remembered but what HylaFAX knows
    assert caught.value.reference == receipt.reference

    arrived, found_busy, unanswered = await asyncio.gather(
        until_over(calling, receipt, 200), *(until_over(carrier, one, 200) for carrier, one in others)
    )
    assert (arrived[-1].kind, arrived[-1].code, arrived[-1].detail["pages"]) == (EventKind.DELIVERED, "1/1", 1)
    assert [(event.kind, event.code) for event in found_busy] == [(EventKind.DEFERRED, "busy"), (EventKind.EXPIRED, "busy")]
    assert (unanswered[-1].kind, unanswered[-1].code) == (EventKind.EXPIRED, "no-answer")
    assert unanswered[-1].detail["pages"] == 0

    (came,) = lab.received()
    check_page(came, letter, tmp_path)


def check_page(came: Path, letter: Path, folder: Path) -> None:
    """The received page bears the letter's words and one header line, at the size of the sent one."""
    (folder / "sent.png").write_bytes(page_image(letter, 1, dpi=204))
    with Image.open(came) as image:
        assert (image.width, image.n_frames) == (1728, 1)
        assert 2280 <= image.height <= 2300
        image.convert("L").resize((1728, 2375)).save(folder / "came.png")
    sent, got = words_of(folder / "sent.png"), words_of(folder / "came.png")
    assert len(sent) > 50
    shared = sum(word in got for word in sent) / len(sent)
    assert shared >= 0.95, f"only {shared:.1%} of the words came through"
    assert got.count("1/1") == sent.count("1/1") + 1  # ours, and none of HylaFAX


def test_the_received_file_is_a_fax(lab: FaxLab) -> None:
    """HylaFAX's own tools read what came."""
    (came,) = lab.received()
    told = subprocess.run(["faxinfo", str(came)], capture_output=True, text=True, timeout=20, check=True).stdout
    assert "Pages: 1" in " ".join(told.split())
