"""Signs of life, and sweeping away what has ended: sessions, visits, idempotency keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.states import MAILING_COMMANDS
from postoffice.store import codes, forms, idempotency, sign_ins, tries
from postoffice.store.schema import heartbeats, link_sessions, mailings, sessions

#: signs of life older than this are forgotten
GONE = timedelta(hours=1)
#: a print job that was opened and whose document has not come by then never will
NEVER_CAME = timedelta(days=1)


async def beat(connection: AsyncConnection, owner: str, kind: str, queues: Sequence[str], started: datetime, now: datetime) -> None:
    """This process lives."""
    await connection.execute(heartbeats.delete().where(heartbeats.c.owner == owner))
    row = {"owner": owner, "kind": kind, "queues": list(queues), "started_at": started, "seen_at": now}
    await connection.execute(heartbeats.insert(), row)


async def tidy(connection: AsyncConnection, now: datetime) -> None:
    """Remove what nothing will ask for again."""
    await connection.execute(heartbeats.delete().where(heartbeats.c.seen_at < now - GONE))
    sources, target = MAILING_COMMANDS["abort"]
    never_came = mailings.c.state.in_([state.value for state in sources]) & (mailings.c.created_at < now - NEVER_CAME)
    await connection.execute(mailings.update().where(never_came).values(state=target.value))
    await connection.execute(sessions.delete().where(sessions.c.expires_at < now))
    await connection.execute(link_sessions.delete().where(link_sessions.c.expires_at < now))
    await idempotency.sweep(connection, now)
    await codes.sweep(connection, now)
    await tries.sweep(connection, now)
    await forms.sweep(connection, now)
    await sign_ins.sweep(connection, now)
