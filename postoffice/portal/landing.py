"""The landing page of a secure link: who wrote, what it is, one field. Nothing changes until something right is typed."""

from datetime import timedelta
from functools import partial
from typing import NamedTuple

import phonenumbers
import sqlalchemy as sa
from aiohttp import web

from postoffice.house import HOUSE
from postoffice.model.states import EventKind
from postoffice.portal import coding, limits
from postoffice.portal.forms import fields_of, from_own_page
from postoffice.portal.found import Found, as_read, event, note_now, title_of
from postoffice.portal.pages import CHOICES, DOCUMENT, missing, page
from postoffice.portal.visit import CODE, LIFETIME, TYPED, welcome
from postoffice.store import behind, events, links, tries
from postoffice.store.tries import Limit
from postoffice.words import N_


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


async def show(request: web.Request) -> web.Response:
    """GET /l/{token}: changes nothing, so a scanner that follows the link learns and does nothing.

    A link that expired looks like one that did not: only who proves to be the recipient is told.
    """
    found = await _find(request)
    return missing(request) if found is None else await _landing(request, found)


async def prove(request: web.Request) -> web.StreamResponse:
    """POST /l/{token}: the typed proof or code; where it is right, a cookie for this recipient and on to the letter."""
    if not from_own_page(request):
        found = await _find(request)
        return await _landing(request, found, status=403) if found else missing(request)
    fields = await fields_of(request)
    found = await _find(request)
    if found is None:
        return missing(request)
    if found.link.proof == CODE:
        return await _by_code(request, found, fields)
    typed = fields.get("proof", "")
    if not typed:
        return await _landing(request, found, status=422, error=found.words.gettext("Type it into the field, please."))
    return await _judge(request, found, _as_kept(found, typed))


async def nowhere(request: web.Request) -> web.Response:
    """GET /l/: a link that lost its end."""
    return missing(request)


async def _judge(request: web.Request, found: Found, proof: str) -> web.StreamResponse:
    house, counted = request.app[HOUSE], limits.of_tries(request, found)
    pause = await house.database.look(partial(tries.wait_now, limits=counted, now=house.clock.now()))
    if pause:
        return paused(request, found, pause)
    tried = await house.database.at_once(partial(_try, request=request, found=found, proof=proof, counted=counted))
    house.log.info("portal.proven" if tried.right else "portal.paused" if tried.pause else "portal.wrong", link=found.link.id)
    if tried.right:
        return _let_in(request, found, tried.session)
    if tried.pause:
        return paused(request, found, tried.pause)
    return await _landing(request, found, status=422, error=found.words.gettext("This does not match. Check it and try again."))


class _Tried(NamedTuple):
    """What a typed proof came to. `session`: of the visit that a right one opens, empty where the link has expired."""

    right: bool = False
    session: str = ""
    pause: timedelta = timedelta()


def _try(connection: sa.Connection, request: web.Request, found: Found, proof: str, counted: list[Limit]) -> _Tried:
    """Count a try, judge it, and write what follows from it: one short transaction."""
    now, token = request.app[HOUSE].clock.now(), request.match_info["token"]
    if pause := tries.count_now(connection, found.organisation.id, counted, now):
        return _Tried(pause=pause)
    right, over = links.try_proof(connection, found.link, token, proof, now)
    if right:
        tries.forgive_now(connection, counted)
        return _Tried(right, _open(connection, request, found, TYPED))
    if not over:
        note_now(connection, request, found.link, "link.wrong", found.item.id)
    return _Tried(pause=links.TRIES_WITHIN if over else timedelta())


async def _by_code(request: web.Request, found: Found, fields: dict[str, str]) -> web.StreamResponse:
    """A code is asked for, or typed."""
    if "ask" not in fields:
        return await _send(request, found)
    judged = await coding.judge(request, found, "open", fields["ask"], fields.get("code", ""))
    if judged.pause:
        return paused(request, found, judged.pause)
    if not judged.right:
        error = judged.words(found)
        ask = "" if judged.over else fields["ask"]
        return await _landing(request, found, status=422, error=error, ask=ask)
    house = request.app[HOUSE]
    session = await house.database.at_once(partial(_open_by_code, request=request, found=found))
    house.log.info("portal.proven", link=found.link.id)
    return _let_in(request, found, session)


