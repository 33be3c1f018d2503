"""Campaigns over REST: write, hand in, launch, pause, resume, take back. Approving is a person's, at the desk."""

import base64
import binascii
from decimal import Decimal
from typing import Any

from postoffice.actions import campaign_sheets, templating
from postoffice.actions import campaigns as acting
from postoffice.api import campaign_shapes as shapes
from postoffice.api.call import Call, Route
from postoffice.api.problems import invalid_field
from postoffice.model import campaign as model
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.mailing import Options
from postoffice.model.people import Right
from postoffice.store import campaigns, mailings, people, templates
from postoffice.store import campaigns_waves as waves

_MILLION = 1_000_000
_SPREADSHEET = "application/x-spreadsheet"  # any of them; the bytes decide


async def list_campaigns(call: Call) -> shapes.CampaignPage:
    """Campaigns of the key's organisation and mode."""
    asked = call.asked(shapes.CampaignsQuery)
    async with call.house.database.read() as connection:
        found = await campaigns.some(
            connection,
            call.organisation_id,
            states=asked.state,
            live=call.key.live,
            before=asked.after or "",
            limit=asked.limit + 1,
        )
    some = found[: asked.limit]
    return shapes.CampaignPage(data=[_shape(one) for one in some], next=some[-1].id if len(found) > len(some) else None)


async def get_campaign(call: Call) -> shapes.CampaignDetail:
    """One campaign with its waves and approvals."""
    return await _detail(call, await _campaign(call))


async def add_campaign(call: Call) -> shapes.CampaignDetail:
    """A fresh draft."""
    design = await _design(call, model.Design())
    async with call.house.database.read() as connection:
        organisation = await people.organisation(connection, call.organisation_id)
    return await _detail(call, await acting.create(call.house, organisation, design, call.actor, live=call.key.live))


async def change_campaign(call: Call) -> shapes.CampaignDetail:
    """Another design in place of the one that stands there."""
    campaign = await _campaign(call)
    await acting.change(call.house, campaign, await _design(call, campaign.design), call.actor)
    return await get_campaign(call)


async def bring_sheet(call: Call) -> shapes.CampaignSheetSeen:
    """A spreadsheet as its audience, in place of whatever was. 409 sheet-running once the campaign is under way."""
    campaign, told = await _campaign(call), call.told(shapes.CampaignSheet)
    try:
        document = base64.b64decode(told.document, validate=True)
    except (binascii.Error, ValueError):
        raise invalid_field("document", "This is not base64.") from None
    stored = await call.house.documents.put(call.organisation_id, document)
    async with call.house.database.write() as connection:
        await mailings.note_document(connection, call.organisation_id, stored, _SPREADSHEET, call.house.clock.now())
    view = await campaign_sheets.bring(call.house, campaign, stored.sha256, told.name, call.actor, told.mapping)
    return shapes.CampaignSheetSeen(
        recipients=view.records,
        faulty=view.faulty,
        mapping={column: field for column, field in view.mapping.items() if column},
        unmapped=list(view.unmapped),
        rows=[shapes.CampaignSheetRow(row=row, code=code, column=column, value=value) for row, code, column, value in view.problems],
    )


async def hand_in(call: Call) -> shapes.CampaignDetail:
    """Hand it in for approval."""
    await acting.submit(call.house, await _campaign(call), call.actor)
    return await get_campaign(call)


async def launch(call: Call) -> shapes.CampaignDetail:
    """Set it on its way, at its hour or at once."""
    await acting.launch(call.house, await _campaign(call), call.actor)
    return await get_campaign(call)


async def pause(call: Call) -> shapes.CampaignDetail:
    """Nothing more is begun from now on."""
    await acting.pause(call.house, await _campaign(call), call.actor)
    return await get_campaign(call)


async def resume(call: Call) -> shapes.CampaignDetail:
    """Go on where it stopped."""
    await acting.resume(call.house, await _campaign(call), call.actor)
    return await get_campaign(call)


async def take_back(call: Call) -> shapes.CampaignDetail:
    """Take it back; what was handed over stays."""
    await acting.cancel(call.house, await _campaign(call), call.actor)
    return await get_campaign(call)


async def choose(call: Call) -> shapes.CampaignDetail:
    """Decide its test."""
    await acting.choose(call.house, await _campaign(call), call.told(shapes.CampaignChoice).winner, call.actor)
    return await get_campaign(call)


async def _campaign(call: Call) -> model.Campaign:
    campaign_id = call.request.match_info["campaign_id"]
    if not is_id(campaign_id):
        raise campaigns.missing()
    async with call.house.database.read() as connection:
        found = await campaigns.get(connection, campaign_id, call.organisation_id)
    if found.live is not call.key.live:
        raise campaigns.missing()
    return found


