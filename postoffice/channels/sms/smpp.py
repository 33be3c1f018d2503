"""An SMS gateway that speaks SMPP 3.4: an operator's, an aggregator's, or one's own (Kannel, Jasmin).

Receipts are pushed over the same connection. Each is written to the journal, then acknowledged; `ask` tells what the journal
has. Nothing is ever sent twice by this file: a hand-over whose answer did not come is InDoubt, and SMPP has no way to ask for it;
the answer that comes late after all settles it at the next `ask`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.sms import news as told
from postoffice.channels.sms.inbox import Inbox
from postoffice.channels.sms.journal import Journal
from postoffice.channels.sms.line import Gateway, Lost, Unreachable
from postoffice.channels.sms.link import Link
from postoffice.channels.sms.memory import Memory
from postoffice.channels.sms.pace import Pace
from postoffice.channels.sms.pdu import BadPdu, Command, Status, bind_body, read_id
from postoffice.channels.sms.rules import check
from postoffice.channels.sms.write import Manner, bodies, ids_of, reference_of
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import CarrierError, Forged, InDoubt, Refused, TryLater
from postoffice.model.ports import Abilities, Log
from postoffice.model.states import EventKind

_LONGEST = 110.0  #: seconds for one message with all its parts; dispatch gives a carrier 120
_AGAIN = 2.0  #: seconds until answers of recipients that could not be recorded are offered again
_AROUND = 5.0  #: seconds between two looks at what other processes of this machine were told

#: what the gateway's no means; anything else, vendors' own codes among it (no credit left), may go again later
_NEVER = {
    0x01: "its length",
    0x02: "its form",
    0x0A: "the sender",
    0x0B: "the recipient's number",
    0x33: "the number of recipients",
    0x48: "the type of the sender's number",
    0x49: "the type of the sender's number",
    0x50: "the type of the recipient's number",
    0x51: "the type of the recipient's number",
    0x43: "its class",
    0x65: "its content",
    0x66: "its content",
    0x62: "its validity",
    0xC0: "its optional fields",
    0xC1: "its optional fields",
    0xC2: "its optional fields",
    0xC3: "its optional fields",
    0xC4: "its optional fields",
}


class SmppCarrier:
    """Hands messages to one gateway account."""

    def __init__(
        self,
        name: str,
        gateway: Gateway,
        log: Log,
        journal: Journal,
        *,
        manner: Manner | None = None,
        receipts: told.Manner | None = None,
        per_second: float = 0.0,
        longest: float = _LONGEST,
    ) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.SMS,
            can_be_asked=True,
            batch=max(500, gateway.window),
            chunk=max(100, 2 * gateway.window),
            per_second=per_second,
            ask_after=2.0,
        )
        self._manner = manner or Manner()
        self._log = log
        self._longest = longest
        self._pace = Pace(per_second)
        self._memory = Memory()
        self._journal = journal
        self._inbox = Inbox(journal, receipts or told.Manner(), name, log)
        self._link = Link(gateway, name, log, self._inbox.push, self._inbox.late)
        self._listening = 0

    async def send(self, piece: Piece) -> Receipt:
        """Submit all parts. `reference`: the gateway's ids of the parts, with spaces between them.

        InDoubt where a part may have been taken and the message as a whole may not: its parts carry the same number at a
        repetition, so that a phone joins them to one message all the same.
        """
        sender = piece.sender or self._manner.sender
        check(piece, sender)
        if known := self._memory.get(piece.key):
            return known
        parts = bodies(piece, sender, self._manner)
        ends = asyncio.get_running_loop().time() + self._longest
        ids: list[str] = []
        for number, body in enumerate(parts, 1):
            key = piece.key if len(parts) == 1 else ""
            ids.append(await (self._submit(body, key, ends) if number == 1 else self._insist(body, number, ends)))
        self._inbox.sent(piece.to, piece.key)
        return self._memory.keep(Receipt(piece.key, reference_of(ids), detail={"parts": len(ids)}))

    async def _submit(self, body: bytes, key: str, ends: float) -> str:
        """One submit_sm; its id."""
        await self._pace.turn(ends)
        try:
            line = await self._link.line()
            answer = await line.request(Command.SUBMIT, body, key)
        except Unreachable as error:
            pause = timedelta(minutes=5) if error.ours else None
            raise TryLater(error.why, code=error.code, after=pause) from error
        except Lost as lost:
            if lost.doubtful:
                raise InDoubt(f"The gateway may have the message: {lost.why}") from lost
            raise TryLater(f"The gateway did not take the message: {lost.why}") from lost
        if answer.status != Status.OK:
            if answer.status == Status.NOT_BOUND:
                line.hang_up("the gateway does not know our sign-in any more")
            raise self._verdict(answer.status)
        self._pace.accepted()
        return read_id(answer.body)

    async def _insist(self, body: bytes, number: int, ends: float) -> str:
        """A later part: the first ones are gone, so "later" is tried again here, as long as there is time."""
        while True:
            try:
                return await self._submit(body, "", ends)
            except TryLater as later:
                pause = later.after.total_seconds() if later.after else 1.0
                if asyncio.get_running_loop().time() + pause >= ends:
                    raise InDoubt(
                        f"Part {number} was not taken although those before it were: {later.reason}", code=later.code
                    ) from later
                await asyncio.sleep(pause)

    def _verdict(self, status: int) -> CarrierError:
        code = f"{status:#x}"
        if status in (Status.THROTTLED, Status.QUEUE_FULL):
            after = timedelta(seconds=self._pace.throttled())
            return TryLater("The gateway says that messages come too fast", code=code, after=after)
        if status in _NEVER:
            dead = status == Status.BAD_DESTINATION
            return Refused(f"The gateway refuses the message for {_NEVER[status]} ({code})", code=code, address_dead=dead)
        return TryLater(f"The gateway did not take the message ({code})", code=code)

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """What was pushed about these, told again as long as it is asked for; and recipients' answers where nobody listens."""
        try:
            await self._link.line()  # receipts come only while we are bound
        except Unreachable as error:
            self._log.info("smpp_asked_unbound", carrier=self.name, code=error.code)
        await self._inbox.drain()
        try:
            await self._journal.refresh()
        except OSError as error:
            raise TryLater(f"The journal of receipts cannot be read ({type(error).__name__})") from error
        events = [event for receipt in receipts for event in self._about(receipt)]
        if not self._listening:
            events += self._answers(self._journal.answers())
        return events

    def _about(self, receipt: Receipt) -> list[Event]:
        events: list[Event] = []
        reference = receipt.reference
        if not reference and (settled := self._journal.settled(receipt.key)):
            reference = reference_of([settled.text])
            events.append(Event(EventKind.HANDED_OVER, datetime.fromisoformat(settled.at), receipt.key, reference, "late"))
        if not reference:
            return events
        parts = [told.canonical(one) for one in ids_of(reference)]
        found = told.settle(parts, self._journal.of(parts))
        return events + [told.event_of(one, receipt.key, reference) for one in found]

    def _answers(self, some: Sequence[told.News]) -> list[Event]:
        return [told.answer_of(one, self._inbox.key_of(one.sender)) for one in some]

    async def listen(self, hear: Callable[[Sequence[Event]], Awaitable[object]]) -> None:
        """Stay bound and hand recipients' answers to `hear` as they come, until cancelled. See ports.Listener."""
        self._listening += 1
        try:
            while True:
                self._inbox.answered.clear()
                await self._look_around()
                some = self._journal.answers()
                if some and await self._heard(hear, some):
                    self._journal.recorded(some)
                elif some:
                    await asyncio.sleep(_AGAIN)
                    continue
                await self._wait_for_answers()
        finally:
            self._listening -= 1

    async def _heard(self, hear: Callable[[Sequence[Event]], Awaitable[object]], some: Sequence[told.News]) -> bool:
        try:
            await hear(self._answers(some))
        except Exception as error:  # whatever the store raises: the answers stay in the journal and are offered again
            self._log.warning("smpp_answers_not_recorded", carrier=self.name, error=type(error).__name__, answers=len(some))
            return False
        return True

    async def _wait_for_answers(self) -> None:
        while not self._inbox.answered.is_set():
            try:
                await self._link.line()
                async with asyncio.timeout(_AROUND):
                    await self._inbox.answered.wait()
            except Unreachable:
                await asyncio.sleep(_AGAIN)
            except TimeoutError:
                return

    async def _look_around(self) -> None:
        """The gateway may push answers to any process that is bound: only one listens, so it reads the others' journals too."""
        try:
            await self._journal.refresh()
        except OSError as error:
            self._log.warning("smpp_journal_unread", carrier=self.name, error=type(error).__name__)

    def read(self, knock: Knock) -> Sequence[Event]:
        """Forged: a gateway pushes over its own connection, it never knocks."""
        raise Forged("An SMPP gateway has no webhooks: nothing that knocks here is genuine")

    async def close(self) -> None:
        """Say goodbye to the gateway; what it pushed is in the journal."""
        await self._link.close()
        await self._inbox.drain()
        self._journal.close()


