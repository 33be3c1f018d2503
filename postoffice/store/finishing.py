"""When a mailing is finished: nothing of it waits for our hands any more."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.states import ItemState, MailingState
from postoffice.store import items, mailings

#: items in these states still need us; held ones wait for a person and do not keep a mailing open
UNDER_WAY = frozenset({ItemState.DRAFT, ItemState.QUEUED, ItemState.SENDING, ItemState.IN_DOUBT})


async def finish_if_done(connection: AsyncConnection, mailing_id: str, now: datetime) -> bool:
    """sending -> finished where every item has left our hands; whether it did.

    The mailing is held before its items are looked at: of two that end at once the second sees what the first wrote.
    """
    if (await mailings.get(connection, mailing_id)).state not in (MailingState.PLANNING, MailingState.SENDING):
        return False
    mailing = await mailings.locked(connection, mailing_id)
    if mailing.state is not MailingState.SENDING:
        return False
    if await items.any_in(connection, mailing_id, UNDER_WAY):  # asked after every batch: to count them all would bend
        return False
    await mailings.command(connection, mailing, "finish", finished_at=now)
    return True
