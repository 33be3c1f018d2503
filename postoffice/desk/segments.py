"""Segments: who is meant, in plain words? The list, one with its people, the builder with a live count, sleepers."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import segments as acts
from postoffice.campaigns import rules as ruling
from postoffice.campaigns import rules_words, segment_sleepers
from postoffice.campaigns.rfm import NAMES
from postoffice.campaigns.rules import RuleError
from postoffice.campaigns.segment_words import TRACKING, sentence
from postoffice.desk import segment_form
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go, is_partial, render
from postoffice.desk.visit import VISIT, WORDS, house_of
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.model.mailing import Mailing
from postoffice.model.people import Right
from postoffice.model.segment import Segment
from postoffice.store import contact_book, contact_search, mailings, purchases, segments

PAGE = 50
_OFFERED = 40  #: mailings that a rule can be about


async def all_segments(request: web.Request) -> web.StreamResponse:
    """GET /segments?after="""
    visit, after = request[VISIT], request.query.get("after", "")
    async with house_of(request).database.read() as connection:
        found = await segments.page(connection, visit.organisation.id, after=after if is_id(after) else "", limit=PAGE + 1)
        shown = [(one, await _told(request, connection, one.rules)) for one in found[:PAGE]]
    more = found[PAGE - 1].id if len(found) > PAGE else ""
    return render(request, "segments.html", {"found": shown, "more": more, "may_edit": visit.may(Right.SUBMIT)})


async def segment_page(request: web.Request) -> web.StreamResponse:
    """GET /segments/{segment}: whom its rules mean, how many, and ten of them."""
    visit, one = request[VISIT], await _load(request)
    async with house_of(request).database.read() as connection:
        context = {
            "one": one,
            "told": await _told(request, connection, one.rules),
            "users": await segments.used_by(connection, visit.organisation.id, one.id),
            "campaigns": await segments.campaigns_of(connection, visit.organisation.id, one.id),
            "may_edit": visit.may(Right.SUBMIT),
            **await _people(request, connection, one),
        }
    return render(request, "segment.html", context)


async def count(request: web.Request) -> web.StreamResponse:
    """GET /segments/{segment}/count: the number alone, for the list."""
    one = await _load(request)
    async with house_of(request).database.read() as connection:
        found = await _people(request, connection, one, sample=0)
    return render(request, "segment-count.html", found)


async def builder(request: web.Request) -> web.StreamResponse:
    """GET /segments/new, /segments/{segment}/edit"""
    one = await _load(request) if "segment" in request.match_info else None
    tree = segment_form.whole(one.rules) if one else {"group": "all", "inner": [dict(segment_form.FRESH)], "no": False}
    return await _builder(request, tree, one.name if one else "", one.id if one else "")


async def build(request: web.Request) -> web.StreamResponse:
    """POST /segments/build: the form again after one of its buttons."""
    form = await request.post()
    tree = segment_form.press(segment_form.read(form), text_of(form, "do"))
    return await _builder(request, tree, text_of(form, "title", 200), _own_id(text_of(form, "id")))


async def live(request: web.Request) -> web.StreamResponse:
    """POST /segments/live: what the form means, how many people that is, and ten of them."""
    form = await request.post()
    async with house_of(request).database.read() as connection:
        context = await _meant(request, connection, segment_form.read(form), _own_id(text_of(form, "id")))
    return render(request, "segment-live.html", context)


async def save(request: web.Request) -> web.StreamResponse:
    """POST /segments: keep what the form says; the form again where something is wrong with it."""
    visit, form = request[VISIT], await request.post()
    tree, name, own = segment_form.read(form), text_of(form, "title", 200), _own_id(text_of(form, "id"))
    try:
        if own:
            await acts.update(house_of(request), visit.organisation.id, own, name, segment_form.rules(tree), visit.actor)
        else:
            own = await acts.create(house_of(request), visit.organisation.id, name, segment_form.rules(tree), visit.actor)
    except PostOfficeError as error:
        if is_partial(request) or isinstance(error, NotFound):
            raise
        return await _builder(request, tree, name, own, error)
    return go(request, f"/segments/{own}?done=kept")


async def act(request: web.Request) -> web.StreamResponse:
    """POST /segments/{segment}/{word}: freeze, thaw, remove, or take back who was set aside."""
    visit, house, word = request[VISIT], house_of(request), request.match_info["word"]
    own, mine = _id_of(request), visit.organisation.id
    if word == "freeze":
        await acts.freeze(house, mine, own, visit.actor)
    elif word == "thaw":
        await acts.thaw(house, mine, own, visit.actor)
    elif word == "remove":
        await acts.remove(house, mine, own, visit.actor)
    else:
        await acts.take_back(house, mine, own, visit.actor)
    return go(request, f"/segments/{own}" if word in ("freeze", "thaw") else "/segments?done=removed")


async def sleepers(request: web.Request) -> web.StreamResponse:
    """GET /segments/sleepers?months="""
    months = _months(request.query.get("months", "12"))
    async with house_of(request).database.read() as connection:
        found = await _people(request, connection, acts.sleepers(request[VISIT].organisation.id, months))
    context = {"months": months, "spans": segment_sleepers.MONTHS, "most": acts.AT_ONCE, "tag": segment_sleepers.TAG}
    return render(request, "segment-sleepers.html", {**context, **found, "may_edit": request[VISIT].may(Right.SUBMIT)})


async def set_aside(request: web.Request) -> web.StreamResponse:
    """POST /segments/sleepers: give them the tag; what it makes can be undone."""
    visit, form = request[VISIT], await request.post()
    months = _months(text_of(form, "months"))
    words = request[WORDS]
    name = words.gettext("Set aside on {day}", day=words.date(house_of(request).clock.now()))
    made = await acts.set_aside(house_of(request), visit.organisation.id, months, name, visit.actor)
    return go(request, f"/segments/{made}")


def _months(text: str) -> int:
    if not text.isdigit() or int(text) not in segment_sleepers.MONTHS:
        raise unknown_word()
    return int(text)


def _own_id(text: str) -> str:
    return text if is_id(text) else ""


def _id_of(request: web.Request) -> str:
    found = request.match_info["segment"]
    if not is_id(found):
        raise NotFound("no-such-segment", "There is no such segment.", help="Look for it in the list of segments.")
    return found


async def _load(request: web.Request) -> Segment:
    async with house_of(request).database.read() as connection:
        return await segments.get(connection, request[VISIT].organisation.id, _id_of(request))


async def _told(request: web.Request, connection: AsyncConnection, rules: Any) -> str:
    """The rules as a sentence."""
    mine = request[VISIT].organisation.id
    leaves = ruling.leaves(rules)
    names = await segments.names(connection, mine, [str(one["value"]) for one in leaves if one["on"] == "segment"])
    for one in leaves:
        if one.get("mailing"):
            names[one["mailing"]] = await segments.mailing_name(connection, mine, one["mailing"])
    return sentence(request[WORDS], rules, names)


async def _people(request: web.Request, connection: AsyncConnection, one: Segment, sample: int = 10) -> dict[str, Any]:
    """How many there are, and some of them; what is in the way where it cannot be said."""
    now = house_of(request).clock.now()
    try:
        number = await segments.count(connection, one, now)
        ids = await segments.sample(connection, one, now, sample) if number and sample else []
    except Conflict as error:
        return {"number": None, "sample": [], "faults": [("", request[WORDS].problem(error))]}
    people = await contact_book.by_ids(connection, one.organisation_id, ids)
    return {"number": number, "sample": [people[contact_id] for contact_id in ids if contact_id in people], "faults": []}


async def _meant(request: web.Request, connection: AsyncConnection, tree: segment_form.Node, own: str) -> dict[str, Any]:
    """The form's sentence, count and sample, without the rules that are wrong, and what is wrong with those."""
    words, mine = request[WORDS], request[VISIT].organisation.id
    made, faults = ruling.examined(segment_form.rules(tree))
    try:
        segment = await acts.draft(connection, mine, made, own)
    except RuleError as error:
        told = [*_said(words, faults), (error.place, words.problem(error))]
        return {"told": "", "number": None, "sample": [], "faults": told, "unfinished": True}
    found = await _people(request, connection, segment)
    told = [*_said(words, faults), *found["faults"]]
    return {"told": await _told(request, connection, made), **found, "faults": told, "unfinished": bool(told)}


