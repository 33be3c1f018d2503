"""HylaFAX of one's own, over hfaxd. Each job bears the delivery's key, so that a repetition finds the job instead of sending twice.

HylaFAX redials by itself; what we ask for are the limits. It forgets done jobs after a while (faxqclean): keep them for a day or more.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers

from postoffice.channels.fax.hfaxd import HfaxdError, Job, Server, session
from postoffice.channels.fax.sheets import cover_of, dialled, foot_of, header_of, tiff_of
from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Forged, InDoubt, Refused, TryLater
from postoffice.model.ports import Abilities, Log, Workshop
from postoffice.model.states import EventKind
from postoffice.pdf.tiff import FaxLook

#: states of sendq(5) in our vocabulary; those that wait for their turn or a redial are told apart by their reason
WAITING = frozenset("TPSBWR?")
#: HylaFAX's words for what went wrong -> our code, and what it means when it has given up; the first that is found counts
REASONS: tuple[tuple[str, str, EventKind], ...] = (
    ("busy signal", "busy", EventKind.EXPIRED),
    ("no answer", "no-answer", EventKind.EXPIRED),  # "Ringback detected, no answer without CED" too
    ("no carrier", "no-carrier", EventKind.BOUNCED),
    ("voice", "voice", EventKind.BOUNCED),
    ("data connection", "no-fax", EventKind.BOUNCED),
    ("receiver signals", "no-fax", EventKind.BOUNCED),
    ("kill time expired", "time-over", EventKind.EXPIRED),
    ("too many attempts", "too-many-tries", EventKind.EXPIRED),
    ("aborted by", "cancelled", EventKind.CANCELLED),
    ("reject", "rejected", EventKind.REFUSED),
    ("no local dialtone", "no-dialtone", EventKind.EXPIRED),
    ("invalid dialing", "dial-string", EventKind.REFUSED),
)
_FRESH = 20.0  #: seconds that a look into the queues serves; see `_find`
_OURS = timedelta(minutes=5)  #: until wrong settings of ours are tried again


@dataclass(frozen=True, slots=True)
class Way:
    """How faxes leave: see the fields of the form."""

    country: str = "FR"
    prefix: str = ""
    international: str = "00"
    station: str = ""
    modem: str = "any"
    dials: int = 6
    tries: int = 3
    retry: int = 0
    hours: int = 24
    fine: bool = True
    header: str = "server"
    cover: bool = False


class HylaFaxCarrier:
    """Hands faxes to hfaxd and asks for them."""

    def __init__(
        self, name: str, server: Server, way: Way, log: Log, *, workshop: Workshop | None = None, connections: int = 4
    ) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.FAX, keeps_keys=True, can_be_asked=True, batch=max(5, connections), chunk=connections, ask_after=20.0
        )
        self._server = server
        self._way = way
        self._log = log
        self._workshop = workshop
        self._slots = asyncio.Semaphore(connections)
        self._looking = asyncio.Lock()
        self._looked_at = -_FRESH
        self._known: dict[str, str] = {}  # key -> job number, of the last look and of what was sent since
        self._told: dict[str, int] = {}  # key -> calls whose failure was told

    async def send(self, piece: Piece) -> Receipt:
        """Queue a job; AlreadySent where a job with this key is queued, under way or done."""
        way = self._way
        number = dialled(piece.to, country=way.country, prefix=way.prefix, international=way.international)
        async with self._slots:
            if known := await self._find(piece.key):
                raise AlreadySent("HylaFAX has this fax already", reference=known)
            content, _ = await tiff_of(piece, self._workshop, self._look(piece))
            job = await self._submit(piece, number, content)
        self._known[piece.key] = job
        return Receipt(piece.key, job)

    def _look(self, piece: Piece) -> FaxLook:
        now = datetime.now().astimezone()
        return FaxLook(
            self._way.fine,
            header_of(piece, self._way.station, now) if self._way.header == "office" else "",
            cover_of(piece, self._way.station, now) if self._way.cover else (),
            foot_of(piece),
        )

    async def _submit(self, piece: Piece, number: str, content: bytes) -> str:
        handed = False
        try:
            async with session(self._server) as hfaxd:
                document = await hfaxd.store(content)
                job = await hfaxd.new_job(self._parameters(piece.key, number) | {"DOCUMENT": document})
                handed = True
                await hfaxd.submit()
                return job
        except HfaxdError as error:
            raise _no(error) from error
        except OSError as error:
            if not handed:
                raise TryLater(f"HylaFAX cannot be reached ({type(error).__name__})") from error
            return await self._after_break(piece.key, error)

    def _parameters(self, key: str, number: str) -> dict[str, str]:
        way = self._way
        hours = min(max(way.hours, 1), 24 * 30)
        parameters = {
            "FROMUSER": f'"{self._server.user}"',
            "JOBINFO": f'"{key}"',
            "DIALSTRING": f'"{number}"',
            "EXTERNAL": f'"{number[-4:]:*>8}"',  # what HylaFAX shows in its logs and lists
            "MODEM": f'"{way.modem}"',
            "MAXDIALS": str(max(1, way.dials)),
            "MAXTRIES": str(max(1, way.tries)),
            "LASTTIME": f"{hours // 24:02}{hours % 24:02}00",
            "NOTIFY": "none",
            "VRES": "196" if way.fine else "98",
            "PAGEWIDTH": "215",
            "PAGELENGTH": "297",
            "PAGECHOP": "none",
        }
        if way.retry:
            parameters["RETRYTIME"] = f"{min(way.retry, 5999) // 60:02}{min(way.retry, 5999) % 60:02}"
        if way.station:
            parameters["TSI"] = f'"{way.station}"'
        if way.header != "server":
            parameters["USETAGLINE"] = "YES"  # its own format is used for this job: an empty one draws no line
            parameters["TAGLINE"] = '""'
        return parameters

    async def _after_break(self, key: str, error: OSError) -> str:
        """The line broke at the order to send: look whether the job is there."""
        self._looked_at = -_FRESH
        try:
            job = await self._find(key)
        except TryLater:
            raise InDoubt(f"HylaFAX may have the fax: the line broke ({type(error).__name__})") from error
        if not job:
            raise TryLater(f"The line broke and HylaFAX does not have the fax ({type(error).__name__})") from error
        return job

    async def _find(self, key: str) -> str:
        """The job with this key, or "". A look serves for a while: what came since with this key came from this process."""
        async with self._looking:
            if key not in self._known and time.monotonic() - self._looked_at >= _FRESH:
                self._known = {job.key: job.number for job in await self._jobs()}
                self._looked_at = time.monotonic()
        return self._known.get(key, "")

    async def _jobs(self) -> list[Job]:
        """All jobs. The send queue first: a job that is done meanwhile then stands in both lists, never in none."""
        try:
            async with session(self._server) as hfaxd:
                return await hfaxd.jobs("sendq") + await hfaxd.jobs("doneq")
        except HfaxdError as error:
            raise TryLater(f"HylaFAX answered {error.code}", code=str(error.code), after=_OURS) from error
        except OSError as error:
            raise TryLater(f"HylaFAX cannot be reached ({type(error).__name__})") from error

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """The state of each job, in one session."""
        jobs = {job.key: job for job in await self._jobs()}
        now = datetime.now(UTC)
        return [event for receipt in receipts if receipt.key in jobs for event in self._news(jobs[receipt.key], receipt.key, now)]

    async def recall(self, receipt: Receipt) -> None:
        """Take a fax back that waits for its turn or for another call. Refused once a call is under way, or it is over."""
        try:
            async with session(self._server) as hfaxd:
                waiting = {job.key: job for job in await hfaxd.jobs("sendq")}
                job = waiting.get(receipt.key)
                if job is None or job.state not in WAITING - {"R"}:
                    raise Refused("The fax is being sent or was sent already", code="too-late")
                await hfaxd.kill(job.number)
                self._told.pop(receipt.key, None)
                if any(one.key == receipt.key and one.state == "D" for one in await hfaxd.jobs("doneq")):
                    raise Refused("The fax was sent meanwhile", code="too-late")
        except HfaxdError as error:
            raise _no(error) from error
        except OSError as error:
            raise TryLater(f"HylaFAX cannot be reached ({type(error).__name__})") from error

    def _news(self, job: Job, key: str, now: datetime) -> list[Event]:
        detail = {"pages": job.sent_pages, "of": job.pages, "calls": job.calls}
        at = datetime.fromtimestamp(job.epoch, UTC) if 0 < job.epoch < now.timestamp() else now
        code, kind = _reason(job.reason)
        if job.state == "D" and job.sent_pages >= job.pages:
            self._told.pop(key, None)
            return [Event(EventKind.DELIVERED, at, key, job.number, f"{job.sent_pages}/{job.pages}", detail=detail)]
        if job.state in ("D", "F"):
            self._told.pop(key, None)
            text = f"{job.reason} ({job.sent_pages} of {job.pages} pages confirmed)".strip()
            return [Event(kind, at, key, job.number, code, text, detail=detail)]
        if job.state not in WAITING:
            return [Event(EventKind.UNKNOWN, now, key, job.number, job.state, job.reason)]
        if not job.reason or self._told.get(key) == job.calls:
            return []
        self._told[key] = job.calls
        return [Event(EventKind.DEFERRED, now, key, job.number, code, f"{job.reason} (call {job.calls})", detail=detail)]

    def read(self, knock: Knock) -> Sequence[Event]:
        """HylaFAX knocks at no door."""
        raise Forged("HylaFAX sends no webhooks")

    async def close(self) -> None:
        """Nothing is kept open."""


def _reason(words: str) -> tuple[str, EventKind]:
    low = words.lower()
    return next(((code, kind) for part, code, kind in REASONS if part in low), ("failed", EventKind.BOUNCED))


def _no(error: HfaxdError) -> TryLater | Refused:
    """A no before anything was sent. Only what is said of the number or the job is the fax's fault; the rest a person mends."""
    reason = f"HylaFAX answered {error.code}: {re.sub(r'[0-9]{5,}', '[number]', error.text)[:200]}"
    if error.passing:
        return TryLater(reason, code=str(error.code), after=None if error.code < 500 else _OURS)
    return Refused(reason, code=str(error.code))


