"""Claim a batch, run its step under a lease that is kept alive, and say how it ended."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from postoffice.house import House
from postoffice.model.errors import PostOfficeError
from postoffice.model.ports import Span
from postoffice.model.tracing import TRACEPARENT
from postoffice.pipeline import (
    asking,
    campaign_conducting,
    campaign_filling,
    climbing,
    dispatching,
    forwarding,
    importing,
    mailroom,
    planning,
    reading,
    returning,
)
from postoffice.pipeline.hearing import translate
from postoffice.pipeline.stop import Stop, StopAsked
from postoffice.store import batches, campaigns_waves, flow
from postoffice.store.batches import Batch
from postoffice.store.deliveries import LostLease

Step = Callable[[House, Batch, Stop], Awaitable[None]]

STEPS: Mapping[str, Step] = {
    "read": reading.read,
    "plan": planning.plan,
    "dispatch": dispatching.dispatch,
    "ask": asking.ask,
    "climb": climbing.climb,
    "news": translate,
    importing.STEP: importing.run,
    returning.STEP: returning.read,
    mailroom.READ: mailroom.read,
    mailroom.FORWARD: forwarding.forward,
    campaigns_waves.CONDUCT: campaign_conducting.conduct,
    campaigns_waves.FILL: campaign_filling.fill,
}


class Pipeline:
    """The steps, as one worker runs them. `owner` names the worker in leases."""

    def __init__(self, house: House, owner: str) -> None:
        self._house = house
        self._owner = owner
        self._lease = house.lease
        self.stop = Stop()

    async def work(self, batch_id: str) -> bool:
        """Do one batch if it is ours to do; False where there was nothing to do. Never raises but on cancellation."""
        house, now = self._house, self._house.clock.now()
        if self.stop.asked:
            return False
        try:
            async with house.database.write() as connection:
                batch = await batches.claim(connection, batch_id, self._owner, now, self._lease)
        except (SQLAlchemyError, OSError) as error:
            house.log.warning("batch.no_database", batch=batch_id, error=type(error).__name__)
            return False
        if batch is None:
            return False
        from_where = str(batch.data.get(TRACEPARENT, ""))
        facts: dict[str, Any] = {"batch": batch.id, "subject": batch.subject_id, "queue": batch.queue, "failures": batch.failures}
        with house.traces.span(f"step {batch.step}", parent=from_where, **facts) as span:
            await self._run(batch, span)
        return True

    async def _run(self, batch: Batch, span: Span) -> None:
        log = self._house.log
        over = asyncio.Event()
        keeper = asyncio.create_task(self._keep_lease(batch, over))
        try:
            await STEPS[batch.step](self._house, batch, self.stop)
        except LostLease:
            span.failed("lost-lease")
            log.warning("batch.lost", batch=batch.id, step=batch.step)
            with contextlib.suppress(SQLAlchemyError, OSError):  # only a meter
                async with self._house.database.write() as connection:
                    await flow.count_lost_lease(connection, batch.organisation_id)
        except StopAsked:
            await self._give_back(batch)
        except Exception as error:
            span.failed(type(error).__name__)
            await self._failed(batch, error)
        finally:
            over.set()  # not cancelled: it may be in the middle of a transaction
            await keeper

    async def _give_back(self, batch: Batch) -> None:
        with contextlib.suppress(SQLAlchemyError, OSError):  # the lease runs out by itself
            async with self._house.database.write() as connection:
                await batches.put_off(connection, batch, self._house.clock.now())

    async def _failed(self, batch: Batch, error: Exception) -> None:
        """A step that raised is tried again later, a few times; the log says where it broke, without its values."""
        facts = {"code": error.code} if isinstance(error, PostOfficeError) else {}
        self._house.log.error("batch.failed", batch=batch.id, step=batch.step, error=type(error).__name__, where=_where(error), **facts)
        with contextlib.suppress(SQLAlchemyError, OSError):  # the lease runs out by itself
            async with self._house.database.write() as connection:
                if await batches.fail(connection, batch, self._house.clock.now(), f"{type(error).__name__} at {_where(error)}"):
                    self._house.log.error("batch.set_aside", batch=batch.id, step=batch.step)

    async def _keep_lease(self, batch: Batch, over: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), self._lease.total_seconds() / 3)
            if over.is_set():
                return
            with contextlib.suppress(SQLAlchemyError, OSError):
                async with self._house.database.write() as connection:
                    if not await batches.renew(connection, batch, self._house.clock.now(), self._lease):
                        return


def _where(error: BaseException) -> str:
    """The innermost place in our own files: a path inside the package and a line, never a value."""
    place, trace = "", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "postoffice" in name:
            place = f"{name.rsplit('postoffice', 1)[-1].lstrip('/')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
