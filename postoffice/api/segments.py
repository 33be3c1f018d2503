"""Segments over REST: rules are kept, counted, and asked for their members, page by page."""

from datetime import datetime
from typing import Any

from pydantic import Field, JsonValue

from postoffice.actions import segments as acts
from postoffice.api.call import Call, Route
from postoffice.api.shapes import Id, Input, Line, Output
from postoffice.campaigns import rules as ruling
from postoffice.campaigns.segment_words import sentence
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.people import Right
from postoffice.model.segment import Segment as Kept
from postoffice.model.segment import SegmentKind
from postoffice.store import segments
from postoffice.words import Words

_RULES = (
    'a tree: {"all": [...]}, {"any": [...]}, {"not": ...}, or a rule such as {"on": "tag", "value": "vip"}, '
    '{"on": "bought", "test": "times", "at": "least", "value": 1, "days": 90}, '
    '{"on": "event", "kind": "clicked", "days": 30}, {"on": "consent", "purpose": "promotion", "channel": "email", "state": "given"}'
)
Rules = dict[str, JsonValue]


class SegmentsQuery(Input):
    """A page of the list, newest first."""

    after: Id | None = Field(None, description="the last id of the page before")
    limit: int = Field(50, ge=1, le=200)


class MembersQuery(Input):
    """A page of the members, in the order of their ids."""

    after: Id | None = Field(None, description="the last id of the page before")
    limit: int = Field(1000, ge=1, le=5000)


class NewSegment(Input):
    """A segment to be kept."""

    name: Line = Field(min_length=1, max_length=200)
    rules: Rules = Field(description=_RULES)


class SegmentChange(Input):
    """Another name or other rules; what is absent stays."""

    name: Line | None = Field(None, min_length=1, max_length=200)
    rules: Rules | None = Field(None, description=_RULES)


class Segment(Output):
    """A segment. `sentence` tells its rules in English."""

    id: Id
    name: str
    kind: SegmentKind
    rules: dict[str, Any]
    sentence: str
    created_at: datetime | None
    updated_at: datetime | None
    filled_at: datetime | None = Field(description="when a frozen one took its members")


class Segments(Output):
    """A page of the list."""

    data: list[Segment]
    next: str | None = Field(description="give it as `after`; null: that was all")


class Count(Output):
    """How many contacts are in it now."""

    count: int
    at: datetime


class Members(Output):
    """Ids of contacts, ascending."""

    data: list[Id]
    next: str | None = Field(description="give it as `after`; null: that was all")


async def list_segments(call: Call) -> Segments:
    """The list, newest first."""
    asked = call.asked(SegmentsQuery)
    async with call.house.database.read() as connection:
        found = await segments.page(connection, call.organisation_id, after=asked.after or "", limit=asked.limit + 1)
    data = [await _shown(call, one) for one in found[: asked.limit]]
    return Segments(data=data, next=found[asked.limit - 1].id if len(found) > asked.limit else None)


async def add_segment(call: Call) -> Segment:
    """Keep one; 422 tells which rule is wrong (`place`) and why."""
    told = call.told(NewSegment)
    made = await acts.create(call.house, call.organisation_id, told.name, told.rules, call.actor)
    return await _shown(call, await _get(call, made))


async def get_segment(call: Call) -> Segment:
    """One segment."""
    return await _shown(call, await _get(call, _id(call)))


async def change_segment(call: Call) -> Segment:
    """Rename it or give it other rules; 409 for other rules of a frozen one."""
    told, there = call.told(SegmentChange), await _get(call, _id(call))
    rules = there.rules if told.rules is None else told.rules
    await acts.update(call.house, call.organisation_id, there.id, told.name or there.name, rules, call.actor)
    return await _shown(call, await _get(call, there.id))


async def remove_segment(call: Call) -> Segment:
    """Take it away; 409 while something leans on it."""
    there = await _get(call, _id(call))
    await acts.remove(call.house, call.organisation_id, there.id, call.actor)
    return await _shown(call, there)


async def count_segment(call: Call) -> Count:
    """How many are in it now."""
    there, now = await _get(call, _id(call)), call.house.clock.now()
    async with call.house.database.read() as connection:
        return Count(count=await segments.count(connection, there, now), at=now)


async def list_members(call: Call) -> Members:
    """Who is in it now: contacts that stand for themselves and were not erased."""
    asked, there, now = call.asked(MembersQuery), await _get(call, _id(call)), call.house.clock.now()
    async with call.house.database.read() as connection:
        found = await segments.members(connection, there, now, after=asked.after or "", limit=asked.limit)
    return Members(data=found, next=found[-1] if len(found) == asked.limit else None)


def _id(call: Call) -> str:
    found = call.request.match_info["segment_id"]
    if not is_id(found):
        raise NotFound("no-such-segment", "There is no such segment.", help="Keys see their own organisation only.")
    return found


async def _get(call: Call, segment_id: str) -> Kept:
    async with call.house.database.read() as connection:
        return await segments.get(connection, call.organisation_id, segment_id)


async def _shown(call: Call, one: Kept) -> Segment:
    others = [str(rule["value"]) for rule in ruling.leaves(one.rules) if rule["on"] == "segment"]
    async with call.house.database.read() as connection:
        names = await segments.names(connection, call.organisation_id, others)
    plain = {name: getattr(one, name) for name in ("id", "name", "kind", "created_at", "updated_at", "filled_at")}
    return Segment(**plain, rules=dict(one.rules), sentence=sentence(Words("en"), one.rules, names))


_ONE = "/segments/{segment_id}"
SEGMENT_ROUTES: tuple[Route, ...] = (
    Route("GET", "/segments", Right.SEE, list_segments, "List the segments", Segments, query=SegmentsQuery),
    Route("POST", "/segments", Right.SUBMIT, add_segment, "Keep a segment", Segment, status=201, body=NewSegment, problems=(400,)),
    Route("GET", _ONE, Right.SEE, get_segment, "A segment", Segment),
    Route("PATCH", _ONE, Right.SUBMIT, change_segment, "Change a segment", Segment, body=SegmentChange, problems=(400, 409)),
    Route("DELETE", _ONE, Right.SUBMIT, remove_segment, "Take a segment away", Segment, problems=(409,)),
    Route("GET", _ONE + "/count", Right.SEE, count_segment, "How many contacts are in a segment", Count, problems=(409,)),
    Route("GET", _ONE + "/members", Right.SEE, list_members, "Who is in a segment", Members, query=MembersQuery, problems=(409,)),
)
