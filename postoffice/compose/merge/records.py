"""Rows of a spreadsheet become records, one a recipient: values by field. Lists come from several rows with the same recipient."""

import gzip
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postoffice.compose.merge.columns import Table
from postoffice.compose.merge.uses import Use
from postoffice.compose.sheet_rows import Row, unreadable

MEDIA_TYPE = "application/x-postoffice-merge"
#: characters of a packed record: a letter's own lists are long, but no book
_LONGEST = 4_000_000
MOST_RECORDS = 200_000
#: entries of one list: a table of a letter
MOST_ENTRIES = 2_000


@dataclass(slots=True)
class Record:
    """A recipient. `number`: the first of its rows, as spreadsheet programs count, or its place among JSON rows from 1."""

    number: int
    values: dict[str, Any]
    columns: Mapping[str, str] = field(default_factory=dict)  #: field -> name of its column, for errors
    exact: bool = False  #: a point in a number can only be the decimal one (cells of a workbook, JSON)


@dataclass(frozen=True, slots=True)
class Job:
    """What letters are made of: version of a template, the date that they bear (ISO), and whether numbers are exact."""

    version_id: str
    day: str
    exact: bool
    columns: Mapping[str, str]


def records_of(table: Table, mapping: Mapping[str, str], uses: Sequence[Use], *, exact: bool) -> Iterator[Record]:
    """The recipients of a spreadsheet, one by one. `mapping`: name of a column -> field ("" leaves the column out)."""
    places = [(number, mapping.get(header, "")) for number, header in enumerate(table.headers) if mapping.get(header)]
    columns = {mapping[header]: header for header in table.headers if mapping.get(header)}
    lists = {use.name for use in uses if use.kind == "list"}
    current: Record | None = None
    for row in table.rows:
        flat = {name: row.cells[number] if number < len(row.cells) else "" for number, name in places}
        if not any(flat.values()):
            continue
        if current is not None and lists and _goes_on(flat, current, lists):
            _append(current, flat, lists, row)
            continue
        if current is not None:
            yield current
        current = Record(row.number, _nested(flat, lists), columns, exact)
        _append(current, flat, lists, row)
    if current is not None:
        yield current


def _goes_on(flat: Mapping[str, str], before: Record, lists: set[str]) -> bool:
    """Whether a row only adds entries to the recipient before it: it has some, and names the same recipient or nobody."""
    heads = {name: text for name, text in flat.items() if text and name.partition(".")[0] not in lists}
    entries = any(text for name, text in flat.items() if name.partition(".")[0] in lists)
    return entries and all(_value(before.values, name) == text for name, text in heads.items())


def _value(values: Mapping[str, Any], name: str) -> Any:
    root, _, child = name.partition(".")
    found = values.get(root)
    return found.get(child) if child and isinstance(found, dict) else found


def _nested(flat: Mapping[str, str], lists: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: [] for name in lists if any(key.startswith(f"{name}.") for key in flat)}
    for name, text in flat.items():
        root, _, child = name.partition(".")
        if root in lists:
            continue
        if child:
            values.setdefault(root, {})[child] = text
        else:
            values[name] = text
    return values


def _append(record: Record, flat: Mapping[str, str], lists: set[str], row: Row) -> None:
    for name in lists:
        entry = {key.partition(".")[2]: text for key, text in flat.items() if key.startswith(f"{name}.")}
        if any(entry.values()):
            if len(record.values[name]) >= MOST_ENTRIES:
                raise unreadable(f"Row {row.number} is the {MOST_ENTRIES + 1}th of one recipient.")
            record.values[name].append(entry)


def pack(target: Path, job: Job, records: Iterable[Record]) -> int:
    """Write a job and its records into a file; how many there are. PostOfficeError no-rows, too-many-rows."""
    count = 0
    with target.open("wb") as raw, gzip.GzipFile("", "wb", 3, raw, mtime=0) as packed, io.TextIOWrapper(packed, "utf-8") as file:
        head = {"version": job.version_id, "day": job.day, "exact": job.exact, "columns": dict(job.columns)}
        file.write(json.dumps(head, ensure_ascii=False) + "\n")
        for record in records:
            count += 1
            if count > MOST_RECORDS:
                raise unreadable(f"The spreadsheet has more than {MOST_RECORDS} rows.")
            file.write(json.dumps([record.number, record.values], ensure_ascii=False) + "\n")
    if not count:
        raise unreadable("The spreadsheet has a row of names of columns and no other.")
    return count


def job_of(path: Path) -> Job:
    """The job of a packed file. PostOfficeError unreadable-spreadsheet where it is none."""
    with _opened(path) as file:
        return _job(file.readline(_LONGEST))


def unpack(path: Path) -> Iterator[Record]:
    """Records of a packed file, one by one."""
    with _opened(path) as file:
        job = _job(file.readline(_LONGEST))
        for line in _lines(file):
            number, values = json.loads(line)
            yield Record(number, values, job.columns, job.exact)


def _opened(path: Path) -> Any:
    return gzip.open(path, "rt", encoding="utf-8")


def _lines(file: Any) -> Iterator[str]:
    while line := file.readline(_LONGEST):
        if not line.endswith("\n"):
            raise unreadable("A row is longer than can be.")
        yield line


def _job(line: str) -> Job:
    try:
        head = json.loads(line)
        return Job(str(head["version"]), str(head["day"]), bool(head["exact"]), dict(head["columns"]))
    except (KeyError, TypeError, ValueError):
        raise unreadable("This is no file of recipients.") from None


def split(path: Path, folder: Path, size: int) -> tuple[Job, list[int]]:
    """Write a packed file's records into `0.gz`, `1.gz`, ... of `folder`, `size` each, in one pass; (job, records of each file)."""
    job = job_of(path)
    counts: list[int] = []
    records = unpack(path)
    while some := list(itertools.islice(records, size)):
        pack(folder / f"{len(counts)}.gz", job, some)
        counts.append(len(some))
    return job, counts


def halve(path: Path, folder: Path) -> int:
    """The records of a packed file as `0.gz` and `1.gz`; how many there were (1: nothing is written)."""
    count = sum(1 for _ in unpack(path))
    if count > 1:
        split(path, folder, -(-count // 2))
    return count
