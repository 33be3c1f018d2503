"""Watched folders: whatever is dropped into `ROOT/PRINTER/` becomes a mailing of that printer.

A file is taken once it has rested: same size and time for some seconds. Its fingerprint is written in the same transaction that
opens its mailing; then its bytes are stored; then it moves to `taken/`. Whoever dies in between leaves a file that the next
round either finishes (the mailing has its bytes: only the move is missing) or takes from the beginning (it has not).
What cannot be used moves to `refused/`, with a text beside it that says why.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from postoffice.intake.reception import Reception
from postoffice.model.errors import Conflict, OutOfRoom, PostOfficeError, TooLarge, Unreadable
from postoffice.model.mailing import Mailing, NewMailing, Source
from postoffice.model.ports import Clock, Log, PrinterCard
from postoffice.pdf.sniff import ENOUGH, sniff

TAKEN, REFUSED = "taken", "refused"
SETTLE = 3.0  #: seconds that a file must have rested
EVERY = 2.0  #: seconds between two rounds
PRINTERS_EVERY = 30.0  #: seconds between two looks at the list of printers
_PIECE = 256 * 1024
_TEMPORARY = re.compile(
    r"(?i)^(\..*|~.*|.*~|.*\.(part|partial|tmp|temp|crdownload|download|filepart|lock|swp)|thumbs\.db|desktop\.ini)$"
)


class Seen(Protocol):
    """What the folder remembers; the store implements it. Every method is one transaction."""

    async def claim(self, new: NewMailing, fingerprint: str) -> tuple[Mailing, bool]:
        """The mailing of this file, and whether it is to be filled now (fresh, state receiving).

        Not to be filled: its bytes were stored before. One opened by a process that died is replaced by a fresh one.
        """
        ...

    async def verdicts(self, mailing_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any] | None]:
        """Of these mailings, the ones that have been read: None, or the failure (code, message, help)."""
        ...


@dataclass(frozen=True, slots=True)
class _Look:
    """A file at one moment."""

    size: int
    modified: int  #: nanoseconds
    inode: int

    @staticmethod
    def at(path: Path) -> "_Look | None":
        """None for what is no plain file (links and devices are left alone), or gone."""
        try:
            found = path.lstat()
        except OSError:
            return None
        return _Look(found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


class _Changed(Exception):
    """The file changed while it was read: it was not at rest after all."""


class WatchedFolder:
    """One folder of one printer. One process watches it at a time: a second one finds it locked and waits."""

    def __init__(
        self,
        path: Path,
        printer: PrinterCard,
        reception: Reception,
        seen: Seen,
        clock: Clock,
        log: Log,
        *,
        settle: float = SETTLE,
    ) -> None:
        self.path = path
        self.printer = printer
        self._reception = reception
        self._seen = seen
        self._clock = clock
        self._log = log
        self._settle = settle
        self._looks: dict[str, tuple[_Look, float]] = {}  # name -> how it looked, and since when
        self._unread: dict[str, Path] = {}  # mailings that were taken and not yet read -> where their file lies
        self._lock: int | None = None
        self._troubled = False

    async def round(self) -> int:
        """Look once; how many files were taken. Trouble (folder away, disk full, database gone) is logged once and tried again."""
        taken, trouble = 0, ""
        try:
            names = await asyncio.to_thread(self._rested) if await asyncio.to_thread(self._prepare) else []
            await self._follow()
        except Exception as error:  # a watcher must outlive whatever its disk and database do
            names, trouble = [], type(error).__name__
        for name in names:
            try:
                taken += await self._take(self.path / name)
            except Exception as error:  # one file that cannot be read must not stop those behind it
                trouble = type(error).__name__
        if trouble and not self._troubled:
            self._log.warning("folder.trouble", printer=self.printer.id, kind=trouble)
        self._troubled = bool(trouble)
        return taken

    def close(self) -> None:
        """Let others watch."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _prepare(self) -> bool:
        for folder in (self.path, self.path / TAKEN, self.path / REFUSED):
            folder.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            handle = os.open(self.path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            except OSError:
                pass  # a network file system without locks: the set-up has to see to it that one process watches
            self._lock = handle
        return True

    def _rested(self) -> list[str]:
        """Names of files that looked the same for long enough, in the order of their names."""
        now = self._clock.now().timestamp()
        looks = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                look = None if _TEMPORARY.match(entry.name) else _Look.at(self.path / entry.name)
                if look is not None:
                    before = self._looks.get(entry.name)
                    looks[entry.name] = before if before and before[0] == look else (look, now)
        self._looks = looks
        return sorted(name for name, (_, since) in looks.items() if now - since >= self._settle)

    async def _take(self, path: Path) -> bool:
        look = self._looks.pop(path.name)[0]
        try:
            await self._reception.check_quota(self.printer, look.size)
            file, fingerprint = await asyncio.to_thread(_open, path, look)
        except (_Changed, FileNotFoundError):
            return False
        except TooLarge as error:
            await self._refuse(path, error.message, error.help)
            return False
        except (Conflict, PermissionError) as reason:  # paused, too many waiting, or not ours to read yet: it stays where it is
            self._log.info("folder.waits", printer=self.printer.id, code=getattr(reason, "code", "not-readable"))
            return False
        with file:
            return await self._bring_in(path, file, fingerprint, look)

    async def _bring_in(self, path: Path, file: BinaryIO, fingerprint: str, look: _Look) -> bool:
        kind = sniff(await asyncio.to_thread(_head, file))
        if kind is None:
            problem = _why_not(look.size)
            await self._refuse(path, problem.message, problem.help)
            return False
        mailing, ours = await self._seen.claim(self._new(path.name), fingerprint)
        if not ours:
            await self._known(path, mailing)
            return False
        try:
            await self._fill(path, file, look, mailing, kind.media_type)
        except _Changed:
            return False
        except OutOfRoom:
            raise
        except PostOfficeError as problem:
            await self._refuse(path, problem.message, problem.help)
            return False
        target = self.path / TAKEN / _taken_name(mailing, path.name)
        await asyncio.to_thread(_move, path, target)
        self._unread[mailing.id] = target
        self._log.info("folder.taken", printer=self.printer.id, mailing=mailing.id, size=look.size)
        return True

    async def _fill(self, path: Path, file: BinaryIO, look: _Look, mailing: Mailing, media_type: str) -> None:
        async with self._reception.intake(self._new(path.name), limit=self.printer.max_bytes, opened=mailing) as intake:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                await intake.write(piece)
            if _Look.at(path) != look:
                raise _Changed
            await intake.accept(media_type)

    def _new(self, name: str) -> NewMailing:
        printer = self.printer
        return NewMailing(
            organisation_id=printer.organisation_id,
            source=Source.FOLDER,
            name=name.encode("utf-8", "replace").decode(),  # file names may be any bytes
            layout=printer.layout,
            split_rule=printer.split_rule,
            options=printer.options,
            automatic=printer.automatic,
            printer_id=printer.id,
            live=printer.live,
        )

    async def _known(self, path: Path, mailing: Mailing) -> None:
        """Taken before: either only the move was missing, or somebody dropped the very same file again."""
        target = self.path / TAKEN / _taken_name(mailing, path.name)
        if target.exists():
            text = f"This very file was taken already, as mailing {mailing.number}: nothing was sent a second time."
            await self._refuse(path, text, "To send it once more, drop it under another name.")
        else:
            await asyncio.to_thread(_move, path, target)
            self._log.info("folder.move_finished", printer=self.printer.id, mailing=mailing.id)

    async def _follow(self) -> None:
        """Files whose mailing could not be read later on move from `taken/` to `refused/`."""
        if not self._unread:
            return
        for mailing_id, failure in (await self._seen.verdicts(list(self._unread))).items():
            path = self._unread.pop(mailing_id)
            if failure is not None and path.exists():
                await self._refuse(path, str(failure.get("message", "")), str(failure.get("help", "")))

    async def _refuse(self, path: Path, message: str, help: str) -> None:
        target = await asyncio.to_thread(_free, self.path / REFUSED / path.name)
        await asyncio.to_thread(target.with_name(target.name + ".txt").write_text, f"{message}\n{help}\n", encoding="utf-8")
        await asyncio.to_thread(_move, path, target)
        self._log.info("folder.refused", printer=self.printer.id)


class Folders:
    """All watched folders below `root`: one sub-folder a printer, named after it."""

    def __init__(
        self,
        root: Path,
        printers: Callable[[], Awaitable[Sequence[PrinterCard]]],
        reception: Reception,
        seen: Seen,
        clock: Clock,
        log: Log,
        *,
        settle: float = SETTLE,
    ) -> None:
        self._root = root
        self._printers = printers
        self._parts = (reception, seen, clock, log)
        self._log = log
        self._settle = settle
        self.watched: dict[str, WatchedFolder] = {}

    async def run(self, *, every: float = EVERY) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        looked = -PRINTERS_EVERY
        try:
            while True:
                if loop.time() - looked >= PRINTERS_EVERY:
                    await self.refresh()
                    looked = loop.time()
                for folder in list(self.watched.values()):
                    await folder.round()
                await asyncio.sleep(every)
        finally:
            for folder in self.watched.values():
                folder.close()

    async def refresh(self) -> None:
        """Follow the list of printers: new ones get a folder, removed ones are watched no more, others take their new settings."""
        try:
            cards = {card.id: card for card in await self._printers()}
        except Exception as error:  # the database is away: what is watched stays watched
            self._log.warning("folder.no_printers", kind=type(error).__name__)
            return
        for gone in self.watched.keys() - cards.keys():
            self.watched.pop(gone).close()
        names = {folder.path.name for folder in self.watched.values()}
        for card in cards.values():
            if card.id in self.watched:
                self.watched[card.id].printer = card
                continue
            name = folder_name(card.name)
            name = name if name not in names else f"{name}-{card.id[-6:]}"
            names.add(name)
            self.watched[card.id] = WatchedFolder(self._root / name, card, *self._parts, settle=self._settle)


def folder_name(printer_name: str) -> str:
    """A printer's name as the name of its folder."""
    return re.sub(r"[^\w-]+", "-", printer_name.lower()).strip("-_")[:60] or "printer"


def _open(path: Path, look: _Look) -> tuple[BinaryIO, str]:
    """The file, open at its beginning, and its fingerprint: name, size, time, bytes. FileNotFoundError, PermissionError, _Changed."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = os.fdopen(handle, "rb")
    try:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if _Look.at(path) != look:
            raise _Changed
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file, hashlib.sha256(f"{path.name}\0{look.size}\0{look.modified}\0{digest}".encode("utf-8", "surrogateescape")).hexdigest()


def _head(file: BinaryIO) -> bytes:
    head = file.read(ENOUGH)
    file.seek(0)
    return head


def _why_not(size: int) -> Unreadable:
    if not size:
        return Unreadable("empty", "The document is empty: it has not a single byte.", help="Export it again and drop it once more.")
    return Unreadable(
        "unknown-format",
        "This is no document that the post office can read.",
        help="Drop a PDF, PostScript, JPEG, PNG, TIFF, PWG or URF document.",
    )


def _taken_name(mailing: Mailing, name: str) -> str:
    return f"{mailing.number}-{name}"


def _free(path: Path) -> Path:
    """`path`, or the same with a number where there is such a file already."""
    candidate, number = path, 1
    while candidate.exists() or candidate.with_name(candidate.name + ".txt").exists():
        number += 1
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return candidate


def _move(source: Path, target: Path) -> None:
    with suppress(FileNotFoundError):  # its owner took it away in the meantime
        os.replace(source, target)
