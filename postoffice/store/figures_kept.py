"""Figures of finished mailings, kept so that a page of a year need not count a million letters anew. A cache: it may be emptied.

A kept line is right as long as no event of its mailing was recorded since: whoever changes a delivery writes an event with it. Events'
ids grow with time, so what was recorded lately is one short range of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import first_id_of
from postoffice.model.states import MailingState
from postoffice.store.lists import one_of
from postoffice.store.prepared import insert_rows
from postoffice.store.schema import events, mailing_figures, mailings

QUIET = timedelta(days=1)  #: finished for so long before it is kept: until then there is news all the time
SETTLING = timedelta(minutes=5)  #: longer than any transaction that writes events
AT_ONCE = 100  #: mailings counted in one go


class Kept(NamedTuple):
    """A kept line. `upto`: the first id of an event that it may not know."""

    mailing_id: str
    shape: Mapping[str, Any]
    upto: str


async def valid(connection: AsyncConnection, organisation_id: str, chosen: Any) -> dict[str, Mapping[str, Any]]:
    """{mailing id: its figures as they were kept}, of those of `chosen` (a query of ids) of which nothing was heard since."""
    table = mailing_figures.c
    query = sa.select(table.mailing_id, table.figures, table.upto).where(
        table.organisation_id == organisation_id, table.mailing_id.in_(chosen)
    )
    some = [Kept(*row) for row in await connection.execute(query)]
    if not some:
        return {}
    heard = await _heard_since(connection, organisation_id, min(one.upto for one in some))
    return {one.mailing_id: one.shape for one in some if one.mailing_id not in heard}


async def _heard_since(connection: AsyncConnection, organisation_id: str, first: str) -> set[str]:
    # nothing but the range of ids may draw SQLite to an index: asked for distinct mailings, it walks through all events by mailing
    query = sa.select(events.c.mailing_id).where(events.c.id >= first, events.c.organisation_id == organisation_id)
    return {mailing_id for mailing_id in await connection.scalars(query) if mailing_id}


async def refresh(connection: AsyncConnection, organisation_id: str, now: datetime) -> None:
    """Let go of lines that something was heard of since; the others are known to be right up to now."""
    table, upto = mailing_figures.c, first_id_of(now - SETTLING)
    first = await connection.scalar(sa.select(sa.func.min(table.upto)).where(table.organisation_id == organisation_id))
    if first is None or first >= upto:
        return
    heard = await _heard_since(connection, organisation_id, first)
    mine = table.organisation_id == organisation_id
    await connection.execute(mailing_figures.delete().where(mine, one_of(connection, table.mailing_id, heard)))
    await connection.execute(mailing_figures.update().where(mine, table.upto < upto).values(upto=upto))


async def missing(connection: AsyncConnection, organisation_id: str, now: datetime) -> Sequence[str]:
    """Some finished mailings that have no line yet, the latest first."""
    known = sa.exists().where(mailing_figures.c.mailing_id == mailings.c.id)
    query = sa.select(mailings.c.id).where(
        mailings.c.organisation_id == organisation_id,
        mailings.c.state == MailingState.FINISHED.value,
        mailings.c.finished_at < now - QUIET,
        mailings.c.sent_at.is_not(None),
        ~known,
    )
    return list(await connection.scalars(query.order_by(mailings.c.number.desc()).limit(AT_ONCE)))


async def keep(connection: AsyncConnection, organisation_id: str, lines: Mapping[str, Mapping[str, Any]], upto: str) -> None:
    """Write lines that were counted after `upto` (see `begin`)."""
    rows = [
        {"mailing_id": mailing_id, "organisation_id": organisation_id, "figures": dict(shape), "upto": upto}
        for mailing_id, shape in lines.items()
    ]
    await insert_rows(connection, mailing_figures, rows, once=True)


def begin(now: datetime) -> str:
    """The mark of a count that begins now."""
    return first_id_of(now - SETTLING)