def _open_by_code(connection: sa.Connection, request: web.Request, found: Found) -> str:
    links.note_proven(connection, found.link, request.app[HOUSE].clock.now())
    return _open(connection, request, found, CODE)


async def _send(request: web.Request, found: Found) -> web.StreamResponse:
    road = await coding.road_of(request, found)
    if road is None:
        return await _landing(request, found, status=409)
    sent = await coding.send(request, found, "open", road)
    if sent.pause:
        return paused(request, found, sent.pause)
    if not sent.ask:
        error = found.words.gettext("The code could not be sent just now. Try again in a few minutes.")
        return await _landing(request, found, status=503, error=error)
    return await _landing(request, found, ask=sent.ask)


def _open(connection: sa.Connection, request: web.Request, found: Found, level: str) -> str:
    """The visit, the trail and the news of a right proof. An expired link opens nothing."""
    now = request.app[HOUSE].clock.now()
    if found.link.expires_at <= now:
        note_now(connection, request, found.link, "link.expired", found.item.id)
        return ""
    note_now(connection, request, found.link, "link.proven", found.item.id, by=level)
    if (
        found.link.parent_id is None and found.item.pages
    ):  # choosing is no reading; an accountant's reading does not say that the recipient read it
        links.opened(connection, found.item.id, now)
        events.add_own(connection, [event(found, EventKind.CLICKED, request.app[HOUSE])], now)
    return links.open_session(connection, found.link, now, LIFETIME, level)


def _let_in(request: web.Request, found: Found, session: str) -> web.Response:
    chosen = request.query.get("to") == "choices" or not found.item.pages  # a message without a letter has nothing else behind it
    to = CHOICES if chosen and found.item.contact_id else DOCUMENT
    return welcome(request, session, to) if session else _ended(request, found)


async def _find(request: web.Request) -> Found | None:
    """The link by its token, unless unknown or revoked, or shared from one that was."""
    found = await request.app[HOUSE].database.look(partial(behind.by_token, token=request.match_info["token"]))
    return await as_read(request, found) if found else None


async def _landing(request: web.Request, found: Found, *, status: int = 200, error: str = "", ask: str = "") -> web.Response:
    by_code = found.link.proof == CODE
    road = await coding.road_of(request, found) if by_code else None
    return page(
        request,
        "landing.html",
        found.words,
        brand=found.brand,
        status=status,
        sender=found.organisation.name,
        title=title_of(found),
        sent=found.mailing.sent_at,
        pages=found.item.pages,
        question=QUESTIONS.get(found.link.proof, QUESTIONS["reference"]),
        by_code=by_code,
        ask=ask,
        road=coding.masked(road) if road else "",
        error=error,
    )


def _ended(request: web.Request, found: Found) -> web.Response:
    ended = found.link.expires_at
    return page(request, "ended.html", found.words, brand=found.brand, status=410, sender=found.organisation.name, ended=ended)


def paused(request: web.Request, found: Found, pause: timedelta) -> web.Response:
    """Too many tries: when it goes on."""
    seconds = max(1, int(pause.total_seconds()))
    minutes = -(-seconds // 60)
    response = page(request, "paused.html", found.words, brand=found.brand, status=429, sender=found.organisation.name, minutes=minutes)
    response.headers["Retry-After"] = str(seconds)
    return response


def _as_kept(found: Found, typed: str) -> str:
    """A typed proof in the form that is kept: mobile numbers are kept in E.164, people type them as at home."""
    return e164(typed, found.organisation.country) or typed if found.link.proof == "mobile" else typed


def e164(typed: str, country: str) -> str:
    """A number as people type it at home, in E.164; empty where it is none."""
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
