"""A new e-mail address or mobile number, confirmed by a code that is sent to it before it counts."""

import phonenumbers
from aiohttp import web

from postoffice.actions import notices
from postoffice.compose import recheck
from postoffice.house import HOUSE
from postoffice.model.channel import Channel
from postoffice.model.consent import Entry, Means
from postoffice.model.errors import PostOfficeError
from postoffice.model.states import EventKind
from postoffice.portal import coding
from postoffice.portal.coding import Road, mask
from postoffice.portal.forms import fields_of, from_own_page, proof_of
from postoffice.portal.found import event, note
from postoffice.portal.landing import paused
from postoffice.portal.pages import CHOICES, missing, page
from postoffice.portal.visit import Visit, no_visit, visit_of
from postoffice.store import consents, contact_book, events, portal
from postoffice.words import N_

PURPOSES = {"email": Channel.EMAIL, "mobile": Channel.SMS}
LABELS = {"email": N_("Your new e-mail address"), "mobile": N_("Your new mobile number")}

_ODD = frozenset('<>"(),:;[]\\')  #: legal where quoted, and nobody's


def email_of(text: str) -> str:
    """An e-mail address as it is kept; empty where it is none that people type."""
    local, _, domain = _checked("email", text, "FR").partition("@")
    return f"{local}@{domain.lower()}" if local and not set(local) & _ODD else ""


def mobile_of(text: str, country: str) -> str:
    """A number in E.164 that takes messages; empty where it is none, or surely a fixed line."""
    number = _checked("mobile", text, country)
    fixed = number and phonenumbers.number_type(phonenumbers.parse(number)) == phonenumbers.PhoneNumberType.FIXED_LINE
    return "" if fixed else number


def _checked(name: str, text: str, country: str) -> str:
    given: dict[str, str | None] = {"email": None, "mobile": None, "fax": None, name: text}
    try:
        return recheck.points(email=given["email"], mobile=given["mobile"], fax=given["fax"], country=country)[name]
    except PostOfficeError:
        return ""


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
        if not await contact_book.hold(connection, found.organisation.id, [contact_id]):
            return missing(request)  # the sender has erased this person: no address is kept any more
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
