"""Telnyx's messaging, API version 2. https://developers.telnyx.com/api/messaging/send-message

Telnyx keeps no idempotency keys for messages. The key travels in the webhook's address, which Telnyx repeats inside the signed body:
so the webhook of a doubtful message still finds its delivery.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.rest import Rest, Site, ask_each, hide, is_safe, verdict
from postoffice.channels.sms.memory import Memory
from postoffice.channels.sms.rules import answer, check
from postoffice.channels.telnyx import URL, first_error, moment, read_key, verify
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import InDoubt, TryLater
from postoffice.model.ports import Abilities, Log
from postoffice.model.states import EventKind

#: Telnyx's statuses of a recipient in our vocabulary
WORDS: dict[str, EventKind] = {
    "queued": EventKind.HANDED_OVER,
    "sending": EventKind.HANDED_OVER,
    "sent": EventKind.HANDED_OVER,
    "delivered": EventKind.DELIVERED,
    "delivery_unconfirmed": EventKind.HANDED_OVER,  # the network tells nothing more
    "sending_failed": EventKind.REFUSED,
    "delivery_failed": EventKind.BOUNCED,
    "expired": EventKind.EXPIRED,
    "cancelled": EventKind.CANCELLED,
}
#: error codes that blame the recipient's number itself
DEAD = frozenset({"40012", "40310"})
#: error codes that may pass: unexpected error, too many requests, upstream's limit, queue full
_LATER = frozenset({"10007", "10011", "40011", "40318"})


@dataclass(frozen=True, slots=True)
class Account:
    """`public_key` (base64) signs the webhooks; `callback` is the public address of our webhook for this carrier."""

    sender: str = ""
    profile: str = ""
    public_key: str = ""
    callback: str = ""


class TelnyxCarrier:
    """Hands messages to Telnyx and understands its webhooks. ValueError where the public key is none."""

    def __init__(self, name: str, account: Account, site: Site, log: Log) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.SMS, can_be_asked=True, batch=100, chunk=site.connections, ask_after=300.0 if account.callback else 15.0
        )
        self._account = account
        self._key = read_key(account.public_key) if account.public_key else None
        self._rest = Rest(site)
        self._log = log
        self._memory = Memory()

    async def send(self, piece: Piece) -> Receipt:
        """Create a message. A key that this process sent already gives the same receipt."""
        account = self._account
        sender = piece.sender or account.sender
        check(piece, sender)
        if known := self._memory.get(piece.key):
            return known
        if not (sender or account.profile):
            raise TryLater("Neither the organisation nor this carrier names a sender", code="sender")
        body = {"to": piece.to, "text": piece.text, "type": "SMS"}
        body |= {"from": sender} if sender else {}
        body |= {"messaging_profile_id": account.profile} if account.profile else {}
        body |= {"webhook_url": f"{account.callback}?key={quote(piece.key, safe='')}"} if account.callback else {}
        made = await self._rest.post("/messages", json=body)
        if not 200 <= made.status < 300:
            code, words = first_error(made.body.get("errors"))
            raise verdict(made, code, words, dead=DEAD, later=_LATER)
        data = made.body.get("data")
        reference = str(data.get("id") or "") if isinstance(data, dict) else ""
        if not reference:
            raise InDoubt("The provider took the message but did not name it")
        return self._memory.keep(Receipt(piece.key, reference))

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """The state of each message."""
        return await ask_each(receipts, self._ask)

    async def _ask(self, receipt: Receipt) -> Sequence[Event]:
        found = await self._rest.get(f"/messages/{quote(receipt.reference, safe='')}")
        if found.status in (400, 404, 422):  # not there (any more): there will be no news
            return ()
        data = found.body.get("data")
        if found.status != 200 or not isinstance(data, dict):
            raise TryLater(f"The provider answered {found.status}", code=str(found.status), after=found.after)
        if data.get("direction", "outbound") != "outbound":
            return ()
        moments = (str(data.get(name) or "") for name in ("completed_at", "sent_at", "received_at"))
        at = next((date for word in moments if (date := moment(word))), datetime.now(UTC))
        return [_event(data, at, receipt.key, receipt.reference)]

    def read(self, knock: Knock) -> Sequence[Event]:
        """A status, or a message of a recipient. Forged unless telnyx-signature-ed25519 is theirs and its time is near."""
        verify(self._key, knock)
        try:
            data = json.loads(knock.body)["data"]
            kind, payload = str(data["event_type"]), dict(data["payload"])
        except (ValueError, RecursionError, TypeError, KeyError):
            return [Event(EventKind.UNKNOWN, knock.received_at, text="The webhook's body has another form than Telnyx describes")]
        at = moment(str(data.get("occurred_at", ""))) or knock.received_at
        if kind == "message.received":
            sender, to = _number(payload.get("from")), _number(payload.get("to"))
            return [answer(sender, to, str(payload.get("text") or ""), at)]
        if kind not in ("message.sent", "message.finalized"):
            return [Event(EventKind.UNKNOWN, at, _key(payload), str(payload.get("id", "")), kind[:60])]
        return [_event(payload, at, _key(payload), str(payload.get("id", "")))]

    async def close(self) -> None:
        """Hang up."""
        await self._rest.close()


def _event(payload: Mapping[str, Any], at: datetime, key: str, reference: str) -> Event:
    recipients = payload.get("to")
    first = recipients[0] if isinstance(recipients, list) and recipients else {}
    word = str(first.get("status", "")) if isinstance(first, dict) else ""
    kind = WORDS.get(word, EventKind.UNKNOWN)
    code, words = first_error(payload.get("errors"))
    failed = kind in (EventKind.BOUNCED, EventKind.REFUSED, EventKind.EXPIRED)
    text = hide(f"{word} {words}") if failed or kind is EventKind.UNKNOWN else ""
    return Event(kind, at, key, reference, code or (word if text else ""), text, failed and code in DEAD)


def _key(payload: Mapping[str, Any]) -> str:
    """Our key, from the webhook's address as the signed body repeats it."""
    try:
        return parse_qs(urlsplit(str(payload.get("webhook_url") or "")).query).get("key", [""])[0]
    except ValueError:
        return ""


