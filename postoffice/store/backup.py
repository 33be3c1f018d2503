"""A backup of a running office, and its way back.

    FOLDER/documents/<organisation>/<2 digits>/<sha256>   sealed as in the office; shared by all backups, never changed
    FOLDER/<moment>/office.db | office.dump               the database at that moment
    FOLDER/<moment>/documents.txt                         a line per document: SHA-256 of the sealed file, size, path
    FOLDER/<moment>/files/...                             what else the office keeps: carriers' journals, keys if asked for
    FOLDER/<moment>/manifest.json                         SHA-256 and size of all that; written last

A document's file is there before its row and is never changed: so the database comes first and the documents after it, and every
row of the copy has its file. Work is done in `<moment>.part`, which gets its name when all of it is on disk: a backup that broke
off is no backup, and what it had copied of documents serves the next one.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from postoffice.model.errors import NotFound, PostOfficeError

FORMAT = 1
MANIFEST = "manifest.json"
LIST = "documents.txt"
PART = ".part"
_PIECE = 1 << 20
_LINE = re.compile(r"([0-9a-f]{64}) (\d+) (\w{26}/[0-9a-f]{2}/[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup holds. `fresh`: documents that were not in the backup before."""

    folder: Path
    documents: int
    fresh: int
    bytes: int


def write(
    root: Path,
    data: Path,
    now: datetime,
    dump: Callable[[Path], Mapping[str, Any]],
    *,
    extra: Mapping[str, Path],
    facts: Mapping[str, Any],
    link: bool = True,
    source: "Source | None" = None,
) -> Copied:
    """Make a backup of the office in `data` under `root`. `source`: where its documents are; its folder where None.

    `dump(folder)` writes the database there and tells of it, with the file's name as "file". `extra`: path in the backup -> file or
    folder, of those that exist. `link`: documents by hard link where the file system can. Blocking; call it in a thread.
    """
    _make(root)
    with _alone(root):
        for left in root.glob(f"*Z{PART}"):
            shutil.rmtree(left)
        name = f"{now:%Y%m%dT%H%M%S}Z"
        part = root / f"{name}{PART}"
        if (root / name).exists():
            raise PostOfficeError("backup-exists", "There is a backup of this very second.", help="Try again.")
        part.mkdir(mode=0o700)
        try:
            database = dict(dump(part))
            for path, kept in extra.items():
                if kept.exists():
                    _copy_tree(kept, part / "files" / path)
            known = _latest_list(root)
            count, fresh, size = _documents(source or Folder(data / "documents"), root / "documents", part / LIST, known, link=link)
            manifest = {"format": FORMAT, "made_at": now.isoformat(), **facts, "database": database}
            manifest["documents"] = {"count": count, "bytes": size}
            manifest["files"] = {str(path.relative_to(part)): _described(path) for path in _all_files(part)}
            _write_whole(part / MANIFEST, json.dumps(manifest, indent=1).encode())
            _sync_tree(part)
            part.rename(root / name)
            sync_folder(root)
        except OSError as error:
            raise _not_written(error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)  # there is none any more where all went well
    return Copied(root / name, count, fresh, size)


def _not_written(error: OSError) -> PostOfficeError:
    return PostOfficeError(
        "backup-not-written",
        f"The backup could not be written: {error.strerror or type(error).__name__}. The earlier ones are as they were.",
        help="See that the folder can be written and has room, then try again.",
    )


def valid(root: Path) -> list[Path]:
    """The finished backups under `root`, oldest first."""
    return sorted(path.parent for path in root.glob(f"*Z/{MANIFEST}"))


def chosen(root: Path, which: str = "") -> tuple[Path, dict[str, Any]]:
    """A backup (the newest where `which` is empty) and its manifest. NotFound: there is none; PostOfficeError: of a later version."""
    found = valid(root)
    if which:
        found = [one for one in found if one.name == which]
    if not found:
        raise NotFound(
            "no-backup", f"There is no finished backup in {root}.", help="A backup that broke off ends in .part: make another."
        )
    manifest: dict[str, Any] = json.loads((found[-1] / MANIFEST).read_bytes())
    if manifest.get("format") != FORMAT:
        raise PostOfficeError("backup-format", "This backup was made by a later version.", help="Restore it with that version.")
    return found[-1], manifest


def check_files(backup: Path, manifest: Mapping[str, Any]) -> None:
    """PostOfficeError names the first file of the backup itself that is missing or not what was written."""
    for path, described in manifest["files"].items():
        place = backup / path
        if not place.is_file() or _described(place) != described:
            raise damaged(str(path))


def take_documents(root: Path, backup: Path, target: Path) -> int:
    """Copy each document of a backup to `target`, reading every byte: PostOfficeError where one is not what was written. How many."""
    number, folder = 0, None
    for digest, size, path in _lines(backup / LIST):
        place = target / path
        if place.parent != folder:
            if folder is not None:
                sync_folder(folder)
            folder = place.parent
            _make(folder)
        source = root / "documents" / path
        if not source.is_file() or _copy(source, place) != (digest, size):
            raise damaged(path)
        number += 1
    if folder is not None:
        _sync_tree(target, files=False)
    return number


