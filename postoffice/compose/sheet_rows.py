"""Spreadsheets as rows: CSV in any usual writing, XLSX, XLS, ODS."""

import codecs
import csv
import zipfile
from collections.abc import Iterator, Sequence
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
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_ENCODINGS = ("utf-8-sig", "cp1252")
_PIECE = 1 << 20
#: characters of a first line in which marks are counted
_LONGEST_LINE = 200_000
_HELP = "Use CSV, XLSX or ODS with one row for each letter, in the order of the document, and names of columns in the first row."


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a spreadsheet; `number` as spreadsheet programs count, from 1."""

    number: int
    cells: tuple[str, ...]


def read_rows(path: Path) -> list[Row]:
    """The rows that bear anything, all cells as text. PostOfficeError unreadable-spreadsheet."""
    rows = list(stream_rows(path))
    if not rows:
        raise unreadable("The spreadsheet has no rows.")
    return rows


def stream_rows(path: Path, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> Iterator[Row]:
    """The same one by one: memory does not grow with a text file's length. None at all is for the caller to judge.

    `most_bytes` holds for text files; workbooks, which are read whole, may always have MOST_BYTES.
    """
    if is_workbook(path):
        most_bytes = MOST_BYTES
    if path.stat().st_size > most_bytes:
        raise unreadable(f"The spreadsheet is larger than {most_bytes // 1_000_000} MB.")
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(_WORKBOOKS):
        table = _workbook(path, packed=head.startswith(b"PK"))
    else:
        table = _text(path)
    for number, cells in enumerate(table, 1):
        if number > most_rows:
            raise unreadable(f"The spreadsheet has more than {most_rows} rows.")
        if any(cells):
            yield Row(number, tuple(cells))


def is_workbook(path: Path) -> bool:
    """Whether a file is XLSX, XLS or ODS by its first bytes, not text."""
    with path.open("rb") as file:
        return file.read(8).startswith(_WORKBOOKS)


def unreadable(why: str) -> PostOfficeError:
    """The spreadsheet cannot be used."""
    return PostOfficeError("unreadable-spreadsheet", why, help=_HELP, why=why)


def _workbook(path: Path, *, packed: bool) -> Iterator[list[str]]:
    """The first sheet that is shown. A value merged over several rows counts for each of them."""
    import python_calamine as calamine

    try:
        if packed:
            with zipfile.ZipFile(path) as archive:
                if sum(one.file_size for one in archive.infolist()) > _MOST_UNPACKED:
                    raise unreadable("The spreadsheet unpacks to more than a gigabyte.")
        book = calamine.CalamineWorkbook.from_path(str(path))
        shown = [one.name for one in book.sheets_metadata if one.visible == calamine.SheetVisibleEnum.Visible]
        sheet = book.get_sheet_by_name((shown or book.sheet_names)[0])
        fallen: dict[int, tuple[int, str]] = {}  # column -> last row, value: what a merged cell gives to the rows below
        merged = {start: end for start, end in sheet.merged_cell_ranges or () if end[0] > start[0]}
        for number, cells in enumerate(_from_the_top(sheet)):
            row = [_cell(cell) for cell in cells]
            for column, (last, value) in fallen.items():
                if number <= last and column < len(row) and not row[column]:
                    row[column] = value
            for (top, left), (bottom, _right) in merged.items():
                if top == number and left < len(row):
                    fallen[left] = (bottom, row[left])
            yield row
    except (calamine.CalamineError, zipfile.BadZipFile, IndexError, ValueError, OSError, RuntimeError) as error:
        raise unreadable(f"The spreadsheet cannot be opened ({type(error).__name__}).") from None


def _from_the_top(sheet: Any) -> Iterator[list[Any]]:
    """The rows of a sheet from its first one on; the reader leaves out empty columns at the left."""
    left = sheet.start[1] if sheet.start else 0
    for cells in sheet.iter_rows():
        yield [""] * left + list(cells)


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


def _text(path: Path) -> Iterator[list[str]]:
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            mark = _mark(file.readline(_LONGEST_LINE))
            file.seek(0)
            for cells in csv.reader(file, delimiter=mark):
                yield [cell.strip() for cell in cells]
    except csv.Error as error:
        raise unreadable(f"The spreadsheet cannot be read: {error}.") from None


def _encoding(path: Path) -> str:
    """The first of the usual ones that all bytes are good for."""
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
        for encoding in (*_ENCODINGS, "latin-1"):
            file.seek(0)
            decoder = codecs.getincrementaldecoder(encoding)()
            try:
                while chunk := file.read(_PIECE):
                    if b"\x00" in chunk:
                        raise unreadable("This is no spreadsheet.")
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
                return encoding
            except UnicodeDecodeError:
                continue
    return "latin-1"


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