def _build(settings: Mapping[str, Any], parts: Parts) -> HylaFaxCarrier:
    country = settings["country"].upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise _bad("country", "it must be a country's two letters")
    for field in ("prefix", "international", "station"):
        if not re.fullmatch(r"[0-9*#,Ww+ .-]*", settings[field]):
            raise _bad(field, "it must hold digits, and signs that a modem knows")
    for field in ("user", "password", "modem"):
        if not re.fullmatch(r'[^"\\\r\n]*', settings[field]):
            raise _bad(field, "it holds a sign that HylaFAX cannot take")
    names = ("prefix", "international", "station", "modem", "dials", "tries", "retry", "hours", "fine", "header", "cover")
    server = Server(
        settings["host"], settings["port"], settings["user"], settings["password"], max(1.0, settings["timeout"]), parts.reach
    )
    way = Way(country, **{name: settings[name] for name in names})
    return HylaFaxCarrier(parts.name, server, way, parts.log, workshop=parts.workshop, connections=max(1, settings["connections"]))


def _bad(field: str, what: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'hylafax' cannot be used: {what}.",
        help="Correct it and save again.",
        kind="hylafax",
        field=field,
    )


_FIELDS = (
    Field("host", Label("HylaFAX server", "Serveur HylaFAX"), required=True),
    Field("port", Label("Port", "Port"), FieldKind.NUMBER, 4559),
    Field("user", Label("User", "Utilisateur"), default="postoffice"),
    Field(
        "password",
        Label("Password", "Mot de passe"),
        secret=True,
        hint=Label("hfaxd has no TLS: keep it on a trusted network", "hfaxd n'a pas de TLS : restez sur un réseau sûr"),
    ),
    Field("country", Label("Country of the line", "Pays de la ligne"), default="FR"),
    Field(
        "prefix", Label("Dialled before every number", "Composé avant chaque numéro"), hint=Label("For example 0,", "Par exemple 0,")
    ),
    Field("international", Label("Dialled before a country code", "Composé avant un indicatif de pays"), default="00"),
    Field(
        "station",
        Label("Our fax number", "Notre numéro de fax"),
        hint=Label("Shown at the recipient's machine", "Affiché par l'appareil du destinataire"),
    ),
    Field("modem", Label("Modem or class of modems", "Modem ou classe de modems"), default="any"),
    Field("dials", Label("Calls at most", "Appels au plus"), FieldKind.NUMBER, 6),
    Field("tries", Label("Tries once connected", "Essais une fois connecté"), FieldKind.NUMBER, 3),
    Field(
        "retry",
        Label("Seconds between two calls", "Secondes entre deux appels"),
        FieldKind.NUMBER,
        0,
        hint=Label("0: as HylaFAX is set", "0 : selon le réglage de HylaFAX"),
    ),
    Field("hours", Label("Hours until it gives up", "Heures avant l'abandon"), FieldKind.NUMBER, 24),
    Field("fine", Label("Fine resolution", "Résolution fine"), FieldKind.SWITCH, True),
    Field(
        "header",
        Label("Line at the top of each page", "Ligne en haut de chaque page"),
        FieldKind.CHOICE,
        "server",
        choices=("server", "office", "none"),
        hint=Label("Drawn by HylaFAX, by us, or not", "Tracée par HylaFAX, par nous, ou absente"),
    ),
    Field("cover", Label("Cover page", "Page de garde"), FieldKind.SWITCH, False),
    Field("connections", Label("Faxes handed over at once", "Fax remis simultanément"), FieldKind.NUMBER, 4),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 30.0),
)
KIND = Kind("hylafax", Channel.FAX, Label("HylaFAX", "HylaFAX"), _FIELDS, _build)
