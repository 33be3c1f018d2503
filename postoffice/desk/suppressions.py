"""The suppression list: which addresses must not be used, why, since when; added by hand, lifted with a reason.

Addresses are kept as keyed hashes: one is looked for by typing it, and what is typed never stands in a page's address.
"""

from typing import Any

from aiohttp import web

from postoffice.actions import listing
from postoffice.desk.choices import text_of
from postoffice.desk.page import go, render
from postoffice.desk.returned import line
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Channel, Purpose
from postoffice.model.ids import is_id
from postoffice.model.people import Right
from postoffice.store import suppressions
from postoffice.store.suppressions import Filter

PAGE = 50
STATES = ("active", "ended")


def filter_of(request: web.Request, **more: Any) -> Filter:
    """The list's filters, from the page's address."""
    query = request.query
    ids = {name: query.get(name, "") for name in ("contact_id", "mailing_id") if is_id(query.get(name, ""))}
    channel, state = query.get("channel", ""), query.get("state", "")
    return Filter(
        channel if channel in set(Channel) else "", query.get("reason", "")[:40], state if state in STATES else "", **ids, **more
    )


async def page(request: web.Request) -> web.StreamResponse:
    """GET /suppressions"""
    return await _page(request, filter_of(request))


async def search(request: web.Request) -> web.StreamResponse:
    """POST /suppressions/search: all that is known of one address, as it is typed."""
    form = await request.post()
    channel, typed = listing.channel_of(text_of(form, "channel")), str(form.get("typed", "")).strip()[:600]
    hashes = listing.hashes(house_of(request), channel, typed)
    return await _page(request, Filter(channel.value, hashes=hashes), typed=typed, looked=channel)


async def _page(request: web.Request, chosen: Filter, **more: Any) -> web.Response:
    visit, house = request[VISIT], house_of(request)
    now, before = house.clock.now(), request.query.get("before", "")
    async with house.database.read() as connection:
        found = await suppressions.page(connection, visit.organisation.id, chosen, now, before=before, limit=PAGE + 1)
        context = {
            "found": found[:PAGE],
            "more": found[PAGE - 1].id if len(found) > PAGE else "",
            "first": not before,
            "total": await suppressions.count(connection, visit.organisation.id, chosen, now),
            "reasons": await suppressions.reasons(connection, visit.organisation.id),
            "channels": list(Channel),
            "purposes": list(Purpose),
            "chosen": chosen,
            "typed": "",
            "looked": None,
            "may_add": visit.may(Right.SUBMIT),
            "may_lift": visit.may(Right.MANAGE),  # as the route says
            **more,
        }
    return render(request, "suppressions.html", context)


async def add(request: web.Request) -> web.StreamResponse:
    """POST /suppressions"""
    visit, form = request[VISIT], await request.post()
    purpose = text_of(form, "purpose")
    await listing.add(
        house_of(request),
        visit.organisation.id,
        visit.actor,
        channel=listing.channel_of(text_of(form, "channel")),
        typed=str(form.get("typed", "")).strip()[:600],
        purpose=Purpose(purpose) if purpose in set(Purpose) else None,
        note=text_of(form, "note"),
        days=int(text_of(form, "days")) if text_of(form, "days").isdigit() else 0,
    )
    return go(request, "/suppressions?done=suppressed")


async def lift(request: web.Request) -> web.StreamResponse:
    """POST /suppressions/{suppression}/lift"""
    visit, form = request[VISIT], await request.post()
    await listing.lift(
        house_of(request), visit.organisation.id, request.match_info["suppression"], text_of(form, "reason"), visit.actor
    )
    return go(request, "/suppressions?done=lifted")


async def export(request: web.Request) -> web.StreamResponse:
    """GET /suppressions/export: reasons and dates of contacts that are known; hashes stay here."""
    visit, house = request[VISIT], house_of(request)
    words, _ = visit.words, visit.words.gettext
    titles = [_("Contact"), _("Name"), _("Channel"), _("Purpose"), _("Reason"), _("Since"), _("Until"), _("Lifted"), _("Why")]
    response = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="suppressions.csv"'})
    response.content_type, response.charset = "text/csv", "utf-8"
    await response.prepare(request)
    await response.write("\ufeff".encode() + line(words, titles))
    before, chosen = "", filter_of(request)
    while True:
        async with house.database.read() as connection:
            some = await suppressions.page(connection, visit.organisation.id, chosen, house.clock.now(), before=before, limit=500)
        if not some:
            break
        before = some[-1].id
        for one in some:
            if one.contact_id:
                moments = [words.moment(at) if at else "" for at in (one.created_at, one.expires_at, one.lifted_at)]
                purpose = words.word(Purpose(one.purpose)) if one.purpose else _("all")
                cells = [one.contact_id, one.contact_name, words.word(Channel(one.channel)), purpose, words.barred(one.reason)]
                await response.write(line(words, [*cells, *moments, one.lifted_reason]))
    await response.write_eof()
    return response