def _build(settings: Mapping[str, Any], parts: Parts) -> SmppCarrier:
    gateway = Gateway(
        host=settings["host"],
        port=settings["port"] or (3550 if settings["security"] == "tls" else 2775),
        system_id=settings["username"],
        password=settings["password"],
        system_type=settings["system_type"],
        security=settings["security"],
        ca=settings["ca"],
        window=max(1, settings["window"]),
        seconds=max(1.0, settings["timeout"]),
        idle=max(5.0, settings["enquire"]),
        reach=parts.reach,
    )
    try:
        bind_body(gateway.system_id, gateway.password, gateway.system_type)
    except BadPdu as error:
        raise _bad("password", f"user name, password or system type do not fit into SMPP: {error}", "Copy them again.") from None
    manner = Manner(settings["sender"], settings["long"], min(settings["hours"], 24 * 30), max(1, settings["parts"]))
    dead = frozenset(word.lstrip("0") for word in re.split(r"[\s,;]+", settings["dead_errors"]) if word)
    receipts = told.Manner(settings["receipt_ids"], dead)
    rate = float(settings["per_second"])
    try:
        return SmppCarrier(parts.name, gateway, parts.log, Journal(parts.folder), manner=manner, receipts=receipts, per_second=rate)
    except ValueError as error:
        raise _bad("ca", f"it must be {error}", "Paste the certificate that signed the gateway's.") from None


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'smpp' cannot be used: {what}.",
        help=help,
        kind="smpp",
        field=field,
    )


