"""What people and programs do to segments: keep rules, freeze, remove, set sleepers aside, and the reckoning that rules lean on.

Each change is one transaction with its line in the audit trail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.campaigns import rules as ruling
from postoffice.campaigns import segment_sleepers
from postoffice.campaigns.rfm import MAP
from postoffice.campaigns.rules import Rule, RuleError
from postoffice.house import House
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.segment import Segment, SegmentKind
from postoffice.store import people, rfm, segment_tags, segments

SLEEPERS = "sleepers"
AT_ONCE = 20_000  #: contacts that one press of a button sets aside: the rest takes another one


async def draft(connection: AsyncConnection, organisation_id: str, tree: object, segment_id: str = "") -> Segment:
    """Rules that somebody typed, as a segment that can be counted; RuleError for what is wrong with them.

    `segment_id`: of the segment that they are to be the rules of, which they must not lead back to.
    """
    made = ruling.checked(tree)
    segment = await segments.complete(connection, Segment(segment_id, organisation_id, "", made))
    for rule in ruling.leaves(made):
        if rule["on"] == "segment":
            _check_other(segment, str(rule["value"]), segment_id)
    await _check_fields(connection, organisation_id, made)
    return segment


def _check_other(segment: Segment, other: str, own: str) -> None:
    if other == own or (own and own in segment.others):
        raise RuleError("segment-circle", "Segments name one another in a circle.", help="Take one of them out of the other's rules.")
    if other not in segment.others and other not in segment.frozen:
        raise RuleError("segment-other", "There is no such segment.", help="Choose one of those offered.")


async def _check_fields(connection: AsyncConnection, organisation_id: str, made: Rule) -> None:
    wanted = {str(rule["name"]) for rule in ruling.leaves(made) if rule["on"] == "attribute"}
    unsure = wanted - set(await segments.known_fields(connection, organisation_id)) if wanted else set()
    for name in sorted(unsure):
        if not await segments.has_field(connection, organisation_id, name):
            raise RuleError("segment-attribute", "There is no such field.", help="Choose one that contacts have.", field=name)


async def create(house: House, organisation_id: str, name: str, tree: object, actor: Actor) -> str:
    """Keep rules under a name; the new segment's id."""
    now, name = house.clock.now(), _name(name)
    async with house.database.write() as connection:
        segment = await draft(connection, organisation_id, tree)
        made = await segments.add(connection, replace(segment, name=name, created_by=actor.name), now)
        await _note(connection, organisation_id, actor, "segment.create", made, now)
    return made


async def update(house: House, organisation_id: str, segment_id: str, name: str, tree: object, actor: Actor) -> None:
    """Another name or other rules. Conflict for a frozen one, whose rules no longer say who is in it."""
    now, name = house.clock.now(), _name(name)
    async with house.database.write() as connection:
        there = await segments.get(connection, organisation_id, segment_id)
        segment = await draft(connection, organisation_id, tree, segment_id)
        if there.kind is SegmentKind.FROZEN and segment.rules != there.rules:
            raise Conflict(
                "segment-frozen", "A frozen segment keeps its members.", help="Let it follow its rules again, then change them."
            )
        await segments.change(connection, organisation_id, segment_id, now, name=name, rules=dict(segment.rules))
        await _note(connection, organisation_id, actor, "segment.update", segment_id, now)


def _name(name: str) -> str:
    bare = " ".join(name.split())[:200]
    if not bare or not bare.isprintable():
        raise PostOfficeError("segment-no-name", "The segment has no name.", help="Say in a few words who is in it.")
    return bare


async def freeze(house: House, organisation_id: str, segment_id: str, actor: Actor) -> int:
    """Keep those who are in it now; how many."""
    now = house.clock.now()
    async with house.database.write() as connection:
        segment = await segments.get(connection, organisation_id, segment_id)
        if segment.kind is SegmentKind.FROZEN:
            raise Conflict(
                "segment-frozen", "A frozen segment keeps its members.", help="Let it follow its rules again, then change them."
            )
        kept = await segments.freeze(connection, segment, now)
        await _note(connection, organisation_id, actor, "segment.freeze", segment_id, now, members=kept)
    return kept


async def thaw(house: House, organisation_id: str, segment_id: str, actor: Actor) -> None:
    """Let a frozen one follow its rules again."""
    now = house.clock.now()
    async with house.database.write() as connection:
        segment = await segments.get(connection, organisation_id, segment_id)
        if segment.origin:
            raise Conflict("segment-set-aside", "These were set aside: they are kept so that it can be undone.", help="Undo it first.")
        await _check_free(connection, organisation_id, segment_id)
        await draft(connection, organisation_id, segment.rules, segment_id)  # what it names may have been removed meanwhile
        await segments.change(connection, organisation_id, segment_id, now, kind=SegmentKind.DYNAMIC.value, filled_at=None)
        await segments.empty(connection, segment_id)
        await _note(connection, organisation_id, actor, "segment.thaw", segment_id, now)


