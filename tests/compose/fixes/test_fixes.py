"""Fixes: the finding is gone afterwards, the letter reads as before, and the rest of the page looks as before."""

import io
import shutil
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops

from postoffice.compose.fixes.catalogue import FIXES, apply, offers, pages_for, preview
from postoffice.compose.fixes.clearing import around
from postoffice.compose.pages import read_pages
from postoffice.compose.reading import Reading, read_document
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Box
from postoffice.pdf.document import frame_of, open_page, open_pdf, page_count
from postoffice.pdf.raster import ink, picture
from tests.papers import faults
from tests.papers.defects import letter, put, rotated_and_cropped

pytestmark = pytest.mark.slow

needs_ghostscript = pytest.mark.skipif(shutil.which("gs") is None, reason="ghostscript is not installed")
ADDRESS = ("Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG")


def codes(reading: Reading) -> set[str]:
    return {one.code for item in reading.items for one in item.findings} | {one.code for one in reading.findings}


def fixed(folder: Path, word: str, content: bytes, pages: tuple[int, ...] = (1,)) -> Path:
    target = folder / "fixed.pdf"
    apply(put(folder, "paper.pdf", content), word, pages, "fr", target)
    return target


def seen(path: Path, index: int = 0) -> Image.Image:
    with open_pdf(path) as document, open_page(document, index) as page:
        return picture(page, frame_of(page), 60, grey=True)


def differ(one: Image.Image, other: Image.Image, without: tuple[int, int, int, int] = (0, 0, 0, 0)) -> bool:
    changed = ImageChops.difference(one, other)
    changed.paste(0, without)
    return changed.point([255 if tone > 60 else 0 for tone in range(256)]).getbbox() is not None


MENDED = [
    ("scale-a4", "page-not-a4"),
    ("shrink", "content-outside-printable-area"),
    ("clear-window", "window-not-clear"),
    ("flatten-forms", "pdf-forms"),
    ("flatten-forms", "pdf-xfa"),
    ("remove-scripts", "pdf-scripts"),
    ("remove-files", "pdf-attachments"),
    pytest.param("embed-fonts", "font-not-embedded", marks=needs_ghostscript),
    pytest.param("grey", "colour", marks=needs_ghostscript),
    pytest.param("flatten", "transparency", marks=needs_ghostscript),
]


@pytest.mark.parametrize(("word", "code"), MENDED)
def test_a_fix_answers_its_finding_and_the_letter_reads_as_before(tmp_path: Path, word: str, code: str) -> None:
    content = faults.FAULTS[code][0]()
    before = read_document(put(tmp_path, "paper.pdf", content), "fr", "whole")
    assert code in codes(before)
    assert word in [fix.word for fix in offers([*before.items[0].findings, *before.findings])]
    after = read_document(fixed(tmp_path, word, content), "fr", "whole")
    assert code not in codes(after)
    became_a_picture = {"page-image-only", "ocr-address"} if word == "flatten" else set()
    assert codes(after) <= codes(before) | became_a_picture
    assert after.items[0].address is not None
    assert "".join(after.items[0].address.lines).replace(" ", "") == "".join(ADDRESS).replace(" ", "")


def test_only_the_pages_that_are_meant_change(tmp_path: Path) -> None:
    content = faults.plain(pages=3, extra=faults.area(30, 150, 50, 50, b"1 0 0 rg"))
    after = fixed(tmp_path, "shrink", content, (2,))
    source = tmp_path / "paper.pdf"
    assert page_count(after) == 3
    assert [differ(seen(source, index), seen(after, index)) for index in range(3)] == [False, True, False]


def test_a_landscape_page_is_turned_or_made_small(tmp_path: Path) -> None:
    content = faults.FAULTS["page-landscape"][0]()
    for word in ("rotate", "scale-a4"):
        path = fixed(tmp_path, word, content)
        facts = read_pages(path, 1, 1, "fr")[0]
        assert (round(facts.width), round(facts.height)) == (210, 297)
    with open_pdf(path) as document, open_page(document, 0) as page:
        spot = ink(page, frame_of(page), [(0, 0, 210, 297)])[0]
    assert spot is not None
    assert spot[0] == pytest.approx(113 * 210 / 297, abs=1)
    assert spot[1] == pytest.approx((297 - 210 * 210 / 297) / 2 + 58 * 210 / 297, abs=1.5)


