"""A spreadsheet as a campaign's audience: brought in, its columns and rows looked at, exchanged before it goes and never after."""

from collections.abc import Mapping
from dataclasses import replace

from postoffice.actions import campaigns as acting
from postoffice.actions import contact_rows, templating
from postoffice.actions.actor import Actor
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.sheets import SheetView, look_at_sheet
from postoffice.house import House
from postoffice.model.campaign import Campaign
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.states import CampaignState
from postoffice.store import templates

#: the address that a row must have, by the channel that it goes by
_NEEDED: Mapping[Channel, str] = {Channel.EMAIL: "email", Channel.SMS: "mobile", Channel.FAX: "fax"}
#: while it stands so, its audience may be another one; an approval is void then, as with any change
OPEN = (CampaignState.DRAFT, CampaignState.REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)


async def bring(
    house: House, campaign: Campaign, sheet: str, name: str, actor: Actor, mapping: Mapping[str, str] | None = None
) -> SheetView:
    """Make a spreadsheet (SHA-256 of a document) the audience, in place of whatever it was; what its columns and rows are like.

    `mapping`: column -> field; None: guessed, or as it was chosen the last time. Conflict sheet-running once the campaign is under way:
    what was approved goes on, row by row, whatever is brought. PostOfficeError unreadable-spreadsheet, bad-campaign without a template.
    """
    if campaign.state not in OPEN:
        raise Conflict(
            "sheet-running",
            "This campaign is under way with the spreadsheet that was approved: nothing was replaced.",
            help="Let it end, or take it back; then write another campaign for the new spreadsheet.",
        )
    view = await look(house, campaign, sheet, mapping)
    design = replace(campaign.design, sheet=sheet, sheet_name=name[:200], sheet_rows=view.records, mapping=view.mapping, segment_id="")
    await acting.change(house, campaign, design, actor)
    if mapping is not None:
        async with house.database.read() as connection:
            version = await templates.version(connection, campaign.organisation_id, version_id=design.version_id)
            template = await templates.get(connection, version.template_id, campaign.organisation_id)
        await templating.remember(house, template, mapping)
    return view


async def look(house: House, campaign: Campaign, sheet: str = "", mapping: Mapping[str, str] | None = None) -> SheetView:
    """The columns with what they fill, and what is wrong with which row. `sheet` "": the one that the campaign has."""
    design = campaign.design
    if not design.version_id:
        raise PostOfficeError(
            "no-template-yet",
            "Choose the template first: it says which columns are needed.",
            help="Change the campaign, choose a published template, and come back.",
        )
    async with house.database.read() as connection:
        version = await templates.version(connection, campaign.organisation_id, version_id=design.version_id)
        template = await templates.get(connection, version.template_id, campaign.organisation_id)
    chosen = mapping if sheet else design.mapping
    needed = _NEEDED.get(design.options.channel, "") if design.options.channel else ""
    content = Content.from_dict(version.content)
    content = contact_rows.without_letter(content) if needed in ("email", "mobile") else content
    known, given = dict(template.mapping), None if chosen is None else dict(chosen)
    async with house.documents.as_file(campaign.organisation_id, sheet or design.sheet) as path:
        view: SheetView = await house.workshop.run(look_at_sheet, path, content, known, given, needed)
    return view
