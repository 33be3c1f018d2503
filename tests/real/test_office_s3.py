"""An office whose documents are in an S3 store: doctor, verify, backup and restore know it, and so does one that moves there."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.__main__ import main
from postoffice.commands.backup import make
from postoffice.commands.checkup.line import Verdict
from postoffice.commands.checkup.servers import store_lines
from postoffice.commands.migrate import bring_over
from postoffice.commands.restore import restore
from postoffice.commands.verify import look
from postoffice.settings import Settings
from postoffice.store import schema as tables
from postoffice.store.documents_s3 import Store, path_of
from postoffice.store.verify import summary
from postoffice.wiring import documents_place
from tests.commands.office import Lying, lying
from tests.real.s3 import KEY, SECRET, Server, s3_server

pytestmark = [pytest.mark.real, pytest.mark.slow]


def _given(server: Server, folder: str) -> dict[str, str]:
    url = server.url.replace("/letters", f"/{folder}")
    return {"documents_url": url, "documents_key": KEY, "documents_secret": SECRET}


async def _paths(settings: Settings) -> list[str]:
    place = documents_place(settings)
    assert place
    store = Store(place)
    found = [path async for path, _, _ in store.names()]
    await store.close()
    return found


async def _remove(settings: Settings, path: str) -> None:
    place = documents_place(settings)
    assert place
    store = Store(place)
    await store.remove(path)
    await store.close()


async def test_the_verbs_that_look_after_an_office(tmp_path: Path, migrated_file: Path) -> None:
    with s3_server() as server:
        office = await lying(tmp_path / "data", migrated_file, more_documents=4, **_given(server, "one"))
        settings = office.settings
        assert not list((settings.data / "documents").glob("?" * 26)), "no document on this disk"
        in_store = await _paths(settings)
        assert in_store
        (line,) = await store_lines(settings)
        assert line.verdict is Verdict.OK and await _paths(settings) == in_store, "nothing of the probe stays"
        assert summary(await look(settings, deep=True)) == {"faults": 0, "untidy": 0}

        first = await make(settings, tmp_path / "kept")
        again = await make(settings, tmp_path / "kept2", link=False)
        assert first.documents == len(in_store) == first.fresh == again.fresh
        back = Settings(data=tmp_path / "back", redis_url="unix:///nobody", master_key=settings.key.hex(), **_given(server, "two"))
        name, number = restore_in_thread(back, tmp_path / "kept")
        assert (name, number) == (first.folder.name, len(in_store)) and await _paths(back) == in_store
        assert summary(await look(back, deep=True)) == {"faults": 0, "untidy": 0}
        there = Lying(back, office.organisation_id, office.mailing_id, office.documents)
        assert await there.rows(tables.documents.select()) == await office.rows(tables.documents.select())

        await _remove(back, in_store[0])
        faults = {one.word: one.faults for one in await look(back, deep=True) if one.faults}
        assert faults == {"documents": 1}, faults
        server.stop()
        (line,) = await store_lines(settings)
        assert line.verdict is Verdict.BAD and line.todo


def restore_in_thread(settings: Settings, folder: Path) -> tuple[str, int]:
    """`restore` runs a loop of its own."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(restore, settings, folder).result()


async def test_an_office_that_moves_to_a_store(tmp_path: Path, migrated_file: Path) -> None:
    with s3_server() as server:
        office = await lying(tmp_path / "data", migrated_file, more_documents=2)
        moved = office.settings.model_copy(update=_given(server, "moved"))
        (line,) = await store_lines(moved)
        assert line.verdict is Verdict.WARN and "migrate" in line.todo
        assert summary(await look(moved, deep=True))["faults"] == 0, "readable here before it is brought over"
        place = documents_place(moved)
        assert place
        number = await bring_over(moved, place, moved.data / "documents")
        rows = await office.rows(sa.select(tables.documents).where(tables.documents.c.content.is_(None)))
        assert number == len(rows) == len(await _paths(moved))
        assert {path_of(row.organisation_id, row.sha256) for row in rows} == set(await _paths(moved))
        assert summary(await look(moved, deep=True)) == {"faults": 0, "untidy": 0}
        (line,) = await store_lines(moved)
        assert line.verdict is Verdict.OK


def test_a_wrong_address_is_told_by_every_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str], migrated_file: Path) -> None:
    (tmp_path / "office.db").write_bytes(migrated_file.read_bytes())
    (tmp_path / "office.env").write_text("POSTOFFICE_DOCUMENTS_URL=s3://post\nPOSTOFFICE_DOCUMENTS_KEY=key\n")
    for words in (["verify"], ["backup", str(tmp_path / "kept")]):
        assert main([*words, "--data", str(tmp_path)]) == 2
        assert "no keys" in capsys.readouterr().err
