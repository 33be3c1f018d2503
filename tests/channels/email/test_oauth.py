"""Signing in with access tokens (XOAUTH2), as Microsoft 365 and Google want it: at the relay and at the mailbox beside it."""

import asyncio
import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from postoffice.channels.catalogue import build
from postoffice.channels.email.smtp import SmtpCarrier
from postoffice.channels.kind import BadSetting
from postoffice.intake.imap import MailboxFailed, access_of, try_out
from postoffice.model.channel import Channel
from postoffice.model.errors import TryLater
from postoffice.model.ports import Grants
from tests.channels.email.peer import Script, scripted
from tests.channels.email.tokens import token_server
from tests.channels.fakes import ListLog, MemoryBox, make_piece

USER = "post@mairie.example"
EHLO = ("PIPELINING", "AUTH PLAIN XOAUTH2")


def carrier(relay: Script, url: str, **more: Any) -> SmtpCarrier:
    settings = {"host": "127.0.0.1", "port": relay.port, "security": "none", "username": USER, "sender": USER, "token_url": url}
    settings |= {"client_id": "app-1", "client_secret": "hush", **more}
    made = build("smtp", "office365", settings, box=MemoryBox(), log=ListLog())
    assert isinstance(made, SmtpCarrier)
    return made


def shown(relay: Script) -> list[str]:
    """The tokens that the relay was shown."""
    lines = [line.split()[2] for line in relay.commands if line.startswith("AUTH XOAUTH2")]
    return [base64.b64decode(line).decode().split("\x01")[1].removeprefix("auth=Bearer ") for line in lines]


async def test_a_relay_is_shown_a_token_and_never_a_password() -> None:
    async with token_server() as server, scripted({"AUTH": b"235 2.7.0 Welcome\r\n"}, EHLO) as relay:
        office = carrier(relay, server.url, scope="https://outlook.office365.com/.default")
        for _ in range(3):
            await office.send(make_piece(Channel.EMAIL))
        assert isinstance(office, Grants) and await office.token() == "token-1"
        await office.close()
    wanted = {"client_id": "app-1", "client_secret": "hush", "grant_type": "client_credentials"}
    assert server.forms == [{**wanted, "scope": "https://outlook.office365.com/.default"}], "one token for all mails"
    assert shown(relay) == ["token-1"] and len(relay.bodies) == 3


@pytest.mark.slow
async def test_a_refused_token_is_renewed() -> None:
    no = b"535 5.7.8 Token revoked\r\n"
    async with token_server() as server, scripted({"AUTH": [no, b"235 2.7.0 Welcome\r\n"]}, EHLO) as relay:
        office = carrier(relay, server.url, client_secret="", refresh_token="first")
        with pytest.raises(TryLater, match="does not accept"):
            await office.send(make_piece(Channel.EMAIL))
        await asyncio.sleep(2.1)  # a relay that turned us away is left alone for two seconds
        await office.send(make_piece(Channel.EMAIL))
        await office.close()
    assert shown(relay) == ["token-1", "token-2"]
    assert [form["refresh_token"] for form in server.forms] == ["first", "renewed-1"]
    assert {form["grant_type"] for form in server.forms} == {"refresh_token"}


async def test_without_a_token_nothing_is_lost() -> None:
    async with token_server() as server, scripted({}, EHLO) as relay:
        server.refuses = True
        office = carrier(relay, server.url)
        with pytest.raises(TryLater, match="no access token"):
            await office.send(make_piece(Channel.EMAIL))
        await office.close()
    assert relay.bodies == []


@pytest.mark.parametrize(
    ("field", "changed"),
    [("token_url", {"token_url": "http://login.example/token"}), ("client_id", {"client_id": ""}), ("username", {"username": ""})],
)
async def test_settings_that_cannot_work_are_named(field: str, changed: dict[str, str]) -> None:
    async with scripted({}) as relay:
        with pytest.raises(BadSetting) as wrong:
            carrier(relay, "https://login.example/token", **changed)
    assert wrong.value.facts["field"] == field


class Imap(socketserver.StreamRequestHandler):
    """As much of an IMAP server as opening a mailbox by token needs. RFC 3501, 6.2.2."""

    def handle(self) -> None:
        self.say("* OK IMAP4rev1 ready")
        while line := self.rfile.readline().decode().strip():
            tag, word, *rest = line.split()
            if word == "CAPABILITY":
                self.say("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2")
            elif word == "AUTHENTICATE" and not self.sign_in(rest):
                self.say(f"{tag} NO AUTHENTICATE failed.")
                continue
            elif word == "SELECT":
                self.say("* 3 EXISTS")
                self.say("* OK [UIDVALIDITY 7] fine")
            elif word == "LOGOUT":
                self.say("* BYE")
            self.say(f"{tag} OK done")

    def sign_in(self, words: list[str]) -> bool:
        assert words == ["XOAUTH2"]
        self.say("+ ")
        told = base64.b64decode(self.rfile.readline().strip()).decode()
        if told == f"user={USER}\x01auth=Bearer token-1\x01\x01":
            return True
        self.say("+ " + base64.b64encode(b'{"status":"400"}').decode())
        assert self.rfile.readline().strip() == b""
        return False

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def imap() -> Iterator[dict[str, Any]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Imap) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield {"host": "127.0.0.1", "port": server.server_address[1], "security": "none", "username": USER}
        server.shutdown()


def test_a_mailbox_opens_by_token() -> None:
    with imap() as settings:
        assert try_out(access_of(settings, "token-1")) == 3
        with pytest.raises(MailboxFailed) as refused:
            try_out(access_of(settings, "old"))
    assert refused.value.code == "mailbox-token"
