"""Mail relays for tests: aiosmtpd with TLS and AUTH, and one that plays a script. Both run in the test's own loop."""

import asyncio
import ipaddress
import ssl
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "post", "sésame ouvre-toi"


@cache
def certificate() -> tuple[str, str]:
    """A self-signed certificate for 127.0.0.1 and localhost, and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        for name, text in zip(("cert", "key"), certificate(), strict=True):
            Path(folder, name).write_text(text)
        context.load_cert_chain(Path(folder, "cert"), Path(folder, "key"))
    return context


@dataclass
class Taken:
    """One mail as the relay got it."""

    mail_from: str
    rcpt_tos: list[str]
    content: bytes
    over_tls: bool
    user: str


@dataclass
class Relay:
    """An aiosmtpd handler that takes mail and answers magic local parts. `port` is set once it listens."""

    mails: list[Taken] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)
    port: int = 0
    server: asyncio.Server | None = None

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        local = address.partition("@")[0]
        answers = {
            "grey": "450 4.7.1 Greylisted, come back in five minutes",
            "dead": "550 5.1.1 User unknown in relay recipient table",
            "deadtext": "550 No such user here",
            "policy": "550 5.7.1 Blocked by our policy: user unknown to reputation service",
            "full": "552 5.2.2 Mailbox full",
            "gone": "421 4.3.2 Shutting down",
        }
        if local in answers:
            return answers[local]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.sessions.add(id(session))
        if envelope.rcpt_tos[0].startswith("spam@"):
            return "554 5.7.1 This is spam"
        if envelope.rcpt_tos[0].startswith("busy@"):
            return "451 4.3.0 Try again"
        content = envelope.content
        assert isinstance(content, bytes)
        user = session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else ""
        over_tls = server.transport.get_extra_info("sslcontext") is not None
        self.mails.append(Taken(envelope.mail_from or "", envelope.rcpt_tos, content, over_tls, user))
        return "250 2.0.0 Queued"

    def copies(self, key: str) -> int:
        return sum(f"Message-ID: <{key}@".encode() in mail.content for mail in self.mails)


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False, auth_data=data)


@asynccontextmanager
async def relay(security: str = "none", *, auth: bool = False, utf8: bool = False, size: int = 33_554_432) -> AsyncIterator[Relay]:
    """A relay on a free port of the loopback interface."""
    taken = Relay()
    context = server_context() if security != "none" else None

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            # it does not see that TLS is there from the first byte, and warns of AUTH without it
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(
                taken,
                hostname="relay.example",
                data_size_limit=size,
                enable_SMTPUTF8=utf8,
                tls_context=context if security == "starttls" else None,
                require_starttls=security == "starttls",
                auth_required=auth,
                auth_require_tls=auth and security == "starttls",
                authenticator=_authenticate if auth else None,
            )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    taken.port, taken.server = server.sockets[0].getsockname()[1], server
    try:
        yield taken
    finally:
        server.close()
        await server.wait_closed()


class Script:
    """A server that answers line by line as it was told, to break off at the worst moment.

    `steps`: what to do at each command, by its first four letters: bytes to answer, "close", "silence", or a list of these for
    one time after the other; "body" is what happens while the mail's content comes in (None: nothing), "end" after its last byte.
    """

    def __init__(self, steps: dict[str, Any], ehlo: Sequence[str] = ("PIPELINING",)) -> None:
        self.steps = steps
        self.ehlo = ehlo
        self.connections = 0
        self.bodies: list[bytes] = []
        self.commands: list[str] = []
        self.port = 0

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            writer.write(b"220 script\r\n")
            while line := await reader.readline():
                word = line[:4].decode().strip().upper()
                self.commands.append(line.decode().strip())
                if not await self._answer(word, reader, writer):
                    return
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, word: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if word == "EHLO":
            writer.write("".join(f"250-{one}\r\n" for one in ("script", *self.ehlo)).encode() + b"250 HELP\r\n")
            return True
        if word == "DATA" and "DATA" not in self.steps:
            writer.write(b"354 go on\r\n")
            return await self._body(reader, writer)
        step = self.steps.get(word, b"250 OK\r\n")
        return await self._do(step.pop(0) if isinstance(step, list) else step, writer)

    async def _body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        early = self.steps.get("body")
        if early is not None:
            await reader.read(1000)
            return await self._do(early, writer) and False
        content = b""
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                return False
            content += line
        self.bodies.append(content)
        return await self._do(self.steps.get("end", b"250 2.0.0 OK\r\n"), writer)

    async def _do(self, step: bytes | str | None, writer: asyncio.StreamWriter) -> bool:
        if step == "silence":
            await asyncio.sleep(30)
        if step in ("close", "silence"):
            return False
        assert isinstance(step, bytes)
        writer.write(step)
        return True


@asynccontextmanager
async def scripted(steps: dict[str, Any], ehlo: Sequence[str] = ("PIPELINING",)) -> AsyncIterator[Script]:
    """A Script on a free port."""
    script = Script(steps, ehlo)
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await script.run(reader, writer)

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        await server.wait_closed()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
