"""A house for the tests of doors: real database, documents, pipeline and sandbox; work is done when the test says so."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postoffice.compose.trial import trial_letters
from postoffice.house import HOUSE, House, Limits
from postoffice.intake.reception import Reception
from postoffice.model.channel import Channel
from postoffice.model.people import Role
from postoffice.pipeline import Pipeline
from postoffice.store import carriers, people
from postoffice.store.book import MailingBook
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from postoffice.store.sandbox import DatabaseSandboxBox
from postoffice.wiring import CatalogueCarriers
from tests.conftest import FixedClock

P = ParamSpec("P")
T = TypeVar("T")
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


class InlineWorkshop:
    """ports.Workshop in this process: the work itself is real."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return work(*args, **kwargs)


@dataclass
class KeptBell:
    """ports.Bell that remembers who was called."""

    rings: list[tuple[str, str, int]] = field(default_factory=list)
    answers: bool = True

    async def ring(self, queue: str, batch_id: str, attempt: int) -> None:
        self.rings.append((queue, batch_id, attempt))

    async def ping(self) -> bool:
        return self.answers


@dataclass
class KeptLog:
    """ports.Log that remembers, so that a test can look for what must not be in it."""

    lines: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def debug(self, event: str, **facts: Any) -> None:
        """What a request cost is not kept."""

    def info(self, event: str, **facts: Any) -> None:
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: Any) -> None:
        self.lines.append(("error", event, facts))


@dataclass
class Office:
    """The house with its hands: keys, letters, work."""

    house: House
    bell: KeptBell
    log: KeptLog
    clock: FixedClock
    organisation_id: str
    client: TestClient[Any, Any] = field(init=False)

    async def key(self, *, live: bool = True, role: Role = Role.SENDER, organisation_id: str | None = None) -> dict[str, str]:
        """The header of a fresh API key."""
        async with self.house.database.write() as connection:
            _, secret = await people.add_api_key(
                connection,
                organisation_id=organisation_id or self.organisation_id,
                name="crm",
                live=live,
                role=role,
                created_by=None,
                now=self.clock.now(),
            )
        return {"Authorization": f"Bearer {secret}"}

    async def other_organisation(self, slug: str = "other") -> str:
        """A second organisation in the same house."""
        async with self.house.database.write() as connection:
            key = self.house.keyring.wrap(bytes(32))
            return await people.add_organisation(connection, name="Other", slug=slug, document_key=key, now=self.clock.now())

    async def work(self, most: int = 50) -> None:
        """Do everything that was rung for, and what follows from it."""
        pipeline = Pipeline(self.house, "test")
        while self.bell.rings and most:
            _, batch_id, _ = self.bell.rings.pop(0)
            await pipeline.work(batch_id)
            most -= 1

    async def relay(self) -> None:
        """Ring for what the steps left behind."""
        from postoffice.store import batches

        async with self.house.database.write() as connection:
            for ring in await batches.due(connection, self.clock.now()):
                await self.bell.ring(ring.queue, ring.batch_id, ring.attempt)


@asynccontextmanager
async def open_office(
    database: Database,
    documents: FileDocuments,
    keyring: Keyring,
    clock: FixedClock,
    organisation_id: str,
    *add: Callable[[web.Application], None],
    url: str = "http://post.example",
    max_upload: int = 50_000_000,
) -> AsyncIterator[Office]:
    """A served house: `add` are the doors."""
    bell, log = KeptBell(), KeptLog()
    house = House(
        url=url,
        database=database,
        documents=documents,
        keyring=keyring,
        reception=Reception(MailingBook(database, clock), documents, bell),
        bell=bell,
        workshop=InlineWorkshop(),
        carriers=CatalogueCarriers(database, keyring, DatabaseSandboxBox(database), log),
        clock=clock,
        log=log,
        templates=TEMPLATES,
        limits=Limits(max_upload, 1000, 3600, 3600, 90, 60, 0),
        secure=url.startswith("https"),
    )
    async with database.write() as connection:
        for channel in Channel:
            await carriers.add(
                connection,
                organisation_id=organisation_id,
                name=f"sandbox-{channel.value}",
                kind=f"sandbox-{channel.value}",
                channel=channel,
                settings={},
                now=clock.now(),
            )
    app = web.Application()
    app[HOUSE] = house
    for one in add:
        one(app)
    office = Office(house, bell, log, clock, organisation_id)
    async with TestClient(TestServer(app)) as client:
        office.client = client
        yield office


def letters(number: int = 3, seed: int = 1) -> bytes:
    """A PDF of so many letters with readable addresses."""
    return trial_letters(number, seed)


async def add_organisation(database: Database, keyring: Keyring, clock: FixedClock, slug: str = "test") -> str:
    """An organisation."""
    async with database.write() as connection:
        return await people.add_organisation(
            connection, name="Mairie de Test", slug=slug, document_key=keyring.wrap(bytes(32)), now=clock.now()
        )
