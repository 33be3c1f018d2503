"""Printers: who can print what, and what becomes of it?"""

from typing import Any

from aiohttp import web

from postoffice.compose.recheck import check_rule
from postoffice.desk.admin import admin_page, name_missing, note, of_whole_office
from postoffice.desk.choices import Form, rule_fields, split_rule, text_of, unknown_word
from postoffice.desk.ladders import by_plan, chosen_of, form_context, typed_rows
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import EmailForm, Envelope, LinkProof, Options, Postage, Together
from postoffice.model.people import Right, User
from postoffice.store import mailings, people, plans, printers
from postoffice.store.printers import Printer

MEGABYTE = 1_000_000
LARGEST_JOBS = 1_000_000  # mailings that may wait on one printer
#: a printer that nobody has made yet: what the form shows at first
FRESH = Printer("", "", "", "", "", "fr", "address", Options(), False, True, True, 600 * MEGABYTE, 10_000)


async def all_printers(request: web.Request) -> web.StreamResponse:
    """GET /admin/printers"""
    visit = request[VISIT]
    async with house_of(request).database.read() as connection:
        known = [one for one in await printers.all_of(connection, visit.organisation.id) if visit.user.may(Right.MANAGE, one.id)]
        tokens = {one.id: [token for token in await printers.tokens(connection, one.id) if not token.revoked_at] for one in known}
        waiting = {one.id: await mailings.count_waiting(connection, one.id) for one in known}
    context = {"printers": known, "tokens": tokens, "waiting": waiting, "may_add": visit.user.may(Right.MANAGE)}
    return admin_page(request, "printers.html", context)


async def load_printer(request: web.Request) -> Printer:
    """The printer that the address names, where the visitor may manage it; NotFound otherwise."""
    visit, printer_id = request[VISIT], request.match_info["printer"]
    if is_id(printer_id) and visit.user.may(Right.MANAGE, printer_id):
        async with house_of(request).database.read() as connection:
            return await printers.get(connection, printer_id, visit.organisation.id)
    raise NotFound("no-such-printer", "There is no such printer.", help="Look for it in the list of printers.")


async def new_printer(request: web.Request) -> web.StreamResponse:
    """GET /admin/printers/new"""
    of_whole_office(request[VISIT])
    return await _form_page(request, FRESH)


async def settings_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/printers/{printer}/settings"""
    return await _form_page(request, await load_printer(request))


async def _form_page(
    request: web.Request, printer: Printer, form: Form | None = None, wrong: PostOfficeError | None = None
) -> web.Response:
    """The form, as the printer is or, after a mistake, as it was typed."""
    most = house_of(request).limits.max_upload // MEGABYTE
    typed = _typed_of(printer, most)
    if form is not None:
        typed = {name: text_of(form, name) for name in typed}
    async with house_of(request).database.read() as connection:
        saved = await plans.all_of(connection, request[VISIT].organisation.id)
    context = {
        "printer": printer,
        "typed": typed,
        "plan_form": form_context(printer.options.ladder, saved, typed_rows(form) if form is not None else None),
        "plan_name": typed["plan"] if form is not None or by_plan(printer.options) else saved[0].name if saved else "",
        "rule": rule_fields(printer.split_rule) if form is None else _typed_rule(form),
        "options": printer.options,
        "said": request[VISIT].words.problem(wrong) if wrong else None,
        "layouts": LAYOUTS,
        "channels": list(Channel),
        "purposes": list(Purpose),
        "postages": list(Postage),
        "envelopes": list(Envelope),
        "email_forms": list(EmailForm),
        "togethers": list(Together),
        "proofs": list(LinkProof),
        "most": most,
    }
    return admin_page(request, "printers-form.html", context, status=wrong.status if wrong else 200)


def _typed_of(printer: Printer, most: int) -> dict[str, Any]:
    """A printer as the texts of its form; `most`: megabytes that the office itself takes."""
    options = printer.options
    return {
        "name": printer.name,
        "info": printer.info,
        "location": printer.location,
        "layout": printer.layout,
        "automatic": "1" if printer.automatic else "",
        "live": "1" if printer.live else "",
        "megabytes": str(min(max(printer.max_bytes // MEGABYTE, 1), most)),
        "max_jobs": str(printer.max_jobs),
        "channel": options.channel.value if options.channel else "plan" if by_plan(options) else "best",
        "plan": options.plan,
        "colour": "1" if options.colour else "",
        "duplex": "1" if options.duplex else "",
        **{name: getattr(options, name) for name in ("purpose", "postage", "envelope", "email_form", "together", "proof")},
        **{name: getattr(options, name) for name in ("subject", "message", "cost_centre")},
    }


def _typed_rule(form: Form) -> dict[str, str]:
    empty = rule_fields("address")
    return {name: text_of(form, name) or empty[name] for name in empty}


def _values(request: web.Request, form: Form, before: Printer) -> dict[str, Any]:
    """The columns that a form asks for. PostOfficeError says what cannot be kept."""
    name = text_of(form, "name", 200)
    if not name:
        raise name_missing()
    layout = text_of(form, "layout")
    if layout not in LAYOUTS:
        raise unknown_word()
    rule = split_rule(form) or "address"
    check_rule(rule)
    if len(rule) > 500:
        raise PostOfficeError("bad-split-rule", "This cutting rule is too long.", help="Use a shorter expression.")
    return {
        "name": name,
        "info": text_of(form, "info", 500),
        "location": text_of(form, "location", 200),
        "layout": layout,
        "split_rule": rule,
        "options": chosen_of(form, before.options, request[VISIT].words.zone).as_dict(),
        "automatic": text_of(form, "automatic") == "1",
        "live": text_of(form, "live") == "1",
        "max_bytes": whole(form, "megabytes", house_of(request).limits.max_upload // MEGABYTE) * MEGABYTE,
        "max_jobs": whole(form, "max_jobs", LARGEST_JOBS),
    }


def whole(form: Form, name: str, most: int) -> int:
    """A whole number from 1 to `most` out of a form."""
    text = text_of(form, name, 20)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise PostOfficeError(
            "bad-number",
            f"A whole number from 1 to {most} is needed.",
            help="Correct the number and save again.",
            field=name,
            most=most,
        )
    return int(text)


async def add_printer(request: web.Request) -> web.StreamResponse:
    """POST /admin/printers/new: the printer and its first address, since one cannot print without."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    of_whole_office(visit)
    try:
        values = _values(request, form, FRESH)
    except PostOfficeError as wrong:
        return await _form_page(request, FRESH, form, wrong)
    async with house.database.write() as connection:
        now = house.clock.now()
        printer_id = await printers.add(connection, organisation_id=visit.organisation.id, now=now, **values)
        made = await printers.get(connection, printer_id)
        await printers.add_token(connection, house.keyring, made, label=visit.words._("first address"), now=now)
        await note(request, connection, "printer.add", printer_id)
    return go(request, f"/admin/printers/{printer_id}?done=made")


