"""`postoffice verify` finds each thing that does not belong together, and nothing where all does."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.__main__ import main
from postoffice.commands.verify import look, table
from postoffice.store import schema as tables
from postoffice.store.verify import summary
from tests.commands.office import Lying

pytestmark = pytest.mark.slow

STALE = time.time() - 10 * 3600


async def _faults(office: Lying, *, deep: bool = False) -> dict[str, int]:
    return {one.word: one.faults for one in await look(office.settings, deep=deep) if one.faults}


async def test_an_office_in_order_has_no_fault_and_is_not_changed(office: Lying) -> None:
    before = {path: path.stat().st_mtime_ns for path in office.settings.data.rglob("*") if path.is_file()}
    results = await look(office.settings, deep=True)
    assert summary(results) == {"faults": 0, "untidy": 0} and table(results)[-1] == "All belongs together."
    looked = {one.word: one.looked for one in results}
    assert looked["items"] == looked["handed-over"] == looked["recorded"] == 3
    assert looked["documents"] == looked["contents"] == 3 and looked["counts"] == 1
    after = {path: path.stat().st_mtime_ns for path in office.settings.data.rglob("*") if path.is_file()}
    assert {path.name for path in after if before.get(path) != after[path]} <= {"office.db-shm", "office.db-wal"}


ROWS: dict[str, Callable[[], Any]] = {
    "items": lambda: tables.items.update().where(tables.items.c.position == 1).values(state="mailed"),
    "bare-items": lambda: tables.items.update().where(tables.items.c.position == 1).values(delivery_id=None),
    "carried": lambda: tables.deliveries.update().values(state="queued"),
    "counts": lambda: tables.mailings.update().values(items=7),
    "finished": lambda: tables.items.update().values(state="queued"),
    "worked-on": lambda: tables.mailings.update().values(state="planning"),
    "handed-over": lambda: tables.sandbox_box.delete(),
    "recorded": lambda: tables.deliveries.update().values(state="failed", handed_over_at=None),
    "named": lambda: tables.mailings.update().values(kept="ab" * 32),
    "documents": lambda: tables.documents.insert().from_select(
        ["organisation_id", "sha256", "size", "media_type", "created_at"],
        sa.select(
            tables.organisations.c.id,
            sa.literal("cd" * 32),
            sa.literal(1),
            sa.literal("x"),
            tables.organisations.c.created_at,
        ),
    ),
}


@pytest.mark.parametrize("word", ROWS)
async def test_each_fault_of_rows_is_found(office: Lying, word: str) -> None:
    mailing = sa.select(tables.mailings.c.state)
    assert [row.state for row in await office.rows(mailing)] == ["finished"]
    if word == "worked-on":
        await office.write(tables.batches.update().values(state="done"))
    await office.write(ROWS[word]())
    results = await look(office.settings)
    assert word in {one.word for one in results if one.faults}
    lines = table(results)
    assert "BAD" in "\n".join(lines) and "recipient.example" not in str(results)
    wrong = sum(1 for one in results if one.faults)
    assert wrong and sum(line.strip().startswith("-> ") for line in lines) == wrong, "each fault says what to do"


async def test_each_fault_of_files_is_found(office: Lying) -> None:
    gone, cut, wrong = office.documents
    office.file(gone).unlink()
    office.file(cut).write_bytes(office.file(cut).read_bytes()[:-1])
    flipped = bytearray(office.file(wrong).read_bytes())
    flipped[-1] ^= 1
    office.file(wrong).write_bytes(flipped)
    assert await _faults(office) == {"documents": 1, "lengths": 1}
    assert await _faults(office, deep=True) == {"documents": 1, "lengths": 1, "contents": 2}


def test_the_wrong_key_opens_nothing_and_none_makes_none(office: Lying, capsys: pytest.CaptureFixture[str]) -> None:
    key = office.settings.data / "master.key"
    words = ["verify", "--deep", "--json", "--data", str(office.settings.data)]
    key.write_text("11" * 32)
    assert main(words) == 2
    key.unlink()
    assert main(words) == 2
    assert not key.exists()
    told = capsys.readouterr().out.split("\n}\n")
    for one in told[:2]:
        faults = {check["word"]: check["faults"] for check in json.loads(one + "}")["checks"]}
        assert faults.pop("contents") == 3 and not any(faults.values())


async def test_stray_and_unfinished_files_are_untidy_but_what_comes_in_now_is_not(office: Lying) -> None:
    stray = office.file("ef" * 32)
    left = office.settings.data / "documents" / "incoming" / "x.part"
    for path in (stray, left):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert await _faults(office) == {}
    for path in (stray, left):
        os.utime(path, (STALE, STALE))
    results = await look(office.settings)
    assert summary(results) == {"faults": 0, "untidy": 2}


def test_the_verb_prints_json_and_its_status(office: Lying, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["verify", "--repair-none", "--json", "--data", str(office.settings.data)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["faults"] == 0 and {"word", "about", "looked", "faults", "examples", "grave"} == set(told["checks"][0])
    assert main(["verify", "--data", str(tmp_path / "nothing")]) == 2
    assert "no office" in capsys.readouterr().err and not (tmp_path / "nothing").exists()
