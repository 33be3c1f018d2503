"""What people and programs do to contacts: write one down, correct it, note a consent, merge, part, decide a doubt, erase.

Each is one transaction with its line in the audit trail. Refusals are the business of `optouts`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.compose.values import check_email, check_number
from postoffice.contacts.keys import card_text, external, keys_of
from postoffice.contacts.match import match_text
from postoffice.contacts.words import tokens
from postoffice.house import House
from postoffice.model.address import PostalAddress
from postoffice.model.consent import Entry, Means
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.states import EventKind
from postoffice.store import consents, contact_book, contact_keys, contacts, doubts, erasing, events, items, merges, people
from postoffice.store.contact_book import FullContact, NewContact
from postoffice.store.contact_search import Look

COLUMNS = ("kind", "name", "company", "language", "preferred_channel", "external_ids", "attributes", "tags")
POINTS = ("post", "email", "sms", "fax")
#: how a consent that is noted by hand may have been given
GIVEN_BY = (Means.FORM, Means.LETTER, Means.PHONE, Means.EMAIL)
Value = str | PostalAddress


async def create(
    house: House, organisation_id: str, values: Mapping[str, Any], points: Mapping[str, Sequence[Value]], actor: Actor
) -> str:
    """A new contact; its id. `values`: some of COLUMNS; `points`: channel -> addresses, the one to use first in front.

    PostOfficeError bad-email, bad-mobile, bad-fax, nobody; Conflict where another one has its external number.
    """
    async with house.database.write() as connection:
        return await add(house, connection, organisation_id, values, points, actor)


async def add(
    house: House,
    connection: AsyncConnection,
    organisation_id: str,
    values: Mapping[str, Any],
    points: Mapping[str, Sequence[Value]],
    actor: Actor,
) -> str:
    """`create` within the caller's transaction."""
    fresh = _points(points)
    plain = _values(values)
    plain["name"] = plain.get("name") or plain.get("company") or next((value for _channel, value, _address in fresh), "")
    if not plain["name"]:
        raise PostOfficeError("nobody", "Nothing says who this contact is.", help="Give a name, a company, or an address.")
    contact_id, now = new_id(), house.clock.now()
    key = await _match_key(house, connection, organisation_id, contact_id, fresh)
    await _numbers_free(connection, organisation_id, plain.get("external_ids", {}), contact_id)
    new = NewContact(plain | {"match_key": key}, fresh, _keys(plain, [address for _c, _v, address in fresh if address]), contact_id)
    try:
        async with connection.begin_nested():
            await contact_book.add_all(connection, organisation_id, [new], now)
    except IntegrityError:  # somebody at the same place was written down this very moment
        own = replace(new, values=plain | {"match_key": _own_key(house, organisation_id, contact_id)})
        await contact_book.add_all(connection, organisation_id, [own], now)
    await _note(connection, organisation_id, actor, "contact.create", contact_id, now)
    return contact_id


async def update(
    house: House, organisation_id: str, contact_id: str, values: Mapping[str, Any], points: Mapping[str, Sequence[Value]], actor: Actor
) -> None:
    """Correct a contact: columns that are named take their new value, channels that are named have these addresses from now on.

    An address that stays keeps its health. Conflict for one that was erased or merged.
    """
    fresh, plain, now = _points(points), _values(values), house.clock.now()
    async with house.database.write() as connection:
        known = await _alive(connection, organisation_id, contact_id)
        await _numbers_free(connection, organisation_id, plain.get("external_ids", {}), contact_id)
        wanted = {(channel, value) for channel, value, _address in fresh}
        gone = [one.id for one in known.points if one.channel in points and (one.channel, one.value) not in wanted]
        there = {(one.channel, one.value) for one in known.points}
        await contact_book.remove_points(connection, organisation_id, gone)
        added = [one for one in fresh if one[:2] not in there]
        await contact_book.change(connection, organisation_id, contact_id, plain, added, now)
        await contact_book.set_order(connection, contact_id, [(channel, value) for channel, value, _address in fresh])
        await refresh(connection, organisation_id, contact_id)
        detail = {"fields": sorted([*plain, *points])}
        event = events.NewEvent(
            organisation_id, EventKind.EDITED, _source(actor), now, contact_id=contact_id, actor_id=actor.user_id, detail=detail
        )
        await events.add(connection, [event], now)
        await _note(connection, organisation_id, actor, "contact.update", contact_id, now, **detail)


async def refresh(connection: AsyncConnection, organisation_id: str, contact_id: str) -> None:
    """Make the index of a contact anew."""
    one = await contact_book.get(connection, organisation_id, contact_id)
    addresses = [point.address for point in one.points if point.address and point.contact_id == contact_id]
    shape = {"name": one.name, "company": one.company, "external_ids": one.external_ids, "tags": one.tags}
    await contact_keys.replace(connection, organisation_id, contact_id, _keys(shape, addresses))