def damaged(path: str) -> PostOfficeError:
    """What is said of a backup whose bytes are not those that were written."""
    return PostOfficeError(
        "backup-damaged",
        f"The backup is damaged: {path} is missing or is not what was written. Nothing was restored.",
        help="Restore an earlier one with --which, or another copy of this one.",
    )


def _documents(
    source: "Source", target: Path, list_path: Path, known: Iterator[tuple[str, int, str]], *, link: bool
) -> tuple[int, int, int]:
    """Bring the new documents over, and write the list; both walks are in one order, so that memory stays flat."""
    count = fresh = total = 0
    before = next(known, None)
    folder = None
    with open(list_path, "w", opener=_private) as lines:
        for path in source.walk():
            while before is not None and before[2] < path:
                before = next(known, None)
            place = target / path
            if place.parent != folder:
                if folder is not None:
                    sync_folder(folder)
                folder = place.parent
                _make(folder)
            there = place.exists()
            if not there:
                try:
                    source.bring(path, place, link=link)
                except (FileNotFoundError, NotFound):  # its time was over since it was listed: the office keeps it no longer
                    continue
                fresh += 1
            size = place.stat().st_size
            digest = before[0] if there and before is not None and before[1:] == (size, path) else file_digest(place)
            lines.write(f"{digest} {size} {path}\n")
            count, total = count + 1, total + size
        lines.flush()
        os.fsync(lines.fileno())
    _sync_tree(target, files=False)
    return count, fresh, total


class Source(Protocol):
    """Where sealed documents are copied from."""

    def walk(self) -> Iterator[str]:
        """Their paths, sorted: `<organisation>/<2 digits>/<sha256>`."""
        ...

    def bring(self, path: str, place: Path, *, link: bool) -> None:
        """One of them to a file that is not there yet: whole, synced, private. `link`: a hard link will do.

        FileNotFoundError, NotFound: it is gone.
        """
        ...


class Folder:
    """See Source; the documents' folder of an office. What is unfinished or plain is none of them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def walk(self) -> Iterator[str]:
        """See Source."""
        for organisation in sorted(name for name in _names(self._root) if len(name) == 26):
            for two in sorted(_names(self._root / organisation)):
                for name in sorted(_names(self._root / organisation / two)):
                    if len(name) == 64:
                        yield f"{organisation}/{two}/{name}"

    def bring(self, path: str, place: Path, *, link: bool) -> None:
        """See Source."""
        if link:
            try:
                os.link(self._root / path, place)
            except OSError as error:  # another file system, or one without links
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES):
                    raise
            else:
                return
        part = place.with_name(place.name + PART)
        _copy(self._root / path, part)
        part.rename(place)


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def _latest_list(root: Path) -> Iterator[tuple[str, int, str]]:
    made = valid(root)
    return _lines(made[-1] / LIST) if made else iter(())


def _lines(path: Path) -> Iterator[tuple[str, int, str]]:
    with open(path) as lines:
        for line in lines:
            found = _LINE.fullmatch(line.rstrip("\n"))
            if found is None:  # never follow a path out of the folder
                raise damaged(LIST)
            yield found[1], int(found[2]), found[3]


def _copy_tree(source: Path, target: Path) -> None:
    _make(target.parent)
    if source.is_dir():
        target.mkdir(mode=0o700, exist_ok=True)
        for entry in sorted(source.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # a journal's own unfinished file may be gone by now
                _copy_tree(entry, target / entry.name)
    else:
        _copy(source, target)


def copy_tree(source: Path, target: Path) -> None:
    """A file, or a folder with all that is in it, synced; private to us."""
    if source.exists():
        _copy_tree(source, target)
        if target.is_dir():
            _sync_tree(target, files=False)
        sync_folder(target.parent)


def _copy(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file, synced, private; (SHA-256, size) of what was read."""
    digest, size = hashlib.sha256(), 0
    with open(source, "rb") as reading, open(target, "wb", opener=_private) as writing:
        while piece := reading.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            writing.write(piece)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest(), size


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _described(path: Path) -> dict[str, Any]:
    return {"sha256": file_digest(path), "size": path.stat().st_size}


def _all_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + PART)
    with open(part, "wb", opener=_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _sync_tree(folder: Path, *, files: bool = True) -> None:
    """Sync what a rename or a link needs to last: each folder, and with `files` each file."""
    for place, _, names in os.walk(folder):
        for name in names if files else ():
            _sync(Path(place) / name)
        sync_folder(Path(place))


def sync_folder(folder: Path) -> None:
    """What was renamed into a folder stays there after a power cut."""
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make(folder: Path) -> None:
    """A folder with those above it, for us alone (`parents=True` would leave those above to the umask)."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Two backups into one folder at once would sweep each other's work away."""
    with open(root / ".lock", "w", opener=_private) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PostOfficeError("backup-running", "A backup is being made there.", help="Wait until it ends.") from None
        yield
