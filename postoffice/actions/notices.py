"""Short words to one person at once: a code, a link once more. They are no mailing: no item, no plan, nothing is paid back or climbed.

The organisation's own carrier takes them; no transaction may be open meanwhile.
"""

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from postoffice.compose.message import render_message
from postoffice.compose.pictures import pictures_of
from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Piece
from postoffice.model.errors import AlreadySent, CarrierError, InDoubt, PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.mailing import Options
from postoffice.model.people import Organisation, User
from postoffice.words import Words

#: a person waits before a page meanwhile
PATIENCE = 20.0  # seconds
#: and waits less for what is only told beside
BESIDE = 5.0  # seconds


class Change(StrEnum):
    """What became otherwise about how a member of staff signs in; email/credential has a sentence for each."""

    PASSWORD = "password"
    PASSWORD_RESET = "password-reset"  #: by an administrator
    APP_ON = "app-on"
    APP_OFF = "app-off"
    PASSKEY_ON = "passkey-on"
    PASSKEY_OFF = "passkey-off"
    CODES = "codes"  #: fresh recovery codes
    SECOND_RESET = "second-reset"  #: by an administrator
    KEY = "key"  #: an API key in their name


async def can_reach(house: House, organisation_id: str, *, live: bool) -> frozenset[Channel]:
    """The channels by which words can be sent at once."""
    return frozenset(await house.carriers.names(organisation_id, live=live)) & {Channel.EMAIL, Channel.SMS}


async def send_notice(
    house: House,
    organisation: Organisation,
    channel: Channel,
    to: str,
    template: str,
    language: str,
    context: Mapping[str, Any],
    *,
    live: bool = True,
    patience: float = PATIENCE,
) -> bool:
    """Render `<channel>/<template>` and hand it over; whether the carrier took it (in doubt counts as taken: a code is asked anew).

    `live` False: only by a sandbox carrier. PostOfficeError where the template is broken.
    """
    name = (await house.carriers.names(organisation.id, live=live)).get(channel)
    if name is None:
        house.log.warning("notice.no_carrier", organisation=organisation.id, channel=channel.value)
        return False
    kind = f"{channel.value}/{template}"
    words = render_message(kind, language, {"sender_name": organisation.name, **context}, house.templates)
    email = channel is Channel.EMAIL
    piece = Piece(
        key=new_id(),
        organisation_id=organisation.id,
        channel=channel,
        to=to,
        address=None,
        sender=str(organisation.settings.get("sender_email", "")),
        sender_name=organisation.name,
        purpose=Purpose.SERVICE,
        language=language,
        subject=words.subject,
        text=words.text,
        html=words.html,
        attachments=pictures_of(words.html, kind, language, house.templates) if email else (),
        options=Options(channel=channel, purpose=Purpose.SERVICE),
    )
    try:
        carrier = await house.carriers.get(organisation.id, name)
        async with asyncio.timeout(patience):
            await carrier.send(piece)
    except (AlreadySent, InDoubt):
        return True
    except TimeoutError:
        house.log.warning("notice.slow", organisation=organisation.id, carrier=name)
        return False
    except (CarrierError, PostOfficeError) as refused:
        house.log.warning("notice.refused", organisation=organisation.id, carrier=name, code=refused.code)
        return False
    return True


async def tell_staff(house: House, organisation: Organisation, user: User, change: Change) -> bool:
    """A mail to a member of staff about a change to their own credentials, so that a thief's is noticed; whether it was taken.

    The change is written already: nothing that goes wrong here may undo it, or be shown instead of it.
    """
    words = Words(user.language, organisation.timezone, organisation.currency)
    facts = {"name": user.name, "what": change.value, "moment": words.moment(house.clock.now()), "link": f"{house.url}/account"}
    try:
        return await send_notice(house, organisation, Channel.EMAIL, user.email, "credential", user.language, facts, patience=BESIDE)
    except PostOfficeError as broken:
        house.log.warning("notice.not_made", organisation=organisation.id, code=broken.code)
        return False
