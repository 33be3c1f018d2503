"""Contacts over REST: changes since a cursor, search, write, correct, erase, consents, merge."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any

from postoffice.actions import addressbook, optouts
from postoffice.api import contact_shapes as shapes
from postoffice.api.call import Call
from postoffice.api.problems import invalid_field
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import ALL, Means
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.privacy import ledger
from postoffice.store import consents, contact_book, contact_search, merges
from postoffice.store.contact_book import FullContact

#: a transaction may end this long after the moment that it wrote: changes of the last moments are told again
_OVERLAP = timedelta(seconds=30)
_POINTS = {"addresses": "post", "emails": "email", "mobiles": "sms", "faxes": "fax"}


async def list_contacts(call: Call) -> shapes.ContactPage:
    """Contacts in the order of their changes, erased and merged ones included, so that a copy can follow; or what a search finds."""
    asked = call.asked(shapes.ContactsQuery)
    if asked.number is not None or asked.search or asked.tag:
        return await _search(call, asked)
    since = _place(asked.since)
    now = call.house.clock.now()
    async with call.house.database.read() as connection:
        found = await contact_search.changed(connection, call.organisation_id, since, asked.limit + 1)
        page = found[: asked.limit]
        people = await contact_book.by_ids(connection, call.organisation_id, [contact_id for contact_id, _at in page])
    more = len(found) > asked.limit
    last = (page[-1][1], page[-1][0]) if page else since or (datetime(1970, 1, 1, tzinfo=UTC), "")
    if not more and last[0] > now - _OVERLAP:
        last = (now - _OVERLAP, "")
    data = [shown(call, people[contact_id]) for contact_id, _at in page if contact_id in people]
    return shapes.ContactPage(data=data, next=_cursor(*last), more=more)


async def _search(call: Call, asked: shapes.ContactsQuery) -> shapes.ContactPage:
    async with call.house.database.read() as connection:
        if asked.number is not None:
            wanted = [await addressbook.by_number(call.house, call.organisation_id, asked.system or "", asked.number)]
        else:
            look = addressbook.look_for(asked.search, asked.tag)
            wanted = list(await contact_search.page(connection, call.organisation_id, look, limit=asked.limit))
        people = await contact_book.by_ids(connection, call.organisation_id, [one for one in wanted if one])
    data = [shown(call, people[one]) for one in wanted if one in people]
    return shapes.ContactPage(data=data, next=_cursor(call.house.clock.now() - _OVERLAP, ""), more=False)


def _cursor(moment: datetime, contact_id: str) -> str:
    return base64.urlsafe_b64encode(f"{moment.isoformat()}|{contact_id}".encode()).decode().rstrip("=")


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    try:
        moment, _, contact_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition("|")
        place = datetime.fromisoformat(moment)
        if place.tzinfo is None or not (contact_id == "" or is_id(contact_id)):
            raise ValueError
        return place, contact_id
    except (ValueError, binascii.Error):
        raise invalid_field("since", "This is no cursor that the office gave.") from None


def shown(call: Call, one: FullContact) -> shapes.Contact:
    """A contact as it travels."""
    points = [
        shapes.Point(
            channel=Channel(point.channel),
            value=point.value,
            lines=list(point.address.lines) if point.address else [],
            health=point.health,
            health_reason=point.health_reason,
            health_at=point.health_at,
        )
        for point in one.points
    ]
    named = ("id", "kind", "name", "company", "language", "merged_into", "created_at", "updated_at")
    return shapes.Contact(
        **{name: getattr(one, name) for name in named},
        preferred_channel=Channel(one.preferred_channel) if one.preferred_channel else None,
        points=points,
        external_ids=dict(one.external_ids),
        attributes=dict(one.attributes),
        tags=list(one.tags),
        erased=one.erased_at is not None,
        page=f"{call.house.url}/contacts/{one.id}",
    )


def _id(call: Call) -> str:
    found = call.request.match_info["contact_id"]
    if not is_id(found):
        raise NotFound("no-such-contact", "There is no such contact.", help="Keys see their own organisation only.")
    return found


async def _get(call: Call, contact_id: str) -> shapes.Contact:
    async with call.house.database.read() as connection:
        return shown(call, await contact_book.get(connection, call.organisation_id, contact_id))


async def get_contact(call: Call) -> shapes.Contact:
    """One contact; one that was merged says into which, one that was erased says no more than that."""
    return await _get(call, _id(call))


async def create_contact(call: Call) -> shapes.Contact:
    """A new contact. 409 where another one has one of its external ids: see PUT for "write it, whether it is there or not"."""
    values, points = _told(call.told(shapes.ContactChange), whole=True)
    return await _get(call, await addressbook.create(call.house, call.organisation_id, values, points, call.actor))


async def change_contact(call: Call) -> shapes.Contact:
    """Correct a contact: what is absent stays."""
    contact_id = _id(call)
    values, points = _told(call.told(shapes.ContactChange))
    await addressbook.update(call.house, call.organisation_id, contact_id, values, points, call.actor)
    return await _get(call, contact_id)


async def put_contact(call: Call) -> shapes.Contact:
    """The contact that a program knows by this number: corrected where it is there, written where it is not."""
    system, number = call.request.match_info["system"], call.request.match_info["number"][:58]
    told = call.told(shapes.ContactChange)
    values, points = _told(told)
    known = await addressbook.by_number(call.house, call.organisation_id, system, number)
    if known is None:
        values, points = _told(told, whole=True)
        values["external_ids"] = {**values.get("external_ids", {}), system: number}
        return await _get(call, await addressbook.create(call.house, call.organisation_id, values, points, call.actor))
    if "external_ids" in values:
        values["external_ids"] = {**values["external_ids"], system: number}
    await addressbook.update(call.house, call.organisation_id, known, values, points, call.actor)
    return await _get(call, known)


def _told(change: shapes.ContactChange, *, whole: bool = False) -> tuple[dict[str, Any], dict[str, list[addressbook.Value]]]:
    named = change.model_fields_set if not whole else set(shapes.ContactChange.model_fields)
    values = {name: getattr(change, name) for name in named if name in addressbook.COLUMNS}
    points: dict[str, list[addressbook.Value]] = {}
    for name, channel in _POINTS.items():
        if name in named:
            points[channel] = [_address(one) if isinstance(one, shapes.PostalAddress) else one for one in getattr(change, name)]
    return values, points


def _address(one: shapes.PostalAddress) -> PostalAddress:
    return PostalAddress(tuple(one.lines), one.postcode, one.town, one.country)


async def erase_contact(call: Call) -> shapes.Erased:
    """Forget a person. What must be kept is told; refusals go on holding, as keyed hashes."""
    contact_id = _id(call)
    kept = await addressbook.erase(call.house, call.organisation_id, contact_id, call.actor, call.told(shapes.Removal).reason)
    return shapes.Erased(id=contact_id, **kept.as_dict())


async def list_consents(call: Call) -> shapes.Consents:
    """The ledger of a contact, with those that it stands for, and what it comes to."""
    return await _ledger(call, _id(call))


async def _ledger(call: Call, contact_id: str) -> shapes.Consents:
    async with call.house.database.read() as connection:
        await contact_book.get(connection, call.organisation_id, contact_id)
        lines = (await consents.of_contacts(connection, call.organisation_id, [contact_id])).get(contact_id, [])
    standing = {
        purpose.value: {channel.value: ledger.standing(lines, purpose.value, channel.value) for channel in Channel}
        for purpose in Purpose
    }
    data = [
        shapes.Consent(
            purpose=one.purpose, channel=one.channel, given=one.given, at=one.at, means=one.means.value, proof=dict(one.proof)
        )
        for one in lines
    ]
    return shapes.Consents(data=data, standing=standing)


async def add_consent(call: Call) -> shapes.Consents:
    """Note a consent or a refusal. A refusal holds at once, also for what is queued already."""
    contact_id, told = _id(call), call.told(shapes.ConsentChange)
    means = told.means if told.means is not Means.COMPLAINT else Means.API
    if told.given:
        await addressbook.give_consent(
            call.house,
            call.organisation_id,
            contact_id,
            call.actor,
            purpose=str(told.purpose),
            channel=str(told.channel),
            means=means,
            proof=told.proof,
        )
    else:
        if told.purpose not in (ALL, *Purpose):
            raise invalid_field("purpose", "A refusal is of a purpose of mailings, or of all (*).")
        await optouts.opt_out(
            call.house,
            call.organisation_id,
            contact_id,
            call.actor,
            means=means,
            purposes=None if told.purpose == ALL else (Purpose(told.purpose),),
            channel=None if told.channel == ALL else Channel(told.channel),
            proof=told.proof,
        )
    return await _ledger(call, contact_id)


async def merge_contact(call: Call) -> shapes.Merged:
    """Let this contact stand for another one; nothing is moved, so that it can be undone."""
    contact_id, told = _id(call), call.told(shapes.MergeRequest)
    merge_id = await addressbook.merge(call.house, call.organisation_id, contact_id, told.gone, call.actor, told.reason)
    return shapes.Merged(merge_id=merge_id, contact=await _get(call, contact_id))


async def part_contact(call: Call) -> shapes.Contact:
    """Undo a merge: the contact that stands for itself again."""
    contact_id, merge_id = _id(call), call.request.match_info["merge_id"]
    async with call.house.database.read() as connection:
        known = {one.id for one in await merges.of_contact(connection, call.organisation_id, contact_id)}
    if merge_id not in known:
        raise NotFound("no-such-merge", "This contact has no such merge.", help="Read it again: it may be undone already.")
    return await _get(call, await addressbook.part(call.house, call.organisation_id, merge_id, call.actor))
