"""Lob's letters, API 1.22: https://docs.lob.com. Made and posted in the United States, also to other countries.

Lob keeps an Idempotency-Key for 24 hours. A key that is older when it comes again is looked up by the letters' metadata first.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.pages import pdf_of
from postoffice.channels.print_house.conflicts import chosen_envelope, no_such_postage, sheets_of
from postoffice.channels.rest import Answer, Rest, Site, ask_each, basic, hide, is_safe, verdict
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, CarrierError, Forged, InDoubt, OptionConflict, Refused, TryLater
from postoffice.model.ids import first_id_of
from postoffice.model.mailing import Options, Postage
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind

URL = "https://api.lob.com/v1"
#: events and tracking events in our vocabulary, as slugs: "letter.in_transit", "In Transit" and "letter.certified.in_transit" are one
WORDS: dict[str, EventKind] = {
    **dict.fromkeys(("created", "billed"), EventKind.HANDED_OVER),
    **dict.fromkeys(("rendered_pdf", "rendered_thumbnails", "viewed"), EventKind.IN_PRODUCTION),
    **dict.fromkeys(
        ("mailed", "in_transit", "in_local_area", "processed_for_delivery", "international_exit", "re_routed"), EventKind.MAILED
    ),
    **dict.fromkeys(("pickup_available", "issue"), EventKind.DEFERRED),
    "delivered": EventKind.DELIVERED,
    "returned_to_sender": EventKind.RETURNED,
    **dict.fromkeys(("rejected", "failed"), EventKind.REFUSED),
    "deleted": EventKind.CANCELLED,
}
#: error codes that blame the address itself
DEAD = frozenset({"failed_deliverability_strictness"})
_KEY = "postoffice_key"  #: in the metadata of a letter
_KEPT = timedelta(hours=20)  #: well within the 24 hours that Lob remembers a key
_MOST_SHEETS = {True: 60, False: 6}  #: at home, abroad
_SMALL = 6  #: sheets of a #10 envelope
_MAX_BYTES = 5_000_000
_TOLERANCE = timedelta(minutes=5)  #: between a webhook's signed time and its arrival
_TOWN = re.compile(r"(?P<city>.*\S)[ ,]+(?P<state>[A-Za-z]{2})[ ,]+(?P<zip>\d{5}(-\d{4})?)")


@dataclass(frozen=True, slots=True)
class Account:
    """`sender`: our address in the United States, line by line. `secret` signs the webhooks. `use`: operational or marketing."""

    sender: tuple[str, ...]
    secret: str = ""
    receipt: bool = True  #: registered mail at home with an electronic return receipt
    hooks: bool = False  #: Lob calls us, so that we need not ask often


class LobCarrier:
    """Posts letters at Lob and understands its webhooks."""

    def __init__(self, name: str, account: Account, site: Site) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.POST,
            keeps_keys=True,
            can_be_asked=True,
            batch=200,
            chunk=site.connections,
            per_second=25.0,  # 150 requests in 5 s is their limit
            max_bytes=_MAX_BYTES,
            ask_after=3600.0 if account.hooks else 900.0,
        )
        self._account = account
        self._sender = address_of(PostalAddress(account.sender, country="US"))
        self._rest = Rest(site)

    async def send(self, piece: Piece) -> Receipt:
        """Create a letter."""
        if piece.address is None or not piece.address.lines:
            raise Refused("A letter needs a postal address", code="no-address")
        for problem in self.conflicts(piece.options, piece.pages.pages if piece.pages else 0, piece.address.country):
            raise Refused(problem.message, code=problem.code)
        fields = {**_prefixed("to", address_of(piece.address)), **_prefixed("from", self._sender), **_fields(self._account, piece)}
        content = await pdf_of(piece, _MAX_BYTES)
        if piece.key < first_id_of(datetime.now(UTC) - _KEPT) and (known := await self._find(piece.key)):
            raise AlreadySent("Lob has this letter already", reference=known)
        form = aiohttp.FormData(list(fields.items()))
        form.add_field("file", content, filename="letter.pdf", content_type="application/pdf")
        answer = await self._rest.post("/letters", data=form, headers={"Idempotency-Key": piece.key})
        if not answer.good:
            raise _fault(answer)
        reference = str(answer.body.get("id") or "")
        if not reference:
            raise InDoubt("Lob took the letter but did not name it")
        return Receipt(piece.key, reference)

    async def _find(self, key: str) -> str:
        try:
            answer = await self._rest.get(f"/letters?{urlencode({'limit': 1, f'metadata[{_KEY}]': key})}")
            if not answer.good:
                raise _fault(answer)
        except (TryLater, InDoubt) as error:
            raise InDoubt(f"Whether Lob has it already cannot be learned now: {error.reason}", code=error.code) from error
        found = answer.body.get("data")
        return str(found[0].get("id") or "") if isinstance(found, list) and found and isinstance(found[0], dict) else ""

    def conflicts(self, options: Options, pages: int, country: str) -> Sequence[OptionConflict]:
        """See ports.Advises."""
        home = (country or "US") == "US"
        found = chosen_envelope(options, sheets_of(options, pages), most=_MOST_SHEETS[home], dl=_SMALL)
        if options.postage is Postage.PRIORITY or (options.postage is Postage.ECONOMY and not home):
            found.append(no_such_postage(options.postage.value, country or "US"))
        return found

    async def recall(self, receipt: Receipt) -> None:
        """Take it back, within the account's cancellation window."""
        try:
            answer = await self._rest.change("DELETE", f"/letters/{quote(receipt.reference, safe='')}")
        except InDoubt as error:
            raise TryLater(error.reason, code=error.code) from error
        if not answer.good:
            no = _fault(answer)
            late = answer.status == 404 or isinstance(no, Refused)
            raise Refused(no.reason, code=no.code) if late else TryLater(no.reason, code=no.code, after=answer.after)

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """The tracking events of each letter."""
        return await ask_each(receipts, self._ask)

    async def _ask(self, receipt: Receipt) -> Sequence[Event]:
        found = await self._rest.get(f"/letters/{quote(receipt.reference, safe='')}")
        if found.status in (400, 404, 422):
            return ()
        if not found.good:
            raise TryLater(f"The provider answered {found.status}", code=str(found.status), after=found.after)
        letter = found.body
        made = _date(letter.get("date_created")) or datetime.fromtimestamp(0, UTC)
        told = [_event("created", made, receipt.key, receipt.reference, {})]
        if letter.get("deleted"):
            told.append(_event("deleted", _date(letter.get("date_modified")) or made, receipt.key, receipt.reference, {}))
        elif letter.get("status") == "failed":
            told.append(_event("failed", _date(letter.get("date_modified")) or made, receipt.key, receipt.reference, letter))
        tracked = letter.get("tracking_events")
        for one in tracked if isinstance(tracked, list) else ():
            if isinstance(one, dict):
                at = _date(one.get("time")) or _date(one.get("date_created")) or made
                told.append(_event(str(one.get("name") or ""), at, receipt.key, receipt.reference, one.get("details")))
        return told

    def read(self, knock: Knock) -> Sequence[Event]:
        """An event. Forged unless Lob-Signature is the hex HMAC-SHA256 of `timestamp.body` and the timestamp is near."""
        self._verify(knock)
        try:
            shape = json.loads(knock.body)
            word, letter = str(shape["event_type"]["id"]), dict(shape["body"])
        except (ValueError, RecursionError, TypeError, KeyError):
            return [Event(EventKind.UNKNOWN, knock.received_at, text="The webhook's body has another form than Lob describes")]
        metadata = letter.get("metadata")
        key = str(metadata.get(_KEY) or "") if isinstance(metadata, dict) else ""
        at = _date(shape.get("date_created")) or knock.received_at
        kind, _, rest = word.partition(".")
        if kind != "letter":
            return [Event(EventKind.UNKNOWN, at, key, str(letter.get("id") or ""), word[:60])]
        return [_event(rest, at, key, str(letter.get("id") or ""), letter)]

    def _verify(self, knock: Knock) -> None:
        stamp, secret = knock.headers.get("lob-signature-timestamp", ""), self._account.secret.encode()
        if not secret:
            raise Forged("Without the webhook's secret in this carrier's settings, every knock is turned away")
        signed = stamp.encode("utf-8", "surrogateescape") + b"." + knock.body
        wanted = hmac.new(secret, signed, hashlib.sha256).hexdigest()
        given = knock.headers.get("lob-signature", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(wanted.encode(), given):
            raise Forged("The knock has no valid Lob-Signature")
        at = _stamp(stamp)
        if at is None or abs(knock.received_at - at) > _TOLERANCE:
            raise Forged("The knock was signed too long before it came")

    async def close(self) -> None:
        """Hang up."""
        await self._rest.close()


def address_of(address: PostalAddress) -> dict[str, str]:
    """An inline address. Refused, with the line's number and never its text, where one does not fit."""
    country = address.country or "US"
    lines = [line for line in (" ".join(line.split()) for line in address.for_post) if line]
    if country != "US" and len(lines) > 3 and address.town and address.town.casefold() not in lines[-1].casefold():
        lines.pop()  # the country's own line
    if not 3 <= len(lines) <= 5:
        raise Refused(f"The address has {len(lines)} lines; Lob takes three to five", code="address-lines")
    names = {3: ("name", "address_line1"), 4: ("name", "address_line1", "address_line2")}.get(
        len(lines), ("name", "company", "address_line1", "address_line2")
    )
    fields = dict(zip(names, lines[:-1], strict=True))
    for number, (name, line) in enumerate(fields.items(), 1):
        if len(line) > (40 if name in ("name", "company") else 64):
            raise Refused(f"Line {number} of the address is too long for Lob", code="address_length_exceeds_limit")
    return fields | _town(lines[-1], address, country) | {"address_country": country}


def _town(line: str, address: PostalAddress, country: str) -> dict[str, str]:
    if country == "US":
        found = _TOWN.fullmatch(line)
        if not found:
            raise Refused("The address's last line is no city, state and ZIP code", code="address-town")
        return {"address_city": found["city"].rstrip(","), "address_state": found["state"].upper(), "address_zip": found["zip"]}
    if address.town and address.postcode:
        return {"address_city": address.town[:200], "address_zip": address.postcode[:40]}
    return {"address_city": line[:200]}


def _prefixed(name: str, address: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}[{field}]": value for field, value in address.items()}


def _fields(account: Account, piece: Piece) -> dict[str, str]:
    """Options, as a form has them."""
    options, home = piece.options, piece.address is None or (piece.address.country or "US") == "US"
    fields = {
        "color": "true" if options.colour else "false",
        "double_sided": "true" if options.duplex else "false",
        "use_type": "marketing" if piece.purpose.is_promotional else "operational",
        "mail_type": "usps_standard" if options.postage is Postage.ECONOMY else "usps_first_class",
        f"metadata[{_KEY}]": piece.key,
    }
    if options.postage is Postage.REGISTERED:
        certified = "certified_return_receipt" if account.receipt else "certified"
        fields["extra_service"] = certified if home else "registered"
    return fields


def _event(word: str, at: datetime, key: str, reference: str, detail: Any) -> Event:
    slug = re.sub(r"[^a-z]+", "_", word.lower().removeprefix("certified."))
    kind = WORDS.get(slug, EventKind.UNKNOWN)
    if kind in (EventKind.HANDED_OVER, EventKind.IN_PRODUCTION, EventKind.MAILED, EventKind.DELIVERED):
        return Event(kind, at, key, reference)
    shape = detail if isinstance(detail, dict) else {}
    why = shape.get("failure_reason") or shape
    words = hide(str(why.get("message") or why.get("description") or word)) if isinstance(why, dict) else hide(str(why))
    code = str(why.get("code") or why.get("event") or word) if isinstance(why, dict) else word
    return Event(kind, at, key, reference, code[:60], words, kind is EventKind.RETURNED and code == "address_issue")


def _fault(answer: Answer) -> CarrierError:
    error = answer.body.get("error")
    shape = error if isinstance(error, dict) else {}
    return verdict(answer, str(shape.get("code") or "")[:60], str(shape.get("message") or ""), dead=DEAD)


def _stamp(value: str) -> datetime | None:
    """The signed time: Unix milliseconds, or seconds, or ISO 8601."""
    if re.fullmatch(r"\d{9,14}", value):
        number = int(value)
        return datetime.fromtimestamp(number / 1000 if number > 99_999_999_999 else number, UTC)
    return _date(value)


def _date(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value or ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _build(settings: Mapping[str, Any], parts: Parts) -> LobCarrier:
    if not is_safe(settings["url"]):
        raise _bad("url", "it must begin with https://", "Correct it and save again.")
    if not re.fullmatch(r"[!-9;-~]+", settings["api_key"]):
        raise _bad("api_key", "it holds characters that no key has", "Copy it again from Lob's dashboard.")
    lines = tuple(line.strip() for line in settings["sender"].splitlines() if line.strip())
    site = Site(
        settings["url"].rstrip("/"),
        basic(settings["api_key"], ""),
        max(1.0, settings["timeout"]),
        max(1, settings["connections"]),
        parts.reach,
    )
    account = Account(lines, settings["secret"], settings["receipt"], bool(settings["secret"]))
    try:
        return LobCarrier(parts.name, account, site)
    except Refused:
        words = "it must be an address in the United States: name, street, and a line like 'SPRINGFIELD IL 62701'"
        raise _bad("sender", words, "Lob posts letters of senders in the United States only.") from None


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'lob' cannot be used: {what}.",
        help=help,
        kind="lob",
        field=field,
    )


_FIELDS = (
    Field("api_key", Label("API key", "Clé d'API"), required=True, secret=True),
    Field(
        "sender",
        Label("Sender's address", "Adresse de l'expéditeur"),
        FieldKind.BLOCK,
        required=True,
        hint=Label("In the United States, line by line", "Aux États-Unis, ligne par ligne"),
    ),
    Field(
        "secret",
        Label("Webhook secret", "Secret du webhook"),
        secret=True,
        hint=Label("Without it, every knock is turned away", "Sans lui, tout appel est refusé"),
    ),
    Field("receipt", Label("Registered mail with receipt", "Recommandé avec avis de réception"), FieldKind.SWITCH, True),
    Field("connections", Label("Letters at once", "Plis simultanés"), FieldKind.NUMBER, 10),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 60.0),
    Field("url", Label("Address of the interface", "Adresse de l'interface"), default=URL),
)
KIND = Kind("lob", Channel.POST, Label("Lob (United States)", "Lob (États-Unis)"), _FIELDS, _build)
