"""SMTP: a relay of one's own or of a provider's. RFC 5321, 2920, 3207, 4954, 6531."""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from postoffice.channels.email.address import Mailbox, read_mailbox
from postoffice.channels.email.domains import Domain, DomainLimit, Domains
from postoffice.channels.email.fleet import Fleet, Line, Member
from postoffice.channels.email.ledger import Ledger
from postoffice.channels.email.message import Written, write
from postoffice.channels.email.pool import Relay, Unreachable
from postoffice.channels.email.sign import Signer, body_hash
from postoffice.channels.email.wire import Broken, Envelope, Reply, Said, Wire
from postoffice.channels.pages import pdf_of
from postoffice.model import return_path
from postoffice.model.channel import Channel
from postoffice.model.delivery import Attachment, Event, Knock, Piece, Receipt
from postoffice.model.errors import CarrierError, Forged, InDoubt, Refused, TryLater
from postoffice.model.mailing import EmailForm
from postoffice.model.ports import Abilities, Log

#: seconds for one mail in all. Dispatch takes a carrier that is silent for 120 s for gone after the last byte; we know better, so
#: we must speak first. What connecting and sending leave of it is the patience with a relay that scans (RFC 5321, 4.5.3.2.6)
_LONGEST = 110.0
_CHUNK = 50  #: mails that are marked and handed over together
_LEDGER_AGAIN = 30.0  #: seconds
_ANOTHER = 25.0  #: seconds that must be left to try one more relay
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
#: a server that wants to see whether we come back; most are content after five minutes
_GREY = re.compile(r"gr[ae]y-?list|try again in|first time|deferred for", re.IGNORECASE)
_GREY_AGAIN = timedelta(seconds=330)
#: 5xx at MAIL that speak of our credentials or of TLS, not of the mail: a person mends the settings, the mail waits
_OUR_FAULT = frozenset({502, 503, 530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class Manner:
    """How mails are written. `return_path`: where bounces go; `{key}` in it becomes the delivery's id; empty: to the sender."""

    sender: str = ""  #: used where a piece names none
    return_path: str = ""
    max_bytes: int = 0  #: of the attached PDF
    bounce_domain: str = ""  #: bounces come to signed addresses of this domain (model.return_path) instead
    return_key: bytes = b""  #: their key

    def back(self, key: str) -> str:
        """Where bounces of one delivery go; empty: to the sender."""
        if self.bounce_domain and self.return_key:
            return return_path.make(self.return_key, key, self.bounce_domain)
        return self.return_path.replace("{key}", key)


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
    """Hands mails to its relays over a few lines kept open. `signers` sign in turn, the first one on top.

    `relay` is a relay or several; `folder` keeps what must survive a restart: how far a warm-up is, what a limit has left.
    `signers` sign every mail, `keys` those whose sender belongs to the key's domain.
    """

    def __init__(
        self,
        name: str,
        relay: Relay | Sequence[Member],
        log: Log,
        *,
        manner: Manner | None = None,
        signers: Sequence[Signer] = (),
        keys: Sequence[Signer] = (),
        domains: Mapping[str, DomainLimit] | None = None,
        providers: bool = True,
        folder: Path | None = None,
        longest: float = _LONGEST,
    ) -> None:
        self.name = name
        self._longest = longest
        self._manner = manner or Manner()
        members = [Member(relay)] if isinstance(relay, Relay) else list(relay)
        together = sum(one.relay.connections for one in members if one.weight) or members[0].relay.connections
        # more than there are connections, so that none waits for the chunk's last mail; few more: a crash puts them in doubt
        chunk = max(together, min(3 * together, _CHUNK))
        self.abilities = Abilities(Channel.EMAIL, batch=max(100, chunk), chunk=chunk, max_bytes=self._manner.max_bytes)
        self._log = log
        self._signers = tuple(signers)
        self._keys = tuple(keys)
        self._ledger = Ledger(folder)
        self._fleet = Fleet(members, name, log, self._ledger)
        self._domains = Domains(self._ledger, domains or {}, known=providers)

    def wait(self) -> float:
        """Seconds until any relay takes mail again, by what they said and by the limits; 0: now. See ports.Paced."""
        try:
            return self._fleet.wait()
        except TryLater:  # the limits' file cannot be read for the moment
            return _LEDGER_AGAIN

    async def send(self, piece: Piece) -> Receipt:
        """Build, sign and hand over. The Message-ID comes from the key, so that a repeated mail can be told from a new one.

        InDoubt where the line broke after the last byte, and then no other relay is tried. Where `options.email_form` asks for
        an attachment and the piece has pages but no attachments, the item's PDF is attached.
        """
        route = self._route(piece)
        domain = self._domains.of(route.to.domain)
        async with domain.turn(piece.key):
            message = await self._message(piece, route)
            reply = await self._by_relays(piece.key, message, route, domain)
        return Receipt(piece.key, f"{piece.key}@{route.sender.domain}", detail={"answer": reply.text, "code": reply.code})

    async def _by_relays(self, key: str, message: bytes, route: _Route, domain: Domain) -> Reply:
        """By its relay; by the next one where that one cannot take mail. What a relay says of the mail or its recipient counts."""
        ends = asyncio.get_running_loop().time() + self._longest
        soonest, failed = math.inf, None
        for line in self._fleet.order(key):
            if wait := line.take():
                soonest = min(soonest, wait)
                continue
            try:
                reply = await self._hand_over(line, message, route, ends)
            except Said as said:
                failed = verdict(said.at, said.reply)
                if not (isinstance(failed, TryLater) and is_relays_own(said)):
                    _note(line, domain, failed, said.reply)
                    raise failed from said
            except Unreachable as error:
                failed = TryLater(error.why, code=error.code)
            except Broken as broken:
                if broken.doubtful:
                    line.backoff.failed(broken.why)  # a relay that swallows mail without a word must not get all of it
                    raise InDoubt(f"The relay may have the mail: {broken.why} after the last byte") from broken
                failed = TryLater(f"The relay did not take the mail: {broken.why}")
            else:
                line.backoff.well()
                domain.well()
                return reply
            line.backoff.failed(failed.reason)
            if asyncio.get_running_loop().time() > ends - _ANOTHER:
                break
        raise failed or TryLater("No relay takes mail now: " + self._why(), code="pace", after=timedelta(seconds=soonest))

    def _why(self) -> str:
        return next((line.backoff.reason for line in self._fleet.lines if line.backoff.wait()), "the limits are reached for now")

    def _route(self, piece: Piece) -> _Route:
        to = read_mailbox(piece.to)
        if not (piece.sender or self._manner.sender):  # a person mends it, the mail waits
            raise TryLater(
                "Neither the organisation nor this carrier names a sender's address", code="sender", after=timedelta(minutes=5)
            )
        try:
            sender = read_mailbox(piece.sender or self._manner.sender)
            back = read_mailbox(self._manner.back(piece.key) or str(sender))
            return _Route(sender, back, to, read_mailbox(piece.reply_to) if piece.reply_to else None)
        except Refused as refused:  # our own address says nothing of the recipient's
            raise Refused(f"The sender's or reply address cannot be used. {refused.reason}", code="sender") from refused

    async def _message(self, piece: Piece, route: _Route) -> bytes:
        files = (*piece.attachments, *await self._letter(piece))
        date = datetime.now(UTC)
        if sum(len(one.content) for one in files) > _BIG:
            return await asyncio.to_thread(self._write, piece, files, route, date)
        return self._write(piece, files, route, date)

    async def _letter(self, piece: Piece) -> tuple[Attachment, ...]:
        if piece.options.email_form is not EmailForm.ATTACHMENT or piece.pages is None or not all(one.cid for one in piece.attachments):
            return ()
        content = await pdf_of(piece, self._manner.max_bytes)
        stem = " ".join(re.sub(r"[^\w.-]+", " ", piece.subject).split())[:60].strip(" .") or (
            "courrier" if piece.language == "fr" else "letter"
        )
        return (Attachment(f"{stem}.pdf", "application/pdf", content),)

    def _write(self, piece: Piece, files: Sequence[Attachment], route: _Route, date: datetime) -> bytes:
        message = write(piece, files, sender=route.sender, to=route.to, reply_to=route.reply_to, date=date)
        signers = (*self._signers, *(key for key in self._keys if _is_within(route.sender.domain, key.domain)))
        return message.stuffed(_signatures(message, signers, int(date.timestamp())))

    async def _hand_over(self, line: Line, message: bytes, route: _Route, ends: float) -> Reply:
        """Over a kept line; once more over a fresh one where a kept one turns out to be dead before anything was said."""
        reused, seconds = False, line.member.relay.seconds
        try:
            async with line.pool.wire() as wire:
                if line.backoff.wait():  # it began while this mail waited for its turn
                    raise Unreachable(line.backoff.reason)
                reused = wire.sent > 0
                return await wire.transact(_envelope(wire, route, len(message)), message, seconds=seconds, ends=ends)
        except Broken as broken:
            if not (broken.fresh and reused):
                raise
        except Said as said:
            if not (said.reply.code == 421 and reused):  # "closing": the relay had enough of this line, not of the mail
                raise
        async with line.pool.wire(fresh=True) as wire:
            return await wire.transact(_envelope(wire, route, len(message)), message, seconds=seconds, ends=ends)

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """Nothing: a relay is not asked; its news comes as mail to the return path."""
        return ()

    def read(self, knock: Knock) -> Sequence[Event]:
        """Forged: a relay never knocks."""
        raise Forged("A mail relay has no webhooks: nothing that knocks here is genuine")

    async def token(self) -> str:
        """The access token that the relay is shown (ports.Grants). TryLater where it takes a password, or none can be had."""
        tokens = self._fleet.lines[0].member.relay.tokens
        if tokens is None:
            raise TryLater("This carrier signs in with a password and has no access token", code="token")
        return await tokens.get()

    async def close(self) -> None:
        """Say goodbye to the relays."""
        await self._fleet.close()
        self._ledger.close()


def _signatures(message: Written, signers: Sequence[Signer], at: int) -> list[bytes]:
    if not signers:
        return []
    head, digest = message.head.removesuffix(b"\r\n"), body_hash(message.body)
    return [signer.sign_parts(head, digest, at=at) for signer in signers]


def _is_within(domain: str, signing: str) -> bool:
    """Whether a signature of `signing` speaks for a sender at `domain` (DMARC, relaxed)."""
    return domain == signing or domain.endswith(f".{signing}")


def _note(line: Line, domain: Domain, answer: CarrierError, reply: Reply) -> None:
    """What an answer about one mail tells of the relay and of the recipient's provider."""
    line.backoff.well()
    if not isinstance(answer, TryLater):
        domain.well()
    elif not _GREY.search(reply.text):
        domain.later(answer.reason)


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

    4xx: later. 5xx: never; the address is dead only where the server says so of the address itself. Neither, after the last byte of
    the mail: it may have been taken.
    """
    code = reply.enhanced or str(reply.code)
    if at == "END" and not 400 <= reply.code <= 599:
        return InDoubt(f"The relay may have the mail, it answered: {reply.code} {reply.text}".strip(), code=code)
    if not 500 <= reply.code <= 599:
        after = _GREY_AGAIN if at == "RCPT" and _GREY.search(reply.text) else None
        return TryLater(f"The relay asks to come back later: {reply.code} {reply.text}".strip(), code=code, after=after)
    if at == "MAIL" and reply.code in _OUR_FAULT:
        return TryLater(f"The relay wants other credentials or TLS: {reply.code} {reply.text}", code=code, after=timedelta(minutes=5))
    return Refused(f"The relay refuses: {reply.code} {reply.text}".strip(), code=code, address_dead=_is_dead(at, reply))


def is_relays_own(said: Said) -> bool:
    """Whether a "later" is about the relay (closing, no disk, our credentials), so that another relay may take the mail."""
    return said.at == "MAIL" or said.reply.code == 421 or said.reply.enhanced.startswith("4.3.")


def _is_dead(at: str, reply: Reply) -> bool:
    if at in ("MAIL", "DATA") or _POLICY_WORDS.search(reply.text):
        return False
    if reply.enhanced:
        return reply.enhanced in _DEAD or (at == "RCPT" and reply.enhanced == "5.0.0" and bool(_DEAD_WORDS.search(reply.text)))
    return at == "RCPT" and reply.code in (550, 551, 553) and bool(_DEAD_WORDS.search(reply.text))
