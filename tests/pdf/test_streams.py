"""Print streams: order, limits, front sides, a manifest that tells the truth, codes that a scanner reads."""

import csv
import hashlib
import io
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ImageFilter

from postoffice.model.ids import from_bytes, new_id, to_bytes
from postoffice.pdf import datamatrix
from postoffice.pdf.datamatrix import PLACES, Code
from postoffice.pdf.document import frame_of, open_page, open_pdf, page_count
from postoffice.pdf.raster import ink, picture
from postoffice.pdf.streams import Limits, StreamPiece, build, plan
from tests.papers import faults
from tests.papers.defects import letter, put

pytestmark = pytest.mark.slow


def piece(folder: Path, number: int, pages: int = 1, **how: object) -> StreamPiece:
    path = folder / f"piece-{number}.pdf"
    if not path.exists():
        put(folder, path.name, faults.plain(pages=pages, texts=[*letter(), (22, 130, f"Pli {number}")]))
    return StreamPiece(bytes([number] * 16), path, ("M. X", "75001 PARIS"), "FR", "75001", **how)  # type: ignore[arg-type]


def test_sorted_for_the_machine_then_for_the_post(tmp_path: Path) -> None:
    pieces = [
        piece(tmp_path, 1, 3),
        piece(tmp_path, 2, colour=True),
        piece(tmp_path, 3, envelope="c4"),
        replace(piece(tmp_path, 4), postcode="13001"),
        piece(tmp_path, 5),
        piece(tmp_path, 6, gsm=90),
    ]
    for seed in range(3):
        shuffled = random.Random(seed).sample(pieces, len(pieces))
        assert [[one.id[0] for one in stream] for stream in plan(shuffled)] == [[4, 5, 1], [2], [6], [3]]


def test_a_stream_ends_where_a_limit_is_reached(tmp_path: Path) -> None:
    pieces = [piece(tmp_path, number, 3) for number in range(1, 6)]  # four pages each, with the blank back
    assert [len(stream) for stream in plan(pieces, Limits(pages=8))] == [2, 2, 1]
    assert [len(stream) for stream in plan(pieces, Limits(pieces=3))] == [3, 2]
    assert [len(stream) for stream in plan(pieces, Limits(size=1))] == [1] * 5
    assert plan([]) == []


def test_every_piece_begins_on_a_front_side_and_the_manifest_says_where(tmp_path: Path) -> None:
    pieces = [piece(tmp_path, 1, 3), piece(tmp_path, 2, 2), piece(tmp_path, 3, 1, duplex=False)]
    target = tmp_path / "stream.pdf"
    manifest = build(pieces, target)
    assert page_count(target) == manifest.pages == 4 + 2 + 1
    assert [(one.first_page, one.last_page, one.sheets, one.sides) for one in manifest.entries] == [
        (1, 4, 2, 3),
        (5, 6, 1, 2),
        (7, 7, 1, 1),
    ]
    assert manifest.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert [one.sha256 for one in manifest.entries] == [hashlib.sha256(one.pdf.read_bytes()).hexdigest() for one in pieces]
    with open_pdf(target) as document, open_page(document, 3) as page:
        assert ink(page, frame_of(page), [(0, 0, 210, 297)])[0] is None  # the blank back bears nothing
    shape = json.loads(manifest.as_json())
    assert (shape["version"], shape["entries"][0]["address"]) == (1, ["M. X", "75001 PARIS"])
    rows = list(csv.DictReader(io.StringIO(manifest.as_csv().decode()), delimiter=";"))
    assert [(row["first_page"], row["address"]) for row in rows] == [
        (str(one.first_page), "M. X | 75001 PARIS") for one in manifest.entries
    ]


def test_each_sheet_says_whose_it_is_on_a_noisy_scan(tmp_path: Path) -> None:
    pieces = [piece(tmp_path, 1, 3), piece(tmp_path, 2, 1)]
    target = tmp_path / "stream.pdf"
    manifest = build(pieces, target)
    found = {}
    with open_pdf(target) as document:
        for index in range(len(document)):
            with open_page(document, index) as page:
                scan = picture(page, frame_of(page), 200, grey=True).filter(ImageFilter.GaussianBlur(0.7))
            chance = random.Random(index)
            for _ in range(20_000):
                scan.putpixel((chance.randrange(scan.width), chance.randrange(scan.height)), chance.choice((0, 255)))
            found[index] = [one.code for one in datamatrix.read(scan)]
    assert found == {
        0: [Code(pieces[0].id, 1, 2)],
        1: [],
        2: [Code(pieces[0].id, 2, 2)],
        3: [],
        4: [Code(pieces[1].id, 1, 1)],
        5: [],
    }
    assert manifest.entries[0].codes == (PLACES[0], PLACES[0])


def test_a_code_never_covers_anything(tmp_path: Path) -> None:
    taken = faults.area(0, 240, 210, 57, b"0.8 g")
    path = put(tmp_path, "footer.pdf", faults.plain(extra=taken))
    full = put(tmp_path, "full.pdf", faults.plain(extra=faults.area(0, 0, 210, 297, b"0.8 g")))
    entries = build([StreamPiece(b"a" * 16, path), StreamPiece(b"b" * 16, full)], tmp_path / "stream.pdf").entries
    assert entries[0].codes[0] is not None
    assert entries[0].codes[0][1] + datamatrix.SIDE <= 240
    assert entries[1].codes == (None,)


def test_no_codes_where_none_are_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "stream.pdf"
    assert build([piece(tmp_path, 1)], target, codes=False).entries[0].codes == ()
    with open_pdf(target) as document, open_page(document, 0) as page:
        assert datamatrix.read(picture(page, frame_of(page), 200, grey=True)) == []


def test_ids_travel_as_sixteen_bytes() -> None:
    one = new_id()
    assert from_bytes(to_bytes(one)) == one
    assert len(to_bytes(one)) == 16
