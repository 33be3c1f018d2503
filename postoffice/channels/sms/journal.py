"""News that a gateway pushed, kept in files until it is recorded: the gateway is told "we have it" only after that.

A gateway pushes each receipt once. It must not be lost between the moment we acknowledge it and the moment the database has it,
and nobody asks for it at once. So each process appends to files of its own in one folder, and reads those of the others, dead or alive:
whoever is asked finds all that came to this folder. Workers on several machines that share an account must share the folder.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from postoffice.channels.sms.news import News, read_line

KEPT = 3 * 86400  #: seconds that a file is read; questions come every six hours at least
_FILE = 3600  #: seconds that a process writes into one file
_TOLD = 13 * 3600  #: seconds after which news that was told and not asked for again is forgotten: twice the longest pause
_TOLD_ANSWER = 600  #: seconds
_SETTLED_IN = 86400  #: seconds that a process must have run before it throws old files away: its questions come first
_SUFFIX = ".news"


class Journal:
    """The news of one gateway account. Without a folder it lives in memory only."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._receipts: dict[str, list[News]] = {}
        self._by_key: dict[str, News] = {}
        self._answers: dict[News, float] = {}
        self._told: dict[str, float] = {}
        self._offsets: dict[str, int] = {}
        self._file: int | None = None
        self._opened = 0.0
        self._name = ""
        self._started = time.monotonic()
        self._lock = asyncio.Lock()

    async def keep(self, news: Sequence[News]) -> None:
        """Durable when it returns; OSError where the disk will not."""
        if self._folder is not None:
            lines = "".join(f"{one.line()}\n" for one in news).encode()
            async with self._lock:
                await asyncio.to_thread(self._write, self._folder, lines)
        for one in news:
            self._learn(one)

    async def refresh(self) -> None:
        """Read what other processes wrote since; forget what is settled."""
        if self._folder is not None:
            async with self._lock:
                lines = await asyncio.to_thread(self._read_others, self._folder)
            for line in lines:
                if one := read_line(line):
                    self._learn(one)
        self._forget()

    def of(self, parts: Sequence[str]) -> dict[str, list[News]]:
        """Receipts of these canonical ids, by id; they are remembered as told. Told again as long as they are asked for."""
        now = time.monotonic()
        found = {part: self._receipts[part] for part in parts if part in self._receipts}
        self._told.update(dict.fromkeys(found, now))
        return found

    def settled(self, key: str) -> News | None:
        """The late answer to a hand-over that was in doubt."""
        return self._by_key.get(key)

    def answers(self) -> list[News]:
        """Recipients' messages. They are told again for ten minutes, or until they are `recorded`."""
        now = time.monotonic()
        for one, told in self._answers.items():
            self._answers[one] = told or now
        return list(self._answers)

    def recorded(self, answers: Iterable[News]) -> None:
        """These need not be told again."""
        for one in answers:
            self._answers.pop(one, None)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _learn(self, one: News) -> None:
        """Twice the same word of a message is one piece of news: the first one counts, so that its time stays the same."""
        if one.is_answer:
            self._answers.setdefault(one, 0.0)
        elif one.key:
            self._by_key.setdefault(one.key, one)
        elif one.id:
            some = self._receipts.setdefault(one.id, [])
            if all((other.word, other.err) != (one.word, one.err) for other in some):
                some.append(one)

    def _forget(self) -> None:
        now = time.monotonic()
        for part in [part for part, when in self._told.items() if now - when > _TOLD]:
            del self._told[part]
            self._receipts.pop(part, None)
        oldest = datetime.fromtimestamp(time.time() - KEPT, UTC).isoformat()
        self.recorded([one for one, told in self._answers.items() if told and now - told > _TOLD_ANSWER])
        if now - self._started > _SETTLED_IN:
            for part in [part for part, some in self._receipts.items() if some[-1].at < oldest]:
                del self._receipts[part]
            self._by_key = {key: one for key, one in self._by_key.items() if one.at >= oldest}

    def _write(self, folder: Path, lines: bytes) -> None:
        now = time.time()
        if self._file is None or now - self._opened > _FILE:
            self._open(folder, now)
        assert self._file is not None
        view = memoryview(lines)
        while view:
            view = view[os.write(self._file, view) :]
        os.fsync(self._file)

    def _open(self, folder: Path, now: float) -> None:
        self.close()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._name = f"{int(now)}-{os.getpid()}-{os.urandom(4).hex()}{_SUFFIX}"
        self._file = os.open(folder / self._name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
        self._offsets[self._name] = -1  # our own: known already
        self._opened = now
        above = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(above)
        finally:
            os.close(above)

    def _read_others(self, folder: Path) -> list[str]:
        found: list[str] = []
        now = time.time()
        throw_away = time.monotonic() - self._started > _SETTLED_IN
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            try:
                if throw_away and now - path.stat().st_mtime > KEPT:
                    path.unlink()
                    self._offsets.pop(path.name, None)
                elif self._offsets.get(path.name, 0) >= 0:
                    found += self._read(path)
            except FileNotFoundError:  # another process threw it away
                continue
        return found

    def _read(self, path: Path) -> list[str]:
        """Whole lines only: the last one may still be on its way."""
        with path.open("rb") as file:
            file.seek(self._offsets.get(path.name, 0))
            content = file.read()
        whole = content.rfind(b"\n") + 1
        self._offsets[path.name] = self._offsets.get(path.name, 0) + whole
        return content[:whole].decode("ascii", "replace").splitlines()
