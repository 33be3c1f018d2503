"""Alerts: a mailing that too many unsubscribed from or complained of is told to the organisation's programs, each rate once."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.states import EventKind
from postoffice.store import events, figures, people


async def tell(connection: AsyncConnection, now: datetime) -> int:
    """Write an event for each alert that was not told yet; how many. The rates are those of `figures`; trials raise none."""
    found = []
    for organisation_id in await people.all_organisation_ids(connection):
        whose = figures.Whose(organisation_id, now - figures.ALERTED, now + timedelta(minutes=1))
        for one in await figures.alerted(connection, whose):
            found += [_event(organisation_id, one, word, now) for word in one.alerts]
    return await events.add(connection, found, now)


def _event(organisation_id: str, one: figures.Figures, word: str, now: datetime) -> events.NewEvent:
    number = one.complained if word == "complaints" else one.unsubscribed
    return events.NewEvent(
        organisation_id,
        EventKind.ALERTED,
        "office",
        now,
        mailing_id=one.key,
        code=word,
        detail={"sent": one.sent, "recipients": number},
        once=f"alert|{one.key}|{word}",
        unplaced=True,
    )
