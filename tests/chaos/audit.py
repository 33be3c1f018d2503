"""The auditor: the carriers' own records against the database, item by item."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import sqlalchemy as sa

from postoffice.store import schema as tables
from tests.chaos.relay import Relay
from tests.chaos.town import Town

TAKEN = {"handed_over", "in_production", "mailed", "delivered"}
EXPLAINED = TAKEN | {"in_doubt", "failed"}


@dataclass
class Report:
    """What an audit found; `faults` must be empty."""

    states: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    repeated: int = 0  #: shown to the carrier again with the same key or Message-ID


def audit_mail(town: Town, relay: Relay, mailing_id: str, *, once: bool) -> Report:
    """E-mails against the relay's list. `once`: nothing may reach anybody twice; else once more, under the same Message-ID."""
    report = Report()
    records: dict[str, list[str]] = defaultdict(list)
    for recipient, message_id in relay.taken:
        records[recipient].append(message_id)
    query = sa.select(tables.items.c.id, tables.items.c.email, tables.items.c.state).where(tables.items.c.mailing_id == mailing_id)
    rows = town.look(query)
    report.states = dict(Counter(row.state for row in rows))
    told = _told(town, mailing_id)
    for row in rows:
        copies = records.get(row.email, [])
        if row.state not in EXPLAINED:
            report.faults.append(f"{row.id} ended {row.state}")
        if row.state in TAKEN and not copies:
            report.faults.append(f"{row.id} is {row.state}, but the relay never saw it: lost")
        if row.state == "failed" and copies:
            report.faults.append(f"{row.id} failed, but the relay has it")
        if len(copies) > (1 if once else 2) or len(set(copies)) > 1:
            report.faults.append(f"{row.id} reached the relay {len(copies)} times as {len(set(copies))} messages")
        if row.state == "in_doubt" and "in_doubt" not in told[row.id]:
            report.faults.append(f"{row.id} is in doubt without a word on its timeline")
        report.repeated += len(copies) > 1
    _one_delivery_each(town, mailing_id, report)
    return report


def audit_paper(town: Town, mailing_id: str) -> Report:
    """Letters against the sandbox's box, which keeps keys: each there once, whatever died."""
    report = Report()
    items = town.look(sa.select(tables.items.c.id, tables.items.c.state).where(tables.items.c.mailing_id == mailing_id))
    report.states = dict(Counter(row.state for row in items))
    deliveries = town.look(sa.select(tables.deliveries.c.id).where(tables.deliveries.c.mailing_id == mailing_id))
    keys = {row.id for row in deliveries}
    box = [row for row in town.look(sa.select(tables.sandbox_box.c.key, tables.sandbox_box.c.copies)) if row.key in keys]
    if len(box) != len(items):
        report.faults.append(f"{len(items)} letters, {len(box)} at the carrier")
    report.faults += [f"{row.id} ended {row.state}" for row in items if row.state not in TAKEN]
    report.repeated = sum(row.copies > 1 for row in box)
    _one_delivery_each(town, mailing_id, report)
    return report


def _told(town: Town, mailing_id: str) -> dict[str, set[str]]:
    told: dict[str, set[str]] = defaultdict(set)
    for row in town.look(sa.select(tables.events.c.item_id, tables.events.c.kind).where(tables.events.c.mailing_id == mailing_id)):
        told[row.item_id].add(row.kind)
    return told


def _one_delivery_each(town: Town, mailing_id: str, report: Report) -> None:
    query = sa.select(tables.deliveries.c.item_id, sa.func.count()).where(tables.deliveries.c.mailing_id == mailing_id)
    for item_id, count in town.look(query.group_by(tables.deliveries.c.item_id)):
        if count != 1:
            report.faults.append(f"{item_id} has {count} deliveries")
