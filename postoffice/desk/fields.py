"""Fields of letters: taught on a page by drawing a box (or typing its millimetres), tried on all letters, kept with the printer."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from aiohttp import web

from postoffice.actions import recutting
from postoffice.compose.fields import NAMES, PAGES, FieldRule, Fields, field_rule, field_rules
from postoffice.desk.choices import Form, text_of
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, house_of, load_mailing
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import Right
from postoffice.model.states import MAILING_COMMANDS
from postoffice.store import items
from postoffice.words import N_, Words

#: letters that one request reads: half a second
SLICE = 200
#: lines that the table shows; after them only letters on which something was not found
SHOWN = 40
LABELS = {
    "customer": N_("Customer number"),
    "invoice": N_("Invoice number"),
    "amount": N_("Amount"),
    "due": N_("Due date"),
    "email": N_("E-mail"),
    "mobile": N_("Mobile"),
    "fax": N_("Fax"),
    "reference": N_("Reference"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A letter in the table of what is read."""

    item: Item
    read: Fields


async def page(request: web.Request) -> web.StreamResponse:
    """GET /m/{mailing}/fields?item=ID: the first page of a letter to draw on, and a row for every field."""
    mailing = await _waiting(request)
    rules = await recutting.rules_of(house_of(request), mailing)
    return await _show(request, mailing, {rule.name: rule.as_dict() for rule in rules})


async def _show(
    request: web.Request, mailing: Mailing, typed: dict[str, dict[str, Any]], wrong: PostOfficeError | None = None
) -> web.StreamResponse:
    async with house_of(request).database.read() as connection:
        some = await items.page(connection, mailing.id, items.Filter(), limit=20)
    shown = next((one for one in some if one.id == request.query.get("item")), some[0] if some else None)
    context = {
        "mailing": mailing,
        "shown": shown,
        "some": some,
        "names": NAMES,
        "labels": LABELS,
        "pages": PAGES,
        "typed": typed,
        "said": request[VISIT].words.problem(wrong) if wrong else None,
        "may_keep": bool(mailing.printer_id) and request[VISIT].may(Right.MANAGE, mailing),
    }
    return render(request, "fields.html", context, status=wrong.status if wrong else 200)


async def _waiting(request: web.Request) -> Mailing:
    mailing = await load_mailing(request)
    if mailing.state not in MAILING_COMMANDS["recut"][0] or mailing.document is None or not mailing.items:
        raise Conflict(
            "mailing-state", "The letters of this mailing are not there to be read.", help="Come back once it waits for its options."
        )
    return mailing


def _typed(form: Form) -> dict[str, dict[str, Any]]:
    """What was typed for each field that has a place or an expression."""
    typed = {}
    for name in NAMES:
        zone, pattern = text_of(form, f"{name}-zone", 60).replace(";", ","), text_of(form, f"{name}-pattern", 200)
        if zone or pattern:
            page_word, must = text_of(form, f"{name}-page") or "first", text_of(form, f"{name}-must") == "1"
            typed[name] = {"name": name, "zone": zone, "pattern": pattern, "page": page_word, "must": must}
    return typed


def _rules(form: Form) -> tuple[FieldRule, ...]:
    """The rules that a form describes; a mistake names its field."""
    typed = _typed(form)
    for name, shape in typed.items():
        try:
            field_rule(shape)
        except PostOfficeError as error:
            raise PostOfficeError("bad-field", f"{LABELS[name]}: {error.message}", help=error.help, field=LABELS[name]) from None
    return field_rules(list(typed.values()))


async def attempt(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/fields/try: what the form's rules read, a slice of letters at a time; the page asks for the next one itself."""
    mailing, form = await _waiting(request), await request.post()
    rules, house = _rules(form), house_of(request)
    after, done = _number(form, "after"), _number(form, "done")
    async with house.database.read() as connection:
        some = await items.page(connection, mailing.id, items.Filter(), after=after, limit=SLICE)
    found = [Line(item, read) for item, read in await recutting.try_fields(house, mailing, rules, some)] if rules else []
    missed = {rule.name: _number(form, f"missed-{rule.name}") for rule in rules}
    for line in found:
        for name in missed:
            missed[name] += name not in line.read.values
    room = max(0, SHOWN - done)
    faulty = [line for line in found[room:] if len(line.read.values) < len(rules)]
    context = {
        "mailing": mailing,
        "rules": rules,
        "labels": LABELS,
        "lines": [*found[:room], *faulty[:SHOWN]],
        "hidden": max(0, len(faulty) - SHOWN),
        "first": after == 0,
        "after": some[-1].position if len(some) == SLICE else 0,
        "done": done + len(found),
        "missed": missed,
        "shown_value": lambda name, text: shown_value(request[VISIT].words, name, text),
    }
    return render(request, "fields-table.html", context)


def shown_value(words: Words, name: str, text: str) -> str:
    """A value in the reader's way."""
    if name == "amount":
        return words.number(Decimal(text))
    return words.date(date.fromisoformat(text)) if name == "due" else text


def _number(form: Form, name: str) -> int:
    text = text_of(form, name, 9)
    return int(text) if text.isascii() and text.isdigit() else 0


async def keep(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/fields: keep the rules, with the printer too where ticked, and read the mailing with them."""
    mailing, visit = await _waiting(request), request[VISIT]
    form = await request.post()
    try:
        rules = _rules(form)
    except PostOfficeError as wrong:
        return await _show(request, mailing, _typed(form), wrong)
    printer = text_of(form, "printer") == "1" and visit.may(Right.MANAGE, mailing)
    await recutting.set_fields(house_of(request), mailing, rules, visit.actor, printer=printer)
    return go(request, f"/m/{mailing.id}?done=fields")
