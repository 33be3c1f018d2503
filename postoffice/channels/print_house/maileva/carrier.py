"""Maileva as a carrier: https://www.maileva.com/developpeur, Mail API 2.9, registered mail 4.9, notification center 2.8.

Maileva keeps no idempotency keys, and a submitted sending cannot be taken back: post.py says how letters are posted once all the same.
"""

import asyncio
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.oauth import Signed, Tokens
from postoffice.channels.print_house.journal import Journal
from postoffice.channels.print_house.maileva import news, paper
from postoffice.channels.print_house.maileva.paper import MAIL, REGISTERED, Account
from postoffice.channels.print_house.maileva.post import Poster
from postoffice.channels.print_house.maileva.service import Service, fault
from postoffice.channels.print_house.maileva.subscribe import Subscriber
from postoffice.channels.reach import Reach
from postoffice.channels.rest import Rest, Site, basic, is_safe
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Proof, Receipt
from postoffice.model.errors import CarrierError, Forged, InDoubt, OptionConflict, Refused, TryLater
from postoffice.model.mailing import Options
from postoffice.model.ports import Abilities, Log
from postoffice.model.states import EventKind

URL = "https://api.maileva.com"
AUTH_URL = "https://connexion.maileva.com/auth/realms/services/protocol/openid-connect"
_AT_ONCE = 4  #: sendings that are asked for at the same time


@dataclass(frozen=True, slots=True)
class Sites:
    """Where the four interfaces are, without a slash at the end."""

    auth: str = AUTH_URL
    mail: str = f"{URL}/mail/v2"
    registered: str = f"{URL}/registered_mail/v4"
    notifications: str = f"{URL}/notification_center/v2"
    seconds: float = 30.0
    reach: Reach = Reach()


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are at Maileva: its password grant, the only one that it has; and who it is at our webhook's door."""

    client_id: str
    client_secret: str
    username: str
    password: str
    hook_user: str = ""
    hook_password: str = ""
    callback: str = ""  #: public address of our webhook for this carrier; empty: news is asked for


