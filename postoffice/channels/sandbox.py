"""The sandbox carrier of each channel: needs no account, keeps what it "sent", and acts out any outcome on demand.

Magic addresses. A row of OUTCOMES is asked for by

* an e-mail address whose local part is its word: `bounce@any.example`, also `bounce+anything@any.example`;
* a mobile or fax number whose last two digits are its number: +33 6 39 98 00 01;
* a postal address with the postcode 000NN (`00001 NOWHERE`), or with a line that ends in `SANDBOX WORD`
  (`MME DUPONT SANDBOX BOUNCE`), for readers that refuse an impossible postcode.

Every other address is delivered.
"""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from postoffice.channels.kind import Field, FieldKind, Kind, Label, Parts
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Forged, Refused, TryLater
from postoffice.model.ports import Abilities, Log, SandboxBox, Sent
from postoffice.model.states import EventKind


class Told(NamedTuple):
    """One piece of news that the sandbox tells. `dead`: the address itself is to blame and stays so."""

    kind: EventKind
    code: str = ""
    text: str = ""
    dead: bool = False


class Outcome(NamedTuple):
    """A magic address: how it is asked for, and what is told after the hand-over, one step of `pace` seconds apart."""

    word: str
    digits: str
    story: tuple[Told, ...]
    paper: tuple[Told, ...]  #: the same outcome for post
    refuse: Told | None = None  #: said at once instead of taking the piece


_DELIVERED = (Told(EventKind.DELIVERED),)
_PRINTED = (Told(EventKind.IN_PRODUCTION), Told(EventKind.MAILED))
_PAPER_DELIVERED = (*_PRINTED, Told(EventKind.DELIVERED))


def _row(
    word: str,
    digits: str,
    *story: Told,
    paper: tuple[Told, ...] = _PAPER_DELIVERED,
    refuse: Told | None = None,
) -> Outcome:
    return Outcome(word, digits, story, paper, refuse)


#: the one table of magic addresses; the digits 00-03, 55, 98 and 99 are those that SMS gateways' simulators use
OUTCOMES: tuple[Outcome, ...] = (
    _row("delivered", "00", *_DELIVERED),
    _row(
        "bounce",
        "01",
        Told(EventKind.BOUNCED, "5.1.1", "User unknown", dead=True),
        paper=(*_PRINTED, Told(EventKind.RETURNED, "N02", "Unknown at the address", dead=True)),
    ),
    _row(
        "expired",
        "02",
        Told(EventKind.EXPIRED, "4.4.7", "Gave up trying"),
        paper=(*_PRINTED, Told(EventKind.RETURNED, "N03", "Not claimed")),
    ),
    _row(
        "rejected",
        "03",
        Told(EventKind.REFUSED, "5.7.1", "Refused after it had been taken"),
        paper=(Told(EventKind.REFUSED, "REJECTED", "The print house cannot produce it"),),
    ),
    _row(
        "full",
        "04",
        Told(EventKind.BOUNCED, "5.2.2", "Mailbox full"),
        paper=(*_PRINTED, Told(EventKind.RETURNED, "N05", "Refused by the recipient")),
    ),
    _row(
        "unknown",
        "05",
        Told(EventKind.UNKNOWN, "LOST_IN_THOUGHT", "A word that nobody knows"),
        paper=(*_PRINTED, Told(EventKind.UNKNOWN, "LOST_IN_THOUGHT", "A word that nobody knows")),
    ),
    _row("silent", "06", paper=_PRINTED),
    _row("opened", "10", *_DELIVERED, Told(EventKind.OPENED)),
    _row("complaint", "20", *_DELIVERED, Told(EventKind.COMPLAINED, "abuse", "Reported as unwanted")),
    _row("reply", "21", *_DELIVERED, Told(EventKind.REPLIED, "", "Thank you, please call me back.")),
    _row("autoreply", "22", *_DELIVERED, Told(EventKind.AUTO_REPLIED, "", "I am away until Monday.")),
    _row("stop", "55", *_DELIVERED, Told(EventKind.OPTED_OUT, "STOP", "STOP")),
    _row("blocked", "97", refuse=Told(EventKind.REFUSED, "5.7.1", "The sandbox refuses this sender")),
    _row("refused", "98", refuse=Told(EventKind.REFUSED, "5.1.1", "The sandbox refuses this address", dead=True)),
    #: TryLater until the key is two `later` old: twice for a piece that is tried as soon as it was planned
    _row("later", "99", *_DELIVERED),
)
_BY_WORD = {one.word: one for one in OUTCOMES}
_BY_DIGITS = {one.digits: one for one in OUTCOMES}
_PLAIN = _BY_WORD["delivered"]
_KINDS = {kind.value: kind for kind in EventKind}
_POSTCODE = re.compile(r"\b000(\d\d)\b")
_LINE = re.compile(r"\bSANDBOX ([A-Z]+)\s*$", re.IGNORECASE)
_ROUND = 500  #: pieces in one call of `keep`
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def outcome_of(piece: Piece) -> Outcome:
    """The row of OUTCOMES that the piece's address asks for; "delivered" where it asks for none."""
    if piece.channel is Channel.EMAIL:
        return _BY_WORD.get(piece.to.partition("@")[0].partition("+")[0].lower(), _PLAIN)
    if piece.channel is not Channel.POST:
        return _BY_DIGITS.get(piece.to[-2:], _PLAIN)
    lines = piece.address.lines if piece.address else (piece.to,)
    for line in lines:
        if (found := _LINE.search(line)) and (row := _BY_WORD.get(found[1].lower())):
            return row
    for line in reversed(lines):
        if found := _POSTCODE.search(line):
            return _BY_DIGITS.get(found[1], _PLAIN)
    return _PLAIN


