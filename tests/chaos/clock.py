"""A clock that jumps: the machine's time and so many seconds as a file says, which the harness writes while its reader runs."""

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path


class JumpingClock:
    """ports.Clock. `path` holds seconds, as text; a missing or half-written file counts as the last that could be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ahead = timedelta()

    def now(self) -> datetime:
        """See ports.Clock."""
        with contextlib.suppress(OSError, ValueError):
            self._ahead = timedelta(seconds=float(self._path.read_text()))
        return datetime.now(UTC) + self._ahead


def set_clock(path: Path, ahead: float) -> None:
    """Let its readers jump to so many seconds ahead of the machine's time (negative: behind)."""
    part = path.with_suffix(".part")
    part.write_text(f"{ahead:.3f}")
    part.replace(path)


def ahead_of(path: Path) -> float:
    """How far a clock is ahead, in seconds."""
    return float(path.read_text()) if path.exists() else 0.0
