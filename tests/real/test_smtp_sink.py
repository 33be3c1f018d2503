"""The carrier against Postfix's smtp-sink: every mail once, and its ways of saying no or hanging up."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from postoffice.channels.email.pool import Relay
from postoffice.channels.email.smtp import SmtpCarrier
from postoffice.model.channel import Channel
from postoffice.model.errors import InDoubt, Refused, TryLater
from tests.channels.fakes import ListLog, make_piece
from tests.real.rspamd import free_port
from tests.servers import open_to_all, wait_for

pytestmark = pytest.mark.real


@contextmanager
def sink(*options: str) -> Iterator[int]:
    """Its port."""
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("smtp-sink is not installed")
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, *user, *options, f"127.0.0.1:{port}", "128"], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port), what="smtp-sink")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


async def send(port: int, count: int, seconds: float = 3.0) -> list[Any]:
    relay = Relay("127.0.0.1", port, "none", seconds=seconds, connections=10, mails_per_connection=40)
    carrier = SmtpCarrier("sink", relay, ListLog(), longest=seconds + 2.0)
    pieces = [make_piece(Channel.EMAIL, text=f"Bonjour.\n.\n..{number}\n") for number in range(count)]
    try:
        return await asyncio.gather(*(carrier.send(piece) for piece in pieces), return_exceptions=True)
    finally:
        await carrier.close()


async def test_every_mail_arrives_once(tmp_path: Path) -> None:
    open_to_all(tmp_path)
    with sink("-D", str(tmp_path / "all")) as port:
        answers = await send(port, 400, seconds=40.0)
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    taken = re.findall(r"^Message-ID: <(\w+)@", (tmp_path / "all").read_text(), re.MULTILINE)
    assert sorted(taken) == sorted(answer.key for answer in answers)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (("-r", "rcpt"), TryLater),
        (("-f", "rcpt"), Refused),
        (("-r", "mail"), TryLater),
        (("-f", "."), Refused),
        (("-r", "."), TryLater),
        (("-q", "data"), TryLater),
        (("-q", "."), InDoubt),
    ],
    ids=str,
)
async def test_its_ways_of_saying_no(options: tuple[str, ...], kind: type[Exception]) -> None:
    with sink(*options) as port:
        said = {type(answer) for answer in await send(port, 6)}
    if kind is InDoubt:  # now and then this sink hangs up on a mail before its end, too: then it does not have it
        said -= {TryLater}
    assert said == {kind}