async def _mailings(request: web.Request, connection: AsyncConnection) -> list[Mailing]:
    """Those that the visitor may see."""
    visit = request[VISIT]
    allowed = None if visit.printer_ids is None else sorted(visit.printer_ids)
    return await mailings.some(
        connection, organisation_id=visit.organisation.id, printer_ids=allowed, user_id=visit.user.id, limit=_OFFERED
    )


def _said(words: Any, faults: list[RuleError]) -> list[tuple[str, Any]]:
    return [(error.place, words.problem(error)) for error in faults]


async def _builder(
    request: web.Request, tree: segment_form.Node, name: str, own: str, error: PostOfficeError | None = None
) -> web.StreamResponse:
    mine = request[VISIT].organisation.id
    async with house_of(request).database.read() as connection:
        meant = await _meant(request, connection, tree, own)
        if error is None:  # a rule that was just added is empty, not wrong
            meant["faults"] = [(place, said) for place, said in meant["faults"] if segment_form.is_begun(tree, place)]
        context = {
            "tree": segment_form.filled(tree),
            "title": name,
            "own": own,
            "error": request[WORDS].problem(error) if error else None,
            "wrong": {f"{segment_form.ROOT}.{place}".rstrip("."): said for place, said in meant["faults"]},
            "tags": await contact_search.tags(connection, mine),
            "fields": await segments.known_fields(connection, mine),
            "categories": await purchases.categories(connection, mine),
            "others": [one for one in await segments.page(connection, mine) if one.id != own],
            "mailings": await _mailings(request, connection),
            "w": rules_words,
            "groups": NAMES,
            "channels": list(Channel),
            "purposes": list(Purpose),
            "tracking": TRACKING,
            **meant,
        }
    return render(request, "segment-edit.html", context, status=422 if error and not is_partial(request) else 200)
