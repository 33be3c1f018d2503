"""Where sandbox carriers keep what they "sent" (see ports.SandboxBox), and how the desk looks at it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.ports import Sent
from postoffice.store.database import Database
from postoffice.store.schema import deliveries, mailings, sandbox_box
from postoffice.store.upsert import insert_into


class DatabaseSandboxBox:
    """ports.SandboxBox in the office's own database. A key handed over again adds to `copies` and changes nothing else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, sent: Sequence[Sent]) -> set[str]:
        """See ports.SandboxBox."""
        if not sent:
            return set()
        async with self._database.write() as connection:
            keys = [one.key for one in sent]
            known = set(await connection.scalars(sa.select(sandbox_box.c.key).where(sandbox_box.c.key.in_(keys))))
            insert = insert_into(connection, sandbox_box)
            again = insert.on_conflict_do_update(index_elements=["key"], set_={"copies": sandbox_box.c.copies + 1})
            await connection.execute(again, [_values(one) for one in sent])
        return known

    async def outcomes(self, keys: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        """See ports.SandboxBox."""
        async with self._database.read() as connection:
            found = await connection.execute(
                sa.select(sandbox_box.c.key, sandbox_box.c.outcome, sandbox_box.c.sent_at).where(sandbox_box.c.key.in_(keys))
            )
            return {key: (outcome, sent_at) for key, outcome, sent_at in found}


def _values(sent: Sent) -> dict[str, Any]:
    values = asdict(sent)
    values["channel"] = sent.channel.value
    values["address_lines"] = list(sent.address_lines)
    values["subject"] = sent.subject[:1000]
    values["to"] = sent.to[:320]
    values["copies"] = 1
    return values


def _sent(row: Any) -> tuple[Sent, int]:
    names = [name for name in Sent.__slots__ if name not in ("channel", "address_lines")]
    return (
        Sent(
            channel=Channel(row["channel"]),
            address_lines=tuple(row["address_lines"]),
            **{name: row[name] for name in names},
        ),
        row["copies"],
    )


async def page(
    connection: AsyncConnection,
    organisation_id: str,
    *,
    channel: Channel | None = None,
    before: tuple[datetime, str] | None = None,
    printer_ids: Sequence[str] | None = None,
    user_id: str | None = None,
    limit: int = 50,
) -> list[tuple[Sent, int]]:
    """What would have gone out, newest first, each with how often it was handed over.

    `before` is the time and the key of the last one of the page before: a chunk is kept with one time. `printer_ids` narrows
    to mailings of these printers and of this user; pieces without a delivery (a carrier's test) are then left out.
    """
    query = sandbox_box.select().where(sandbox_box.c.organisation_id == organisation_id)
    if channel is not None:
        query = query.where(sandbox_box.c.channel == channel.value)
    if before is not None:
        at, key = before
        query = query.where(sa.or_(sandbox_box.c.sent_at < at, sa.and_(sandbox_box.c.sent_at == at, sandbox_box.c.key < key)))
    if printer_ids is not None:
        theirs = sa.select(deliveries.c.id).join(mailings, mailings.c.id == deliveries.c.mailing_id)
        whose = sa.or_(mailings.c.printer_id.in_(printer_ids), mailings.c.user_id == user_id)
        query = query.where(sandbox_box.c.key.in_(theirs.where(deliveries.c.organisation_id == organisation_id, whose)))
    query = query.order_by(sandbox_box.c.sent_at.desc(), sandbox_box.c.key.desc()).limit(limit)
    return [_sent(row) for row in (await connection.execute(query)).mappings()]


async def get(connection: AsyncConnection, organisation_id: str, key: str) -> tuple[Sent, int] | None:
    """One sandboxed piece."""
    query = sandbox_box.select().where(sandbox_box.c.key == key, sandbox_box.c.organisation_id == organisation_id)
    row = (await connection.execute(query)).mappings().first()
    return _sent(row) if row else None
