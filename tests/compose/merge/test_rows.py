"""Rows of people as they come: encodings, marks, headings, spoilt numbers, lists over several rows; each error on its row."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from postoffice.compose.merge.columns import guess, open_table
from postoffice.compose.merge.content import Content, Parts
from postoffice.compose.merge.records import records_of
from postoffice.compose.merge.sheets import look_at_sheet
from postoffice.compose.merge.uses import uses_of
from postoffice.compose.merge.wording import Situation, Wording
from postoffice.compose.render import TemplateFault

LETTER = (
    "{{ address | address }} {{ invoice }} {{ amount | money }} {{ due | date }} {% if note %}{{ note }}{% endif %}"
    "{% for line in lines %}{{ line.text }} {{ line.price | money }}{% endfor %}"
)
CONTENT = Content({"fr": Parts(LETTER)})
USES = uses_of(CONTENT)
GOOD = {"Nom": "Ann", "Adresse": "1 rue", "CP": "69003", "Ville": "Lyon", "Facture": "F1", "Montant": "12,50", "Échéance": "31/03/2026"}


def sheet(tmp_path: Path, *rows: Mapping[str, str], mark: str = ";", encoding: str = "utf-8") -> Path:
    lines = [mark.join(rows[0])] + [mark.join(row.values()) for row in rows]
    path = tmp_path / "rows.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def problems(tmp_path: Path, **changes: str) -> list[tuple[int, str, str, str]]:
    row = {**GOOD, "lines.text": "a", "lines.price": "1", **changes}
    return list(look_at_sheet(sheet(tmp_path, row), CONTENT, {}, None).problems)


def test_fields_are_found_with_their_kinds() -> None:
    assert [(one.name, one.kind, one.required) for one in USES] == [
        ("invoice", "text", True),
        ("amount", "number", True),
        ("due", "date", True),
        ("note", "text", False),
        ("lines", "list", True),
    ]
    assert [(one.name, one.kind) for one in USES[-1].children.values()] == [("text", "text"), ("price", "number")]


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_usual_file(tmp_path: Path, mark: str, encoding: str) -> None:
    row = {**GOOD, "Montant": "12.50", "lines.text": "Poële", "lines.price": "1"}
    view = look_at_sheet(sheet(tmp_path, row, mark=mark, encoding=encoding), CONTENT, {}, None)
    assert (view.records, view.faulty, view.unmapped) == (1, 0, ())
    assert view.sample[0]["lines"] == [{"text": "Poële", "price": "1"}] and view.sample[0]["due"] == "2026-03-31"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"Montant": ""}, ("row-missing", "Montant", "")),
        ({"Montant": "12,3x"}, ("row-bad-amount", "Montant", "12,3x")),
        ({"Montant": "1,234"}, ("row-bad-amount", "Montant", "1,234")),
        ({"Montant": "#N/A"}, ("row-formula", "Montant", "#N/A")),
        ({"Facture": "=A1+B2"}, ("row-formula", "Facture", "=A1+B2")),
        ({"Échéance": "32/03/2026"}, ("row-bad-date", "Échéance", "32/03/2026")),
        ({"E-mail": "ann at example"}, ("row-bad-email", "E-mail", "ann at example")),
        ({"Mobile": "3,36123E+10"}, ("row-bad-number", "Mobile", "3,36123E+10")),
        ({"Canal": "pigeon"}, ("row-bad-word", "Canal", "pigeon")),
        ({"lines.price": "x"}, ("row-bad-amount", "lines.price", "x")),
        ({"Facture": "a" * 20_001}, ("row-too-long", "Facture", "a" * 40)),
    ],
)
def test_an_error_stands_on_its_row(tmp_path: Path, changes: dict[str, str], found: tuple[str, str, str]) -> None:
    assert problems(tmp_path, **changes) == [(2, *found)]


@pytest.mark.parametrize("typed", ["33612345678.0", "0612345678", "612345678", "+33 6 12 34 56 78", '="0612345678"'])
def test_telephone_numbers_that_went_through_number_cells(tmp_path: Path, typed: str) -> None:
    path = sheet(tmp_path, {**GOOD, "Mobile": typed, "lines.text": "a", "lines.price": "1"})
    assert look_at_sheet(path, CONTENT, {}, None).sample[0]["mobile"] == "+33612345678"


def test_headings_titles_doubles_and_empty_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Relances mars;;;\n;Livraison;;Facturation\nNom;Ville;CP;Ville\n\n;;;\nAnn;Brest;29200;Lyon\n", encoding="utf-8")
    table = open_table(path, USES)
    assert table.headers == ("Nom", "Livraison Ville", "CP", "Facturation Ville") and table.header_row == 3
    assert [row.number for row in table.rows] == [6]


def test_what_was_chosen_before_counts(tmp_path: Path) -> None:
    assert guess(["Nom", "Kundenwort"], USES, {"kundenwort": "invoice"}) == {"Nom": "name", "Kundenwort": "invoice"}


def test_a_list_comes_from_several_rows(tmp_path: Path) -> None:
    head = {"Nom": "Ann", "Facture": "F1", "lines.text": "a", "lines.price": "1"}
    more = {"Nom": "", "Facture": "", "lines.text": "b", "lines.price": "2"}
    other = {"Nom": "Bob", "Facture": "F2", "lines.text": "c", "lines.price": "3"}
    table = open_table(sheet(tmp_path, head, more, other), USES)
    found = list(records_of(table, guess(table.headers, USES, {}), USES, exact=False))
    assert [(one.number, [line["text"] for line in one.values["lines"]]) for one in found] == [(2, ["a", "b"]), (4, ["c"])]


def test_a_thousand_columns(tmp_path: Path) -> None:
    wide = {f"c{number}": "x" for number in range(1000)}
    view = look_at_sheet(sheet(tmp_path, {**GOOD, **wide}), CONTENT, {}, None)
    assert len(view.headers) == 1007 and view.unmapped == ("lines.text", "lines.price")


@pytest.mark.slow  # the limit of three seconds
@pytest.mark.parametrize(
    ("source", "code"), [("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "letter-too-slow")]
)
def test_words_without_end(source: str, code: str) -> None:
    wording = Wording(Content({"fr": Parts("x", sms=source)}), "2026-03-10")
    with pytest.raises(TemplateFault) as refused:
        wording.sms({}, "fr", (), Situation())
    assert refused.value.code == code and refused.value.facts["part"] == "fr.sms"
