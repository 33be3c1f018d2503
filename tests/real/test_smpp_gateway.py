"""Against an SMPP gateway not of this project (npm's smpp): nothing lost, nothing twice, also when it dies in the middle."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from postoffice.model.channel import Channel
from postoffice.model.delivery import Piece
from postoffice.model.errors import TryLater
from postoffice.model.states import EventKind
from tests.channels.fakes import ListLog, make_piece
from tests.real.npm import Missing
from tests.real.smsc import Smsc, drive

pytestmark = pytest.mark.real
WINDOW = 50


@pytest.fixture
def smsc(tmp_path: Path) -> Iterator[Smsc]:
    try:
        running = Smsc(tmp_path).start()
    except Missing as missing:
        pytest.skip(str(missing))
    yield running
    running.kill()


def pieces(count: int, digit: int = 0, **changes) -> list[Piece]:
    """To numbers of their own; `digit` chooses the outcome (smsc.js)."""
    return [make_piece(Channel.SMS, to=f"+3369{digit}{1_000_000 + number}", **changes) for number in range(count)]


async def test_every_outcome_comes_back(smsc: Smsc, tmp_path: Path) -> None:
    carrier = smsc.carrier(ListLog(), tmp_path / "journal")
    groups = {digit: pieces(5, digit) for digit in (0, 1, 2, 3, 9)}
    run = await drive(carrier, [piece for some in groups.values() for piece in some])
    kinds = {digit: {event.kind for piece in some for event in run.events.get(piece.key, ())} for digit, some in groups.items()}
    assert kinds == {0: {EventKind.DELIVERED}, 1: {EventKind.BOUNCED}, 2: {EventKind.EXPIRED}, 3: {EventKind.REFUSED}, 9: set()}
    assert {piece.key for piece in groups[9]} == set(run.refused)
    assert all(refused.address_dead for refused in run.refused.values())
    await carrier.close()


async def test_throttling_and_stop(smsc: Smsc, tmp_path: Path) -> None:
    carrier = smsc.carrier(ListLog(), tmp_path / "journal")
    with pytest.raises(TryLater) as caught:
        await carrier.send(pieces(1, 8)[0])
    assert caught.value.code == "0x58"
    (stopping,) = pieces(1, 5)
    run = await drive(carrier, [stopping])
    for _ in range(100):
        answers = [event for event in await carrier.ask([]) if "from" in event.detail] or run.answers
        if answers:
            break
        await asyncio.sleep(0.05)
    assert [(one.kind, one.key, one.detail["from"]) for one in answers] == [(EventKind.OPTED_OUT, stopping.key, stopping.to)]
    await carrier.close()


async def test_receipts_twice_late_and_for_part_two_before_part_one(smsc: Smsc, tmp_path: Path) -> None:
    carrier = smsc.carrier(ListLog(), tmp_path / "journal")
    long = pieces(60, 7, text="Fête \N{PARTY POPPER} " * 20)  # three parts
    run = await drive(carrier, long)
    await asyncio.sleep(0.3)  # the second ones
    assert {len(receipt.reference.split()) for receipt in run.receipts.values()} == {3}
    again = await carrier.ask(list(run.receipts.values()))
    assert sorted((event.key, event.kind, event.at) for event in again) == sorted(
        (event.key, event.kind, event.at) for some in run.events.values() for event in some
    )
    assert {event.kind for event in again} == {EventKind.DELIVERED}
    assert len(again) == 60
    await carrier.close()


@pytest.mark.slow
async def test_a_gateway_killed_in_the_middle_loses_and_doubles_nothing(smsc: Smsc, tmp_path: Path) -> None:
    """POSTOFFICE_SMS=10000 makes it the whole show; `postoffice bench sms` does so with figures."""
    count = int(os.environ.get("POSTOFFICE_SMS", "3000"))
    log = ListLog()
    carrier = smsc.carrier(log, tmp_path / "journal")
    all_of_them = pieces(count)
    driving = asyncio.create_task(drive(carrier, all_of_them, patience=90.0))
    while not smsc.record.exists() or smsc.record.read_text().count("T ") < count // 2:
        await asyncio.sleep(0.02)
    smsc.kill()
    await asyncio.sleep(0.3)
    smsc.start()
    run = await driving
    taken = smsc.taken()
    number_of = {piece.key: piece.to for piece in all_of_them}
    assert set(taken.values()) == {1}  # nothing twice
    assert len(run.receipts) + len(run.doubts) == count  # each piece has its answer
    assert all(number_of[key] in taken for key in run.receipts)  # what we call taken was taken
    assert len(run.doubts) <= WINDOW  # only what was on the line when it broke
    assert set(run.events) == set(run.receipts)  # every receipt came
    assert {event.kind for some in run.events.values() for event in some} == {EventKind.DELIVERED}
    assert smsc.unacknowledged() == 0  # also those of the doubtful ones: they lie in the journal
    assert [event for _, event, _ in log.lines].count("smpp_lost") == 1
    await carrier.close()
