"""What the rooms ask of the world, as protocols. Wiring hands out the real thing; a test may hand out another."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar, runtime_checkable

from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Proof, Receipt
from postoffice.model.errors import CarrierError, OptionConflict
from postoffice.model.mailing import Options

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    """The time. Rooms never look at a clock of their own."""

    def now(self) -> datetime:
        """Now, aware, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Immutable bytes named by their SHA-256 (64 lower-case hex digits of the plain bytes)."""

    sha256: str
    size: int


class Upload(Protocol):
    """Bytes on their way in. Leaving the context without `finish` removes every trace of them."""

    async def write(self, chunk: bytes) -> None:
        """Add bytes; OutOfRoom when the disk is full."""
        ...

    def named(self) -> StoredDocument:
        """What `finish` will return, after the last `write` and before the bytes are durable."""
        ...

    def sealed(self) -> bytes | None:
        """In place of `finish`: the whole, encrypted, where it is small enough to be kept in its row; None for all others."""
        ...

    async def finish(self) -> StoredDocument:
        """Make the bytes durable (file and folder synced) and return their name. Storing the same bytes twice is fine."""
        ...


class Documents(Protocol):
    """The store of documents: one namespace and one key per organisation."""

    def upload(self, organisation_id: str) -> AbstractAsyncContextManager[Upload]:
        """Open an upload; see Upload."""
        ...

    async def put(self, organisation_id: str, content: bytes) -> StoredDocument:
        """Store bytes that are already in memory."""
        ...

    async def put_file(self, organisation_id: str, path: Path) -> StoredDocument:
        """Store a file's bytes, read in pieces."""
        ...

    async def get(self, organisation_id: str, sha256: str) -> bytes:
        """All bytes; NotFound where there is no such document. For small documents."""
        ...

    def stream(self, organisation_id: str, sha256: str) -> AsyncIterator[bytes]:
        """The bytes in pieces of at most 64 KiB."""
        ...

    def as_file(self, organisation_id: str, sha256: str) -> AbstractAsyncContextManager[Path]:
        """A plain file with the bytes for as long as the context lasts (programs and child processes read it)."""
        ...


class Bell(Protocol):
    """Tells workers that there is work. The database is the truth: a lost ring costs seconds, never work."""

    async def ring(self, queue: str, batch_id: str, attempt: int) -> None:
        """Say that batch `batch_id` waits on `queue`. Never raises for a missing queue server."""
        ...


class Workshop(Protocol):
    """A pool of child processes for work that would block the loop or may eat memory (PDF, rendering, OCR)."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(...)` in a child process; arguments and result are pickled. Raises what `work` raises, TimedOut where the
        pool's limit of seconds or memory was passed."""
        ...


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a carrier can do; dispatch reads it and nothing else about a carrier."""

    channel: Channel
    keeps_keys: bool = False  #: repeating a key never sends twice (it answers AlreadySent or the same receipt)
    can_be_asked: bool = False  #: `ask` tells what became of a piece
    countries: frozenset[str] = frozenset()  #: ISO codes; empty: everywhere
    batch: int = 100  #: deliveries per claim
    chunk: int = 10  #: deliveries marked `sending` and called at the same time
    per_second: float = 0.0  #: 0: no limit
    max_bytes: int = 0  #: of the PDF; 0: no limit
    ask_after: float = 60.0  #: seconds until the first question about a receipt
    heard: int = 200  #: the HTTP status that its webhooks take for a yes


class Carrier(Protocol):
    """A provider on a channel."""

    name: str
    abilities: Abilities

    async def send(self, piece: Piece) -> Receipt:
        """Hand over one piece. Raises TryLater, Refused, AlreadySent or InDoubt, nothing else; never called in a transaction."""
        ...

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """What became of these; () where the carrier calls us. TryLater where it does not answer."""
        ...

    def read(self, knock: Knock) -> Sequence[Event]:
        """Verify a webhook's signature (Forged) and translate it. Unknown words become EventKind.UNKNOWN with their text."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Paced(Protocol):
    """An ability of some carriers: they know beforehand when they will take nothing (a limit is reached, all relays are away)."""

    def wait(self) -> float:
        """Seconds until the next piece may come; 0: now. Asked before deliveries are marked, so that none is tried in vain."""
        ...


@runtime_checkable
class Listener(Protocol):
    """An ability of some carriers: recipients' answers reach them over a line of their own at any time, asked or not."""

    async def listen(self, hear: Callable[[Sequence[Event]], Awaitable[object]]) -> None:
        """Hand answers to `hear` as they come, until cancelled. What it raises for is kept and handed over again.

        Where nobody listens, `ask` tells them. An answer's event may lack `key`: its `detail` has the numbers `from` and `to`.
        """
        ...