async def change_printer(request: web.Request) -> web.StreamResponse:
    """POST /admin/printers/{printer}/settings"""
    printer, form = await load_printer(request), await request.post()
    try:
        values = _values(request, form, printer)
    except PostOfficeError as wrong:
        return await _form_page(request, printer, form, wrong)
    async with house_of(request).database.write() as connection:
        await printers.update(connection, printer.id, **values)
        await note(request, connection, "printer.change", printer.id)
    return go(request, f"/admin/printers/{printer.id}?done=kept")


async def accept(request: web.Request) -> web.StreamResponse:
    """POST /admin/printers/{printer}/accepting: pause or resume. Paused, it refuses jobs; computers keep them and try again."""
    printer, accepting = await load_printer(request), text_of(await request.post(), "accepting") == "1"
    async with house_of(request).database.write() as connection:
        await printers.update(connection, printer.id, accepting=accepting)
        await note(request, connection, "printer.resume" if accepting else "printer.pause", printer.id)
    return go(request, f"/admin/printers/{printer.id}?done=changed")


async def remove(request: web.Request) -> web.StreamResponse:
    """POST /admin/printers/{printer}/remove: it is hidden and prints nothing more; its mailings stay."""
    of_whole_office(request[VISIT])
    printer, house = await load_printer(request), house_of(request)
    async with house.database.write() as connection:
        await printers.update(connection, printer.id, removed_at=house.clock.now(), accepting=False)
        await note(request, connection, "printer.remove", printer.id)
    return go(request, "/admin/printers?done=removed")


async def printer_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/printers/{printer}: its addresses, who has them, what it does."""
    visit, printer = request[VISIT], await load_printer(request)
    async with house_of(request).database.read() as connection:
        tokens = await printers.tokens(connection, printer.id)
        staff = await people.all_users(connection, visit.organisation.id)
        waiting = await mailings.count_waiting(connection, printer.id)
    context = {
        "printer": printer,
        "tokens": sorted(tokens, key=lambda token: token.revoked_at is not None),
        "staff": {one.id: one for one in staff},
        "working": [one for one in staff if not one.disabled],
        "narrowed": [one for one in staff if not one.disabled and _only_here(one, printer.id)],
        "waiting": waiting,
        "rule": rule_fields(printer.split_rule),
        "whole_office": visit.user.may(Right.MANAGE),
    }
    return admin_page(request, "printers-one.html", context)


def _only_here(user: User, printer_id: str) -> bool:
    return any(grant.printer_id == printer_id for grant in user.grants)
