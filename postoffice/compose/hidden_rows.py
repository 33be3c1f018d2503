"""Rows that a workbook hides (by a filter, or by hand). The reader of spreadsheets does not tell them from the others.

They are found so that a person is told: who filters a list sees 20 customers, and the file still holds 2,000. XLSX (ECMA-376 part 1,
18.3.1.73, `hidden`) and ODS (OpenDocument 1.3 part 3, 19.749, `table:visibility`); nothing is known of XLS.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_PIECE = 1 << 18
#: bytes of a row that are kept to see whether it is hidden and bears anything
_ROW = 4_000
#: bytes of the list of sheets
_LIST = 4_000_000
_SHEET = re.compile(rb"<(?:\w+:)?sheet\s[^>]*>")
_TARGET = re.compile(rb"<Relationship\s[^>]*>")
_XLSX = (re.compile(rb"<(?:\w+:)?row[\s>]"), re.compile(rb'\shidden="(?:1|true)"'), re.compile(rb"<(?:\w+:)?(?:v|is)>"))
_ODS = (
    re.compile(rb"<table:table-row[\s>]"),
    re.compile(rb'\stable:visibility="(?:collapse|filter)"'),
    re.compile(rb"\s(?:office|calcext):value-type="),
)
_NUMBER = re.compile(rb'\sr="(\d{1,9})"')
_REPEATED = re.compile(rb'\stable:number-rows-repeated="(\d{1,9})"')
#: alike rows that one element may stand for
_MOST = 200_000


def hidden_rows(path: Path) -> frozenset[int]:
    """The hidden rows with something in them of the first shown sheet, as people count them; none for text files, XLS and what cannot
    be read.
    """
    if not zipfile.is_zipfile(path):
        return frozenset()
    try:
        with zipfile.ZipFile(path) as book:
            names = set(book.namelist())
            if "content.xml" in names:
                with book.open("content.xml") as file:
                    return frozenset(_hidden(file, *_ODS, end=b"</table:table>"))
            sheet = _first_sheet(book)
            if sheet not in names:
                return frozenset()
            with book.open(sheet) as file:
                return frozenset(_hidden(file, *_XLSX, end=b"</sheetData>"))
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, EOFError, RuntimeError, zlib.error):
        return frozenset()  # whoever reads the rows says what is wrong with the file


def _first_sheet(book: zipfile.ZipFile) -> str:
    """The part of an XLSX that holds the first sheet that is shown."""
    with book.open("xl/workbook.xml") as file:
        sheets = _SHEET.findall(file.read(_LIST))
    shown = [one for one in sheets if not re.search(rb'\sstate="(?:hidden|veryHidden)"', one)] or sheets
    link = re.search(rb'\s\w+:id="([^"]*)"', shown[0]) if shown else None
    with book.open("xl/_rels/workbook.xml.rels") as file:
        for one in _TARGET.findall(file.read(_LIST)):
            target = re.search(rb'\sTarget="([^"]*)"', one)
            if link and target and b'Id="' + link[1] + b'"' in one:
                return posixpath.normpath(posixpath.join("/xl", target[1].decode("utf-8", "replace"))).lstrip("/")
    return ""


def _hidden(
    file: IO[bytes], start: re.Pattern[bytes], hidden: re.Pattern[bytes], bears: re.Pattern[bytes], *, end: bytes
) -> Iterator[int]:
    number = 0
    for row in _rows(file, start, end):
        tag, _, body = row.partition(b">")
        told, again = _NUMBER.search(tag), _REPEATED.search(tag)
        number = int(told[1]) if told else number + 1
        times = int(again[1]) if again else 1
        if hidden.search(tag) and bears.search(body):
            yield from range(number, number + min(times, _MOST))
        number += times - 1


def _rows(file: IO[bytes], start: re.Pattern[bytes], end: bytes) -> Iterator[bytes]:
    """The beginning of each row of the first table, piece by piece: sheets unpack to hundreds of megabytes."""
    held = b""
    going = True
    while going and (piece := file.read(_PIECE)):
        held += piece
        head, found, _ = held.partition(end)
        going = not found
        places = [match.start() for match in start.finditer(head)]
        for first, last in zip(places, places[1:], strict=False):
            yield head[first : min(last, first + _ROW)]
        tail = places[-1] if places else max(0, len(head) - _ROW)
        held = head[tail:] if len(head) - tail < _PIECE else head[tail : tail + _ROW]
    if start.match(held):
        yield held[:_ROW]
