"""Uploads made to exhaust the reader end in an error that a person understands, in bounded seconds and memory, in a child process."""

import asyncio
import os
import resource
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postoffice.compose import kept
from postoffice.compose.hidden_rows import hidden_rows
from postoffice.compose.sheet_rows import read_rows
from postoffice.model.errors import PostOfficeError
from postoffice.model.layout import LAYOUTS
from postoffice.pdf import convert
from postoffice.pdf.document import inspect
from postoffice.workshop import LARGEST_FILE, ProcessWorkshop
from tests.security import bombs

SECONDS, MEGABYTES = 8.0, 1500

pytestmark = pytest.mark.slow


@pytest.fixture
async def workshop() -> AsyncIterator[ProcessWorkshop]:
    shop = ProcessWorkshop(children=1, seconds=SECONDS, megabytes=MEGABYTES)
    await shop.run(abs, -1)
    yield shop
    await asyncio.to_thread(shop.close)


def _read_all(path: Path) -> int:
    """What happens to each document that comes in; the pages of it."""
    facts = inspect(path)
    kept.read_slice(path, 0, min(facts.pages, 40), next(iter(LAYOUTS)), ())
    return facts.pages


def _helps(told: PostOfficeError) -> None:
    """It says what to do next."""
    assert told.help


@pytest.mark.parametrize("name", list(bombs.PDFS))
async def test_a_pdf_bomb_ends_in_bounds(workshop: ProcessWorkshop, tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb.pdf"
    path.write_bytes(bombs.PDFS[name]())
    began = time.monotonic()
    try:
        pages = await workshop.run(_read_all, path)
        assert pages <= 1
    except PostOfficeError as told:
        _helps(told)
    assert time.monotonic() - began < SECONDS + 14
    assert await workshop.run(abs, -2) == 2  # the workshop lives on


@pytest.mark.parametrize("name", list(bombs.PICTURES))
async def test_a_flood_of_pixels_is_refused(workshop: ProcessWorkshop, tmp_path: Path, name: str) -> None:
    kind, make = bombs.PICTURES[name]
    source, target = tmp_path / "source", tmp_path / "target.pdf"
    source.write_bytes(make())
    began = time.monotonic()
    with pytest.raises(PostOfficeError) as told:
        await workshop.run(convert.to_pdf, source, kind, target)
    assert told.value.help
    assert time.monotonic() - began < SECONDS + 14


def _sheet(path: Path) -> list[str]:
    return [cell for row in read_rows(path)[:5] for cell in row.cells[:5]]


async def _sheet_told(workshop: ProcessWorkshop, path: Path) -> list[str]:
    """The first cells; what it says where it is refused."""
    began = time.monotonic()
    try:
        cells = await workshop.run(_sheet, path)
    except PostOfficeError as told:
        _helps(told)
        cells = [told.code]
    try:
        await workshop.run(hidden_rows, path)
    except PostOfficeError as told:
        _helps(told)
    assert time.monotonic() - began < 2 * SECONDS + 28
    return cells


@pytest.mark.parametrize("before", [bombs.XXE, bombs.LAUGHS])
@pytest.mark.parametrize("suffix", ["xlsx", "ods"])
async def test_entities_of_a_workbook_are_never_resolved(workshop: ProcessWorkshop, tmp_path: Path, before: str, suffix: str) -> None:
    path = tmp_path / f"book.{suffix}"
    if suffix == "xlsx":
        bombs.xlsx(path, '<row r="1"><c r="A1" t="str"><v>name&x;&a9;</v></c></row>', before=before)
    else:
        bombs.ods(
            path, before + bombs.ods_repeated().replace("<text:p>a", "<text:p>&x;&a9;").replace("1048576", "1").replace("16384", "1")
        )
    cells = await _sheet_told(workshop, path)
    host = Path("/etc/hostname").read_text().strip() if Path("/etc/hostname").exists() else "localhost"
    assert not any(host in cell or "hahaha" in cell for cell in cells), cells


async def test_a_zip_bomb_of_a_workbook_ends_in_an_error(workshop: ProcessWorkshop, tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    bombs.xlsx(path, "", millions=1100)
    assert path.stat().st_size < 10_000_000
    assert (await _sheet_told(workshop, path))[0] in ("unreadable-spreadsheet", "too-much-memory", "too-slow")


async def test_a_table_that_says_it_repeats_ends_in_an_error(workshop: ProcessWorkshop, tmp_path: Path) -> None:
    path = tmp_path / "book.ods"
    bombs.ods(path, bombs.ods_repeated())
    assert (await _sheet_told(workshop, path))[0] in ("unreadable-spreadsheet", "too-much-memory", "too-slow")


def _call(port: int) -> str:
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except OSError as error:
        return type(error).__name__
    return "reached"


def _limits() -> dict[str, int]:
    names = ("RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_AS")
    return {name: resource.getrlimit(getattr(resource, name))[1] for name in names}


def _secrets() -> list[str]:
    return [name for name in os.environ if name.startswith("POSTOFFICE_")]


async def test_a_child_has_limits_and_no_secrets(workshop: ProcessWorkshop, tmp_path: Path) -> None:
    limits = await workshop.run(_limits)
    assert limits["RLIMIT_CORE"] == 0
    assert limits["RLIMIT_FSIZE"] <= LARGEST_FILE
    assert limits["RLIMIT_NOFILE"] <= 512
    assert limits["RLIMIT_AS"] == MEGABYTES * 1_000_000
    assert await workshop.run(_secrets) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="without root some kernels do not permit a network of one's own")
async def test_a_child_reaches_no_network(workshop: ProcessWorkshop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        assert _call(door.getsockname()[1]) == "reached"
        assert await workshop.run(_call, door.getsockname()[1]) != "reached"


def _write(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)


async def test_a_child_fills_no_disk(workshop: ProcessWorkshop, tmp_path: Path) -> None:
    with pytest.raises(PostOfficeError) as told:
        await workshop.run(_write, tmp_path / "endless")
    assert told.value.code == "too-much-memory"
