"""What people and programs do to a campaign: write, hand in, approve, launch, pause, resume, take back, decide a test."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.actions.campaign_checks import channels_of, refuse, versions_of
from postoffice.actions.campaign_money import APPROVAL
from postoffice.campaigns import approval, schedule
from postoffice.compose.merge.content import Content
from postoffice.house import House
from postoffice.model.campaign import AWAITED, Campaign, Design, RepeatKind, VariantKind
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.model.people import Organisation
from postoffice.model.segment import Segment
from postoffice.model.states import CampaignState
from postoffice.store import campaigns, people, segments, templates
from postoffice.store import campaigns_members as members
from postoffice.store import campaigns_waves as waves
from postoffice.words import N_

#: the organisation's cap for new campaigns: {"most": 2, "within": 7}
CAP = "campaign_cap"


def approval_wanted(organisation: Organisation) -> bool:
    """Whether another person has to say yes before a campaign goes."""
    return bool(organisation.settings.get(APPROVAL))


async def create(house: House, organisation: Organisation, design: Design, actor: Actor, *, live: bool = True) -> Campaign:
    """A fresh draft; caps that the organisation lays down hold from its first word on."""
    _check_shape(design)
    cap = organisation.settings.get(CAP)
    if isinstance(cap, dict) and not design.caps.most:
        design = replace(design, caps=replace(design.caps, most=int(cap.get("most", 0)), within=int(cap.get("within", 7))))
    now = house.clock.now()
    async with house.database.write() as connection:
        made = await campaigns.add(connection, organisation.id, design, now, actor.name, actor.user_id, live=live)
        await _note(connection, house, made, actor, "campaign.create")
    return made


async def change(house: House, campaign: Campaign, design: Design, actor: Actor, revision: int | None = None) -> int:
    """Another design: what was approved is void, what was scheduled waits again; the new revision."""
    _check_shape(design)
    now = house.clock.now()
    async with house.database.write() as connection:
        made = await campaigns.change(connection, campaign, design, now, revision)
        await waves.end_work(connection, campaign.id, now)
        await _note(connection, house, campaign, actor, "campaign.change", revision=made)
    return made


def _check_shape(design: Design) -> None:
    """PostOfficeError where it cannot even be kept."""
    if not design.name.strip():
        raise _bad("name", N_("The campaign has no name."), N_("Give it one."))
    schedule.wall_of(design.schedule)
    repeat, test = design.repeat, design.test
    if repeat.kind is RepeatKind.WEEKLY and not (repeat.days and all(1 <= day <= 7 for day in repeat.days)):
        raise _bad("days", N_("No day of the week is chosen."), N_("Choose at least one."))
    if repeat.kind is RepeatKind.MONTHLY and not (repeat.days and all(1 <= day <= 31 for day in repeat.days)):
        raise _bad("days", N_("No day of the month is chosen."), N_("Write one from 1 to 31."))
    if repeat.kind is RepeatKind.DATE and not repeat.attribute.strip():
        raise _bad("attribute", N_("No date is named."), N_("Name the attribute of the contacts that has it."))
    if repeat.until:
        _read_day(repeat.until)
    if not 1 <= design.schedule.spread_days <= 365 or design.schedule.warm_up < 0 or not -366 <= repeat.offset <= 366:
        raise _bad("days", N_("The number of days cannot be."), N_("Write one from 1 to 365."))
    if design.caps.most < 0 or design.caps.ceiling < 0 or not 1 <= design.caps.within <= 366:
        raise _bad("caps", N_("The limit cannot be."), N_("Write a number, or 0 for none."))
    if test is not None:
        _check_test(design)
    if design.follow_up is not None and not 1 <= design.follow_up.days <= 90:
        raise _bad("follow-up", N_("The follow-up waits for 1 to 90 days."), N_("Write another number."))


def _check_test(design: Design) -> None:
    test = design.test
    assert test is not None
    if design.repeat.kind is not RepeatKind.ONCE:
        raise _bad("test", N_("A recurring campaign has no test."), N_("Test a campaign that goes once, then repeat the winner."))
    if test.sample < 1 or not 1 <= test.hours <= 24 * 30 or not 0.001 <= test.risk <= 0.5:
        raise _bad("test", N_("The test needs a sample, and 1 hour to 30 days."), N_("Write how many recipients each half has."))
    if test.kind is VariantKind.HOUR:
        try:
            time.fromisoformat(test.other)
        except ValueError:
            raise _bad("test", N_("The other hour cannot be read."), N_("Write it as 18:00.")) from None
    if test.kind is VariantKind.CHANNEL and test.other not in (Channel.EMAIL.value, Channel.SMS.value):
        raise _bad("test", N_("A test compares e-mail and SMS."), N_("Choose one of them."))
    if not test.other.strip():
        raise _bad("test", N_("It is not said what the other half gets."), N_("Fill it in, or leave the test out."))


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _bad("until", N_("The last day cannot be read."), N_("Write it like 2026-12-31.")) from None


def _bad(field: str, message: str, help: str) -> PostOfficeError:
    return PostOfficeError("bad-campaign", message, help=help, field=field, why=message)


async def submit(house: House, campaign: Campaign, actor: Actor) -> None:
    """Hand it in for approval. PostOfficeError where something is missing."""
    found = await problems(house, campaign)
    if found:
        raise found[0]
    await refuse(house, campaign)
    async with house.database.write() as connection:
        await campaigns.command(connection, campaign, "submit", house.clock.now())
        await _note(connection, house, campaign, actor, "campaign.submit", revision=campaign.revision)


async def approve(house: House, campaign: Campaign, actor: Actor, *, yes: bool, note: str = "", revision: int | None = None) -> None:
    """Another person's yes or no to exactly this. NotAllowed own-campaign; Conflict where it was changed since it was shown."""
    approval.check_other(campaign, actor.name, actor.user_id)
    if revision is not None and revision != campaign.revision:
        raise Conflict("campaign-changed", "Somebody changed this campaign meanwhile: nothing was approved.", help="Read it again.")
    now = house.clock.now()
    async with house.database.write() as connection:
        current = await campaigns.get(connection, campaign.id, lock=True)
        if current.revision != campaign.revision:
            raise Conflict("campaign-changed", "Somebody changed this campaign meanwhile: nothing was approved.", help="Read it again.")
        what = await _what(connection, current)
        await campaigns.void(connection, campaign.id, now)
        await campaigns.add_approval(
            connection,
            current,
            what=what,
            fingerprint=approval.fingerprint(what),
            approved=yes,
            actor=actor.name,
            user_id=actor.user_id,
            note=note.strip(),
            now=now,
        )
        await campaigns.command(connection, current, "approve" if yes else "refuse", now)
        await _note(connection, house, current, actor, "campaign.approve" if yes else "campaign.refuse", revision=current.revision)


