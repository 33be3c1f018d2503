"""A new e-mail address or mobile number, confirmed by a code that is sent to it before it counts."""

import re

import phonenumbers
from aiohttp import web

from postoffice import notices
from postoffice.house import HOUSE
from postoffice.model.channel import Channel
from postoffice.model.consent import Entry, Means
from postoffice.model.states import EventKind
from postoffice.portal import coding
from postoffice.portal.coding import Road, mask
from postoffice.portal.forms import fields_of, from_own_page, proof_of
from postoffice.portal.found import event, note
from postoffice.portal.landing import paused
from postoffice.portal.pages import CHOICES, missing, page
from postoffice.portal.visit import Visit, no_visit, visit_of
from postoffice.store import consents, events, portal
from postoffice.words import N_

PURPOSES = {"email": Channel.EMAIL, "mobile": Channel.SMS}
LABELS = {"email": N_("Your new e-mail address"), "mobile": N_("Your new mobile number")}
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,63}")


def email_of(text: str) -> str:
    """An e-mail address as it is kept; empty where it is none."""
    local, _, domain = text.strip().partition("@")
    text = f"{local}@{domain.lower()}"
    return text if len(text) <= 254 and _EMAIL.fullmatch(text) and text.isprintable() else ""


def mobile_of(text: str, country: str) -> str:
    """A mobile number in E.164; empty where it is none, or none that takes messages."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in kinds:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


async def show(request: web.Request) -> web.Response:
    """GET /l/choices/{what}: the one field. `what`: email | mobile."""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    return _page(request, visit) if visit.whole else missing(request)


async def change(request: web.Request) -> web.StreamResponse:
    """POST /l/choices/{what}: a new address is named, or the code that came to it is typed."""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    if not visit.whole or not from_own_page(request):
        return missing(request)
    fields = await fields_of(request)
    if "ask" in fields:
        return await _confirm(request, visit, fields["ask"], fields.get("code", ""))
    return await _ask(request, visit, fields.get("to", ""))


async def _ask(request: web.Request, visit: Visit, typed: str) -> web.StreamResponse:
    what, found, house = request.match_info["what"], visit.found, request.app[HOUSE]
    to = email_of(typed) if what == "email" else mobile_of(typed, found.organisation.country)
    if not to:
        words = found.words
        wrong = words.gettext("This is no e-mail address.") if what == "email" else words.gettext("This is no mobile number.")
        return _page(request, visit, status=422, error=wrong, typed=typed)
    if PURPOSES[what] not in await notices.can_reach(house, found.organisation.id, live=found.mailing.live):
        error = found.words.gettext("The code could not be sent just now. Try again in a few minutes.")
        return _page(request, visit, status=503, error=error, typed=typed)
    sent = await coding.send(request, found, what, Road(PURPOSES[what], to), house.keyring.wrap(to.encode()))
    if sent.pause:
        return paused(request, found, sent.pause)
    if not sent.ask:
        error = found.words.gettext("The code could not be sent just now. Try again in a few minutes.")
        return _page(request, visit, status=503, error=error, typed=typed)
    return _page(request, visit, ask=sent.ask, to=to)


async def _confirm(request: web.Request, visit: Visit, ask: str, code: str) -> web.StreamResponse:
    what, found, house = request.match_info["what"], visit.found, request.app[HOUSE]
    judged = await coding.judge(request, found, what, ask, code)
    if judged.pause:
        return paused(request, found, judged.pause)
    if not judged.right or judged.sealed is None:
        return _page(request, visit, status=422, error=judged.words(found), ask="" if judged.over else ask)
    to, channel, now = house.keyring.unwrap(judged.sealed).decode(), PURPOSES[what], house.clock.now()
    shown = found.words.gettext(LABELS[what])
    proof = {**proof_of(request, found.link.id, shown), "address": house.keyring.blind(to.casefold())}
    contact_id = str(found.item.contact_id)
    async with house.database.write() as connection:
        await portal.set_point(connection, found.organisation.id, contact_id, channel, to, now)
        line = Entry("address", channel.value, True, now, Means.PORTAL, proof)
        await consents.add(connection, found.organisation.id, [(contact_id, line)])
        await note(connection, request, found.link, "contact.address-changed", contact_id, channel=channel.value)
        news = event(found, EventKind.EDITED, house, what="address", channel=channel.value, to=mask(to))
        await events.add(connection, [news], now)
    return web.Response(status=303, headers={"Location": f"{CHOICES}?done=address"})


def _page(
    request: web.Request, visit: Visit, *, status: int = 200, error: str = "", ask: str = "", to: str = "", typed: str = ""
) -> web.Response:
    what, found = request.match_info["what"], visit.found
    return page(
        request,
        "reach.html",
        found.words,
        brand=found.brand,
        status=status,
        sender=found.organisation.name,
        what=what,
        label=LABELS[what],
        ask=ask,
        to=mask(to) if to else "",
        typed=typed,
        error=error,
    )
