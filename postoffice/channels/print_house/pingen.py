"""Pingen, API version 2: https://api.pingen.com/documentation. Letters in Switzerland, Germany, Austria and beyond.

A letter is uploaded and created without being sent, checked by Pingen, and sent by a call of its own. Pingen keeps idempotency keys;
beside them our journal holds Pingen's id of each letter before it is sent, so that a late repetition finds it and asks first.
"""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.oauth import Signed, Tokens
from postoffice.channels.pages import pdf_of
from postoffice.channels.print_house.conflicts import sheets_of, too_many_pages, wrong_envelope
from postoffice.channels.print_house.journal import Journal
from postoffice.channels.reach import Reach
from postoffice.channels.rest import Answer, Rest, Site, ask_each, hide, is_safe, verdict
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, CarrierError, Forged, InDoubt, OptionConflict, Refused, TryLater
from postoffice.model.mailing import Envelope, Options, Postage
from postoffice.model.ports import Abilities, Price
from postoffice.model.states import EventKind

URL = "https://api.pingen.com"
JSON_API = "application/vnd.api+json"
#: statuses of a letter that was not sent yet, and what they mean to us
UNSENT = frozenset({"validating", "fixing", "valid", "action_required", "invalid"})
#: statuses of a letter that was sent. Pingen publishes no complete list
WORDS: dict[str, EventKind] = {
    **dict.fromkeys(("submitted", "accepted", "inspection"), EventKind.HANDED_OVER),
    "awaiting_credits": EventKind.DEFERRED,
    **dict.fromkeys(("processing", "printing", "transferring", "cancelling"), EventKind.IN_PRODUCTION),
    "sent": EventKind.MAILED,
    "delivered": EventKind.DELIVERED,
    "undeliverable": EventKind.RETURNED,
    **dict.fromkeys(("rejected", "invalid", "action_required"), EventKind.REFUSED),
    "expired": EventKind.EXPIRED,
    "cancelled": EventKind.CANCELLED,
}
#: webhooks, by the type of their resource
HOOKS = {
    "webhook_sent": EventKind.MAILED,
    "webhook_delivered": EventKind.DELIVERED,
    "webhook_undeliverable": EventKind.RETURNED,
    "webhook_issues": EventKind.REFUSED,
}
_PRODUCTS = {Postage.ECONOMY: "cheap", Postage.STANDARD: "cheap", Postage.PRIORITY: "fast", Postage.REGISTERED: "registered"}
_MAX_BYTES, _MAX_PAGES = 8_000_000, 320
_VALIDATING = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  #: seconds between looks while Pingen checks the file
_LATER = timedelta(seconds=30)
_DEAD = re.compile(r"\b(unknown|moved|deceased|unbekannt|verzogen|verstorben|inconnu|no letterbox)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Account:
    """`position`: which side the address window is on. `secret` signs the webhooks."""

    organisation: str
    position: str = "left"
    secret: str = ""


class PingenCarrier:
    """Posts letters at Pingen and understands its webhooks."""

    def __init__(self, name: str, account: Account, site: Signed, tokens: Tokens, journal: Journal, *, lasting: bool) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.POST, keeps_keys=lasting, can_be_asked=True, batch=100, chunk=10, max_bytes=_MAX_BYTES, ask_after=300.0
        )
        self._account = account
        self._site = site
        self._tokens = tokens
        self._journal = journal
        self._storage = Rest(Site("", seconds=60.0))  # signed addresses of another site: they carry their own right
        self._letters = f"/organisations/{quote(account.organisation, safe='')}/deliveries/letters"

    async def send(self, piece: Piece) -> Receipt:
        """Upload, create, wait until it is checked, send."""
        if piece.address is None or not piece.address.lines:
            raise Refused("A letter needs a postal address", code="no-address")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,58}", piece.key):
            raise Refused("The delivery's id cannot be a key at Pingen", code="key")
        for problem in self.conflicts(piece.options, piece.pages.pages if piece.pages else 0, piece.address.country):
            raise Refused(problem.message, code=problem.code)
        try:
            letter = await self._known(piece.key) or await self._create(piece)
            return await self._send(letter, piece)
        except OSError as error:
            raise InDoubt(f"The journal of this print house cannot be used ({type(error).__name__})", code="journal") from error

    async def _known(self, key: str) -> str:
        """Pingen's id of the letter that was created for this key before; empty where there is none."""
        record = (await self._journal.marks([key]))[key].record
        return (await self._journal.fate(record) or "") if record else ""

    async def _create(self, piece: Piece) -> str:
        """An unsent letter, ours alone by the journal."""
        content = await pdf_of(piece, _MAX_BYTES)
        try:
            upload = _attributes(_good(await self._site.get("/file-upload")))
            place = str(upload.get("url") or "")
            if not is_safe(place):
                raise TryLater("Pingen named no safe place for the file", code="upload")
            stored = await self._storage.change("PUT", place, data=content, headers={"Content-Type": "application/pdf"})
            if not stored.good:
                raise TryLater(f"The file could not be stored: {stored.status}", code=str(stored.status), after=stored.after)
            body = _document("letters", **_creation(self._account, piece, place, str(upload.get("url_signature") or "")))
            letter = _id(_good(await self._change("POST", self._letters, body, piece.key)))
        except InDoubt as error:  # an unsent letter costs nothing
            raise TryLater(error.reason, code=error.code) from error
        mark = (await self._journal.marks([piece.key]))[piece.key]
        record = mark.record or await self._journal.begin("letters", {piece.key: mark}, "pi-")
        if record is None or await self._journal.settle(record, letter) != letter:
            raise TryLater("Another worker posts this letter", code="taken")
        return letter

    async def _send(self, letter: str, piece: Piece) -> Receipt:
        status = await self._checked(letter)
        if status not in UNSENT:
            raise AlreadySent("Pingen has this letter already", reference=letter)
        if status in ("action_required", "invalid"):
            raise Refused(f"Pingen cannot print it: {await self._issue(letter) or status}", code=status)
        if status != "valid":
            raise TryLater("Pingen is still checking the file", code=status, after=_LATER)
        body = _document("letters", letter, **_choices(piece.options))
        try:
            _good(await self._change("PATCH", f"{self._letters}/{letter}/send", body, f"{piece.key}-send"))
        except (InDoubt, TryLater, Refused) as error:
            if isinstance(error, TryLater) and (not error.code or error.after is not None):
                raise  # it was not looked at
            if await self._status(letter) in UNSENT:
                raise TryLater(error.reason, code=error.code) if isinstance(error, InDoubt) else error from error
        return Receipt(piece.key, letter)

    async def _checked(self, letter: str) -> str:
        """The status, once Pingen has checked the file or takes too long over it."""
        for pause in (*_VALIDATING, 0.0):
            status = await self._status(letter)
            if status not in ("validating", "fixing") or not pause:
                return status
            await asyncio.sleep(pause)
        raise AssertionError("the last pause is none")

    async def _status(self, letter: str) -> str:
        """InDoubt where Pingen does not tell: the letter may have been sent."""
        try:
            return str(_attributes(_good(await self._site.get(f"{self._letters}/{letter}"))).get("status") or "")
        except TryLater as error:
            raise InDoubt(f"Whether it was sent cannot be learned now: {error.reason}", code=error.code) from error

    async def _issue(self, letter: str) -> str:
        """Pingen's reason, as the letter's last event names it."""
        try:
            answer = _good(await self._site.get(f"{self._letters}/{letter}/events"))
        except CarrierError:
            return ""
        listed = answer.body.get("data")
        names = [str(one["attributes"].get("name") or "") for one in listed or () if isinstance(one, dict) and "attributes" in one]
        return hide("; ".join(name for name in names if name))

    async def _change(self, method: str, path: str, body: Any, key: str) -> Answer:
        headers = {"Content-Type": JSON_API, "Idempotency-Key": key}
        return await self._site.change(method, path, data=json.dumps(body).encode(), headers=headers)

    def conflicts(self, options: Options, pages: int, country: str) -> Sequence[OptionConflict]:
        """See ports.Advises."""
        found = [too_many_pages(pages, _MAX_PAGES)] if pages > _MAX_PAGES else []
        if options.envelope is not Envelope.AUTO:
            found.append(wrong_envelope(options.envelope, sheets_of(options, pages)))
        return found

    async def quote(self, options: Options, pages: int, country: str) -> Price:
        """Pingen's price of one letter."""
        paper = ["normal"] * sheets_of(options, pages)
        body = _document("letter_price_calculator", country=country, paper_types=paper, **_choices(options))
        try:
            told = _attributes(_good(await self._change("POST", f"{self._letters}/price-calculator", body, _digest(body))))
        except InDoubt as error:
            raise TryLater(error.reason, code=error.code) from error
        try:
            return Price(round(float(told["price"]) * 1_000_000), str(told["currency"]))
        except (KeyError, TypeError, ValueError):
            raise TryLater("Pingen named no price", code="price") from None

    async def recall(self, receipt: Receipt) -> None:
        """Cancel it, while its printing is being prepared."""
        try:
            answer = await self._site.change("PATCH", f"{self._letters}/{quote(receipt.reference, safe='')}/cancel")
        except InDoubt as error:
            raise TryLater(error.reason, code=error.code) from error
        if not answer.good:
            no = _fault(answer)
            late = answer.status == 404 or isinstance(no, Refused)
            raise Refused(no.reason, code=no.code) if late else TryLater(no.reason, code=no.code, after=answer.after)

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """The status of each letter; what is in doubt is found by our journal."""
        known = [one if one.reference else Receipt(one.key, await self._known(one.key)) for one in receipts]
        return await ask_each(known, self._ask)

    async def _ask(self, receipt: Receipt) -> Sequence[Event]:
        answer = await self._site.get(f"{self._letters}/{quote(receipt.reference, safe='')}")
        if answer.status in (400, 404, 410, 422):
            return ()
        if not answer.good:
            raise TryLater(f"The provider answered {answer.status}", code=str(answer.status), after=answer.after)
        told = _attributes(answer)
        status = str(told.get("status") or "")
        if status in ("validating", "fixing", "valid"):
            return ()
        at = _date(told.get("updated_at")) or _date(told.get("submitted_at")) or datetime.fromtimestamp(0, UTC)
        kind = WORDS.get(status, EventKind.UNKNOWN)
        code, text = _words(kind, status, "")
        return [Event(kind, at, receipt.key, receipt.reference, code, text)]

    def read(self, knock: Knock) -> Sequence[Event]:
        """A webhook. Forged unless `Signature` is the hex HMAC-SHA256 of the raw body."""
        secret = self._account.secret.encode()
        given = knock.headers.get("signature", "").encode("utf-8", "surrogateescape")
        if not secret or not hmac.compare_digest(hmac.new(secret, knock.body, hashlib.sha256).hexdigest().encode(), given):
            raise Forged("The knock has no valid Signature, or this carrier's settings have no secret")
        try:
            shape = json.loads(knock.body)
            data, word = shape["data"], str(shape["data"]["type"])
            told, related = dict(data.get("attributes") or {}), dict(data.get("relationships") or {})
            letter = str((related.get("letter") or related["deliverable"])["data"]["id"])
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            return [Event(EventKind.UNKNOWN, knock.received_at, text="The webhook's body has another form than Pingen describes")]
        kind, reason = HOOKS.get(word, EventKind.UNKNOWN), str(told.get("reason") or "")
        code, text = _words(kind, _code(shape) or word, reason)
        at = _date(told.get("created_at")) or knock.received_at
        corrected = told.get("corrected_address")
        detail = {"corrected_address": corrected} if kind is EventKind.RETURNED and isinstance(corrected, dict) else {}
        dead = kind is EventKind.RETURNED and _DEAD.search(reason) is not None
        return [Event(kind, at, "", letter, code, text, dead, detail)]

    async def close(self) -> None:
        """Hang up."""
        for one in (self._site, self._tokens, self._storage):
            await one.close()
        self._journal.close()


