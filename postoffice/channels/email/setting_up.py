"""The SMTP carrier's line in the catalogue: its settings, and how it is built from them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from postoffice.channels.email.address import read_mailbox
from postoffice.channels.email.domains import read_limits
from postoffice.channels.email.fleet import LOOPBACK, Member, read_member, read_ramp
from postoffice.channels.email.pool import Relay
from postoffice.channels.email.sign import Signer
from postoffice.channels.email.smtp import Manner, SmtpCarrier
from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.oauth import Tokens
from postoffice.channels.reach import Reach
from postoffice.channels.rest import Rest, Site, is_safe
from postoffice.model.channel import Channel
from postoffice.model.errors import Refused

T = TypeVar("T")


def _build(settings: Mapping[str, Any], parts: Parts) -> SmtpCarrier:
    relay = Relay(
        host=settings["host"],
        port=settings["port"] or {"tls": 465, "starttls": 587, "none": 25}[settings["security"]],
        security=settings["security"],
        username=settings["username"],
        password=settings["password"],
        helo=settings["helo"],
        seconds=settings["timeout"],
        connections=max(1, settings["connections"]),
        mails_per_connection=max(1, settings["mails_per_connection"]),
        ca=settings["ca"],
        tokens=_tokens(settings, parts.reach),
        reach=parts.reach,
    )
    if relay.username and relay.security == "none" and relay.host not in LOOPBACK:
        raise _bad("security", "a user name and password would cross the network unprotected", "Choose tls or starttls.")
    manner = Manner(
        settings["sender"], settings["return_path"], settings["max_bytes"], settings["bounce_domain"].lower(), parts.return_key
    )
    bounces = f"b@{manner.bounce_domain}" if manner.bounce_domain else ""
    known = (("sender", manner.sender), ("return_path", manner.return_path.replace("{key}", "x")), ("bounce_domain", bounces))
    for field, address in known:
        _check_address(field, address)
    first = Member(
        relay,
        max(1, settings["weight"]),
        settings["per_minute"],
        settings["per_hour"],
        warm_up=_read(settings, "warm_up", read_ramp),
    )
    more = [_read({"relays": line}, "relays", lambda text: read_member(text, relay)) for line in settings["relays"].split()]
    try:
        return SmtpCarrier(
            parts.name,
            [first, *more],
            parts.log,
            manner=manner,
            signers=_signers(settings),
            keys=[Signer(*key) for key in parts.dkim],
            domains=_read(settings, "domain_limits", read_limits),
            providers=settings["provider_limits"],
            folder=parts.folder,
        )
    except ValueError as error:
        raise _bad("ca", f"it must be {error}", "Paste the certificate that signed the relay's.") from None


def _tokens(settings: Mapping[str, Any], reach: Reach) -> Tokens | None:
    """Where access tokens come from: by the refresh token of a consent, else by the program's own right (RFC 6749, 6 and 4.4)."""
    url = settings["token_url"]
    if not url:
        return None
    if not is_safe(url):
        raise _bad("token_url", "it must be an address that begins with https", "Copy it from your provider's page.")
    for field in ("username", "client_id"):
        if not settings[field]:
            raise _bad(field, "access tokens need it", "Fill it in, or empty the address of the token server.")
    if not (settings["client_secret"] or settings["refresh_token"]):
        raise _bad("client_secret", "access tokens need it, or a refresh token", "Copy it from your provider's page.")
    form = {name: settings[name] for name in ("client_id", "client_secret", "refresh_token", "scope") if settings[name]}
    form["grant_type"] = "refresh_token" if settings["refresh_token"] else "client_credentials"
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return Tokens(Rest(Site(f"{parts.scheme}://{parts.netloc}", reach=reach)), path, form)


def _read(settings: Mapping[str, Any], field: str, read: Callable[[str], T]) -> T:
    try:
        return read(settings[field])
    except ValueError as error:
        raise _bad(field, f"it must be {error}", "Correct it and save again.") from None


def _check_address(field: str, address: str) -> None:
    try:
        if address:
            read_mailbox(address)
    except Refused as refused:
        raise _bad(field, refused.reason, "Write a bare address such as post@company.example.") from None


def _signers(settings: Mapping[str, Any]) -> tuple[Signer, ...]:
    if not settings["dkim_key"]:
        return ()
    for field in ("dkim_domain", "dkim_selector"):
        if not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?", settings[field]):
            raise _bad(field, "with a DKIM key it must be a domain name", "Take the name under which the DNS record stands.")
    try:
        return (Signer(settings["dkim_domain"], settings["dkim_selector"], settings["dkim_key"]),)
    except ValueError as error:
        raise _bad("dkim_key", f"it must be {error}", "Make one with `postoffice dkim`.") from None


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'smtp' cannot be used: {what}.",
        help=help,
        kind="smtp",
        field=field,
    )


