"""Pages as fax: the file's form, its size on paper, header line and cover; and that what must be read stays legible."""

import resource
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops

from postoffice.compose.trial import trial_merge
from postoffice.model.errors import TooLarge, Unreadable
from postoffice.pdf import tiff
from postoffice.pdf.tiff import FaxLook, fax_tiff, fax_tiff_bytes
from tests.ocr import words_of
from tests.papers.colourful import HIDDEN, MARKED, make_pages

LETTER = trial_merge(1)[0]


def image_of(content: bytes, page: int = 0) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.seek(page)
    image.load()
    return image


def drawn(commands: str, size: tuple[float, float] = (595.28, 841.89), pages: int = 1, rotate: int = 0) -> bytes:
    """A PDF that only draws."""
    made = pikepdf.new()
    for _ in range(pages):
        page = made.add_blank_page(page_size=size)
        page.Contents = made.make_stream(commands.encode())
        page.Rotate = rotate
    target = BytesIO()
    made.save(target)
    return target.getvalue()


def ink(image: Image.Image, box: tuple[int, int, int, int]) -> float:
    """Share of black dots in a box."""
    part = image.convert("L").crop(box)
    return part.histogram()[0] / (part.width * part.height)


@pytest.mark.parametrize(("fine", "rows", "dpi"), [(True, 2287, 196), (False, 1143, 98)])
def test_the_form_of_a_fax(fine: bool, rows: int, dpi: int) -> None:
    """RFC 2301, profile F: one strip a page, 0 is white, pages counted."""
    content, pages = fax_tiff_bytes(drawn("0 0 100 100 re f", pages=3), FaxLook(fine=fine))
    assert pages == 3
    for number in range(3):
        tags = image_of(content, number).tag_v2
        wanted = {254: 2, 256: 1728, 257: rows, 259: 4, 262: 0, 278: rows, 282: 204, 283: dpi, 296: 2, 297: (number, 3)}
        assert {tag: tags[tag] for tag in wanted} == wanted
        assert len(tags[273]) == 1
    assert Image.open(BytesIO(content)).n_frames == 3


def test_sizes_on_paper_are_kept() -> None:
    """A square of 100 mm is 804 dots wide and 770 rows high, and stands where it stood."""
    image = image_of(fax_tiff_bytes(drawn("150 400 283.46 283.46 re f"), FaxLook())[0])
    left, top, right, bottom = ImageChops.invert(image.convert("L")).getbbox() or (0, 0, 0, 0)
    assert right - left == pytest.approx(804, abs=2)
    assert bottom - top == pytest.approx(770, abs=2)
    assert left == pytest.approx(20 + 150 / 72 * 25.4 * 8.037, abs=2)


@pytest.mark.parametrize(("size", "rotate"), [((841.89, 595.28), 0), ((595.28, 841.89), 90), ((1190.55, 841.89), 0), ((420, 300), 0)])
def test_wide_pages_are_turned_and_large_ones_made_smaller(size: tuple[float, float], rotate: int) -> None:
    image = image_of(fax_tiff_bytes(drawn(f"10 10 {size[0] - 20} {size[1] - 20} re 3 w S", size, rotate=rotate), FaxLook())[0])
    left, top, right, bottom = ImageChops.invert(image.convert("L")).getbbox() or (0, 0, 0, 0)
    assert (image.width, image.height) == (1728, 2287)
    assert bottom - top > right - left
    assert 0 < left < right < 1728 and 0 < top < bottom < 2287


@pytest.mark.parametrize("width", [0.05, 0.25, 1.0])
@pytest.mark.parametrize("grey", [0, 0.6, 0.85])
def test_thin_and_grey_lines_are_kept(width: float, grey: float) -> None:
    commands = f"{grey} G {grey} g {width} w 100 300 m 500 300 l S 100 500 m 100 700 l S 100 200 400 {width} re f"
    image = image_of(fax_tiff_bytes(drawn(commands), FaxLook())[0]).convert("L")
    dots = ImageChops.invert(image)
    assert (
        len([count for count in (dots.crop((400, row, 1300, row + 1)).histogram()[255] for row in range(1000, 2000)) if count > 890])
        >= 2
    )
    assert sum(1 for column in range(200, 400) if dots.crop((column, 400, column + 1, 900)).histogram()[255] > 490) >= 1


def test_pictures_and_tinted_areas_become_dots() -> None:
    """A middle grey is half black; a pale one is paper; a dark one is ink."""
    image = image_of(
        fax_tiff_bytes(drawn("0.5 g 50 50 200 200 re f 0.95 g 300 50 200 200 re f 0.1 g 50 400 200 200 re f"), FaxLook())[0]
    )
    assert 0.4 < ink(image, (250, 1750, 600, 2000)) < 0.6
    assert ink(image, (900, 1750, 1300, 2000)) == 0
    assert ink(image, (250, 800, 600, 1000)) == 1


