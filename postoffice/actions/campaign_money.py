"""A campaign that stands still at its own limit: what it spent, what is left to send, and the new limit that somebody sets."""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.campaigns import approval
from postoffice.house import House
from postoffice.model.campaign import Campaign, RepeatKind
from postoffice.model.errors import Conflict
from postoffice.model.states import CampaignState
from postoffice.store import campaigns, people, segments
from postoffice.store import campaigns_members as members
from postoffice.store import campaigns_waves as waves
from postoffice.words import N_

#: the organisation's setting that asks for a second person
APPROVAL = "campaign_approval"
#: why it rests where its sum is spent
CEILING = "ceiling"


@dataclass(frozen=True, slots=True)
class Spending:
    """Amounts in millionths of the currency. `left`: recipients who are not looked at yet, some of whom may be left out; None where
    nobody can know (campaigns that recur)."""

    ceiling: int
    spent: int
    sent: int
    left: int | None

    @property
    def needed(self) -> int:
        """What would do for those who are left, at the price of those before them; 0 where that is not known."""
        if not self.sent or self.left is None:
            return 0
        return self.spent + -(-self.spent * self.left // self.sent)


async def spending(house: House, connection: AsyncConnection, campaign: Campaign) -> Spending:
    """How far its money went."""
    known = await waves.of_campaign(connection, campaign.id)
    spent, sent = sum(int(one.data.get("spent", 0)) for one in known), sum(one.filled for one in known)
    done = sent + sum(sum(one.left_out.values()) for one in known)
    left = None
    if campaign.design.repeat.kind is RepeatKind.ONCE:
        left = max(0, await _audience(house, connection, campaign) - done)
    return Spending(campaign.design.caps.ceiling, spent, sent, left)


async def _audience(house: House, connection: AsyncConnection, campaign: Campaign) -> int:
    if campaign.design.sheet:
        return campaign.design.sheet_rows
    segment = approval.segment_of(campaign)
    if segment is None:
        return await members.count_everybody(connection, campaign.organisation_id)
    return await segments.count(connection, segment, house.clock.now())


async def raise_ceiling(house: House, campaign: Campaign, amount: int, actor: Actor) -> None:
    """A person who may approve lets a campaign that stopped at its sum spend more: the one thing of a design that changes while it
    runs. `amount` in millionths, above the former one. Conflict; NotAllowed own-campaign where another person has to approve.
    """
    async with house.database.write() as connection:
        if (await people.organisation(connection, campaign.organisation_id)).settings.get(APPROVAL):
            approval.check_other(campaign, actor.name, actor.user_id)
        current = await campaigns.get(connection, campaign.id, lock=True)
        if current.state is not CampaignState.PAUSED:
            raise Conflict(
                "campaign-state",
                N_("Only the limit of a campaign that rests can be raised."),
                help=N_("Reload the page to see where it stands."),
                state=current.state.value,
            )
        if amount <= current.design.caps.ceiling:
            raise Conflict(
                "ceiling-too-low",
                "The new limit is no higher than the former one: nothing was changed.",
                help="Write a higher amount, or take the rest of the campaign back.",
            )
        design = replace(current.design, caps=replace(current.design.caps, ceiling=amount))
        await campaigns.redesign(connection, current, design, house.clock.now())
        await people.note(
            connection,
            organisation_id=campaign.organisation_id,
            actor=actor.name,
            action="campaign.ceiling",
            subject=campaign.id,
            now=house.clock.now(),
            detail={"amount": amount, "former": current.design.caps.ceiling},
        )
