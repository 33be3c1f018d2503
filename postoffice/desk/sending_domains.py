"""Sending domains: do receivers believe that our e-mails are ours? Signing keys, the records to publish, and the check of the DNS."""

from collections.abc import Sequence
from datetime import datetime

from aiohttp import web

from postoffice.actions.sending_domains import KEEP, Line, SendingDomains, Verdict
from postoffice.desk.admin import admin_page, note, of_whole_office
from postoffice.desk.choices import text_of
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.store import dkim
from postoffice.store.dkim import DkimRow
from postoffice.words import N_

#: shape and word of each verdict
LOOKS = {
    Verdict.GOOD: ("arrived", N_("in order")),
    Verdict.WEAK: ("needs-you", N_("could be better")),
    Verdict.WRONG: ("failed", N_("wrong")),
    Verdict.MISSING: ("failed", N_("missing")),
    Verdict.UNKNOWN: ("waiting", N_("not known")),
}


def domains_of(request: web.Request) -> SendingDomains:
    """The organisation's own; NotFound in a house that makes no keys."""
    visit, house = request[VISIT], house_of(request)
    of_whole_office(visit)
    if house.sending is None:
        raise NotFound("dkim-none", "This office makes no signing keys.", help="Make them where the office runs.")
    return SendingDomains(house.database, house.keyring, house.sending, visit.organisation.id)


async def all_domains(request: web.Request) -> web.StreamResponse:
    """GET /admin/domains"""
    return await _page(request)


async def make(request: web.Request) -> web.StreamResponse:
    """POST /admin/domains: the first keys of a domain."""
    typed = text_of(await request.post(), "domain", 253)
    return await _change(request, typed, "dkim.make")


async def rotate(request: web.Request) -> web.StreamResponse:
    """POST /admin/domains/{domain}/rotate: new keys, which sign once their records are seen."""
    return await _change(request, request.match_info["domain"], "dkim.rotate")


async def _change(request: web.Request, domain: str, action: str) -> web.StreamResponse:
    house, domains = house_of(request), domains_of(request)
    try:
        now = house.clock.now()
        made = await (domains.make(domain, now) if action == "dkim.make" else domains.rotate(domain, now))
    except PostOfficeError as wrong:
        return await _page(request, typed=domain, wrong=wrong)
    async with house.database.write() as connection:
        await note(request, connection, action, made[0].id, domain=made[0].domain, selectors=[row.selector for row in made])
    return go(request, "/admin/domains?done=made")


async def check(request: web.Request) -> web.StreamResponse:
    """POST /admin/domains/{domain}/check: look at the DNS now; keys whose record is found sign from then on."""
    domain, domains = request.match_info["domain"], domains_of(request)
    try:
        lines = await domains.check(domain, house_of(request).clock.now(), await domains.relays())
    except PostOfficeError as wrong:
        return await _page(request, wrong=wrong)
    return await _page(request, checked=domain, lines=lines)


async def _page(
    request: web.Request, *, typed: str = "", checked: str = "", lines: Sequence[Line] = (), wrong: PostOfficeError | None = None
) -> web.Response:
    words, domains = request[VISIT].words, domains_of(request)
    rows, now = await domains.keys(), house_of(request).clock.now()
    used = {row.id for row in dkim.signing(rows)}
    context = {
        "domains": {row.domain: [one for one in rows if one.domain == row.domain] for row in rows},
        "fates": {row.id: _fate(row, row.id in used, now) for row in rows},
        "where": {row.id: domains.where(row) for row in rows},
        "keep": KEEP,
        "lines": lines,
        "looks": LOOKS,
        "checked": checked,
        "typed": typed,
        "said": words.problem(wrong) if wrong else None,
    }
    return admin_page(request, "sending-domains.html", context, status=wrong.status if wrong else 200)


def _fate(row: DkimRow, signs: bool, now: datetime) -> str:
    """signs | waits | stays | over"""
    if signs:
        return "signs"
    if row.seen_at is None and row.retired_at is None:
        return "waits"
    return "stays" if row.retired_at and now < row.retired_at + KEEP else "over"