def test_a_header_line_and_a_cover() -> None:
    plain = image_of(fax_tiff_bytes(LETTER, FaxLook())[0])
    content, pages = fax_tiff_bytes(LETTER, FaxLook(header="Été à Lys  p. {page}/{pages}", cover=("FAX", "To: Anna", "x" * 500)))
    assert pages == Image.open(BytesIO(content)).n_frames == 2
    assert ink(image_of(content, 0), (0, 0, 1728, 40)) > 0.001
    assert ink(image_of(content, 0), (100, 150, 500, 400)) > 0.01
    headed = image_of(content, 1)
    assert ink(headed, (0, 0, 1728, 40)) > 0.001 > ink(plain, (0, 0, 1728, 40))
    assert headed.crop((0, 50, 1728, 2287)).tobytes() == plain.crop((0, 50, 1728, 2287)).tobytes()  # nothing else has moved


def test_a_page_makes_room_for_the_header_line() -> None:
    black = drawn("0 0 595 842 re f")
    image = image_of(fax_tiff_bytes(black, FaxLook(header="Le"))[0])
    assert ink(image, (0, 36, 1728, 44)) == 0
    assert ink(image, (100, 60, 1600, 2200)) == 1


@pytest.mark.parametrize("fine", [True, False])
def test_lines_at_the_foot_of_the_last_page_only(fine: bool) -> None:
    look = FaxLook(fine, foot=("x" * 400, "numéro 01 99 00 00 42"))
    plain, content = (fax_tiff_bytes(drawn("200 300 100 100 re f", pages=2), one)[0] for one in (FaxLook(fine), look))
    first, last = image_of(content, 0), image_of(content, 1)
    foot = round(look.foot_band * first.height / 297)
    assert first.tobytes() == image_of(plain, 0).tobytes()
    assert last.crop((0, 0, 1728, last.height - foot)).tobytes() == first.crop((0, 0, 1728, last.height - foot)).tobytes()
    left, top, right, bottom = (
        ImageChops.invert(last.convert("L").crop((0, last.height - foot, 1728, last.height))).getbbox() or (0,) * 4
    )
    assert (left > 50, right < 1728 - 50, top >= 0, bottom < foot - 3 * last.height / 297) == (True,) * 4, "within what machines print"


def test_the_last_page_makes_room_for_the_lines_at_its_foot() -> None:
    black = drawn("0 0 595 842 re f")
    image = image_of(fax_tiff_bytes(black, FaxLook(foot=("Le",)))[0])
    assert ink(image, (100, 0, 1600, 2200)) == 1
    assert ink(image, (100, 2287 - 70, 1600, 2287 - 66)) == 0
    assert 0 < ink(image, (0, 2287 - 66, 1728, 2287)) < 0.05


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "pdf-empty"), (b"no", "not-a-pdf"), (LETTER[:-200], "pdf-truncated")], ids=["empty", "text", "cut"]
)
def test_what_is_no_pdf(content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        fax_tiff_bytes(content, FaxLook())
    assert caught.value.code == code


def test_a_fax_has_an_end() -> None:
    with pytest.raises(TooLarge):
        fax_tiff_bytes(drawn("", pages=tiff.MAX_PAGES + 1), FaxLook())


def test_pages_with_very_many_objects_are_drawn_with_dots() -> None:
    content = drawn("0.5 g " + "50 50 300 300 re f " * 4001)
    assert 0.4 < ink(image_of(fax_tiff_bytes(content, FaxLook())[0]), (250, 1750, 600, 2000)) < 0.6


@pytest.mark.slow
def test_what_is_coloured_can_be_read_and_what_was_hidden_is_not(tmp_path: Path) -> None:
    make_pages(tmp_path / "invoice.pdf", "invoice", 1)
    image = image_of(fax_tiff_bytes((tmp_path / "invoice.pdf").read_bytes(), FaxLook())[0])
    image.convert("L").resize((1728, 2376)).save(tmp_path / "page.png")
    words = words_of(tmp_path / "page.png")
    assert set(MARKED.values()) <= set(words)
    assert HIDDEN not in words


@pytest.mark.slow
def test_memory_does_not_grow_with_the_document(tmp_path: Path) -> None:
    source = tmp_path / "long.pdf"
    source.write_bytes(drawn("100 100 300 300 re f 0 0 0 RG 1 w 50 50 m 500 700 l S", pages=300))
    short = tmp_path / "short.pdf"
    short.write_bytes(drawn("100 100 300 300 re f", pages=20))
    peaks = []
    for path in (short, source):
        with (tmp_path / "out.tif").open("wb") as target:
            fax_tiff(path, target, FaxLook())
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[1] - peaks[0] < 15_000
