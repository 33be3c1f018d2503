"""Whole documents: merges by real word processors with their truth, scans, defects, the corpus, the command."""

import io
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pikepdf
import pytest

from postoffice.compose.pages import read_pages
from postoffice.compose.reading import Reading, conclude, read_document, slice_size, slices
from postoffice.compose.trial import trial_letters, trial_merge
from postoffice.model.errors import PostOfficeError, Unreadable
from postoffice.model.finding import Severity
from postoffice.pdf import ocr
from postoffice.pdf.document import frame_of, inspect, open_page, open_pdf
from postoffice.pdf.raster import picture
from tests.papers import defects
from tests.papers.merge import has_libreoffice, make_merge
from tests.papers.people import Truth

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "letters"
needs_tesseract = pytest.mark.skipif(not ocr.languages(), reason="tesseract is not installed")


def wrong(reading: Reading, truth: list[Truth]) -> list[object]:
    """What differs from the truth: cuts, then address lines."""
    cuts = [(item.first_page, item.pages) for item in reading.items]
    if cuts != [(one.first_page, one.pages) for one in truth]:
        return [("cuts", cuts)]
    return [
        (item.address, one)
        for item, one in zip(reading.items, truth, strict=True)
        if not item.address or item.address.lines != one.lines
    ]


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["fr", "din", "uk"])
@pytest.mark.parametrize("engine", ["libreoffice", "weasyprint"])
def test_merges_by_real_engines_are_read_without_a_fault(tmp_path: Path, engine: str, layout: str) -> None:
    if engine == "libreoffice" and not has_libreoffice():
        pytest.skip("libreoffice is not installed")
    path, truth = make_merge(tmp_path, 40, seed=11, engine=engine, layout=layout)
    reading = read_document(path, layout)
    assert wrong(reading, truth) == []
    assert [item.findings for item in reading.items if item.level not in (None, Severity.INFO)] == []


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["fr", "din", "uk"])
def test_trial_letters_are_read_without_a_fault(tmp_path: Path, layout: str) -> None:
    start = time.perf_counter()
    content, known = trial_merge(500, seed=3, layout=layout)
    assert time.perf_counter() - start < 5
    assert trial_letters(500, 3, layout) == content
    reading = read_document(defects.put(tmp_path, "trial.pdf", content), layout)
    assert wrong(reading, [Truth(one.first_page, one.pages, one.lines) for one in known]) == []
    assert {one.pages for one in known} == {1, 2, 3}


@pytest.mark.slow
def test_a_letter_by_itself_is_one_letter(tmp_path: Path) -> None:
    """Some of them have their signature where the next letter's address would stand."""
    for seed in range(1, 61):
        content, known = trial_merge(1, seed)
        reading = read_document(defects.put(tmp_path, "one.pdf", content))
        assert wrong(reading, [Truth(one.first_page, one.pages, one.lines) for one in known]) == [], seed


def test_slices_and_progress(tmp_path: Path) -> None:
    content, _ = trial_merge(20, seed=5)
    path = defects.put(tmp_path, "trial.pdf", content)
    seen: list[tuple[int, int]] = []
    whole = read_document(path, on_progress=lambda done, of: seen.append((done, of)))
    assert seen == [(whole.pages, whole.pages)]
    document = inspect(path)
    parts = [facts for first, count in slices(document.pages, 7) for facts in read_pages(path, first, count, "fr")]
    assert conclude(document, parts, "fr", "address") == whole
    assert list(slices(5, 2)) == [(1, 2), (3, 2), (5, 1)]


def scanned(path: Path, target: Path) -> Path:
    """The same pages as pictures."""
    with open_pdf(path) as document:
        images = []
        for index in range(len(document)):
            with open_page(document, index) as page:
                images.append(picture(page, frame_of(page), 200))
    images[0].save(target, save_all=True, append_images=images[1:], resolution=200)
    return target


