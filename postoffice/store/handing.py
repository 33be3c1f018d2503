"""The hot statements of handing over: a chunk is marked with its items, and recorded, in a few statements whatever its size.

Each writes the states of the one transition table. The caller owns the transaction, which may be one of database.at_once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from postoffice.model.delivery import Delivery
from postoffice.model.item import Item
from postoffice.model.states import DELIVERY_COMMANDS, DeliveryState
from postoffice.store import rows
from postoffice.store.batches import Batch
from postoffice.store.plain import Plain
from postoffice.store.prepared import Prepared, insert_now
from postoffice.store.schema import UtcTime, deliveries, events

_QUEUED, _SENDING = DeliveryState.QUEUED.value, DeliveryState.SENDING.value
_HANDED_FROM, _HANDED_TO = DELIVERY_COMMANDS["hand_over"]

_MARK = Plain(
    f"UPDATE deliveries SET state = '{_SENDING}', attempt = attempt + 1 WHERE state = '{_QUEUED}' AND id IN ["
    f"SELECT id FROM deliveries WHERE batch_id = :batch AND state = '{_QUEUED}' AND (not_before IS NULL OR not_before <= :now) "
    f"ORDER BY id LIMIT :most] RETURNING {rows.MARKED}"
)
_RENEW = Plain("UPDATE batches SET lease_until = :until WHERE id = :batch AND token = :token AND state = 'open'")
_TO_MARK = Plain("UPDATE batches SET lease_until = :until WHERE id = :batch AND token = :token AND state = 'open' RETURNING held_at")
_LISTENING = Plain("SELECT id FROM hook_endpoints WHERE organisation_id = :organisation AND state <> 'gone' LIMIT 1")
_PRESENT = "id IN :items AND delivery_id IN :deliveries"
_SHOW_SENDING = Plain(f"UPDATE items SET state = '{_SENDING}', updated_at = :now WHERE {_PRESENT} RETURNING {rows.TO_SEND}")
_SHOW = Plain(
    f"UPDATE items SET state = (SELECT d.state FROM deliveries d WHERE d.id = items.delivery_id), updated_at = :now WHERE {_PRESENT}"
)


@dataclass(frozen=True, slots=True)
class Marked:
    """A chunk that nobody else will hand over. `items` by id: those whose present delivery it is (rows.to_send)."""

    deliveries: Sequence[Delivery]
    items: dict[str, Item]


@dataclass(frozen=True, slots=True)
class MarkedRows:
    """The same as the driver gives it. What is made of it is made after the transaction: on SQLite all other writers wait for that."""

    deliveries: Sequence[Sequence[Any]] = ()
    items: Sequence[Sequence[Any]] = ()

    def read(self) -> Marked:
        """Its values, in the order of their ids."""
        marked = sorted(map(rows.marked, self.deliveries), key=attrgetter("id"))
        return Marked(marked, {row[0]: rows.to_send(row) for row in self.items})


def renew(connection: sa.Connection, batch: Batch, until: datetime) -> bool:
    """Check the fencing token and prolong the lease; False where the batch is no longer ours."""
    return _RENEW.count(connection, batch=batch.id, token=batch.token, until=until) == 1


def mark(connection: sa.Connection, batch: Batch, most: int, now: datetime, lease: timedelta) -> MarkedRows | None:
    """Check the token, renew the lease, and mark up to `most` due deliveries as `sending`, their items with them; None: another's.

    Nothing is marked of what somebody paused meanwhile.
    """
    ours = _TO_MARK.rows(connection, batch=batch.id, token=batch.token, until=now + lease)
    if not ours:
        return None
    if ours[0][0] is not None:
        return MarkedRows()
    found = _MARK.rows(connection, batch=batch.id, now=now, most=most)
    if not found:
        return MarkedRows()
    moved = {"items": [row[rows.ITEM_ID] for row in found], "deliveries": [row[0] for row in found]}
    return MarkedRows(found, _SHOW_SENDING.rows(connection, now=now, **moved))


def show(connection: sa.Connection, moved: Sequence[tuple[str, str]], now: datetime) -> None:
    """Items show the state that their current delivery has now (see states.item_state_of); `moved`: (item id, delivery id)."""
    if moved:
        item_ids, delivery_ids = zip(*moved, strict=True)
        _SHOW.count(connection, items=item_ids, deliveries=delivery_ids, now=now)


def record_taken(
    connection: sa.Connection,
    batch: Batch,
    told: Sequence[dict[str, Any]],
    moved: Sequence[tuple[str, str]],
    happened: Sequence[dict[str, Any]],
    now: datetime,
    lease: timedelta,
) -> bool | None:
    """A whole chunk was taken by its carrier: deliveries (see `taken`), items and rows of `events` in one go.

    None where the batch is another's; False where a program wants to hear of it, and then nothing was written.
    """
    if not renew(connection, batch, now + lease):
        return None
    if _LISTENING.rows(connection, organisation=batch.organisation_id):
        return False
    taken(connection, told, now)
    show(connection, moved, now)
    insert_now(connection, events, happened)
    return True


def _taken(connection: sa.Connection) -> Any:
    """The carrier's news may have been quicker than our record: then the state stays, but its reference is kept all the same."""
    many = connection.dialect.name != "sqlite"
    types = {
        "b_id": sa.Text,
        "b_reference": sa.Text,
        "b_cost": sa.BigInteger,
        "b_error": sa.Text,
        "b_code": sa.Text,
        "b_wait_until": UtcTime,
    }
    binds: dict[str, Any] = {name: sa.bindparam(name, type_=kind) for name, kind in types.items()}
    if many:  # all rows in one statement, as columns
        lists: list[Any] = [sa.bindparam(f"{name}s", type_=postgresql.ARRAY(kind)) for name, kind in types.items()]
        told = (
            sa.func.unnest(*lists).table_valued(*(sa.column(name, kind) for name, kind in types.items()), name="told").render_derived()
        )
        binds = {name: told.c[name] for name in types}
    legal = sa.or_(*(deliveries.c.state == sa.literal_column(f"'{state.value}'") for state in sorted(_HANDED_FROM)))
    return (
        deliveries.update()
        .where(deliveries.c.id == binds["b_id"])
        .values(
            state=sa.case((legal, sa.literal_column(f"'{_HANDED_TO.value}'")), else_=deliveries.c.state),
            reference=binds["b_reference"],
            cost=binds["b_cost"],
            error=sa.case((legal, binds["b_error"]), else_=deliveries.c.error),
            code=sa.case((legal, binds["b_code"]), else_=deliveries.c.code),
            not_before=sa.null(),
            handed_over_at=sa.func.coalesce(deliveries.c.handed_over_at, sa.bindparam("b_now", type_=UtcTime)),
            wait_until=sa.func.coalesce(deliveries.c.wait_until, binds["b_wait_until"]),
        )
    )


_TAKEN = Prepared(_taken)
_COLUMNS = ("b_id", "b_reference", "b_cost", "b_error", "b_code", "b_wait_until")


def taken(connection: sa.Connection, told: Sequence[dict[str, Any]], now: datetime) -> None:
    """Record hand-overs: each mapping has b_id, b_reference, b_cost, b_error, b_code, b_wait_until."""
    if connection.dialect.name == "sqlite":
        _TAKEN.run_all(connection, [{**one, "b_now": now} for one in told])
    else:
        lists = {f"{name}s": [one[name] for one in told] for name in _COLUMNS}
        _TAKEN.run(connection, {**lists, "b_now": now}).close()
