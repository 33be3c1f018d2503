"""What became of all mail: per mailing, printer, month and cost centre. One query per table; opened only as a sum. Read only."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.states import DeliveryState, EventKind
from postoffice.store import figures_kept
from postoffice.store.database import Database
from postoffice.store.schema import deliveries, events, items, mailings, printers

#: by what figures are put together
GROUPS = ("mailing", "printer", "month", "cost-centre")
#: shares of those reached from which somebody should look (Gmail and Yahoo ask for complaints under 0.1 %, see field notes on senders)
UNSUBSCRIBE_ALERT, COMPLAINT_ALERT = 0.002, 0.001
FEWEST = 2  #: one angry person is no trend
ALERTED = timedelta(days=30)  #: mailings older than this raise no alert any more
_COUNTED = ("sent", "delivered", "returned", "failed", "opened", "unsubscribed", "complained", "cost")
_AT_ONCE = 2_000  #: mailings in one query
_MOST_KEPT = 5_000  #: mailings of one round of `keep`
_LOST = (DeliveryState.FAILED.value, DeliveryState.RETURNED.value)


@dataclass(slots=True)
class Figures:
    """Sums over some mailings. Money in millionths."""

    key: str = ""  #: id of the mailing or printer, month, or name of the cost centre; empty: none
    label: str = ""
    sent_at: datetime | None = None  #: of a mailing
    mailings: int = 0
    letters: int = 0
    sent: int = 0  #: handed over to a carrier; a letter that climbed counts for each way
    delivered: int = 0
    returned: int = 0
    failed: int = 0
    opened: int = 0  #: letters whose link was opened by a person who proved to be the recipient
    unsubscribed: int = 0
    complained: int = 0
    cost: int = 0
    channels: Counter[str] = field(default_factory=Counter)  #: sent, by channel
    reasons: Counter[str] = field(default_factory=Counter)  #: why it failed or came back, in the carrier's code

    def add(self, other: "Figures") -> None:
        """Put another one's sums to these."""
        for name in ("mailings", "letters", "sent", "delivered", "returned", "failed", "opened", "unsubscribed", "complained", "cost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.channels.update(other.channels)
        self.reasons.update(other.reasons)

    def shape(self) -> dict[str, Any]:
        """JSON shape of what was counted; the inverse is `fill`."""
        return {name: getattr(self, name) for name in _COUNTED} | {"channels": dict(self.channels), "reasons": dict(self.reasons)}

    def fill(self, shape: Mapping[str, Any]) -> None:
        """Take over what was counted before."""
        for name in _COUNTED:
            setattr(self, name, shape[name])
        self.channels, self.reasons = Counter(shape["channels"]), Counter(shape["reasons"])

    @property
    def unsubscribe_rate(self) -> float:
        """Share of 1 of what was sent."""
        return self.unsubscribed / self.sent if self.sent else 0.0

    @property
    def complaint_rate(self) -> float:
        """Share of 1 of what was sent."""
        return self.complained / self.sent if self.sent else 0.0

    @property
    def alerts(self) -> tuple[str, ...]:
        """unsubscribes, complaints: what is too frequent."""
        found = []
        if self.unsubscribed >= FEWEST and self.unsubscribe_rate >= UNSUBSCRIBE_ALERT:
            found.append("unsubscribes")
        if self.complained >= FEWEST and self.complaint_rate >= COMPLAINT_ALERT:
            found.append("complaints")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose mailings, of which time (sent from `since` until before `until`)."""

    organisation_id: str
    since: datetime
    until: datetime
    live: bool = True
    printer_ids: Sequence[str] | None = None  #: None: all; else those of these printers and the user's own
    user_id: str | None = None

    @property
    def condition(self) -> sa.ColumnElement[bool]:
        """For a query on mailings."""
        found = sa.and_(
            mailings.c.organisation_id == self.organisation_id,
            mailings.c.sent_at >= self.since,
            mailings.c.sent_at < self.until,
            mailings.c.live.is_(self.live),
        )
        if self.printer_ids is None:
            return found
        return sa.and_(found, sa.or_(mailings.c.printer_id.in_(self.printer_ids), mailings.c.user_id == self.user_id))


async def by_mailing(connection: AsyncConnection, whose: Whose) -> list[tuple[Figures, Mapping[Any, Any]]]:
    """The figures of each mailing with its row (name, printer_id, printer, cost_centre), newest first."""
    query = (
        sa.select(
            mailings.c.id,
            mailings.c.number,
            mailings.c.name,
            mailings.c.sent_at,
            mailings.c.printer_id,
            mailings.c["items"].label("letters"),
            printers.c.name.label("printer"),
            mailings.c.options["cost_centre"].as_string().label("cost_centre"),
        )
        .select_from(mailings.outerjoin(printers, printers.c.id == mailings.c.printer_id))
        .where(whose.condition)
        .order_by(mailings.c.number.desc())
    )
    rows = {row["id"]: row for row in (await connection.execute(query)).mappings()}
    found = {
        row["id"]: Figures(row["id"], row["name"] or str(row["number"]), row["sent_at"], mailings=1, letters=row["letters"])
        for row in rows.values()
    }
    await _count(connection, whose.organisation_id, sa.select(mailings.c.id).where(whose.condition), found)
    return [(found[mailing_id], row) for mailing_id, row in rows.items()]


async def of_mailings(connection: AsyncConnection, organisation_id: str, ids: Sequence[str]) -> dict[str, Figures]:
    """{mailing id: its figures} of some mailings of an organisation, live ones and trials."""
    query = sa.select(mailings.c.id, mailings.c.number, mailings.c.name, mailings.c.sent_at, mailings.c["items"].label("letters"))
    mine = query.where(mailings.c.organisation_id == organisation_id, mailings.c.id.in_(ids))
    found = {
        row["id"]: Figures(row["id"], row["name"] or str(row["number"]), row["sent_at"], mailings=1, letters=row["letters"])
        for row in (await connection.execute(mine)).mappings()
    }
    await _count(connection, organisation_id, list(found), found)
    return found


async def _count(connection: AsyncConnection, organisation_id: str, chosen: Any, found: Mapping[str, Figures]) -> None:
    """Fill in the sums of these mailings: `chosen` are their ids, or a query of them. What is kept of finished ones is not counted
    anew."""
    known = await figures_kept.valid(connection, organisation_id, chosen) if found else {}
    for mailing_id in known.keys() & found.keys():
        found[mailing_id].fill(known[mailing_id])
    await _count_anew(connection, organisation_id, {one.key: one for one in found.values() if one.key not in known})


async def _count_anew(connection: AsyncConnection, organisation_id: str, found: Mapping[str, Figures]) -> None:
    ids = list(found)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        await _of_items(connection, some, found)
        await _of_deliveries(connection, some, found)
        await _of_events(connection, organisation_id, some, found)


async def keep(database: Database, organisation_id: str, now: datetime, most: int = _MOST_KEPT) -> int:
    """Keep the sums of mailings that have finished, some at a time; how many. To be called again and again."""
    async with database.write() as connection:
        await figures_kept.refresh(connection, organisation_id, now)
    kept = 0
    while kept < most:
        async with database.read() as connection:
            found = {one: Figures(one) for one in await figures_kept.missing(connection, organisation_id, now)}
            await _count_anew(connection, organisation_id, found)
        if not found:
            break
        async with database.write() as connection:
            shapes = {mailing_id: one.shape() for mailing_id, one in found.items()}
            await figures_kept.keep(connection, organisation_id, shapes, figures_kept.begin(now))
        kept += len(found)
    return kept


async def _of_items(connection: AsyncConnection, chosen: Any, found: Mapping[str, Figures]) -> None:
    query = sa.select(items.c.mailing_id, sa.func.count(items.c.opened_at)).where(items.c.mailing_id.in_(chosen))
    for mailing_id, opened in await connection.execute(query.group_by(items.c.mailing_id)):
        found[mailing_id].opened = opened


async def _of_deliveries(connection: AsyncConnection, chosen: Any, found: Mapping[str, Figures]) -> None:
    one = deliveries.c
    reason = sa.case((one.state.in_(_LOST), one.code), else_="")
    keys = (one.mailing_id, one.channel, one.state, reason)
    query = sa.select(*keys, sa.func.count(), sa.func.count(one.handed_over_at), sa.func.sum(one.cost))
    for mailing_id, channel, state, code, number, taken, cost in await connection.execute(
        query.where(one.mailing_id.in_(chosen)).group_by(*keys)
    ):
        figures = found[mailing_id]
        figures.sent += taken
        figures.cost += int(cost or 0)
        figures.channels[channel] += taken
        figures.delivered += number if state == DeliveryState.DELIVERED.value else 0
        figures.returned += number if state == DeliveryState.RETURNED.value else 0
        figures.failed += number if state == DeliveryState.FAILED.value else 0
        if state in _LOST:
            figures.reasons[code or "unknown"] += number


async def _of_events(connection: AsyncConnection, organisation_id: str, chosen: Any, found: Mapping[str, Figures]) -> None:
    kinds = sa.literal_column("kind IN ('opted_out', 'complained')", sa.Boolean)  # as the index says it, lest it not be used
    one = events.c
    who = sa.func.count(sa.distinct(sa.func.coalesce(one.item_id, one.id)))  # told twice by one recipient, it counts once
    query = sa.select(one.mailing_id, one.kind, who).where(one.organisation_id == organisation_id, kinds, one.mailing_id.in_(chosen))
    for mailing_id, kind, number in await connection.execute(query.group_by(one.mailing_id, one.kind)):
        if kind == EventKind.OPTED_OUT.value:
            found[mailing_id].unsubscribed = number
        else:
            found[mailing_id].complained = number


def grouped(some: Iterable[tuple[Figures, Mapping[Any, Any]]], by: str, zone: str) -> list[Figures]:
    """The figures put together by a word of GROUPS: months in order, the others by what they cost."""
    if by == "mailing":
        return [figures for figures, _ in some]
    sums: dict[str, Figures] = {}
    for figures, row in some:
        key, label = _key(figures, row, by, zone)
        sums.setdefault(key, Figures(key, label)).add(figures)
    if by == "month":
        return [sums[key] for key in sorted(sums)]
    return sorted(sums.values(), key=lambda one: (-one.cost, one.label))


def _key(figures: Figures, row: Mapping[Any, Any], by: str, zone: str) -> tuple[str, str]:
    if by == "printer":
        return row["printer_id"] or "", row["printer"] or ""
    if by == "month":
        assert figures.sent_at is not None
        month = figures.sent_at.astimezone(ZoneInfo(zone)).strftime("%Y-%m")
        return month, month
    return row["cost_centre"] or "", row["cost_centre"] or ""


def total(some: Iterable[Figures]) -> Figures:
    """All of them together."""
    found = Figures()
    for one in some:
        found.add(one)
    return found


async def alerted(connection: AsyncConnection, whose: Whose) -> list[Figures]:
    """Mailings of a time with more unsubscribes or complaints than is healthy; empty where nobody said anything, at no cost."""
    kinds = sa.literal_column("kind IN ('opted_out', 'complained')", sa.Boolean)
    some = sa.select(events.c.mailing_id).where(
        events.c.organisation_id == whose.organisation_id, kinds, events.c.mailing_id.is_not(None)
    )
    query = sa.select(mailings.c.id, mailings.c.name, mailings.c.number, mailings.c.sent_at).where(
        whose.condition, mailings.c.id.in_(some)
    )
    found = {row.id: Figures(row.id, row.name or str(row.number), row.sent_at) for row in await connection.execute(query)}
    await _count(connection, whose.organisation_id, list(found), found)
    return [one for one in found.values() if one.alerts]


def channels_of(some: Iterable[Figures]) -> list[Channel]:
    """The channels that anything was sent by, in their usual order."""
    used = {channel for one in some for channel, number in one.channels.items() if number}
    return [channel for channel in Channel if channel.value in used]
