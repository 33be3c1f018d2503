"""How much went through a relay or to a domain in a stretch of time: kept in a small file, so that the worker processes of one machine
share a limit and a restart forgets nothing.

Each process takes its share in blocks of a tenth, so that most mails touch no file. Workers on several machines that share an account
must share the folder, or each be given its part of the limit.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from postoffice.model.errors import TryLater

MINUTE, HOUR, DAY = 60, 3600, 86400
_SLICE = 10  #: seconds: a limit per minute is kept in slices of it, lest a minute's share leave in its first second
_KEPT = 90 * DAY  #: counts of days are what a warm-up knows of its progress


class Limit(NamedTuple):
    """`most` in each `seconds`, counted from the epoch."""

    seconds: int
    most: int


def limits_of(*, per_minute: int = 0, per_hour: int = 0, per_day: int = 0) -> tuple[Limit, ...]:
    """Limits from settings; 0: none."""
    slices = MINUTE // _SLICE
    found = []
    if per_minute:
        found.append(Limit(_SLICE, per_minute // slices) if per_minute >= slices else Limit(MINUTE, per_minute))
    return (*found, *(Limit(seconds, most) for seconds, most in ((HOUR, per_hour), (DAY, per_day)) if most))


class Ledger:
    """Counts by name and stretch. Without a folder they live in memory only."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / "limits.db" if folder else None
        self._open: sqlite3.Connection | None = None

    def _file(self) -> sqlite3.Connection:
        if self._open is None:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            self._open = sqlite3.connect(self._path or ":memory:", timeout=5, isolation_level=None, check_same_thread=False)
            # what a power cut forgets here is some seconds of counting
            self._open.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                "CREATE TABLE IF NOT EXISTS used"
                "(name TEXT, seconds INTEGER, stretch INTEGER, count INTEGER, PRIMARY KEY (name, seconds, stretch)) WITHOUT ROWID"
            )
        return self._open

    def take(self, name: str, limit: Limit, stretch: int, want: int) -> int:
        """Up to `want` of what is left of a stretch, at once for all processes; how many were got. TryLater where the file fails."""
        try:
            return self._take(self._file(), (name, limit.seconds, stretch), limit.most, want)
        except (sqlite3.Error, OSError) as error:
            raise TryLater(f"What this relay sent cannot be counted: {type(error).__name__}", code="ledger") from error

    def _take(self, file: sqlite3.Connection, key: tuple[str, int, int], most: int, want: int) -> int:
        name, seconds, stretch = key
        file.execute("BEGIN IMMEDIATE")
        try:
            row = file.execute("SELECT count FROM used WHERE name=? AND seconds=? AND stretch=?", key).fetchone()
            got = max(0, min(want, most - (row[0] if row else 0)))
            if row is None:
                old = stretch - _KEPT // DAY if seconds == DAY else stretch - 1
                file.execute("DELETE FROM used WHERE name=? AND seconds=? AND stretch<?", (name, seconds, old))
                file.execute("INSERT INTO used VALUES (?, ?, ?, ?)", (*key, got))
            elif got:
                file.execute("UPDATE used SET count=count+? WHERE name=? AND seconds=? AND stretch=?", (got, *key))
            file.execute("COMMIT")
        except BaseException:
            if file.in_transaction:
                file.execute("ROLLBACK")
            raise
        return got

    def days_before(self, name: str, day: int) -> int:
        """On how many earlier days something was taken under this name."""
        query = "SELECT count(*) FROM used WHERE name=? AND seconds=? AND stretch<? AND count>0"
        return int(self._file().execute(query, (name, DAY, day)).fetchone()[0])

    def close(self) -> None:
        """Close the file; it opens again when it is needed."""
        if self._open is not None:
            self._open.close()
            self._open = None


class Allowance:
    """What may go under one name now. `ramp`: most on the first, second ... day of use; no such limit after the last of them."""

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        limits: Sequence[Limit],
        ramp: Sequence[int] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._name = name
        self._limits = tuple(limits)
        self._ramp = tuple(ramp)
        self._clock = clock
        self._stock: dict[int, tuple[int, int]] = {}  # seconds -> (stretch, how many of it are ours)
        self._today: tuple[int, tuple[Limit, ...]] = (-1, ())

    def wait(self) -> float:
        """Seconds until one more may go; 0: now. Takes nothing."""
        now = self._clock()
        waits = [(int(now // one.seconds) + 1) * one.seconds - now for one in self._in_force(now) if not self._left(one, now)]
        return max(waits, default=0.0)

    def take(self) -> float:
        """Take one and return 0; else the seconds until one may go."""
        wait = self.wait()
        if not wait:
            for seconds, (stretch, left) in self._stock.items():
                self._stock[seconds] = (stretch, left - 1)
        return wait

    def _left(self, limit: Limit, now: float) -> int:
        stretch = int(now // limit.seconds)
        known, left = self._stock.get(limit.seconds, (-1, 0))
        if known != stretch or left <= 0:
            left = self._ledger.take(self._name, limit, stretch, max(1, limit.most // 10))
            self._stock[limit.seconds] = (stretch, left)
        return left

    def _in_force(self, now: float) -> tuple[Limit, ...]:
        if not self._ramp:
            return self._limits
        day = int(now // DAY)
        if self._today[0] != day:
            step = self._ledger.days_before(self._name, day)
            most = self._ramp[step] if step < len(self._ramp) else 0
            self._stock.pop(DAY, None)
            self._today = day, (*self._limits, *([Limit(DAY, most)] if most else []))
        return self._today[1]
