"""Match: each item of a mailing finds its contact, as soon as the mailing was read and again before it is planned; what is missing
of e-mail, mobile and fax is filled in from the contact, and what is doubtful waits for a person. Nothing is merged here."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.contacts.choose import Candidate, Choice, choose
from postoffice.contacts.keys import SPLIT, references_of
from postoffice.contacts.match import match_text
from postoffice.contacts.score import blocks, traits_of
from postoffice.house import House
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, contact_book, contact_keys, doubts, rows, statistics
from postoffice.store.batches import Batch
from postoffice.store.contact_book import Card, FullContact
from postoffice.store.deliveries import LostLease

SLICE = 500
_MOST_SHARED = 20  # contacts that share a mailbox or a number: more of them say nothing
_MOST_BLOCK = 80  # of a block; the other blocks of an item are finer
_MOST_CANDIDATES = 40
_NEAR = 2  # keys that whoever is surely meant shares at least: postcode with a word of the name, with the door, name with the door
_FILLS = {"email": "email", "mobile": "sms", "fax": "fax"}


async def match_mailing(house: House, batch: Batch, mailing: Mailing, stop: Stop) -> None:
    """Match all items that nobody looked at yet, slice by slice."""
    after: int | None = 0
    while after is not None:
        stop.check()
        await statistics.refresh(house.database)
        now = house.clock.now()
        async with house.database.write() as connection:
            if not await batches.renew(connection, batch, now, house.lease):
                raise LostLease(batch.id)
            some = [rows.item(row) for row in await doubts.unmatched(connection, mailing.id, after, SLICE)]
            await place(house, connection, mailing.organisation_id, some, now)
        after = some[-1].position if some else None


async def place(house: House, connection: AsyncConnection, organisation_id: str, some: Sequence[Item], now: datetime) -> list[Item]:
    """Find the contacts of some items and write what was found; the items as they are then."""
    found = await look(house, connection, organisation_id, some, now)
    await doubts.matched(connection, [{"b_id": item.id, **found[item.id]} for item in some])
    return [replace(item, **found[item.id]) for item in some]


async def look(
    house: House, connection: AsyncConnection, organisation_id: str, some: Sequence[Item], now: datetime
) -> dict[str, dict[str, Any]]:
    """{item id: its columns contact_id, match, email, mobile, fax as they are to be written}; doubts are written here."""
    if not some:
        return {}
    choices = await find(house, connection, organisation_id, some)
    chosen = {choice.contact_id for choice in choices.values() if choice.contact_id}
    held = await contact_book.hold(connection, organisation_id, chosen, shared=True)  # who is erased meanwhile is nobody's contact
    choices |= {item_id: Choice() for item_id, choice in choices.items() if choice.contact_id and choice.contact_id not in held}
    people = await contact_book.by_ids(connection, organisation_id, held)
    await doubts.add(
        connection,
        organisation_id,
        [
            {"item_id": item.id, "mailing_id": item.mailing_id, "candidates": list(choices[item.id].candidates)}
            for item in some
            if choices[item.id].candidates
        ],
        now,
    )
    return {item.id: _found(item, choices[item.id], people) for item in some}


def _found(item: Item, choice: Choice, people: Mapping[str, FullContact]) -> dict[str, Any]:
    contact_id = item.contact_id or choice.contact_id
    filled = fill(item, people[contact_id]) if contact_id and contact_id in people else {}
    return {
        "contact_id": contact_id,
        "match": _told(choice.by, choice.score, tuple(sorted(filled))),
        "email": item.email,
        "mobile": item.mobile,
        "fax": item.fax,
    } | filled


@lru_cache(maxsize=100)
def _told(by: str, score: float, filled: tuple[str, ...]) -> Mapping[str, Any]:
    """How a contact was found; most of a slice were found alike, or not at all, and share one text of it."""
    return {"by": by, "score": score, "filled": list(filled)}


def fill(item: Item, contact: FullContact) -> dict[str, str]:
    """What the item lacks and its contact has, good addresses only."""
    found = {}
    for column, channel in _FILLS.items():
        if not getattr(item, column):
            value = next((point.value for point in contact.points if point.channel == channel and point.health == "good"), "")
            if value:
                found[column] = value
    return found


async def find(house: House, connection: AsyncConnection, organisation_id: str, some: Sequence[Item]) -> dict[str, Choice]:
    """{item id: the choice among its candidates}. Reads only; each slice needs a handful of queries whatever the number of contacts."""
    keys = {item.id: house.keyring.blind(f"contact|{organisation_id}|{text}") for item in some if (text := match_text(item))}
    by_key = await contact_book.by_match_keys(connection, organisation_id, keys.values())
    roads: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))  # item -> contact -> words of ROADS
    for item_id, key in keys.items():
        if key in by_key:
            roads[item_id][by_key[key]].add("key")
    await _by_numbers(connection, organisation_id, some, roads)
    rest = [item for item in some if item.id not in roads and item.address and item.address.lines]
    near, far = await _by_blocks(connection, organisation_id, rest)
    _lead(roads, near)
    choices = await _chosen(connection, organisation_id, some, roads)
    unsure = [item for item in rest if choices[item.id].contact_id is None and far[item.id]]
    _lead(roads, {item.id: far[item.id] for item in unsure})
    return choices | await _chosen(connection, organisation_id, unsure, roads)


def _lead(roads: dict[str, dict[str, set[str]]], found: Mapping[str, Sequence[str]]) -> None:
    for item_id, contact_ids in found.items():
        for contact_id in contact_ids:
            roads[item_id][contact_id].add("address")


async def _chosen(
    connection: AsyncConnection, organisation_id: str, some: Sequence[Item], roads: Mapping[str, Mapping[str, set[str]]]
) -> dict[str, Choice]:
    """{item id: the choice among those that roads lead to}."""
    mine = {item.id: roads.get(item.id, {}) for item in some}
    people = await contact_book.cards(connection, organisation_id, {one for found in mine.values() for one in found})
    return {item.id: choose(item, _candidates(mine[item.id], people)) for item in some}


def _candidates(found: Mapping[str, set[str]], people: Mapping[str, Card]) -> list[Candidate]:
    return [
        Candidate(one.id, one.name, one.company, one.addresses, frozenset(found[one.id]))
        for contact_id in found
        if (one := people.get(contact_id)) is not None
    ]


async def _by_numbers(
    connection: AsyncConnection, organisation_id: str, some: Sequence[Item], roads: dict[str, dict[str, set[str]]]
) -> None:
    """Customer numbers (of whichever program), e-mail addresses, mobiles."""
    references = {item.id: references_of(item) for item in some}
    wanted = {number for numbers in references.values() for number in numbers}
    held = await contact_keys.holders_of_numbers(connection, organisation_id, wanted, SPLIT)
    for item in some:
        for contact_id in next((held[number] for number in references[item.id] if number in held), ()):
            roads[item.id][contact_id].add("reference")
    for column, channel in (("email", "email"), ("mobile", "sms")):
        values = {getattr(item, column).lower() if column == "email" else getattr(item, column) for item in some} - {""}
        found = await contact_book.by_points(connection, organisation_id, channel, values, most=_MOST_SHARED)
        for item in some:
            for contact_id in found.get(getattr(item, column).lower(), ()):
                roads[item.id][contact_id].add(channel)


async def _by_blocks(
    connection: AsyncConnection, organisation_id: str, some: Sequence[Item]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """{item id: contacts that share at least _NEAR of its keys}, and {item id: those that share fewer}, both the likeliest first.

    Who is surely meant shares several. The others are as many as a quarter of a town: they are read where nobody near is sure.
    """
    mine = {item.id: blocks(traits_of(item.address)) for item in some if item.address}
    wanted = {block for found in mine.values() for block in found}
    held = await contact_keys.holders(connection, organisation_id, "b", wanted, most=_MOST_BLOCK)
    near: dict[str, list[str]] = {}
    far: dict[str, list[str]] = {}
    for item_id, keys in mine.items():
        shared = Counter(contact_id for key in keys for contact_id in held.get(key, ()))
        ranked = sorted(shared, key=lambda one: (-shared[one], one))[:_MOST_CANDIDATES]
        near[item_id] = [one for one in ranked if shared[one] >= _NEAR]
        far[item_id] = ranked[len(near[item_id]) :]
    return near, far
