"""Where letters begin by markers, separators, outlines and spreadsheets; and which way of cutting is proposed."""

import io
from pathlib import Path

import pikepdf
import pytest

from postoffice.compose import kept
from postoffice.compose.marker import find_markers, read_marker
from postoffice.compose.order import read_entries
from postoffice.compose.reading import Reading, read_document
from postoffice.compose.rules import parse_rule
from postoffice.compose.sheet_rows import read_rows
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Severity
from postoffice.model.item import NewItem
from postoffice.pdf.outline import outline
from tests.papers import defects

PEOPLE = (
    ("Mme A ALPHA", "1 RUE B", "75001 PARIS"),
    ("M. B BRAVO", "2 RUE C", "69001 LYON"),
    ("M. C CHARLIE", "3 RUE D", "67000 STRASBOURG"),
)
BODY = [(25.0, 120.0, "Suite du courrier, sans adresse.")]
WHITE, BLACK = b"1 1 1 rg", b"0 0 0 rg"


def paper(
    folder: Path, pages: list[list[tuple[float, float, str]]], *, marks: dict[int, str] | None = None, ink: bytes = WHITE
) -> Path:
    """A PDF of these pages; `marks`: page index -> text at the top of it, in `ink`."""
    pdf = pikepdf.new()
    for index, texts in enumerate(pages):
        defects.page_of_text(pdf, texts)
        if marks and index in marks:
            text = marks[index].encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
            extra = pdf.make_stream(b"q %s BT /F 8 Tf 60 800 Td (%s) Tj ET Q" % (ink, text))
            pdf.pages[-1].contents_add(extra, prepend=True)
    return defects.put(folder, "paper.pdf", defects.saved(pdf))


def three(extra: int = 1) -> list[list[tuple[float, float, str]]]:
    """Three letters of 1 + `extra` pages."""
    return [page for lines in PEOPLE for page in (defects.letter(lines), *([BODY] * extra))]


def spans(reading: Reading) -> list[tuple[int, int]]:
    return [(item.first_page, item.pages) for item in reading.items]


def codes(item: NewItem) -> set[str]:
    return {one.code for one in item.findings}


def test_a_marker_starts_a_letter_and_tells_of_its_recipient(tmp_path: Path) -> None:
    marks = {
        0: "{{po:email=a@example.org;mobile=06 12 34 56 78;ref=R-1;customer=C1;amount=1 234,56;due=15/03/2026;purpose=facture}}",
        2: "{{PO:courriel=b@example.org;canal=courrier}}",
        4: "{{po:}}",
    }
    reading = read_document(paper(tmp_path, three(), marks=marks), rule_text="marker")
    assert spans(reading) == [(1, 2), (3, 2), (5, 2)]
    first, second, third = reading.items
    assert (first.email, first.mobile, first.reference) == ("a@example.org", "+33612345678", "R-1")
    assert first.fields == {"customer": "C1", "amount": "1234.56", "due": "2026-03-15", "purpose": "invoice"}
    assert (second.email, second.channel, third.email) == ("b@example.org", "post", "")
    assert not any(code.startswith("marker") for item in reading.items for code in codes(item))


@pytest.mark.parametrize(
    ("mark", "code", "held"),
    [
        ("{{po:email=a@example.org", "marker-not-closed", True),
        ("{{po:email=nobody}}", "marker-bad-value", True),
        ("{{po:channel=pigeon}}", "marker-bad-value", True),
        ("{{po:telex=12}}", "marker-unknown-word", False),
        ("{{po:email=a@example.org;email=b@example.org}}", "marker-twice", True),
    ],
)
def test_malformed_markers_are_told_and_the_letter_still_begins_there(tmp_path: Path, mark: str, code: str, held: bool) -> None:
    reading = read_document(paper(tmp_path, three(), marks={0: "{{po:}}", 2: mark, 4: "{{po:}}"}), rule_text="marker")
    assert spans(reading) == [(1, 2), (3, 2), (5, 2)]
    assert code in codes(reading.items[1])
    assert (reading.items[1].level is Severity.ERROR) is held
    assert {one.level for one in (reading.items[0], reading.items[2])} <= {None, Severity.INFO, Severity.WARNING}


def test_a_marker_that_an_eye_sees_holds_its_letter(tmp_path: Path) -> None:
    reading = read_document(paper(tmp_path, three(), marks={0: "{{po:}}", 2: "{{po:}}"}, ink=BLACK), rule_text="marker")
    assert all("marker-visible" in codes(item) for item in reading.items)


