"""Ask: carriers that do not call us are asked what became of a batch, less and less often, until all is known."""

from collections.abc import Sequence
from datetime import timedelta

from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery, Receipt
from postoffice.model.errors import PostOfficeError, TryLater
from postoffice.model.ports import Carrier, Proves
from postoffice.pipeline.news import apply_news
from postoffice.pipeline.proofs import with_proofs
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, deliveries
from postoffice.store.batches import Batch

LONGEST = timedelta(hours=6)
#: after so long a carrier has no more news: networks try an SMS for two days, a fax is sent within hours, returned mail can take weeks
GIVE_UP = {
    Channel.EMAIL: timedelta(days=7),
    Channel.SMS: timedelta(days=7),
    Channel.FAX: timedelta(days=3),
    Channel.POST: timedelta(days=60),
}
#: a signed receipt or the scan of a returned envelope comes some days after the letter's end
PROOFS = timedelta(days=14)


async def ask(house: House, batch: Batch, stop: Stop) -> None:
    """Ask once for all deliveries that may have news; put off for the next round, or done when nothing is left to learn."""
    carrier = await _carrier(house, batch)
    arrived = house.clock.now() - PROOFS if isinstance(carrier, Proves) else None
    async with house.database.read() as connection:
        waiting = await deliveries.askable(connection, batch.data["dispatched"], arrived)
    pause = await _ask(house, batch, carrier, waiting) if waiting and carrier else LONGEST
    now = house.clock.now()
    async with house.database.write() as connection:
        left = await deliveries.askable(connection, batch.data["dispatched"], arrived)
        latest = max((delivery.handed_over_at or delivery.created_at for delivery in left), default=now)
        if not left or now - latest > GIVE_UP[left[0].channel]:
            await batches.finish(connection, batch, now)
            return
        turn = int(batch.data.get("round", 0))
        wait = min(pause * 2 ** min(turn, 20), LONGEST)
        await batches.put_off(connection, batch, now + wait, {**batch.data, "round": turn + 1})


async def _carrier(house: House, batch: Batch) -> Carrier | None:
    """None for a carrier that is switched off: it may come back."""
    try:
        return await house.carriers.get(batch.organisation_id, batch.data["carrier"])
    except PostOfficeError as missing:
        house.log.warning("carrier.not_to_be_had", carrier=batch.data["carrier"], batch=batch.id, code=missing.code)
        return None


async def _ask(house: House, batch: Batch, carrier: Carrier, waiting: Sequence[Delivery]) -> timedelta:
    """Ask and apply; the pause before the carrier's second question."""
    name = batch.data["carrier"]
    try:
        with house.traces.span("carrier ask", kind="client", channel=carrier.abilities.channel.value, carrier=name):
            told = await carrier.ask([Receipt(delivery.id, delivery.reference) for delivery in waiting])
        told = await with_proofs(house, batch.organisation_id, carrier, waiting, told)
    except TryLater as later:
        house.log.warning("carrier.not_asked", carrier=name, code=later.code)
    except Exception as bug:  # it may raise TryLater and nothing else; its deliveries must not be forgotten for that
        house.log.error("carrier.broke_contract", carrier=name, batch=batch.id, error=type(bug).__name__)
    else:
        await apply_news(house, batch.organisation_id, name, told)
    return timedelta(seconds=max(carrier.abilities.ask_after, 0.1))
