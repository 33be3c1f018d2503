"""Return files of a print house: what became of pieces, a line each, as CSV or JSON.

CSV has a heading with at least `key` and `status`, also `date` and `reason`; comma, semicolon or tab; UTF-8 or Windows-1252.
JSON is a list of objects, or one object per line, with the same names. `key` may carry the PDF's suffix.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from postoffice.model.delivery import Event
from postoffice.model.states import EventKind

#: the house's words, as agreed in DROP.md, and those that houses use of their own
WORDS: dict[str, EventKind] = {
    "accepted": EventKind.HANDED_OVER,
    "received": EventKind.HANDED_OVER,
    "printed": EventKind.IN_PRODUCTION,
    "produced": EventKind.IN_PRODUCTION,
    "in_production": EventKind.IN_PRODUCTION,
    "mailed": EventKind.MAILED,
    "posted": EventKind.MAILED,
    "delivered": EventKind.DELIVERED,
    "returned": EventKind.RETURNED,
    "npai": EventKind.RETURNED,
    "pnd": EventKind.RETURNED,
    "rejected": EventKind.REFUSED,
    "error": EventKind.REFUSED,
}
#: reasons of returned mail that condemn the address itself; "not claimed" and "refused" do not, and N10 tells no reason
DEAD_REASONS = frozenset({"n02", "npai", "unknown", "moved"})


class Return(NamedTuple):
    """What a file told. `unreadable`: numbers of the lines (or list entries, from 1) that could not be understood."""

    events: tuple[Event, ...]
    unreadable: tuple[int, ...]


def read_return(content: bytes, changed_at: datetime) -> Return:
    """Translate a return file. Never raises: what cannot be read is counted; an unknown status is kept as UNKNOWN.

    `changed_at` (aware): the file's own date, for lines that give none.
    """
    events, unreadable = [], []
    for number, row in _rows(_text(content)):
        event = _event(row, changed_at) if row is not None else None
        if event is None:
            unreadable.append(number)
        else:
            events.append(event)
    return Return(tuple(events), tuple(unreadable))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _rows(text: str) -> Iterable[tuple[int, dict[str, str] | None]]:
    start = text.lstrip()[:1]
    if start == "[":
        return _json_list(text)
    return _json_lines(text) if start == "{" else _csv(text)


def _json_list(text: str) -> Iterator[tuple[int, dict[str, str] | None]]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        yield 1, None
        return
    for number, entry in enumerate(entries, 1):
        yield number, _named(entry)


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, str] | None]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, _named(json.loads(line))
            except (ValueError, RecursionError):
                yield number, None


def _named(entry: Any) -> dict[str, str] | None:
    if not isinstance(entry, dict):
        return None
    return {str(name).strip().lower(): "" if value is None else str(value).strip() for name, value in entry.items()}


def _csv(text: str) -> Iterator[tuple[int, dict[str, str] | None]]:
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
    names: list[str] | None = None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num, None
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            names = [cell.strip().lower() for cell in cells]
            if "key" not in names or "status" not in names:
                yield reader.line_num, None
                return
            continue
        yield reader.line_num, dict(zip(names, (cell.strip() for cell in cells), strict=False))


def _event(row: dict[str, str], changed_at: datetime) -> Event | None:
    """None where the line names no piece or no status."""
    key, status = row.get("key", "").removesuffix(".pdf"), row.get("status", "")
    if not key or not status:
        return None
    kind = WORDS.get(status.lower().replace(" ", "_"), EventKind.UNKNOWN)
    reason = row.get("reason", "")
    told = reason.lower()
    dead = kind is EventKind.RETURNED and (told in DEAD_REASONS or (not told and status.lower() == "npai"))
    return Event(kind, _date(row.get("date", ""), changed_at), key=key, code=reason or status, text=status, address_dead=dead)


def _date(text: str, otherwise: datetime) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return date if date.tzinfo else date.replace(tzinfo=UTC)
