"""Conduct: one batch of work looks after a campaign from its hour to its end. It plans the waves whose hour is set, decides a test,
sends the main wave and the follow-up, and ends the campaign once every wave has ended. Each look can be done twice: what it plans is
kept by keys that stand only once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.campaigns import alerts, experiment, schedule, triggers
from postoffice.campaigns.approval import segment_of
from postoffice.campaigns.experiment import Arm, Verdict
from postoffice.house import House
from postoffice.model.campaign import Campaign, Measure, RepeatKind, Rule, VariantKind, Wave, WaveKind
from postoffice.model.states import CampaignState, MailingState, WaveState
from postoffice.pipeline import campaign_ending
from postoffice.pipeline.queueing import zone_of
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, campaigns, campaigns_results, mailings, people, segments
from postoffice.store import campaigns_members as members
from postoffice.store import campaigns_waves as waves
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease

#: while waves are under way
LOOK_AGAIN = timedelta(seconds=20)
#: a test that may stop early is looked at so often
TEST_LOOK = timedelta(minutes=10)
_LONGEST = timedelta(days=1)
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Conductor:
    """One look at one campaign, in one transaction."""

    house: House
    connection: AsyncConnection
    campaign: Campaign
    zone: str
    now: datetime

    async def look(self) -> datetime | None:
        """Do what is due; when to look again, None where the campaign has ended."""
        campaign = self.campaign
        if campaign.state is CampaignState.SCHEDULED:
            await campaigns.command(self.connection, campaign, "start", self.now, started_at=self.now)
        known = await waves.of_campaign(self.connection, campaign.id)
        await self._end_waves(known)
        if await self._alarmed(known):
            return self.now + _LONGEST
        again = await (self._once(known) if campaign.design.repeat.kind is RepeatKind.ONCE else self._repeated(known))
        if (await campaigns.get(self.connection, campaign.id)).state is CampaignState.PAUSED:  # a person has to decide first
            return self.now + _LONGEST
        known = await waves.of_campaign(self.connection, campaign.id)
        under_way = any(one.state in (WaveState.WAITING, WaveState.FILLING, WaveState.SENDING) for one in known)
        follow = await self._follow_up(known)
        moments = [moment for moment in (again, follow) if moment is not None]
        if under_way:
            moments.append(self.now + LOOK_AGAIN)
        if not moments:
            await campaigns.command(self.connection, campaign, "finish", self.now, finished_at=self.now)
            return None
        return min(moments)

    async def _alarmed(self, known: Sequence[Wave]) -> bool:
        """Too many complain, want no more or do not exist: it rests until a person has looked. Who let it go on once is not asked again
        for what had come by then.
        """
        if not any(one.state is WaveState.SENDING for one in known):
            return False
        ids = [one.mailing_id for one in known if one.mailing_id]
        word = alerts.alarm(await campaigns_results.tally(self.connection, self.campaign, ids))
        if not word or word in self.campaign.outcome.get("alarmed", ()):
            return False
        outcome = {**self.campaign.outcome, "alarmed": [*self.campaign.outcome.get("alarmed", ()), word]}
        await campaigns.command(self.connection, self.campaign, "pause", self.now, pause_reason=word, outcome=outcome)
        await waves.hold(self.connection, self.campaign.id, self.now)
        return True

    async def _end_waves(self, known: Sequence[Wave]) -> None:
        for one in known:
            if one.state is not WaveState.SENDING:
                continue
            mailing = await mailings.get(self.connection, one.mailing_id) if one.mailing_id else None
            if mailing is None or mailing.state in (MailingState.FINISHED, MailingState.CANCELLED):
                await waves.command(self.connection, one.id, "finish", finished_at=self.now)

    # --- a campaign that goes once

    async def _once(self, known: Sequence[Wave]) -> datetime | None:
        design, starts_at = self.campaign.design, self.campaign.scheduled_at or self.now
        test = design.test
        if test is None:
            await self._plan(WaveKind.MAIN, starts_at)
            return None
        if not known:
            total = await self._count()
            share = min(1.0, 2 * test.sample / total) if total else 1.0
            other = await self._variant(starts_at)
            await self._plan(WaveKind.TEST_A, starts_at, data={"share": share})
            await self._plan(WaveKind.TEST_B, other[0], variant="b", data={"share": share, **other[1]})
            return starts_at + TEST_LOOK
        if any(one.kind is WaveKind.MAIN for one in known):
            return None
        return await self._decide(known)

    async def _variant(self, starts_at: datetime) -> tuple[datetime, dict[str, object]]:
        """When the other half gets it, and what is particular to it."""
        test = self.campaign.design.test
        assert test is not None
        if test.kind is VariantKind.SUBJECT:
            return starts_at, {"options": {"subject": test.other}}
        if test.kind is VariantKind.CHANNEL:
            return starts_at, {"options": {"channel": test.other}}
        if test.kind is VariantKind.TEMPLATE:
            return starts_at, {"version": test.other}
        return _hour_after(starts_at, time.fromisoformat(test.other), self.zone), {}

    async def _decide(self, known: Sequence[Wave]) -> datetime | None:
        """The winner of the test, once it may be told; then the main wave. None: decided."""
        test = self.campaign.design.test
        assert test is not None
        halves = {one.kind: one for one in known}
        first, second = halves[WaveKind.TEST_A], halves[WaveKind.TEST_B]
        ends = max(first.starts_at, second.starts_at) + timedelta(hours=test.hours)
        chosen = str(self.campaign.outcome.get("chosen", ""))
        told = await self._told(first, second)
        over = self.now >= ends
        early = test.rule is Rule.SEQUENTIAL and bool(told.winner) and test.kind is not VariantKind.HOUR
        if chosen:
            winner, by = chosen, "person"
        elif test.measure is Measure.PERSON:
            return None if over and await self._wait_for_person() else min(ends, self.now + _LONGEST)
        elif over or (early and first.filled_at and second.filled_at):
            winner, by = told.winner or "a", "rule" if told.winner else "no-difference"
        else:
            return min(ends, self.now + (TEST_LOOK if test.rule is Rule.SEQUENTIAL else _HOUR))
        outcome = {
            "winner": winner,
            "by": by,
            "at": self.now.isoformat(),
            "difference": told.difference,
            "low": told.low,
            "high": told.high,
            "evidence": told.evidence,
        }
        await campaigns.update(self.connection, self.campaign.id, outcome={**self.campaign.outcome, **outcome})
        starts, data = (first.starts_at, {}) if winner == "a" else await self._variant(first.starts_at)
        if test.kind is VariantKind.HOUR:  # the next time that it is that hour
            starts = _hour_after(self.now, starts.astimezone(ZoneInfo(self.zone)).time(), self.zone)
        await self._plan(WaveKind.MAIN, max(self.now, starts), variant=winner, data=data)
        return self.now + LOOK_AGAIN

    async def _wait_for_person(self) -> bool:
        """The test is over and somebody has to decide: the campaign rests until then."""
        await campaigns.command(self.connection, self.campaign, "pause", self.now, pause_reason="test-over")
        return True

    async def _told(self, first: Wave, second: Wave) -> Verdict:
        test = self.campaign.design.test
        assert test is not None
        arms = []
        for one in (first, second):
            got = await members.responses(self.connection, one.mailing_id) if one.mailing_id else {}
            what = "clicks" if test.measure is Measure.PERSON else test.measure.value
            arms.append(Arm(one.filled, min(one.filled, got.get(what, 0))))
        return experiment.judge(arms[0], arms[1], test.rule, test.risk, fewest=test.measure is Measure.UNSUBSCRIBES)

    # --- recurring and triggered

    async def _repeated(self, known: Sequence[Wave]) -> datetime | None:
        repeat = self.campaign.design.repeat
        wall = schedule.wall_of(self.campaign.design.schedule)
        begin = (self.campaign.scheduled_at or self.now).astimezone(ZoneInfo(self.zone))
        first, hour = (wall.date(), wall.time()) if wall else (begin.date(), begin.time().replace(second=0, microsecond=0))
        days = [date.fromisoformat(str(one.data["day"])) for one in known if one.kind is WaveKind.RECURRENCE]
        found, then = schedule.due(repeat, hour, first, self.zone, max(days, default=None), self.now)
        for day in found:
            starts_at = schedule.instant(datetime.combine(day, hour), self.zone)
            data = {"day": day.isoformat(), "key": triggers.key_of(repeat, day)}
            await self._plan(WaveKind.RECURRENCE, starts_at, occurrence=day.isoformat(), data=data)
        return then

    # --- to those who did not react

    async def _follow_up(self, known: Sequence[Wave]) -> datetime | None:
        """Plan the follow-ups that are due; the hour of the next one."""
        wanted = self.campaign.design.follow_up
        if wanted is None:
            return None
        there = {one.occurrence for one in known if one.kind is WaveKind.FOLLOW_UP}
        moments = []
        for one in known:
            if one.kind not in (WaveKind.MAIN, WaveKind.RECURRENCE) or f"follow-up {one.occurrence}".strip() in there:
                continue
            if one.filled_at is None:
                continue
            at = one.filled_at + timedelta(days=wanted.days)
            if at > self.now:
                moments.append(at)
                continue
            data = {"of": str(one.data.get("key", one.occurrence)), "options": {"channel": wanted.channel.value}}
            name = f"follow-up {one.occurrence}".strip()
            await self._plan(WaveKind.FOLLOW_UP, self.now, occurrence=name, data=data)
            moments.append(self.now + LOOK_AGAIN)
        return min(moments, default=None)

    async def _plan(
        self, kind: WaveKind, starts_at: datetime, *, occurrence: str = "", variant: str = "a", data: Mapping[str, object] | None = None
    ) -> None:
        plan = self.campaign.design.schedule
        more: dict[str, object] = {}
        if plan.spread_days > 1:
            more["total"] = await self._count()
        if plan.recipient_zone and kind in (WaveKind.MAIN, WaveKind.TEST_A, WaveKind.TEST_B) and plan.at:
            more["wall"] = plan.at
        await waves.plan(
            self.connection,
            self.campaign.organisation_id,
            self.campaign.id,
            kind,
            starts_at,
            self.now,
            occurrence=occurrence,
            variant=variant,
            data={**more, **(data or {})},
        )

    async def _count(self) -> int:
        segment = segment_of(self.campaign)
        if self.campaign.design.sheet:
            return self.campaign.design.sheet_rows
        if segment is None:
            return await members.count_everybody(self.connection, self.campaign.organisation_id)
        return await segments.count(self.connection, segment, self.now)


def _hour_after(moment: datetime, hour: time, zone: str) -> datetime:
    """The first instant from `moment` on at which a zone's clocks show this hour."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    found = schedule.instant(datetime.combine(day, hour), zone)
    return found if found >= moment else schedule.instant(datetime.combine(day + timedelta(days=1), hour), zone)