@pytest.mark.slow
@needs_tesseract
def test_scans_are_cut_and_read_by_recognition(tmp_path: Path) -> None:
    content, known = trial_merge(5, seed=8)
    path = scanned(defects.put(tmp_path, "trial.pdf", content), tmp_path / "scan.pdf")
    document = inspect(path)
    assert document.image_only == 1.0
    assert slice_size(document) < 200
    reading = read_document(path)
    assert [(item.first_page, item.pages) for item in reading.items] == [(one.first_page, one.pages) for one in known]
    for item, one in zip(reading.items, known, strict=True):
        assert item.address is not None
        assert item.address.postcode == one.lines[-1][:5]
        assert {"ocr-address", "page-image-only"} <= {finding.code for finding in item.findings}


@needs_tesseract
def test_garbage_text_is_recognised_like_a_picture(tmp_path: Path) -> None:
    reading = read_document(defects.put(tmp_path, "garbage_text.pdf", defects.garbage_text()))
    assert "page-garbled-text" in {finding.code for finding in reading.items[0].findings}


def test_a_damaged_page_does_not_stop_the_others(tmp_path: Path) -> None:
    reading = read_document(defects.put(tmp_path, "one_damaged_page.pdf", defects.one_damaged_page()))
    assert reading.pages == 3
    told = [finding for item in reading.items for finding in item.findings if finding.code == "page-unreadable"]
    assert [finding.page for finding in told] == [2]
    assert reading.items[-1].address is not None


@pytest.mark.parametrize("name", defects.UNREADABLE)
def test_unreadable_documents_are_refused(tmp_path: Path, name: str) -> None:
    make, code = defects.UNREADABLE[name]
    with pytest.raises(Unreadable) as caught:
        read_document(defects.put(tmp_path, name, make()))
    assert caught.value.code == code


def test_unknown_layouts_and_rules_are_refused(tmp_path: Path) -> None:
    path = defects.put(tmp_path, "letter.pdf", defects.document(defects.letter()))
    for layout, rule in (("us", "address"), ("fr", "by-magic")):
        with pytest.raises(PostOfficeError) as caught:
            read_document(path, layout, rule)
        assert caught.value.code in ("unknown-layout", "bad-split-rule")


def test_pages_are_checked_as_paper(tmp_path: Path) -> None:
    pdf = pikepdf.new()
    defects.page_of_text(pdf, defects.letter(), extra=b"0 0 0 rg 0 300 40 100 re f")
    defects.page_of_text(pdf, [(20, 20, "wide")], size=(297, 210))
    defects.page_of_text(pdf, [(20, 20, "letter size")], size=(215.9, 279.4))
    defects.page_of_text(pdf, [])
    reading = read_document(defects.put(tmp_path, "paper.pdf", defects.saved(pdf)))
    told = {(finding.code, finding.page) for finding in reading.items[0].findings}
    assert {("content-outside-printable-area", 1), ("page-landscape", 2), ("page-not-a4", 3), ("page-blank", 4)} <= told
    edge = next(finding for finding in reading.items[0].findings if finding.page == 1)
    assert edge.box_mm is not None and edge.box_mm[0] == pytest.approx(0, abs=0.6)


def test_text_rules_read_their_zone(tmp_path: Path) -> None:
    pages = [[(22, 95, f"Facture n° {number}"), *defects.letter()] if number % 2 else [(22, 95, "suite")] for number in range(1, 7)]
    path = defects.put(tmp_path, "invoices.pdf", defects.document(*pages))
    reading = read_document(path, "fr", r"text:20,88,80,10~^Facture n°\s*\d+$")
    assert [(item.first_page, item.pages) for item in reading.items] == [(1, 2), (3, 2), (5, 2)]
    nothing = read_document(path, "fr", "text:20,88,80,10~Invoice")
    assert [finding.code for finding in nothing.findings] == ["text-never-found"]


def test_no_address_on_any_page_is_told_of_the_document(tmp_path: Path) -> None:
    path = defects.put(tmp_path, "left.pdf", defects.document(defects.letter(x=25), defects.letter(x=25)))
    assert "no-address-anywhere" in [finding.code for finding in read_document(path).findings]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_memory_stays_flat_over_thousands_of_pages(tmp_path: Path) -> None:
    content, _ = trial_merge(2500, seed=2)
    path = defects.put(tmp_path, "long.pdf", content)
    program = (
        "import sys;from pathlib import Path;from postoffice.compose.pages import read_pages\n"
        # not ru_maxrss: a child inherits its parent's
        "peak=lambda:int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])/1024\n"
        "path=Path(sys.argv[1])\n"
        "for first in range(1,1001,200): read_pages(path,first,200,'fr')\n"
        "early=peak()\n"
        "for first in range(1001,3801,200): read_pages(path,first,200,'fr')\n"
        "print(early,peak())"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True, timeout=100)
    early, late = (float(word) for word in done.stdout.split())
    assert late < 150
    assert late - early < 15