_FIELDS = (
    Field("host", Label("Relay", "Relais"), required=True, hint=Label("Name of the mail server", "Nom du serveur de messagerie")),
    Field("port", Label("Port", "Port"), FieldKind.NUMBER, 0, hint=Label("0: 465, 587 or 25", "0 : 465, 587 ou 25")),
    Field("security", Label("Encryption", "Chiffrement"), FieldKind.CHOICE, "starttls", choices=("starttls", "tls", "none")),
    Field("username", Label("User name", "Identifiant")),
    Field("password", Label("Password", "Mot de passe"), secret=True),
    Field(
        "token_url",
        Label("Token server (OAuth 2)", "Serveur de jetons (OAuth 2)"),
        hint=Label(
            "Instead of a password. Microsoft 365: https://login.microsoftonline.com/TENANT/oauth2/v2.0/token; "
            "Google: https://oauth2.googleapis.com/token",
            "À la place d'un mot de passe. Microsoft 365 : https://login.microsoftonline.com/LOCATAIRE/oauth2/v2.0/token ; "
            "Google : https://oauth2.googleapis.com/token",
        ),
    ),
    Field("client_id", Label("Client id", "Identifiant d'application")),
    Field("client_secret", Label("Client secret", "Secret d'application"), secret=True),
    Field(
        "refresh_token",
        Label("Refresh token", "Jeton d'actualisation"),
        secret=True,
        hint=Label(
            "Google: of the mailbox's owner. Microsoft 365: leave it empty, the application has its own right",
            "Google : celui du titulaire de la boîte. Microsoft 365 : laissez vide, l'application a son propre droit",
        ),
    ),
    Field(
        "scope",
        Label("Scope", "Étendue (scope)"),
        hint=Label("Microsoft 365: https://outlook.office365.com/.default", "Microsoft 365 : https://outlook.office365.com/.default"),
    ),
    Field(
        "sender",
        Label("Sender's address", "Adresse d'expédition"),
        hint=Label("Where the mailing names none", "Si l'envoi n'en donne pas"),
    ),
    Field(
        "return_path",
        Label("Address for bounces", "Adresse de retour"),
        hint=Label("{key} becomes the delivery's id", "{key} devient l'identifiant de l'acheminement"),
    ),
    Field("dkim_domain", Label("DKIM domain", "Domaine DKIM")),
    Field("dkim_selector", Label("DKIM selector", "Sélecteur DKIM")),
    Field("dkim_key", Label("DKIM private key", "Clé privée DKIM"), FieldKind.BLOCK, secret=True),
    Field("connections", Label("Connections at once", "Connexions simultanées"), FieldKind.NUMBER, 10),
    Field("mails_per_connection", Label("Mails per connection", "Messages par connexion"), FieldKind.NUMBER, 100),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 20.0),
    Field("max_bytes", Label("Largest PDF in bytes", "Taille maximale du PDF en octets"), FieldKind.NUMBER, 10_000_000),
    Field(
        "bounce_domain",
        Label("Domain for bounces", "Domaine des retours"),
        hint=Label(
            "Its MX leads to this office: each mail gets a signed return address of its own",
            "Son MX mène à ce bureau : chaque message reçoit sa propre adresse de retour signée",
        ),
    ),
    Field("per_minute", Label("Mails per minute (0: no limit)", "Messages par minute (0 : sans limite)"), FieldKind.NUMBER, 0),
    Field("per_hour", Label("Mails per hour (0: no limit)", "Messages par heure (0 : sans limite)"), FieldKind.NUMBER, 0),
    Field(
        "warm_up",
        Label("Warm-up", "Montée en charge"),
        hint=Label(
            "Most mails on the first, second … day of use: 50, 100, 500, 1000",
            "Nombre maximal de messages le premier, le deuxième … jour d'utilisation : 50, 100, 500, 1000",
        ),
    ),
    Field("weight", Label("Weight among the relays", "Poids parmi les relais"), FieldKind.NUMBER, 1),
    Field(
        "relays",
        Label("Further relays", "Autres relais"),
        FieldKind.BLOCK,
        secret=True,
        hint=Label(
            "One a line: smtp://user:password@host:587?weight=2&per_hour=1000; smtps for TLS from the start; "
            "weight=0: only where the others fail",
            "Un par ligne : smtp://identifiant:motdepasse@hôte:587?weight=2&per_hour=1000 ; smtps pour TLS dès l'ouverture ; "
            "weight=0 : seulement si les autres ne répondent pas",
        ),
    ),
    Field(
        "provider_limits",
        Label("Spare the large mailbox providers", "Ménager les grandes messageries"),
        FieldKind.SWITCH,
        True,
        hint=Label(
            "Few connections and an even pace towards Gmail, Outlook, Yahoo, Orange, Free, SFR, La Poste ...",
            "Peu de connexions et un rythme régulier vers Gmail, Outlook, Yahoo, Orange, Free, SFR, La Poste...",
        ),
    ),
    Field(
        "domain_limits",
        Label("Limits by recipient domain", "Limites par domaine destinataire"),
        FieldKind.BLOCK,
        hint=Label(
            "One a line: example.com connections=2 per_minute=30 per_hour=500; * for all other domains",
            "Une par ligne : example.com connections=2 per_minute=30 per_hour=500 ; * pour tous les autres domaines",
        ),
    ),
    Field("helo", Label("Our name to the relay", "Notre nom pour le relais")),
    Field("ca", Label("Relay's certificate authority (PEM)", "Autorité de certification du relais (PEM)"), FieldKind.BLOCK),
)
KIND = Kind("smtp", Channel.EMAIL, Label("SMTP relay", "Relais SMTP"), _FIELDS, _build)