def story_of(outcome: Outcome, channel: Channel) -> tuple[Told, ...]:
    """What will be told of a piece, in order."""
    return outcome.paper if channel is Channel.POST else outcome.story


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SandboxCarrier:
    """Takes pieces of one channel and keeps them in the SandboxBox. See the module for its magic addresses."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        box: SandboxBox,
        log: Log,
        *,
        pace: float = 1.0,
        later: float = 10.0,
        secret: str = "",
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.name = name
        self.abilities = Abilities(
            channel, keeps_keys=True, can_be_asked=True, batch=500, chunk=100, ask_after=min(max(pace, 0.1), 5.0)
        )
        self._desk = _Batcher(box, log, name)
        self._box = box
        self._pace = timedelta(seconds=pace)
        self._later = timedelta(seconds=later)
        self._secret = secret.encode()
        self._now = now

    async def send(self, piece: Piece) -> Receipt:
        """Keep the piece. AlreadySent for a key that the box knows; Refused and TryLater as the address asks."""
        outcome = outcome_of(piece)
        if outcome.refuse:
            raise Refused(outcome.refuse.text, code=outcome.refuse.code, address_dead=outcome.refuse.dead)
        if outcome.word == "later" and -self._later < self._now() - _birth(piece.key) < 2 * self._later:
            raise TryLater("The sandbox asks to come back later", code="4.7.1", after=self._later)
        reference = f"sandbox-{outcome.word}-{piece.key}"
        if await self._desk.keep(self._sent(piece, outcome)):
            raise AlreadySent("The sandbox has this piece already", reference=reference)
        return Receipt(piece.key, reference, cost=0)

    def _sent(self, piece: Piece, outcome: Outcome) -> Sent:
        story = story_of(outcome, piece.channel)
        return Sent(
            key=piece.key,
            organisation_id=piece.organisation_id,
            channel=piece.channel,
            to=piece.to,
            subject=piece.subject,
            text=piece.text,
            html=piece.html,
            address_lines=piece.address.lines if piece.address else (),
            document=piece.pages.document if piece.pages else "",
            first_page=piece.pages.first_page if piece.pages else 0,
            pages=piece.pages.pages if piece.pages else 0,
            outcome=(story[-1].kind if story else EventKind.HANDED_OVER).value,
            sent_at=self._now(),
        )

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """All that is due by now: the hand-over, then a step of each story per `pace`. Nothing for keys that never came."""
        try:
            known = await self._box.outcomes([receipt.key for receipt in receipts])
        except Exception as error:
            raise TryLater(f"The sandbox box cannot be read ({type(error).__name__})") from error
        now = self._now()
        events: list[Event] = []
        for receipt in receipts:
            if receipt.key in known:
                events += self._told(receipt, *known[receipt.key], now)
        return events

    def _told(self, receipt: Receipt, final: str, sent_at: datetime, now: datetime) -> list[Event]:
        story = (Told(EventKind.HANDED_OVER), *self._story(receipt.reference, final))
        return [
            Event(told.kind, at, receipt.key, receipt.reference, told.code, told.text, told.dead)
            for step, told in enumerate(story)
            if (at := sent_at + step * self._pace) <= now
        ]

    def _story(self, reference: str, final: str) -> tuple[Told, ...]:
        """By the word in the reference; where the hand-over was in doubt there is none, and the box's word decides."""
        row = _BY_WORD.get(reference.split("-")[1]) if reference.startswith("sandbox-") else None
        rows = (row,) if row else OUTCOMES
        for one in rows:
            story = story_of(one, self.abilities.channel)
            if not one.refuse and (row or (story[-1].kind if story else EventKind.HANDED_OVER).value == final):
                return story
        return (Told(EventKind.UNKNOWN, final),)

    def read(self, knock: Knock) -> Sequence[Event]:
        """News as a provider would send it, so that the webhook door can be tried without an account.

        The body is a JSON list of {key, status, at, code, text}; the header x-sandbox-signature holds the hex HMAC-SHA256
        of the body under the carrier's `secret`. Forged where that is missing or wrong, or where no secret is set.
        """
        wanted = hmac.new(self._secret, knock.body, hashlib.sha256).hexdigest()
        given = knock.headers.get("x-sandbox-signature", "").encode("utf-8", "surrogateescape")
        if not self._secret or not hmac.compare_digest(wanted.encode(), given):
            raise Forged("The knock at the sandbox's door has no valid x-sandbox-signature")
        try:
            lines = json.loads(knock.body)
        except (ValueError, RecursionError):
            lines = None
        if not isinstance(lines, list):
            return [Event(EventKind.UNKNOWN, knock.received_at, text="The body is not a JSON list")]
        return [_read_line(line, knock.received_at) for line in lines]

    async def close(self) -> None:
        """Wait for what is being kept; a sandbox holds no connection."""
        await self._desk.drain()


