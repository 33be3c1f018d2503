"""Messages again, please: START after STOP takes back exactly what STOP did, and no refusal that was said elsewhere.

STOP to one of our numbers leaves lines on the suppression list and in the ledger that name the carrier which told of it. START
to the same carrier lifts those lines and answers those entries. What a person refused on the preference page, to staff, by a
complaint or through another number stays refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import ALL, Entry, Means
from postoffice.privacy import ledger
from postoffice.store import answers, consents, contact_book, events, suppressions

WORD = "START"  #: the code of an answer that asks for messages again (channels.sms.rules.Word)
_REASON = "opt-out"


@dataclass(frozen=True, slots=True)
class Restart:
    """What somebody wrote from the mobile number `sender`, as `carrier` told of it. `contact_id`: whose number it is, if known."""

    organisation_id: str
    carrier: str
    sender: str
    at: datetime
    contact_id: str | None = None
    news_id: str | None = None


async def record(connection: AsyncConnection, house: House, restart: Restart) -> int:
    """Take a STOP back within the caller's transaction; how many lines of the suppression list ended. Twice is once.

    A START that comes late, after a newer STOP, changes nothing.
    """
    numbers = answers.spellings(Channel.SMS, restart.sender)
    # before anything is asked: a STOP that is being heard is waited for
    await contact_book.hold(connection, restart.organisation_id, [restart.contact_id] if restart.contact_id else [])
    hashes = [house.keyring.blind(suppressions.normal(Channel.SMS, number, None)) for number in numbers]
    held = await suppressions.hold(connection, restart.organisation_id, Channel.SMS, hashes)
    if await events.stopped_since(connection, restart.organisation_id, restart.carrier, numbers, restart.at):
        return 0
    lifted = await suppressions.lift_told(
        connection,
        restart.organisation_id,
        Channel.SMS,
        hashes,
        held,
        reason=_REASON,
        origin=restart.carrier,
        why=WORD,
        now=house.clock.now(),
    )
    concerned = sorted({one for one in (restart.contact_id, *(line.contact_id for line in lifted)) if one})
    await contact_book.hold(connection, restart.organisation_id, concerned)
    known = await consents.of_contacts(connection, restart.organisation_id, concerned) if concerned else {}
    fresh = [(contact_id, entry) for contact_id in concerned for entry in taken_back(known.get(contact_id, []), restart)]
    await consents.add(connection, restart.organisation_id, fresh)
    return len(lifted)


def taken_back(entries: Sequence[Entry], restart: Restart) -> list[Entry]:
    """The ledger's new lines: one for each purpose that nothing but this carrier's STOP refuses."""
    stops = [one for one in entries if _is_stop(one, restart)]
    others = [one for one in entries if one not in stops]
    words = dict.fromkeys(word for one in stops for word in ([one.purpose] if one.purpose != ALL else [*Purpose, ALL]))
    refused = {word for word in words if ledger.standing(entries, word, Channel.SMS) is False}
    elsewhere = {word for word in [*Purpose] if ledger.standing(others, word, Channel.SMS) is False}
    wide = ALL in refused and not elsewhere  # a wide line would speak for what was refused elsewhere, too
    free = [ALL] if wide else [word for word in refused if word != ALL and word not in elsewhere]
    proof = {"word": WORD, "carrier": restart.carrier, "news": restart.news_id, "lifts": [one.id for one in stops]}
    return [Entry(str(word), Channel.SMS.value, True, restart.at, Means.SMS, proof) for word in sorted(free)]


def _is_stop(entry: Entry, restart: Restart) -> bool:
    said = entry.means is Means.SMS and not entry.given and entry.channel == Channel.SMS.value
    return said and entry.proof.get("carrier") == restart.carrier and entry.at <= restart.at
