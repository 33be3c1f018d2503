"""Saved plans: which ways, in which order, after how long? Printers and programs choose one by its name."""

from typing import Any

from aiohttp import web

from postoffice.desk import ladders
from postoffice.desk.admin import admin_page, name_missing, note, of_whole_office
from postoffice.desk.choices import text_of
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.store import plans

#: what a fresh form shows
FRESH = "email-link 3d > sms-link 2d > post"


async def all_plans(request: web.Request) -> web.StreamResponse:
    """GET /admin/plans"""
    visit = request[VISIT]
    of_whole_office(visit)
    async with house_of(request).database.read() as connection:
        known = await plans.all_of(connection, visit.organisation.id)
        used = {one.id: await plans.used_by(connection, visit.organisation.id, one.name) for one in known}
    said = {one.id: ladders.sentence(visit.words, one.ladder) for one in known}
    return admin_page(request, "plans.html", {"plans": known, "used": used, "sentences": said})


async def plan_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/plans/new and /admin/plans/{plan}"""
    of_whole_office(request[VISIT])
    plan = await _load(request)
    return _form_page(request, plan, plan.name if plan else "", plan.ladder if plan else FRESH)


async def _load(request: web.Request) -> plans.Plan | None:
    """The plan that the address names; None for a new one."""
    plan_id = request.match_info.get("plan")
    if plan_id is None:
        return None
    if not is_id(plan_id):
        raise NotFound("no-such-plan", "There is no such plan.", help="Look for it in the list of plans.")
    async with house_of(request).database.read() as connection:
        return await plans.get(connection, request[VISIT].organisation.id, plan_id)


def _form_page(
    request: web.Request,
    plan: plans.Plan | None,
    name: str,
    ladder: str,
    rows: list[ladders.Row] | None = None,
    wrong: PostOfficeError | None = None,
) -> web.Response:
    words = request[VISIT].words
    context: dict[str, Any] = {
        "plan": plan,
        "name": name,
        "sentence": ladders.sentence(words, ladder),
        "said": words.problem(wrong) if wrong else None,
        "ladder": ladders.form_context(ladder, (), rows),
    }
    return admin_page(request, "plans-one.html", context, status=wrong.status if wrong else 200)


async def say(request: web.Request) -> web.StreamResponse:
    """POST /plans/say: the sentence of the rows in a form, while they are being written."""
    form, words = await request.post(), request[VISIT].words
    try:
        said, wrong = ladders.sentence(words, ladders.ladder_of(form)), None
    except PostOfficeError as problem:
        said, wrong = "", words.problem(problem)
    return render(request, "plans-said.html", {"sentence": said, "wrong": wrong})


async def save(request: web.Request) -> web.StreamResponse:
    """POST /admin/plans/new and /admin/plans/{plan}"""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    of_whole_office(visit)
    plan, name = await _load(request), text_of(form, "name", 80)
    try:
        if not name:
            raise name_missing()
        ladder = ladders.ladder_of(form)
        if not ladder:
            raise PostOfficeError("empty-plan", "This plan has no step.", help="Choose at least one way of sending.")
        async with house.database.write() as connection:
            now = house.clock.now()
            plan_id = await plans.save(connection, visit.organisation.id, name, ladder, now, plan.id if plan else None)
            await note(request, connection, "plan.change" if plan else "plan.add", plan_id, ladder=ladder)
    except PostOfficeError as wrong:
        return _form_page(request, plan, name, "", ladders.typed_rows(form), wrong)
    return go(request, "/admin/plans?done=kept")


async def remove(request: web.Request) -> web.StreamResponse:
    """POST /admin/plans/{plan}/remove: what was sent with it keeps its own text."""
    visit, house = request[VISIT], house_of(request)
    of_whole_office(visit)
    plan = await _load(request)
    assert plan is not None
    async with house.database.write() as connection:
        await plans.remove(connection, visit.organisation.id, plan.id)
        await note(request, connection, "plan.remove", plan.id)
    return go(request, "/admin/plans?done=removed")
