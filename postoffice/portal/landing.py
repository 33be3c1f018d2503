"""The landing page of a secure link: who wrote, what it is, one field. Nothing changes until something right is typed."""

from datetime import timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import phonenumbers
from aiohttp import web

from postoffice.house import HOUSE, House
from postoffice.model.channel import Purpose
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import Organisation
from postoffice.model.states import EventKind
from postoffice.portal.pages import DOCUMENT, language_of, missing, page
from postoffice.portal.visit import LIFETIME, cookie_name
from postoffice.store import contacts, events, items, links, mailings, people
from postoffice.store.links import Link
from postoffice.words import N_, Words

_MOST_TYPED = 400  # letters of a proof
_MOST_BODY = 4096


class Question(NamedTuple):
    """The one field. `type`, `autocomplete` and `inputmode` as in HTML, so that a phone helps with the right keyboard."""

    label: str
    hint: str
    type: str
    autocomplete: str
    inputmode: str


QUESTIONS = {
    "postcode": Question(
        N_("Your postcode"), N_("The postcode of your address, as the sender knows it."), "text", "postal-code", "text"
    ),
    "email": Question(N_("Your e-mail address"), N_("The address that this message was sent to."), "email", "email", "email"),
    "reference": Question(
        N_("Your customer number"), N_("The number by which the sender knows you; it stands on earlier letters."), "text", "off", "text"
    ),
    "mobile": Question(N_("Your mobile number"), N_("The number that this message was sent to."), "tel", "tel", "tel"),
}

#: what a letter is, said without anything that only its recipient may know
TITLES = {
    Purpose.INVOICE: N_("{sender} sends you an invoice"),
    Purpose.CONTRACT: N_("{sender} sends you a contract"),
    Purpose.SERVICE: N_("{sender} sends you a message"),
    Purpose.PROMOTION: N_("{sender} sends you a message"),
    Purpose.OTHER: N_("{sender} sends you a letter"),
}


class Found(NamedTuple):
    """What lies behind a link, and the words of its reader."""

    link: Link
    item: Item
    mailing: Mailing
    organisation: Organisation
    words: Words


async def show(request: web.Request) -> web.Response:
    """GET /l/{token}: changes nothing, so a scanner that follows the link learns and does nothing."""
    found = await _find(request)
    if found is None:
        return missing(request)
    if found.link.expires_at <= request.app[HOUSE].clock.now():
        return _ended(request, found)
    return _landing(request, found)


async def prove(request: web.Request) -> web.StreamResponse:
    """POST /l/{token}: the typed proof; where it is right, a cookie for this link and on to the letter."""
    house = request.app[HOUSE]
    if not _from_own_page(request):
        return _landing_or_missing(request, await _find(request), 403)
    typed = await _typed(request)
    found = await _find(request)
    if found is None:
        return missing(request)
    now = house.clock.now()
    if found.link.expires_at <= now:
        return _ended(request, found)
    if not typed:
        return _landing(request, found, status=422, error=found.words.gettext("Type it into the field, please."))
    token = request.match_info["token"]
    proof = _as_kept(found, typed)
    async with house.database.write() as connection:
        right, paused = await links.try_proof(connection, found.link, token, proof, now)
        session = await links.open_session(connection, found.link, now, LIFETIME) if right else ""
        action = "link.proven" if right else "link.paused" if paused else "link.wrong"
        if not paused:
            await people.note(
                connection,
                organisation_id=found.link.organisation_id,
                actor=f"link:{found.link.id}",
                action=action,
                subject=found.item.id,
                now=now,
            )
        if right:
            await links.opened(connection, found.item.id, now)
            await events.add(connection, [event(found, EventKind.CLICKED, house)], now)
    house.log.info(action.replace("link", "portal"), link=found.link.id)
    if paused:
        return _paused(request, found)
    if not right:
        return _landing(request, found, status=422, error=found.words.gettext("This does not match. Check it and try again."))
    response = web.Response(status=303, headers={"Location": DOCUMENT})
    response.set_cookie(
        cookie_name(house), session, max_age=int(LIFETIME.total_seconds()), path="/", secure=house.secure, httponly=True, samesite="Lax"
    )
    return response


