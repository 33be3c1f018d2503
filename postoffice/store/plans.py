"""Saved plans: ladders with a name, which printers, mailings and programs choose by it. The caller owns the transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.mailing import Options
from postoffice.store.schema import organisations, plans, printers

#: plans of one organisation: more would not be found again in a list
MOST = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """A saved plan. `ladder`: see routing.ladder."""

    id: str
    name: str
    ladder: str
    changed_at: datetime


def _row(row: Mapping[Any, Any]) -> Plan:
    return Plan(row["id"], row["name"], row["ladder"], row["changed_at"])


async def all_of(connection: AsyncConnection, organisation_id: str) -> list[Plan]:
    """An organisation's plans, by name."""
    query = plans.select().where(plans.c.organisation_id == organisation_id).order_by(sa.func.lower(plans.c.name))
    return [_row(row) for row in (await connection.execute(query)).mappings()]


async def get(connection: AsyncConnection, organisation_id: str, plan_id: str) -> Plan:
    """One plan; NotFound otherwise."""
    query = plans.select().where(plans.c.organisation_id == organisation_id, plans.c.id == plan_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no-such-plan", "There is no such plan.", help="Look for it in the list of plans.")
    return _row(row)


async def resolved(connection: AsyncConnection, organisation_id: str, options: Options) -> Options:
    """The options with the present text of the plan that they name. PostOfficeError (plan-gone) where it does not exist any more."""
    if not options.plan or options.channel is not None:
        return options
    query = sa.select(plans.c.ladder).where(plans.c.organisation_id == organisation_id, plans.c.name == options.plan)
    ladder = await connection.scalar(query)
    if ladder is None:
        raise PostOfficeError(
            "plan-gone",
            f"There is no plan named '{options.plan}'.",
            help="Choose another plan, or write one.",
            plan=options.plan,
        )
    return replace(options, ladder=ladder)


async def save(
    connection: AsyncConnection, organisation_id: str, name: str, ladder: str, now: datetime, plan_id: str | None = None
) -> str:
    """Keep a plan: a fresh one, or the one of this id changed. Returns its id. Conflict where another has the name.

    What was sent with it keeps its own text. A new name is known at once to the printers that choose this plan.
    """
    own = sa.select(organisations.c.id).where(organisations.c.id == organisation_id)
    await connection.execute(own.with_for_update(key_share=True))  # one after the other: the second sees the first one's name
    taken = sa.select(plans.c.id).where(plans.c.organisation_id == organisation_id, plans.c.name == name)
    if await connection.scalar(taken.where(plans.c.id != (plan_id or ""))) is not None:
        raise Conflict("plan-name-taken", f"There is a plan named '{name}' already.", help="Choose another name.", name=name)
    if plan_id is not None:
        before = await get(connection, organisation_id, plan_id)
        await connection.execute(plans.update().where(plans.c.id == plan_id).values(name=name, ladder=ladder, changed_at=now))
        if before.name != name:
            await _rename(connection, organisation_id, before.name, name)
        return plan_id
    known = sa.select(sa.func.count()).where(plans.c.organisation_id == organisation_id)
    if int(await connection.scalar(known) or 0) >= MOST:
        raise Conflict("too-many-plans", f"There are {MOST} plans already.", help="Remove those that nobody uses.", most=MOST)
    fresh = {"id": new_id(), "organisation_id": organisation_id, "name": name, "ladder": ladder, "created_at": now, "changed_at": now}
    await connection.execute(plans.insert(), fresh)
    return str(fresh["id"])


async def _rename(connection: AsyncConnection, organisation_id: str, before: str, after: str) -> None:
    for row in await _printers(connection, organisation_id, before, held=True):
        await connection.execute(printers.update().where(printers.c.id == row.id).values(options={**row.options, "plan": after}))


async def _printers(connection: AsyncConnection, organisation_id: str, name: str, *, held: bool = False) -> list[Any]:
    """`held`: nobody else changes them until this transaction ends."""
    query = sa.select(printers.c.id, printers.c.name, printers.c.options).where(
        printers.c.organisation_id == organisation_id,
        printers.c.removed_at.is_(None),
        printers.c.options["plan"].as_string() == name,
    )
    query = query.order_by(printers.c.id)
    return list(await connection.execute(query.with_for_update(key_share=True) if held else query))


async def used_by(connection: AsyncConnection, organisation_id: str, name: str) -> list[str]:
    """The names of the printers that choose a plan."""
    return [row.name for row in await _printers(connection, organisation_id, name)]


async def remove(connection: AsyncConnection, organisation_id: str, plan_id: str) -> None:
    """Forget a plan. Conflict while a printer chooses it: its letters would not know how to go."""
    plan = await get(connection, organisation_id, plan_id)
    if names := await used_by(connection, organisation_id, plan.name):
        shown = ", ".join(names[:5])
        raise Conflict("plan-in-use", f"Printers use this plan: {shown}.", help="Choose another plan for them first.", printers=shown)
    await connection.execute(sa.delete(plans).where(plans.c.id == plan_id, plans.c.organisation_id == organisation_id))
