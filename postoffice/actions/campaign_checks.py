"""A campaign's mail before it goes: the check of its template, looked at on the first of those whom it is for."""

from collections.abc import Mapping
from typing import Any

from postoffice.actions import mail_checks
from postoffice.actions.contact_rows import row_of
from postoffice.actions.mail_checks import Check
from postoffice.compose.mail.checks import worst_first
from postoffice.house import House
from postoffice.model.campaign import Campaign, Design, RepeatKind, VariantKind
from postoffice.model.channel import Channel
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.finding import Severity
from postoffice.routing.ladder import FORMS, parse
from postoffice.store import campaigns_members as members
from postoffice.store import contact_book, segments, templates

#: recipients that are looked at before it goes; of all others, the wave tells who was left out and why
LOOKED_AT = 200


def versions_of(design: Design) -> list[str]:
    """The versions of templates that it says."""
    other = design.test.other if design.test is not None and design.test.kind is VariantKind.TEMPLATE else ""
    return [one for one in (design.version_id, other) if one]


def channels_of(design: Design) -> list[Channel]:
    """The channels that it may go by, the first one first; [] where that is each contact's own matter."""
    used: list[Channel] = []
    if design.options.channel is not None:
        used.append(design.options.channel)
    else:
        used += [FORMS[step.word].channel for step in parse(design.options.ladder) if step.word in FORMS]
    if design.test is not None and design.test.kind is VariantKind.CHANNEL:
        used.append(Channel(design.test.other))
    if design.follow_up is not None:
        used.append(design.follow_up.channel)
    return list(dict.fromkeys(used))


async def checks(house: House, campaign: Campaign) -> list[Check]:
    """What speaks against sending it as it stands, the worst first; nothing where no template is chosen, or neither mail nor SMS goes.

    Nobody outside is asked, but for the spam filter of the house where there is one.
    """
    rows = await _rows(house, campaign)
    found: list[Check] = []
    for version_id in versions_of(campaign.design):
        try:
            async with house.database.read() as connection:
                version = await templates.version(connection, campaign.organisation_id, version_id=version_id)
        except NotFound:
            continue  # campaigns.problems tells of it
        for channel in channels_of(campaign.design):
            if channel not in (Channel.EMAIL, Channel.SMS):
                continue
            options = mail_checks.Options(channel, spam=bool(house.rspamd))
            found += await mail_checks.check(house, version, rows, options)
    return worst_first(found)


async def _rows(house: House, campaign: Campaign) -> list[Mapping[str, Any]] | None:
    """The first recipients, as the template sees them; None where nobody knows them yet."""
    design, now = campaign.design, house.clock.now()
    if design.sheet or design.repeat.kind is not RepeatKind.ONCE:
        return None
    async with house.database.read() as connection:
        if design.segment_id:
            segment = await segments.get(connection, campaign.organisation_id, design.segment_id)
            ids = await segments.members(connection, segment, now, limit=LOOKED_AT)
        else:
            ids = await members.everybody(connection, campaign.organisation_id, after="", limit=LOOKED_AT)
        people = await contact_book.by_ids(connection, campaign.organisation_id, ids)
    return [row_of(people[one]) for one in ids if one in people] or None


async def refuse(house: House, campaign: Campaign) -> None:
    """PostOfficeError mail-check where something must not go as it stands."""
    worst = [one for one in await checks(house, campaign) if one.severity is Severity.ERROR]
    if worst:
        raise PostOfficeError(
            "mail-check",
            "The check of this message found what must not go: nothing was sent.",
            help="The campaign's page says what; correct the template, publish it, and choose its new version.",
            found=[one.code for one in worst],
        )
