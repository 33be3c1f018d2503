"""Ask: carriers that do not call us are asked what became of a batch, less and less often, until all is known."""

from collections.abc import Sequence
from datetime import timedelta

from postoffice.house import House
from postoffice.model.delivery import Delivery, Receipt
from postoffice.model.errors import PostOfficeError, TryLater
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
    pause = await _ask(house, batch, waiting) if waiting else LONGEST
    now = house.clock.now()
    async with house.database.write() as connection:
        left = await deliveries.askable(connection, batch.data["dispatched"])
        oldest = min((delivery.created_at for delivery in left), default=now)
        if not left or now - oldest > GIVE_UP:
            await batches.finish(connection, batch, now)
            return
        turn = int(batch.data.get("round", 0))
        wait = min(pause * 2 ** min(turn, 20), LONGEST)
        await batches.put_off(connection, batch, now + wait, {**batch.data, "round": turn + 1})


async def _ask(house: House, batch: Batch, waiting: Sequence[Delivery]) -> timedelta:
    """Ask and apply; the pause before the carrier's second question. A carrier that is switched off may come back."""
    name = batch.data["carrier"]
    try:
        carrier = await house.carriers.get(batch.organisation_id, name)
    except PostOfficeError as missing:
        house.log.warning("carrier.not_to_be_had", carrier=name, batch=batch.id, code=missing.code)
        return LONGEST
    try:
        told = await carrier.ask([Receipt(delivery.id, delivery.reference) for delivery in waiting])
    except TryLater as later:
        house.log.warning("carrier.not_asked", carrier=name, code=later.code)
    except Exception as bug:  # it may raise TryLater and nothing else; its deliveries must not be forgotten for that
        house.log.error("carrier.broke_contract", carrier=name, batch=batch.id, error=type(bug).__name__)
    else:
        await apply_news(house, batch.organisation_id, name, told)
    return timedelta(seconds=max(carrier.abilities.ask_after, 0.1))
