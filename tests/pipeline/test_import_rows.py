"""Files as they come: workbooks with merged cells, hidden rows, formulas, a thousand columns, two header rows, cut digits."""

import zipfile
from pathlib import Path

import pytest

from postoffice.contacts.columns import guess, header_row, unique
from postoffice.contacts.tables import Workbook, csv_line
from postoffice.model.errors import PostOfficeError
from postoffice.pipeline import import_rows
from postoffice.pipeline.import_rows import make_table, read_blocks


def workbook(path: Path, rows: str, after: str = "") -> Path:
    """An XLSX of one sheet from its rows in XML."""
    book = Workbook()
    path.write_bytes(book.begin() + book.rows([["x"]]) + book.end())
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = f"{sheet}{rows}</sheetData>{after}</worksheet>".encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def row(number: int, *cells: str, more: str = "") -> str:
    made = "".join(
        f'<c r="{chr(65 + place)}{number}" t="inlineStr"><is><t>{cell}</t></is></c>' for place, cell in enumerate(cells) if cell
    )
    return f'<row r="{number}"{more}>{made}</row>'


def read(source: Path, folder: Path, **choices: object) -> list[import_rows.Incoming]:
    facts = make_table(source, folder / "table")
    shape = {"names": list(facts.names), "mapping": guess(facts.names), "first": facts.first[facts.header][0] + 1} | choices
    return read_blocks(folder / "table", facts.blocks, shape)


def test_hidden_rows_are_left_out_unless_asked_for_and_merged_cells_fall(tmp_path: Path) -> None:
    rows = row(1, "Nom", "E-mail", "Ville") + row(2, "Dupont", "a@example.org", "Lyon")
    rows += row(3, "Martin", "b@example.org", more=' hidden="1"') + row(4, "Petit", "c@example.org")
    path = workbook(tmp_path / "x.xlsx", rows, '<mergeCells count="1"><mergeCell ref="C2:C4"/></mergeCells>')
    assert make_table(path, tmp_path / "t").hidden == 1
    plain, asked = read(path, tmp_path), read(path, tmp_path, hidden=True)
    assert [one.card.name for one in plain] == ["Dupont", "", "Petit"] and plain[1].wrong[0].code == "import-hidden"
    assert [one.card.name for one in asked] == ["Dupont", "Martin", "Petit"]
    assert ("w", "petit") in plain[2].keys


def test_formulas_count_by_their_value_and_numbers_that_lost_digits_are_named(tmp_path: Path) -> None:
    head = row(1, "Nom", "Portable", "Portable", "Code postal")
    body = (
        '<row r="2"><c r="A2" t="str"><f>"Du"&amp;"pont"</f><v>Dupont</v></c><c r="B2"><v>612345678</v></c><c r="C2" t="inlineStr"><is>'
    )
    body += '<t>3,36123E+10</t></is></c><c r="D2"><v>1000</v></c></row>'
    (one,) = read(workbook(tmp_path / "x.xlsx", head + body), tmp_path)
    assert one.card.name == "Dupont" and one.card.mobiles == ("+33612345678",)
    assert [reason.code for reason in one.wrong] == ["import-mobile"]


def test_a_row_of_groups_over_the_names_and_names_that_come_twice(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Identité;;Contact;\nNom;Prénom;E-mail;E-mail\nDupont;Jean;a@example.org;b@example.org\n", encoding="utf-8")
    facts = make_table(path, tmp_path / "t")
    assert (facts.header, facts.names) == (1, ("Nom", "Prénom", "E-mail", "E-mail (2)"))
    (one,) = read(path, tmp_path)
    assert one.card.name == "Jean Dupont" and one.card.emails == ("a@example.org", "b@example.org")


def test_a_thousand_columns_are_read_and_too_many_refused(tmp_path: Path) -> None:
    names = ";".join(["E-mail", *(f"c{number}" for number in range(999))])
    path = tmp_path / "x.csv"
    path.write_text(f"{names}\na@example.org{';1' * 999}\n", encoding="utf-8")
    (one,) = read(path, tmp_path)
    assert one.card.emails == ("a@example.org",) and len(one.card.attributes) == 200
    path.write_text(";".join("x" * 3000) + "\n", encoding="utf-8")
    with pytest.raises(PostOfficeError) as refused:
        make_table(path, tmp_path / "t")
    assert refused.value.code == "unreadable-spreadsheet"


def test_names_of_columns_are_guessed_in_both_languages_and_remembered() -> None:
    names = unique(["First name", "Last name", "ZIP", "City", "Mobile phone", "Customer ID", "Notes", ""])
    assert list(guess(names).values()) == ["given_name", "family_name", "postcode", "town", "mobile", "reference", "attribute", ""]
    assert guess(names, {"Notes": "tags"})["Notes"] == "tags"
    assert guess(["Nom", "Ville"])["Nom"] == "name", "a lone Nom is the whole name"
    assert header_row([["jean@example.org", "+33612345678"]]) == -1


def test_what_is_written_is_read_again_and_harms_no_spreadsheet(tmp_path: Path) -> None:
    book = Workbook()
    content = book.begin() + book.rows([["Nom", "Note"], ["Dupont & <fils>", "=1+1\x07"]]) + book.end()
    (tmp_path / "x.xlsx").write_bytes(content)
    facts = make_table(tmp_path / "x.xlsx", tmp_path / "t")
    assert facts.first[1][1] == ("Dupont & <fils>", "=1+1")
    assert csv_line(["=cmd", "+33612345678", "-x", "@y"], ";") == b"'=cmd;+33612345678;'-x;'@y\r\n"
