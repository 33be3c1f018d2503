"""Opening: what is wrong is said; what is right is measured as it is seen."""

from pathlib import Path

import pikepdf
import pytest

from postoffice.model.errors import Unreadable
from postoffice.pdf.cut import cut, cut_many, gather, join
from postoffice.pdf.document import frame_of, inspect, open_page, open_pdf, page_count
from postoffice.pdf.raster import ink, page_image, thumbnails
from tests.papers import defects


@pytest.mark.parametrize("name", defects.UNREADABLE)
def test_a_bad_document_is_named_by_its_defect(tmp_path: Path, name: str) -> None:
    make, code = defects.UNREADABLE[name]
    path = defects.put(tmp_path, name, make())
    with pytest.raises(Unreadable) as caught:
        inspect(path)
    assert caught.value.code == code
    assert caught.value.help


def test_facts_of_a_document(tmp_path: Path) -> None:
    pdf = pikepdf.new()
    defects.page_of_text(pdf, defects.letter())
    pdf.attachments["factur-x.xml"] = b"<x/>"
    path = defects.put(tmp_path, "with_attachment.pdf", defects.saved(pdf))
    facts = inspect(path)
    assert (facts.pages, facts.attachments, facts.restricted, facts.scripts, facts.image_only) == (
        1,
        ("factur-x.xml",),
        False,
        False,
        0.0,
    )
    assert inspect(defects.put(tmp_path, "restricted.pdf", defects.restricted())).restricted


def test_a_page_is_measured_as_it_is_seen(tmp_path: Path) -> None:
    path = defects.put(tmp_path, "rotated_and_cropped.pdf", defects.rotated_and_cropped())
    with open_pdf(path) as document, open_page(document, 0) as page:
        frame = frame_of(page)
        assert (round(frame.width), round(frame.height)) == (210, 297)
        assert frame.points(0, 0) == pytest.approx((frame.box[0], frame.box[1]))
        assert frame.seen(*frame.points(30, 40), *frame.points(30, 40))[:2] == pytest.approx((30, 40))
        spot = ink(page, frame, [(105, 50, 100, 30)], dpi=72)[0]
    assert spot is not None
    assert spot[0] == pytest.approx(113, abs=1)
    assert spot[1] == pytest.approx(58, abs=1.2)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_places_survive_each_rotation(tmp_path: Path, rotation: int) -> None:
    pdf = pikepdf.new()
    defects.page_of_text(pdf, [])
    pdf.pages[0].obj.Rotate = rotation
    path = defects.put(tmp_path, "turned.pdf", defects.saved(pdf))
    with open_pdf(path) as document, open_page(document, 0) as page:
        frame = frame_of(page)
        x, y = frame.points(12, 34)
        assert frame.seen(x, y, x, y)[:2] == pytest.approx((12, 34))


def test_cuts_have_the_right_pages(tmp_path: Path) -> None:
    path = defects.put(tmp_path, "five.pdf", defects.document(*([(20, 20, f"page {number}")] for number in range(1, 6))))
    parts = cut_many(path, [(1, 2), (3, 1), (4, 2)])
    files = [defects.put(tmp_path, f"{number}.pdf", part) for number, part in enumerate(parts)]
    assert [page_count(file) for file in files] == [2, 1, 2]
    join(files, tmp_path / "whole.pdf")
    assert page_count(tmp_path / "whole.pdf") == 5
    with pytest.raises(Unreadable) as caught:
        cut(path, 5, 2)
    assert caught.value.code == "page-out-of-range"


def test_runs_are_gathered_in_their_order(tmp_path: Path) -> None:
    path = defects.put(tmp_path, "five.pdf", defects.document(*([(20, 20, f"page {number}")] for number in range(1, 6))))
    with pikepdf.open(defects.put(tmp_path, "some.pdf", gather(path, [(4, 2), (1, 1)]))) as made:
        words = [page.Contents.read_bytes() for page in made.pages]
    assert [[number for number in range(1, 6) if f"page {number}".encode() in one] for one in words] == [[4], [5], [1]]
    with pytest.raises(Unreadable):
        gather(path, [(1, 1), (5, 2)])


def test_pictures_of_pages(tmp_path: Path) -> None:
    path = defects.put(tmp_path, "two.pdf", defects.document(defects.letter(), []))
    first, second = thumbnails(path, [1, 2], width=200)
    assert first.startswith(b"\x89PNG") and second.startswith(b"\x89PNG")
    assert int.from_bytes(first[16:20]) == 200
    assert int.from_bytes(first[20:24]) == 283
    assert page_image(path, 1, 50, "jpeg").startswith(b"\xff\xd8")
