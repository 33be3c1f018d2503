"""Spreadsheets as rows: CSV in any usual writing, XLSX, XLS, ODS."""

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from postoffice.model.errors import PostOfficeError

MOST_ROWS = 200_000
#: bytes of a spreadsheet; 100,000 rows of addresses are 10 MB
MOST_BYTES = 60_000_000
#: what a packed spreadsheet may grow to
_MOST_UNPACKED = 1_000_000_000
_ENCODINGS = ("utf-8-sig", "cp1252")
_HELP = "Use CSV, XLSX or ODS with one row for each letter, in the order of the document, and names of columns in the first row."


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a spreadsheet; `number` as spreadsheet programs count, from 1."""

    number: int
    cells: tuple[str, ...]


def read_rows(path: Path) -> list[Row]:
    """The rows that bear anything, all cells as text. PostOfficeError unreadable-spreadsheet."""
    if path.stat().st_size > MOST_BYTES:
        raise unreadable(f"The spreadsheet is larger than {MOST_BYTES // 1_000_000} MB.")
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        table = _workbook(path, packed=head.startswith(b"PK"))
    else:
        table = _text(path.read_bytes())
    rows = [Row(number, tuple(cells)) for number, cells in enumerate(table, 1) if any(cells)]
    if not rows:
        raise unreadable("The spreadsheet has no rows.")
    return rows


def unreadable(why: str) -> PostOfficeError:
    """The spreadsheet cannot be used."""
    return PostOfficeError("unreadable-spreadsheet", why, help=_HELP, why=why)


def _workbook(path: Path, *, packed: bool) -> list[list[str]]:
    """The first sheet that is shown."""
    import python_calamine as calamine

    try:
        if packed:
            with zipfile.ZipFile(path) as archive:
                if sum(one.file_size for one in archive.infolist()) > _MOST_UNPACKED:
                    raise unreadable("The spreadsheet unpacks to more than a gigabyte.")
        book = calamine.CalamineWorkbook.from_path(str(path))
        shown = [one.name for one in book.sheets_metadata if one.visible == calamine.SheetVisibleEnum.Visible]
        sheet = book.get_sheet_by_name((shown or book.sheet_names)[0])
        return [[_cell(cell) for cell in cells] for cells in sheet.to_python(skip_empty_area=False, nrows=MOST_ROWS)]
    except (calamine.CalamineError, zipfile.BadZipFile, IndexError, ValueError, OSError) as error:
        raise unreadable(f"The spreadsheet cannot be opened ({type(error).__name__}).") from None


def _cell(value: Any) -> str:
    """A cell as a person sees it: no `.0` behind whole numbers, dates as ISO."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


def _text(content: bytes) -> list[list[str]]:
    text = _decoded(content)
    mark = _mark(text)
    try:
        table = [[cell.strip() for cell in cells] for cells in csv.reader(io.StringIO(text, newline=""), delimiter=mark)]
    except csv.Error as error:
        raise unreadable(f"The spreadsheet cannot be read: {error}.") from None
    if len(table) > MOST_ROWS:
        raise unreadable(f"The spreadsheet has more than {MOST_ROWS} rows.")
    return table


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if b"\x00" in content:
        raise unreadable("This is no spreadsheet.")
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _mark(text: str) -> str:
    """The mark between cells: the one that the first line has most of, outside quotes."""
    first = text.partition("\n")[0]
    bare = "".join(part for number, part in enumerate(first.split('"')) if number % 2 == 0)
    counts = {mark: bare.count(mark) for mark in (";", "\t", ",", "|")}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ";"


def filled(rows: Sequence[Row]) -> int:
    """The largest number of cells in a row."""
    return max((len(row.cells) for row in rows), default=0)