def _creation(account: Account, piece: Piece, place: str, signature: str) -> dict[str, Any]:
    return {
        "file_original_name": f"{piece.key}.pdf",
        "file_url": place,
        "file_url_signature": signature,
        "address_position": account.position,
        "auto_send": False,
    }


def _choices(options: Options) -> dict[str, str]:
    return {
        "delivery_product": _PRODUCTS[options.postage],
        "print_mode": "duplex" if options.duplex else "simplex",
        "print_spectrum": "color" if options.colour else "grayscale",
    }


def _document(kind: str, number: str = "", **attributes: Any) -> dict[str, Any]:
    return {"data": {"type": kind, **({"id": number} if number else {}), "attributes": attributes}}


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _words(kind: EventKind, code: str, reason: str) -> tuple[str, str]:
    plain = kind in (EventKind.HANDED_OVER, EventKind.IN_PRODUCTION, EventKind.MAILED, EventKind.DELIVERED)
    return ("", "") if plain else (code[:60], hide(reason) or code[:60])


def _code(shape: Mapping[str, Any]) -> str:
    """The code of the event that a webhook brings along."""
    included = shape.get("included")
    for one in included if isinstance(included, list) else ():
        if isinstance(one, dict) and one.get("type") == "letters_events" and isinstance(one.get("attributes"), dict):
            return str(one["attributes"].get("code") or "")
    return ""