def _read_line(line: Any, received_at: datetime) -> Event:
    if not isinstance(line, dict):
        return Event(EventKind.UNKNOWN, received_at, text=str(line)[:200])
    word = str(line.get("status", ""))
    kind = _KINDS.get(word, EventKind.UNKNOWN)
    try:
        at = datetime.fromisoformat(str(line.get("at", "")))
    except ValueError:
        at = received_at
    return Event(
        kind,
        at if at.tzinfo else at.replace(tzinfo=UTC),
        key=str(line.get("key", "")),
        code=str(line.get("code", "")) or (word if kind is EventKind.UNKNOWN else ""),
        text=str(line.get("text", "")),
    )


def _birth(key: str) -> datetime:
    """When a delivery id was made: its first 50 bits are milliseconds (see model.ids). Long ago for any other key."""
    if len(key) != 26 or any(letter not in _LETTERS for letter in key):
        return datetime.fromtimestamp(0, UTC)
    value = 0
    for letter in key:
        value = value << 5 | _LETTERS.index(letter)
    milliseconds = value >> 80
    return datetime.fromtimestamp(min(milliseconds / 1000, 4e9), UTC)


class _Batcher:
    """Makes one `keep` of all the sends that wait at the same moment; those that come meanwhile go with the next."""

    def __init__(self, box: SandboxBox, log: Log, name: str) -> None:
        self._box = box
        self._log = log
        self._name = name
        self._waiting: list[tuple[Sent, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def keep(self, sent: Sent) -> bool:
        """Whether the box had this key already. TryLater where the box cannot be written."""
        verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((sent, verdict))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await verdict

    async def drain(self) -> None:
        """Until nothing waits."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._waiting:
            batch = self._next_round()
            try:
                known = await self._box.keep([sent for sent, _ in batch])
            except Exception as error:  # whatever the store raises: nothing is known to be kept, and repeating a key is safe
                self._log.warning("sandbox_box_failed", carrier=self._name, error=type(error).__name__, pieces=len(batch))
                failure = TryLater(f"The sandbox box cannot be written ({type(error).__name__})")
                _settle(batch, failure)
            else:
                _settle(batch, known)

    def _next_round(self) -> list[tuple[Sent, asyncio.Future[bool]]]:
        """Up to _ROUND pieces with different keys; a key that stands there twice waits, so that the box counts it."""
        batch: dict[str, tuple[Sent, asyncio.Future[bool]]] = {}
        rest: list[tuple[Sent, asyncio.Future[bool]]] = []
        for one in self._waiting:
            if one[0].key in batch or len(batch) == _ROUND:
                rest.append(one)
            else:
                batch[one[0].key] = one
        self._waiting = rest
        return list(batch.values())


def _settle(batch: Sequence[tuple[Sent, asyncio.Future[bool]]], result: set[str] | TryLater) -> None:
    for sent, verdict in batch:
        if verdict.done():  # its sender was cancelled
            continue
        if isinstance(result, TryLater):
            verdict.set_exception(TryLater(result.reason))
        else:
            verdict.set_result(sent.key in result)


def _kind(channel: Channel, label: Label) -> Kind:
    def build(settings: Mapping[str, Any], parts: Parts) -> SandboxCarrier:
        return SandboxCarrier(
            parts.name,
            channel,
            parts.box,
            parts.log,
            pace=settings["pace"],
            later=settings["later"],
            secret=settings["secret"],
        )

    return Kind(f"sandbox-{channel.value}", channel, label, _FIELDS, build)


_FIELDS = (
    Field(
        "pace",
        Label("Seconds between two pieces of news", "Secondes entre deux nouvelles"),
        FieldKind.SECONDS,
        1.0,
    ),
    Field(
        "later",
        Label("Seconds that later@ asks to wait", "Secondes d'attente demandées par later@"),
        FieldKind.SECONDS,
        10.0,
    ),
    Field(
        "secret",
        Label("Webhook secret", "Secret du webhook"),
        secret=True,
        hint=Label("Without it, every knock is turned away", "Sans lui, tout appel est refusé"),
    ),
)
KINDS = (
    _kind(Channel.EMAIL, Label("Sandbox (e-mail)", "Bac à sable (e-mail)")),
    _kind(Channel.SMS, Label("Sandbox (SMS)", "Bac à sable (SMS)")),
    _kind(Channel.FAX, Label("Sandbox (fax)", "Bac à sable (fax)")),
    _kind(Channel.POST, Label("Sandbox (paper)", "Bac à sable (papier)")),
)
