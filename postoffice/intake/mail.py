"""The mail door: SMTP and LMTP on one port, for what comes back and nothing else.

It takes mail only for addresses that the mailroom knows (signed return paths, addresses of carriers' mailboxes) and answers 250 only
when the mail is durable. It relays nothing, asks for no password, and reads nothing of what it takes.
"""

import asyncio
import logging
import ssl
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from postoffice.model.errors import OutOfRoom
from postoffice.model.ports import Log

LONGEST_LINE = 64 * 1024  #: RFC 5321 says 1000; programs that write reports do not all know it
MOST_RECIPIENTS = 50
MOST_HOPS = 50  #: Received fields: more of them is a loop (Postfix's hopcount_limit)
MOST_LINES = 40  #: connections at the same time: each may hold a whole mail in memory
PATIENCE = 300.0  #: seconds from one command to the next, the mail itself included (RFC 5321, 4.5.3.2)


class Mailroom(Protocol):
    """Where mail is handed in."""

    async def whose(self, address: str) -> str | None:
        """The organisation that takes mail for this address; None: nobody here does."""
        ...

    async def keep(self, organisation_id: str, raw: bytes, way: str, *, carrier: str = "", envelope_to: str = "") -> bool:
        """Store a mail durably; False where it was here before."""
        ...


class _Line(SMTP):
    """One connection. LHLO makes it an LMTP one (RFC 2033): then each recipient gets its own answer after the mail."""

    line_length_limit = LONGEST_LINE

    def __init__(self, door: "MailDoor", **more: Any) -> None:
        super().__init__(door, **more)
        self.is_lmtp = False
        self.owners: dict[str, str] = {}  #: accepted address -> organisation

    async def push(self, status: Any) -> None:
        """An answer; where LMTP's mail was too long for us, one for each recipient."""
        of_each = self.is_lmtp and self.envelope is not None and str(status).startswith(("552 Error: Too much", "500 Line too long"))
        for _ in self.envelope.rcpt_tos if of_each and self.envelope else (None,):
            await super().push(status)

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str) -> None:
        """LMTP's greeting."""
        self.is_lmtp = True
        await self.smtp_EHLO(arg)


class MailDoor:
    """Listens until closed. `max_bytes`: of one mail; `name`: how we greet."""

    def __init__(self, mailroom: Mailroom, log: Log, *, max_bytes: int, name: str = "localhost", most_lines: int = MOST_LINES) -> None:
        self._mailroom = mailroom
        self._log = log
        self._max_bytes = max_bytes
        self._name = name
        self._most_lines = most_lines
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; the port that was really taken. OSError where it is not free."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # it tells addresses and commands
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self._line(tls), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Take no more; whoever is connected is cut off, and brings unconfirmed mail again."""
        if self._server is not None:
            self._server.close()
            for line in list(self._lines):
                if line.transport is not None:
                    line.transport.close()
            await self._server.wait_closed()

    def _line(self, tls: ssl.SSLContext | None) -> SMTP:
        return _Line(
            self,
            data_size_limit=self._max_bytes,
            enable_SMTPUTF8=True,
            hostname=self._name,
            ident="Post office",
            tls_context=tls,
            timeout=PATIENCE,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
            loop=asyncio.get_running_loop(),
        )

    # --- what aiosmtpd calls

    async def handle_EHLO(self, server: _Line, session: Session, envelope: Envelope, hostname: str, responses: list[str]) -> list[str]:
        """One connection too many is told to come back."""
        self._lines = {line for line in self._lines if line.transport is not None and not line.transport.is_closing()}
        if server not in self._lines and len(self._lines) >= self._most_lines:
            return ["421 4.3.2 Too many connections, come back later"]
        self._lines.add(server)
        session.host_name = hostname
        offered = [line for line in responses if not line.startswith("250-AUTH")]
        return [*offered[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", *offered[-1:]]

    async def handle_HELO(self, server: _Line, session: Session, envelope: Envelope, hostname: str) -> str:
        """The old greeting."""
        return (await self.handle_EHLO(server, session, envelope, hostname, [f"250 {self._name}"]))[-1]

    async def handle_RCPT(self, server: _Line, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """Only addresses of our own."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if len(address) > 320 or not address.isprintable():
            return "501 5.1.3 This is no address"
        try:
            organisation_id = await self._mailroom.whose(address)
        except Exception as error:  # whatever the store raises: the sender keeps the mail and comes back
            self._log.warning("mail.nobody_knows", error=type(error).__name__)
            return "451 4.3.0 Come back later"
        if organisation_id is None:
            return "550 5.1.1 Nobody here takes mail for this address, and nothing is relayed"
        envelope.rcpt_tos.append(address)
        server.owners[address] = organisation_id
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: _Line, session: Session, envelope: Envelope) -> str:
        """Store, then say yes."""
        raw = envelope.original_content or b""
        answers: list[str] = []
        done: dict[str, str] = {}
        for address in envelope.rcpt_tos:
            owner = server.owners[address]
            if owner not in done:  # one mail is kept once, for however many of our addresses it came
                done[owner] = await self._keep(owner, raw, address)
            answers.append(done[owner])
        if server.is_lmtp:
            return "\r\n".join(answers)
        return next((one for one in answers if not one.startswith("2")), answers[0])

    async def _keep(self, organisation_id: str, raw: bytes, address: str) -> str:
        head = raw[: 64 * 1024].split(b"\r\n\r\n", 1)[0].lower()
        if (b"\n" + head).count(b"\nreceived:") > MOST_HOPS:
            return "554 5.4.6 This mail runs in a loop"
        try:
            fresh = await self._mailroom.keep(organisation_id, raw, "door", envelope_to=address)
        except OutOfRoom:
            return "452 4.3.1 No room left, come back later"
        except Exception as error:  # as above
            self._log.error("mail.not_kept", error=type(error).__name__, bytes=len(raw))
            return "451 4.3.0 Not stored, come back later"
        self._log.info("mail.taken", organisation=organisation_id, bytes=len(raw), fresh=fresh)
        return "250 2.0.0 Stored"

    async def handle_exception(self, error: Exception) -> str:
        """What must not happen, without its values in the log."""
        self._log.error("mail.broken", error=type(error).__name__)
        return "451 4.3.0 Come back later"