class MailevaCarrier:
    """Posts letters at Maileva, many in one sending."""

    def __init__(self, name: str, login: Login, account: Account, sites: Sites, journal: Journal, log: Log, *, lasting: bool) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.POST,
            keeps_keys=lasting,
            can_be_asked=True,
            batch=max(account.recipients, 200),
            chunk=account.recipients,
            max_bytes=account.max_bytes,
            ask_after=300.0,
            heard=201,  # any other answer to a notification counts as none
        )
        self._login = login
        self._account = account
        self._journal = journal
        self._log = log
        self._reach = sites.reach
        self._tokens = _tokens(login, sites)
        self._open: list[Signed] = []
        self._services = {
            MAIL: Service(MAIL, self._signed(sites.mail, sites.seconds), ""),
            REGISTERED: Service(REGISTERED, self._signed(sites.registered, sites.seconds), ""),
        }
        self._poster = Poster(self._services, account, journal, log, name)
        hook = {"login": login.hook_user, "password": login.hook_password}
        self._subscriber = Subscriber(self._signed(sites.notifications, sites.seconds), login.callback, hook, log, name)

    def _signed(self, url: str, seconds: float) -> Signed:
        site = Signed(Rest(Site(url, seconds=seconds, reach=self._reach)), self._tokens)
        self._open.append(site)
        return site

    async def send(self, piece: Piece) -> Receipt:
        """A sending of one letter."""
        (answer,) = await self._poster.send_many([piece])
        if isinstance(answer, CarrierError):
            raise answer
        return answer

    async def send_many(self, pieces: Sequence[Piece]) -> Sequence[Receipt | CarrierError]:
        """As few sendings as options and limits allow. See ports.Batch."""
        return await self._poster.send_many(pieces)

    def conflicts(self, options: Options, pages: int, country: str) -> Sequence[OptionConflict]:
        """See ports.Advises."""
        return paper.conflicts(self._account, options, pages, country)

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """All that is known of each letter, sending by sending. TryLater only where nothing at all could be learned."""
        await self._subscriber.ensure()
        wanted = await self._by_sending(receipts)
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(service: str, sending: str, keys: set[str]) -> list[Event]:
            async with slots:
                return await self._ask(service, sending, keys)

        told = await asyncio.gather(*(one(*place, keys) for place, keys in wanted.items()), return_exceptions=True)
        events = [event for some in told if isinstance(some, list) for event in some]
        for failure in told:
            if isinstance(failure, BaseException) and (not events or not isinstance(failure, TryLater)):
                raise failure
        return events

    async def _by_sending(self, receipts: Sequence[Receipt]) -> dict[tuple[str, str], set[str]]:
        wanted: dict[tuple[str, str], set[str]] = {}
        doubtful = []
        for receipt in receipts:
            if place := _place(receipt.reference):
                wanted.setdefault(place[:2], set()).add(receipt.key)
            elif not receipt.reference:
                doubtful.append(receipt.key)
        try:
            for key, mark in (await self._journal.marks(doubtful)).items():
                if mark.record and (sending := await self._journal.fate(mark.record)):
                    wanted.setdefault((mark.record.service, sending), set()).add(key)
        except OSError as error:
            raise TryLater(f"The journal of this print house cannot be used ({type(error).__name__})", code="journal") from error
        return wanted

    async def _ask(self, word: str, sending: str, keys: set[str]) -> list[Event]:
        service = self._services[word]
        try:
            found = await service.get(sending)
            if found is None or found.get("status") == "DRAFT":
                return []
            return [
                event
                async for recipient in service.recipients(sending)
                if recipient.get("custom_id") in keys
                for event in news.told_of(found, recipient, f"{word}/{sending}/{recipient.get('id')}")
            ]
        except (InDoubt, Refused) as error:
            raise TryLater(error.reason, code=error.code) from error

    async def proof(self, receipt: Receipt, word: str) -> Proof:
        """Deposit proof, content proof, acknowledgement of receipt, or the scan of the returned letter, as PDF."""
        place = _place(receipt.reference)
        words = {proof[0]: proof[3] for proof in news.PROOFS}
        if place is None or place[0] != REGISTERED or word not in words:
            raise Refused("Maileva keeps no such document of this letter", code="no-proof")
        try:
            answer = await self._services[place[0]].download(place[1], place[2], words[word])
            if not answer.good:
                raise fault(answer)
        except InDoubt as error:
            raise TryLater(error.reason, code=error.code) from error
        if not answer.raw.startswith(b"%PDF"):
            raise TryLater("Maileva sent something that is no PDF", code="no-pdf")
        return Proof(answer.raw)

    def read(self, knock: Knock) -> Sequence[Event]:
        """A notification. Forged unless it shows the user and password that were given with the subscription: it carries no signature.

        What is told of a sending is told of each of its letters, as our journal knows them.
        """
        self._verify(knock)
        notice = news.read_notice(knock)
        if notice is None:
            return [Event(EventKind.UNKNOWN, knock.received_at, text="The notification has another form than Maileva describes")]
        if notice.event in news.HINTS:  # the next question fetches it
            return ()
        kind = news.EVENTS.get(notice.event, EventKind.UNKNOWN)
        keys = [notice.name] if notice.is_recipient else self._keys_of(notice.name)
        plain = kind in (EventKind.IN_PRODUCTION, EventKind.MAILED, EventKind.DELIVERED)
        code = "" if plain else notice.event
        if not keys:
            return [Event(kind, notice.at, reference=notice.resource, code=code, text=code)]
        return [Event(kind, notice.at, key, "", code, code) for key in keys]

    def _keys_of(self, name: str) -> Sequence[str]:
        record = self._journal.named(name)
        return record.keys if record else ()

    def _verify(self, knock: Knock) -> None:
        login = self._login
        if not login.hook_password:
            raise Forged("Without a webhook password in this carrier's settings, every knock is turned away")
        wanted = basic(login.hook_user, login.hook_password)["Authorization"]
        given = knock.headers.get("authorization", "")
        if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape")):
            raise Forged("The knock does not show the user and password of this carrier's webhook")

    async def close(self) -> None:
        """Hang up."""
        for site in self._open:
            await site.close()
        await self._tokens.close()
        self._journal.close()


def _place(reference: str) -> tuple[str, str, str] | None:
    """Interface, sending and recipient of a reference of ours."""
    parts = reference.split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and parts[0] in (MAIL, REGISTERED) else None


def _tokens(login: Login, sites: Sites) -> Tokens:
    form = {
        "grant_type": "password",
        "client_id": login.client_id,
        "client_secret": login.client_secret,
        "username": login.username,
        "password": login.password,
    }
    return Tokens(Rest(Site(sites.auth, seconds=sites.seconds, reach=sites.reach)), "/token", form)


