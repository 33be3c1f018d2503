"""Telnyx's programmable fax, API version 2. https://developers.telnyx.com/api/programmable-fax/send-fax

The pages travel within the request (multipart), so that no link to them ever exists. That form of the request takes no key and no
state: news is told by Telnyx's own number, and a request that broke off leaves a doubt that only a person can settle.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp

from postoffice.channels.fax.sheets import cover_of, foot_of, header_of, parsed, tiff_of
from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.rest import Rest, Site, ask_each, hide, is_safe, verdict
from postoffice.channels.telnyx import URL, first_error, moment, read_key, verify
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import InDoubt, Refused, TryLater
from postoffice.model.ports import Abilities, Log, Workshop
from postoffice.model.states import EventKind
from postoffice.pdf.tiff import FaxLook

#: Telnyx's statuses of a fax in our vocabulary
WORDS: dict[str, EventKind] = {
    "queued": EventKind.HANDED_OVER,
    "media.processing": EventKind.HANDED_OVER,
    "media.processed": EventKind.HANDED_OVER,
    "originated": EventKind.HANDED_OVER,
    "sending": EventKind.HANDED_OVER,
    "delivered": EventKind.DELIVERED,
    "failed": EventKind.BOUNCED,
}
#: Telnyx's failure reasons that are no bounce
FAILURES: dict[str, EventKind] = {
    "rejected": EventKind.REFUSED,
    "user_busy": EventKind.EXPIRED,
    "receiver_no_answer": EventKind.EXPIRED,
    "receiver_no_response": EventKind.EXPIRED,
    "no_outbound_profile": EventKind.REFUSED,
    "outbound_profile_daily_spend_limit_exceeded": EventKind.REFUSED,
    "destination_invalid": EventKind.REFUSED,
}
#: those that blame the number itself
DEAD = frozenset({"receiver_unallocated_number"})
#: what they are called on all fax carriers
_CODES = {"user_busy": "busy", "receiver_no_answer": "no-answer"}
_EVENTS = frozenset({"fax.queued", "fax.media.processed", "fax.sending.started", "fax.delivered", "fax.failed"})
_MOST = 20_000_000  #: bytes that Telnyx takes within a request


@dataclass(frozen=True, slots=True)
class Account:
    """`connection` is the number of the fax application, where the webhooks' address stands too; `public_key` (base64) signs them."""

    connection: str
    sender: str
    public_key: str = ""
    fine: bool = True
    header: bool = True
    cover: bool = False


class TelnyxFaxCarrier:
    """Hands faxes to Telnyx and understands its webhooks. ValueError where the public key is none."""

    def __init__(self, name: str, account: Account, site: Site, log: Log, workshop: Workshop | None = None) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.FAX,
            can_be_asked=True,
            batch=max(20, site.connections),
            chunk=site.connections,
            ask_after=120.0 if account.public_key else 30.0,
        )
        self._account = account
        self._key = read_key(account.public_key) if account.public_key else None
        self._rest = Rest(site)
        self._log = log
        self._workshop = workshop
        self._sent: dict[str, Receipt] = {}

    async def send(self, piece: Piece) -> Receipt:
        """Create a fax. A key that this process sent already gives the same receipt."""
        account = self._account
        parsed(piece.to)
        if known := self._sent.get(piece.key):
            return known
        now = datetime.now().astimezone()
        look = FaxLook(
            account.fine,
            header_of(piece, account.sender, now) if account.header else "",
            cover_of(piece, account.sender, now) if account.cover else (),
            foot_of(piece),
        )
        content, _ = await tiff_of(piece, self._workshop, look)
        if len(content) > _MOST:
            raise Refused(f"The fax has {len(content)} bytes; Telnyx takes {_MOST} at most", code="too-large")
        return await self._create(piece, content)

    async def _create(self, piece: Piece, content: bytes) -> Receipt:
        form = aiohttp.FormData()
        for name, value in (
            ("connection_id", self._account.connection),
            ("from", self._account.sender),
            ("to", piece.to),
            ("quality", "high" if self._account.fine else "normal"),
        ):
            form.add_field(name, value)
        form.add_field("contents", content, filename="fax.tif", content_type="image/tiff")
        made = await self._rest.post("/faxes", data=form)
        if not 200 <= made.status < 300:
            code, words = first_error(made.body.get("errors"))
            raise verdict(made, code, words, dead=frozenset())
        data = made.body.get("data")
        reference = str(data.get("id") or "") if isinstance(data, dict) else ""
        if not reference:
            raise InDoubt("The provider took the fax but did not name it")
        if len(self._sent) >= 10_000:
            self._sent.clear()
        self._sent[piece.key] = Receipt(piece.key, reference)
        return self._sent[piece.key]

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """The state of each fax."""
        return await ask_each(receipts, self._ask)

    async def _ask(self, receipt: Receipt) -> Sequence[Event]:
        found = await self._rest.get(f"/faxes/{quote(receipt.reference, safe='')}")
        if found.status in (400, 404, 422):  # not there (any more): there will be no news
            return ()
        data = found.body.get("data")
        if found.status != 200 or not isinstance(data, dict):
            raise TryLater(f"The provider answered {found.status}", code=str(found.status), after=found.after)
        if data.get("direction", "outbound") != "outbound":
            return ()
        at = moment(str(data.get("updated_at") or data.get("created_at") or "")) or datetime.now(UTC)
        return [_event(data, at, receipt.key, receipt.reference)]

    def read(self, knock: Knock) -> Sequence[Event]:
        """News of a fax. Forged unless telnyx-signature-ed25519 is theirs and its time is near."""
        verify(self._key, knock)
        try:
            data = json.loads(knock.body)["data"]
            kind, payload = str(data["event_type"]), dict(data["payload"])
        except (ValueError, RecursionError, TypeError, KeyError):
            return [Event(EventKind.UNKNOWN, knock.received_at, text="The webhook's body has another form than Telnyx describes")]
        at = moment(str(data.get("occurred_at", ""))) or knock.received_at
        reference = str(payload.get("fax_id", ""))
        if kind not in _EVENTS:
            return [Event(EventKind.UNKNOWN, at, "", reference, kind[:60])]
        return [_event(payload, at, "", reference)]

    async def close(self) -> None:
        """Hang up."""
        await self._rest.close()


