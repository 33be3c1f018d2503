"""Twilio's Programmable Messaging, version 2010-04-01. https://www.twilio.com/docs/messaging/api/message-resource

Twilio keeps no idempotency keys, and its messages have no field for ours: a line that breaks after the last byte is a doubt. The key
travels in the address of the status callback, so that the callback of a doubtful message still finds its delivery.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.rest import Rest, Site, ask_each, basic, hide, is_safe, verdict
from postoffice.channels.sms.memory import Memory
from postoffice.channels.sms.rules import Word, answer, check
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import Forged, InDoubt, TryLater
from postoffice.model.ports import Abilities, Log
from postoffice.model.states import EventKind

URL = "https://api.twilio.com"
#: Twilio's message statuses in our vocabulary
WORDS: dict[str, EventKind] = {
    "accepted": EventKind.HANDED_OVER,
    "scheduled": EventKind.HANDED_OVER,
    "queued": EventKind.HANDED_OVER,
    "sending": EventKind.HANDED_OVER,
    "sent": EventKind.HANDED_OVER,
    "delivered": EventKind.DELIVERED,
    "read": EventKind.OPENED,
    "undelivered": EventKind.BOUNCED,
    "failed": EventKind.REFUSED,
    "canceled": EventKind.CANCELLED,
    "partially_delivered": EventKind.UNKNOWN,
}
#: error codes by which the number is nobody's, or can get no message: invalid, no mobile number, unknown at its network
DEAD = frozenset({"21211", "21614", "30005"})
#: error codes that may pass: too many requests, too many queued, account suspended, daily limit
_LATER = frozenset({"14107", "20429", "21611", "30001", "30002", "63038"})
_OPT_OUT = {"STOP": Word.STOP, "HELP": Word.CONTACT, "START": Word.START}
_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Account:
    """`callback`: the public address of our webhook for this carrier, exactly as Twilio calls it; empty: news is only asked for."""

    sid: str
    token: str
    sender: str = ""
    service: str = ""  #: a messaging service (MG...), which chooses the sender
    callback: str = ""


class TwilioCarrier:
    """Hands messages to Twilio and understands its callbacks."""

    def __init__(self, name: str, account: Account, site: Site, log: Log) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.SMS, can_be_asked=True, batch=100, chunk=site.connections, ask_after=300.0 if account.callback else 15.0
        )
        self._account = account
        self._rest = Rest(site)
        self._log = log
        self._memory = Memory()
        self._path = f"/2010-04-01/Accounts/{account.sid}/Messages"

    async def send(self, piece: Piece) -> Receipt:
        """Create a message. A key that this process sent already gives the same receipt."""
        account = self._account
        sender = "" if account.service else piece.sender or account.sender
        check(piece, sender)
        if known := self._memory.get(piece.key):
            return known
        if not (sender or account.service):
            raise TryLater("Neither the organisation nor this carrier names a sender", code="sender")
        form = {"To": piece.to, "Body": piece.text}
        form |= {"MessagingServiceSid": account.service} if account.service else {"From": sender}
        if account.callback:
            form["StatusCallback"] = f"{account.callback}?key={quote(piece.key, safe='')}"
        made = await self._rest.post(f"{self._path}.json", data=form)
        code = str(made.body.get("code") or made.body.get("error_code") or "")
        if not 200 <= made.status < 300:
            raise verdict(made, code, str(made.body.get("message", "")), dead=DEAD, later=_LATER)
        sid = str(made.body.get("sid") or "")
        if not sid:
            raise InDoubt("The provider took the message but did not name it")
        return self._memory.keep(Receipt(piece.key, sid, detail={"parts": str(made.body.get("num_segments", ""))}))

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """The state of each message."""
        return await ask_each([one for one in receipts if _SID.fullmatch(one.reference)], self._ask)

    async def _ask(self, receipt: Receipt) -> Sequence[Event]:
        found = await self._rest.get(f"{self._path}/{receipt.reference}.json")
        if found.status == 404:  # deleted by a person at Twilio: there will be no news
            return ()
        if found.status != 200:
            raise TryLater(f"The provider answered {found.status}", code=str(found.status), after=found.after)
        body = found.body
        return [
            self._event(
                str(body.get("status", "")),
                str(body.get("error_code") or ""),
                str(body.get("error_message") or ""),
                _date(str(body.get("date_updated", ""))),
                receipt.key,
                receipt.reference,
            )
        ]

    def _event(self, word: str, code: str, text: str, at: datetime, key: str, reference: str) -> Event:
        kind = WORDS.get(word, EventKind.UNKNOWN)
        failed = kind in (EventKind.BOUNCED, EventKind.REFUSED)
        shown = hide(f"{word} {text}") if failed or kind is EventKind.UNKNOWN else ""
        return Event(kind, at, key, reference, code or (word if kind is EventKind.UNKNOWN else ""), shown, failed and code in DEAD)

    def read(self, knock: Knock) -> Sequence[Event]:
        """A status callback, or a message of a recipient. Forged unless X-Twilio-Signature is that of our token.

        https://www.twilio.com/docs/usage/security: HMAC-SHA1 over the address and the sorted fields of the form.
        """
        try:
            fields = parse_qsl(knock.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            raise Forged("The knock's form has more fields than Twilio ever sends") from None
        self._verify(knock, fields)
        form = dict(fields)
        reference = form.get("MessageSid", "") or form.get("SmsSid", "")
        status = form.get("MessageStatus", "")
        if not status and "Body" in form:
            word = _OPT_OUT.get(form.get("OptOutType", "").upper())
            return [answer(form.get("From", ""), form.get("To", ""), form["Body"], knock.received_at, word=word)]
        code = form.get("ErrorCode", "")
        return [self._event(status, code, form.get("ErrorMessage", ""), knock.received_at, knock.query.get("key", ""), reference)]

    def _verify(self, knock: Knock, fields: Sequence[tuple[str, str]]) -> None:
        account = self._account
        url = account.callback + (f"?key={quote(knock.query['key'], safe='')}" if "key" in knock.query else "")
        signed = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
        wanted = base64.b64encode(hmac.new(account.token.encode(), signed.encode("utf-8", "replace"), hashlib.sha1).digest())
        given = knock.headers.get("x-twilio-signature", "").encode("utf-8", "replace")
        if not account.token or not account.callback or not hmac.compare_digest(wanted, given):
            raise Forged("The knock has no valid X-Twilio-Signature for the webhook address in this carrier's settings")

    async def close(self) -> None:
        """Hang up."""
        await self._rest.close()


def _date(value: str) -> datetime:
    """Twilio's RFC 2822 date; now where there is none."""
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, TypeError):
        return datetime.now(UTC)


