"""One slice of a wave: candidates are judged, planned by the rules that plan every mailing, and written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import contact_rows
from postoffice.campaigns import schedule, spread
from postoffice.compose import recheck
from postoffice.compose.merge.checks import check_record
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.uses import Use, uses_of
from postoffice.house import House
from postoffice.model.campaign import Campaign, Wave, WaveKind
from postoffice.model.channel import Channel
from postoffice.model.ids import new_id
from postoffice.model.item import Item
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Mailing
from postoffice.model.states import ItemState
from postoffice.pipeline import climbing, matching, planning
from postoffice.pipeline.campaign_people import Candidate
from postoffice.pipeline.planning import Ready
from postoffice.pipeline.queueing import hour_of, queue_deliveries
from postoffice.pipeline.recipients import Recipient, recipients
from postoffice.routing import messaging
from postoffice.store import campaigns_items, contact_book, events
from postoffice.store import campaigns_members as members
from postoffice.store.schema import campaign_waves

#: why somebody is left out, beside the words of routing.plan
MISSING, CAPPED, TWICE = "missing-field", "capped", "in-it-already"


@dataclass(slots=True)
class Slice:
    """What all slices of a wave share, and the counts of the present one."""

    house: House
    campaign: Campaign
    wave: Wave
    mailing: Mailing
    content: Content
    uses: Sequence[Use]
    zone: str
    carriers: Mapping[Channel, str]
    sizes: Mapping[str, int]
    left_out: Counter[str] = field(default_factory=Counter)
    filled: int = 0  #: by the present slice
    spent: int = 0
    _position: int = 0
    _hours: dict[tuple[str, int, Channel, str], datetime | None] = field(default_factory=dict)
    _out: list[tuple[str, str]] = field(default_factory=list)  #: contact, reason

    @staticmethod
    async def make(
        house: House, campaign: Campaign, wave: Wave, mailing: Mailing, content: Mapping[str, Any], zone: str, *, letter: bool = False
    ) -> "Slice":
        """What a run of the step needs to know once. `letter`: the template's letter is printed, and judges its fields itself."""
        carriers = await house.carriers.names(campaign.organisation_id, live=campaign.live)
        sizes = {name: (await house.carriers.get(campaign.organisation_id, name)).abilities.batch for name in set(carriers.values())}
        words = Content.from_dict(content) if letter else contact_rows.without_letter(Content.from_dict(content))
        return Slice(house, campaign, wave, mailing, words, uses_of(words), zone, carriers, sizes)

    def check(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Judge what would fill the template; takes a while for many, so outside of the loop."""
        for one in candidates:
            if one.contact is not None:
                one.checked = contact_rows.judged(one.record.values, self.uses, self.content)
            else:
                one.checked = check_record(one.record, self.uses, self.content)
        return candidates

    async def find_contacts(self, connection: AsyncConnection, some: Sequence[Candidate], now: datetime) -> list[Candidate]:
        """Rows of a spreadsheet find their contacts, or make them; those of a segment are contacts."""
        rows = [one for one in some if one.contact is None]
        if rows:
            made = {one.cursor + str(one.record.number): self._item(one, 0) for one in rows}
            choices = await matching.find(self.house, connection, self.campaign.organisation_id, list(made.values()))
            known = [replace(item, contact_id=choices[item.id].contact_id) for item in made.values()]
            who = await recipients(self.house, connection, self.mailing, known, now)
            for one, item in zip(rows, known, strict=True):
                one.contact_id = who[item.id].contact_id or ""
        return list(some)

    def once(self, some: Sequence[Candidate]) -> list[Candidate]:
        """Everybody of the slice once; rows that name nobody are counted."""
        found: dict[str, Candidate] = {}
        for one in some:
            if not one.contact_id:
                self.left_out[MISSING] += 1
            elif one.contact_id in found:
                self.left_out[TWICE] += 1
            else:
                found[one.contact_id] = one
        return list(found.values())

    async def still_there(self, connection: AsyncConnection, some: Sequence[Candidate]) -> list[Candidate]:
        """Those who were neither erased nor merged since they were looked up, nor are until this slice is written. Who was merged
        since the message that is followed up stays: nobody else gets it for them."""
        ids, standing = [one.contact_id for one in some], self.wave.kind is not WaveKind.FOLLOW_UP
        held = await contact_book.hold(connection, self.campaign.organisation_id, ids, shared=True, standing=standing)
        return [one for one in some if one.contact_id in held]

    async def plan(
        self, connection: AsyncConnection, some: Sequence[Candidate], wave: Wave, now: datetime
    ) -> list[tuple[Candidate, Ready]]:
        """The plans of those who get it; the others are left out, each with its reason."""
        self.filled, self.spent, self._position = 0, 0, wave.filled
        plans = await self._planned(connection, some, 0, now)
        allowed = await planning.within_limits(connection, self.mailing, [ready for _, ready in plans], now)
        kept = []
        for (one, _), ready in zip(plans, allowed, strict=True):
            if not self._is_out(one, ready.plan.held if not ready.plan.rungs else ""):
                kept.append((one, self._placed(one, ready, wave, now)))
        return kept

    async def reachable(self, connection: AsyncConnection, some: Sequence[Candidate], now: datetime) -> list[Candidate]:
        """Those who can get a letter of this mailing; what it costs is reckoned when it is printed."""
        return [one for one, _ in await self._planned(connection, some, 1, now)]

    async def _planned(
        self, connection: AsyncConnection, some: Sequence[Candidate], pages: int, now: datetime
    ) -> list[tuple[Candidate, Ready]]:
        self._out = []
        fit = [one for one in some if not self._is_out(one, MISSING if one.checked and one.checked.problems else "")]
        caps = self.campaign.design.caps
        if caps.most:
            ids = [one.contact_id for one in fit]
            full = await members.capped(connection, self.campaign.organisation_id, ids, caps.most, caps.within, now)
            fit = [one for one in fit if not self._is_out(one, CAPPED if one.contact_id in full else "")]
        items = {one.contact_id: self._item(one, 0) for one in fit}
        known = await recipients(self.house, connection, self.mailing, list(items.values()), now)
        planner = planning.Planner(self.mailing, self.carriers, now, self.zone)
        plans = []
        for one in fit:
            item = replace(items[one.contact_id], pages=pages)
            ready = planner.prepare(item, known[item.id])
            if not self._is_out(one, ready.plan.held if not ready.plan.rungs else ""):
                plans.append((one, ready))
        return plans

    def _is_out(self, one: Candidate, reason: str) -> bool:
        if reason:
            self.left_out[reason] += 1
            self._out.append((one.contact_id, reason))
        return bool(reason)

    def _placed(self, one: Candidate, ready: Ready, wave: Wave, now: datetime) -> Ready:
        """With its place in the mailing, and the hour that follows from it."""
        number, self._position = self._position, self._position + 1
        item = replace(ready.item, position=number + 1, first_page=number + 1)
        hour = self._hour(one, ready.who, ready.plan.rungs[0].channel, number, wave, now)
        return replace(ready, item=item, hour=hour)

    def _hour(self, one: Candidate, who: Recipient, channel: Channel, number: int, wave: Wave, now: datetime) -> datetime | None:
        plan = self.campaign.design.schedule
        day = spread.day_of(number, int(wave.data.get("total", 0)), plan.spread_days, plan.warm_up)
        zone = self._zone_of(one, who) if plan.recipient_zone else self.zone
        key = (zone, day, channel, who.country)
        if key not in self._hours:
            wanted = None
            if day or plan.recipient_zone:
                local = wave.starts_at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
                wall = datetime.fromisoformat(wave.data["wall"]) if "wall" in wave.data else local
                wanted = schedule.instant_for(wall, zone, day, now)
            self._hours[key] = hour_of(replace(self.mailing.options, send_at=wanted), channel, who.country, now, zone)
        return self._hours[key]

    def _zone_of(self, one: Candidate, who: Recipient) -> str:
        told = str(one.record.values.get("timezone") or "")
        if told and schedule.is_zone(told):
            return told
        return messaging.rule_of(who.country, self.house.clock.now().date()).zone or self.zone

    async def within_ceiling(self, connection: AsyncConnection, ready: list[tuple[Candidate, Ready]]) -> bool:
        """Whether the campaign's own sum lasts; what would pass it is cut off, and looked at again once somebody raised it."""
        ceiling = self.campaign.design.caps.ceiling
        if not ceiling:
            return True
        told = sa.select(campaign_waves.c.data["spent"].as_integer()).where(campaign_waves.c.campaign_id == self.campaign.id)
        left = ceiling - sum(spent or 0 for spent in await connection.scalars(told))
        for place, (_, planned) in enumerate(ready):
            left -= planned.price
            if left < 0:
                del ready[place:]
                return False
        return True

    async def write(
        self, connection: AsyncConnection, key: str, ready: Sequence[tuple[Candidate, Ready]], now: datetime
    ) -> list[tuple[str, str]]:
        """Members, items with their plans, deliveries in batches, lines of timelines."""
        goes = [one for _, one in ready]
        self.filled, self.spent = len(goes), sum(one.price for one in goes)
        await campaigns_items.add_planned(connection, [(one.item, self._columns(candidate, one, now)) for candidate, one in ready], now)
        kept = [(one.item.first_page, candidate.record.number, _kept(candidate)) for candidate, one in ready if candidate.kept]
        await campaigns_items.keep_rows(connection, self.campaign.organisation_id, self.mailing.id, kept)
        rings = await queue_deliveries(connection, self.mailing, [planning.queued(one) for one in goes], self.sizes, now)
        await self._join(connection, key, [(one.contact_id, planned.item.id, planned.hour or now) for one, planned in ready], now)
        await events.add(connection, [planning.told(self.mailing, one, now) for one in goes], now)
        if any(len(one.plan.rungs) > 1 for one in goes):
            await climbing.watch(connection, self.mailing, now)
        return rings

    async def note(self, connection: AsyncConnection, key: str, some: Sequence[Candidate], now: datetime) -> None:
        """Members whose letters are yet to be printed, and those who are left out."""
        await self._join(connection, key, [(one.contact_id, None, now) for one in some], now)

    async def _join(
        self, connection: AsyncConnection, key: str, some: Sequence[tuple[str, str | None, datetime]], now: datetime
    ) -> None:
        shared = {"campaign_id": self.campaign.id, "occurrence": key, "organisation_id": self.campaign.organisation_id}
        shared |= {"wave_id": self.wave.id}
        rows = [{**shared, "contact_id": contact, "item_id": item, "reason": "", "at": at} for contact, item, at in some]
        rows += [{**shared, "contact_id": contact, "item_id": None, "reason": why, "at": now} for contact, why in self._out]
        await members.add(connection, rows)

    def counted(self, wave: Wave) -> dict[str, Any]:
        """What the wave's row says after this slice."""
        counts = Counter(wave.left_out)
        counts.update(self.left_out)
        spent = int(wave.data.get("spent", 0)) + self.spent
        return {"filled": wave.filled + self.filled, "left_out": dict(counts), "data": {**wave.data, "spent": spent}}

    def _columns(self, candidate: Candidate, one: Ready, now: datetime) -> dict[str, Any]:
        name = candidate.contact.name if candidate.contact else str(candidate.record.values.get("name") or "")
        return {
            "name": name,
            "plan": [rung.as_dict() for rung in one.plan.rungs],
            "rungs_left": len(one.plan.rungs) - 1,
            "delivery_id": one.delivery_id,
            "cost": one.price,
            "state": ItemState.QUEUED.value,
            "held_reason": "",
            "contact_id": candidate.contact_id,
        }

    def _item(self, one: Candidate, position: int) -> Item:
        checked, address = one.checked, None
        assert checked is not None
        if one.contact is not None:
            address = next((point.address for point in one.contact.points if point.channel == "post" and point.address), None)
        elif checked.lines:
            address, _ = recheck.address(checked.lines, LAYOUTS[self.mailing.layout], 1, ())
        return Item(
            id=new_id(),
            organisation_id=self.campaign.organisation_id,
            mailing_id=self.mailing.id,
            position=position,
            first_page=position,
            pages=0,
            state=ItemState.DRAFT,
            held_reason="",
            address=address,
            address_read=None,
            email=checked.email,
            mobile=checked.mobile,
            fax=checked.fax,
            reference=checked.reference,
            channel=None,
            findings=(),
            level=None,
            contact_id=one.contact_id or None,
            plan=(),
            rung=0,
            delivery_id=None,
            cost=0,
            opened_at=None,
            updated_at=self.house.clock.now(),
            fields=checked.fields,
        )


def _kept(one: Candidate) -> dict[str, Any]:
    assert one.checked is not None
    return {"data": one.checked.data, "language": one.checked.language, "lines": list(one.checked.lines)}