def _event(payload: Mapping[str, Any], at: datetime, key: str, reference: str) -> Event:
    word, reason = str(payload.get("status", "")), str(payload.get("failure_reason") or "")
    kind = WORDS.get(word, EventKind.UNKNOWN)
    detail = {"pages": payload["page_count"]} if isinstance(payload.get("page_count"), int) else {}
    if kind is EventKind.BOUNCED:
        kind = FAILURES.get(reason, kind)
        return Event(
            kind, at, key, reference, _CODES.get(reason, reason[:60] or "failed"), hide(reason or word), reason in DEAD, detail
        )
    code = word[:60] if kind is EventKind.UNKNOWN else ""
    return Event(kind, at, key, reference, code, code, detail=detail)


def _build(settings: Mapping[str, Any], parts: Parts) -> TelnyxFaxCarrier:
    if not is_safe(settings["url"]):
        raise _bad("url", "it must begin with https://", "Correct it and save again.")
    if not re.fullmatch(r"[!-~]+", settings["api_key"]):
        raise _bad("api_key", "it holds characters that no key has", "Copy it again from Telnyx's portal.")
    if not re.fullmatch(r"\+\d{6,15}", settings["sender"]):
        raise _bad("sender", "it must be a number that begins with + and the country code", "Correct it and save again.")
    site = Site(
        settings["url"].rstrip("/"),
        headers={"Authorization": f"Bearer {settings['api_key']}"},
        seconds=max(1.0, settings["timeout"]),
        connections=max(1, settings["connections"]),
        reach=parts.reach,
    )
    names = ("connection", "sender", "public_key", "fine", "header", "cover")
    try:
        return TelnyxFaxCarrier(parts.name, Account(**{name: settings[name] for name in names}), site, parts.log, parts.workshop)
    except ValueError as error:
        raise _bad("public_key", f"it must be {error}", "Copy it again from Telnyx's portal.") from None


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'telnyx-fax' cannot be used: {what}.",
        help=help,
        kind="telnyx-fax",
        field=field,
    )


_FIELDS = (
    Field("api_key", Label("API key", "Clé d'API"), required=True, secret=True),
    Field(
        "connection",
        Label("Fax application", "Application de fax"),
        required=True,
        hint=Label("Its number in Telnyx's portal", "Son numéro dans le portail de Telnyx"),
    ),
    Field("sender", Label("Our fax number", "Notre numéro de fax"), required=True, hint=Label("+33…", "+33…")),
    Field(
        "public_key",
        Label("Telnyx's public key", "Clé publique de Telnyx"),
        hint=Label("Without it, webhooks are turned away", "Sans elle, les webhooks sont refusés"),
    ),
    Field("fine", Label("Fine resolution", "Résolution fine"), FieldKind.SWITCH, True),
    Field("header", Label("Line at the top of each page", "Ligne en haut de chaque page"), FieldKind.SWITCH, True),
    Field("cover", Label("Cover page", "Page de garde"), FieldKind.SWITCH, False),
    Field("connections", Label("Faxes at once", "Fax simultanés"), FieldKind.NUMBER, 5),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 60.0),
    Field("url", Label("Address of the interface", "Adresse de l'interface"), default=URL),
)
KIND = Kind("telnyx-fax", Channel.FAX, Label("Telnyx (fax)", "Telnyx (fax)"), _FIELDS, _build)