async def nowhere(request: web.Request) -> web.Response:
    """GET /l/: a link that lost its end."""
    return missing(request)


def event(found: Found, kind: EventKind, house: House, once: str = "") -> events.NewEvent:
    """News from the recipient."""
    return events.NewEvent(
        found.link.organisation_id,
        kind,
        "recipient",
        house.clock.now(),
        mailing_id=found.mailing.id,
        item_id=found.item.id,
        delivery_id=found.link.delivery_id,
        contact_id=found.item.contact_id,
        once=once,
    )


async def behind(request: web.Request, link: Link) -> Found:
    """Everything that a page says of a link."""
    async with request.app[HOUSE].database.read() as connection:
        item = await items.get(connection, link.item_id, link.organisation_id)
        mailing = await mailings.get(connection, item.mailing_id, link.organisation_id)
        organisation = await people.organisation(connection, link.organisation_id)
        contact = await contacts.get(connection, item.contact_id, link.organisation_id) if item.contact_id else None
    language = language_of(request, [contact.language if contact else "", organisation.language])
    return Found(link, item, mailing, organisation, Words(language, organisation.timezone, organisation.currency))


async def _find(request: web.Request) -> Found | None:
    """The link by its token, unless unknown or revoked."""
    async with request.app[HOUSE].database.read() as connection:
        link = await links.by_token(connection, request.match_info["token"])
    if link is None or link.revoked_at is not None:
        return None
    return await behind(request, link)


def _landing_or_missing(request: web.Request, found: Found | None, status: int) -> web.Response:
    return _landing(request, found, status=status) if found else missing(request)


def _landing(request: web.Request, found: Found, *, status: int = 200, error: str = "") -> web.Response:
    question = QUESTIONS.get(found.link.proof, QUESTIONS["reference"])
    return page(
        request,
        "landing.html",
        found.words,
        status=status,
        sender=found.organisation.name,
        title=title_of(found),
        sent=found.mailing.sent_at,
        pages=found.item.pages,
        question=question,
        error=error,
    )


def title_of(found: Found) -> str:
    """Who wrote and what it is, in one line."""
    return found.words.gettext(TITLES[found.mailing.options.purpose], sender=found.organisation.name)


def _ended(request: web.Request, found: Found) -> web.Response:
    return page(request, "ended.html", found.words, status=410, sender=found.organisation.name, ended=found.link.expires_at)


def _paused(request: web.Request, found: Found) -> web.Response:
    minutes = int(links.TRIES_WITHIN / timedelta(minutes=1))
    response = page(request, "paused.html", found.words, status=429, sender=found.organisation.name, minutes=minutes)
    response.headers["Retry-After"] = str(minutes * 60)
    return response


def _from_own_page(request: web.Request) -> bool:
    """Whether the form was sent from our own page (OWASP ASVS 5.0, 3.5.1).

    Our pages send no referrer, and browsers then send `Origin: null`: what tells is Sec-Fetch-Site, which browsers since 2023 send.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin", "null")
    return origin == "null" or urlsplit(origin).netloc == request.host


async def _typed(request: web.Request) -> str:
    """What was typed; nothing where the form is larger than any proof."""
    if request.content_type != "application/x-www-form-urlencoded":
        return ""
    body = b""
    async for chunk in request.content.iter_chunked(_MOST_BODY):
        body += chunk
        if len(body) > _MOST_BODY:
            return ""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:  # more fields than any form of ours has
        return ""
    return fields.get("proof", [""])[0].strip()[:_MOST_TYPED]


def _as_kept(found: Found, typed: str) -> str:
    """A typed proof in the form that is kept: mobile numbers are kept in E.164, people type them as at home."""
    if found.link.proof == "mobile":
        try:
            number = phonenumbers.parse(typed, found.organisation.country)
        except phonenumbers.NumberParseException:
            return typed
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return typed
