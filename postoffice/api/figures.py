"""Figures over REST: what became of the mail of some months."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from postoffice.api.call import Call
from postoffice.api.shapes import Amount, Input, Output, amount
from postoffice.store import figures, people
from postoffice.store.figures import Whose


def _month(text: str) -> str:
    try:
        found = datetime.strptime(text, "%Y-%m")
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year <= 2999:
        raise ValueError("must be a month, such as 2026-11")
    return text


Month = Annotated[str, AfterValidator(_month), Field(pattern=r"^[0-9]{4}-[0-9]{2}$")]


class FiguresQuery(Input):
    """Which figures: mailings sent from the first of `since` to the end of `until`; the last twelve months where they are absent."""

    by: Literal["mailing", "printer", "month", "cost-centre"] = "month"
    since: Month | None = None
    until: Month | None = None


class Figures(Output):
    """Sums over some mailings. Opened only as a sum: nobody is told who opened what."""

    key: str = Field(description="id of the mailing or printer, the month, or the cost centre; empty: none")
    label: str
    mailings: int
    letters: int
    sent: int = Field(description="handed over to a carrier; a letter that climbed its plan counts for each way")
    channels: dict[str, int] = Field(description="sent, by channel")
    delivered: int
    returned: int
    failed: int
    reasons: dict[str, int] = Field(description="why it failed or came back, by the carriers' codes")
    opened: int
    unsubscribed: int
    complained: int
    unsubscribe_rate: float = Field(description="share of 1 of what was sent")
    complaint_rate: float
    alerts: list[Literal["unsubscribes", "complaints"]] = Field(description="what is too frequent: from 0.2 % and 0.1 %")
    cost: Amount


class FiguresPage(Output):
    """Figures, months in order, mailings newest first, the others by what they cost."""

    data: list[Figures]
    total: Figures
    currency: str


async def list_figures(call: Call) -> FiguresPage:
    """GET /figures, of the key's own mode (live or test)."""
    asked = call.asked(FiguresQuery)
    async with call.house.database.read() as connection:
        organisation = await people.organisation(connection, call.organisation_id)
        begin, end = _span(asked, call.house.clock.now(), ZoneInfo(organisation.timezone))
        whose = Whose(call.organisation_id, begin.astimezone(UTC), end.astimezone(UTC), live=call.key.live)
        some = await figures.by_mailing(connection, whose)
    found = figures.grouped(some, asked.by, organisation.timezone)
    return FiguresPage(data=[_shape(one) for one in found], total=_shape(figures.total(found)), currency=organisation.currency)


def _span(asked: FiguresQuery, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first moment of a month until before the first one after another."""
    here = now.astimezone(zone)
    last = datetime.strptime(asked.until, "%Y-%m") if asked.until else here
    months = last.year * 12 + last.month  # of the month after the last one, counted from 0
    first = datetime.strptime(asked.since, "%Y-%m") if asked.since else None
    begin = first.year * 12 + first.month - 1 if first else months - 12
    return _begin(begin, zone), _begin(months, zone)


def _begin(months: int, zone: ZoneInfo) -> datetime:
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=zone)


def _shape(of: figures.Figures) -> Figures:
    same = ("key", "label", "mailings", "letters", "sent", "delivered", "returned", "failed", "opened", "unsubscribed", "complained")
    return Figures(
        **{name: getattr(of, name) for name in same},
        channels=dict(of.channels),
        reasons=dict(of.reasons),
        unsubscribe_rate=round(of.unsubscribe_rate, 6),
        complaint_rate=round(of.complaint_rate, 6),
        alerts=list(of.alerts),
        cost=amount(of.cost),
    )