def test_rotated_and_cropped_pages_are_shrunk_as_they_are_seen(tmp_path: Path) -> None:
    path = fixed(tmp_path, "shrink", rotated_and_cropped())
    reading = read_document(path, "fr", "whole")
    assert reading.items[0].address is not None
    assert reading.items[0].address.lines == ADDRESS


def test_clearing_takes_the_rest_out_of_the_window_and_leaves_all_else(tmp_path: Path) -> None:
    texts = [*letter(), (113, 85, "Ref 33 interne"), (113, 97, "Strasbourg, le 3 mars")]
    content = faults.plain(texts=texts, extra=faults.area(170, 60, 20, 10, b"1 0 0 rg"))
    path = fixed(tmp_path, "clear-window", content)
    reading = read_document(path, "fr", "whole")
    assert reading.items[0].address is not None
    assert reading.items[0].address.lines == ADDRESS
    assert codes(reading) == set()
    with open_pdf(path) as document, open_page(document, 0) as page, pikepdf.open(path):
        left = ink(page, frame_of(page), [(110, 55, 85, 33), (110, 90, 85, 10)])
    assert left[0] is not None
    assert left[0][1] + left[0][3] < 72
    assert left[1] is not None
    window = (round(110 / 25.4 * 60) - 2, round(55 / 25.4 * 60) - 2, round(195 / 25.4 * 60) + 2, round(88 / 25.4 * 60) + 2)
    assert not differ(seen(tmp_path / "paper.pdf"), seen(path), window)


def test_a_window_without_an_address_is_not_cleared(tmp_path: Path) -> None:
    target = tmp_path / "fixed.pdf"
    with pytest.raises(PostOfficeError) as caught:
        apply(put(tmp_path, "paper.pdf", faults.FAULTS["no-address"][0]()), "clear-window", [1], "fr", target)
    assert caught.value.code == "fix-not-possible"
    assert not target.exists()


def test_what_is_filled_in_stays_to_be_seen(tmp_path: Path) -> None:
    path = fixed(tmp_path, "flatten-forms", faults.form())
    with open_pdf(path) as document, open_page(document, 0) as page:
        assert ink(page, frame_of(page), [(24, 150, 55, 8)])[0] is not None
    with pikepdf.open(path) as pdf:
        assert "/AcroForm" not in pdf.Root
        assert list(pdf.pages[0].get("/Annots", [])) == []


@needs_ghostscript
def test_grey_leaves_no_colour_in_pictures_and_vectors(tmp_path: Path) -> None:
    path = fixed(tmp_path, "grey", faults.vector_beside_cmyk(b"1 0 0 rg"))
    with open_pdf(path) as document, open_page(document, 0) as page:
        image = picture(page, frame_of(page), 50)
    red, green, blue = image.split()
    assert ImageChops.difference(red, green).getbbox() is None
    assert ImageChops.difference(green, blue).getbbox() is None
    assert image.getpixel((round(120 / 25.4 * 50), round(150 / 25.4 * 50))) != (255, 255, 255)


def test_a_fix_is_shown_before_and_after(tmp_path: Path) -> None:
    path = put(tmp_path, "paper.pdf", faults.plain(pages=2, extra=faults.area(170, 60, 20, 10)))
    before, after, left = preview(path, "clear-window", [1], "fr", 1, width=210)
    pictures = [Image.open(io.BytesIO(one)).convert("L") for one in (before, after)]
    assert [one.width for one in pictures] == [210, 210]
    assert pictures[0].getpixel((180, 65)) == 0
    assert pictures[1].getpixel((180, 65)) == 255
    assert left == ()


def test_which_pages_a_fix_treats(tmp_path: Path) -> None:
    found = read_document(put(tmp_path, "paper.pdf", faults.plain(pages=3, size=(215.9, 279.4))), "fr", "whole").items[0].findings
    assert pages_for(FIXES["scale-a4"], found, 1, 3) == [1, 2, 3]
    assert pages_for(FIXES["scale-a4"], [one for one in found if one.page == 2], 1, 3) == [2]
    assert pages_for(FIXES["grey"], found, 4, 2) == [4, 5]
    with pytest.raises(PostOfficeError, match="no fix"):
        apply(tmp_path / "paper.pdf", "nonsense", [1], "fr", tmp_path / "fixed.pdf")


def test_a_window_around_its_address() -> None:
    window: Box = (110, 55, 85, 33)
    parts = around(window, (113, 58, 40, 12))
    assert sum(wide * high for _x, _y, wide, high in parts) == pytest.approx(85 * 33 - 40 * 12)
    assert around(window, window) == []
