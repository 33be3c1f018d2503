"""What a campaign brought: a page, a file for spreadsheets, a report to pass on; and campaigns beside one another over time."""

import csv
import io
from typing import Any, NamedTuple

from aiohttp import web

from postoffice.campaigns import alerts
from postoffice.compose.report import report_pdf
from postoffice.desk.figures import cell
from postoffice.desk.page import render, render_text
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.campaign import Campaign
from postoffice.model.ids import is_id
from postoffice.model.states import CampaignState
from postoffice.store import campaigns
from postoffice.store import campaigns_results as results
from postoffice.store.campaigns_results import Day, Results
from postoffice.words import N_

_GONE = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED)
_BESIDE = 24  #: campaigns in the comparison
_BARS = 31  #: days in the chart
_HEADS = (
    N_("Recipients"),
    N_("Sent"),
    N_("Delivered"),
    N_("Failed"),
    N_("Came back"),
    N_("Dead addresses"),
    N_("Complained"),
    N_("Unsubscribed"),
    N_("Clicked"),
    N_("Converted"),
    N_("Brought"),
    N_("Cost"),
)


class Rate(NamedTuple):
    """A rate beside the limit from which the campaign stops by itself."""

    label: str
    number: int
    share: float
    limit: float

    @property
    def high(self) -> bool:
        """Whether it is over its limit."""
        return self.number >= alerts.FEWEST and self.share > self.limit


class Bar(NamedTuple):
    """A day of the chart; heights in hundredths of the highest."""

    day: Day
    sent: float
    clicked: float


async def _load(request: web.Request) -> tuple[Campaign, Results]:
    campaign_id, visit = request.match_info["campaign"], request[VISIT]
    if not is_id(campaign_id):
        raise campaigns.missing()
    async with house_of(request).database.read() as connection:
        campaign = await campaigns.get(connection, campaign_id, visit.organisation.id)
        return campaign, await results.of_campaign(connection, campaign, str(visit.words.zone))


def _shown(campaign: Campaign, found: Results) -> dict[str, Any]:
    tally = found.tally
    rates = [
        Rate(N_("Unsubscribed"), tally.unsubscribed, tally.share(tally.unsubscribed), alerts.UNSUBSCRIBES),
        Rate(N_("Complained"), tally.complained, tally.share(tally.complained), alerts.COMPLAINTS),
        Rate(N_("Dead addresses"), tally.dead, tally.share(tally.dead), alerts.DEAD),
    ]
    some = found.days[-_BARS:]
    highest = max((max(one.sent, one.clicked) for one in some), default=0) or 1
    bars = [Bar(one, 100 * one.sent / highest, 100 * one.clicked / highest) for one in some]
    return {"campaign": campaign, "found": found, "rates": rates, "bars": bars, "enough": alerts.ENOUGH}


async def page(request: web.Request) -> web.StreamResponse:
    """GET /campaigns/{campaign}/results"""
    return render(request, "campaign-results.html", _shown(*await _load(request)))


async def report(request: web.Request) -> web.StreamResponse:
    """GET /campaigns/{campaign}/report.pdf"""
    campaign, found = await _load(request)
    html = render_text(request, "campaign-report.html", _shown(campaign, found))
    pdf = await house_of(request).workshop.run(report_pdf, html)
    headers = {"Content-Disposition": f'attachment; filename="campaign-{campaign.id}.pdf"', "Cache-Control": "no-store"}
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)


async def export(request: web.Request) -> web.StreamResponse:
    """GET /campaigns/{campaign}/results.csv: the waves, then the links; semicolons and a mark of UTF-8, as spreadsheets want them."""
    (campaign, found), words = await _load(request), request[VISIT].words
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow([words.gettext("Wave"), words.gettext("Starts"), *(words.gettext(head) for head in _HEADS)])

    def money(micros: int) -> str:
        return f"{micros / 1_000_000:.2f}".replace(".", "," if words.language == "fr" else ".")

    for one in found.waves:
        sums = one.figures
        numbers = (one.wave.filled, sums.sent, sums.delivered, sums.failed, sums.returned, one.dead, sums.complained, sums.unsubscribed)
        name = f"{words.word(one.wave.kind)} {one.wave.occurrence}".strip()
        more = (one.clicked, one.converted, money(one.value), money(sums.cost))
        writer.writerow([cell(name), one.wave.starts_at.astimezone(words.zone).isoformat(timespec="minutes"), *numbers, *more])
    writer.writerow([])
    writer.writerow([words.gettext(head) for head in ("Link", "Address", "People who agreed to be known", "Others", "Machines")])
    for link in found.links:
        writer.writerow([cell(link.link.label), cell(link.link.address), link.people, link.somebody, link.machines])
    headers = {"Content-Disposition": f'attachment; filename="campaign-{campaign.id}.csv"', "Cache-Control": "no-store"}
    return web.Response(body=b"\xef\xbb\xbf" + text.getvalue().encode(), content_type="text/csv", charset="utf-8", headers=headers)


async def beside(request: web.Request) -> web.StreamResponse:
    """GET /campaigns/compare: what went, beside one another, newest first."""
    visit = request[VISIT]
    async with house_of(request).database.read() as connection:
        some = await campaigns.some(connection, visit.organisation.id, states=_GONE, live=True, limit=_BESIDE)
        found = await results.beside(connection, some)
    highest = max((people / sums.sent for _, sums, people in found if sums.sent), default=0.0) or 1.0
    return render(request, "campaign-compare.html", {"found": found, "highest": highest})
