"""The way into a carrier's mailbox: with a password of its own, or with the access token that its carrier shows to the relay."""

from collections.abc import Mapping
from typing import Any

from postoffice.house import House
from postoffice.intake.imap import Access, MailboxFailed, access_of
from postoffice.model.errors import CarrierError
from postoffice.model.ports import Grants

BY_TOKEN = "carrier"  #: of the setting `sign_in`; else a password


async def way_in(house: House, organisation_id: str, carrier_name: str, settings: Mapping[str, Any]) -> Access:
    """How a mailbox with these settings is opened now. MailboxFailed says what a person must mend."""
    if settings.get("sign_in") != BY_TOKEN:
        return access_of(settings)
    carrier = await house.carriers.get(organisation_id, carrier_name, even_off=True)
    try:
        if not isinstance(carrier, Grants):
            raise CarrierError("This carrier has no access token", code="token")
        return access_of(settings, await carrier.token())
    except CarrierError as error:
        raise MailboxFailed(
            "mailbox-no-token",
            "There is no access token for the mailbox.",
            help="Fill in the token server on the page of the carrier, or give the mailbox a password of its own.",
        ) from error
