"""schemathesis against the whole API: what it makes of the OpenAPI document finds no 5xx and no answer that is not described."""

import asyncio
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from postoffice.api import add_api
from postoffice.api.routes import ROUTES
from postoffice.house import HOUSE
from postoffice.model.people import Role
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.api.sending import brought_in
from tests.conftest import FixedClock
from tests.doors import Office, open_office

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(400)]
EXAMPLES = 5  # for each operation and phase
SECONDS = 60  # no more: on a busy machine fewer examples would be made in the same time
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_no_5xx_and_no_undescribed_answer(
    database: Database, documents: FileDocuments, keyring: Keyring, clock: FixedClock, organisation_id: str, tmp_path: Path
) -> None:
    if find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed (pip install -e .[dev])")
    async with open_office(database, documents, keyring, clock, organisation_id, add_api) as office:
        key = await office.key(live=False, role=Role.ADMINISTRATOR)
        mailing = await brought_in(office, key, 2)
        listed = await (await office.client.get(f"/api/v1/mailings/{mailing['id']}/items", headers=key)).json()
        app = web.Application()
        app[HOUSE] = office.house
        add_api(app)
        async with TestServer(app) as server:
            settings = tmp_path / "schemathesis.toml"
            known = {"mailing_id": mailing["id"], "item_id": listed["data"][0]["id"], **await _of_each(office, key)}
            settings.write_text("[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items()))
            code, said = await _run(settings, str(server.make_url("/api/v1")), key["Authorization"], tmp_path)
        assert code == 0, said[-6000:]
        tested = re.search(r"Tested: (\d+)\n", said)
        cases = re.search(r"(\d+) generated, (\d+) passed", said)
        assert tested and int(tested[1]) == len(ROUTES), said[-3000:]
        assert cases and int(cases[1]) == int(cases[2]) > 5 * len(ROUTES), said[-3000:]
        assert not [line for line in office.log.lines if line[0] == "error"]


async def _of_each(office: Office, key: dict[str, str]) -> dict[str, str]:
    """One contact and one webhook, so that what is asked of one is not always of nothing."""
    wanted = {
        "contact_id": ("contacts", {"name": "Anne Martin"}),
        "webhook_id": ("webhooks", {"url": "https://crm.example/hook"}),
    }
    made = {}
    for name, (path, body) in wanted.items():
        answer = await office.client.post(f"/api/v1/{path}", headers=key, json=body)
        assert answer.status in (200, 201), await answer.text()
        made[name] = (await answer.json())["id"]
    return made


async def _run(settings: Path, url: str, bearer: str, folder: Path) -> tuple[int, str]:
    words = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(settings),
        "--no-color",
        "run",
        f"{url}/openapi.json",
        "--url",
        url,
    ]
    words += ["-H", f"Authorization: {bearer}", "--checks", CHECKS, "-n", str(EXAMPLES), "--phases", "examples,coverage,fuzzing"]
    words += ["--seed", "7", "--max-time", str(SECONDS), "--no-shrink", "--suppress-health-check", "all"]
    process = await asyncio.create_subprocess_exec(
        *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 5 * SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode()
