"""Letters as they leave: what is put under, before and behind them, seen as pictures and read again."""

import io
from pathlib import Path

import pikepdf
import pytest

from postoffice.compose.paper.dress import Dress, dress_many
from postoffice.compose.reading import read_document
from postoffice.model.errors import Unreadable
from postoffice.pdf.document import frame_of, open_page, open_pdf, page_count
from postoffice.pdf.raster import ink, picture
from tests.papers import faults
from tests.papers.defects import put, rotated_and_cropped

ADDRESS = ("Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG")


def letterhead(folder: Path, pages: int = 2) -> Path:
    pdf = faults.paper(texts=[], extra=faults.area(20, 8, 30, 15, b"0 0 1 rg"))
    if pages == 2:
        pdf.pages.append(pdf.pages[0])
        pdf.pages[1].obj.Contents = pdf.make_stream(faults.area(20, 280, 30, 5, b"1 0 0 rg"))
    return put(folder, "letterhead.pdf", faults.saved(pdf))


def dressed(folder: Path, content: bytes, lines: tuple[str, ...] = ADDRESS, **how: object) -> Path:
    return put(folder, "dressed.pdf", dress_many([content], [lines], Dress("fr", **how))[0])  # type: ignore[arg-type]


def colours(path: Path, *places: tuple[int, float, float]) -> list[tuple[int, int, int]]:
    found = []
    with open_pdf(path) as document:
        for index, x, y in places:
            with open_page(document, index) as page:
                found.append(picture(page, frame_of(page), 50).getpixel((round(x / 25.4 * 50), round(y / 25.4 * 50))))
    return found  # type: ignore[return-value]


HEAD, FOOT = (30.0, 15.0), (30.0, 282.0)
BLUE, RED, WHITE = (0, 0, 255), (255, 0, 0), (255, 255, 255)


@pytest.mark.slow
def test_first_and_following_pages_have_their_letterhead(tmp_path: Path) -> None:
    content = faults.plain(pages=3)
    path = dressed(tmp_path, content, letterhead=letterhead(tmp_path))
    places = [(index, *place) for index in range(3) for place in (HEAD, FOOT)]
    assert colours(path, *places) == [BLUE, WHITE, WHITE, RED, WHITE, RED]
    assert read_document(path, "fr", "whole").items[0].address is not None
    single = dressed(tmp_path, content, letterhead=letterhead(tmp_path, 1))
    assert colours(single, *places) == [BLUE, WHITE, WHITE, WHITE, WHITE, WHITE]


def test_under_or_over_what_is_printed(tmp_path: Path) -> None:
    content = faults.plain(extra=faults.area(20, 8, 30, 15, b"0 1 0 rg"))
    paper = letterhead(tmp_path)
    assert colours(dressed(tmp_path, content, letterhead=paper), (0, *HEAD)) == [(0, 255, 0)]
    assert colours(dressed(tmp_path, content, letterhead=paper, over=True), (0, *HEAD)) == [BLUE]


def test_rotated_and_cropped_pages_get_it_upright(tmp_path: Path) -> None:
    path = dressed(tmp_path, rotated_and_cropped(), letterhead=letterhead(tmp_path))
    assert colours(path, (0, *HEAD)) == [BLUE]
    reading = read_document(path, "fr", "whole")
    assert reading.items[0].address is not None
    assert reading.items[0].address.lines == ADDRESS


@pytest.mark.parametrize(
    ("layout", "lines", "sender"),
    [
        ("fr", ADDRESS, ""),
        ("fr", ("SOCIETE DES TRANSPORTS REUNIS DU GRAND", "Mme Maria-Immaculada DE LA TOUR D AUVE", *ADDRESS, "FRANCE"), "Aubrac SA"),
        ("din", ("Frau Zoë Müller", "Hauptstraße 1", "10115 Berlin"), "Aubrac SA · 1 rue du Puy · 12000 Rodez"),
        ("uk", ("Ms A Smith", "1 High Street", "London", "SW1A 1AA"), ""),
    ],
)
def test_an_address_sheet_is_read_in_its_window(tmp_path: Path, layout: str, lines: tuple[str, ...], sender: str) -> None:
    made = dress_many([faults.plain()], [lines], Dress(layout, sheet=True, sender=sender))[0]
    path = put(tmp_path, "sheet.pdf", made)
    reading = read_document(path, layout, "whole")
    assert reading.items[0].address is not None
    assert reading.items[0].address.lines == lines
    assert [
        one.code for one in reading.items[0].findings if one.code.startswith(("address", "window")) and one.severity != "info"
    ] == []
    assert "font-not-embedded" not in [one.code for one in reading.items[0].findings]


def test_in_duplex_sheet_letter_and_inserts_begin_on_front_sides(tmp_path: Path) -> None:
    insert = put(tmp_path, "insert.pdf", faults.plain(texts=[(22, 40, "Conditions")]))
    for duplex, filled in ((False, [True, True, True, True]), (True, [True, False, True, False, True, False, True])):
        path = dressed(tmp_path, faults.plain(), sheet=True, inserts=(insert, insert), duplex=duplex)
        with open_pdf(path) as document:
            seen = []
            for index in range(len(document)):
                with open_page(document, index) as page:
                    seen.append(ink(page, frame_of(page), [(0, 0, 210, 297)])[0] is not None)
        assert seen == filled


def test_letters_share_nothing_and_a_bad_letterhead_is_named(tmp_path: Path) -> None:
    letters = [faults.plain(), faults.plain(pages=2)]
    both = dress_many(letters, [ADDRESS, ADDRESS], Dress("fr", letterhead=letterhead(tmp_path)))
    assert [page_count(put(tmp_path, f"{number}.pdf", one)) for number, one in enumerate(both)] == [1, 2]
    with pytest.raises(Unreadable):
        dress_many(letters, [ADDRESS, ADDRESS], Dress("fr", letterhead=put(tmp_path, "bad.pdf", b"no paper")))
    with pikepdf.open(io.BytesIO(dress_many([letters[0]], [()], Dress("fr", sheet=True))[0])) as alone:
        assert len(alone.pages) == 1  # nothing to write: no sheet