def _good(answer: Answer) -> Answer:
    if not answer.good:
        raise _fault(answer)
    return answer


def _fault(answer: Answer) -> CarrierError:
    errors = answer.body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else errors
    shape = first if isinstance(first, dict) else {}
    words = f"{shape.get('title') or ''} {shape.get('detail') or ''}".strip()
    code = str(shape.get("code") or answer.status)[:60]
    if answer.status == 409:  # the same key is being worked on
        return TryLater(f"The provider answered 409: {hide(words)}", code=code)
    return verdict(answer, code, words, dead=frozenset())


def _attributes(answer: Answer) -> Mapping[str, Any]:
    data = answer.body.get("data")
    attributes = data.get("attributes") if isinstance(data, dict) else None
    return attributes if isinstance(attributes, dict) else {}


def _id(answer: Answer) -> str:
    data = answer.body.get("data")
    number = str(data.get("id") or "") if isinstance(data, dict) else ""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", number):
        raise TryLater("Pingen took the file but did not name the letter", code="no-id")
    return number


def _date(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value or ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def make(
    name: str,
    account: Account,
    url: str,
    auth: str,
    client: tuple[str, str],
    journal: Journal,
    *,
    lasting: bool,
    reach: Reach | None = None,
) -> PingenCarrier:
    """A carrier with its client. `auth`: the site of POST /auth/access-tokens; `client`: id and secret."""
    form = {"grant_type": "client_credentials", "client_id": client[0], "client_secret": client[1]}
    tokens = Tokens(Rest(Site(auth, reach=reach or Reach())), "/auth/access-tokens", form)
    return PingenCarrier(
        name, account, Signed(Rest(Site(url, reach=reach or Reach())), tokens, JSON_API), tokens, journal, lasting=lasting
    )


def _build(settings: Mapping[str, Any], parts: Parts) -> PingenCarrier:
    for field in ("url", "auth_url"):
        if not is_safe(settings[field]):
            raise BadSetting(
                "carrier-setting",
                f"The setting '{field}' of the carrier kind 'pingen' cannot be used: it must begin with https://.",
                help="Correct it and save again.",
                kind="pingen",
                field=field,
            )
    folder = parts.folder / "journal" if parts.folder else None
    account = Account(settings["organisation"], settings["position"], settings["secret"])
    urls = settings["url"].rstrip("/"), settings["auth_url"].rstrip("/")
    client = settings["client_id"], settings["client_secret"]
    return make(parts.name, account, *urls, client, Journal(folder), lasting=folder is not None, reach=parts.reach)


_FIELDS = (
    Field("client_id", Label("Client id", "Identifiant d'application"), required=True),
    Field("client_secret", Label("Client secret", "Secret d'application"), required=True, secret=True),
    Field("organisation", Label("Organisation's id", "Identifiant de l'organisation"), required=True),
    Field("position", Label("Address window", "Fenêtre d'adresse"), FieldKind.CHOICE, "right", choices=("left", "right")),
    Field(
        "secret",
        Label("Webhook secret", "Secret du webhook"),
        secret=True,
        hint=Label("Without it, every knock is turned away", "Sans lui, tout appel est refusé"),
    ),
    Field("url", Label("Address of the interface", "Adresse de l'interface"), default=URL),
    Field("auth_url", Label("Address of the sign-in", "Adresse d'authentification"), default=URL),
)
KIND = Kind("pingen", Channel.POST, Label("Pingen", "Pingen"), _FIELDS, _build)