_FIELDS = (
    Field("host", Label("Gateway", "Passerelle"), required=True),
    Field(
        "port", Label("Port", "Port"), FieldKind.NUMBER, 0, hint=Label("0: 3550 with TLS, else 2775", "0 : 3550 avec TLS, sinon 2775")
    ),
    Field("security", Label("Encryption", "Chiffrement"), FieldKind.CHOICE, "tls", choices=("tls", "none")),
    Field("username", Label("User name (system_id)", "Identifiant (system_id)"), required=True),
    Field("password", Label("Password", "Mot de passe"), required=True, secret=True),
    Field("system_type", Label("System type", "Type de système (system_type)")),
    Field(
        "sender",
        Label("Sender", "Expéditeur"),
        hint=Label(
            "Where the mailing names none: a name of up to 11 letters, or a number",
            "Si l'envoi n'en donne pas : un nom de 11 lettres au plus, ou un numéro",
        ),
    ),
    Field("window", Label("Unanswered messages at once", "Messages en attente de réponse"), FieldKind.NUMBER, 50),
    Field("per_second", Label("Messages per second (0: no limit)", "Messages par seconde (0 : sans limite)"), FieldKind.SECONDS, 0.0),
    Field("long", Label("Long messages by", "Messages longs par"), FieldKind.CHOICE, "udh", choices=("udh", "sar", "payload")),
    Field("parts", Label("Most parts of a message", "Nombre maximal de parties"), FieldKind.NUMBER, 6),
    Field("hours", Label("Hours that delivery is tried", "Durée de validité en heures"), FieldKind.NUMBER, 48),
    Field(
        "receipt_ids",
        Label("Message numbers in receipts", "Numéros dans les accusés"),
        FieldKind.CHOICE,
        "same",
        choices=("same", "decimal", "hex"),
        hint=Label("If receipts write them in another form than answers do", "Si les accusés les écrivent autrement que les réponses"),
    ),
    Field(
        "dead_errors",
        Label("Error codes of dead numbers", "Codes d'erreur des numéros inexistants"),
        hint=Label("The gateway's own, with commas", "Propres à la passerelle, séparés par des virgules"),
    ),
    Field(
        "enquire",
        Label("Seconds of silence before the line is tried", "Secondes de silence avant de tester la ligne"),
        FieldKind.SECONDS,
        30.0,
    ),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 30.0),
    Field("ca", Label("Gateway's certificate authority (PEM)", "Autorité de certification de la passerelle (PEM)"), FieldKind.BLOCK),
)
KIND = Kind("smpp", Channel.SMS, Label("SMS gateway (SMPP)", "Passerelle SMS (SMPP)"), _FIELDS, _build)
