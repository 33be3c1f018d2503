"""What can be mended in a letter or in all: shown before and after, applied, taken back."""

from typing import Any

from aiohttp import web

from postoffice.actions import mending
from postoffice.compose.fixes import catalogue
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, house_of, load_item, load_mailing
from postoffice.model.errors import NotFound
from postoffice.model.mailing import Mailing
from postoffice.model.people import Right
from postoffice.model.states import MailingState

_WIDTH = 520  #: pixels of each picture


def offers(request: web.Request, mailing: Mailing, findings: Any) -> list[tuple[str, str]]:
    """(word, what it does) of the fixes that answer these findings, for this person; none once the mailing was sent."""
    visit = request[VISIT]
    if mailing.state is not MailingState.WAITING or not visit.may(Right.SUBMIT, mailing):
        return []
    return [(fix.word, fix.label(visit.words.language)) for fix in catalogue.offers(findings)]


def applied(request: web.Request, mailing: Mailing) -> list[tuple[int, str, int, bool]]:
    """(number, what was done, on how many pages, whether this person may take it back) of each fix of a mailing."""
    visit = request[VISIT]
    may = mailing.state is MailingState.WAITING and visit.may(Right.SUBMIT, mailing)
    language = visit.words.language
    return [
        (number, catalogue.FIXES[one["word"]].label(language), len(one["pages"]), may)
        for number, one in enumerate(mailing.fixes)
        if one["word"] in catalogue.FIXES
    ]


async def show(request: web.Request) -> web.StreamResponse:
    """GET /m/{mailing}/items/{item}/fix/{word}: the page before and after, and the choice of one letter or all."""
    mailing, item = await load_item(request)
    fix = catalogue.get(request.match_info["word"])
    some = await mending.concerned(house_of(request), mailing, fix)
    pages = mending.pages_of(fix, [item])
    context = {
        "mailing": mailing,
        "item": item,
        "word": fix.word,
        "label": fix.label(request[VISIT].words.language),
        "page": pages[0] if pages else item.first_page,
        "number": (pages[0] if pages else item.first_page) - item.first_page + 1,
        "concerned": len(some),
        "can_fix": mailing.state is MailingState.WAITING and request[VISIT].may(Right.SUBMIT, mailing),
    }
    return render(request, "fix.html", context)


async def picture(request: web.Request) -> web.StreamResponse:
    """GET /m/{mailing}/items/{item}/fix/{word}/{page}.png: page `page` of the document, before and after, side by side."""
    mailing, item = await load_item(request)
    house, fix, page = house_of(request), catalogue.get(request.match_info["word"]), int(request.match_info["page"])
    own = {number for first, count in item.runs if first for number in range(first, first + count)}
    if mailing.document is None or page not in own:
        raise NotFound("page-out-of-range", "This letter has no such page.", help="Reload the page.")
    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        made = await house.workshop.run(catalogue.side_by_side, path, fix.word, [page], mailing.layout, page, _WIDTH)
    return web.Response(body=made, content_type="image/png", headers={"Cache-Control": "no-store"})


async def apply(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/items/{item}/fix/{word}: to this letter, or with `all` to every one that it concerns."""
    mailing, item = await load_item(request)
    word = request.match_info["word"]
    everywhere = (await request.post()).get("all") == "1"
    await mending.apply(house_of(request), mailing, word, request[VISIT].actor, None if everywhere else item)
    return go(request, f"/m/{mailing.id}?done=fixed")


async def undo(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/fixes/{number}/undo"""
    mailing = await load_mailing(request)
    await mending.undo(house_of(request), mailing, int(request.match_info["number"]), request[VISIT].actor)
    return go(request, f"/m/{mailing.id}?done=unfixed")
