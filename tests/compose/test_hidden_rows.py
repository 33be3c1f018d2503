"""Rows that a filter hides are found, whoever wrote the workbook."""

import zipfile
from pathlib import Path

import pytest

from postoffice.compose.hidden_rows import hidden_rows

_BOOK = (
    '<workbook xmlns:r="r"><sheets><sheet name="old" sheetId="1" state="hidden" r:id="rId1"/><sheet name="Clients" sheetId="2" '
    'r:id="rId2"/></sheets></workbook>'
)
_LINKS = (
    '<Relationships><Relationship Id="rId1" Type="t" Target="worksheets/sheet1.xml"/>'
    '<Relationship Target="/xl/worksheets/sheet2.xml" Type="t" Id="rId2"/></Relationships>'
)


def xlsx(path: Path, rows: str) -> Path:
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/workbook.xml", _BOOK)
        book.writestr("xl/_rels/workbook.xml.rels", _LINKS)
        book.writestr("xl/worksheets/sheet1.xml", '<sheetData><row r="1" hidden="1"><c><v>1</v></c></row></sheetData>')
        book.writestr("xl/worksheets/sheet2.xml", f"<worksheet><sheetData>{rows}</sheetData><row hidden='1'/></worksheet>")
    return path


def ods(path: Path, rows: str) -> Path:
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("content.xml", f"<table:table>{rows}</table:table><table:table>{rows}</table:table>")
    return path


def test_a_filtered_xlsx(tmp_path: Path) -> None:
    shown, hidden = '<row r="2"><c><v>1</v></c></row>', '<row r="3" hidden="1"><c t="inlineStr"><is>a</is></c></row>'
    empty = '<row r="4" hidden="1" ht="0"/><row r="5" hidden="true"><c s="3"/></row>'
    bare, veiled = shown.replace(' r="2"', ""), hidden.replace(' r="3"', "")  # rows may leave their numbers out
    assert hidden_rows(xlsx(tmp_path / "a.xlsx", shown + hidden + empty + shown)) == {3}
    assert hidden_rows(xlsx(tmp_path / "b.xlsx", bare * 9_000 + veiled * 9_000 + bare)) == set(range(9_001, 18_001))
    assert hidden_rows(xlsx(tmp_path / "c.xlsx", shown + f'<row r="9" hidden="1"><c><v>{"x" * 600_000}</v></c></row>' + shown)) == {9}


def test_a_filtered_ods(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>a</text:p></table:table-cell></table:table-row>'
    rows = (
        f'<table:table-row>{cell}<table:table-row table:visibility="filter">{cell}<table:table-row table:visibility="collapse">{cell}'
    )
    rows += '<table:table-row table:number-rows-repeated="9" table:visibility="collapse"><table:table-cell/></table:table-row>'
    rows += f'<table:table-row table:visibility="filter">{cell}'
    assert hidden_rows(ods(tmp_path / "a.ods", rows)) == {2, 3, 13}


@pytest.mark.parametrize("content", [b"", b"nom;ville\nAnn;Lyon\n", b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 old"])
def test_other_files_hide_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content)
    assert not hidden_rows(path)
