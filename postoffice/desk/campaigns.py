"""Campaigns at the desk: the list, one form in four steps, and a campaign's page with its waves, its approval and its buttons."""

from datetime import date
from typing import Any

from aiohttp import web
from babel.dates import format_date

from postoffice.actions import archive, campaign_checks, campaign_money
from postoffice.actions import campaigns as acting
from postoffice.campaigns import experiment, spread
from postoffice.desk import audit, campaign_form
from postoffice.desk.campaign_look import look_at
from postoffice.desk.choices import text_of
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.campaign import AWAITED, Campaign, Design
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Severity
from postoffice.model.ids import is_id
from postoffice.model.mailing import Options
from postoffice.model.people import Right
from postoffice.model.states import CampaignState
from postoffice.store import campaigns, forms, people, segments, templates
from postoffice.store import campaigns_members as members
from postoffice.words import Words

#: shares of clicks for which the form tells what a test can show
_USUAL_RATE = 0.03
_FRESH = Design(options=Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION))


async def all_campaigns(request: web.Request) -> web.StreamResponse:
    """GET /campaigns"""
    visit, before = request[VISIT], request.query.get("before", "")
    async with house_of(request).database.read() as connection:
        found = await campaigns.some(connection, visit.organisation.id, before=before if is_id(before) else "", limit=51)
        counts = await campaigns.count_by_state(connection, visit.organisation.id)
        looks = {one.id: await look_at(connection, one) for one in found[:50] if one.state is not CampaignState.DRAFT}
    waiting = counts.get(CampaignState.REVIEW, 0)
    context = {"campaigns": found[:50], "more": len(found) > 50, "looks": looks, "waiting": waiting, "may": visit.may}
    return render(request, "campaigns.html", context)


async def load(request: web.Request) -> Campaign:
    """The campaign that the path names; NotFound."""
    campaign_id = request.match_info["campaign"]
    if not is_id(campaign_id):
        raise campaigns.missing()
    async with house_of(request).database.read() as connection:
        return await campaigns.get(connection, campaign_id, request[VISIT].organisation.id)


async def new_page(request: web.Request) -> web.StreamResponse:
    """GET /campaigns/new"""
    return await _form_page(request, None, _FRESH)


async def edit_page(request: web.Request) -> web.StreamResponse:
    """GET /campaigns/{campaign}/edit"""
    campaign = await load(request)
    return await _form_page(request, campaign, campaign.design)


async def _form_page(
    request: web.Request, campaign: Campaign | None, design: Design, wrong: PostOfficeError | None = None
) -> web.Response:
    visit = request[VISIT]
    async with house_of(request).database.read() as connection:
        known = [one for one in await templates.all_of(connection, visit.organisation.id) if one.published]
        versions = [
            (one, await templates.version(connection, visit.organisation.id, template_id=one.id, number=one.published or 0))
            for one in known
        ]
        groups = await segments.page(connection, visit.organisation.id)
        everybody = await members.count_everybody(connection, visit.organisation.id)
    context: dict[str, Any] = {
        "campaign": campaign,
        "design": design,
        "versions": versions,
        "segments": groups,
        "everybody": everybody,
        "said": visit.words.problem(wrong) if wrong else None,
        "shows": _shows(design),
        "weekdays": [(number, _day_name(visit.words, number)) for number in range(1, 8)],
        **campaign_form.choices(),
    }
    return render(request, "campaign-form.html", context, status=wrong.status if wrong else 200)


def _day_name(words: Words, number: int) -> str:
    return str(format_date(date(2024, 1, number), "EEEE", locale=words.locale))  # the first of that month was a Monday


def _shows(design: Design) -> float | None:
    """The smallest relative difference that the test shows in four cases of five, where three in a hundred click."""
    test = design.test
    return experiment.smallest_lift(test.sample, _USUAL_RATE, test.rule, test.risk) if test else None


