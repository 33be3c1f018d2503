"""No more of this: the one place where a recipient's refusal takes effect, by whatever means it was said.

Each refusal does three things in one transaction: the ledger gets a line with means and proof where the contact is known; the
addresses go on the suppression list, which survives the contact's erasure and holds for whoever else has the same address; and
what is queued for the recipient ends. What is being handed over this very moment is looked at by its worker (pipeline.blocking).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.house import House
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import ALL, Entry, Means
from postoffice.model.states import EventKind
from postoffice.privacy import ledger
from postoffice.store import answers, consents, contact_book, contacts, events, merges, people, points, suppressions
from postoffice.store.stopping import stop_queued

#: the reason on the suppression list, by means; all others: opt-out
_REASONS = {Means.COMPLAINT: "complaint", Means.ONE_CLICK: "unsubscribed", Means.LINK: "unsubscribed"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody was written to. `postal` is set for post."""

    channel: Channel
    to: str
    postal: PostalAddress | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants no more of. `purposes` None: of nothing at all; `channel` None: by no channel."""

    organisation_id: str
    means: Means
    at: datetime
    origin: str  #: recipient, staff, or the carrier that told of it
    contact_id: str | None = None
    purposes: tuple[Purpose, ...] | None = None
    channel: Channel | None = None
    addresses: tuple[Address, ...] = ()
    mailing_id: str | None = None
    proof: Mapping[str, Any] = field(default_factory=dict)  #: text shown (hash, version), delivery, operator; never an address


async def record(connection: AsyncConnection, house: House, wish: Wish) -> int:
    """Let a wish take effect, within the caller's transaction; how many queued deliveries were stopped. Twice is once."""
    if wish.contact_id:  # who says yes at this moment is waited for: what stands before it is not what stands after it
        await contact_book.hold(connection, wish.organisation_id, await merges.whole(connection, wish.organisation_id, wish.contact_id))
        await _write(connection, wish)
    for purpose in wish.purposes or (None,):
        for address in wish.addresses:
            await _suppress(connection, house, wish, address, purpose)
    return await stop_queued(
        connection,
        wish.organisation_id,
        house.clock.now(),
        code="opted-out",
        contact_id=wish.contact_id,
        to=[text for one in wish.addresses if one.postal is None for text in answers.spellings(one.channel, one.to)],
        channel=wish.channel,
        purposes=None if wish.purposes is None else [one.value for one in wish.purposes],
    )


async def _write(connection: AsyncConnection, wish: Wish) -> None:
    assert wish.contact_id
    known = (await consents.of_contacts(connection, wish.organisation_id, [wish.contact_id])).get(wish.contact_id, [])
    channel = wish.channel.value if wish.channel else ALL
    words = [one.value for one in wish.purposes] if wish.purposes else [ALL]
    fresh = [
        Entry(word, channel, False, wish.at, wish.means, wish.proof) for word in words if not _said(known, word, channel, wish.means)
    ]
    await consents.add(connection, wish.organisation_id, [(wish.contact_id, entry) for entry in fresh])


def _said(known: Sequence[Entry], purpose: str, channel: str, means: Means) -> bool:
    """Whether the ledger says it already: pressing a button twice is one refusal; a complaint after one is another matter."""
    if ledger.standing(known, purpose, channel) is not False:
        return False
    complained = any(one.means is Means.COMPLAINT and ledger.covers(one, purpose, channel) for one in known)
    return means is not Means.COMPLAINT or complained


async def _suppress(connection: AsyncConnection, house: House, wish: Wish, address: Address, purpose: Purpose | None) -> None:
    spelt = [address.to] if address.postal else answers.spellings(address.channel, address.to)
    for text in dict.fromkeys(suppressions.normal(address.channel, to, address.postal) for to in spelt):
        await suppressions.add(
            connection,
            organisation_id=wish.organisation_id,
            channel=address.channel,
            address_hash=house.keyring.blind(text),
            reason=_REASONS.get(wish.means, "opt-out"),
            origin=wish.origin,
            now=house.clock.now(),
            purpose=purpose,
            contact_id=wish.contact_id,
            mailing_id=wish.mailing_id,
        )


async def opt_out(
    house: House,
    organisation_id: str,
    contact_id: str,
    actor: Actor,
    *,
    means: Means,
    purposes: tuple[Purpose, ...] | None = None,
    channel: Channel | None = None,
    proof: Mapping[str, Any] | None = None,
) -> int:
    """A contact wants no more, as a person or a program notes it (a call, a letter, a fax, a preference page).

    All its addresses on the channel are blocked for these purposes; how many queued deliveries were stopped. NotFound where
    there is no such contact.
    """
    now = house.clock.now()
    source = "staff" if actor.user_id else "recipient" if means in (Means.PORTAL, Means.LINK, Means.ONE_CLICK) else "office"
    async with house.database.write() as connection:
        await contacts.get(connection, contact_id, organisation_id)
        group = await merges.whole(connection, organisation_id, contact_id)
        known = [point for one in group for point in await points.of_contact(connection, organisation_id, one)]
        addresses = tuple(Address(one.channel, one.value, one.address) for one in known if channel in (None, one.channel))
        told = {**(proof or {}), "by": actor.name}
        wish = Wish(organisation_id, means, now, source, contact_id, purposes, channel, addresses, proof=told)
        stopped = await record(connection, house, wish)
        await events.add(connection, [_event(wish, actor, now)], now)
        detail = {"means": means.value, "channel": channel.value if channel else ALL, "stopped": stopped}
        await people.note(
            connection,
            organisation_id=organisation_id,
            actor=actor.name,
            action="contact.opt-out",
            subject=contact_id,
            now=now,
            detail=detail,
        )
    return stopped


def _event(wish: Wish, actor: Actor, now: datetime) -> events.NewEvent:
    purposes = ", ".join(one.value for one in wish.purposes) if wish.purposes else ALL
    return events.NewEvent(
        wish.organisation_id,
        EventKind.OPTED_OUT,
        wish.origin,
        now,
        contact_id=wish.contact_id,
        actor_id=actor.user_id,
        code=wish.means.value,
        detail={"channel": wish.channel.value if wish.channel else ALL, "purpose": purposes, "means": wish.means.value},
    )
