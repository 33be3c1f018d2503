"""The public archive: campaigns as a reader without a name would get them. No tracking, no one's data."""

from typing import Any

from postoffice.actions import mail_pictures
from postoffice.actions.actor import Actor
from postoffice.compose.merge import printing
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.uses import uses_of
from postoffice.compose.merge.wording import Situation
from postoffice.compose.message import Message
from postoffice.house import House
from postoffice.model.campaign import Campaign
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.people import Organisation
from postoffice.model.states import CampaignState
from postoffice.store import campaigns, forms, people, templates

STATES = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED)


def suits(campaign: Campaign) -> bool:
    """Whether it may stand in the archive: an advertising e-mail that really went."""
    options = campaign.design.options
    return campaign.live and campaign.state in STATES and options.channel is Channel.EMAIL and options.purpose is Purpose.PROMOTION


async def switch(house: House, campaign: Campaign, actor: Actor, *, shown: bool) -> None:
    """Show a campaign in the archive, or no longer. Conflict not-for-archive."""
    if shown and not suits(campaign):
        raise Conflict(
            "not-for-archive",
            "Only advertising by e-mail that has gone out stands in the archive.",
            help="Wait until the campaign runs.",
        )
    now = house.clock.now()
    async with house.database.write() as connection:
        await forms.show_in_archive(connection, campaign.organisation_id, campaign.id, now if shown else None)
        await people.note(
            connection,
            organisation_id=campaign.organisation_id,
            actor=actor.name,
            action="campaign.archive" if shown else "campaign.unarchive",
            subject=campaign.id,
            now=now,
            detail={},
        )


async def listed(house: House, organisation_id: str) -> list[Campaign]:
    """The campaigns of the archive, newest first."""
    async with house.database.read() as connection:
        chosen = await forms.archived(connection, organisation_id)
        found = [await campaigns.get(connection, one, organisation_id) for one in chosen]
    return sorted((one for one in found if suits(one)), key=lambda one: (one.started_at or one.created_at, one.id), reverse=True)


async def mail_of(house: House, organisation: Organisation, campaign: Campaign, language: str) -> Message | None:
    """The mail for nobody in particular: every field empty, no link that says who reads. None where it cannot be made."""
    async with house.database.read() as connection:
        version = await templates.version(connection, organisation.id, version_id=campaign.design.version_id)
    content = Content.from_dict(version.content)
    shown = await mail_pictures.inline(house, organisation.id, content)
    day = (campaign.started_at or campaign.created_at).date().isoformat()
    neutral: dict[str, Any] = {"text": "", "number": 0, "date": day, "list": []}
    record = Record(1, {**{use.name: neutral[use.kind] for use in uses_of(content)}, "language": content.spoken(language)}, exact=True)
    try:
        told = await house.workshop.run(printing.words_of, content, record, day, organisation.name, Situation(pages=0), shown)
    except PostOfficeError as fault:
        house.log.warning("archive.not-made", campaign=campaign.id, code=fault.code)
        return None
    made: Message | None = told["email"]
    return made