def _keys(values: Mapping[str, Any], addresses: Sequence[PostalAddress]) -> frozenset[contact_keys.Key]:
    return keys_of(
        values.get("name", ""), values.get("company", ""), addresses, values.get("external_ids") or {}, values.get("tags") or ()
    )


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: values[name] for name in COLUMNS if name in values}
    for name in ("name", "company"):
        if name in found:
            found[name] = " ".join(str(found[name]).split())[:300]
    if "preferred_channel" in found:
        found["preferred_channel"] = found["preferred_channel"] or None
    if "tags" in found:
        found["tags"] = sorted({tag.strip()[:60] for tag in found["tags"] if tag.strip()})
    return found


def _points(points: Mapping[str, Sequence[Value]], country: str = "FR") -> list[contact_book.Place]:
    made: dict[tuple[str, str], contact_book.Place] = {}
    for channel in POINTS:
        for value in points.get(channel, ()):
            place = _place(channel, value, country)
            if place[1]:
                made[place[:2]] = place
    return list(made.values())


def _place(channel: str, value: Value, country: str) -> contact_book.Place:
    if isinstance(value, PostalAddress):
        return channel, ", ".join(value.lines)[:500], value
    if channel == "email":
        return channel, check_email(value).lower(), None
    return channel, check_number("mobile" if channel == "sms" else "fax", value, country), None


async def _match_key(
    house: House, connection: AsyncConnection, organisation_id: str, contact_id: str, points: Sequence[contact_book.Place]
) -> str:
    by = {channel: [value for one, value, _address in points if one == channel] for channel in POINTS}
    address = next((address for _channel, _value, address in points if address), None)
    text = card_text(address, by["email"], by["sms"], by["fax"])
    key = house.keyring.blind(f"contact|{organisation_id}|{text}")
    if not text or await contact_book.by_match_keys(connection, organisation_id, [key]):
        return _own_key(house, organisation_id, contact_id)
    return key


def _own_key(house: House, organisation_id: str, contact_id: str) -> str:
    """The match key of a contact at whose place another one is known."""
    return house.keyring.blind(f"contact|{organisation_id}|id|{contact_id}")


async def _numbers_free(connection: AsyncConnection, organisation_id: str, numbers: Mapping[str, str], contact_id: str) -> None:
    wanted = [external(system, number) for system, number in numbers.items()]
    held = await contact_keys.holders(connection, organisation_id, "x", wanted)
    if any(owner != contact_id for owners in held.values() for owner in owners):
        raise Conflict("external-id-taken", "Another contact has this number already.", help="Look for it, or merge the two contacts.")


async def _alive(connection: AsyncConnection, organisation_id: str, contact_id: str) -> FullContact:
    """A contact that stays as it is until the transaction ends. Conflict where it was erased or merged."""
    held = await contact_book.hold(connection, organisation_id, [contact_id])
    one = await contact_book.get(connection, organisation_id, contact_id)
    if one.id not in held or one.merged_into:
        raise Conflict("contact-gone", "This contact was erased or merged with another one.", help="Open the one that stands for it.")
    return one


async def by_number(house: House, organisation_id: str, system: str, number: str) -> str | None:
    """The contact that another program knows by this number."""
    async with house.database.read() as connection:
        held = await contact_keys.holders(connection, organisation_id, "x", [external(system, number)])
    return next((ids[0] for ids in held.values()), None)


async def give_consent(
    house: House,
    organisation_id: str,
    contact_id: str,
    actor: Actor,
    *,
    purpose: str,
    channel: str,
    means: Means,
    proof: Mapping[str, Any],
) -> None:
    """Note that a contact allows something, with its proof (form, letter, call, the program's own)."""
    now = house.clock.now()
    async with house.database.write() as connection:
        await _alive(connection, organisation_id, contact_id)
        told = {**proof, "by": actor.name}
        await consents.add(connection, organisation_id, [(contact_id, Entry(purpose, channel, True, now, means, told))])
        detail = {"purpose": purpose, "channel": channel, "means": means.value}
        await _note(connection, organisation_id, actor, "contact.consent", contact_id, now, **detail)


async def merge(house: House, organisation_id: str, kept_id: str, gone_id: str, actor: Actor, reason: str = "") -> str:
    """Let one contact stand for another; the merge's id, by which it can be undone."""
    now = house.clock.now()
    async with house.database.write() as connection:
        merge_id = await merges.merge(connection, organisation_id, kept_id, gone_id, actor.name, reason, now)
        await _note(connection, organisation_id, actor, "contact.merge", kept_id, now, gone=gone_id, merge=merge_id)
    return merge_id


async def part(house: House, organisation_id: str, merge_id: str, actor: Actor) -> str:
    """Undo a merge; the id of the contact that stands for itself again."""
    now = house.clock.now()
    async with house.database.write() as connection:
        one = await merges.part(connection, organisation_id, merge_id, now)
        await _note(connection, organisation_id, actor, "contact.part", one.kept_id, now, gone=one.gone_id, merge=merge_id)
    return one.gone_id