def test_markers_within_text() -> None:
    spots = find_markers("a {{po:ref=1\\;2;email=x@y.fr}} b {{ PO : }} {{po:open")
    assert [(spot.content, spot.closed) for spot in spots] == [("ref=1\\;2;email=x@y.fr", True), (" ", True), ("open", False)]
    assert read_marker(spots[0].content, 1, "FR").values["reference"].text == "1;2"
    assert find_markers("{{po:email=name@exam\r\nple.org}}")[0].content == "email=name@example.org"
    assert not find_markers("{{post}} {{ name }}")


def test_separators_are_dropped_also_at_the_ends_and_in_a_row(tmp_path: Path) -> None:
    letters = three(0)
    blank: list[tuple[float, float, str]] = []
    path = paper(tmp_path, [blank, letters[0], BODY, blank, letters[1], blank, blank, letters[2], blank])
    reading = read_document(path, rule_text="separator:blank")
    assert spans(reading) == [(2, 2), (5, 1), (8, 1)]
    assert {one.code for one in reading.findings} >= {"separators-dropped", "separators-empty"}
    assert reading.sure


def test_separators_that_say_something(tmp_path: Path) -> None:
    said = [(80.0, 140.0, "SEPARATION 12")]
    letters = three(0)
    path = paper(tmp_path, [letters[0], said, letters[1], said, letters[2]])
    assert spans(read_document(path, rule_text=r"separator:text~SEPARATION \d+")) == [(1, 1), (3, 1), (5, 1)]
    nothing = read_document(path, rule_text="separator:text~TRENNBLATT")
    assert spans(nothing) == [(1, 5)]
    assert (nothing.sure, "rule-matches-nothing" in {one.code for one in nothing.findings}) == (False, True)


@pytest.mark.slow
def test_barcodes_separate(tmp_path: Path) -> None:
    zxing = pytest.importorskip("zxingcpp")
    from PIL import Image

    made = zxing.create_barcode("PATCH-T", zxing.BarcodeFormat.Code128)
    bars = Image.fromarray(zxing.write_barcode_to_image(made))
    code = bars.resize((bars.width * 4, 200), Image.Resampling.NEAREST)
    sheet = Image.new("L", (1240, 1754), 255)
    sheet.paste(code.convert("L"), (400, 700))
    content = io.BytesIO()
    sheet.save(content, "PDF", resolution=150)
    pdf = pikepdf.open(paper(tmp_path, three(0)), allow_overwriting_input=True)
    source = pikepdf.open(content)  # open for as long as its page is copied
    page = source.pages[0]
    pdf.pages.insert(2, page)
    pdf.pages.insert(1, page)
    path = defects.put(tmp_path, "patched.pdf", defects.saved(pdf))
    for rule in ("separator:barcode", "separator:barcode~PATCH", "separator"):
        assert spans(read_document(path, rule_text=rule)) == [(1, 1), (3, 1), (5, 1)]
    assert spans(read_document(path, rule_text="separator:barcode~OTHER")) == [(1, 5)]


def test_bookmarks_of_a_level(tmp_path: Path) -> None:
    pdf = pikepdf.open(paper(tmp_path, three()), allow_overwriting_input=True)
    with pdf.open_outline() as tree:
        for index in (0, 2, 4):
            entry = pikepdf.OutlineItem(f"Letter {index}", index)
            entry.children.append(pikepdf.OutlineItem("Inside", index + 1))
            tree.root.append(entry)
    path = defects.put(tmp_path, "outlined.pdf", defects.saved(pdf))
    assert outline(path)[:3] == ((1, 1), (2, 2), (1, 3))
    assert spans(read_document(path, rule_text="bookmarks")) == [(1, 2), (3, 2), (5, 2)]
    assert spans(read_document(path, rule_text="bookmarks:2")) == [(1, 1), (2, 2), (4, 2), (6, 1)]
    assert not read_document(path, rule_text="bookmarks:3").sure


def order(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode("cp1252"))
    return path


def test_a_spreadsheet_by_page_counts_or_by_names(tmp_path: Path) -> None:
    path = paper(tmp_path, three())
    counts = order(tmp_path, "Nombre de pages;E-mail;N° facture\r\n2;a@example.org;F1\r\n2;;F2\r\n2;c@example.org;F3\r\n")
    reading = read_document(path, rule_text=f"order:{counts}")
    assert spans(reading) == [(1, 2), (3, 2), (5, 2)]
    assert [(item.email, item.reference) for item in reading.items] == [("a@example.org", "F1"), ("", "F2"), ("c@example.org", "F3")]
    names = order(
        tmp_path, 'Nom,Prénom,Code postal,Montant\nALPHA,A,75001,"1 234,50"\nBRAVO,B,69001,2\nCHARLIE,C,67000,3\n', "names.csv"
    )
    by_name = read_document(path, rule_text=f"order:{names}")
    assert spans(by_name) == [(1, 2), (3, 2), (5, 2)]
    assert by_name.items[0].fields == {"amount": "1234.50"}


