"""An office for the administration's tests: the carriers are the real catalogue's, beside the fixtures of conftest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from postoffice.desk.pictures import PICTURES, Pictures
from postoffice.house import HOUSE
from postoffice.model.channel import Channel
from postoffice.model.people import Grant, Role
from postoffice.store import carriers, people, printers
from postoffice.store.audit import page
from postoffice.store.sandbox import DatabaseSandboxBox
from postoffice.wiring import CatalogueCarriers
from tests.desk import house
from tests.desk.house import Browser, Office

ALL = Grant(Role.ADMINISTRATOR)


async def with_carriers(folder: Path, clock: Any, *, url: str = "http://post.example:8025") -> Office:
    """An office whose four channels stop at the sandbox."""
    built = await house.build(folder, clock, url=url, max_upload=50_000_000)
    base, keyring = built.house.database, built.house.keyring
    registry = CatalogueCarriers(base, keyring, DatabaseSandboxBox(base), built.house.log, folder / "carriers")
    built.house = replace(built.house, carriers=registry, tls_port=8026)
    built.app[HOUSE] = built.house
    built.app[PICTURES] = Pictures(built.house)
    async with base.write() as connection:
        for channel in Channel:
            name = f"sandbox-{channel.value}"
            await carriers.add(
                connection,
                organisation_id=built.organisation_id,
                name=name,
                kind=name,
                channel=channel,
                settings={},
                now=clock.now(),
            )
    return built


@asynccontextmanager
async def signed_in(office: Office, *roles: Grant, email: str = "root@example.org", language: str = "en") -> AsyncIterator[Browser]:
    """The browser of somebody with these roles."""
    user = await office.add_user(email, *roles, language=language)
    async with house.browser(office, user) as browser:
        yield browser


async def actions(office: Office) -> list[str]:
    """What the audit trail says was done, oldest first."""
    async with office.house.database.read() as connection:
        return [line.action for line in await page(connection, office.organisation_id)][::-1]


async def add_printer(office: Office, name: str = "Invoices", organisation_id: str = "") -> str:
    """A printer's id."""
    async with office.house.database.write() as connection:
        return await printers.add(
            connection, organisation_id=organisation_id or office.organisation_id, name=name, now=office.house.clock.now()
        )


async def other_organisation(office: Office) -> str:
    """A second organisation in the same house."""
    async with office.house.database.write() as connection:
        key = office.house.keyring.wrap(bytes(32))
        return await people.add_organisation(connection, name="Other", slug="other", document_key=key, now=office.house.clock.now())
