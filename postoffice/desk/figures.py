"""Figures: what was sent, what arrived, what came back and why, and what it cost?"""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web

from postoffice.desk.page import render
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.store import figures
from postoffice.store.figures import Figures, Whose
from postoffice.words import N_

LABELS = {"month": N_("Month"), "mailing": N_("Mailing"), "printer": N_("Printer"), "cost-centre": N_("Cost centre")}
MONTHS = 12  #: shown where the address names no months
BARS = 24  #: in the chart
#: of the export, after what it is by
HEADS = (
    N_("Letters"),
    N_("Sent"),
    N_("Delivered"),
    N_("Came back"),
    N_("Failed"),
    N_("Opened"),
    N_("Unsubscribed"),
    N_("Complained"),
    N_("Cost"),
    N_("Reasons"),
)
SHOWN = 500  #: lines of the table; the export has all


class Bar(NamedTuple):
    """One column of the chart; heights in hundredths of the highest."""

    label: str
    delivered: float
    moving: float
    lost: float


class Asked(NamedTuple):
    """What the address asks for."""

    by: str
    begin: str  #: month, 2026-11
    end: str
    whose: Whose


def asked(request: web.Request) -> Asked:
    """`by`, `from` and `to` of the address; what cannot be read falls back to the last twelve months."""
    visit, now = request[VISIT], house_of(request).clock.now()
    here = now.astimezone(visit.words.zone)
    end = _month(request.query.get("to", ""), visit.words.zone) or datetime(here.year, here.month, 1, tzinfo=visit.words.zone)
    begin = _month(request.query.get("from", ""), visit.words.zone) or _shifted(end, 1 - MONTHS)
    begin = min(begin, end)
    by = request.query.get("by", "month")
    whose = Whose(
        visit.organisation.id,
        begin.astimezone(UTC),
        _shifted(end, 1).astimezone(UTC),
        printer_ids=visit.printer_ids,
        user_id=visit.user.id,
    )
    return Asked(by if by in LABELS else "month", begin.strftime("%Y-%m"), end.strftime("%Y-%m"), whose)


def _month(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        found = datetime.strptime(text, "%Y-%m").replace(tzinfo=zone)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2999 else None


def _shifted(month: datetime, by: int) -> datetime:
    year, index = divmod(month.year * 12 + month.month - 1 + by, 12)
    return month.replace(year=year, month=index + 1)


async def _found(request: web.Request, wanted: Asked) -> list[Figures]:
    async with house_of(request).database.read() as connection:
        some = await figures.by_mailing(connection, wanted.whose)
    return figures.grouped(some, wanted.by, str(request[VISIT].words.zone))


async def page(request: web.Request) -> web.StreamResponse:
    """GET /figures?by=&from=&to="""
    wanted = asked(request)
    found = await _found(request, wanted)
    whole = figures.total(found)
    context: dict[str, Any] = {
        "wanted": wanted,
        "labels": LABELS,
        "found": found[:SHOWN],
        "more": max(0, len(found) - SHOWN),
        "total": whole,
        "channels": figures.channels_of([whole]),
        "bars": _bars(found[-BARS:] if wanted.by == "month" else found[:BARS]),
        "reasons": whole.reasons.most_common(12),
    }
    return render(request, "figures.html", context)


def _bars(some: list[Figures]) -> list[Bar]:
    highest = max((one.sent for one in some), default=0) or 1
    made = []
    for one in some:
        lost = min(one.sent, one.returned + one.failed)
        arrived = min(one.delivered, one.sent - lost)
        made.append(Bar(one.label, *(100 * part / highest for part in (arrived, one.sent - lost - arrived, lost))))
    return made


async def export(request: web.Request) -> web.StreamResponse:
    """GET /figures.csv: the same lines, all of them; semicolons and a mark of UTF-8, as spreadsheets want them."""
    wanted, words = asked(request), request[VISIT].words
    found = await _found(request, wanted)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow([words.gettext(LABELS[wanted.by]), *(words.gettext(head) for head in HEADS)])
    for one in found:
        reasons = ", ".join(f"{code} {number}" for code, number in one.reasons.most_common())
        numbers = (one.letters, one.sent, one.delivered, one.returned, one.failed, one.opened, one.unsubscribed, one.complained)
        cost = f"{one.cost / 1_000_000:.2f}".replace(".", "," if words.language == "fr" else ".")
        writer.writerow([cell(one.label), *numbers, cost, cell(reasons)])
    name = f"figures-{wanted.by}-{wanted.begin}-{wanted.end}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=b"\xef\xbb\xbf" + text.getvalue().encode(), content_type="text/csv", charset="utf-8", headers=headers)


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


async def alerts(request: web.Request, visit: Visit) -> list[Figures]:
    """For the page Today: mailings of the last days with too many unsubscribes or complaints."""
    now = house_of(request).clock.now()
    whose = Whose(
        visit.organisation.id, now - figures.ALERTED, now + timedelta(minutes=1), printer_ids=visit.printer_ids, user_id=visit.user.id
    )
    async with house_of(request).database.read() as connection:
        return await figures.alerted(connection, whose)
