"""The DataMatrix: read back from a picture as a scanner makes it, told from other people's, never over text."""

import io
import random
from pathlib import Path

import pikepdf
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from postoffice.pdf.datamatrix import PLACES, SIDE, Code, decode, draw, encode, free_place, modules, read
from postoffice.pdf.document import frame_of, open_page, open_pdf
from postoffice.pdf.raster import picture
from tests.papers.defects import document, letter, put, saved

ID = bytes(range(16))


def scanned(folder: Path, *codes: tuple[Code, float, float], dpi: float = 200) -> Image.Image:
    pdf = pikepdf.open(io.BytesIO(document(letter())))
    for code, x, y in codes:
        pdf.pages[0].contents_add(pdf.make_stream(draw(code, x, y)))
    with open_pdf(put(folder, "coded.pdf", saved(pdf))) as paper, open_page(paper, 0) as page:
        return picture(page, frame_of(page), dpi, grey=True)


def noisy(image: Image.Image, seed: int, share: float = 0.02) -> Image.Image:
    """As a scanner sees it: softened, a grey veil, specks on a share of the pixels."""
    chance = random.Random(seed)
    veil = image.filter(ImageFilter.GaussianBlur(0.6)).point([30 + tone * 200 // 255 for tone in range(256)])
    for _ in range(int(share * veil.width * veil.height)):
        veil.putpixel((chance.randrange(veil.width), chance.randrange(veil.height)), chance.choice((0, 255)))
    return veil


@given(identity=st.binary(min_size=16, max_size=16), sheet=st.integers(0, 999), more=st.integers(0, 999))
def test_what_is_written_is_read(identity: bytes, sheet: int, more: int) -> None:
    code = Code(identity, sheet, sheet + more)
    assert decode(encode(code)) == code
    rows = modules(code)
    assert (len(rows), {len(row) for row in rows}) == (22, {22})


@given(place=st.integers(0, 23), flip=st.integers(1, 255))
def test_a_damaged_content_is_not_taken_for_ours(place: int, flip: int) -> None:
    content = bytearray(encode(Code(ID, 1, 2)))
    content[place] ^= flip
    assert decode(bytes(content)) is None


def test_a_sheet_beyond_its_count_or_a_short_id_is_refused() -> None:
    for bad in (Code(ID, 3, 2), Code(ID[:15], 1, 1), Code(ID, 1, 70_000)):
        with pytest.raises(ValueError, match="bytes, sheet"):
            encode(bad)


@pytest.mark.parametrize("turn", [0, 90, 180, 3])
def test_it_is_read_from_a_noisy_scan_at_200_dpi(tmp_path: Path, turn: int) -> None:
    whole = scanned(tmp_path, (Code(ID, 1, 3), 5.0, 279.0))
    seen = read(noisy(whole, turn).rotate(turn, expand=True, fillcolor=230))
    assert [one.code for one in seen] == [Code(ID, 1, 3)]
    if turn == 0:
        left, top, right, bottom = (side / 200 * 25.4 for side in seen[0].place)
        assert (left, top) == (pytest.approx(5.5, abs=0.7), pytest.approx(279.5, abs=0.7))
        assert (right, bottom) == (pytest.approx(17.5, abs=0.7), pytest.approx(291.5, abs=0.7))


def test_several_on_a_page_and_strangers_among_them(tmp_path: Path) -> None:
    page = scanned(tmp_path, (Code(ID, 2, 2), 5.0, 279.0), (Code(ID[::-1]), 100.0, 150.0))
    stranger = zxingcpp.create_barcode(b"somebody else's 24 bytes", zxingcpp.BarcodeFormat.DataMatrix)
    page.paste(Image.fromarray(stranger.to_image(scale=6)), (1100, 1900))  # type: ignore[arg-type]
    assert [one.code for one in read(page)] == [Code(ID[::-1]), Code(ID, 2, 2)]


def test_it_finds_a_place_that_nothing_takes() -> None:
    assert free_place([]) == PLACES[0]
    footer = (0.0, 270.0, 210.0, 20.0)
    place = free_place([footer])
    assert place is not None
    assert place[1] + SIDE <= 270
    assert free_place([(0.0, 0.0, 210.0, 297.0)]) is None
