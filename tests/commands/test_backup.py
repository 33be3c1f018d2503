"""`postoffice backup` and `restore`: what comes back is what was there, or nothing is changed."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.commands.backup import make
from postoffice.commands.restore import restore
from postoffice.commands.verify import look
from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.settings import Settings
from postoffice.store import backup
from postoffice.store import schema as tables
from postoffice.store.verify import summary
from tests.commands.office import Lying

pytestmark = pytest.mark.slow


def _empty(folder: Path, key: Path | None = None, **more: Any) -> Settings:
    folder.mkdir()
    if key:
        shutil.copy(key, folder / "master.key")
    return Settings(data=folder, redis_url="unix:///nobody", **more)


def _key(office: Lying) -> Path:
    return office.settings.data / "master.key"


async def test_what_comes_back_is_what_was_there(office: Lying, tmp_path: Path) -> None:
    journal = office.settings.data / "carriers" / "one" / "keys"
    journal.mkdir(parents=True)
    (journal / "a").write_text("handed over")
    made = await make(office.settings, tmp_path / "kept")
    assert (made.documents, made.fresh) == (3, 3)
    back = _empty(tmp_path / "back", _key(office))
    assert restore(back, tmp_path / "kept") == (made.folder.name, 3)
    assert summary(await look(back, deep=True)) == {"faults": 0, "untidy": 0}
    there = Lying(back, office.organisation_id, office.mailing_id, office.documents)
    for table in (tables.items, tables.deliveries, tables.events, tables.documents, tables.sandbox_box):
        assert await there.rows(table.select()) == await office.rows(table.select()), table.name
    assert (back.data / "carriers/one/keys/a").read_text() == "handed over"
    assert not (back.data / "restore.part").exists()
    assert all(path.stat().st_mode & 0o077 == 0 for path in [*back.data.rglob("*"), *made.folder.rglob("*")])


async def test_the_next_backup_takes_only_what_is_new_and_each_can_be_chosen(office: Lying, tmp_path: Path) -> None:
    first = await make(office.settings, tmp_path / "kept", link=False)
    copied = tmp_path / "kept" / "documents" / office.organisation_id / office.documents[0][:2] / office.documents[0]
    inode = copied.stat().st_ino
    assert inode != office.file(office.documents[0]).stat().st_ino
    await office.write(tables.mailings.update().values(name="changed"))
    shutil.move(first.folder, first.folder.with_name("20200101T000000Z"))  # not of the same second
    second = await make(office.settings, tmp_path / "kept")
    assert (second.documents, second.fresh) == (3, 0) and copied.stat().st_ino == inode
    assert [one.name for one in backup.valid(tmp_path / "kept")] == ["20200101T000000Z", second.folder.name]
    old = _empty(tmp_path / "old", _key(office))
    restore(old, tmp_path / "kept", "20200101T000000Z")
    there = Lying(old, office.organisation_id, office.mailing_id, office.documents)
    assert [row.name for row in await there.rows(sa.select(tables.mailings.c.name))] == ["invoices"]


async def test_documents_are_linked_where_the_disk_can(office: Lying, tmp_path: Path) -> None:
    await make(office.settings, tmp_path / "kept")
    path = tmp_path / "kept" / "documents" / office.organisation_id / office.documents[0][:2] / office.documents[0]
    assert path.samefile(office.file(office.documents[0]))


async def test_no_secret_is_in_it_unless_asked_for(office: Lying, tmp_path: Path) -> None:
    secret = _key(office).read_bytes().strip()
    made = await make(office.settings, tmp_path / "kept")
    assert all(secret not in path.read_bytes() for path in made.folder.rglob("*") if path.is_file())
    with pytest.raises(PostOfficeError, match="master key of this backup is not at hand"):
        restore(_empty(tmp_path / "keyless"), tmp_path / "kept")
    assert list((tmp_path / "keyless").iterdir()) == []
    with pytest.raises(PostOfficeError, match="not at hand"):
        restore(_empty(tmp_path / "other", master_key="11" * 32), tmp_path / "kept")
    await make(office.settings, tmp_path / "whole", with_key=True)
    back = _empty(tmp_path / "back")
    restore(back, tmp_path / "whole")
    assert (back.data / "master.key").read_bytes().strip() == secret and (back.data / "master.key").stat().st_mode & 0o077 == 0
    assert summary(await look(back, deep=True))["faults"] == 0


async def test_an_office_that_is_there_is_never_replaced(office: Lying, tmp_path: Path) -> None:
    await make(office.settings, tmp_path / "kept")
    before = (office.settings.data / "office.db").read_bytes()
    with pytest.raises(Conflict, match="holds an office already"):
        restore(office.settings, tmp_path / "kept")
    (office.settings.data / "office.db").rename(tmp_path / "aside.db")
    with pytest.raises(Conflict, match="holds documents already"):
        restore(office.settings, tmp_path / "kept")
    assert (tmp_path / "aside.db").read_bytes() == before and office.file(office.documents[0]).exists()


@pytest.mark.parametrize("what", ["database", "document", "missing", "list", "manifest"])
async def test_a_damaged_backup_restores_nothing(office: Lying, tmp_path: Path, what: str) -> None:
    made = await make(office.settings, tmp_path / "kept", link=False)
    document = tmp_path / "kept" / "documents" / office.organisation_id / office.documents[1][:2] / office.documents[1]
    match what:
        case "missing":
            document.unlink()
        case "manifest":
            (made.folder / "manifest.json").unlink()
        case _:
            path = {"database": made.folder / "office.db", "document": document, "list": made.folder / "documents.txt"}[what]
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
    back = _empty(tmp_path / "back", _key(office))
    with pytest.raises(NotFound if what == "manifest" else PostOfficeError) as caught:
        restore(back, tmp_path / "kept")
    assert caught.value.help
    assert not (back.data / "office.db").exists() and not (back.data / "documents").exists()
    if what == "missing":  # another backup brings it again, and the same restore then goes on
        shutil.rmtree(made.folder)
        await make(office.settings, tmp_path / "kept")
        assert restore(back, tmp_path / "kept")[1] == 3


async def test_a_path_out_of_the_folder_is_not_followed(office: Lying, tmp_path: Path) -> None:
    made = await make(office.settings, tmp_path / "kept")
    listed = made.folder / "documents.txt"
    listed.write_text(f"{'0' * 64} 1 ../../../etc/passwd\n")
    manifest = json.loads((made.folder / "manifest.json").read_text())
    manifest["files"]["documents.txt"] = {"sha256": backup.file_digest(listed), "size": listed.stat().st_size}
    (made.folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PostOfficeError, match="damaged"):
        restore(_empty(tmp_path / "back", _key(office)), tmp_path / "kept")


async def test_a_backup_that_cannot_be_written_says_so_and_leaves_nothing(office: Lying, tmp_path: Path) -> None:
    with pytest.raises(PostOfficeError, match="cannot be among the documents"):
        await make(office.settings, office.settings.data / "documents" / "kept")
    with pytest.raises(PostOfficeError, match="no office"):
        await make(Settings(data=tmp_path / "nothing", redis_url=""), tmp_path / "kept")
    kept = tmp_path / "full"
    kept.mkdir()
    (kept / "documents").write_text("in the way")
    with pytest.raises(PostOfficeError, match="could not be written"):
        await make(office.settings, kept)
    assert sorted(os.listdir(kept)) == [".lock", "documents"]
