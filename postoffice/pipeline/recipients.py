"""What is known of the recipients of some items: their contact, their wish, and which channels are closed to this mailing and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.contacts.keys import keys_of
from postoffice.contacts.match import match_text
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.consent import Entry
from postoffice.model.item import Item
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Ground, Mailing
from postoffice.privacy import ledger
from postoffice.routing import messaging
from postoffice.routing.plan import Facts
from postoffice.store import consents, contacts, suppressions

Reaches = Mapping[str, Mapping[Channel, str]]  #: item id -> what `reach_of` says


@dataclass(frozen=True, slots=True)
class Recipient:
    """One item's recipient. `contact_id` None: nothing on the item says who it is."""

    facts: Facts
    contact_id: str | None
    country: str  #: whose rules of messaging hold


async def recipients(
    house: House, connection: AsyncConnection, mailing: Mailing, some: Sequence[Item], now: datetime
) -> dict[str, Recipient]:
    """{item id: its recipient}. Contacts that are not known yet are made."""
    reaches = {item.id: reach_of(item) for item in some}
    blocked = await _suppressed(house, connection, mailing, some, reaches, now)
    found = await _contacts(house, connection, mailing, some, reaches, now)
    known = set(found.values()) - found.fresh
    people = await contacts.brief(connection, mailing.organisation_id, known) if known else {}
    ledgers = await consents.of_contacts(connection, mailing.organisation_id, known) if known else {}
    made = {}
    silent: dict[tuple[str, bool], Mapping[Channel, str]] = {}  # most have no line in the ledger: what is closed to them is the same
    for item in some:
        contact_id = found.get(item.id)
        who = people.get(contact_id or "")
        country, person = country_of(item, mailing), who is None or who.kind != "company"
        if entries := ledgers.get(contact_id or ""):
            refused = _refused(mailing, entries, country, now, person=person)
        else:
            if (country, person) not in silent:
                silent[country, person] = _refused(mailing, (), country, now, person=person)
            refused = silent[country, person]
        facts = Facts(
            reaches[item.id],
            suppressed=blocked.get(item.id, frozenset()),
            refused=refused,
            preferred=Channel(who.preferred_channel) if who and who.preferred_channel else None,
        )
        made[item.id] = Recipient(facts, contact_id, country)
    return made


def reach_of(item: Item) -> dict[Channel, str]:
    """The channels that an item has an address for."""
    found = {
        Channel.POST: item.address.name if item.address else "",
        Channel.EMAIL: item.email,
        Channel.SMS: item.mobile,
        Channel.FAX: item.fax,
    }
    return {channel: to for channel, to in found.items() if to}


def country_of(item: Item, mailing: Mailing) -> str:
    """The ISO code of the recipient's country: the address's, else that of the mailing's layout."""
    return (item.address.country if item.address else "") or LAYOUTS[mailing.layout].country


def _refused(mailing: Mailing, entries: Sequence[Entry], country: str, now: datetime, *, person: bool) -> Mapping[Channel, str]:
    purpose = mailing.options.purpose
    refused: dict[Channel, str] = {}
    for channel in Channel:
        said = ledger.standing(entries, purpose.value, channel.value)
        if said is False:
            refused[channel] = "opted-out"
        elif said is None and mailing.options.ground is Ground.CONSENT and _needed(mailing, channel, country, now, person):
            refused[channel] = "no-consent"
    return refused


def _needed(mailing: Mailing, channel: Channel, country: str, now: datetime, person: bool) -> bool:
    return messaging.needs_consent(mailing.options.purpose, channel, country, now.date(), person=person)


async def _suppressed(
    house: House, connection: AsyncConnection, mailing: Mailing, some: Sequence[Item], reaches: Reaches, now: datetime
) -> dict[str, frozenset[Channel]]:
    wanted = {
        (item.id, channel): house.keyring.blind(suppressions.normal(channel, to, item.address))
        for item in some
        for channel, to in reaches[item.id].items()
    }
    found = await suppressions.among(connection, mailing.organisation_id, mailing.options.purpose, set(wanted.values()), now)
    blocked: dict[str, frozenset[Channel]] = {}
    for (item_id, channel), blind in wanted.items():
        if (channel, blind) in found:
            blocked[item_id] = blocked.get(item_id, frozenset()) | {channel}
    return blocked


async def _contacts(
    house: House, connection: AsyncConnection, mailing: Mailing, some: Sequence[Item], reaches: Reaches, now: datetime
) -> contacts.Found:
    """{item id: contact}."""
    wanted: dict[str, dict[str, Any]] = {}
    keys: dict[str, str] = {}
    known = {item.id: item.contact_id for item in some if item.contact_id}
    for item in some:
        text = match_text(item)
        if not text or item.id in known:
            continue
        key = house.keyring.blind(f"contact|{mailing.organisation_id}|{text}")
        keys[item.id] = key
        points = [(channel.value, *_point(channel, to, item)) for channel, to in reaches[item.id].items()]
        name = item.address.name if item.address else item.email or item.mobile or item.fax
        entries = keys_of(name, "", [item.address] if item.address else [], {}, ())
        wanted[key] = {"name": name, "points": points, "keys": entries}
    found = await contacts.find_or_add(connection, mailing.organisation_id, wanted, now)
    return contacts.Found(known | {item_id: found[key] for item_id, key in keys.items()}, found.fresh)


def _point(channel: Channel, to: str, item: Item) -> tuple[str, dict[str, Any] | None]:
    if channel is Channel.POST and item.address:
        return ", ".join(item.address.lines), item.address.as_dict()
    return to, None
