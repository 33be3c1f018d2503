"""SMTP: a relay of one's own or of a provider's. RFC 5321, 2920, 3207, 4954, 6531."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from postoffice.channels.email.address import Mailbox, read_mailbox
from postoffice.channels.email.message import compose
from postoffice.channels.email.pool import Pool, Relay, Unreachable
from postoffice.channels.email.sign import Signer
from postoffice.channels.email.wire import Broken, Envelope, Reply, Said, Wire
from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.pages import pdf_of
from postoffice.model.channel import Channel
from postoffice.model.delivery import Attachment, Event, Knock, Piece, Receipt
from postoffice.model.errors import CarrierError, Forged, InDoubt, Refused, TryLater
from postoffice.model.mailing import EmailForm
from postoffice.model.ports import Abilities, Log

#: seconds for one mail in all. Dispatch takes a carrier that is silent for 120 s for gone after the last byte; we know better, so
#: we must speak first. What connecting and sending leave of it is the patience with a relay that scans (RFC 5321, 4.5.3.2.6)
_LONGEST = 110.0
_BIG = 1_000_000  #: bytes of attachments from which a mail is built beside the event loop
#: RFC 3463 codes by which a recipient's address is dead for good; 5.2.x (full, disabled) and 5.7.x (policy) are not among them
_DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
#: what servers that give no such code say of an unknown mailbox, where they say it: at RCPT
_DEAD_WORDS = re.compile(
    r"(user|mailbox|recipient|account|address|alias)\b.{0,40}\b(unknown|not found|does(n't| not) exist|not exist)"
    r"|(unknown|no such|invalid) (user|mailbox|recipient|account|local part|person)",
    re.IGNORECASE,
)
#: words of a policy that hides behind any code: the address may be alive
_POLICY_WORDS = re.compile(
    r"spam|block|blacklist|\brbl\b|reputation|policy|denied|relaying|\brate\b|quota|\b(spf|dkim|dmarc|ip)\b", re.IGNORECASE
)
#: 5xx at MAIL that speak of our credentials or of TLS, not of the mail: a person mends the settings, the mail waits
_OUR_FAULT = frozenset({502, 503, 530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class Manner:
    """How mails are written. `return_path`: where bounces go; `{key}` in it becomes the delivery's id; empty: to the sender."""

    sender: str = ""  #: used where a piece names none
    return_path: str = ""
    max_bytes: int = 0  #: of the attached PDF


@dataclass(frozen=True, slots=True)
class _Route:
    """The addresses of one mail, all checked. `back`: the envelope's sender."""

    sender: Mailbox
    back: Mailbox
    to: Mailbox
    reply_to: Mailbox | None

    @property
    def needs_utf8(self) -> bool:
        return any(one is not None and one.needs_utf8 for one in (self.sender, self.back, self.to, self.reply_to))