async def remove(house: House, organisation_id: str, segment_id: str, actor: Actor) -> None:
    """Take it away; Conflict while another segment or a campaign that is not over leans on it."""
    now = house.clock.now()
    async with house.database.write() as connection:
        segment = await segments.get(connection, organisation_id, segment_id)
        if segment.origin:
            raise Conflict("segment-set-aside", "These were set aside: they are kept so that it can be undone.", help="Undo it first.")
        others = [one.name for one in await segments.used_by(connection, organisation_id, segment_id)]
        await _check_free(connection, organisation_id, segment_id, others)
        await segments.change(connection, organisation_id, segment_id, now, removed_at=now)
        await segments.empty(connection, segment_id)
        await _note(connection, organisation_id, actor, "segment.remove", segment_id, now)


async def _check_free(connection: AsyncConnection, organisation_id: str, segment_id: str, others: Sequence[str] = ()) -> None:
    """Members must not vanish beneath a campaign that is not over."""
    users = [*others, *await segments.campaigns_of(connection, organisation_id, segment_id)]
    if users:
        raise Conflict("segment-used", "Something leans on this segment.", help="Change that first.", name=users[0], number=len(users))


def sleepers(organisation_id: str, months: int) -> Segment:
    """Those whom mail has not moved for so many months."""
    return Segment("", organisation_id, "", ruling.checked(segment_sleepers.rules(months)))


async def set_aside(house: House, organisation_id: str, months: int, name: str, actor: Actor) -> str:
    """Give sleepers the tag, at most AT_ONCE of them; the id of the frozen segment that keeps who they were, by which it is undone."""
    now = house.clock.now()
    async with house.database.write() as connection:
        wanted = sleepers(organisation_id, months)
        found = await segments.members(connection, wanted, now, limit=AT_ONCE)
        if not found:
            raise Conflict("segment-nobody", "Nobody is in it.", help="Choose another span of time.")
        kept = replace(wanted, name=_name(name), kind=SegmentKind.FROZEN, origin=SLEEPERS, created_by=actor.name, filled_at=now)
        made = await segments.add(connection, kept, now)
        for start in range(0, len(found), segments.PAGE):
            some = found[start : start + segments.PAGE]
            await segments.fill(connection, organisation_id, made, some)
            await segment_tags.put(connection, organisation_id, some, segment_sleepers.TAG, now)
        await _note(connection, organisation_id, actor, "segment.set-aside", made, now, members=len(found), months=months)
    return made


async def take_back(house: House, organisation_id: str, segment_id: str, actor: Actor) -> int:
    """Undo setting aside: the tag goes from those who got it by it; how many."""
    now, after, number = house.clock.now(), "", 0
    async with house.database.write() as connection:
        segment = await segments.get(connection, organisation_id, segment_id)
        if segment.origin != SLEEPERS:
            raise Conflict("segment-not-aside", "Nobody was set aside by this segment.", help="Look for it in the list of segments.")
        await _check_free(connection, organisation_id, segment_id)
        while some := await segments.members(connection, segment, now, after=after):
            await segment_tags.take(connection, organisation_id, some, segment_sleepers.TAG, now)
            after, number = some[-1], number + len(some)
        await segments.change(connection, organisation_id, segment_id, now, removed_at=now)
        await segments.empty(connection, segment_id)
        await _note(connection, organisation_id, actor, "segment.take-back", segment_id, now, members=number)
    return number


async def reckon(house: House, organisation_id: str) -> int:
    """Recency, frequency and amount of all customers anew; how many there are."""
    return await rfm.make(house.database, organisation_id, MAP, house.clock.now())


async def reckon_stale(house: House) -> None:
    """The same for every organisation whose scores are a day old or behind its purchases. Twice changes nothing."""
    async with house.database.read() as connection:
        wanted = await rfm.stale(connection, house.clock.now())
    for organisation_id in wanted:
        await reckon(house, organisation_id)


async def _note(
    connection: AsyncConnection, organisation_id: str, actor: Actor, action: str, subject: str, now: datetime, **detail: Any
) -> None:
    told: Mapping[str, Any] = detail
    await people.note(
        connection, organisation_id=organisation_id, actor=actor.name, action=action, subject=subject, now=now, detail=dict(told)
    )
