"""Whom a wave looks at next: a segment's members, everybody, those who did not react; and who of them it is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.campaigns import experiment, schedule, triggers
from postoffice.campaigns.approval import segment_of
from postoffice.house import House
from postoffice.model.campaign import Campaign, RepeatKind, Wave, WaveKind
from postoffice.store import campaigns_members as members
from postoffice.store import segments

#: contacts that are looked at in one transaction
LOOK = 2000


@dataclass(frozen=True, slots=True)
class Look:
    """What one look brought: ids of contacts the wave is for, in order, and where the next look begins. `more` False: this was all."""

    ids: Sequence[str]
    cursor: str
    seen: int
    more: bool


@dataclass(slots=True)
class Audience:
    """The people of one wave, slice by slice."""

    house: House
    campaign: Campaign
    wave: Wave
    zone: str

    async def next(self, connection: AsyncConnection, cursor: str, now: datetime) -> Look:
        """The contacts behind `cursor`."""
        found = await self._candidates(connection, cursor, now)
        chosen = [one for one in found if self.is_in_half(one)]
        if "day" in self.wave.data:
            chosen = await self._triggered(connection, chosen, date.fromisoformat(self.wave.data["day"]))
        return Look(chosen, found[-1] if found else cursor, len(found), len(found) == LOOK)

    async def _candidates(self, connection: AsyncConnection, cursor: str, now: datetime) -> list[str]:
        campaign = self.campaign
        if self.wave.kind is WaveKind.FOLLOW_UP:
            of = str(self.wave.data["of"])
            return await members.silent(connection, campaign.id, of, after=cursor, limit=LOOK)
        segment = segment_of(campaign)
        if segment is None:
            return await members.everybody(connection, campaign.organisation_id, after=cursor, limit=LOOK)
        return await segments.members(connection, segment, now, after=cursor, limit=LOOK)

    def is_in_half(self, contact_id: str) -> bool:
        """Whether this wave is for them, where it is one half of a test."""
        share = float(self.wave.data.get("share", 0.0))
        if not share:
            return True
        half = experiment.half_of(experiment.slot(key_of(self.house, self.campaign.id), contact_id), share)
        return half == {WaveKind.TEST_A: "a", WaveKind.TEST_B: "b"}.get(self.wave.kind, "")

    async def _triggered(self, connection: AsyncConnection, ids: Sequence[str], day: date) -> list[str]:
        repeat, organisation_id = self.campaign.design.repeat, self.campaign.organisation_id
        if repeat.kind is RepeatKind.DATE:
            found = await members.dated(connection, organisation_id, ids, repeat.attribute, triggers.spellings(repeat, day))
            read = {one: triggers.read_date(text) for one, text in found.items()}
            return [one for one in ids if (when := read.get(one)) is not None and triggers.is_meant(repeat, when, day)]
        if repeat.kind not in (RepeatKind.INVOICE, RepeatKind.PURCHASE):
            return list(ids)
        begin, end = _bounds(day - timedelta(days=repeat.offset), self.zone)
        ask = members.first_invoiced if repeat.kind is RepeatKind.INVOICE else members.first_bought
        first = await ask(connection, organisation_id, ids, begin, end)
        return [one for one in ids if one in first]


def _bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    midnight = datetime.min.time()
    return tuple(schedule.instant(datetime.combine(one, midnight), zone) for one in (day, day + timedelta(days=1)))  # type: ignore[return-value]


def key_of(house: House, campaign_id: str) -> bytes:
    """The key by which a campaign's halves are drawn: another for each campaign."""
    return house.keyring.blind(f"campaign-halves|{campaign_id}").encode()
