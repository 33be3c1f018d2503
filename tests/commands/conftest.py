"""The office of tests/commands/office.py, made once and copied for each test: making it costs more than most tests."""

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from postoffice.settings import Settings
from tests.commands.office import Lying, lying


@pytest.fixture(scope="session")
def made_office(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Lying:
    folder = tmp_path_factory.mktemp("made")
    with ThreadPoolExecutor(1) as threads:  # the loop of the test is running already
        return threads.submit(lambda: asyncio.run(lying(folder / "data", migrated_file))).result()


@pytest.fixture
def office(made_office: Lying, tmp_path: Path) -> Lying:
    data = tmp_path / "data"
    shutil.copytree(made_office.settings.data, data)
    known = Settings(data=data, redis_url=f"unix://{data}/nobody.sock", min_free_megabytes=1, child_processes=1)
    return replace(made_office, settings=known)
