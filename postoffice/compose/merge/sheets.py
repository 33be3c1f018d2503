"""A spreadsheet or JSON rows before letters are made of them: columns, checks, packing. What runs in a child process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postoffice.compose.hidden_rows import hidden_rows
from postoffice.compose.merge import records
from postoffice.compose.merge.checks import Checked, Problem, check_record
from postoffice.compose.merge.columns import guess, open_table
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import Job, Record
from postoffice.compose.merge.uses import uses_of

#: rows that are kept for the preview
SAMPLE_ROWS = 20


@dataclass(frozen=True, slots=True)
class SheetView:
    """A spreadsheet before letters are made of it: its columns with the fields they fill, what is wrong, and some rows."""

    headers: tuple[str, ...]
    mapping: Mapping[str, str]
    header_row: int
    doubled: tuple[str, ...]
    records: int
    faulty: int
    problems: tuple[tuple[int, str, str, str], ...]  #: (row, code, column, value), the first ones
    unmapped: tuple[str, ...]  #: required fields that no column fills
    sample: tuple[Mapping[str, Any], ...]
    hidden: int = 0  #: rows that the spreadsheet hides, by a filter say: they get letters like the others


#: problems that a page shows
SHOWN_PROBLEMS = 100


def look_at_sheet(
    path: Path, content: Content, remembered: Mapping[str, str], chosen: Mapping[str, str] | None, needed: str = ""
) -> SheetView:
    """In a child process: read a spreadsheet and check every row. `chosen`: column -> field as corrected; None: guessed. `needed`: the
    address that each row must have beside what the template asks for: email | mobile | fax.
    """
    uses = uses_of(content)
    table = open_table(path, uses, remembered)
    mapping = guess(table.headers, uses, remembered) if chosen is None else dict(chosen)
    heads = {field: header for header, field in mapping.items() if field}
    problems: list[tuple[int, str, str, str]] = []
    count = faulty = 0
    sample: list[Mapping[str, Any]] = []
    for record in records.records_of(table, mapping, uses, exact=is_workbook(path)):
        count += 1
        checked = check_record(record, uses, content)
        if len(sample) < SAMPLE_ROWS:
            sample.append(checked.data if not checked.problems else record.values)
        if needed:
            checked.problems[:] = _of_channel(checked, needed, heads, record)
        if checked.problems:
            faulty += 1
            problems += [(record.number, one.code, one.column, one.value[:80]) for one in checked.problems]
            del problems[SHOWN_PROBLEMS:]
    filled = set(mapping.values())
    unmapped = tuple(
        column.name
        for use in uses
        for column in use.columns()
        if column.required and column.name not in filled and column.name.partition(".")[0] not in filled
    )
    return SheetView(
        table.headers,
        mapping,
        table.header_row,
        table.doubled,
        count,
        faulty,
        tuple(problems),
        unmapped,
        tuple(sample),
        sum(number > table.header_row for number in hidden_rows(path)),
    )


def _of_channel(checked: Checked, needed: str, heads: Mapping[str, str], record: Record) -> list[Problem]:
    """What is wrong with a row of a message: it may lack a postal address, and nothing that its channel needs."""
    found = [one for one in checked.problems if one.code != "row-missing" or one.column != record.columns.get("postcode", "postcode")]
    if not getattr(checked, needed) and not any(one.column == heads.get(needed, needed) for one in found):
        found.append(Problem("row-missing", heads.get(needed, needed)))
    return found


def is_workbook(path: Path) -> bool:
    """Whether numbers of this file have a decimal point and nothing else: XLSX, XLS, ODS, not text."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def pack_sheet(path: Path, target: Path, version_id: str, day: str, content: Content, mapping: Mapping[str, str]) -> int:
    """In a child process: the spreadsheet's recipients as a packed file; how many."""
    uses = uses_of(content)
    table = open_table(path, uses)
    columns = {field: header for header, field in mapping.items() if field}
    exact = is_workbook(path)
    return records.pack(target, Job(version_id, day, exact, columns), records.records_of(table, mapping, uses, exact=exact))


def pack_rows(target: Path, version_id: str, day: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """JSON rows as a packed file; how many."""
    return records.pack(target, Job(version_id, day, True, {}), (Record(n, dict(row), exact=True) for n, row in enumerate(rows, 1)))