async def add(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/new"""
    visit, form = request[VISIT], await request.post()
    design = _FRESH
    try:
        design = campaign_form.design_of(form, _FRESH)
        made = await acting.create(house_of(request), visit.organisation, design, visit.actor)
    except PostOfficeError as wrong:
        return await _form_page(request, None, design, wrong)
    return go(request, f"/campaigns/{made.id}{'/sheet' if made.design.sheet == AWAITED else ''}")


async def keep(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/{campaign}/edit"""
    visit, form, campaign = request[VISIT], await request.post(), await load(request)
    design = campaign.design
    try:
        design = campaign_form.design_of(form, campaign.design)
        revision = text_of(form, "revision", 9)
        number = int(revision) if revision.isdigit() else None
        await acting.change(house_of(request), campaign, design, visit.actor, number)
    except PostOfficeError as wrong:
        return await _form_page(request, campaign, design, wrong)
    return go(request, f"/campaigns/{campaign.id}{'/sheet' if design.sheet == AWAITED else '?done=kept'}")


async def campaign_page(request: web.Request) -> web.StreamResponse:
    """GET /campaigns/{campaign}"""
    visit, house, campaign = request[VISIT], house_of(request), await load(request)
    async with house.database.read() as connection:
        look = await look_at(connection, campaign)
        said = await campaigns.approvals(connection, campaign.id)
        audience = None
        if campaign.design.segment_id:
            found = await segments.page(connection, visit.organisation.id)
            audience = next((one.name for one in found if one.id == campaign.design.segment_id), "")
        names = {one.user_id: await _name(connection, one.user_id) for one in said}
        names |= {campaign.user_id: await _name(connection, campaign.user_id)}
        version = await _version(connection, campaign)
        deeds = await audit.deeds_of(request, connection, campaign.id)
        archived = await forms.archived(connection, visit.organisation.id)
        stands = campaign.state is CampaignState.PAUSED and campaign.pause_reason == campaign_money.CEILING
        spending = await campaign_money.spending(house, connection, campaign) if stands else None
    unsent = campaign.state in (CampaignState.DRAFT, CampaignState.REVIEW, CampaignState.APPROVED)
    wanted = acting.approval_wanted(visit.organisation)
    context = {
        "campaign": campaign,
        "design": campaign.design,
        "look": look,
        "approvals": said,
        "deeds": deeds,
        "archived": campaign.id in archived,
        "may_archive": archive.suits(campaign) and visit.may(Right.SEND),
        "names": names,
        "audience": audience,
        "version": version,
        "problems": [visit.words.problem(one) for one in await acting.problems(house, campaign)] if unsent else [],
        "checks": (told := await campaign_checks.checks(house, campaign) if unsent and request.query.get("part") != "live" else []),
        "checks_fail": any(one.severity is Severity.ERROR for one in told),
        "looked_at": campaign_checks.LOOKED_AT,
        "said": lambda one: visit.words.gettext(one.text, **one.facts),
        "approval_wanted": wanted,
        "may_write": visit.may(Right.SUBMIT),
        "may_approve": visit.may(Right.APPROVE) and visit.user.id != campaign.user_id,
        "may_launch": visit.may(Right.SEND),
        "spending": spending,
        "may_raise": visit.may(Right.APPROVE) and not (wanted and visit.user.id == campaign.user_id),
        "steps": spread.steps(look.total or 0, campaign.design.schedule.spread_days, campaign.design.schedule.warm_up)[:30],
        "shows": _shows(campaign.design),
    }
    return render(request, "campaign-live.html" if request.query.get("part") == "live" else "campaign.html", context)


async def _name(connection: Any, user_id: str | None) -> str:
    user = await people.user(connection, user_id) if user_id else None
    return user.name if user else ""


async def _version(connection: Any, campaign: Campaign) -> tuple[str, int]:
    """Name of the template and number of its version; ("", 0) where none is chosen."""
    if not campaign.design.version_id:
        return "", 0
    found = await templates.version(connection, campaign.organisation_id, version_id=campaign.design.version_id)
    known = await templates.all_of(connection, campaign.organisation_id)
    return next((one.name for one in known if one.id == found.template_id), ""), found.number


async def act(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/{campaign}/{action}: what needs the right to write."""
    visit, house, campaign = request[VISIT], house_of(request), await load(request)
    await acting.submit(house, campaign, visit.actor)
    return go(request, f"/campaigns/{campaign.id}")


async def decide(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/{campaign}/decision: another person's yes or no."""
    visit, house, campaign, form = request[VISIT], house_of(request), await load(request), await request.post()
    revision = text_of(form, "revision", 9)
    await acting.approve(
        house,
        campaign,
        visit.actor,
        yes=text_of(form, "decision") == "yes",
        note=text_of(form, "note", 500),
        revision=int(revision) if revision.isdigit() else None,
    )
    return go(request, f"/campaigns/{campaign.id}")


async def raise_ceiling(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/{campaign}/ceiling: a higher limit for one that stands still at it, and on it goes."""
    visit, house, campaign = request[VISIT], house_of(request), await load(request)
    await campaign_money.raise_ceiling(house, campaign, campaign_form.money(await request.post(), "ceiling"), visit.actor)
    if visit.may(Right.SEND):
        await acting.resume(house, await load(request), visit.actor)
    return go(request, f"/campaigns/{campaign.id}?done=kept")


async def steer(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/{campaign}/{action:launch|pause|resume|cancel|choose}"""
    visit, house, campaign, form = request[VISIT], house_of(request), await load(request), await request.post()
    action = request.match_info["action"]
    if action == "launch":
        await acting.launch(house, campaign, visit.actor)
    elif action == "pause":
        await acting.pause(house, campaign, visit.actor)
    elif action == "resume":
        await acting.resume(house, campaign, visit.actor)
    elif action == "cancel":
        await acting.cancel(house, campaign, visit.actor)
    else:
        await acting.choose(house, campaign, text_of(form, "winner", 1), visit.actor)
    return go(request, f"/campaigns/{campaign.id}")