class SmtpCarrier:
    """Hands mails to a relay over a few lines kept open. `signers` sign in turn, the first one on top."""

    def __init__(
        self,
        name: str,
        relay: Relay,
        log: Log,
        *,
        manner: Manner | None = None,
        signers: Sequence[Signer] = (),
        longest: float = _LONGEST,
    ) -> None:
        self.name = name
        self._longest = longest
        self._manner = manner or Manner()
        self.abilities = Abilities(
            Channel.EMAIL, batch=max(100, relay.connections), chunk=relay.connections, max_bytes=self._manner.max_bytes
        )
        self._relay = relay
        self._log = log
        self._signers = tuple(signers)
        self._pool = Pool(relay, name, log)

    async def send(self, piece: Piece) -> Receipt:
        """Build, sign and hand over. The Message-ID comes from the key, so that a repeated mail can be told from a new one.

        InDoubt where the line broke after the last byte. Where `options.email_form` asks for an attachment and the piece
        has pages but no attachments, the item's PDF is attached.
        """
        route = self._route(piece)
        message = await self._message(piece, route)
        try:
            reply = await self._hand_over(message, route, asyncio.get_running_loop().time() + self._longest)
        except Said as said:
            raise verdict(said.at, said.reply) from said
        except Unreachable as error:
            raise TryLater(error.why, code=error.code) from error
        except Broken as broken:
            if broken.doubtful:
                raise InDoubt(f"The relay may have the mail: {broken.why} after the last byte") from broken
            raise TryLater(f"The relay did not take the mail: {broken.why}") from broken
        return Receipt(piece.key, f"{piece.key}@{route.sender.domain}", detail={"answer": reply.text, "code": reply.code})

    def _route(self, piece: Piece) -> _Route:
        to = read_mailbox(piece.to)
        if not (piece.sender or self._manner.sender):  # a person mends it, the mail waits
            raise TryLater(
                "Neither the organisation nor this carrier names a sender's address", code="sender", after=timedelta(minutes=5)
            )
        try:
            sender = read_mailbox(piece.sender or self._manner.sender)
            back = read_mailbox(self._manner.return_path.replace("{key}", piece.key)) if self._manner.return_path else sender
            return _Route(sender, back, to, read_mailbox(piece.reply_to) if piece.reply_to else None)
        except Refused as refused:  # our own address says nothing of the recipient's
            raise Refused(f"The sender's or reply address cannot be used. {refused.reason}", code="sender") from refused

    async def _message(self, piece: Piece, route: _Route) -> bytes:
        files = piece.attachments or await self._letter(piece)
        date = datetime.now(UTC)
        if sum(len(one.content) for one in files) > _BIG:
            return await asyncio.to_thread(self._write, piece, files, route, date)
        return self._write(piece, files, route, date)

    async def _letter(self, piece: Piece) -> tuple[Attachment, ...]:
        if piece.options.email_form is not EmailForm.ATTACHMENT or piece.pages is None:
            return ()
        content = await pdf_of(piece, self._manner.max_bytes)
        stem = " ".join(re.sub(r"[^\w.-]+", " ", piece.subject).split())[:60].strip(" .") or (
            "courrier" if piece.language == "fr" else "letter"
        )
        return (Attachment(f"{stem}.pdf", "application/pdf", content),)

    def _write(self, piece: Piece, files: Sequence[Attachment], route: _Route, date: datetime) -> bytes:
        message = compose(piece, files, sender=route.sender, to=route.to, reply_to=route.reply_to, date=date)
        signatures = [signer.sign(message, at=int(date.timestamp())) for signer in self._signers]
        return b"".join([*signatures, message])

    async def _hand_over(self, message: bytes, route: _Route, ends: float) -> Reply:
        """Over a kept line; once more over a fresh one where a kept one turns out to be dead before anything was said."""
        reused = False
        try:
            async with self._pool.wire() as wire:
                reused = wire.sent > 0
                return await self._transact(wire, message, route, ends)
        except Broken as broken:
            if not (broken.fresh and reused):
                raise
        except Said as said:
            if not (said.reply.code == 421 and reused):  # "closing": the relay had enough of this line, not of the mail
                raise
        async with self._pool.wire(fresh=True) as wire:
            return await self._transact(wire, message, route, ends)

    async def _transact(self, wire: Wire, message: bytes, route: _Route, ends: float) -> Reply:
        envelope = _envelope(wire, route, len(message))
        return await wire.transact(envelope, message, seconds=self._relay.seconds, ends=ends)

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """Nothing: a relay is not asked; its news comes as mail to the return path."""
        return ()

    def read(self, knock: Knock) -> Sequence[Event]:
        """Forged: a relay never knocks."""
        raise Forged("A mail relay has no webhooks: nothing that knocks here is genuine")

    async def close(self) -> None:
        """Say goodbye to the relay."""
        await self._pool.close()


def _envelope(wire: Wire, route: _Route, size: int) -> Envelope:
    """MAIL and RCPT with the parameters that this server offers. Refused for what it cannot take."""
    if wire.max_bytes and size > wire.max_bytes:
        raise Refused(f"The mail has {size} bytes; the relay takes {wire.max_bytes} at most", code="5.3.4")
    mail = f"MAIL FROM:<{route.back}>"
    if "size" in wire.extensions:
        mail += f" SIZE={size}"
    if route.needs_utf8:
        if "smtputf8" not in wire.extensions:
            raise Refused("The relay cannot send to an address with such letters before the @ (no SMTPUTF8)", code="5.6.7")
        mail += " SMTPUTF8"
        mail += " BODY=8BITMIME" if "8bitmime" in wire.extensions else ""
    return Envelope(f"{mail}\r\n".encode(), f"RCPT TO:<{route.to}>\r\n".encode())


def verdict(at: str, reply: Reply) -> CarrierError:
    """What a server's no means. `at`: the command (MAIL, RCPT, DATA, END).

    4xx: later. 5xx: never; the address is dead only where the server says so of the address itself.
    """
    code = reply.enhanced or str(reply.code)
    if not 500 <= reply.code <= 599:
        return TryLater(f"The relay asks to come back later: {reply.code} {reply.text}".strip(), code=code)
    if at == "MAIL" and reply.code in _OUR_FAULT:
        return TryLater(f"The relay wants other credentials or TLS: {reply.code} {reply.text}", code=code, after=timedelta(minutes=5))
    return Refused(f"The relay refuses: {reply.code} {reply.text}".strip(), code=code, address_dead=_is_dead(at, reply))


