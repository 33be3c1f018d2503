"""The suppression list, by hand: what the desk's page and the REST door do to it."""

import re
from datetime import timedelta

from postoffice.actions.actor import Actor
from postoffice.house import House
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.store import answers, people, suppressions
from postoffice.store.suppressions import Suppression

BY_HAND = "by-hand"
LONGEST = 3650  #: days


def channel_of(word: str) -> Channel:
    """A channel by its word; PostOfficeError for another one."""
    if word not in set(Channel):
        raise PostOfficeError("no-such-channel", "There is no such channel.", help="Choose e-mail, SMS, fax or post.")
    return Channel(word)


def hashes(house: House, channel: Channel, typed: str) -> list[str]:
    """The hashes of an address as it may have been written. PostOfficeError for what cannot be one."""
    if channel is Channel.POST:
        lines = tuple(one.strip() for one in re.split(r"[\n,]", typed) if one.strip())
        texts = [suppressions.normal(channel, "", PostalAddress(lines))] if len(lines) > 1 else []
    elif channel is Channel.EMAIL:
        texts = [suppressions.normal(channel, typed, None)] if "@" in typed else []
    else:
        texts = [suppressions.normal(channel, one, None) for one in _numbers(channel, typed)]
    if not texts:
        raise PostOfficeError(
            "no-address",
            "This is no address of that kind.",
            help="Type an e-mail address, a number with its country code, or all lines of a postal address.",
        )
    return [house.keyring.blind(text) for text in dict.fromkeys(texts)]


def _numbers(channel: Channel, typed: str) -> list[str]:
    digits = re.sub(r"[^0-9+]", "", typed)
    return answers.spellings(channel, digits) if len(digits) >= 6 else []


async def add(
    house: House,
    organisation_id: str,
    actor: Actor,
    *,
    channel: Channel,
    typed: str,
    purpose: Purpose | None = None,
    note: str = "",
    days: int = 0,
) -> str:
    """Block an address by hand, for ever or some days; the line's id. Conflict where it is blocked already."""
    found = hashes(house, channel, typed)
    now = house.clock.now()
    async with house.database.write() as connection:
        made = await suppressions.add(
            connection,
            organisation_id=organisation_id,
            channel=channel,
            address_hash=found[-1],  # numbers: with the plus, as deliveries have it
            reason=BY_HAND,
            origin="staff" if actor.user_id else actor.name,
            now=now,
            purpose=purpose,
            expires_at=now + timedelta(days=min(days, LONGEST)) if days else None,
            note=" ".join(note.split()),
        )
        if made is None:
            raise Conflict("suppressed-already", "This address is on the suppression list already.", help="Look for it in the list.")
        await people.note(
            connection, organisation_id=organisation_id, actor=actor.name, action="suppression.add", subject=made, now=now
        )
    return made


async def lift(house: House, organisation_id: str, suppression_id: str, reason: str, actor: Actor) -> Suppression:
    """Take a block away, with a reason. What the consent ledger says stays: an opt-out is undone by the person's own word only."""
    why = " ".join(reason.split())
    if len(why) < 3:
        raise PostOfficeError("no-reason", "A line is lifted with a reason.", help="Say why: it is kept.")
    now = house.clock.now()
    async with house.database.write() as connection:
        known = suppression_id if is_id(suppression_id) else ""
        line = await suppressions.lift(connection, organisation_id, known, why, actor.name, now)
        await people.note(
            connection,
            organisation_id=organisation_id,
            actor=actor.name,
            action="suppression.lift",
            subject=suppression_id,
            now=now,
            detail={"reason": line.reason, "channel": line.channel},
        )
    return line