async def _what(connection: AsyncConnection, campaign: Campaign) -> dict[str, Any]:
    """All that an approval is for."""
    numbers = {}
    for version_id in versions_of(campaign.design):
        version = await templates.version(connection, campaign.organisation_id, version_id=version_id)
        numbers[version_id] = version.number
    return approval.what_of(campaign.design, await _rules(connection, campaign), numbers)


async def _rules(connection: AsyncConnection, campaign: Campaign) -> dict[str, Any]:
    design = campaign.design
    if design.sheet:
        return {"sheet": design.sheet, "mapping": dict(design.mapping)}
    segment = await _segment(connection, campaign)
    if segment is None:
        return {}
    rules: dict[str, Any] = {"id": segment.id, "rules": dict(segment.rules), "kind": segment.kind.value}
    return rules | {"others": {name: dict(one) for name, one in segment.others.items()}, "frozen": sorted(segment.frozen)}


async def _segment(connection: AsyncConnection, campaign: Campaign) -> Segment | None:
    if not campaign.design.segment_id:
        return None
    return await segments.get(connection, campaign.organisation_id, campaign.design.segment_id)


async def launch(house: House, campaign: Campaign, actor: Actor) -> datetime:
    """Set it on its way: at its hour, or at once; the instant from which anything of it may go.

    Conflict approval-missing, approval-void, nobody; PostOfficeError for what is missing.
    """
    found = await problems(house, campaign)
    if found:
        raise found[0]
    await refuse(house, campaign)
    now = house.clock.now()
    async with house.database.write() as connection:
        organisation = await people.organisation(connection, campaign.organisation_id)
        current = await campaigns.get(connection, campaign.id, lock=True)
        if current.revision != campaign.revision:
            raise Conflict("campaign-changed", "Somebody changed this campaign meanwhile: nothing was sent.", help="Look at it again.")
        if approval_wanted(organisation):
            await _check_approval(connection, current)
        starts = schedule.first_instant(current.design.schedule, organisation.timezone, now)
        starts = max(starts, now)
        await campaigns.command(connection, current, "schedule", now, rules=await _rules(connection, current), scheduled_at=starts)
        await waves.conductor(connection, campaign.organisation_id, campaign.id, starts, now)
        options = current.design.options
        claimed = {"ground": options.ground.value} if options.purpose.is_promotional else {}
        await _note(connection, house, current, actor, "campaign.launch", revision=current.revision, **claimed)
    return starts


