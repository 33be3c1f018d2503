"""The side panel of one item: its pages, its address as read and as it will be used, findings, and what a person may correct."""

from typing import Any

from aiohttp import web

from postoffice.actions import steering
from postoffice.desk.choices import SHOWS, channel_of, filter_of, text_of, unknown_word
from postoffice.desk.fields import LABELS, shown_value
from postoffice.desk.fixes import offers
from postoffice.desk.page import render
from postoffice.desk.visit import VISIT, house_of, load_item
from postoffice.desk.why import preview
from postoffice.model.channel import Channel
from postoffice.model.item import Item
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Mailing
from postoffice.model.people import Right
from postoffice.model.states import ItemState, MailingState
from postoffice.store import items

PAGES_SHOWN = 12  # of a long letter; the rest on demand
EDITABLE = (ItemState.DRAFT, ItemState.HELD, ItemState.EXCLUDED)


async def panel(request: web.Request) -> web.StreamResponse:
    """GET /m/{mailing}/items/{item}"""
    mailing, item = await load_item(request)
    return await _show(request, mailing, item)


async def _show(request: web.Request, mailing: Mailing, item: Item, *, moved: bool = False) -> web.StreamResponse:
    """The panel; `moved` makes the grid behind it fetch itself anew."""
    visit = request[VISIT]
    _show_word, chosen = filter_of(request.query, SHOWS)
    async with house_of(request).database.read() as connection:
        places = await items.positions(connection, mailing.id, chosen)
        around = await _neighbours(connection, mailing, item, places)
    context: dict[str, Any] = {
        "mailing": mailing,
        "item": item,
        "layout": LAYOUTS[mailing.layout],
        "channels": list(Channel),
        "previous": around[0],
        "following": around[1],
        "editable": item.state in EDITABLE and visit.may(Right.SUBMIT, mailing),
        "waiting": mailing.state is MailingState.WAITING,
        "field_labels": LABELS,
        "shown_value": lambda name, text: shown_value(visit.words, name, text),
        "pages_shown": item.pages if "all" in request.query else PAGES_SHOWN,
        "fixes": offers(request, mailing, [*item.findings, *mailing.findings]),
        "why": None if item.plan else await preview(request, mailing, item),
    }
    response = render(request, "panel.html", context)
    if moved:
        response.headers["HX-Trigger"] = "items-moved"
    return response


async def _neighbours(connection: Any, mailing: Mailing, item: Item, places: list[int]) -> tuple[str, str]:
    """The ids of the items before and after this one in the list behind the panel; empty at its ends."""
    before = max((place for place in places if place < item.position), default=0)
    after = min((place for place in places if place > item.position), default=0)
    ids = []
    for place in (before, after):
        found = await items.page(connection, mailing.id, items.Filter(), after=place - 1, limit=1) if place else []
        ids.append(found[0].id if found else "")
    return ids[0], ids[1]


async def edit(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/items/{item}: a person's correction."""
    mailing, item = await load_item(request)
    house, actor, form = house_of(request), request[VISIT].actor, await request.post()
    try:
        channel = None if text_of(form, "channel") == "plan" else channel_of(form)
    except ValueError:
        raise unknown_word() from None
    lines = [line.strip() for line in text_of(form, "lines").splitlines() if line.strip()] if "lines" in form else None
    if lines is not None and item.address is not None and tuple(lines) == item.address.lines:
        lines = None
    if item.channel is not None and text_of(form, "channel") == "plan":
        await steering.follow_plan(house, item)
    points = {name: text_of(form, name, 320) for name in ("email", "mobile", "fax", "reference") if name in form}
    item = await steering.edit_item(house, mailing, item, actor, lines=lines, channel=channel, **points)
    return await _show(request, mailing, item, moved=True)


async def act(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/items/{item}/{action}: release, exclude, include, merge, cut."""
    mailing, item = await load_item(request)
    house, actor, action = house_of(request), request[VISIT].actor, request.match_info["action"]
    if action == "release":
        await steering.release(house, item, actor)
    elif action in ("exclude", "include"):
        await steering.exclude(house, mailing, [item.id], actor, include=action == "include")
    elif action == "merge":
        item = await steering.merge(house, mailing, item, actor)
    else:
        page = text_of(await request.post(), "before")
        item, _second = await steering.cut(house, mailing, item, int(page) if page.isdigit() else 0, actor)
    async with house.database.read() as connection:
        item = await items.get(connection, item.id)
    return await _show(request, mailing, item, moved=True)
