"""A document whose time is over goes while a backup is made: the backup is made, without it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from postoffice.store import backup

ORGANISATION = "0" * 26


class Going(backup.Folder):
    """The documents' folder, of which one goes as soon as it was listed."""

    def __init__(self, root: Path, goes: str) -> None:
        super().__init__(root)
        self._at, self._goes = root, goes

    def bring(self, path: str, place: Path, *, link: bool) -> None:
        """See Source."""
        if path.endswith(self._goes):
            (self._at / path).unlink()
        super().bring(path, place, link=link)


def test_a_document_that_goes_meanwhile_breaks_no_backup(tmp_path: Path) -> None:
    names = [digit * 64 for digit in "abc"]
    for name in names:
        place = tmp_path / "data" / "documents" / ORGANISATION / name[:2] / name
        place.parent.mkdir(parents=True)
        place.write_bytes(name.encode())

    def dump(folder: Path) -> Mapping[str, Any]:
        (folder / "office.db").write_bytes(b"rows")
        return {"kind": "sqlite", "file": "office.db"}

    for number, link in enumerate((True, False)):
        source = Going(tmp_path / "data" / "documents", names[number])
        now = datetime(2026, 11, 23, 9, 0, number, tzinfo=UTC)
        made = backup.write(tmp_path / f"kept-{link}", tmp_path / "data", now, dump, extra={}, facts={}, link=link, source=source)
        assert made.documents == 2 - number
        taken = tmp_path / f"back-{link}"
        assert backup.take_documents(tmp_path / f"kept-{link}", made.folder, taken) == 2 - number