def _build(settings: Mapping[str, Any], parts: Parts) -> MailevaCarrier:
    url, auth = settings["url"].rstrip("/"), settings["auth_url"].rstrip("/")
    for field in ("url", "auth_url", "callback"):
        if settings[field] and not is_safe(settings[field]):
            raise _bad(field, "it must begin with https://", "Correct it and save again.")
    if settings["callback"] and not settings["hook_password"]:
        raise _bad("hook_password", "notifications are not signed: only a password tells them from forged ones", "Choose a long one.")
    mail, registered, news = (f"{url}/{name}" for name in ("mail/v2", "registered_mail/v4", "notification_center/v2"))
    sites = Sites(auth, mail, registered, news, max(1.0, settings["timeout"]), parts.reach)
    login = Login(**{field.name: settings[field.name] for field in fields(Login)})
    folder = parts.folder / "journal" if parts.folder else None
    return MailevaCarrier(parts.name, login, _account(settings), sites, Journal(folder), parts.log, lasting=folder is not None)


def _account(settings: Mapping[str, Any]) -> Account:
    lines = tuple(line.strip() for line in settings["sender_address"].splitlines() if line.strip())
    if lines and settings["undelivered"]:
        words = "a sender's address on the envelope excludes the handling of returned mail"
        raise _bad("sender_address", words, "Choose one of the two.")
    account = Account(
        receipt=settings["receipt"],
        address_sheet=settings["address_sheet"],
        undelivered=settings["undelivered"],
        sender_lines=lines,
        archive_years=int(settings["archive_years"]),
        recipients=max(1, min(settings["recipients"], 1000)),
    )
    try:
        paper.sending_of(account, Options(), "check", "")
    except Refused as refused:
        raise _bad("sender_address", re.sub(r"^The", "the", refused.reason), "Write it as on an envelope.") from None
    return account


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'maileva' cannot be used: {what}.",
        help=help,
        kind="maileva",
        field=field,
    )


_FIELDS = (
    Field("client_id", Label("Client id", "Identifiant d'application"), required=True),
    Field("client_secret", Label("Client secret", "Secret d'application"), required=True, secret=True),
    Field("username", Label("User name", "Identifiant"), required=True),
    Field("password", Label("Password", "Mot de passe"), required=True, secret=True),
    Field("receipt", Label("Registered mail with receipt", "Recommandé avec avis de réception"), FieldKind.SWITCH, True),
    Field(
        "undelivered",
        Label("Digital handling of returned mail", "Gestion électronique des PND"),
        FieldKind.SWITCH,
        False,
        hint=Label("Costs extra at Maileva", "Option payante chez Maileva"),
    ),
    Field(
        "address_sheet", Label("Address sheet in small envelopes", "Page porte-adresse en petite enveloppe"), FieldKind.SWITCH, False
    ),
    Field(
        "sender_address",
        Label("Sender's address on the envelope", "Adresse de l'expéditeur sur l'enveloppe"),
        FieldKind.BLOCK,
        hint=Label("Line by line; needs a double window", "Ligne par ligne ; enveloppe à double fenêtre"),
    ),
    Field(
        "archive_years",
        Label("Years of archiving", "Durée d'archivage en années"),
        FieldKind.CHOICE,
        "0",
        choices=("0", "1", "3", "6", "10"),
        hint=Label("Registered mail: at least 3", "Recommandé : 3 au moins"),
    ),
    Field(
        "recipients",
        Label("Letters in one sending", "Plis par envoi"),
        FieldKind.NUMBER,
        200,
        hint=Label("1 to 1000", "De 1 à 1000"),
    ),
    Field(
        "callback",
        Label("Our webhook address", "Notre adresse de webhook"),
        hint=Label("Public; empty: news is asked for", "Publique ; vide : interrogation régulière"),
    ),
    Field("hook_user", Label("Webhook user", "Utilisateur du webhook"), default="maileva"),
    Field(
        "hook_password",
        Label("Webhook password", "Mot de passe du webhook"),
        secret=True,
        hint=Label("Without it, every knock is turned away", "Sans lui, tout appel est refusé"),
    ),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 30.0),
    Field("url", Label("Address of the interface", "Adresse de l'interface"), default=URL),
    Field("auth_url", Label("Address of the sign-in", "Adresse d'authentification"), default=AUTH_URL),
)
KIND = Kind("maileva", Channel.POST, Label("Maileva (La Poste)", "Maileva (La Poste)"), _FIELDS, _build)
