"""`postoffice try`: print a merge through the office's printer, choose, send to the sandbox, follow; a table of counts and seconds."""

import argparse
import asyncio
import json
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from postoffice.commands.common import add_data, open_rows, settings_of
from postoffice.commands.printer import uri_of
from postoffice.compose.trial import trial_letters
from postoffice.intake.ipp import codec
from postoffice.intake.ipp.values import Group, Message, attribute
from postoffice.intake.ipp.words import Operation, Tag
from postoffice.model.errors import PostOfficeError
from postoffice.model.people import Role
from postoffice.model.states import MailingState
from postoffice.settings import Settings
from postoffice.store import mailings, people, printers

PRINTER = "Trial (sandbox)"
QUEUE = "postoffice-try"
PATIENCE = 600.0  # seconds for any one stage


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("try", help="walk the whole road with generated letters, to the sandbox")
    parser.add_argument("--letters", type=int, default=500, help="how many letters (default 500)")
    parser.add_argument(
        "--seed", type=int, help="the same letters for the same number (default: others each time, lest they be held as doubles)"
    )
    parser.add_argument(
        "--through", choices=["auto", "cups", "ipp"], default="auto", help="print by a CUPS queue where one runs, or directly"
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Walk the road; exit status 0 where every letter was delivered."""
    if not 1 <= arguments.letters <= 20_000:
        raise PostOfficeError("letters", "A trial has 1 to 20,000 letters.", help="postoffice try --letters 500")
    result = asyncio.run(_try(settings_of(arguments), arguments))
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        _table(result)
    return 0 if result["counts"].get("delivered") == arguments.letters else 1


async def _try(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    printer_id, token, secret = await _prepare(settings)
    stages: dict[str, float] = {}
    watch = _Watch(stages)
    content = trial_letters(arguments.letters, secrets.randbelow(10**9) if arguments.seed is None else arguments.seed)
    watch.lap("generate")
    uri = uri_of(settings, token)
    through = "cups" if arguments.through == "cups" or (arguments.through == "auto" and cups_runs()) else "ipp"
    if through == "cups":
        queue = await asyncio.to_thread(_add_queue, uri)
        watch.lap("queue set-up")
    since = datetime.now(UTC)
    watch.begin()
    try:
        if through == "cups":
            await asyncio.to_thread(_print_with_cups, queue, content)
        else:
            await _print_with_ipp(uri, content)
        mailing_id = await _arrived(settings, printer_id, since)
        watch.lap("print")
    finally:
        if through == "cups":
            await asyncio.to_thread(
                subprocess.run, [shutil.which("lpadmin") or "lpadmin", "-x", QUEUE], check=False, capture_output=True
            )
    async with aiohttp.ClientSession(settings.url, headers={"Authorization": f"Bearer {secret}"}) as api:
        path = f"/api/v1/mailings/{mailing_id}"
        mailing = await _until(api, path, lambda found: found["state"] in ("waiting", "failed"))
        if mailing["state"] == "failed":
            raise PostOfficeError("trial-unread", "The office could not read the trial letters.", help=str(mailing["error"]))
        watch.lap("read")
        await _call(api, "POST", f"{path}/send", {"options": {"channel": "post", "purpose": "service"}})
        handed = ("handed_over", "in_production", "mailed", "delivered", "failed", "returned")
        await _until(api, path, lambda found: _sum(found, handed) == arguments.letters)
        watch.lap("hand over")
        ended = ("delivered", "failed", "returned", "held", "cancelled")
        mailing = await _until(api, path, lambda found: _sum(found, ended) == arguments.letters)
        watch.lap("follow")
    await _forget(settings, secret)
    return {
        "letters": arguments.letters,
        "pages": mailing["pages"],
        "items": sum(mailing["counts"].values()),
        "through": through,
        "counts": mailing["counts"],
        "seconds": {name: round(value, 2) for name, value in stages.items()},
        "page": f"{settings.url}/m/{mailing_id}",
    }


class _Watch:
    """Seconds per stage."""

    def __init__(self, stages: dict[str, float]) -> None:
        self._stages = stages
        self.begin()

    def begin(self) -> None:
        self._at = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._stages[name] = now - self._at
        self._at = now


async def _prepare(settings: Settings) -> tuple[str, str, str]:
    """A printer that stops at the sandbox, its token, and a key that stops there too."""
    now = datetime.now(UTC)
    async with open_rows(settings) as (database, keyring), database.write() as connection:
        organisation = await people.first_organisation(connection)
        if organisation is None:
            raise PostOfficeError("no-office", "There is no office yet.", help="Start one with `make up`.")
        known = [one for one in await printers.all_of(connection, organisation.id) if one.name == PRINTER and not one.live]
        if known:
            printer_id = known[0].id
        else:
            printer_id = await printers.add(
                connection,
                organisation_id=organisation.id,
                name=PRINTER,
                info="Letters of a trial; nothing leaves",
                live=False,
                now=now,
            )
        valid = [one for one in await printers.tokens(connection, printer_id) if one.revoked_at is None]
        if valid:
            token = keyring.printer_token(valid[0].id)
        else:
            printer = await printers.get(connection, printer_id)
            token = await printers.add_token(connection, keyring, printer, label="trial", now=now)
        _, secret = await people.add_api_key(
            connection, organisation_id=organisation.id, name="postoffice try", live=False, role=Role.SENDER, created_by=None, now=now
        )
    return printer_id, token, secret


async def _forget(settings: Settings, secret: str) -> None:
    async with open_rows(settings) as (database, _), database.write() as connection:
        key = await people.api_key(connection, secret)
        if key is not None:
            await people.revoke_api_key(connection, key.organisation_id, key.id, datetime.now(UTC))


async def _arrived(settings: Settings, printer_id: str, since: datetime) -> str:
    """The id of the mailing that was printed since."""
    end = time.monotonic() + PATIENCE
    async with open_rows(settings) as (database, _):
        while time.monotonic() < end:
            async with database.read() as connection:
                for mailing in await mailings.some(connection, printer_id=printer_id, limit=5):
                    if mailing.created_at >= since and mailing.state is not MailingState.RECEIVING:
                        return mailing.id
            await asyncio.sleep(0.1)
    raise PostOfficeError(
        "trial-lost", "The print job did not arrive.", help="See the log of `make up`, and `lpstat -o` where CUPS was used."
    )


async def _print_with_ipp(uri: str, content: bytes) -> None:
    """One Print-Job (RFC 8011, 4.2.1), the document streamed behind its attributes."""
    parts = urlsplit(uri)
    operation = [
        attribute("attributes-charset", Tag.CHARSET, "utf-8"),
        attribute("attributes-natural-language", Tag.LANGUAGE, "en"),
        attribute("printer-uri", Tag.URI, uri),
        attribute("requesting-user-name", Tag.NAME, "postoffice-try"),
        attribute("job-name", Tag.NAME, "Trial letters"),
        attribute("document-format", Tag.MIME, "application/pdf"),
    ]
    head = codec.encode(Message((2, 0), Operation.PRINT_JOB, 1, [Group(Tag.OPERATION, {one.name: one for one in operation})]))
    address = f"{'https' if parts.scheme == 'ipps' else 'http'}://{parts.netloc}{parts.path}"
    try:
        async with aiohttp.ClientSession() as http:
            answer = await http.post(address, data=_document(head, content), headers={"Content-Type": "application/ipp"})
            body = await answer.read()
    except aiohttp.ClientError as error:
        raise PostOfficeError(
            "not-running", f"The office does not answer at {parts.netloc}: {type(error).__name__}.", help="Start it with `make up`."
        ) from error
    message, _ = codec.decode(body) if answer.status == 200 else (None, b"")
    if message is None or message.code >= 0x0100:
        raise PostOfficeError("not-printed", f"The printer refused the job (status {message.code if message else answer.status:#x}).")


async def _document(head: bytes, content: bytes) -> AsyncIterator[bytes]:
    yield head
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


def cups_runs() -> bool:
    """Whether a CUPS scheduler answers here and we may make a queue."""
    if not shutil.which("lpadmin") or not shutil.which("lpstat"):
        return False
    told = subprocess.run(
        ["lpstat", "-r"], check=False, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    )
    return "is running" in told.stdout


def _add_queue(uri: str) -> str:
    """A driverless queue; waits until it knows its paper, since jobs sent before that come as PostScript."""
    made = subprocess.run(["lpadmin", "-p", QUEUE, "-E", "-v", uri, "-m", "everywhere"], check=False, capture_output=True, text=True)
    if made.returncode:
        raise PostOfficeError(
            "no-queue", f"CUPS did not make a queue: {made.stderr.strip()}", help="Try --through ipp, or run it as root."
        )
    for _ in range(150):
        options = subprocess.run(["lpoptions", "-p", QUEUE, "-l"], check=False, capture_output=True, text=True)
        if "PageSize" in options.stdout:
            return QUEUE
        time.sleep(0.1)
    raise PostOfficeError("no-queue", "The CUPS queue did not become ready within 15 s.", help="Try --through ipp.")


def _print_with_cups(queue: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="po-try-") as folder:
        path = Path(folder) / "letters.pdf"
        path.write_bytes(content)
        done = subprocess.run(["lp", "-d", queue, "-t", "Trial letters", str(path)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise PostOfficeError("not-printed", f"lp refused the job: {done.stderr.strip()}", help="Try --through ipp.")


async def _call(api: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> dict[str, Any]:
    try:
        answer = await api.request(method, path, json=body)
        found: dict[str, Any] = await answer.json(content_type=None)
    except aiohttp.ClientError as error:
        raise PostOfficeError(
            "not-running", f"The office does not answer: {type(error).__name__}.", help="Start it with `make up`."
        ) from error
    if answer.status >= 400:
        raise PostOfficeError("trial-refused", f"The office refused {path}: {found.get('detail')}", help=str(found.get("help") or ""))
    return found


async def _until(api: aiohttp.ClientSession, path: str, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = await _call(api, "GET", path)
        if ready(found):
            return found
        await asyncio.sleep(0.1)
    raise PostOfficeError(
        "trial-late", f"The trial did not come further within {PATIENCE:.0f} s.", help="Is a worker running? See the log of `make up`."
    )


def _sum(mailing: dict[str, Any], states: tuple[str, ...]) -> int:
    return sum(mailing["counts"].get(state, 0) for state in states)


def _table(result: dict[str, Any]) -> None:
    print(f"{result['letters']} letters, {result['pages']} pages, printed through {result['through']}: {result['items']} items")
    for name, seconds in result["seconds"].items():
        print(f"  {name:14} {seconds:8.2f} s")
    for state, count in sorted(result["counts"].items()):
        if count:
            print(f"  {state:14} {count:8}")
    print(f"See them: {result['page']}")
