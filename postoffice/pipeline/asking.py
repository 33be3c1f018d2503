"""Ask: carriers that do not call us are asked what became of a batch, less and less often, until all is known."""

from datetime import timedelta

from postoffice.house import House
from postoffice.model.delivery import Receipt
from postoffice.model.errors import NotFound, TryLater
from postoffice.pipeline.news import apply_news
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, deliveries
from postoffice.store.batches import Batch

LONGEST = timedelta(hours=6)
#: returned mail can take weeks
GIVE_UP = timedelta(days=60)


async def ask(house: House, batch: Batch, stop: Stop) -> None:
    """Ask once for all deliveries that may have news; put off for the next round, or done when nothing is left to learn."""
    async with house.database.read() as connection:
        waiting = await deliveries.askable(connection, batch.data["dispatched"])
    carrier = None
    if waiting:
        try:
            carrier = await house.carriers.get(batch.organisation_id, batch.data["carrier"])
        except NotFound:
            house.log.warning("carrier.gone", carrier=batch.data["carrier"], batch=batch.id)
    if carrier is not None:
        try:
            told = await carrier.ask([Receipt(delivery.id, delivery.reference) for delivery in waiting])
        except TryLater as later:
            house.log.warning("carrier.not_asked", carrier=carrier.name, code=later.code)
        else:
            await apply_news(house, batch.organisation_id, carrier.name, told)
    now = house.clock.now()
    async with house.database.write() as connection:
        left = await deliveries.askable(connection, batch.data["dispatched"])
        oldest = min((delivery.created_at for delivery in left), default=now)
        if not left or carrier is None or now - oldest > GIVE_UP:
            await batches.finish(connection, batch, now)
            return
        turn = int(batch.data.get("round", 0))
        wait = min(timedelta(seconds=carrier.abilities.ask_after) * 2 ** min(turn, 30), LONGEST)
        await batches.put_off(connection, batch, now + wait, {**batch.data, "round": turn + 1})
