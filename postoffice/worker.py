"""A worker: arq's ears on each queue, the relay that rings for what waits, and a sign of life."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from arq.worker import Worker as ArqWorker
from arq.worker import func
from sqlalchemy.exc import SQLAlchemyError

from postoffice.actions import click_tracking, segments
from postoffice.house import House
from postoffice.model.errors import Unavailable
from postoffice.pipeline import Pipeline
from postoffice.pipeline.listening import Listening
from postoffice.pipeline.mailbox import Mailboxes
from postoffice.pipeline.telling import Telling
from postoffice.store import alerts, batches, figures, hooks, housekeeping, news, people, retention
from postoffice.store.bell import ArqBell, deserialize, queue_name, redis_client, serialize
from postoffice.store.documents import FileDocuments
from postoffice.store.turns import urgent

#: queue -> batches at the same time in one worker process
QUEUES = {"compose": 2, "email": 4, "sms": 4, "fax": 8, "post": 3}
FIRST_AT_ONCE = 2  #: of small mailings, beside those: their own lane in each queue, so that no campaign stands before them
RELAY_EVERY = 0.5  # seconds
RINGS = 500  #: in one round of the relay
ALONE = 4  #: batches at the same time while the queue server is away
HEARTBEAT_EVERY = 10.0
ENDS = (0.5, 0.5, 1.0, 1.0, 2.0)  #: seconds that a cancelled task of arq's has to end, cancelled anew after each
LONGEST_END = 25.0  #: seconds for what is in hand after SIGTERM: a supervisor kills after 30 or 90
TIDY_EVERY = timedelta(hours=1)
ABANDONED_SECONDS = 6 * 3600  #: unfinished uploads and plain copies of this age belong to a process that is gone
#: arq ends a job after this; the lease, not this, is what tells a dead worker
LONGEST_JOB = timedelta(hours=6)
#: running jobs stay in arq's sorted set, so what one worker may look at must exceed what the whole fleet runs
READ_LIMIT = 1000


def rest_collector() -> None:
    """Let the garbage collector look seldom: a chunk makes thousands of small objects, none in a circle, and to look through them
    again and again takes a quarter of the time. What is there already is never looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def ended(task: "asyncio.Task[Any]", patience: float = 0.0) -> None:
    """Let a task of arq's end by itself for `patience` seconds, then cancel it, again and again for a while: libraries that speak with
    a server now and then swallow a cancellation, and a worker that is told to end must not wait for them. What it raises is told by
    `task.exception()`; nothing is raised here."""
    for wait in (patience, *ENDS):
        if wait:
            await asyncio.wait({task}, timeout=wait)
        if task.done():
            break
        task.cancel()
    if task.done() and not task.cancelled():
        task.exception()  # it was looked at