@pytest.mark.parametrize(
    ("rows", "row", "page"),
    [
        ("Pages;Nom\n2;A ALPHA\n1;B BRAVO\n2;C CHARLIE\n", 4, 4),  # the second is a page short
        ("Pages;Nom\n2;A ALPHA\n2;C CHARLIE\n", 3, 3),  # the second is missing
        ("Nom\nA ALPHA\nZ ZULU\nC CHARLIE\n", 3, 0),
        ("Nom\nA ALPHA\nC CHARLIE\nB BRAVO\n", 3, 3),  # out of order
    ],
)
def test_a_spreadsheet_that_does_not_fit_says_where(tmp_path: Path, rows: str, row: int, page: int) -> None:
    with pytest.raises(PostOfficeError) as caught:
        read_document(paper(tmp_path, three()), rule_text=f"order:{order(tmp_path, rows)}")
    assert (caught.value.code, caught.value.facts["row"], caught.value.facts["page"]) == ("order-mismatch", row, page)
    assert f"row {row}" in caught.value.message


def test_a_wrong_row_in_the_middle_is_held_and_the_others_go_on(tmp_path: Path) -> None:
    rows = order(tmp_path, "Pages;Nom;Email\n2;A ALPHA;a@example.org\n2;X XRAY;nobody\n2;C CHARLIE;c@example.org\n")
    reading = read_document(paper(tmp_path, three()), rule_text=f"order:{rows}")
    assert codes(reading.items[1]) >= {"order-other-address", "order-bad-value"}
    assert [item.level is Severity.ERROR for item in reading.items] == [False, True, False]


def test_spreadsheets_that_cannot_be_used(tmp_path: Path) -> None:
    for text in ("", "\n\n", "a;b\n1;2\n", "Pages\n", "Pages\ntwo\n", "Email\nx@example.org\n"):
        with pytest.raises(PostOfficeError) as caught:
            read_entries(read_rows(order(tmp_path, text)), "FR")
        assert caught.value.code == "unreadable-spreadsheet"
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(PostOfficeError):
        read_rows(tmp_path / "x.xlsx")


def test_the_best_way_is_found_and_said_with_its_reasons(tmp_path: Path) -> None:
    reading = read_document(paper(tmp_path, three(), marks={0: "{{po:}}", 2: "{{po:}}", 4: "{{po:}}"}), rule_text="auto")
    best = reading.proposals[0]
    assert (reading.rule, best.items, best.doubtful, reading.sure) == ("marker", 3, 0, True)
    assert best.reasons == {"address": 3, "marker": 3}
    assert set(best.also) == {"address", "pages:2"}
    assert "whole" in {one.rule for one in reading.proposals[1:]}


def test_where_signs_contradict_each_other_nothing_goes_by_itself(tmp_path: Path) -> None:
    reading = read_document(paper(tmp_path, three(), marks={0: "{{po:}}", 3: "{{po:}}", 4: "{{po:}}"}), rule_text="auto")
    assert not reading.sure
    assert "cut-uncertain" in {one.code for one in reading.findings}
    assert reading.proposals[0].doubtful_page is not None
    bare = read_document(paper(tmp_path, [BODY] * 6), rule_text="auto")
    assert (bare.sure, bare.proposals[0].confidence < 0.5) == (False, True)


def test_what_was_kept_is_cut_like_what_is_read(tmp_path: Path) -> None:
    path = paper(tmp_path, three(), marks={0: "{{po:}}", 2: "{{po:}}"})
    document, points = kept.look_over(path)
    parts = tuple(kept.read_slice(path, first, 2, "fr", ()) for first in (1, 3, 5))
    whole = kept.unpack(kept.pack(kept.Kept("fr", (), document, points, parts)))
    assert whole is not None
    for rule in ("auto", "marker", "address", "pages:3"):
        assert kept.conclude_kept(whole, rule) == read_document(path, rule_text=rule)
    assert not kept.suits(whole, "din", ())
    assert not kept.suits(whole, "fr", ((1.0, 1.0, 1.0, 1.0),))
    assert kept.unpack(b"pages1 00000000 " + b"x") is None


@pytest.mark.parametrize(
    "text", ["separator:red", "separator:text", "separator:blank~x", "bookmarks:0", "bookmarks:x", "order", "marker:x", "auto:1"]
)
def test_bad_rules_are_refused(text: str) -> None:
    with pytest.raises(PostOfficeError):
        parse_rule(text)
