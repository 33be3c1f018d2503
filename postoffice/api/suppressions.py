"""The suppression list over REST: what a CRM must not use, and what it says must not be used. Hashes never leave the house."""

from datetime import datetime

from pydantic import Field

from postoffice.actions import listing
from postoffice.api.call import Call
from postoffice.api.shapes import Id, Input, Line, Output, Text
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import NotAllowed
from postoffice.store import suppressions
from postoffice.store.suppressions import Filter


class SuppressionsQuery(Input):
    """Which lines, newest first. An address is looked for by `POST /suppressions/search`: it must not stand in a URL."""

    channel: Channel | None = None
    reason: str = Field("", max_length=40)
    active: bool | None = Field(None, description="true: in force; false: ended or lifted")
    contact: Id | None = None
    mailing: Id | None = None
    after: Id | None = Field(None, description="the last id of the page before")
    limit: int = Field(50, ge=1, le=200)


class Suppression(Output):
    """A line. `purpose` null: all purposes; `contact` null: it is not known whose address it is."""

    id: str
    channel: Channel
    purpose: Purpose | None
    reason: str
    origin: str
    note: str
    active: bool
    created_at: datetime
    expires_at: datetime | None
    lifted_at: datetime | None
    lifted_reason: str
    contact: str | None
    mailing: str | None


class Suppressions(Output):
    """A page of the list."""

    data: list[Suppression]
    next: str | None = Field(description="give it as `after`; null: that was all")


class NewSuppression(Input):
    """An address that must not be used any more."""

    channel: Channel
    address: Text = Field(min_length=3, max_length=600, description="e-mail address, number, or all lines of a postal address")
    purpose: Purpose | None = Field(None, description="null: for all purposes")
    note: Line = Field("", max_length=300)
    days: int = Field(0, ge=0, le=listing.LONGEST, description="0: without end")


class WantedAddress(Input):
    """An address to be looked for."""

    channel: Channel
    address: Text = Field(min_length=3, max_length=600)


async def list_suppressions(call: Call) -> Suppressions:
    """Lines of the list, newest first."""
    asked = call.asked(SuppressionsQuery)
    state = "" if asked.active is None else "active" if asked.active else "ended"
    channel = asked.channel.value if asked.channel else ""
    chosen = Filter(channel, asked.reason, state, asked.contact or "", asked.mailing or "")
    return await _page(call, chosen, asked.after or "", asked.limit)


async def search(call: Call) -> Suppressions:
    """All that is known of one address; an empty list: it was never blocked."""
    told = call.told(WantedAddress)
    return await _page(call, Filter(told.channel.value, hashes=listing.hashes(call.house, told.channel, told.address)), "", 200)


async def add(call: Call) -> Suppression:
    """Block an address; 409 where it is blocked already. Test keys block nothing real."""
    told = call.told(NewSuppression)
    if not call.key.live:
        raise NotAllowed("test-key", "A test key blocks nothing real.", help="Use a live key.")
    made = await listing.add(
        call.house,
        call.organisation_id,
        call.actor,
        channel=told.channel,
        typed=told.address,
        purpose=told.purpose,
        note=told.note,
        days=told.days,
    )
    async with call.house.database.read() as connection:
        return _shape(await suppressions.get(connection, call.organisation_id, made), call.house.clock.now())


async def _page(call: Call, chosen: Filter, after: str, limit: int) -> Suppressions:
    now = call.house.clock.now()
    async with call.house.database.read() as connection:
        found = await suppressions.page(connection, call.organisation_id, chosen, now, before=after, limit=limit + 1)
    more = found[limit - 1].id if len(found) > limit else None
    return Suppressions(data=[_shape(one, now) for one in found[:limit]], next=more)


def _shape(one: suppressions.Suppression, now: datetime) -> Suppression:
    return Suppression(
        id=one.id,
        channel=Channel(one.channel),
        purpose=Purpose(one.purpose) if one.purpose else None,
        reason=one.reason,
        origin=one.origin,
        note=one.note,
        active=one.holds(now),
        created_at=one.created_at,
        expires_at=one.expires_at,
        lifted_at=one.lifted_at,
        lifted_reason=one.lifted_reason,
        contact=one.contact_id,
        mailing=one.mailing_id,
    )
