"""Idempotency keys of the REST API: one key, one mailing, whatever breaks in between.

The key is written in the same transaction that opens its mailing, so a key without a mailing does not exist. While the bytes
come in the row is kept fresh; a row that was not kept fresh for `LEASE` belongs to a request that died, and whoever comes next
with the same key takes over where that one stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.mailing import Mailing, NewMailing
from postoffice.model.states import MailingState
from postoffice.store import mailings
from postoffice.store.schema import idempotency_keys as table
from postoffice.store.schema import mailings as of_mailings
from postoffice.store.upsert import insert_into

LEASE = timedelta(seconds=30)  #: an upload says at least this often that it is alive
KEPT = timedelta(days=30)  #: how long a key is remembered
_EMPTY = (MailingState.RECEIVING, MailingState.ABORTED)  #: states of a mailing whose bytes never came


@dataclass(frozen=True, slots=True)
class Use:
    """What a key stands for now. Exactly one of the three:

    `ours`: go on and fill this mailing; `busy`: another request with this key is under way; neither: done before (`mailing`, `answer`).
    """

    mailing: Mailing
    request_hash: str  #: of what was asked for when the key was first used, without the document's bytes
    answer: Mapping[str, Any] | None
    ours: bool = False
    busy: bool = False


async def claim(connection: AsyncConnection, key: str, request_hash: str, new: NewMailing, now: datetime) -> Use:
    """Take a key: opens a mailing where the key is new, or where the request that had it died before its bytes were stored.

    Needs a writing transaction. Where the key is known, nothing is written.
    """
    row = await _locked(connection, new.organisation_id, key)
    if row is not None and row["created_at"] < now - KEPT:
        await release(connection, new.organisation_id, key)
        row = None
    if row is None:
        mailing = await mailings.add(connection, new, now)
        if await _insert(connection, key, request_hash, mailing, now):
            return Use(mailing, request_hash, None, ours=True)
        await mailings.command(connection, mailing, "abort")  # another request was quicker by a hair
        row = await _locked(connection, new.organisation_id, key)
        assert row is not None
    known = await mailings.get(connection, row["mailing_id"])
    if row["answer"] is None and known.state in _EMPTY:
        if known.state is MailingState.RECEIVING:
            if row["created_at"] >= now - LEASE:
                return Use(known, row["request_hash"], None, busy=True)
            await mailings.command(connection, known, "abort")
        mailing = await mailings.add(connection, new, now)
        values = {"mailing_id": mailing.id, "request_hash": request_hash, "created_at": now}
        await connection.execute(table.update().where(*_this(new.organisation_id, key)).values(**values))
        return Use(mailing, request_hash, None, ours=True)
    return Use(known, row["request_hash"], row["answer"])


async def keep_alive(connection: AsyncConnection, organisation_id: str, key: str, mailing_id: str, now: datetime) -> None:
    """Say that the upload goes on."""
    query = table.update().where(*_this(organisation_id, key), table.c.mailing_id == mailing_id, table.c.answer.is_(None))
    await connection.execute(query.values(created_at=now))


async def answer(connection: AsyncConnection, organisation_id: str, key: str, mailing_id: str, shape: Mapping[str, Any]) -> None:
    """Keep the answer for whoever repeats the request."""
    query = table.update().where(*_this(organisation_id, key), table.c.mailing_id == mailing_id)
    await connection.execute(query.values(answer=dict(shape)))


async def release(connection: AsyncConnection, organisation_id: str, key: str, mailing_id: str | None = None) -> None:
    """Forget a key whose request failed: nothing was stored, the same key may be used again.

    `mailing_id`: only where it stands for this mailing, and that has no bytes: a request can fail after they were stored, too (a commit
    whose answer did not come back), and whoever repeats it must get this mailing, not another.
    """
    query = table.delete().where(*_this(organisation_id, key))
    if mailing_id is not None:
        empty = of_mailings.c.state.in_([state.value for state in _EMPTY])
        query = query.where(table.c.mailing_id.in_(sa.select(of_mailings.c.id).where(of_mailings.c.id == mailing_id, empty)))
    await connection.execute(query)


async def sweep(connection: AsyncConnection, now: datetime) -> int:
    """Forget keys older than `KEPT`; how many."""
    result = await connection.execute(table.delete().where(table.c.created_at < now - KEPT))
    return int(result.rowcount)


def _this(organisation_id: str, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.organisation_id == organisation_id, table.c.key == key


async def _locked(connection: AsyncConnection, organisation_id: str, key: str) -> Mapping[Any, Any] | None:
    query = table.select().where(*_this(organisation_id, key)).with_for_update()
    return (await connection.execute(query)).mappings().first()


async def _insert(connection: AsyncConnection, key: str, request_hash: str, mailing: Mailing, now: datetime) -> bool:
    insert = insert_into(connection, table)
    values = {
        "organisation_id": mailing.organisation_id,
        "key": key,
        "request_hash": request_hash,
        "mailing_id": mailing.id,
        "created_at": now,
    }
    result = await connection.execute(insert.values(values).on_conflict_do_nothing())
    return bool(result.rowcount == 1)