async def conduct(house: House, batch: Batch, stop: Stop) -> None:
    """Look at the campaign, and be away until the next look."""
    now = house.clock.now()
    async with house.database.read() as connection:
        if (await campaigns.get(connection, batch.subject_id)).state is CampaignState.CANCELLED:
            await campaign_ending.end(house, batch, stop)
            return
    async with house.database.write() as connection:
        campaign = await campaigns.get(connection, batch.subject_id, lock=True)  # before the batch, as whoever pauses it does
        if not await batches.renew(connection, batch, now, house.lease):
            raise LostLease(batch.id)
        if campaign.state is CampaignState.PAUSED:
            await batches.put_off(connection, batch, now)
            return
        if campaign.state is CampaignState.CANCELLED:  # this very moment
            await batches.put_off(connection, batch, now)
            return
        if campaign.state not in (CampaignState.SCHEDULED, CampaignState.RUNNING):
            await batches.finish(connection, batch, now)
            return
        if campaign.scheduled_at and campaign.scheduled_at > now:
            await batches.put_off(connection, batch, campaign.scheduled_at)
            return
        zone = zone_of(await people.organisation(connection, campaign.organisation_id))
        again = await Conductor(house, connection, campaign, zone, now).look()
        if again is None:
            await batches.finish(connection, batch, now)
        else:
            await batches.put_off(connection, batch, max(now, again))
            if (await campaigns.get(connection, campaign.id)).state is CampaignState.PAUSED:
                await waves.hold(connection, campaign.id, now)
