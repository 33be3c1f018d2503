"""A series of runs in one town: each submits, wrecks by its own seed, lets time pass until all is at an end, and audits."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from postoffice.store import schema as tables
from tests.chaos.audit import NEVER_CAME, Report, audit_crm, audit_kept, audit_mail, audit_paper
from tests.chaos.clock import ahead_of
from tests.chaos.crm import Crm
from tests.chaos.faults import World, wreck
from tests.chaos.house import House
from tests.chaos.relay import Relay
from tests.chaos.town import INVOICE, PAPER, PROMOTION, TEXT, Town

UNDER_WAY = ("draft", "queued", "sending")
#: share of a run's items: offers and invoices by SMTP (no keys, cannot be asked), faxes to a carrier that keeps keys, letters by SFTP
SHARES = {"offers": 0.25, "invoices": 0.25, "faxes": 0.4}
BY_REST = 8  #: letters that come in by REST meanwhile, one a mailing
STILL = 1.5  #: seconds without progress, and with nobody at work, after which the clocks are moved on by
LEAP = 20.0
PATIENCE = 600.0  #: seconds without any progress after which a run breaks off


@dataclass
class Outcome:
    """One run: its seed, what was done to the office, what the auditor found."""

    seed: int
    seconds: float
    faults: list[str]
    reports: dict[str, Report]
    total: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        for report in self.reports.values():
            self.total += report

    @property
    def line(self) -> str:
        told = self.total
        figures = f"items={told.items} lost={len(told.lost)} twice={len(told.twice)} in_doubt={told.in_doubt} repeated={told.repeated}"
        return f"seed={self.seed} {figures} other={len(told.other)} {self.seconds:.0f}s: {', '.join(self.faults)}"


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Everything up; taken down at the end whatever happened."""
    with Relay() as relay, House() as house:
        town = Town(folder, relay, house)
        try:
            town.all_stand()
            yield World(town, relay, house)
        finally:
            town.close()


def run(world: World, seed: int, faults: int, count: int, name: str = "") -> Outcome:
    """One run of `count` items and at most so many `faults`. `name`: makes the same seed another run in one world."""
    start, town = time.monotonic(), world.town
    mark = f"{name or seed}-{len(world.relay.taken)}"
    sizes = {kind: int(count * share) for kind, share in SHARES.items()}
    sizes["letters"] = count - sum(sizes.values()) - BY_REST
    kinds = {"offers": PROMOTION, "invoices": INVOICE, "faxes": TEXT, "letters": PAPER}
    sent = {kind: town.submit(f"{kind}-{mark}", kinds[kind], size) for kind, size in sizes.items()}
    names = [f"rest-{mark}-{number}" for number in range(BY_REST)]
    with Crm(f"http://127.0.0.1:{town.settings.port}", town.secret, names, seed) as crm:

        def left() -> int:
            here = sa.and_(tables.items.c.mailing_id.in_(sent.values()), tables.items.c.state.in_(UNDER_WAY))
            brought = tables.mailings.c.name.in_(names) & tables.mailings.c.state.notin_(["finished", *NEVER_CAME])
            items = sa.select(sa.func.count()).select_from(tables.items).where(here).scalar_subquery()
            mailings = sa.select(sa.func.count()).select_from(tables.mailings).where(brought).scalar_subquery()
            return int(town.look(sa.select(items + mailings))[0][0]) + (not crm.done)

        done = wreck(world, seed, faults, lambda: not town.tried(lambda: not left()))
        _until_done(town, left, lambda: _stuck(town, crm, names, list(sent.values())))
    reports = {
        "offers": audit_mail(world, sent["offers"], once=True),
        "invoices": audit_mail(world, sent["invoices"], once=False),
        "faxes": audit_kept(world, sent["faxes"]),
        "letters": audit_paper(world, [sent["letters"]]),
        "rest": audit_crm(world, crm),
    }
    return Outcome(seed, time.monotonic() - start, done, reports)


def _until_done(town: Town, left: Callable[[], int], why: Callable[[], str]) -> None:
    """Wait; where nothing moves, everybody waits for an hour of its own, so the hour is brought nearer."""
    before, moved = -1, time.monotonic()
    end = moved + PATIENCE
    while time.monotonic() < end:
        now = left()
        if not now:
            return
        if now != before:
            before, moved = now, time.monotonic()
            end = moved + PATIENCE
        elif _at_work(town):
            moved = time.monotonic()
        elif time.monotonic() - moved > STILL:
            town.pass_by(LEAP)
            moved = time.monotonic()
        town.supervise()
        time.sleep(0.2)
    raise AssertionError(f"{before} had not come to an end after {PATIENCE:g} s; {why()}; {_open(town)}\n{_last(town.log)}")


def _stuck(town: Town, crm: Crm, names: list[str], sent: list[str]) -> str:
    table, item = tables.mailings.c, tables.items.c
    mailings = sa.select(table.id, table.name, table.state, table.error).where(table.name.in_(names), table.state != "finished")
    items = sa.select(item.id, item.state, item.delivery_id).where(item.mailing_id.in_(sent), item.state.in_(UNDER_WAY))
    told = [*map(str, town.look(mailings)), *map(str, town.look(items.limit(5)))]
    return "; ".join([*told, *([] if crm.done else [f"the CRM still repeats {sorted(set(names) - set(crm.taken))}"])])


def _open(town: Town) -> str:
    """What is still to be done, for the one who looks why."""
    table = tables.batches.c
    query = sa.select(table.step, table.state, table.error, sa.func.count()).where(table.state != "done")
    return "; ".join(
        f"{row[3]} x {row[0]} {row[1]} {row[2]}" for row in town.look(query.group_by(table.step, table.state, table.error))
    )


def _last(log: Path, lines: int = 15) -> str:
    """The last lines that tell of more than a queue that is away."""
    told = [line[:400] for line in log.read_text(errors="replace").splitlines() if "no_queue" not in line and "expired" not in line]
    return "\n".join(told[-lines:])


def _at_work(town: Town) -> int:
    """Batches that a worker holds: a leap now would end its lease."""
    now = datetime.now(UTC) + timedelta(seconds=ahead_of(town.clocks[0]))
    held = sa.select(sa.func.count()).where(tables.batches.c.state == "open", tables.batches.c.lease_until > now)
    return int(town.look(held)[0][0])
