"""Queries about what a campaign brought: per wave, link and day, beside other campaigns. Read only; the caller owns the transaction."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.campaign import Campaign, Tally, Wave
from postoffice.model.states import EventKind
from postoffice.store import campaigns_waves as waves
from postoffice.store import clicks, figures, suppressions
from postoffice.store.clicks import LinkClicks
from postoffice.store.figures import Figures
from postoffice.store.schema import campaign_waves, deliveries, events
from postoffice.store.schema import suppressions as banned

#: reasons of suppressions that do not say that an address is dead
_ALIVE = ("opt-out", "complaint", "manual", suppressions.FULL)
_SENT, _DAILY = "sent", (EventKind.CLICKED, EventKind.OPTED_OUT, EventKind.CONVERTED)


@dataclass(frozen=True, slots=True)
class WaveResult:
    """What one wave brought."""

    wave: Wave
    figures: Figures
    dead: int
    clicked: int  #: people who agreed to be known, each once
    converted: int  #: recipients of whom the sender's own system told it, each once
    value: int  #: what these brought, in millionths of the currency


@dataclass(frozen=True, slots=True)
class Day:
    """One day, in the organisation's zone."""

    day: str  #: ISO
    sent: int = 0
    clicked: int = 0
    unsubscribed: int = 0
    converted: int = 0


@dataclass(frozen=True, slots=True)
class Results:
    """What a campaign brought so far."""

    waves: Sequence[WaveResult]
    total: Figures
    dead: int
    links: Sequence[LinkClicks]
    days: Sequence[Day] = ()
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def clicked(self) -> int:
        """People who agreed to be known and followed a link."""
        return sum(one.clicked for one in self.waves)

    @property
    def clicks(self) -> int:
        """Clicks of people, known or not; machines are apart."""
        return sum(one.people + one.somebody for one in self.links)

    @property
    def machines(self) -> int:
        """Clicks of scanners and prefetchers."""
        return sum(one.machines for one in self.links)

    @property
    def converted(self) -> int:
        """Recipients who did what it was for."""
        return sum(one.converted for one in self.waves)

    @property
    def value(self) -> int:
        """What they brought, in millionths."""
        return sum(one.value for one in self.waves)

    @property
    def tally(self) -> Tally:
        """What the alarms look at."""
        return Tally(self.total.sent, self.total.unsubscribed, self.total.complained, self.dead)


async def of_campaign(connection: AsyncConnection, campaign: Campaign, zone: str = "UTC") -> Results:
    """Everything; `zone`: whose days the curve has."""
    known = [one for one in await waves.of_campaign(connection, campaign.id) if one.mailing_id]
    ids = [one.mailing_id for one in known if one.mailing_id]
    sums = await figures.of_mailings(connection, campaign.organisation_id, ids)
    dead, people = await _dead(connection, ids), await _people(connection, ids)
    made, left_out = [], Counter[str]()
    for one in known:
        assert one.mailing_id
        clicked, converted, value = people[one.mailing_id]
        made.append(WaveResult(one, sums.get(one.mailing_id, Figures()), dead[one.mailing_id], clicked, converted, value))
        left_out.update(one.left_out)
    links = _joined([link for mailing_id in ids for link in await clicks.by_link(connection, mailing_id)])
    days = await _days(connection, ids, zone)
    return Results(made, figures.total(one.figures for one in made), sum(dead.values()), links, days, left_out)


async def tally(connection: AsyncConnection, campaign: Campaign, ids: Sequence[str]) -> Tally:
    """What the alarms look at, without the rest."""
    total = figures.total((await figures.of_mailings(connection, campaign.organisation_id, ids)).values())
    dead = sum((await _dead(connection, ids)).values())
    return Tally(total.sent, total.unsubscribed, total.complained, dead)


