"""What the doctor looks at of the work itself: workers, queues, what stands still, carriers, news, sending domains."""

import asyncio
from collections.abc import Collection
from datetime import datetime

from postoffice.actions.sending_domains import SendingDomains, Verdict
from postoffice.commands.checkup.line import Line, bad, ok, warn
from postoffice.house import SendingTools
from postoffice.model.errors import PostOfficeError
from postoffice.model.states import ItemState
from postoffice.store import batches, people, troubles, vitals
from postoffice.store.database import Database
from postoffice.store.keys import Keyring

ALIVE = 60.0  #: seconds without a heartbeat after which a worker counts as gone
SLOW, LATE = 60.0, 600.0  #: seconds that the oldest work of a queue may have waited
_NAMED = 3

_STUCK = {
    ItemState.QUEUED: "Is there a worker for its queue, and does its carrier answer?",
    ItemState.SENDING: "A worker hangs or died: another takes it up when its lease ends. If not, restart the workers.",
    ItemState.IN_DOUBT: "Look at them at the desk, ask the carrier, and say there whether they arrived.",
}


async def worker_lines(database: Database, queues: Collection[str], now: datetime) -> list[Line]:
    """Workers that live, and queues that none of them serves."""
    async with database.read() as connection:
        signs = await vitals.signs_of_life(connection, now)
    alive = [sign for sign in signs if sign.kind == "worker" and sign.age < ALIVE]
    if not alive:
        return [bad("workers", f"none gave a sign of life within {ALIVE:g} s", "Start one: postoffice work")]
    deserted = sorted(set(queues) - {queue for sign in alive for queue in sign.queues})
    if deserted:
        names = ",".join(deserted)
        return [bad("workers", f"{len(alive)} alive, but none for {names}", f"Start one: postoffice work --queues {names}")]
    return [ok("workers", f"{len(alive)} alive, every queue is served")]


async def queue_lines(database: Database, now: datetime) -> list[Line]:
    """How long the oldest work has waited."""
    async with database.read() as connection:
        waiting = await batches.waiting(connection, now)
    lines = []
    for queue, (number, age) in sorted(waiting.items()):
        found = f"{queue}: {number:,} due, the oldest for {age:,.0f} s"
        todo = f"Start more workers: postoffice work --queues {queue}"
        if age > SLOW:
            lines.append(bad("queue age", found, todo) if age > LATE else warn("queue age", found, todo))
    oldest = max((age for _, age in waiting.values()), default=0.0)
    return lines or [ok("queue age", f"the oldest work has waited {oldest:,.0f} s")]


async def stuck_lines(database: Database, now: datetime) -> list[Line]:
    """Letters that stand still."""
    async with database.read() as connection:
        found = await troubles.stuck(connection, now)
    lines = []
    for state, (number, mailings) in found.items():
        some = ", ".join(mailings[:_NAMED]) + (" ..." if len(mailings) > _NAMED else "")
        hours = troubles.PATIENCE[state].total_seconds() / 3600
        lines.append(warn("stuck", f"{number:,} letters are {state.value} for over {hours:g} h, of mailings {some}", _STUCK[state]))
    return lines or [ok("stuck", "no letter stands still")]


async def dead_lines(database: Database) -> list[Line]:
    """Work that was set aside."""
    async with database.read() as connection:
        number, some = await troubles.dead(connection)
    lines = [
        bad(
            "set aside",
            f"{one.step} {one.id} on {one.queue}: {troubles.without_persons(one.error)}",
            f"Mend what it names (see the log), then: postoffice doctor --revive {one.id}",
        )
        for one in some
    ]
    if number > len(some):
        lines.append(bad("set aside", f"{number - len(some):,} more", "They show when these are done."))
    return lines or [ok("set aside", "no work was set aside")]


async def carrier_lines(database: Database, now: datetime) -> list[Line]:
    """Carriers, mailboxes and webhooks whose last word was an error; news that could not be read."""
    async with database.read() as connection:
        erring = await troubles.erring_carriers(connection)
        boxes = await troubles.failing_mailboxes(connection)
        paused = await troubles.paused_hooks(connection)
        waiting = await troubles.backlog(connection)
    lines = [
        warn(
            "carriers",
            f"{one.organisation}/{one.name} ({one.kind}), {(now - one.since).total_seconds() / 3600:,.1f} h ago: {one.error}",
            "Try it on its page at the desk.",
        )
        for one in erring
    ]
    lines += [warn("mailboxes", f"{carrier}: {number} failures in a row", "See its page at the desk.") for carrier, number in boxes]
    if paused:
        lines.append(warn("webhooks", f"{paused} are switched off after failures", "See the page of webhooks at the desk."))
    if waiting["news-failed"]:
        found = f"{waiting['news-failed']:,} pieces were not understood"
        lines.append(warn("news", found, "After an update: postoffice events replay --failed"))
    return lines or [ok("carriers", "none erred last; news is read")]


async def domain_lines(database: Database, keyring: Keyring, tools: SendingTools) -> list[Line]:
    """SPF, DKIM and DMARC of every domain that keys sign for. Marks nothing: `postoffice dkim check` does."""
    lines: list[Line] = []
    async with database.read() as connection:
        organisations = await people.all_organisation_ids(connection)
    for organisation_id in organisations:
        domains = SendingDomains(database, keyring, tools, organisation_id)
        try:
            relays = await domains.relays()
        except PostOfficeError:  # the line of stored keys says why
            relays = []
        names = sorted({row.domain for row in await domains.keys() if row.retired_at is None})
        for name, found in zip(names, await asyncio.gather(*(domains.look(name, relays) for name in names)), strict=True):
            for one in found:
                if one.verdict not in (Verdict.GOOD, Verdict.WEAK):
                    write = warn if one.verdict is Verdict.UNKNOWN else bad
                    lines.append(
                        write("DNS", f"{one.about} of {one.name} is {one.verdict.value}", f"See: postoffice dkim check {name}")
                    )
    return lines or [ok("DNS", "records of sending domains are in order")]