async def decide(house: House, organisation_id: str, item_id: str, chosen: str, actor: Actor) -> None:
    """A doubt's end: `chosen` is one of its candidates, or "" for none of them. What is said is remembered for the next mailing."""
    now = house.clock.now()
    async with house.database.write() as connection:
        doubt = await doubts.get(connection, organisation_id, item_id)
        if chosen and chosen not in {one["contact"] for one in doubt.candidates}:
            raise Conflict("no-candidate", "This contact is none of those to choose from.", help="Reload the page.")
        if not await doubts.decide(connection, doubt, "same" if chosen else "new", chosen or None, actor.name, now):
            raise Conflict("decided", "Somebody else has decided this already.", help="Reload the page.")
        item = await items.get(connection, item_id, organisation_id)
        text = match_text(item)
        if chosen:
            await _same(house, connection, organisation_id, item_id, item.contact_id, chosen, text, actor, now)
        elif item.contact_id is None and text:
            await _other(house, connection, organisation_id, item_id, item.address, text, now)
        await _note(connection, organisation_id, actor, "contact.decide", item_id, now, contact=chosen)


async def _same(
    house: House,
    connection: AsyncConnection,
    organisation_id: str,
    item_id: str,
    has: str | None,
    chosen: str,
    text: str,
    actor: Actor,
    now: datetime,
) -> None:
    chosen = await merges.standing_for(connection, organisation_id, chosen)
    has = await merges.standing_for(connection, organisation_id, has) if has else None
    if has and has != chosen:  # it was sent meanwhile: planning made a contact of its own
        await merges.merge(connection, organisation_id, chosen, has, actor.name, "decided", now)
    elif text:
        await _alive(connection, organisation_id, chosen)
        key = house.keyring.blind(f"contact|{organisation_id}|{text}")
        await contact_keys.write(connection, organisation_id, [(chosen, [(contact_keys.LEARNT, key)])])
    if not has:
        await doubts.set_contact(connection, item_id, chosen, {"by": "decided", "score": 1.0, "filled": []}, now)


async def _other(
    house: House,
    connection: AsyncConnection,
    organisation_id: str,
    item_id: str,
    address: PostalAddress | None,
    text: str,
    now: datetime,
) -> None:
    """A contact of its own at once, so that the next mailing finds it; one for all letters to the same stranger."""
    key = house.keyring.blind(f"contact|{organisation_id}|{text}")
    name = address.name if address else text.partition("|")[2]
    points = [("post", ", ".join(address.lines), address.as_dict())] if address else []
    wanted = {"name": name, "points": points, "keys": _keys({"name": name}, [address] if address else [])}
    contact_id = (await contacts.find_or_add(connection, organisation_id, {key: wanted}, now))[key]
    await doubts.set_contact(connection, item_id, contact_id, {"by": "decided", "score": 1.0, "filled": []}, now)


async def erase(house: House, organisation_id: str, contact_id: str, actor: Actor, reason: str) -> erasing.Kept:
    """Forget a person: name, addresses, what was learnt of them. What is kept, and why, is told; refusals go on holding."""
    now = house.clock.now()
    async with house.database.write() as connection:
        await contact_book.hold(connection, organisation_id, await merges.group(connection, organisation_id, contact_id))
        group = await merges.group(connection, organisation_id, contact_id)  # again: it may have been merged until it was held
        if not group:
            await contact_book.get(connection, organisation_id, contact_id)  # NotFound
        kept = await erasing.erase(connection, organisation_id, group, now)
        await _note(connection, organisation_id, actor, "contact.erase", contact_id, now, reason=reason[:40], **kept.as_dict())
    return kept


def _source(actor: Actor) -> str:
    return "staff" if actor.user_id else "office"


async def _note(
    connection: AsyncConnection, organisation_id: str, actor: Actor, action: str, subject: str, now: datetime, **detail: Any
) -> None:
    await people.note(
        connection, organisation_id=organisation_id, actor=actor.name, action=action, subject=subject, now=now, detail=detail
    )


def look_for(text: str, tag: str = "", channel: str = "", health: str = "") -> Look:
    """What somebody typed, as a look: an address or a number as it stands, else words."""
    typed = text.strip()
    digits = sum(letter.isdigit() for letter in typed)
    exact = "@" in typed or (digits and (" " not in typed or digits >= 6))
    bare = typed.replace(" ", "").replace(".", "")
    if exact and "@" not in typed and bare.startswith("0") and bare.isdigit() and digits >= 6:
        typed = "+33" + bare[1:]
    words = tuple(word for word in tokens(text) if len(word) > 1)
    return Look(words, typed.lower() if "@" in typed else typed if exact else "", tag, channel, health)
