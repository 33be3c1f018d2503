"""The sample templates as people see them: letters compared with pictures, words with their limits, windows as they are read."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from postoffice.compose import sms
from postoffice.compose.merge import printing
from postoffice.compose.merge.checks import check_record
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.samples import samples
from postoffice.compose.merge.uses import uses_of
from postoffice.compose.merge.wording import TRIED_LINK, Situation
from postoffice.compose.reading import read_document
from postoffice.pdf import raster

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
REFERENCES = Path(__file__).resolve().parents[1] / "references"
SENDER = "Chauffage Le Goff"
#: pixels across of a reference; mean difference of grey (of 255) that fonts of another release may make
WIDTH, TOLERANCE = 400, 2.5
CASES = [(sample, row) for sample in samples(TEMPLATES) for row in sample.rows if not sample.files]  # those of letters
NAMES = [f"{sample.name}-{row['language']}" for sample, row in CASES]


def letter(name: str, layout: str = "fr") -> bytes:
    sample, row = CASES[NAMES.index(name)]
    content = replace(sample.content, layout=layout)
    return printing.preview(content, None, Record(1, dict(row), exact=True), "2026-03-10", SENDER)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_letters_look_as_they_did(name: str, tmp_path: Path) -> None:
    (tmp_path / "letter.pdf").write_bytes(letter(name))
    seen = Image.open(io.BytesIO(raster.thumbnails(tmp_path / "letter.pdf", [1], WIDTH)[0])).convert("L")
    kept = Image.open(REFERENCES / f"{name}.png").convert("L")
    assert seen.size == kept.size
    assert ImageStat.Stat(ImageChops.difference(seen, kept)).mean[0] < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layout"), [("invoice-fr", "fr"), ("reminder-en", "fr"), ("invoice-fr", "din"), ("contract-fr", "uk")]
)
def test_the_address_stands_in_the_window(name: str, layout: str, tmp_path: Path) -> None:
    (tmp_path / "letter.pdf").write_bytes(letter(name, layout))
    reading = read_document(tmp_path / "letter.pdf", layout)
    sample, row = CASES[NAMES.index(name)]
    content = replace(sample.content, layout=layout)
    wanted = check_record(Record(1, dict(row), exact=True), uses_of(content), content).lines
    assert reading.items[0].address is not None and reading.items[0].address.lines == wanted
    assert not [one for one in reading.items[0].findings if one.code.startswith("window") or one.code == "address-outside-window"]


@pytest.mark.parametrize("name", NAMES)
def test_words_are_complete_and_short(name: str) -> None:
    sample, row = CASES[NAMES.index(name)]
    stop = "https://courrier.example.org/u/abc"
    told = printing.words_of(
        sample.content, Record(1, dict(row), exact=True), "2026-03-10", SENDER, Situation(link=TRIED_LINK, unsubscribe=stop)
    )
    assert not told["faults"]
    short = sms.count(told["sms"].text)
    assert (short.parts, short.encoding.value) == (1, "gsm7"), told["sms"].text
    mail = told["email"]
    assert TRIED_LINK in mail.text and TRIED_LINK in mail.html and stop in mail.text and stop in mail.html
    assert "prefers-color-scheme:dark" in mail.html and "src=" not in mail.html and "url(" not in mail.html
    assert 3 < len(mail.subject) < 80
