"""Today: what needs me? And the list of all mailings."""

import secrets
from datetime import datetime, time
from typing import Any

from aiohttp import web

from postoffice.compose.trial import trial_letters
from postoffice.desk import figures
from postoffice.desk.hearing import waiting
from postoffice.desk.page import go, render
from postoffice.desk.requests import waiting as requests_waiting
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.model.mailing import Mailing, NewMailing, Source
from postoffice.model.people import Right
from postoffice.model.states import MailingState
from postoffice.store import carriers, mailings, overview, printers, scans
from postoffice.store.carriers import CarrierRow

TRIAL_LETTERS = 500
SHOWN = 8
PAGE = 40
NEEDY = (MailingState.WAITING, MailingState.APPROVING, MailingState.FAILED)
MOVING = (MailingState.RECEIVING, MailingState.RECEIVED, MailingState.READING, MailingState.PLANNING, MailingState.SENDING)
ENDED = (MailingState.FINISHED, MailingState.CANCELLED, MailingState.ABORTED)
#: word in the address -> states; in the order of the filter's buttons
GROUPS: dict[str, tuple[MailingState, ...]] = {"all": (), "needy": NEEDY, "moving": MOVING, "ended": ENDED}


async def today(request: web.Request) -> web.StreamResponse:
    """GET /"""
    visit, house = request[VISIT], house_of(request)
    whose: dict[str, Any] = {"organisation_id": visit.organisation.id, "printer_ids": visit.printer_ids, "user_id": visit.user.id}
    async with house.database.read() as connection:
        needy = await mailings.some(connection, **whose, states=NEEDY, limit=SHOWN + 1)
        moving = await mailings.some(connection, **whose, states=MOVING, limit=SHOWN)
        latest = await mailings.some(connection, **whose, states=ENDED, limit=5)
        stuck = await overview.stuck(connection, visit.organisation.id, visit.printer_ids, visit.user.id)
        volumes = await overview.volumes(connection, visit.organisation.id, _midnight(visit, house.clock.now()))
        set_aside = await overview.set_aside(connection, visit.organisation.id)
        known = await carriers.all_of(connection, visit.organisation.id)
        heard = await waiting(connection, request)
        asked = await requests_waiting(connection, request)
        unread = await scans.count_doubtful(connection, visit.organisation.id) if visit.may(Right.RETURNED) else 0
    context = {
        **heard,
        "alerted": await figures.alerts(request, visit),
        "asked": asked,
        "unread": unread,
        "needy": needy[:SHOWN],
        "more_needy": len(needy) > SHOWN,
        "moving": moving,
        "latest": latest,
        "stuck": stuck,
        "volumes": volumes,
        "set_aside": set_aside,
        "troubled": [carrier for carrier in known if in_trouble(carrier)],
        "empty": not (needy or moving or latest or any(heard.values()) or asked or unread),
        "trial_letters": TRIAL_LETTERS,
    }
    return render(request, "today.html", context)


def in_trouble(carrier: CarrierRow) -> bool:
    """Whether the last thing heard from a carrier in use was an error."""
    if not carrier.enabled or carrier.last_error_at is None:
        return False
    return carrier.last_ok_at is None or carrier.last_error_at > carrier.last_ok_at


def _midnight(visit: Visit, now: datetime) -> datetime:
    day = now.astimezone(visit.words.zone).date()
    return datetime.combine(day, time.min, visit.words.zone)


async def try_out(request: web.Request) -> web.StreamResponse:
    """POST /try: a trial mailing that walks the whole road and stops at the sandbox."""
    visit, house = request[VISIT], house_of(request)
    pdf = await house.workshop.run(trial_letters, TRIAL_LETTERS, secrets.randbelow(1_000_000))
    new = NewMailing(
        visit.organisation.id,
        Source.TRIAL,
        visit.words._("Trial: {n} letters", n=TRIAL_LETTERS),
        user_id=visit.user.id,
        live=False,
    )
    async with house.reception.intake(new) as intake:
        await intake.write(pdf)
        mailing = await intake.accept("application/pdf")
    return go(request, f"/m/{mailing.id}")


async def all_mailings(request: web.Request) -> web.StreamResponse:
    """GET /mailings?show=&printer=&before="""
    visit = request[VISIT]
    show = request.query.get("show", "all")
    before = request.query.get("before", "")
    printer_id = request.query.get("printer", "")
    async with house_of(request).database.read() as connection:
        found = await mailings.some(
            connection,
            organisation_id=visit.organisation.id,
            printer_ids=visit.printer_ids,
            user_id=visit.user.id,
            printer_id=printer_id or None,
            states=GROUPS.get(show, ()),
            before=int(before) if before.isdigit() else None,
            limit=PAGE + 1,
        )
        known = await printers.all_of(connection, visit.organisation.id)
    narrowed = visit.printer_ids
    context = {
        "found": found[:PAGE],
        "more": len(found) > PAGE,
        "show": show if show in GROUPS else "all",
        "groups": GROUPS,
        "printers": [one for one in known if narrowed is None or one.id in narrowed],
        "printer_id": printer_id,
        "shown_printer": {one.id: one.name for one in known},
    }
    return render(request, "mailings.html", context)


def is_board(mailing: Mailing) -> bool:
    """Whether a mailing is followed (a board) or still chosen for (the options page)."""
    if mailing.state is MailingState.CANCELLED:
        return mailing.sent_at is not None
    return mailing.state in (MailingState.PLANNING, MailingState.SENDING, MailingState.FINISHED)
