"""The SFTP drop against asyncssh's server: neither lost nor doubled, whatever breaks."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest

from postoffice.channels.print_house.returns import read_return
from postoffice.channels.print_house.sftp import SftpCarrier
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Pages, Piece, Receipt
from postoffice.model.errors import AlreadySent, OutOfRoom, Refused, TryLater, Unreadable
from postoffice.model.mailing import Envelope, Options, Postage
from postoffice.model.states import EventKind
from tests.channels.contract import CarrierContract
from tests.channels.fakes import PDF, ListLog, make_piece
from tests.channels.print_house.house import PrintHouse, print_house


def letter(**changes: object) -> Piece:
    return make_piece(Channel.POST, **changes)


class Bench:
    """The carrier and the house."""

    def __init__(self, place: PrintHouse) -> None:
        self.place = place
        self.log = ListLog()
        self.carrier = SftpCarrier("house", place.house, self.log)

    def handed_over(self, key: str) -> int:
        self.place.collect()
        return self.place.printed.get(key, 0)

    def later(self) -> None:
        return None

    def refused(self) -> Piece:
        return letter(address=None)

    def dead(self) -> None:
        return None

    async def unreachable(self) -> None:
        await self.carrier.close()
        self.place.server.close()
        await self.place.server.wait_closed()

    async def strange(self, receipt: Receipt) -> Sequence[Event]:
        self.returns("a.csv", f"key;status\n{receipt.key};SUBLIMATED\n")
        return await self.carrier.ask([receipt])

    def forged(self) -> Sequence[Knock]:
        return ()

    def returns(self, name: str, content: str) -> Path:
        folder = self.place.root / "returns"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(content)
        return path


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with print_house(tmp_path) as place:
        bench = Bench(place)
        yield bench
        await bench.carrier.close()


class TestContract(CarrierContract):
    pass


async def test_pdf_and_manifest_stand_in_the_drop_and_nothing_else(bench: Bench) -> None:
    options = Options(colour=True, duplex=True, postage=Postage.REGISTERED, envelope=Envelope.C4)
    piece = letter(options=options)
    await bench.carrier.send(piece)
    drop = bench.place.root / "drop"
    assert sorted(os.listdir(drop)) == [f"{piece.key}.json", f"{piece.key}.pdf"]
    assert (drop / f"{piece.key}.pdf").read_bytes() == PDF
    assert json.loads((drop / f"{piece.key}.json").read_bytes()) == {
        "version": 1,
        "key": piece.key,
        "pdf": f"{piece.key}.pdf",
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "bytes": len(PDF),
        "pages": 3,
        "sheets": 2,
        "gsm": 80,
        "datamatrix": "",
        "duplex": True,
        "colour": True,
        "postage": "registered",
        "envelope": "c4",
        "address": ["MME ANNA DUPONT", "3 RUE DU LAC", "75008 PARIS"],
        "address_for_post": ["MME ANNA DUPONT", "3 RUE DU LAC", "75008 PARIS"],
        "country": "FR",
        "sender": "Mairie de Lys",
        "mailing": "m1",
        "position": 2,
    }


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("suffix", ["", ".pdf", ".json"])
@pytest.mark.parametrize("taken_at_once", [True, False])
async def test_a_line_that_breaks_at_any_move_neither_loses_nor_doubles(
    bench: Bench, suffix: str, moment: str, taken_at_once: bool
) -> None:
    piece = letter()
    bench.place.breaks = {suffix: moment}
    with pytest.raises(TryLater):
        await bench.carrier.send(piece)
    assert not bench.place.breaks
    if taken_at_once:
        bench.place.collect()
    handed_over = (suffix, moment) == (".json", "after")
    for expected_known in (handed_over, True):
        if expected_known:
            with pytest.raises(AlreadySent):
                await bench.carrier.send(piece)
        else:
            await bench.carrier.send(piece)
        bench.place.collect()
    assert bench.place.printed == {piece.key: 1}


async def test_two_workers_with_the_same_key_print_it_once(bench: Bench) -> None:
    other = SftpCarrier("house", bench.place.house, ListLog())
    pieces = [letter() for _ in range(20)]
    sends = [carrier.send(piece) for piece in pieces for carrier in (bench.carrier, other)]
    answers = await asyncio.gather(*sends, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Receipt, AlreadySent}
    bench.place.collect()
    assert bench.place.printed == dict.fromkeys((piece.key for piece in pieces), 1)
    assert not [path for path in (bench.place.root / "journal").rglob("*") if path.is_file() and path.suffix]
    await other.close()


async def test_a_drop_folder_that_vanished_is_no_hand_over(bench: Bench) -> None:
    await bench.carrier.send(letter())
    bench.place.collect()
    (bench.place.root / "drop").rmdir()
    piece = letter()
    with pytest.raises(TryLater):
        await bench.carrier.send(piece)
    await bench.carrier.send(piece)  # made anew
    bench.place.collect()
    assert bench.place.printed[piece.key] == 1


async def test_the_line_is_opened_anew_after_the_server_came_back(bench: Bench) -> None:
    await bench.carrier.send(letter())
    bench.carrier._line._connection.abort()
    answers = [await asyncio.gather(bench.carrier.send(letter()), return_exceptions=True) for _ in range(2)]
    assert isinstance(answers[-1][0], Receipt)


async def test_another_host_key_gets_no_letter(bench: Bench) -> None:
    impostor = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    carrier = SftpCarrier("house", replace(bench.place.house, host_keys=(impostor,)), bench.log)
    with pytest.raises(TryLater, match="[Hh]ost key"):
        await carrier.send(letter())
    assert ("error", "host_key_differs", {"carrier": "house"}) in bench.log.lines
    assert not (bench.place.root / "drop").exists()


async def test_a_wrong_password_waits_and_is_not_told(bench: Bench) -> None:
    carrier = SftpCarrier("house", replace(bench.place.house, password="wr0ng-secret"), bench.log)
    with pytest.raises(TryLater) as caught:
        await carrier.send(letter())
    assert "wr0ng-secret" not in f"{caught.value} {bench.log.lines}"


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Unreadable("damaged", "The pages are damaged"), Refused),
        (OutOfRoom("full", "The disk is full"), TryLater),
        (OSError("gone"), TryLater),
    ],
    ids=str,
)
async def test_pages_that_cannot_be_had(bench: Bench, fault: Exception, answer: type[Exception]) -> None:
    async def broken() -> bytes:
        raise fault

    with pytest.raises(answer):
        await bench.carrier.send(letter(pages=Pages("0", 1, 1, broken)))
    with pytest.raises(Refused):
        await bench.carrier.send(letter(pages=None))


async def test_a_pdf_that_is_too_large_is_refused(bench: Bench) -> None:
    carrier = SftpCarrier("house", replace(bench.place.house, max_bytes=100), bench.log)
    with pytest.raises(Refused, match="100"):
        await carrier.send(letter())
    await carrier.close()


async def test_news_is_told_once_again_after_a_change_and_never_removed(bench: Bench) -> None:
    path = bench.returns("day1.csv", "key,status,date,reason\nk1,mailed,2026-11-23,\nk2,returned,2026-11-24T10:00:00+01:00,N02\n")
    bench.returns("day1.csv.part", "key,status\nk9,mailed\n")
    first = await bench.carrier.ask([Receipt("k1")])
    assert [(event.key, event.kind, event.address_dead) for event in first] == [
        ("k1", EventKind.MAILED, False),
        ("k2", EventKind.RETURNED, True),
    ]
    assert await bench.carrier.ask([Receipt("k1")]) == []
    path.write_text(path.read_text() + "k3,delivered,,\n")
    assert [event.key for event in await bench.carrier.ask([])] == ["k1", "k2", "k3"]
    assert path.exists()


async def test_after_an_hour_news_is_told_again_for_what_is_still_asked(bench: Bench) -> None:
    bench.returns("day1.csv", "key,status\nk1,mailed\nk2,mailed\n")
    await bench.carrier.ask([Receipt("k2")])
    bench.carrier._retell_at = datetime.now(UTC)
    assert [event.key for event in await bench.carrier.ask([Receipt("k2")])] == ["k2"]


async def test_an_unreadable_file_is_reported_by_line(bench: Bench) -> None:
    bench.returns("odd.csv", "key,status\nk1,mailed\n,mailed\nk2,\n")
    assert len(await bench.carrier.ask([])) == 1
    ((level, event, facts),) = bench.log.lines
    assert (level, event, facts["lines"]) == ("warning", "return_file_unreadable", [3, 4])
    assert "odd.csv" not in str(facts)


async def test_no_return_folder_yet_is_no_news(bench: Bench) -> None:
    assert await bench.carrier.ask([Receipt("k1")]) == []


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "content",
    [
        b"key,status,reason\nk1,returned,N03\n",
        "\ufeffkey;status;reason\r\nk1;Returned;N03\r\n".encode(),
        b"Status\tKEY\tReason\nreturned\tk1.pdf\tN03\n\n",
        b'[{"key": "k1", "status": "returned", "reason": "N03"}]',
        b'{"key": "k1", "status": "returned", "reason": "N03"}\n',
    ],
)
def test_forms_of_a_return_file(content: bytes) -> None:
    (event,) = read_return(content, NOON).events
    assert (event.kind, event.key, event.code, event.at, event.address_dead) == (EventKind.RETURNED, "k1", "N03", NOON, False)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"[1, 2]",
        b"[",
        b"{\n",
        b"a,b\n1,2\n",
        b'key,status\n"',
        b"[[]]",
        b'{"key": 3}',
        b"key,status\n" + b"x" * 200_000,
    ]
    + [b'[{"key":' * 2000, b"[" * 100_000],
)
def test_nonsense_never_raises(content: bytes) -> None:
    assert read_return(content, NOON).events == ()


def test_latin_letters_and_impossible_dates_are_taken() -> None:
    (event,) = read_return("key;status;date;reason\nk1;rejected;0000-99-99;Adresse illisible é\n".encode("cp1252"), NOON).events
    assert (event.kind, event.at, event.code) == (EventKind.REFUSED, NOON, "Adresse illisible é")
