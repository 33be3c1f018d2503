"""The auditor: the carriers' own records against the database, item by item."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from postoffice.store import schema as tables
from tests.chaos.crm import Crm
from tests.chaos.faults import World

TAKEN = {"handed_over", "in_production", "mailed", "delivered"}
#: a request that ended before its last byte was safe: its program was told nothing, and repeated it
NEVER_CAME = ("receiving", "aborted")
EXPLAINED = TAKEN | {"in_doubt", "failed"}


@dataclass
class Report:
    """What an audit found. `lost`, `twice`, `other`: sentences, of which there must be none."""

    items: int = 0
    in_doubt: int = 0
    repeated: int = 0  #: shown to a relay again, once, under the same Message-ID, as is right for an invoice
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    def __iadd__(self, more: "Report") -> "Report":
        for name in ("items", "in_doubt", "repeated", "lost", "twice", "other", "states"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        return self

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.twice, *self.other]


def audit_mail(world: World, mailing_id: str, *, once: bool) -> Report:
    """E-mails against the relay's list. `once`: nothing may reach anybody twice; else once more, under the same Message-ID."""
    report, rows = _begin(world, [mailing_id])
    records: dict[str, list[str]] = defaultdict(list)
    for recipient, message_id in list(world.relay.taken):
        records[recipient].append(message_id)
    told = _told(world, mailing_id)
    for row in rows:
        copies = records.get(row.email, [])
        if row.state in TAKEN and not copies:
            report.lost.append(f"{row.id} is {row.state}, but the relay never saw it")
        if row.state == "failed":
            report.lost.append(f"{row.id} failed, though the relay refused nobody")
        if len(copies) > (1 if once else 2) or len(set(copies)) > 1:
            report.twice.append(f"{row.id} reached the relay {len(copies)} times as {len(set(copies))} messages")
        if row.state == "in_doubt" and "in_doubt" not in told[row.id]:
            report.other.append(f"{row.id} is in doubt without a word on its timeline")
        report.repeated += len(copies) == 2
    return report


def audit_kept(world: World, mailing_id: str) -> Report:
    """Pieces against the sandbox's box, which keeps keys and can be asked: each there once, none in doubt, whatever died."""
    report, rows = _begin(world, [mailing_id])
    box = Counter(row.key for row in world.town.look(sa.select(tables.sandbox_box.c.key)))
    _against(report, rows, _keys(world, [mailing_id]), box)
    return report


def audit_paper(world: World, mailing_ids: Sequence[str]) -> Report:
    """Letters against what the print house took away: each once, none in doubt."""
    return _paper(world, mailing_ids, EXPLAINED)


def _paper(world: World, mailing_ids: Sequence[str], explained: set[str]) -> Report:
    report, rows = _begin(world, mailing_ids, explained)
    _against(report, rows, _keys(world, mailing_ids), world.house.printed)
    return report


def audit_crm(world: World, crm: Crm) -> Report:
    """What was brought in by REST: one mailing for each name, that which the program was told of, with one letter."""
    report = _paper(world, list(crm.taken.values()), EXPLAINED | {"held"})  # one that is cut doubtfully waits for a person
    names = sa.select(tables.mailings.c.name, tables.mailings.c.id)
    names = names.where(tables.mailings.c.name.in_(crm.names), tables.mailings.c.state.notin_(NEVER_CAME))
    made: dict[str, list[str]] = defaultdict(list)
    for row in world.town.look(names):
        made[row.name].append(row.id)
    report.other += crm.refused
    report.lost += [f"{name} was never taken" for name in crm.names if name not in crm.taken]
    report.lost += [f"{name} is not the one that was told of" for name, told in crm.taken.items() if told not in made[name]]
    report.twice += [f"{name} became {len(ids)} mailings" for name, ids in made.items() if len(ids) > 1]
    counts = sa.select(tables.items.c.mailing_id).where(tables.items.c.mailing_id.in_(crm.taken.values())).distinct()
    empty = set(crm.taken.values()) - {row.mailing_id for row in world.town.look(counts)}
    report.lost += [f"mailing {one} has no letter" for one in sorted(empty)]
    return report


def _begin(world: World, mailing_ids: Sequence[str], explained: set[str] = EXPLAINED) -> tuple[Report, Sequence[Any]]:
    query = sa.select(tables.items.c.id, tables.items.c.email, tables.items.c.state).where(tables.items.c.mailing_id.in_(mailing_ids))
    rows = world.town.look(query)
    states = Counter(row.state for row in rows)
    report = Report(len(rows), states["in_doubt"], states=states)
    report.lost += [f"{row.id} ended {row.state}" for row in rows if row.state not in explained]
    per_item = sa.select(tables.deliveries.c.item_id, sa.func.count()).where(tables.deliveries.c.mailing_id.in_(mailing_ids))
    many = world.town.look(per_item.group_by(tables.deliveries.c.item_id).having(sa.func.count() > 1))
    report.twice += [f"{item_id} has {count} deliveries" for item_id, count in many]
    return report, rows


def _keys(world: World, mailing_ids: Sequence[str]) -> dict[str, str]:
    """item id -> the key of its delivery."""
    query = sa.select(tables.deliveries.c.item_id, tables.deliveries.c.id).where(tables.deliveries.c.mailing_id.in_(mailing_ids))
    return dict(tuple(row) for row in world.town.look(query))


def _against(report: Report, rows: Sequence[Any], keys: Mapping[str, str], record: Mapping[str, int]) -> None:
    for row in rows:
        copies = record.get(keys.get(row.id, ""), 0)
        if row.state == "in_doubt":
            report.other.append(f"{row.id} is in doubt at a carrier that keeps keys")
        if row.state in TAKEN and not copies:
            report.lost.append(f"{row.id} is {row.state}, but its carrier never saw it")
        if row.state == "failed":
            report.lost.append(f"{row.id} failed, though its carrier refused nobody")
        if copies > 1:
            report.twice.append(f"{row.id} was taken {copies} times")


def _told(world: World, mailing_id: str) -> dict[str, set[str]]:
    told: dict[str, set[str]] = defaultdict(set)
    for row in world.town.look(
        sa.select(tables.events.c.item_id, tables.events.c.kind).where(tables.events.c.mailing_id == mailing_id)
    ):
        told[row.item_id].add(row.kind)
    return told
