"""The calendar of all campaigns: a month of what went, goes, and is to go; and the switch of the public archive."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date

from postoffice.actions import archive as archiving
from postoffice.campaigns import schedule
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.campaign import Campaign, RepeatKind, Wave
from postoffice.model.ids import is_id
from postoffice.model.states import CampaignState
from postoffice.store import campaigns
from postoffice.store import campaigns_waves as waves

#: campaigns that a month looks at; older ones are in the list
MOST = 1000
_OVER = (CampaignState.FINISHED, CampaignState.CANCELLED)
_BY_CALENDAR = (RepeatKind.DAILY, RepeatKind.WEEKLY, RepeatKind.MONTHLY)


class Mark(NamedTuple):
    """A campaign on a day. `hour`: local, None where it is not known; `ahead`: it has not gone yet."""

    hour: time | None
    campaign: Campaign
    ahead: bool


def month_of(word: str, today: date) -> date:
    """The first day of the month that an address names (`2026-12`); this month where it names none."""
    found = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", word)
    return date(int(found[1]), int(found[2]), 1) if found else today.replace(day=1)


def next_month(first: date) -> date:
    """The first day of the month after."""
    return (first + timedelta(days=32)).replace(day=1)


def marks_of(
    campaign: Campaign, went: list[Wave], zone: ZoneInfo, first: date, after: date, today: date
) -> Iterator[tuple[date, Mark]]:
    """The days from `first` until before `after` on which something of a campaign went or is to go."""
    seen: set[date] = set()
    for wave in went:
        at = wave.starts_at.astimezone(zone)
        if first <= at.date() < after and at.date() not in seen:
            seen.add(at.date())
            yield at.date(), Mark(at.time(), campaign, ahead=wave.mailing_id is None)
    if campaign.state in _OVER:
        return
    for day, hour in _planned(campaign, zone, first, after, today):
        if day not in seen and first <= day < after:
            yield day, Mark(hour, campaign, ahead=True)


def _planned(campaign: Campaign, zone: ZoneInfo, first: date, after: date, today: date) -> Iterator[tuple[date, time | None]]:
    design = campaign.design
    wall = schedule.wall_of(design.schedule)
    if design.repeat.kind is RepeatKind.ONCE:
        at: datetime | None = wall or (campaign.scheduled_at.astimezone(zone) if campaign.scheduled_at else None)
        if at is not None and campaign.state is not CampaignState.RUNNING:
            yield at.date(), at.time().replace(tzinfo=None)
        return
    if design.repeat.kind not in _BY_CALENDAR:  # on each contact's own day: only its beginning is a date
        if wall is not None:
            yield wall.date(), wall.time()
        return
    begins = max(first, today, wall.date() if wall else first)
    for day in schedule.days_of(design.repeat, begins):
        if day >= after:
            return
        yield day, wall.time() if wall else None


async def month_page(request: web.Request) -> web.StreamResponse:
    """GET /calendar?month=2026-12"""
    visit, house = request[VISIT], house_of(request)
    zone, organisation = ZoneInfo(visit.organisation.timezone), visit.organisation
    today = house.clock.now().astimezone(zone).date()
    first = month_of(request.query.get("month", ""), today)
    after = next_month(first)
    days: dict[date, list[Mark]] = defaultdict(list)
    async with house.database.read() as connection:
        for campaign in await campaigns.some(connection, organisation.id, limit=MOST):
            went = [] if campaign.state is CampaignState.DRAFT else await waves.of_campaign(connection, campaign.id)
            for day, mark in marks_of(campaign, went, zone, first, after, today):
                days[day].append(mark)
    for listed in days.values():
        listed.sort(key=lambda one: (one.hour or time.min, one.campaign.name))
    monday = first - timedelta(days=first.weekday())
    weeks = [[monday + timedelta(days=7 * week + day) for day in range(7)] for week in range(6)]
    locale = visit.words.locale
    context = {
        "first": first,
        "title": str(format_date(first, "LLLL y", locale=locale)),
        "before": (first - timedelta(days=1)).strftime("%Y-%m"),
        "after": after.strftime("%Y-%m"),
        "today": today,
        "weeks": [week for week in weeks if week[-1] >= first and week[0] < after],
        "days": days,
        "weekdays": [(str(format_date(day, "EEE", locale=locale)), str(format_date(day, "EEEE", locale=locale))) for day in weeks[0]],
        "long": lambda day: str(format_date(day, "EEEE d MMMM", locale=locale)),
    }
    return render(request, "campaign-calendar.html", context)


async def archive(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/{campaign}/archive: shown in the public archive, or no longer."""
    visit, house, campaign_id = request[VISIT], house_of(request), request.match_info["campaign"]
    if not is_id(campaign_id):
        raise campaigns.missing()
    async with house.database.read() as connection:
        campaign = await campaigns.get(connection, campaign_id, visit.organisation.id)
    await archiving.switch(house, campaign, visit.actor, shown=(await request.post()).get("shown") == "yes")
    return go(request, f"/campaigns/{campaign.id}?done=kept")