def _number(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    return str(first.get("phone_number", "")) if isinstance(first, dict) else ""


def _build(settings: Mapping[str, Any], parts: Parts) -> TelnyxCarrier:
    for field in ("url", "callback"):
        if settings[field] and not is_safe(settings[field]):
            raise _bad(field, "it must begin with https://", "Correct it and save again.")
    if not re.fullmatch(r"[!-~]+", settings["api_key"]):
        raise _bad("api_key", "it holds characters that no key has", "Copy it again from Telnyx's portal.")
    site = Site(
        settings["url"].rstrip("/"),
        headers={"Authorization": f"Bearer {settings['api_key']}"},
        seconds=max(1.0, settings["timeout"]),
        connections=max(1, settings["connections"]),
        reach=parts.reach,
    )
    account = Account(settings["sender"], settings["profile"], settings["public_key"], settings["callback"])
    try:
        return TelnyxCarrier(parts.name, account, site, parts.log)
    except ValueError as error:
        raise _bad("public_key", f"it must be {error}", "Copy it again from Telnyx's portal.") from None


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'telnyx-sms' cannot be used: {what}.",
        help=help,
        kind="telnyx-sms",
        field=field,
    )


_FIELDS = (
    Field("api_key", Label("API key", "Clé d'API"), required=True, secret=True),
    Field("sender", Label("Sender", "Expéditeur"), hint=Label("Where the mailing names none", "Si l'envoi n'en donne pas")),
    Field(
        "profile",
        Label("Messaging profile", "Profil de messagerie"),
        hint=Label("Needed for a name as sender", "Nécessaire pour un nom d'expéditeur"),
    ),
    Field(
        "public_key",
        Label("Telnyx's public key", "Clé publique de Telnyx"),
        hint=Label("Without it, webhooks are turned away", "Sans elle, les webhooks sont refusés"),
    ),
    Field(
        "callback",
        Label("Our webhook address", "Notre adresse de webhook"),
        hint=Label("Public; empty: news is asked for", "Publique ; vide : interrogation régulière"),
    ),
    Field("connections", Label("Messages at once", "Messages simultanés"), FieldKind.NUMBER, 20),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 30.0),
    Field("url", Label("Address of the interface", "Adresse de l'interface"), default=URL),
)
KIND = Kind("telnyx-sms", Channel.SMS, Label("Telnyx (SMS)", "Telnyx (SMS)"), _FIELDS, _build)
