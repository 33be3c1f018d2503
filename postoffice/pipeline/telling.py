"""Tell: events go to the organisation's own programs as the Standard Webhooks say (https://www.standardwebhooks.com).

Each endpoint is told by one process at a time, and a few of an organisation at once: one that hangs holds up nobody else.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from postoffice.house import House
from postoffice.model.states import EventKind
from postoffice.pipeline.outward import Answer, Outward
from postoffice.store import hooks
from postoffice.store.hooks import Endpoint, Message

#: pauses after each failed try, with a third more or less: 75 hours in all, as the standard proposes
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
LONGEST_WAIT = timedelta(days=1)  #: of a Retry-After that is heeded
LOOK_EVERY = 1.0  #: seconds
PATIENCE = 15.0  #: seconds for one answer; the standard proposes 15 to 30
LEASE = timedelta(seconds=90)
CHUNK = 8  #: messages to one endpoint at once
TURN = 30.0  #: seconds that one endpoint is told before others have their turn
SLOTS = 64  #: endpoints that one process tells at once
OF_ONE = 6  #: of them, those of one organisation
GONE = 410


def signatures(secrets: Sequence[str], message_id: str, stamp: int, body: bytes) -> str:
    """The header webhook-signature: one v1 for each secret that is valid now."""
    signed = f"{message_id}.{stamp}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets)
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


def payload(message: Message, fact: Mapping[Any, Any] | None) -> bytes:
    """The body: ids, kind and the organisation's own references. No name, no address, no word of a letter or an answer."""
    if fact is None:
        data: dict[str, Any] = {"message": "This is a trial: it tells of nothing."}
        at = message.created_at
    else:
        names = ("mailing_id", "item_id", "delivery_id", "contact_id", "channel", "carrier", "live")
        data = {"event_id": fact["id"], "kind": fact["kind"], "code": fact["code"], **{name: fact[name] for name in names}}
        data |= {"item_reference": fact["reference"] or "", "contact_external_ids": fact["external_ids"] or {}}
        at = fact["at"]
    about = "mailing" if message.kind == EventKind.ALERTED.value else "item"
    kind = "webhook.test" if message.kind == hooks.TEST else f"{about}.{message.kind}"
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data}, separators=(",", ":")).encode()


