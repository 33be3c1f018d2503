"""Spending limits: what may a month cost, and what is left of it?"""

from decimal import Decimal, InvalidOperation

from aiohttp import web

from postoffice.desk.admin import admin_page, note, of_whole_office
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.errors import PostOfficeError
from postoffice.store import budgets, printers

HIGHEST = Decimal(100_000_000)
NEAR = 0.8  #: share of a limit from which its bar is amber


async def page(request: web.Request) -> web.StreamResponse:
    """GET /admin/limits"""
    return await _show(request)


async def _show(request: web.Request, wrong: PostOfficeError | None = None, typed: str = "") -> web.Response:
    visit, house = request[VISIT], house_of(request)
    of_whole_office(visit)
    async with house.database.read() as connection:
        known = await budgets.state(connection, visit.organisation.id, house.clock.now())
        devices = await printers.all_of(connection, visit.organisation.id)
    context = {
        "counters": known,
        "printers": devices,
        "names": {one.id: one.name for one in devices},
        "share": _share,
        "near": NEAR,
        "typed": typed,
        "said": visit.words.problem(wrong) if wrong else None,
    }
    return admin_page(request, "limits.html", context, status=wrong.status if wrong else 200)


def _share(counter: budgets.Counter) -> float:
    """How much of a limit is used, 1 at most."""
    if counter.amount is None:
        return 0.0
    return min(1.0, counter.spent / counter.amount) if counter.amount else 1.0


def amount_of(text: str) -> int | None:
    """An amount as people type it ("1 500,50") in millionths; None where nothing was typed. PostOfficeError where it is none."""
    plain = text.replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace("€", "").replace(",", ".")
    if not plain:
        return None
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= HIGHEST):
        raise PostOfficeError("bad-amount", "This is not an amount.", help="Write it as 1500 or 1500.50; nothing removes the limit.")
    return int(amount * 1_000_000)


async def change(request: web.Request) -> web.StreamResponse:
    """POST /admin/limits: one limit laid down, changed, or (with no amount) removed."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    of_whole_office(visit)
    scope, _, printer_id = text_of(form, "scope", 40).partition(":")
    typed = text_of(form, "amount", 40)
    try:
        amount = amount_of(typed)
        async with house.database.write() as connection:
            if scope == budgets.PRINTER:
                subject = (await printers.get(connection, printer_id, visit.organisation.id)).id
            else:
                subject = text_of(form, "subject", 60) if scope == budgets.COST_CENTRE else ""
            if scope not in budgets.SCOPES:
                raise unknown_word()
            if scope == budgets.COST_CENTRE and not subject:
                raise PostOfficeError("name-missing", "A name is needed.", help="Type the name of the cost centre.")
            await budgets.set_limit(connection, visit.organisation.id, scope, subject, amount, house.clock.now())
            await note(request, connection, "limit.change", scope, amount=amount)
    except PostOfficeError as wrong:
        return await _show(request, wrong, typed)
    return go(request, "/admin/limits?done=kept")