async def _check_approval(connection: AsyncConnection, campaign: Campaign) -> None:
    said = [one for one in await campaigns.approvals(connection, campaign.id) if one.approved and one.voided_at is None]
    if not said or campaign.state is not CampaignState.APPROVED:
        raise Conflict(
            "approval-missing", "Nobody has approved this campaign yet.", help="Hand it in; a colleague who may approve then decides."
        )
    if said[0].fingerprint != approval.fingerprint(await _what(connection, campaign)):
        raise Conflict(
            "approval-void",
            "What was approved is no longer what stands there: the segment or a template has changed.",
            help="Hand it in again.",
        )


async def problems(house: House, campaign: Campaign) -> list[PostOfficeError]:
    """What stands in the way of sending it, the gravest first."""
    design, now = campaign.design, house.clock.now()
    found: list[PostOfficeError] = []
    async with house.database.read() as connection:
        organisation = await people.organisation(connection, campaign.organisation_id)
        found += await _content_problems(connection, campaign)
        if design.sheet == AWAITED:
            found.append(
                PostOfficeError("sheet-missing", "The spreadsheet of its recipients is yet to be brought in.", help="Bring it in.")
            )
        elif not design.sheet:
            try:
                segment = await _segment(connection, campaign)
            except NotFound as gone:
                return [gone]
            if design.repeat.kind is RepeatKind.ONCE and not await _count(connection, campaign, segment, now):
                found.append(
                    Conflict(
                        "nobody",
                        "Nobody is in this audience: nothing would be sent.",
                        help="Choose another segment, or widen its rules.",
                    )
                )
    wall = schedule.wall_of(design.schedule)
    late = wall is not None and schedule.instant(wall, organisation.timezone) < now - schedule.GRACE
    if late and design.repeat.kind is RepeatKind.ONCE:
        found.append(
            PostOfficeError(
                "hour-over", "The hour of this campaign is over.", help="Choose a later one, or none: then it goes at once."
            )
        )
    carriers = await house.carriers.names(campaign.organisation_id, live=campaign.live)
    found += [
        PostOfficeError("no-carrier", f"No carrier for {one.value} is set up.", help="Set one up under Carriers.", channel=one.value)
        for one in channels_of(design)
        if one not in carriers
    ]
    return found


async def _count(connection: AsyncConnection, campaign: Campaign, segment: Segment | None, now: datetime) -> int:
    if segment is None:
        return await members.count_everybody(connection, campaign.organisation_id)
    return await segments.count(connection, segment, now)


