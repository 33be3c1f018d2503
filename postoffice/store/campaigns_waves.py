"""Queries about waves, and the work that belongs to a campaign: held while it is paused. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.campaign import Wave, WaveKind
from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.model.states import WAVE_COMMANDS, WaveState
from postoffice.store import batches
from postoffice.store.receiving import READ_QUEUE
from postoffice.store.schema import batches as work
from postoffice.store.schema import campaign_waves
from postoffice.store.upsert import insert_into

#: the steps of a campaign; see pipeline
CONDUCT, FILL = "campaign", "campaign-fill"
#: what rests while a campaign is paused; asking carriers for news goes on
RESTS = ("dispatch", "plan", "climb", "read", CONDUCT, FILL)


async def plan(
    connection: AsyncConnection,
    organisation_id: str,
    campaign_id: str,
    kind: WaveKind,
    starts_at: datetime,
    now: datetime,
    *,
    occurrence: str = "",
    variant: str = "a",
    data: Mapping[str, Any] | None = None,
) -> bool:
    """A wave and the batch that fills it at its hour; False where it stands there already: a second look changes nothing."""
    values: dict[str, Any] = {
        "id": new_id(),
        "organisation_id": organisation_id,
        "campaign_id": campaign_id,
        "occurrence": occurrence,
        "kind": kind.value,
        "variant": variant,
        "state": WaveState.WAITING.value,
        "mailing_id": None,
        "starts_at": starts_at,
        "cursor": "",
        "looked_at": 0,
        "filled": 0,
        "left_out": {},
        "data": dict(data or {}),
        "created_at": now,
        "filled_at": None,
        "finished_at": None,
    }
    made = await connection.execute(insert_into(connection, campaign_waves).values(values).on_conflict_do_nothing())
    if made.rowcount != 1:
        return False
    await batches.add(
        connection,
        organisation_id=organisation_id,
        step=FILL,
        subject_id=values["id"],
        queue=READ_QUEUE,
        now=now,
        not_before=starts_at,
        priority=6,
        ring_now=False,
    )
    return True


async def get(connection: AsyncConnection, wave_id: str) -> Wave:
    """One wave; NotFound otherwise."""
    row = (await connection.execute(campaign_waves.select().where(campaign_waves.c.id == wave_id))).mappings().first()
    if row is None:
        raise NotFound("no-such-campaign", "There is no such campaign.", help="Look for it in the list of campaigns.")
    return _wave(row)


async def of_campaign(connection: AsyncConnection, campaign_id: str) -> list[Wave]:
    """All waves in the order of their hours."""
    query = campaign_waves.select().where(campaign_waves.c.campaign_id == campaign_id)
    found = await connection.execute(query.order_by(campaign_waves.c.starts_at, campaign_waves.c.id))
    return [_wave(row) for row in found.mappings()]


async def of_mailing(connection: AsyncConnection, mailing_id: str) -> Wave | None:
    """The wave whose mailing this is."""
    row = (await connection.execute(campaign_waves.select().where(campaign_waves.c.mailing_id == mailing_id))).mappings().first()
    return _wave(row) if row else None


async def command(connection: AsyncConnection, wave_id: str, word: str, **values: Any) -> bool:
    """Apply a command of the transition table; False where the wave's state does not allow it (any more)."""
    sources, target = WAVE_COMMANDS[word]
    result = await connection.execute(
        campaign_waves.update()
        .where(campaign_waves.c.id == wave_id, campaign_waves.c.state.in_([state.value for state in sources]))
        .values(state=target.value, **values)
    )
    return result.rowcount == 1


async def update(connection: AsyncConnection, wave_id: str, **values: Any) -> None:
    """Change columns that are not the state."""
    assert "state" not in values
    await connection.execute(campaign_waves.update().where(campaign_waves.c.id == wave_id).values(**values))


async def hold(connection: AsyncConnection, campaign_id: str, now: datetime) -> None:
    """From now on nothing of a campaign is begun; what has begun ends with the chunk in hand (see deliveries.mark).

    Said twice: the second time sees what was written by those whom the first had to wait for. What climbs comes last: whoever
    writes a failure holds its own batch and wakes the one that climbs, and nobody waits in a circle.
    """
    climbs = work.c.step == "climb"
    for _ in range(2):
        for which in (~climbs, climbs):
            await connection.execute(work.update().where(_mine(campaign_id), work.c.held_at.is_(None), which).values(held_at=now))


async def release(connection: AsyncConnection, campaign_id: str) -> None:
    """The inverse of `hold`: each batch goes on at its own hour."""
    await connection.execute(work.update().where(_mine(campaign_id), work.c.held_at.is_not(None)).values(held_at=None, rung_at=None))


async def end_work(connection: AsyncConnection, campaign_id: str, now: datetime, steps: Sequence[str] = (CONDUCT, FILL)) -> None:
    """A campaign was taken back: nobody conducts it or fills its waves any more."""
    mine = (_mine(campaign_id), work.c.step.in_(steps))
    await connection.execute(work.update().where(*mine).values(state="done", done_at=now, lease_owner=None, lease_until=None))


async def conductor(connection: AsyncConnection, organisation_id: str, campaign_id: str, at: datetime, now: datetime) -> None:
    """See that a batch conducts a campaign, and that it looks at `at` or before."""
    mine = (work.c.subject_id == campaign_id, work.c.step == CONDUCT, work.c.state == "open")
    known = await connection.execute(
        work.update().where(*mine).values(not_before=sa.case((work.c.not_before < at, work.c.not_before), else_=at), rung_at=None)
    )
    if known.rowcount:
        return
    await batches.add(
        connection,
        organisation_id=organisation_id,
        step=CONDUCT,
        subject_id=campaign_id,
        queue=READ_QUEUE,
        now=now,
        not_before=at,
        priority=6,
        ring_now=False,
    )


async def unhold_conductor(connection: AsyncConnection, campaign_id: str) -> None:
    """The conductor clears up while everything else is held."""
    mine = (work.c.subject_id == campaign_id, work.c.step == CONDUCT, work.c.state == "open")
    await connection.execute(work.update().where(*mine).values(held_at=None, not_before=None, rung_at=None))


async def wake_conductor(connection: AsyncConnection, campaign_id: str) -> None:
    """Something happened that the conductor should look at."""
    mine = (work.c.subject_id == campaign_id, work.c.step == CONDUCT, work.c.state == "open")
    await connection.execute(work.update().where(*mine).values(not_before=None, rung_at=None))


def _mine(campaign_id: str) -> sa.ColumnElement[bool]:
    waves = sa.select(campaign_waves.c.id).where(campaign_waves.c.campaign_id == campaign_id)
    sent = sa.select(campaign_waves.c.mailing_id).where(
        campaign_waves.c.campaign_id == campaign_id, campaign_waves.c.mailing_id.is_not(None)
    )
    subjects = sa.or_(work.c.subject_id == campaign_id, work.c.subject_id.in_(waves), work.c.subject_id.in_(sent))
    return sa.and_(work.c.state == "open", work.c.step.in_(RESTS), subjects)


def _wave(row: Mapping[Any, Any]) -> Wave:
    plain = {name: row[name] for name in Wave.__slots__ if name not in ("kind", "state")}
    return Wave(**plain, kind=WaveKind(row["kind"]), state=WaveState(row["state"]))