#: verdicts that rest on that service's own policy or on its reading in file order, not on a fault of the letter
POLICY = {
    "address_where_paragraphs_do_not_match_visual_order.pdf": "its reading order is wrong; in visual order the address is fine",
    "notify_tags_on_page_2_and_4.pdf": "its own tag",
}


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real letters is not beside this checkout")
def test_the_corpus_of_real_letters() -> None:
    letters = json.loads((CORPUS / "expected.json").read_text())["letters"]
    differ = {}
    for one in letters:
        try:
            item = read_document(CORPUS / one["file"], "uk", "whole").items[0]
            verdict = "fail" if item.level is Severity.ERROR else "pass"
            address = "\n".join(item.address.lines) if item.address else None
        except Unreadable:
            verdict, address = "fail", None
        if verdict != one["verdict"] or (one["address"] and address != one["address"]):
            differ[one["file"]] = (verdict, address)
    assert differ.keys() == POLICY.keys()


def command(*arguments: str) -> tuple[int, str, str]:
    """Run the subcommand by its own parser, in a process of its own."""
    program = (
        "import argparse,sys;from postoffice.commands import read\n"
        "parser=argparse.ArgumentParser();read.add(parser.add_subparsers(dest='command'))\n"
        "arguments=parser.parse_args();sys.exit(read.run(arguments))"
    )
    done = subprocess.run([sys.executable, "-c", program, "read", *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_the_command_prints_items_and_findings(tmp_path: Path) -> None:
    path = defects.put(
        tmp_path, "two.pdf", defects.document(defects.letter(), [(20, 20, "suite")], defects.letter(("M. X", "1 RUE Y", "PARIS")))
    )
    status, out, _ = command(str(path), "--layout", "fr", "--json")
    shape = json.loads(out)
    assert status == 0
    assert [(item["first_page"], item["pages"], item["address"]) for item in shape["items"]] == [
        (1, 2, ["Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG"]),
        (3, 1, ["M. X", "1 RUE Y", "PARIS"]),
    ]
    told = shape["items"][1]["findings"][0]
    assert told.keys() == {"code", "severity", "page", "box_mm", "text", "help"}
    assert (told["code"], told["severity"], told["page"], len(told["box_mm"])) == ("address-no-postcode", "error", 3, 4)
    status, out, _ = command(str(path), "--split", "pages:1")
    assert status == 0 and "3 items, 3 pages" in out


@pytest.mark.slow
def test_the_command_says_what_cannot_be_read(tmp_path: Path) -> None:
    locked = defects.put(tmp_path, "encrypted.pdf", defects.encrypted())
    status, out, complaint = command(str(locked), "--json")
    assert status == 1
    assert json.loads(out)["error"]["code"] == "pdf-encrypted"
    assert "password" in complaint
    assert command(str(tmp_path / "missing.pdf"))[0] == 2
    assert command(str(locked), "--split", "pages:x")[0] == 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gs") is None, reason="ghostscript is not installed")
def test_the_command_takes_postscript(tmp_path: Path) -> None:
    source = defects.put(tmp_path, "letter.pdf", defects.document(defects.letter(("M. X", "1 RUE Y", "75001 PARIS"))))
    subprocess.run(["gs", "-q", "-sDEVICE=ps2write", "-o", tmp_path / "letter.ps", source], check=True, timeout=60)
    status, out, _ = command(str(tmp_path / "letter.ps"), "--json")
    assert status == 0
    assert json.loads(out)["items"][0]["address"] == ["M. X", "1 RUE Y", "75001 PARIS"]


def test_the_trial_pdf_is_sound() -> None:
    with pikepdf.open(io.BytesIO(trial_letters(3))) as pdf:
        assert pdf.check_pdf_syntax() == []
