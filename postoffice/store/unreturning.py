"""Queries that take a returned letter's entry back: the delivery is posted again, and a rung that was climbed is left."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.states import DELIVERY_COMMANDS, item_state_of
from postoffice.store import rows
from postoffice.store.schema import deliveries, items


async def unreturn(connection: AsyncConnection, delivery_id: str, now: datetime) -> bool:
    """The delivery did not come back. False where its item has gone on by another rung that is no longer waiting: that stays."""
    sources, target = DELIVERY_COMMANDS["unreturn"]
    found = await connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_([state.value for state in sources]))
        .values(state=target.value, ended_at=None, error="", code="")
        .returning(*deliveries.c)
    )
    row = found.mappings().first()
    if row is None:
        return True
    delivery = rows.delivery(row)
    item = (await connection.execute(items.select().where(items.c.id == delivery.item_id).with_for_update())).mappings().one()
    shown = {"state": item_state_of(target).value, "updated_at": now}
    if item["delivery_id"] == delivery_id:
        await connection.execute(items.update().where(items.c.id == item["id"]).values(**shown))
        return True
    next_one = await _cancel(connection, str(item["delivery_id"]), now)
    if next_one is None:
        return False
    values = {"delivery_id": delivery_id, "rung": delivery.rung, "rungs_left": len(item["plan"]) - 1 - delivery.rung}
    await connection.execute(items.update().where(items.c.id == item["id"]).values(**shown, **values, cost=items.c.cost - next_one))
    return True


async def _cancel(connection: AsyncConnection, delivery_id: str, now: datetime) -> int | None:
    """Stop the delivery that the item climbed to, where it still waits; its cost, None where it is too late."""
    sources, target = DELIVERY_COMMANDS["cancel"]
    update = (
        deliveries.update()
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_([state.value for state in sources]))
        .values(state=target.value, ended_at=now)
        .returning(deliveries.c.cost)
    )
    cost: int | None = await connection.scalar(update)
    return cost
