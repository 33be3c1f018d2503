"""Batches: the outbox, and the only table that behaves like a queue.

A batch is a piece of work on one mailing (read it, plan it, hand over some deliveries, ask a carrier). Whoever claims it gets a
lease and a fencing token that grows with every claim: a worker that was thought dead finds its token stale and stops.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import new_id
from postoffice.model.tracing import carried
from postoffice.store.schema import batches

#: a bell that was rung this long ago without effect is rung again
RING_AGAIN = timedelta(seconds=10)
#: what a queue's other lane is called: small mailings go by it and never stand behind a campaign
FIRST = "-first"
SMALL = 200  #: items of a mailing that goes by that lane
#: rings of a queue that nobody answered yet: what waits beyond them waits in the database, where shares are fair
WINDOW = 64
#: after so many failures of its step a batch is set aside for a person
MOST_FAILURES = 8


def lane(queue: str, *, small: bool) -> str:
    """The lane of a queue that work belongs to."""
    return queue + FIRST if small else queue


def lanes(queues: Iterable[str]) -> list[str]:
    """Both lanes of each queue."""
    return [lane(queue, small=small) for queue in queues for small in (False, True)]


@dataclass(frozen=True, slots=True)
class Batch:
    """A claimed batch. `token` must be shown with every write."""

    id: str
    organisation_id: str
    step: str
    subject_id: str
    queue: str
    data: Mapping[str, Any]
    token: int
    failures: int


@dataclass(frozen=True, slots=True)
class Ring:
    """A batch that somebody should be told of."""

    batch_id: str
    queue: str
    attempt: int


async def add(
    connection: AsyncConnection,
    *,
    organisation_id: str,
    step: str,
    subject_id: str,
    queue: str,
    now: datetime,
    priority: int = 5,
    not_before: datetime | None = None,
    data: Mapping[str, Any] | None = None,
    ring_now: bool = True,
) -> str:
    """Write a batch and return its id. `ring_now`: the caller rings after its commit; otherwise the relay does."""
    batch_id = new_id()
    await connection.execute(
        batches.insert(),
        {
            "id": batch_id,
            "organisation_id": organisation_id,
            "step": step,
            "subject_id": subject_id,
            "queue": queue,
            "priority": priority,
            "data": carried() | dict(data or {}),
            "state": "open",
            "token": 0,
            "failures": 0,
            "rings": 1 if ring_now else 0,
            "rung_at": now if ring_now else None,
            "not_before": not_before,
            "error": "",
            "created_at": now,
        },
    )
    return batch_id


async def due(
    connection: AsyncConnection, now: datetime, limit: int = 500, queues: Sequence[str] | None = None, *, deaf: bool = False
) -> list[Ring]:
    """Relay and reconciler in one: open, unleased, due, and not rung recently. Marks them as rung.

    `queues`: only these. `deaf`: the bell is broken, so that no ring counts. Of each queue no more is rung than WINDOW allows, in
    fair shares (see `_fair`). Several relays at once share the work without waiting for one another.
    """
    ready = _ready(now) if deaf else _silent(now)
    chosen = await connection.execute(_fair(ready, queues).limit(limit + WINDOW))
    room = defaultdict(lambda: WINDOW) if deaf else await _room(connection, now)
    ids = [row.id for row in chosen if row.queue.endswith(FIRST) or row.place <= room[row.queue]][:limit]
    if not ids:
        return []
    free = sa.select(batches.c.id).where(batches.c.id.in_(ids), *ready).with_for_update(skip_locked=True)
    rows = await connection.execute(
        batches.update()
        .where(batches.c.id.in_(free))
        .values(rung_at=now, rings=batches.c.rings + 1)
        .returning(batches.c.id, batches.c.queue, batches.c.rings)
    )
    rung = {row.id: Ring(row.id, row.queue, row.rings) for row in rows}
    return [rung[batch_id] for batch_id in ids if batch_id in rung]


def _fair(ready: Sequence[sa.ColumnElement[bool]], queues: Sequence[str] | None) -> Any:
    """Id, queue and place of what waits: by priority; then the organisations in turn, and within each its mailings in turn."""
    turn = sa.func.row_number().over(partition_by=(batches.c.queue, batches.c.priority, batches.c.subject_id), order_by=batches.c.id)
    columns = (batches.c.id, batches.c.queue, batches.c.priority, batches.c.organisation_id, turn.label("turn"))
    waiting = sa.select(*columns).where(*ready)
    if queues is not None:
        waiting = waiting.where(batches.c.queue.in_(queues))
    one = waiting.subquery("waiting").c
    share = sa.func.row_number().over(partition_by=(one.queue, one.priority, one.organisation_id), order_by=(one.turn, one.id))
    shared = sa.select(one.id, one.queue, one.priority, share.label("share")).subquery("shared").c
    place = sa.func.row_number().over(partition_by=shared.queue, order_by=(shared.priority, shared.share, shared.id))
    placed = sa.select(shared.id, shared.queue, shared.priority, place.label("place")).subquery("placed").c
    within = sa.or_(placed.place <= WINDOW, placed.queue.like(f"%{FIRST}"))
    return sa.select(placed.id, placed.queue, placed.place).where(within).order_by(placed.priority, placed.place)


async def _room(connection: AsyncConnection, now: datetime) -> defaultdict[str, int]:
    """For each queue, how many more may be rung: WINDOW without those that were and nobody came for yet."""
    unheard = (*_ready(now), batches.c.rung_at >= now - RING_AGAIN)
    found = await connection.execute(sa.select(batches.c.queue, sa.func.count()).where(*unheard).group_by(batches.c.queue))
    return defaultdict(lambda: WINDOW, {queue: WINDOW - number for queue, number in found})


async def any_due(connection: AsyncConnection, now: datetime, *, deaf: bool = False) -> bool:
    """A cheap look whether `due` would find something, so that an idle office writes nothing."""
    query = sa.select(batches.c.id).where(*(_ready(now) if deaf else _silent(now))).limit(1)
    return await connection.scalar(query) is not None


def _ready(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        batches.c.state == "open",
        batches.c.held_at.is_(None),
        sa.or_(batches.c.not_before.is_(None), batches.c.not_before <= now),
        sa.or_(batches.c.lease_until.is_(None), batches.c.lease_until < now),
    )


def _silent(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    # a ring that was heard by an owner who then died (rung before the end of the lease) need not be waited for
    rung = batches.c.rung_at
    return *_ready(now), sa.or_(rung.is_(None), rung < now - RING_AGAIN, rung < batches.c.lease_until)


async def claim(connection: AsyncConnection, batch_id: str, owner: str, now: datetime, lease: timedelta) -> Batch | None:
    """Take a batch, or None where it is done, not due or held by a living owner."""
    row = (
        await connection.execute(
            batches.update()
            .where(
                batches.c.id == batch_id,
                *_ready(now),
            )
            .values(lease_owner=owner, lease_until=now + lease, token=batches.c.token + 1)
            .returning(*batches.c)
        )
    ).first()
    if row is None:
        return None
    return Batch(row.id, row.organisation_id, row.step, row.subject_id, row.queue, row.data, row.token, row.failures)


async def renew(connection: AsyncConnection, batch: Batch, now: datetime, lease: timedelta) -> bool:
    """Prolong the lease; False where the batch is no longer ours (then stop at once)."""
    result = await connection.execute(_ours(batch).values(lease_until=now + lease))
    return result.rowcount == 1


async def finish(connection: AsyncConnection, batch: Batch, now: datetime) -> bool:
    """The work is done; False where the batch is no longer ours."""
    result = await connection.execute(_ours(batch).values(state="done", lease_owner=None, lease_until=None, done_at=now, error=""))
    return result.rowcount == 1


async def put_off(connection: AsyncConnection, batch: Batch, until: datetime, data: Mapping[str, Any] | None = None) -> bool:
    """Not now: leave the batch open until `until`."""
    values: dict[str, Any] = {"lease_owner": None, "lease_until": None, "not_before": until, "rung_at": None}
    if data is not None:
        values["data"] = dict(data)
    result = await connection.execute(_ours(batch).values(**values))
    return result.rowcount == 1


async def fail(connection: AsyncConnection, batch: Batch, now: datetime, error: str) -> bool:
    """The step raised what it must not. Tried again after 1, 2, 4 ... seconds; set aside after MOST_FAILURES. True: set aside."""
    failures = batch.failures + 1
    dead = failures >= MOST_FAILURES
    await connection.execute(
        _ours(batch).values(
            failures=failures,
            state="dead" if dead else "open",
            error=error[:1000],
            lease_owner=None,
            lease_until=None,
            rung_at=None,
            not_before=now + timedelta(seconds=min(300, 2 ** (failures - 1))),
        )
    )
    return dead


async def wake(connection: AsyncConnection, batch_ids: Sequence[str]) -> None:
    """Make put-off batches due at once (a person pressed a button)."""
    await connection.execute(batches.update().where(batches.c.id.in_(batch_ids)).values(not_before=None, rung_at=None))


async def waiting(connection: AsyncConnection, now: datetime) -> dict[str, tuple[int, float]]:
    """For each queue: how many open batches are due, and the age of the oldest in seconds."""
    rows = await connection.execute(
        sa.select(batches.c.queue, sa.func.count(), sa.func.min(sa.func.coalesce(batches.c.not_before, batches.c.created_at)))
        .where(
            batches.c.state == "open",
            batches.c.held_at.is_(None),
            sa.or_(batches.c.not_before.is_(None), batches.c.not_before <= now),
        )
        .group_by(batches.c.queue)
    )
    return {queue: (count, max(0.0, (now - oldest).total_seconds())) for queue, count, oldest in rows}


async def is_held(connection: AsyncConnection, batch: Batch) -> bool:
    """Whether somebody paused what it belongs to: then nothing more is begun."""
    return await connection.scalar(sa.select(batches.c.held_at).where(batches.c.id == batch.id)) is not None


def _ours(batch: Batch) -> sa.Update:
    return batches.update().where(batches.c.id == batch.id, batches.c.token == batch.token, batches.c.state == "open")