async def _content_problems(connection: AsyncConnection, campaign: Campaign) -> list[PostOfficeError]:
    design = campaign.design
    if not design.version_id:
        return [_bad("template", N_("No template is chosen."), N_("Choose one that is published."))]
    found: list[PostOfficeError] = []
    for version_id in versions_of(design):
        try:
            version = await templates.version(connection, campaign.organisation_id, version_id=version_id)
        except NotFound as gone:
            return [gone]
        content = Content.from_dict(version.content)
        for channel in channels_of(design):
            if not _says(content, channel, letterless=design.options.channel in (Channel.EMAIL, Channel.SMS)):
                message = f"The template has no words for {channel.value}."
                found.append(
                    PostOfficeError("no-part", message, help="Write them in its editor, and publish it.", channel=channel.value)
                )
    return found


def _says(content: Content, channel: Channel, *, letterless: bool) -> bool:
    parts: Sequence[Any] = list(content.parts.values())
    if channel is Channel.EMAIL:
        return all(one.subject and (one.text or one.html or one.mjml) for one in parts) or not letterless
    if channel is Channel.SMS:
        return all(one.sms for one in parts) or not letterless
    return any(one.letter.strip() for one in parts)


async def pause(house: House, campaign: Campaign, actor: Actor, reason: str = "by-hand") -> None:
    """Stop: what is being handed over this moment ends with its chunk, nothing more is begun."""
    now = house.clock.now()
    async with house.database.write() as connection:
        await campaigns.command(connection, campaign, "pause", now, pause_reason=reason[:60])
        await waves.hold(connection, campaign.id, now)
        await _note(connection, house, campaign, actor, "campaign.pause", reason=reason[:60])


async def resume(house: House, campaign: Campaign, actor: Actor) -> None:
    """Go on where it stopped; each batch at its own hour."""
    now = house.clock.now()
    async with house.database.write() as connection:
        await campaigns.command(connection, campaign, "resume", now, pause_reason="")
        await waves.release(connection, campaign.id)
        await waves.conductor(connection, campaign.organisation_id, campaign.id, now, now)
        await _note(connection, house, campaign, actor, "campaign.resume")


async def cancel(house: House, campaign: Campaign, actor: Actor) -> None:
    """Take it back: nothing more is handed over from now on; a worker then clears up."""
    now = house.clock.now()
    async with house.database.write() as connection:
        await campaigns.command(connection, campaign, "cancel", now, pause_reason="", finished_at=now)
        await waves.hold(connection, campaign.id, now)
        await waves.conductor(connection, campaign.organisation_id, campaign.id, now, now)
        await waves.unhold_conductor(connection, campaign.id)
        await _note(connection, house, campaign, actor, "campaign.cancel")


async def choose(house: House, campaign: Campaign, winner: str, actor: Actor) -> None:
    """A person decides a test: the rest gets this one."""
    now = house.clock.now()
    async with house.database.write() as connection:
        current = await campaigns.get(connection, campaign.id, lock=True)  # the rule may decide, or a colleague, at this moment
        if current.design.test is None or winner not in ("a", "b") or {"winner", "chosen"} & set(current.outcome):
            raise Conflict("no-test", "There is no test to be decided.", help="Reload the page to see where it stands.")
        await campaigns.update(connection, campaign.id, outcome={**current.outcome, "chosen": winner, "actor": actor.name})
        if current.state is CampaignState.PAUSED and current.pause_reason == "test-over":
            await campaigns.command(connection, current, "resume", now, pause_reason="")
            await waves.release(connection, campaign.id)
        await waves.wake_conductor(connection, campaign.id)
        await _note(connection, house, campaign, actor, "campaign.choose", winner=winner)


async def _note(connection: AsyncConnection, house: House, campaign: Campaign, actor: Actor, action: str, **detail: Any) -> None:
    await people.note(
        connection,
        organisation_id=campaign.organisation_id,
        actor=actor.name,
        action=action,
        subject=campaign.id,
        now=house.clock.now(),
        detail=detail,
    )