async def _design(call: Call, before: model.Design) -> model.Design:
    told = call.told(shapes.CampaignDesign)
    test, follow = told.test, told.follow_up
    try:
        version_id = await _version(call, told.template) if told.template else ""
    except NotFound as missing:
        raise invalid_field("template", missing.message) from None
    options = Options(channel=told.channel, purpose=told.purpose, ground=told.ground, per_hour=told.per_hour)
    return model.Design(
        name=told.name,
        version_id=version_id,
        segment_id=told.segment or "",
        **_sheet(before, told.segment),
        options=options,
        schedule=model.Schedule(**told.schedule.model_dump()),
        repeat=model.Repeat(**{**told.repeat.model_dump(), "days": tuple(told.repeat.days)}),
        test=model.Test(**test.model_dump()) if test else None,
        follow_up=model.FollowUp(follow.channel, follow.days) if follow else None,
        caps=model.Caps(int(Decimal(told.ceiling) * _MILLION), told.most, told.within),
    )


def _sheet(before: model.Design, segment: str | None) -> dict[str, Any]:
    """Its spreadsheet stays until a segment is named in its place."""
    names = ("sheet", "sheet_name", "sheet_rows", "mapping")
    return {} if segment else {name: getattr(before, name) for name in names}


async def _version(call: Call, template_id: str) -> str:
    async with call.house.database.read() as connection:
        template = await templates.get(connection, template_id, call.organisation_id)
        return (await templating.published(connection, template)).id


def _shape(one: model.Campaign) -> shapes.Campaign:
    return shapes.Campaign(**_plain(one))


def _plain(one: model.Campaign) -> dict[str, object]:
    names = ("id", "state", "revision", "live", "pause_reason", "created_at", "updated_at", "scheduled_at", "finished_at")
    return {name: getattr(one, name) for name in names} | {
        "name": one.name,
        "design": one.design.as_dict(),
        "outcome": dict(one.outcome),
    }


async def _detail(call: Call, one: model.Campaign) -> shapes.CampaignDetail:
    async with call.house.database.read() as connection:
        known = await waves.of_campaign(connection, one.id)
        said = await campaigns.approvals(connection, one.id)
    return shapes.CampaignDetail.model_validate(
        _plain(one)
        | {
            "waves": [
                {
                    "kind": wave.kind,
                    "variant": wave.variant,
                    "occurrence": wave.occurrence,
                    "state": wave.state,
                    "mailing": wave.mailing_id,
                    "starts_at": wave.starts_at,
                    "looked_at": wave.looked_at,
                    "recipients": wave.filled,
                    "left_out": dict(wave.left_out),
                }
                for wave in known
            ],
            "approvals": [
                {
                    "approved": word.approved,
                    "by": word.actor,
                    "note": word.note,
                    "at": word.at,
                    "revision": word.revision,
                    "fingerprint": word.fingerprint,
                    "voided_at": word.voided_at,
                }
                for word in said
            ],
        }
    )


_ONE = "/campaigns/{campaign_id}"
_DETAIL = shapes.CampaignDetail

CAMPAIGN_ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/campaigns", Right.SEE, list_campaigns, "List campaigns, newest first", shapes.CampaignPage, query=shapes.CampaignsQuery
    ),
    Route(
        "POST",
        "/campaigns",
        Right.SUBMIT,
        add_campaign,
        "Write a campaign",
        _DETAIL,
        status=201,
        body=shapes.CampaignDesign,
        problems=(400,),
    ),
    Route("GET", _ONE, Right.SEE, get_campaign, "A campaign with its waves and approvals", _DETAIL),
    Route(
        "PUT",
        _ONE,
        Right.SUBMIT,
        change_campaign,
        "Change a campaign; its approval is void",
        _DETAIL,
        body=shapes.CampaignDesign,
        problems=(409,),
    ),
    Route(
        "PUT",
        _ONE + "/sheet",
        Right.SUBMIT,
        bring_sheet,
        "Bring a spreadsheet as a campaign's audience",
        shapes.CampaignSheetSeen,
        body=shapes.CampaignSheet,
        problems=(400, 409),
    ),
    Route("POST", _ONE + "/submit", Right.SUBMIT, hand_in, "Hand a campaign in for approval", _DETAIL, problems=(400, 409)),
    Route("POST", _ONE + "/launch", Right.SEND, launch, "Launch a campaign, at its hour or at once", _DETAIL, problems=(400, 409)),
    Route("POST", _ONE + "/pause", Right.SEND, pause, "Pause a campaign", _DETAIL, problems=(409,)),
    Route("POST", _ONE + "/resume", Right.SEND, resume, "Let a campaign go on", _DETAIL, problems=(409,)),
    Route("POST", _ONE + "/cancel", Right.SEND, take_back, "Take a campaign back", _DETAIL, problems=(409,)),
    Route(
        "POST", _ONE + "/choose", Right.SEND, choose, "Decide a campaign's test", _DETAIL, body=shapes.CampaignChoice, problems=(409,)
    ),
)
