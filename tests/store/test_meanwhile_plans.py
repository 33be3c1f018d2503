"""Two who change plans, or a plan and a printer that chooses it, at the same moment: nobody's change is lost or breaks the other's."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from postoffice.model.errors import Conflict
from postoffice.model.mailing import Options
from postoffice.store import plans, printers
from postoffice.store.database import Database

pytestmark = pytest.mark.slow

LADDER = "email-link 3d > post"


async def _begun(work: Awaitable[Any]) -> "asyncio.Future[Any]":
    """Begun, and waiting for rows (PostgreSQL) or for the whole database (SQLite)."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0.3)
    return task


async def test_two_plans_of_one_name_saved_at_once_are_one(database: Database, organisation_id: str, clock: Any) -> None:
    async def save() -> str:
        async with database.write() as connection:
            return await plans.save(connection, organisation_id, "Relances", LADDER, clock.now())

    async with database.write() as connection:
        await plans.save(connection, organisation_id, "Relances", LADDER, clock.now())
        other = await _begun(save())
    with pytest.raises(Conflict) as conflict:
        await other
    assert conflict.value.code == "plan-name-taken"


async def test_a_plan_renamed_while_its_printer_is_changed_leaves_the_change(
    database: Database, organisation_id: str, clock: Any
) -> None:
    options = Options(channel=None, plan="Relances")
    async with database.write() as connection:
        plan_id = await plans.save(connection, organisation_id, "Relances", LADDER, clock.now())
        printer_id = await printers.add(
            connection, organisation_id=organisation_id, name="Compta", now=clock.now(), options=options.as_dict()
        )

    async def rename() -> None:
        async with database.write() as connection:
            await plans.save(connection, organisation_id, "Rappels", LADDER, clock.now(), plan_id)

    async with database.write() as connection:
        await printers.update(connection, printer_id, options=replace(options, cost_centre="4711").as_dict())
        renaming = await _begun(rename())
    await renaming
    async with database.read() as connection:
        found = (await printers.get(connection, printer_id)).options
    assert (found.plan, found.cost_centre) == ("Rappels", "4711")