def next_pause(attempts: int, answer: Answer, schedule: Sequence[timedelta] = SCHEDULE) -> timedelta | None:
    """The pause after the try number `attempts` (from 1); None: no more tries."""
    if attempts > len(schedule):
        return None
    pause = schedule[attempts - 1] * random.uniform(0.67, 1.33)  # noqa: S311 - spreads load, guards nothing
    return max(pause, min(answer.after, LONGEST_WAIT)) if answer.after else pause


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is told; tests are in more of a hurry."""

    schedule: Sequence[timedelta] = SCHEDULE
    every: float = LOOK_EVERY
    patience: float = PATIENCE


class Telling:
    """Tells what waits in the outbox, in the background of a worker."""

    def __init__(self, house: House, owner: str, manner: Manner | None = None) -> None:
        self._house = house
        self._owner = owner
        self._manner = manner or Manner()
        self._outward = Outward(self._manner.patience)
        self._running: dict[str, tuple[str, asyncio.Task[None]]] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Until told to stop; calls under way are broken off and made again by whoever comes next, under the same webhook-id."""
        try:
            while not stopping.is_set():
                try:
                    await self.look()
                except Exception as error:  # the database may be away; the outbox waits
                    self._house.log.warning("telling.broke", error=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), self._manner.every)
        finally:
            await self.close()

    async def look(self) -> None:
        """Begin to tell endpoints that something waits for, as far as there is room."""
        self._running = {key: one for key, one in self._running.items() if not one[1].done()}
        room = SLOTS - len(self._running)
        if room <= 0:
            return
        async with self._house.database.read() as connection:
            due = await hooks.due_endpoints(connection, self._house.clock.now(), SLOTS * 4)
        busy = Counter(organisation_id for organisation_id, _ in self._running.values())
        for endpoint in due:
            if room and endpoint.id not in self._running and busy[endpoint.organisation_id] < OF_ONE:
                busy[endpoint.organisation_id] += 1
                room -= 1
                task = asyncio.create_task(self._tell(endpoint.id))
                self._running[endpoint.id] = (endpoint.organisation_id, task)

    async def settle(self) -> None:
        """Until nothing is being told."""
        await asyncio.gather(*(task for _, task in self._running.values()), return_exceptions=True)

    async def close(self) -> None:
        """Break off, give back, hang up."""
        for _, task in self._running.values():
            task.cancel()
        await self.settle()
        await self._outward.close()

    async def _tell(self, endpoint_id: str) -> None:
        try:
            async with self._house.database.write() as connection:
                endpoint = await hooks.claim(connection, endpoint_id, self._owner, self._house.clock.now(), LEASE)
            if endpoint is None:
                return
            learned: dict[str, Any] = {}
            try:
                learned = await self._tell_all(endpoint)
            finally:
                async with self._house.database.write() as connection:
                    await hooks.release(connection, endpoint_id, self._owner, **learned)
        except (SQLAlchemyError, OSError) as error:  # the lease runs out, and it is told again under the same id
            self._house.log.warning("telling.broke", endpoint=endpoint_id, error=type(error).__name__)

    async def _tell_all(self, endpoint: Endpoint) -> dict[str, Any]:
        """What is due, chunk by chunk, until it fails or its turn is over; what was learned of the endpoint."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + TURN
        failures = endpoint.failures
        learned: dict[str, Any] = {}
        async with self._house.database.read() as connection:
            inside = await hooks.may_call_inside(connection, endpoint.organisation_id)
        secrets = hooks.open_secrets(self._house.keyring, endpoint, self._house.clock.now())
        while not learned or (failures == 0 and loop.time() < ends):
            async with self._house.database.read() as connection:
                some = await hooks.due_messages(connection, endpoint.id, self._house.clock.now(), 1 if failures else CHUNK)
                facts = await hooks.facts(connection, some)
            if not some:
                break
            answers = await asyncio.gather(*(self._post(endpoint, one, facts, secrets, inside) for one in some))
            failures = 0 if all(answer.good for answer in answers) else failures + 1
            learned |= await self._record(endpoint, list(zip(some, answers, strict=True)), failures)
        return learned

    async def _post(
        self, endpoint: Endpoint, one: Message, facts: Mapping[str, Mapping[Any, Any]], secrets: Sequence[str], inside: bool
    ) -> Answer:
        body = payload(one, facts.get(one.event_id or ""))
        stamp = int(self._house.clock.now().timestamp())
        message_id = f"msg_{one.id}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signatures(secrets, message_id, stamp, body),
        }
        with self._house.traces.span("webhook", kind="client", endpoint=endpoint.id, attempt=one.attempts + 1) as span:
            answer = await self._outward.post(endpoint.url, body, headers, inside=inside)
            span.set(status=answer.status or 0)
            if not answer.good:
                span.failed(str(answer.status or "no-answer"))
        return answer

    async def _record(self, endpoint: Endpoint, told: Sequence[tuple[Message, Answer]], failures: int) -> dict[str, Any]:
        now = self._house.clock.now()
        async with self._house.database.write() as connection:
            for one, answer in told:
                await hooks.record(
                    connection, one.id, now, status=answer.status, answer=answer.text[:500], **self._fate(one, answer, now)
                )
            if any(answer.status == GONE for _, answer in told):
                await hooks.bury(connection, endpoint.id, now, "It answered 410: it is gone.")
        last = next((answer for _, answer in told if not answer.good), told[-1][1])
        learned: dict[str, Any] = {
            "failures": failures,
            # one that fails again and again is left alone for a while, however much waits for it
            "not_before": now + min(timedelta(seconds=5) * 2 ** min(failures - 1, 8), timedelta(minutes=5)) if failures > 1 else None,
            "last_status": last.status,
            "last_error": "" if last.good else last.text[:300],
            "last_at": now,
        }
        return learned | ({"last_ok_at": now} if last.good else {})

    def _fate(self, one: Message, answer: Answer, now: datetime) -> dict[str, Any]:
        if answer.good:
            return {"state": "done", "done_at": now}
        pause = next_pause(one.attempts + 1, answer, self._manner.schedule)
        return {"next_at": now + pause} if pause else {"state": "dead", "done_at": now}
