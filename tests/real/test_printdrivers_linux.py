"""Linux, for real: install.sh makes a CUPS queue to the project's own printer, a print arrives as PDF, the agent opens its page."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pikepdf
import pytest
from aiohttp import web

from postoffice.model.states import MailingState
from tests.intake.ipp.fakes import CARD, TOKEN, Office
from tests.papers.merge import make_merge
from tests.real.cups import PRINTDRIVERS, Cups
from tests.servers import free_port, program

pytestmark = [pytest.mark.real]


class PrintingOffice(Office):
    """The printer in memory, served on ipp and ipps, with the agents' door beside it."""

    def __init__(self, folder: Path) -> None:
        self.port, self.tls_port = free_port(), free_port()
        super().__init__(folder)
        self.app.router.add_get("/agent/next", self.next)

    @property
    def desk(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def uri(self) -> str:
        return f"ipp://localhost:{self.port}/ipp/print/{TOKEN}"

    @property
    def ipps_uri(self) -> str:
        return f"ipps://localhost:{self.tls_port}/ipp/print/{TOKEN}"

    async def next(self, request: web.Request) -> web.Response:
        """What the desk does for agents: the pages of jobs that came in after the cursor."""
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized
        seen = int(request.query.get("after", len(self.received)))
        for _ in range(int(float(request.query["wait"]) * 20)):
            if len(self.received) > seen or "after" not in request.query:
                break
            await asyncio.sleep(0.05)
        pages = [{"url": f"{self.desk}/m/{one.id}", "name": one.name} for one in self.received[seen:]]
        return web.json_response({"cursor": str(len(self.received)), "pages": pages})

    @property
    def received(self) -> list:
        """Mailings whose bytes are here."""
        return [one for one in self.mailings if one.state is MailingState.RECEIVED]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Self-signed, as an embedded office has it."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@pytest.fixture
async def office(tmp_path: Path, certificate: ssl.SSLContext) -> AsyncIterator[PrintingOffice]:
    folder = tmp_path / "documents"
    folder.mkdir()
    office = PrintingOffice(folder)
    runner = web.AppRunner(office.app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "localhost", office.port).start()
    await web.TCPSite(runner, "localhost", office.tls_port, ssl_context=certificate).start()
    yield office
    await runner.cleanup()


@pytest.fixture(scope="module")
def cups() -> Iterator[Cups]:
    with Cups() as cups:
        yield cups


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_merge(tmp_path_factory.mktemp("letters"), 5, engine="weasyprint")[0]


def pages(path: Path) -> int:
    with pikepdf.open(path) as pdf:
        return len(pdf.pages)


async def until(condition: Callable[[], bool], what: Callable[[], str], seconds: float = 30) -> None:
    """Wait without stopping the office, which runs in this same loop."""
    for _ in range(int(seconds * 20)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"did not come true within {seconds} s: {what()}")


@pytest.mark.parametrize("scheme", ["ipp", "ipps"])
async def test_a_printed_merge_arrives_as_pdf(office: PrintingOffice, cups: Cups, letters: Path, scheme: str) -> None:
    uri = office.uri if scheme == "ipp" else office.ipps_uri
    made = await asyncio.to_thread(cups.add_queue, "Letters", uri)
    assert TOKEN not in made.stdout + made.stderr
    assert "Letters" in cups.queues()
    job = await asyncio.to_thread(cups.print_file, "Letters", letters, "Rappel d’échéance")
    await asyncio.to_thread(cups.wait_printed, "Letters", job)
    (mailing,) = office.received
    assert mailing.name == "Rappel d’échéance"
    assert mailing.media_type == "application/pdf"
    assert mailing.original
    assert pages(office.documents.folder / mailing.original) == pages(letters)


async def test_a_job_printed_right_after_the_installation_is_a_pdf_too(office: PrintingOffice, cups: Cups, letters: Path) -> None:
    for number in range(3):
        name = f"Fresh{number}"
        await asyncio.to_thread(cups.add_queue, name, office.uri)
        await asyncio.to_thread(cups.print_file, name, letters, name)
    await until(lambda: len(office.received) == 3, cups.log)
    assert {one.media_type for one in office.received} == {"application/pdf"}


async def test_installing_again_changes_the_address_and_removing_twice_is_no_error(office: PrintingOffice, cups: Cups) -> None:
    office.book.printers["another-token"] = CARD
    await asyncio.to_thread(cups.add_queue, "Again", office.uri)
    await asyncio.to_thread(cups.add_queue, "Again", office.uri.replace(TOKEN, "another-token"), "--no-agent", "--default")
    assert "another-token" in (await asyncio.to_thread(cups.run, "lpstat", "-v", "Again")).stdout
    assert "Again" in (await asyncio.to_thread(cups.run, "lpstat", "-d")).stdout
    for _ in range(2):
        await asyncio.to_thread(cups.remove_queue, "Again")
    assert "Again" not in cups.queues()


async def test_refusals_of_the_installer(office: PrintingOffice, cups: Cups) -> None:
    unknown = await asyncio.to_thread(cups.add_queue, "No", office.uri.replace(TOKEN, "revoked"), check=False)
    nobody = await asyncio.to_thread(cups.add_queue, "No", f"ipp://localhost:{free_port()}/ipp/print/{TOKEN}", check=False)
    assert (unknown.returncode, nobody.returncode) == (1, 1)
    assert "token may be revoked" in unknown.stderr
    assert "Nothing answers" in nobody.stderr
    assert "No" not in cups.queues()
    await asyncio.to_thread(cups.run, "lpadmin", "-p", "Other", "-E", "-v", f"ipp://localhost:{office.port}/printers/x")
    other = await asyncio.to_thread(cups.add_queue, "Other", office.uri, check=False)
    assert other.returncode == 1
    assert "leads elsewhere" in other.stderr
    kept = await asyncio.to_thread(cups.run, PRINTDRIVERS / "linux/remove.sh", "--name", "Other", check=False)
    assert kept.returncode == 1
    assert "Other" in cups.queues()


async def test_cups_that_does_not_run_is_told(cups: Cups, office: PrintingOffice) -> None:
    environment = cups.environment | {"CUPS_SERVER": f"127.0.0.1:{free_port()}"}
    install = PRINTDRIVERS / "linux/install.sh"
    process = await asyncio.create_subprocess_exec(install, office.uri, env=environment, stderr=subprocess.PIPE)
    _, words = await process.communicate()
    assert process.returncode == 1
    assert b"CUPS does not run" in words


async def test_an_office_that_was_away_gets_the_job_later(tmp_path: Path, office: PrintingOffice, cups: Cups, letters: Path) -> None:
    await asyncio.to_thread(cups.add_queue, "Patient", office.uri)
    office.change_card(accepting=False)
    await asyncio.to_thread(cups.print_file, "Patient", letters, "later")
    await asyncio.sleep(1)
    assert office.received == []
    office.change_card(accepting=True)
    await until(lambda: len(office.received) == 1, cups.log, seconds=40)


async def test_the_page_opens_after_printing(tmp_path: Path, office: PrintingOffice, cups: Cups, letters: Path) -> None:
    """The whole of what a user gets from one command: queue and agent installed, job printed, page opened once."""
    # the home is cupsd's folder's; no systemd for this user, so the installer leaves the start to the desktop
    made = await asyncio.to_thread(cups.add_queue, "Whole", office.uri, "--agent-only")
    assert made.returncode == 0
    await asyncio.to_thread(cups.add_queue, "Whole", office.uri, "--no-agent")
    home = Path(cups.environment["HOME"])
    assert json.loads((home / ".config/postoffice/agent-Whole.json").read_text())["desk"] == office.desk
    record = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >>"{record}"\n')
    browser.chmod(0o755)
    program_path = home / ".local/share/postoffice/agent.py"
    environment = cups.environment | {"BROWSER_COMMAND": str(browser)}
    agent = await asyncio.create_subprocess_exec(sys.executable, program_path, "--printer", "Whole", "--wait", "2", env=environment)
    try:
        state = home / ".local/state/postoffice/agent-Whole.json"
        await until(state.exists, lambda: "the agent asked")
        for printed, title in enumerate(("first", "second"), 1):
            await asyncio.to_thread(cups.print_file, "Whole", letters, title)
            await until(lambda: record.exists() and len(record.read_text().splitlines()) == printed, cups.log)  # noqa: B023
        assert record.read_text().splitlines() == [f"{office.desk}/m/{one.id}" for one in office.received]
    finally:
        agent.terminate()
        await agent.wait()
    await asyncio.to_thread(cups.remove_queue, "Whole")
    assert not program_path.exists()
    assert os.listdir(home / ".local/state/postoffice") == []
