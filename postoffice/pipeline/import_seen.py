"""Whom a file told of already, for trials, which write nothing: on disk, so that memory stays flat."""

import hashlib
import sqlite3
import tempfile
from types import TracebackType

from postoffice.contacts.sorting import Incoming


class Seen:
    """Remembers rows by what they would be found by again."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="po-seen-")
        self._base = sqlite3.connect(f"{self._folder.name}/seen.db", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-20000"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute("CREATE TABLE seen (mark INTEGER PRIMARY KEY)")
        self._base.execute("BEGIN")

    def __enter__(self) -> "Seen":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._base.close()
        self._folder.cleanup()

    def met(self, row: Incoming) -> bool:
        """Whether an earlier row told of the same person; remembers this one."""
        strong, weak = _marks(row)
        marks = strong or weak
        found = any(self._base.execute("SELECT 1 FROM seen WHERE mark = ?", (mark,)).fetchone() for mark in marks)
        self._base.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(mark,) for mark in (*strong, *weak)])
        return found


def _marks(row: Incoming) -> tuple[list[int], list[int]]:
    """Other programs' numbers, which decide alone; else addresses with the name, and the text of the whole."""
    card = row.card
    strong = [f"x|{system}|{number}" for system, number in card.external_ids.items()]
    weak = [f"{channel}|{value}|{card.shown_name.casefold()}" for channel, values in card.values().items() for value in values]
    weak += [f"t|{row.text}"] if row.text else []
    return [_mark(text) for text in strong], [_mark(text) for text in weak]


def _mark(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), signed=True)