class Worker:
    """Listens on queues until it is told to stop."""

    def __init__(self, house: House, bell: ArqBell, redis_url: str, queues: Sequence[str], owner: str) -> None:
        self._house = house
        self._bell = bell
        self._redis_url = redis_url
        self._queues = queues
        self._lanes = batches.lanes(queues)
        self._owner = owner
        self.pipeline = Pipeline(house, owner)
        self._stopping = asyncio.Event()
        self._alone: set[asyncio.Task[bool]] = set()
        self._running: set[asyncio.Task[bool]] = set()

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; then finish the chunks in hand, give the rest back, and end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        started = self._house.clock.now()
        parts = {f"queue {lane}": self._listen(lane) for lane in self._lanes}
        parts |= {"relay": self._relay(), "life": self._live(started)}
        parts["mailboxes"] = Mailboxes(self._house, self._owner).run(self._stopping)
        parts["listening"] = Listening(self._house, self._owner, channels=self._queues).run(self._stopping)
        parts["telling"] = Telling(self._house, self._owner).run(self._stopping)
        tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
        self._house.log.info("worker.ready", owner=self._owner, queues=list(self._queues))
        await self._stopping.wait()
        self.pipeline.stop.ask()
        _, late = await asyncio.wait({*tasks, *self._alone, *self._running}, timeout=LONGEST_END)
        if late:  # a carrier hangs: what it has in hand is left in doubt, as after a crash, and settled by the next owner
            steps = len(self._running) + len(self._alone)
            parts_late = sorted(task.get_name() for task in tasks if task in late)
            self._house.log.warning("worker.broke_off", owner=self._owner, steps=steps, parts=parts_late)
        for task in {*late, *self._alone, *self._running}:
            task.cancel()
        await asyncio.gather(*tasks, *self._alone, *self._running, return_exceptions=True)
        self._house.log.info("worker.stopped", owner=self._owner)

    def stop(self) -> None:
        """Ask for the end."""
        self.pipeline.stop.ask()
        self._stopping.set()

    async def _listen(self, queue: str) -> None:
        """One arq worker; a Redis that goes away ends it, so it is begun anew until we stop."""
        while not self._stopping.is_set():
            ears = self._ears(queue)
            hearing = asyncio.create_task(ears.main())
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([hearing, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if self._stopping.is_set():
                ears.allow_pick_jobs = False
                await asyncio.gather(*ears.tasks.values(), return_exceptions=True)
            await ended(hearing)
            # the queue may be gone; arq cancels its jobs here, so our steps run in tasks of their own
            await ended(asyncio.create_task(ears.close()), patience=2)
            if not self._stopping.is_set():
                error = None if hearing.cancelled() or not hearing.done() else hearing.exception()
                self._house.log.warning("worker.no_queue", queue=queue, error=type(error).__name__)
                self._bell.deaf = True  # until a ring gets through, the relay does the work itself
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), 1)

    def _ears(self, queue: str) -> ArqWorker:
        async def work(_ctx: dict[Any, Any], *given: Any, **_more: Any) -> None:
            urgent.set(queue.endswith(batches.FIRST))
            step = asyncio.create_task(self.pipeline.work(str(given[0])))
            self._running.add(step)
            step.add_done_callback(self._running.discard)
            await asyncio.shield(step)  # a queue server that goes away must not break off a hand-over

        return ArqWorker(
            functions=[func(cast(Any, work), name="work", keep_result=0, timeout=LONGEST_JOB, max_tries=1)],
            queue_name=queue_name(queue),
            redis_pool=redis_client(self._redis_url),
            max_jobs=FIRST_AT_ONCE if queue.endswith(batches.FIRST) else QUEUES.get(queue, 4),
            keep_result=0,
            retry_jobs=False,
            max_tries=1,
            job_timeout=LONGEST_JOB,
            poll_delay=0.1,
            queue_read_limit=READ_LIMIT,
            health_check_interval=3600,
            handle_signals=False,
            job_serializer=serialize,
            job_deserializer=deserialize,
            log_results=False,
        )

    async def _relay(self) -> None:
        """Ring for what is due: the outbox's relay and the reconciler in one. Where the bell is broken, do it ourselves."""
        while not self._stopping.is_set():
            try:
                await self._ring_due()
            except (SQLAlchemyError, OSError) as error:
                self._house.log.warning("relay.no_database", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RELAY_EVERY)

    async def _ring_due(self) -> None:
        now = self._house.clock.now()
        async with self._house.database.read() as connection:
            if not await batches.any_due(connection, now, deaf=self._bell.deaf):
                return
        deaf = self._bell.deaf
        room = ALONE - len(self._alone) if deaf else RINGS
        if room <= 0:
            return
        async with self._house.database.write() as connection:
            rings = await batches.due(connection, now, room, self._lanes if deaf else None, deaf=deaf)
        for ring in rings:
            await self._bell.ring(ring.queue, ring.batch_id, ring.attempt)
            if self._bell.deaf and ring.queue in self._lanes and len(self._alone) < ALONE:
                task = asyncio.create_task(self.pipeline.work(ring.batch_id))
                self._alone.add(task)
                task.add_done_callback(self._alone.discard)

    async def _live(self, started: datetime) -> None:
        """Write a sign of life, and sweep what killed processes left in the documents' folders."""
        tidied = started - TIDY_EVERY
        files = self._house.documents if isinstance(self._house.documents, FileDocuments) else None
        leaving = retention.Leaving(self._house.database, files, ABANDONED_SECONDS) if files else None
        while not self._stopping.is_set():
            now = self._house.clock.now()
            try:
                await click_tracking.settle(self._house)
                async with self._house.database.write() as connection:
                    await housekeeping.beat(connection, self._owner, "worker", self._queues, started, now)
                    if now - tidied >= TIDY_EVERY:
                        await housekeeping.tidy(connection, now)
                        await news.sweep(connection, now)
                        await hooks.sweep(connection, now)
                        await alerts.tell(connection, now)
                if now - tidied >= TIDY_EVERY:
                    if leaving:
                        await self._let_go(leaving, now)
                    await segments.reckon_stale(self._house)
                    tidied = now
                    async with self._house.database.read() as connection:
                        everybody = await people.all_organisation_ids(connection)
                    for organisation_id in everybody:
                        await figures.keep(self._house.database, organisation_id, now)
                    if files:
                        await asyncio.to_thread(files.sweep, ABANDONED_SECONDS, now.timestamp())
            except (SQLAlchemyError, OSError) as error:
                self._house.log.warning("heartbeat.no_database", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), HEARTBEAT_EVERY)

    async def _let_go(self, leaving: retention.Leaving, now: datetime) -> None:
        """Remove what was kept for a time only; a store of documents that is away now holds nothing else up."""
        try:
            await leaving.go_on(now)
        except Unavailable as error:
            self._house.log.warning("documents.not_removed", code=error.code)