def _is_dead(at: str, reply: Reply) -> bool:
    if at in ("MAIL", "DATA") or _POLICY_WORDS.search(reply.text):
        return False
    if reply.enhanced:
        return reply.enhanced in _DEAD or (at == "RCPT" and reply.enhanced == "5.0.0" and bool(_DEAD_WORDS.search(reply.text)))
    return at == "RCPT" and reply.code in (550, 551, 553) and bool(_DEAD_WORDS.search(reply.text))


_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _build(settings: Mapping[str, Any], parts: Parts) -> SmtpCarrier:
    relay = Relay(
        host=settings["host"],
        port=settings["port"] or {"tls": 465, "starttls": 587, "none": 25}[settings["security"]],
        security=settings["security"],
        username=settings["username"],
        password=settings["password"],
        helo=settings["helo"],
        seconds=settings["timeout"],
        connections=max(1, settings["connections"]),
        mails_per_connection=max(1, settings["mails_per_connection"]),
        ca=settings["ca"],
    )
    if relay.username and relay.security == "none" and relay.host not in _LOOPBACK:
        raise _bad("security", "a user name and password would cross the network unprotected", "Choose tls or starttls.")
    manner = Manner(settings["sender"], settings["return_path"], settings["max_bytes"])
    for field, address in (("sender", manner.sender), ("return_path", manner.return_path.replace("{key}", "x"))):
        _check_address(field, address)
    try:
        return SmtpCarrier(parts.name, relay, parts.log, manner=manner, signers=_signers(settings))
    except ValueError as error:
        raise _bad("ca", f"it must be {error}", "Paste the certificate that signed the relay's.") from None


def _check_address(field: str, address: str) -> None:
    try:
        if address:
            read_mailbox(address)
    except Refused as refused:
        raise _bad(field, refused.reason, "Write a bare address such as post@company.example.") from None


def _signers(settings: Mapping[str, Any]) -> tuple[Signer, ...]:
    if not settings["dkim_key"]:
        return ()
    for field in ("dkim_domain", "dkim_selector"):
        if not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?", settings[field]):
            raise _bad(field, "with a DKIM key it must be a domain name", "Take the name under which the DNS record stands.")
    try:
        return (Signer(settings["dkim_domain"], settings["dkim_selector"], settings["dkim_key"]),)
    except ValueError as error:
        raise _bad("dkim_key", f"it must be {error}", "Make one with `postoffice dkim`.") from None


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'smtp' cannot be used: {what}.",
        help=help,
        kind="smtp",
        field=field,
    )


_FIELDS = (
    Field("host", Label("Relay", "Relais"), required=True, hint=Label("Name of the mail server", "Nom du serveur de messagerie")),
    Field("port", Label("Port", "Port"), FieldKind.NUMBER, 0, hint=Label("0: 465, 587 or 25", "0 : 465, 587 ou 25")),
    Field("security", Label("Encryption", "Chiffrement"), FieldKind.CHOICE, "starttls", choices=("starttls", "tls", "none")),
    Field("username", Label("User name", "Identifiant")),
    Field("password", Label("Password", "Mot de passe"), secret=True),
    Field(
        "sender",
        Label("Sender's address", "Adresse d'expédition"),
        hint=Label("Where the mailing names none", "Si l'envoi n'en donne pas"),
    ),
    Field(
        "return_path",
        Label("Address for bounces", "Adresse de retour"),
        hint=Label("{key} becomes the delivery's id", "{key} devient l'identifiant de l'acheminement"),
    ),
    Field("dkim_domain", Label("DKIM domain", "Domaine DKIM")),
    Field("dkim_selector", Label("DKIM selector", "Sélecteur DKIM")),
    Field("dkim_key", Label("DKIM private key", "Clé privée DKIM"), FieldKind.BLOCK, secret=True),
    Field("connections", Label("Connections at once", "Connexions simultanées"), FieldKind.NUMBER, 10),
    Field("mails_per_connection", Label("Mails per connection", "Messages par connexion"), FieldKind.NUMBER, 100),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 20.0),
    Field("max_bytes", Label("Largest PDF in bytes", "Taille maximale du PDF en octets"), FieldKind.NUMBER, 10_000_000),
    Field("helo", Label("Our name to the relay", "Notre nom pour le relais")),
    Field("ca", Label("Relay's certificate authority (PEM)", "Autorité de certification du relais (PEM)"), FieldKind.BLOCK),
)
KIND = Kind("smtp", Channel.EMAIL, Label("SMTP relay", "Relais SMTP"), _FIELDS, _build)
