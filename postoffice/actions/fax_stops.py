"""No more offers by fax: what stands at the foot of one, and what the code does that is typed off it."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import phonenumbers

from postoffice.actions import optouts
from postoffice.actions.optouts import Address, Wish
from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Means
from postoffice.model.people import Organisation
from postoffice.model.states import EventKind
from postoffice.store import answers, events, items
from postoffice.store.keys import CROCKFORD
from postoffice.words import Words

PATH = "/stop"
ORIGIN = "recipient"
_MEANT = str.maketrans("ILO", "110")  #: Crockford's own rule for letters that look like digits


class Stop(NamedTuple):
    """What a right code stands for. `live` False: it stood on a trial, and stops nothing real."""

    organisation: Organisation
    number: str
    live: bool


def words_for(house: House, organisation: Organisation, language: str, number: str, *, live: bool) -> str:
    """The line for the foot of an offer to a fax number (E.164). What belongs together is held by no-break spaces.

    The address has no https://, which browsers add: less is to be typed.
    """
    code = house.keyring.fax_stop_code(organisation.id, number, live=live)
    return Words(language).gettext(
        "To receive no more advertising by fax, free of charge: {address}, number {number}, code {code}",
        address=f"{house.url}{PATH}".removeprefix("https://"),
        number=_as_dialled(number, organisation.country).replace(" ", "\u00a0"),
        code=code,
    )


def _as_dialled(number: str, country: str) -> str:
    """A number as people of this country write it."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    at_home = parsed.country_code == phonenumbers.country_code_for_region(country)
    form = phonenumbers.PhoneNumberFormat.NATIONAL if at_home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)


def find(house: House, organisations: Sequence[Organisation], numbers: Mapping[str, str], typed: str) -> Stop | None:
    """Whose offers to which number a typed code stops; None where it is nobody's. Asks no table: it tells nothing of who is known.

    `numbers`: what was typed as E.164, by the country of the organisation (a number is typed as it is dialled at home).
    """
    code = "".join(letter for letter in typed.upper().translate(_MEANT) if letter in CROCKFORD)
    for one in organisations:
        number = numbers.get(one.country, "")
        for live in (True, False):
            right = house.keyring.fax_stop_code(one.id, number, live=live).replace("-", "")
            if number and hmac.compare_digest(code, right):
                return Stop(one, number, live)
    return None


async def stop(house: House, found: Stop, proof: Mapping[str, Any]) -> None:
    """Let it take effect, as often as one likes: no more offers to this number. The last fax's timeline says so."""
    now, whose = house.clock.now(), found.organisation.id
    async with house.database.write() as connection:
        last = await answers.last_delivery(connection, whose, Channel.FAX, found.number, now)
        item = await items.get(connection, last.item_id, whose) if last else None
        contact_id = item.contact_id if item else await answers.contact_of(connection, whose, Channel.FAX, found.number)
        told = {**proof, "delivery": last.id} if last else proof
        mailing_id = last.mailing_id if last else None
        address = Address(Channel.FAX, found.number)
        if found.live:
            wish = Wish(
                whose, Means.FAX, now, ORIGIN, contact_id, (Purpose.PROMOTION,), Channel.FAX, (address,), mailing_id, proof=told
            )
            await optouts.record(connection, house, wish)
        line = events.NewEvent(
            whose,
            EventKind.OPTED_OUT,
            ORIGIN,
            now,
            mailing_id=mailing_id,
            item_id=last.item_id if last else None,
            delivery_id=last.id if last else None,
            contact_id=contact_id,
            code=Purpose.PROMOTION.value,
            detail={"channel": Channel.FAX.value, "purpose": Purpose.PROMOTION.value, "means": Means.FAX.value},
            once="unsubscribed" if last else "",
        )
        await events.add(connection, [line], now)
    house.log.info("fax.stopped", organisation=whose, delivery=last.id if last else "")
