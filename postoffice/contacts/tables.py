"""Contacts written as CSV, XLSX and vCard, row by row. Pure."""

import csv
import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>",
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="Contacts" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>',
}
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def csv_line(cells: Sequence[str], mark: str) -> bytes:
    """A line; a cell that a spreadsheet would take for a formula gets an apostrophe in front, but for numbers to call."""
    target = io.StringIO()
    csv.writer(target, delimiter=mark).writerow([_harmless(cell) for cell in cells])
    return target.getvalue().encode()


def _harmless(cell: str) -> str:
    number = cell[:1] == "+" and cell[1:].replace(" ", "").replace(",", "").replace("+", "").isdigit()
    return "'" + cell if cell.startswith(FORMULAS) and not number else cell


class Workbook:
    """An XLSX file of one sheet whose cells are all texts, in pieces: `begin`, `rows` as often as one likes, `end`."""

    def __init__(self) -> None:
        self._pipe = _Tail()
        self._archive = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED)
        for name, text in _PARTS.items():
            self._archive.writestr(name, _HEAD + text)
        self._sheet = self._archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True)

    def begin(self) -> bytes:
        """The first bytes."""
        self._sheet.write((_HEAD + '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>').encode())
        return self._pipe.taken()

    def rows(self, rows: Sequence[Sequence[str]]) -> bytes:
        """Some rows."""
        for cells in rows:
            inner = "".join(f'<c t="inlineStr"><is><t xml:space="preserve">{_text(cell)}</t></is></c>' for cell in cells)
            self._sheet.write(f"<row>{inner}</row>".encode())
        return self._pipe.taken()

    def end(self) -> bytes:
        """The last bytes."""
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._archive.close()
        return self._pipe.taken()


def _text(cell: str) -> str:
    return escape("".join(letter for letter in cell[:32_000] if letter >= " " or letter in "\n\t"))


class _Tail(io.RawIOBase):
    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, some: object) -> int:
        piece = bytes(memoryview(some))  # type: ignore[arg-type]
        self._held += piece
        return len(piece)

    def taken(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held
