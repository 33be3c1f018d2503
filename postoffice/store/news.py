"""Queries about raw news: what carriers told, kept as it came before anybody understands it. The caller owns the transaction.

The body is wrapped by the master key: it holds numbers, addresses and what people wrote.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock
from postoffice.model.ids import new_id
from postoffice.model.states import EventKind
from postoffice.store import batches as work
from postoffice.store.keys import Keyring
from postoffice.store.schema import batches, carriers, counters, news
from postoffice.store.upsert import insert_into

#: what was understood is kept so long, to be translated anew; what failed stays until a person saw to it
KEPT = timedelta(days=90)
#: headers that are of no use to a carrier and tell too much
_DROPPED = frozenset({"cookie", "forwarded", "x-forwarded-for", "x-real-ip"})


@dataclass(frozen=True, slots=True)
class Raw:
    """A piece of raw news. `way`: knock (webhook) or heard (a line of the carrier's own, a mailbox)."""

    id: str
    organisation_id: str
    carrier: str
    way: str
    state: str
    received_at: datetime
    tries: int
    error: str
    body: bytes
    request: Mapping[str, Any]


def seal_knock(keyring: Keyring, knock: Knock) -> bytes:
    """A knock for the database, without what it came through."""
    headers = {name: value for name, value in knock.headers.items() if name not in _DROPPED}
    shape = {
        "method": knock.method,
        "path": knock.path,
        "headers": headers,
        "query": dict(knock.query),
        "body": base64.b64encode(knock.body).decode(),
        "received_at": knock.received_at.isoformat(),
    }
    return keyring.wrap(json.dumps(shape).encode())


def open_knock(keyring: Keyring, sealed: bytes) -> Knock:
    """The inverse of `seal_knock`."""
    shape = json.loads(keyring.unwrap(sealed))
    return Knock(
        shape["method"],
        shape["path"],
        shape["headers"],
        shape["query"],
        base64.b64decode(shape["body"]),
        datetime.fromisoformat(shape["received_at"]),
    )


def seal_events(keyring: Keyring, told: Sequence[Event]) -> bytes:
    """Events that a carrier translated itself."""
    return keyring.wrap(_events_text(told).encode())


def open_events(keyring: Keyring, sealed: bytes) -> list[Event]:
    """The inverse of `seal_events`."""
    return [
        Event(
            EventKind(one["kind"]),
            datetime.fromisoformat(one["at"]),
            one["key"],
            one["reference"],
            one["code"],
            one["text"],
            one["address_dead"],
            one["detail"],
        )
        for one in json.loads(keyring.unwrap(sealed))
    ]


def _events_text(told: Sequence[Event]) -> str:
    names = [name for name in Event.__slots__ if name not in ("kind", "at", "detail")]
    return json.dumps(
        [
            {"kind": one.kind.value, "at": one.at.isoformat(), "detail": dict(one.detail)}
            | {name: getattr(one, name) for name in names}
            for one in told
        ],
        sort_keys=True,
    )


def digest_of_knock(knock: Knock) -> str:
    """What makes two knocks the same: the words, not the signature, which providers write anew at each repetition."""
    query = json.dumps(dict(knock.query), sort_keys=True)
    return hashlib.sha256(f"{knock.method}\n{query}\n".encode() + knock.body).hexdigest()


def digest_of_events(told: Sequence[Event]) -> str:
    """What makes the same events told twice the same."""
    return hashlib.sha256(_events_text(told).encode()).hexdigest()


def door_path(keyring: Keyring, carrier_id: str, name: str) -> str:
    """Where a carrier's provider has to call, below the office's own address: as secret as a password."""
    return f"/hooks/{carrier_id}{keyring.hook_token(carrier_id)}/{name}"


async def keep(
    connection: AsyncConnection,
    *,
    organisation_id: str,
    carrier: str,
    way: str,
    digest: str,
    body: bytes,
    request: Mapping[str, Any],
    now: datetime,
) -> tuple[str, bool]:
    """Keep raw news; its id, and whether it is new (the same words are kept once)."""
    values = {
        "id": new_id(),
        "organisation_id": organisation_id,
        "carrier": carrier,
        "way": way,
        "state": "waiting",
        "digest": digest,
        "received_at": now,
        "request": dict(request),
        "body": body,
        "error": "",
    }
    made = await connection.scalar(insert_into(connection, news).values(values).on_conflict_do_nothing().returning(news.c.id))
    if made is not None:
        return str(made), True
    same = (news.c.organisation_id == organisation_id, news.c.carrier == carrier, news.c.digest == digest)
    return str(await connection.scalar(sa.select(news.c.id).where(*same))), False


async def wake(connection: AsyncConnection, carrier_id: str, now: datetime) -> tuple[str, int] | None:
    """The open batch of work that reads this carrier's news, made due at once: (id, ring). None: there is none, add one.

    The row is locked until the caller commits, so that the worker that closes it sees what the caller wrote.
    """
    found = await connection.execute(
        batches.update()
        .where(batches.c.subject_id == carrier_id, batches.c.step == "news", batches.c.state == "open")
        .values(not_before=None, rung_at=now, rings=batches.c.rings + 1)
        .returning(batches.c.id, batches.c.rings)
    )
    row = found.first()
    return (row.id, row.rings) if row else None


async def see_to(
    connection: AsyncConnection, organisation_id: str, carrier_id: str, carrier: str, channel: Channel, now: datetime
) -> tuple[str, int]:
    """See to it that a worker reads this carrier's news: what to ring for, (batch id, attempt)."""
    if woken := await wake(connection, carrier_id, now):
        return woken
    # knocks that come at the same moment add one batch between them: the first locks the carrier, the others find its batch
    await connection.execute(sa.select(carriers.c.id).where(carriers.c.id == carrier_id).with_for_update())
    if woken := await wake(connection, carrier_id, now):
        return woken
    batch_id = await work.add(
        connection,
        organisation_id=organisation_id,
        step="news",
        subject_id=carrier_id,
        queue=channel.value,
        now=now,
        priority=3,
        data={"carrier": carrier},
    )
    return batch_id, 1


async def reopen(
    connection: AsyncConnection, organisation_id: str, carrier_id: str, carrier: str, channel: Channel, now: datetime
) -> tuple[str, int]:
    """Let a worker read again what was not understood; what to ring for."""
    failed = (news.c.organisation_id == organisation_id, news.c.carrier == carrier, news.c.state == "failed")
    await connection.execute(news.update().where(*failed).values(state="waiting", not_before=None))
    return await see_to(connection, organisation_id, carrier_id, carrier, channel, now)


async def due(connection: AsyncConnection, organisation_id: str, carrier: str, now: datetime, limit: int) -> list[Raw]:
    """What is to be understood now, the oldest first."""
    query = (
        news.select()
        .where(
            news.c.organisation_id == organisation_id,
            news.c.carrier == carrier,
            news.c.state.in_(["waiting", "partly"]),
            sa.or_(news.c.not_before.is_(None), news.c.not_before <= now),
        )
        .order_by(news.c.received_at, news.c.id)
        .limit(limit)
    )
    return [_raw(row) for row in (await connection.execute(query)).mappings()]


async def next_due(connection: AsyncConnection, organisation_id: str, carrier: str) -> tuple[bool, datetime | None]:
    """Whether anything is left to be understood, and from when on (None: at once)."""
    open_ones = (news.c.organisation_id == organisation_id, news.c.carrier == carrier, news.c.state.in_(["waiting", "partly"]))
    at_once = await connection.scalar(sa.select(news.c.id).where(*open_ones, news.c.not_before.is_(None)).limit(1))
    if at_once is not None:
        return True, None
    earliest = await connection.scalar(sa.select(sa.func.min(news.c.not_before)).where(*open_ones))
    return earliest is not None, earliest


async def some(
    connection: AsyncConnection,
    *,
    organisation_id: str | None = None,
    carrier: str | None = None,
    since: datetime | None = None,
    failed: bool = False,
    after: str = "",
    limit: int = 200,
) -> list[Raw]:
    """Raw news by id, for those who translate it anew. `failed`: only what was not understood, or not wholly."""
    query = news.select().where(news.c.id > after, news.c.organisation_id.is_not(None)).order_by(news.c.id).limit(limit)
    if organisation_id:
        query = query.where(news.c.organisation_id == organisation_id)
    if carrier:
        query = query.where(news.c.carrier == carrier)
    if since:
        query = query.where(news.c.received_at >= since)
    if failed:
        query = query.where(sa.or_(news.c.state == "failed", news.c.error != ""))
    return [_raw(row) for row in (await connection.execute(query)).mappings()]


async def mark(
    connection: AsyncConnection,
    ids: Sequence[str],
    state: str,
    now: datetime,
    *,
    error: str = "",
    not_before: datetime | None = None,
) -> None:
    """Say what became of raw news: read, partly (tried again at `not_before`) or failed, with the reason."""
    values: dict[str, Any] = {"state": state, "error": error[:1000], "not_before": not_before, "tries": news.c.tries + 1}
    if state == "read":
        values["read_at"] = now
    await connection.execute(news.update().where(news.c.id.in_(ids)).values(**values))


async def latest(connection: AsyncConnection, organisation_id: str, carrier: str, limit: int = 10) -> list[Raw]:
    """The last news of a carrier, for its page: newest first."""
    query = news.select().where(news.c.organisation_id == organisation_id, news.c.carrier == carrier)
    query = query.order_by(news.c.received_at.desc(), news.c.id.desc()).limit(limit)
    return [_raw(row) for row in (await connection.execute(query)).mappings()]


async def failures(connection: AsyncConnection, organisation_id: str) -> dict[str, int]:
    """How much news could not be understood, by carrier."""
    query = (
        sa.select(news.c.carrier, sa.func.count())
        .where(news.c.organisation_id == organisation_id, news.c.state == "failed")
        .group_by(news.c.carrier)
    )
    return {carrier: int(count) for carrier, count in await connection.execute(query)}


async def count_forged(connection: AsyncConnection, organisation_id: str, carrier_id: str, number: int) -> None:
    """Count knocks that were turned away."""
    insert = insert_into(connection, counters).values(organisation_id=organisation_id, name=f"forged:{carrier_id}", value=number)
    more = {"value": counters.c.value + number}
    await connection.execute(insert.on_conflict_do_update(index_elements=["organisation_id", "name"], set_=more))


async def forged(connection: AsyncConnection, organisation_id: str, carrier_id: str) -> int:
    """How many knocks were turned away so far."""
    which = (counters.c.organisation_id == organisation_id, counters.c.name == f"forged:{carrier_id}")
    return int(await connection.scalar(sa.select(counters.c.value).where(*which)) or 0)


async def sweep(connection: AsyncConnection, now: datetime) -> None:
    """Forget what was understood long ago."""
    await connection.execute(news.delete().where(news.c.state == "read", news.c.received_at < now - KEPT))


def _raw(row: Mapping[Any, Any]) -> Raw:
    return Raw(**{name: row[name] for name in Raw.__slots__})
