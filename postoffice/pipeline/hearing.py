"""Hear: raw news is kept first, then translated by its carrier and applied. All of it can be done again at any time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from postoffice.house import House
from postoffice.model.delivery import Event
from postoffice.model.errors import CarrierError, PostOfficeError
from postoffice.pipeline.news import Told, take
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, news
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease
from postoffice.store.news import Raw

AT_ONCE = 50  #: raw news that is applied in one transaction
#: news that names no delivery may have been quicker than our own record: it is read again after 2, 4, 8 ... seconds
FIRST_PAUSE = timedelta(seconds=2)
MOST_TRIES = 10
OF_NOTHING = "It names no delivery that this carrier was given."


@dataclass(frozen=True, slots=True)
class Understood:
    """A piece of raw news and what its carrier made of it; `why` not: in words, without personal data."""

    raw: Raw
    events: Sequence[Event] = ()
    why: str = ""


async def hear(house: House, organisation_id: str, carrier: str, told: Sequence[Event], *, news_id: str | None = None) -> int:
    """The one entry for news that comes by itself and is translated already: a carrier's own line, a mailbox.

    It is kept raw first (unless `news_id` names what the caller keeps), then applied; how many events were new. Events without
    key, whose detail has `from` and `to`, are laid to the last delivery to `from` on the channel of the carrier (or on that of
    the detail's `channel`). What raises can be called again with the same events: nothing is doubled.
    """
    if not told:
        return 0
    kept = news_id or await _keep(house, organisation_id, carrier, told)
    taken = await take(house, organisation_id, carrier, [Told(event, kept) for event in told])
    if news_id is None:
        async with house.database.write() as connection:
            error = OF_NOTHING if taken.of_nothing else ""
            await news.mark(connection, [kept], "read", house.clock.now(), error=error)
    return taken.written


async def _keep(house: House, organisation_id: str, carrier: str, told: Sequence[Event]) -> str:
    now = house.clock.now()
    async with house.database.write() as connection:
        news_id, _ = await news.keep(
            connection,
            organisation_id=organisation_id,
            carrier=carrier,
            way="heard",
            digest=news.digest_of_events(told),
            body=news.seal_events(house.keyring, told),
            request={"events": len(told)},
            now=now,
        )
    return news_id


async def translate(house: House, batch: Batch, stop: Stop) -> None:
    """The step: all raw news of one carrier that waits. Ends done, or put off until what names no delivery yet is tried again."""
    carrier = str(batch.data["carrier"])
    while True:
        stop.check()
        async with house.database.read() as connection:
            some = await news.due(connection, batch.organisation_id, carrier, house.clock.now(), AT_ONCE)
        if some:
            await apply_raw(house, batch.organisation_id, carrier, some)
        now = house.clock.now()
        async with house.database.write() as connection:
            if not await batches.renew(connection, batch, now, house.lease):  # locks the row: the door waits, or we see its news
                raise LostLease(batch.id)
            left, since = await news.next_due(connection, batch.organisation_id, carrier)
            if not left:
                await batches.finish(connection, batch, now)
                return
            if since is not None and since > now:
                await batches.put_off(connection, batch, since)
                return


async def apply_raw(house: House, organisation_id: str, carrier: str, some: Sequence[Raw], *, again: bool = False) -> tuple[int, int]:
    """Translate and apply raw news of one carrier: (new events, pieces that were not understood).

    `again`: it is a replay; what was understood before and is not any more (a secret was changed) stays as it is.
    """
    understood = [await _understand(house, raw) for raw in some]
    good, bad = [one for one in understood if not one.why], [one for one in understood if one.why]
    taken = await take(house, organisation_id, carrier, [Told(event, one.raw.id) for one in good for event in one.events])
    now = house.clock.now()
    async with house.database.write() as connection:
        whole = [one.raw.id for one in good if one.raw.id not in taken.of_nothing]
        await news.mark(connection, whole, "read", now)
        for one in good:
            if one.raw.id in taken.of_nothing:
                pause = FIRST_PAUSE * 2**one.raw.tries if one.raw.tries < MOST_TRIES and not again else None
                state, at = ("partly", now + pause) if pause else ("read", None)
                await news.mark(connection, [one.raw.id], state, now, error=OF_NOTHING, not_before=at)
        for one in bad:
            if not (again and one.raw.state == "read"):
                await news.mark(connection, [one.raw.id], "failed", now, error=one.why)
    for one in bad:
        house.log.warning("news.not_understood", carrier=carrier, news=one.raw.id, reason=one.why[:200])
    return taken.written, len(bad)


async def _understand(house: House, raw: Raw) -> Understood:
    """What the carrier says that raw news means. Whatever it raises is told, and the news stays."""
    try:
        if raw.way == "heard":
            return Understood(raw, news.open_events(house.keyring, raw.body))
        carrier = await house.carriers.get(raw.organisation_id, raw.carrier, even_off=True)
        return Understood(raw, carrier.read(news.open_knock(house.keyring, raw.body)))
    except CarrierError as error:
        return Understood(raw, why=error.reason)
    except PostOfficeError as error:
        return Understood(raw, why=error.message)
    except Exception as bug:  # a carrier's own fault; its words may repeat what was told, so only their kind is kept
        return Understood(raw, why=f"Its translation failed ({type(bug).__name__}).")


async def replay(
    house: House,
    *,
    organisation_id: str | None = None,
    carrier: str | None = None,
    since: datetime | None = None,
    failed: bool = False,
) -> tuple[int, int, int]:
    """Translate stored raw news anew: (how many pieces, new events, pieces not understood). Told events are not doubled."""
    pieces = written = wrong = 0
    after = ""
    while True:
        async with house.database.read() as connection:
            some = await news.some(
                connection, organisation_id=organisation_id, carrier=carrier, since=since, failed=failed, after=after
            )
        if not some:
            return pieces, written, wrong
        after = some[-1].id
        for of in dict.fromkeys((raw.organisation_id, raw.carrier) for raw in some):
            group = [raw for raw in some if (raw.organisation_id, raw.carrier) == of]
            new, bad = await apply_raw(house, *of, group, again=True)
            pieces, written, wrong = pieces + len(group), written + new, wrong + bad
