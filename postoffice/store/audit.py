"""Queries that read the audit trail (`people.note` writes it). The caller owns the transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.schema import audit


@dataclass(frozen=True, slots=True)
class Line:
    """Who did what to which thing. `actor` is `user:<id>`, `key:<id>`, `link:<id>` or `office`; `subject` an id or empty."""

    id: str
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    at: datetime


async def page(connection: AsyncConnection, organisation_id: str, *, actor: str = "", before: str = "", limit: int = 50) -> list[Line]:
    """Lines, newest first; `before` is the id of the last one of the page before. Ids grow with time."""
    query = audit.select().where(audit.c.organisation_id == organisation_id)
    if actor:
        query = query.where(audit.c.actor == actor)
    if before:
        query = query.where(audit.c.id < before)
    found = await connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
    return [Line(**{name: row[name] for name in Line.__slots__}) for row in found.mappings()]


async def of_subject(connection: AsyncConnection, organisation_id: str, subject: str, limit: int = 100) -> list[Line]:
    """What was done to one thing, newest first."""
    query = audit.select().where(audit.c.organisation_id == organisation_id, audit.c.subject == subject)
    found = await connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
    return [Line(**{name: row[name] for name in Line.__slots__}) for row in found.mappings()]