@runtime_checkable
class Batch(Protocol):
    """An ability of some carriers: many pieces go in one hand-over. Dispatch then hands over a whole chunk by it."""

    async def send_many(self, pieces: Sequence[Piece]) -> Sequence[Receipt | CarrierError]:
        """One answer per piece, in their order: what `send` would have returned or raised. Never called in a transaction."""
        ...


@runtime_checkable
class Advises(Protocol):
    """An ability of some carriers: it names what it cannot make, before anything is sent."""

    def conflicts(self, options: Options, pages: int, country: str) -> Sequence[OptionConflict]:
        """Why a letter of so many pages to this country (ISO code, empty: its own) cannot go like that; () where it can. Pure."""
        ...


@dataclass(frozen=True, slots=True)
class Price:
    """What a carrier asks for one piece. `amount` in millionths."""

    amount: int
    currency: str


@runtime_checkable
class Quotes(Protocol):
    """An ability of some carriers: it knows its own prices."""

    async def quote(self, options: Options, pages: int, country: str) -> Price:
        """Of one letter. Refused where it does not make such; TryLater where it does not answer."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """An ability of some carriers: a piece can be taken back for a while."""

    async def recall(self, receipt: Receipt) -> None:
        """Take it back: then it will not be made. Refused where it is too late; TryLater where nobody answers."""
        ...


@runtime_checkable
class Grants(Protocol):
    """An ability of some carriers: they sign in with access tokens (OAuth 2), which open the mailbox beside them, too."""

    async def token(self) -> str:
        """An access token that is good now. TryLater where there is none."""
        ...


@runtime_checkable
class Proves(Protocol):
    """An ability of some carriers: documents come back (a deposit proof, a signed receipt, a scan of a returned envelope).

    `ask` tells of each by EventKind.PROVEN, its word in `Event.code`.
    """

    async def proof(self, receipt: Receipt, word: str) -> Proof:
        """The document. Refused where there is none; TryLater where it cannot be had now."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sandbox carrier keeps of a piece, for the desk's sandbox box."""

    key: str
    organisation_id: str
    channel: Channel
    to: str
    subject: str
    text: str
    html: str
    address_lines: tuple[str, ...]
    document: str  #: SHA-256, empty for none
    first_page: int
    pages: int
    outcome: str  #: EventKind value that `ask` will tell
    sent_at: datetime


class SandboxBox(Protocol):
    """Where sandbox carriers keep what they "sent"."""

    async def keep(self, sent: Sequence[Sent]) -> set[str]:
        """Keep them durably; returns the keys that were there already (a second hand-over is counted, not kept)."""
        ...

    async def outcomes(self, keys: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        """For the keys that are known: outcome word and time of sending."""
        ...


@dataclass(frozen=True, slots=True)
class PrinterCard:
    """What the doors need to know of a virtual printer."""

    id: str
    organisation_id: str
    name: str
    info: str  #: a sentence for print dialogs
    location: str
    layout: str
    split_rule: str
    options: Options
    automatic: bool
    live: bool
    accepting: bool  #: False: paused by an administrator
    max_bytes: int  #: per job
    max_jobs: int  #: mailings that may wait on this printer at once
    user_id: str | None  #: whose token was used, where tokens are personal


@dataclass(frozen=True, slots=True)
class Work:
    """A batch of work that was written and can be rung for."""

    queue: str
    batch_id: str
    attempt: int


class Log(Protocol):
    """A structured logger: an event word and ids. Never names, addresses, tokens, subjects or file names."""

    def debug(self, event: str, **facts: Any) -> Any:
        """For those who search."""
        ...

    def info(self, event: str, **facts: Any) -> Any:
        """Something happened as it should."""
        ...

    def warning(self, event: str, **facts: Any) -> Any:
        """Something a person may want to know."""
        ...

    def error(self, event: str, **facts: Any) -> Any:
        """Something a person must see to."""
        ...


Fact: TypeAlias = str | int | float | bool  #: what a span may tell: a word of ours, an id or a figure


class Span(Protocol):
    """A piece of a journey that is being timed. Never told: names, addresses, numbers, tokens, subjects, texts of errors."""

    def set(self, **facts: Fact) -> None:
        """Add facts."""
        ...

    def failed(self, kind: str) -> None:
        """It did not succeed; `kind` is an error's class or code, never its text."""
        ...


class Tracer(Protocol):
    """Times journeys for whoever looks at traces. The usual one is model.tracing.NO_TRACES."""

    on: bool  #: False: nothing is noted, so what is done very often need not even ask

    def span(self, name: str, /, *, kind: str = "", parent: str = "", **facts: Fact) -> AbstractContextManager[Span]:
        """Time what is done in the context. `kind`: server, client or empty (inside); `parent`: a traceparent, empty: the
        span that the task is in. An exception that leaves the context is noted by its class alone."""
        ...

    def close(self) -> None:
        """Tell what is left, and end; may block for some seconds."""
        ...