def _build(settings: Mapping[str, Any], parts: Parts) -> TwilioCarrier:
    url = settings["url"].rstrip("/")
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", settings["account"]):
        raise _bad("account", "it is no account SID (AC and 32 digits)", "Copy it from Twilio's console.")
    for field in ("url", "callback"):
        if settings[field] and not is_safe(settings[field]):
            raise _bad(field, "it must begin with https://", "Correct it and save again.")
    site = Site(
        url,
        headers=basic(settings["account"], settings["token"]),
        seconds=max(1.0, settings["timeout"]),
        connections=max(1, settings["connections"]),
        reach=parts.reach,
    )
    account = Account(settings["account"], settings["token"], settings["sender"], settings["service"], settings["callback"])
    return TwilioCarrier(parts.name, account, site, parts.log)


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'twilio-sms' cannot be used: {what}.",
        help=help,
        kind="twilio-sms",
        field=field,
    )


_FIELDS = (
    Field("account", Label("Account SID", "SID du compte"), required=True),
    Field(
        "token",
        Label("Auth token", "Jeton d'authentification"),
        required=True,
        secret=True,
        hint=Label("Also signs the webhooks", "Signe aussi les webhooks"),
    ),
    Field("sender", Label("Sender", "Expéditeur"), hint=Label("Where the mailing names none", "Si l'envoi n'en donne pas")),
    Field(
        "service",
        Label("Messaging service SID", "SID du service de messagerie"),
        hint=Label("It then chooses the sender", "Il choisit alors l'expéditeur"),
    ),
    Field(
        "callback",
        Label("Our webhook address", "Notre adresse de webhook"),
        hint=Label(
            "Public, as Twilio calls it; empty: news is asked for",
            "Publique, telle que Twilio l'appelle ; vide : interrogation régulière",
        ),
    ),
    Field("connections", Label("Messages at once", "Messages simultanés"), FieldKind.NUMBER, 20),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 30.0),
    Field("url", Label("Address of the interface", "Adresse de l'interface"), default=URL),
)
KIND = Kind("twilio-sms", Channel.SMS, Label("Twilio (SMS)", "Twilio (SMS)"), _FIELDS, _build)