async def beside(connection: AsyncConnection, some: Sequence[Campaign]) -> list[tuple[Campaign, Figures, int]]:
    """(campaign, its figures, people who clicked) of each, for a comparison over time."""
    query = sa.select(campaign_waves.c.campaign_id, campaign_waves.c.mailing_id).where(
        campaign_waves.c.campaign_id.in_([one.id for one in some]), campaign_waves.c.mailing_id.is_not(None)
    )
    of: dict[str, list[str]] = defaultdict(list)
    for campaign_id, mailing_id in await connection.execute(query):
        of[campaign_id].append(mailing_id)
    ids = [one for known in of.values() for one in known]
    if not some or not ids:
        return [(one, Figures(), 0) for one in some]
    sums = await figures.of_mailings(connection, some[0].organisation_id, ids)
    people = await _people(connection, ids)
    return [
        (
            one,
            figures.total(sums[mailing] for mailing in of[one.id] if mailing in sums),
            sum(people[mailing][0] for mailing in of[one.id]),
        )
        for one in some
    ]


async def _dead(connection: AsyncConnection, ids: Sequence[str]) -> Counter[str]:
    query = sa.select(banned.c.mailing_id, sa.func.count()).where(banned.c.mailing_id.in_(ids), banned.c.reason.not_in(_ALIVE))
    return Counter({row[0]: row[1] for row in await connection.execute(query.group_by(banned.c.mailing_id))})


async def _people(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """{mailing: (who clicked, who converted, what these brought)}; told twice of one recipient, it counts once."""
    kinds = (EventKind.CLICKED.value, EventKind.CONVERTED.value)
    one = events.c
    who = sa.func.count(sa.distinct(one.item_id))
    value = sa.func.sum(sa.case((one.kind == kinds[1], one.detail["value"].as_integer()), else_=0))
    query = sa.select(one.mailing_id, one.kind, who, value).where(
        one.mailing_id.in_(ids), one.kind.in_(kinds), one.item_id.is_not(None)
    )
    found: dict[str, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for mailing_id, kind, number, brought in await connection.execute(query.group_by(one.mailing_id, one.kind)):
        clicked, converted, worth = found[mailing_id]
        if kind == kinds[0]:
            found[mailing_id] = number, converted, worth
        else:
            found[mailing_id] = clicked, number, int(brought or 0)
    return found


def _joined(some: Sequence[LinkClicks]) -> list[LinkClicks]:
    """The same link of several waves as one, the most followed first."""
    found: dict[tuple[str, str, str], LinkClicks] = {}
    for one in some:
        key = one.link.address, one.link.label, one.link.part
        if before := found.get(key):
            one = replace(
                before,
                people=before.people + one.people,
                somebody=before.somebody + one.somebody,
                machines=before.machines + one.machines,
            )
        found[key] = one
    return sorted(found.values(), key=lambda one: (-(one.people + one.somebody), one.link.number))


async def _days(connection: AsyncConnection, ids: Sequence[str], zone: str) -> list[Day]:
    """Counted by hour in the database, put together by the zone's days here."""
    went, hour = _hour(connection, deliveries.c.handed_over_at), _hour(connection, events.c.at)
    sent = sa.select(went, sa.literal(_SENT), sa.func.count()).where(
        deliveries.c.mailing_id.in_(ids), deliveries.c.handed_over_at.is_not(None)
    )
    said = sa.select(hour, events.c.kind, sa.func.count(sa.distinct(events.c.item_id))).where(
        events.c.mailing_id.in_(ids), events.c.kind.in_([kind.value for kind in _DAILY]), events.c.item_id.is_not(None)
    )
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for query in (sent.group_by(went), said.group_by(hour, events.c.kind)):
        for text, kind, number in await connection.execute(query):
            day = datetime.fromisoformat(f"{text}:00+00:00").astimezone(ZoneInfo(zone)).date().isoformat()
            sums[day][kind] += number
    names = [_SENT, *(kind.value for kind in _DAILY)]
    return [Day(day, *(sums[day][name] for name in names)) for day in sorted(sums)]


def _hour(connection: AsyncConnection, moment: Any) -> Any:
    """2026-11-22T09 of a moment, UTC."""
    if connection.dialect.name == "postgresql":
        return sa.func.to_char(sa.func.timezone("UTC", moment), 'YYYY-MM-DD"T"HH24')
    return sa.func.strftime("%Y-%m-%dT%H", moment)
