"""Sign-up and preference forms at the desk: written, looked at, and the lines that embed them."""

from html import escape
from typing import Any

from aiohttp import web

from postoffice.actions import forms as acting
from postoffice.desk.choices import Form as Fields
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.form import Extra, Form, FormDesign, FormKind
from postoffice.model.ids import is_id
from postoffice.model.people import Right
from postoffice.store import forms
from postoffice.words import N_

KINDS = {
    FormKind.SIGN_UP: N_("Sign-up: somebody asks for messages"),
    FormKind.PREFERENCES: N_("Choices: somebody asks for the way to theirs"),
}
_ORDINARY = {"name": N_("Name"), "company": N_("Company")}


async def all_forms(request: web.Request) -> web.StreamResponse:
    """GET /forms"""
    visit = request[VISIT]
    async with house_of(request).database.read() as connection:
        found = await forms.all_of(connection, visit.organisation.id)
    archive = f"{house_of(request).url}/archive/{visit.organisation.slug}"
    return render(request, "forms.html", {"forms": found, "kinds": KINDS, "archive": archive, "may_write": visit.may(Right.SUBMIT)})


async def _load(request: web.Request) -> Form:
    form_id = request.match_info["form"]
    if not is_id(form_id):
        raise NotFound("no-such-form", "There is no such form.", help="Look for it in the list of forms.")
    async with house_of(request).database.read() as connection:
        return await forms.get(connection, request[VISIT].organisation.id, form_id)


async def form_page(request: web.Request) -> web.StreamResponse:
    """GET /forms/{form}: what it asks, how often it was used, and how it is embedded."""
    form, visit = await _load(request), request[VISIT]
    url = f"{house_of(request).url}/f/{form.token}"
    title = escape(form.design.title, quote=True)
    frame = f'<iframe src="{url}" title="{title}" width="100%" height="{_height(form.design)}" style="border:0"></iframe>'
    context = {"form": form, "design": form.design, "kinds": KINDS, "url": url, "frame": frame, "plain": _plain(request, form, url)}
    return render(request, "form.html", {**context, "may_write": visit.may(Right.SUBMIT)})


def _height(design: FormDesign) -> int:
    """Enough for a phone's width, in pixels."""
    return 560 + 100 * len(design.extras) + 50 * len(design.purposes)


def _plain(request: web.Request, form: Form, url: str) -> str:
    """One field on one's own page: it leads to ours, filled in."""
    words, by_mail = request[VISIT].words, form.design.channel is Channel.EMAIL
    label = words._("Your e-mail address") if by_mail else words._("Your mobile number")
    kind, title = ("email" if by_mail else "tel"), escape(form.design.title)
    return (
        f'<form method="post" action="{url}">\n'
        f'  <label>{escape(label)} <input type="{kind}" name="to" required autocomplete="{kind}"></label>\n'
        f"  <button>{title}</button>\n</form>"
    )


async def new_page(request: web.Request) -> web.StreamResponse:
    """GET /forms/new"""
    return _edit(request, None, FormDesign(language=request[VISIT].organisation.language or "fr"))


async def edit_page(request: web.Request) -> web.StreamResponse:
    """GET /forms/{form}/edit"""
    form = await _load(request)
    return _edit(request, form, form.design)


def _edit(request: web.Request, form: Form | None, design: FormDesign, wrong: PostOfficeError | None = None) -> web.Response:
    extras = [*design.extras, *([Extra("", "")] * acting.MOST_EXTRAS)][: acting.MOST_EXTRAS]
    context: dict[str, Any] = {
        "form": form,
        "design": design,
        "extras": extras,
        "kinds": KINDS,
        "channels": (Channel.EMAIL, Channel.SMS),
        "asked": acting.ASKED,
        "ordinary": _ORDINARY,
        "said": request[VISIT].words.problem(wrong) if wrong else None,
    }
    return render(request, "form-edit.html", context, status=wrong.status if wrong else 200)


async def add(request: web.Request) -> web.StreamResponse:
    """POST /forms/new"""
    return await _keep(request, None)


async def keep(request: web.Request) -> web.StreamResponse:
    """POST /forms/{form}/edit"""
    return await _keep(request, await _load(request))


async def _keep(request: web.Request, form: Form | None) -> web.StreamResponse:
    visit, typed = request[VISIT], await request.post()
    design = form.design if form else FormDesign()
    try:
        design = design_of(typed, design)
        form_id = await acting.keep(house_of(request), visit.organisation.id, design, visit.actor, form)
    except PostOfficeError as wrong:
        return _edit(request, form, design, wrong)
    return go(request, f"/forms/{form_id}?done=kept")


def design_of(typed: Fields, before: FormDesign) -> FormDesign:
    """What a form at the desk chooses. PostOfficeError unknown-word."""
    try:
        kind, channel = FormKind(text_of(typed, "kind") or before.kind), Channel(text_of(typed, "channel") or before.channel)
        purposes = tuple(Purpose(one.value) for one in acting.ASKED if text_of(typed, f"p-{one.value}") == "1")
    except ValueError:
        raise unknown_word() from None
    rows = [
        (text_of(typed, f"name{n}", 60), text_of(typed, f"label{n}", 80), text_of(typed, f"must{n}")) for n in range(acting.MOST_EXTRAS)
    ]
    extras = tuple(Extra(name or label.casefold(), label or name, must == "1") for name, label, must in rows if name or label)
    return FormDesign(
        name=text_of(typed, "name", 200),
        kind=kind,
        language="en" if text_of(typed, "language") == "en" else "fr",
        channel=channel,
        purposes=purposes if kind is FormKind.SIGN_UP else (Purpose.PROMOTION,),
        title=text_of(typed, "title", 120),
        text=text_of(typed, "text", 1000),
        consent=text_of(typed, "consent", 500),
        thanks=text_of(typed, "thanks", 1000),
        tag=text_of(typed, "tag", 60),
        extras=extras if kind is FormKind.SIGN_UP else (),
        sites=tuple(dict.fromkeys(text_of(typed, "sites", 1000).split())),
    )


async def switch(request: web.Request) -> web.StreamResponse:
    """POST /forms/{form}/{action:close|open}"""
    form = await _load(request)
    await acting.close(house_of(request), form, request[VISIT].actor, closed=request.match_info["action"] == "close")
    return go(request, f"/forms/{form.id}")
