"""A whole office in one process: real store, documents and sandbox carriers; a workshop that works at once, a bell that is silent."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.house import House, Limits
from postoffice.intake.reception import Reception
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.item import NewItem
from postoffice.model.mailing import Mailing, NewMailing, Options, Source
from postoffice.model.ports import Abilities, Carrier
from postoffice.model.states import EventKind, MailingState
from postoffice.pdf.convert import PDF
from postoffice.pipeline import Pipeline
from postoffice.store import batches, carriers, items, mailings, people
from postoffice.store import schema as tables
from postoffice.store.book import MailingBook
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from postoffice.store.sandbox import DatabaseSandboxBox
from postoffice.wiring import CatalogueCarriers
from tests.channels.fakes import ListLog

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
LIMITS = Limits(
    max_upload=600_000_000,
    max_pages=20_000,
    session_seconds=3600,
    idle_seconds=600,
    link_days=90,
    lease_seconds=60,
    chunk_delay=0,
)


class DebugLog(ListLog):
    """A Log that remembers, searches included."""

    def debug(self, event: str, **facts: Any) -> None:
        self.lines.append(("debug", event, facts))

    def events(self, level: str) -> list[str]:
        return [event for one, event, _ in self.lines if one == level]


class SilentBell:
    """A Bell that nobody hears, and that remembers."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, str, int]] = []

    async def ring(self, queue: str, batch_id: str, attempt: int) -> None:
        self.rung.append((queue, batch_id, attempt))


class InlineWorkshop:
    """A Workshop that works in a thread of this process, on one thing at a time: pdfium knows no threads."""

    def __init__(self) -> None:
        self._bench = asyncio.Lock()

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        async with self._bench:
            return await asyncio.to_thread(work, *args, **kwargs)


class PlannedCarrier:
    """A carrier that does what it is told: `say` maps a delivery's address to a list of answers, one per call.

    An answer is an exception, a callable, or None for a receipt. `taken` counts what really went out, by key.
    """

    def __init__(self, name: str, abilities: Abilities) -> None:
        self.name = name
        self.abilities = abilities
        self.say: dict[str, list[Any]] = {}
        self.calls: list[str] = []
        self.taken: dict[str, int] = {}
        self.news: dict[str, list[Event]] = {}
        self.asked = 0

    async def send(self, piece: Piece) -> Receipt:
        self.calls.append(piece.key)
        answers = self.say.get(piece.to) or self.say.get("*") or []
        answer = answers.pop(0) if answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            await answer(piece)
        if not self.abilities.keeps_keys or piece.key not in self.taken:
            self.taken[piece.key] = self.taken.get(piece.key, 0) + 1
        return Receipt(piece.key, f"ref-{piece.key}", 5)

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        self.asked += 1
        return [event for receipt in receipts for event in self.news.get(receipt.key, [])]

    def read(self, knock: Knock) -> Sequence[Event]:
        return []

    async def close(self) -> None:
        """Nothing is open."""


class FixedCarriers:
    """house.Carriers with carriers that a test made; the rest as wiring does it."""

    def __init__(self, real: CatalogueCarriers) -> None:
        self.real = real
        self.mine: dict[Channel, Carrier] = {}
        self.off: set[str] = set()

    def kinds(self) -> Any:
        return self.real.kinds()

    def check(self, kind: str, settings: Any) -> Any:
        return self.real.check(kind, settings)

    async def forget(self, organisation_id: str, name: str) -> None:
        await self.real.forget(organisation_id, name)

    async def names(self, organisation_id: str, *, live: bool) -> dict[Channel, str]:
        found = dict(await self.real.names(organisation_id, live=live))
        return found | {channel: carrier.name for channel, carrier in self.mine.items()}

    async def get(self, organisation_id: str, name: str, *, even_off: bool = False) -> Carrier:
        for carrier in self.mine.values():
            if carrier.name == name and (even_off or name not in self.off):
                return carrier
        return await self.real.get(organisation_id, name, even_off=even_off)


class Office:
    """A house with helpers to walk a mailing through it."""

    def __init__(self, house: House, organisation_id: str) -> None:
        self.house = house
        self.organisation_id = organisation_id
        self.carriers: FixedCarriers = house.carriers  # type: ignore[assignment]
        self.log: DebugLog = house.log  # type: ignore[assignment]
        self.clock: Any = house.clock

    async def submit(self, pdf: bytes, *, live: bool = True, automatic: bool = False, **more: Any) -> Mailing:
        new = NewMailing(self.organisation_id, Source.UPLOAD, "Factures novembre", live=live, automatic=automatic, **more)
        async with self.house.reception.intake(new) as intake:
            await intake.write(pdf)
            return await intake.accept(PDF)

    async def drafts(self, new: Sequence[NewItem], options: Options | None = None, *, live: bool = True) -> Mailing:
        """A mailing whose items stand there already, waiting for the button; its document is one small page of nothing."""
        stored = await self.house.documents.put(self.organisation_id, b"%PDF-1.4 not looked at")
        now = self.house.clock.now()
        made = NewMailing(self.organisation_id, Source.API, "Factures", options=options or Options(), live=live)
        async with self.house.database.write() as connection:
            mailing = await mailings.add(connection, made, now)
            await mailings.stored(connection, mailing, stored, PDF, now)
            await mailings.command(connection, mailing, "read", document=stored.sha256)
            await items.add_all(connection, self.organisation_id, mailing.id, new, now)
            await mailings.command(connection, mailing, "offer", ready_at=now, items=len(new))
            return await mailings.get(connection, mailing.id)

    def pipeline(self, owner: str = "worker") -> Pipeline:
        return Pipeline(self.house, owner)

    async def due(self) -> list[str]:
        """The ids of the batches that could be claimed now."""
        now = self.house.clock.now()
        async with self.house.database.read() as connection:
            found = await connection.scalars(
                sa.select(tables.batches.c.id)
                .where(
                    tables.batches.c.state == "open",
                    tables.batches.c.held_at.is_(None),
                    sa.or_(tables.batches.c.not_before.is_(None), tables.batches.c.not_before <= now),
                )
                .order_by(tables.batches.c.priority, tables.batches.c.id)
            )
            return list(found)

    async def work(self, rounds: int = 20) -> int:
        """Work on what is due until nothing is; how many batches were run."""
        done = 0
        for _ in range(rounds):
            some = await self.due()
            if not some:
                break
            for batch_id in some:
                done += await self.pipeline().work(batch_id)
        return done

    async def follow(self, rounds: int = 8, **step: float) -> None:
        """Work, let time pass, work again."""
        for _ in range(rounds):
            await self.work()
            self.clock.pass_by(**(step or {"seconds": 30}))

    async def open_batches(self, step: str) -> list[str]:
        query = sa.select(tables.batches.c.id).where(tables.batches.c.step == step, tables.batches.c.state == "open")
        async with self.house.database.read() as connection:
            return list(await connection.scalars(query))

    async def mailing(self, mailing: Mailing) -> Mailing:
        async with self.house.database.read() as connection:
            return await mailings.get(connection, mailing.id)

    async def items(self, mailing: Mailing) -> list[Any]:
        async with self.house.database.read() as connection:
            return await items.page(connection, mailing.id, items.Filter(), limit=10_000)

    async def states(self, mailing: Mailing) -> dict[str, int]:
        async with self.house.database.read() as connection:
            return {state.value: count for state, count in (await items.count_by_state(connection, mailing.id)).items()}

    async def last_error(self, mailing: Mailing) -> str:
        """What the latest delivery of a mailing says of its failure."""
        query = sa.select(tables.deliveries.c.error).where(tables.deliveries.c.mailing_id == mailing.id)
        async with self.house.database.read() as connection:
            return str(await connection.scalar(query.order_by(tables.deliveries.c.id.desc())))

    async def box(self) -> dict[str, int]:
        """What the sandbox took: copies by key."""
        async with self.house.database.read() as connection:
            rows = await connection.execute(sa.select(tables.sandbox_box.c.key, tables.sandbox_box.c.copies))
            return dict(rows.all())  # type: ignore[arg-type]

    async def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that a second run of a step must leave alone; leases, rings and times of looking are no part of it."""
        seen: dict[str, list[tuple[Any, ...]]] = {}
        async with self.house.database.read() as connection:
            for table in (tables.mailings, tables.items, tables.deliveries, tables.events, tables.links, tables.sandbox_box):
                rows = await connection.execute(table.select())
                seen[table.name] = sorted((tuple(map(str, row)) for row in rows), key=str)
            rows = await connection.execute(sa.select(tables.batches.c.id, tables.batches.c.state))
            seen["batches"] = sorted(tuple(row) for row in rows)
        return seen

    async def reopen(self, *steps: str) -> None:
        """As if the end of these steps had not been written: their batches are open again."""
        async with self.house.database.write() as connection:
            await connection.execute(
                tables.batches.update().where(tables.batches.c.step.in_(steps)).values(state="open", lease_until=None, not_before=None)
            )


def people_items(count: int, **more: Any) -> list[NewItem]:
    """Items with addresses of e-mail, mobile, fax and paper that the sandbox delivers."""
    return [
        NewItem(
            number,
            1,
            PostalAddress((f"Mme Anne {number}", f"{number} rue des Lilas", "75011 PARIS"), "75011", "PARIS", "FR"),
            **{"email": f"anne{number}@example.fr", "mobile": "+33639980000", "fax": "+33199000000"} | more,
        )
        for number in range(1, count + 1)
    ]


async def open_office(
    database: Database,
    documents: FileDocuments,
    keyring: Keyring,
    clock: Any,
    organisation_id: str,
    *,
    again: bool = False,
    **limits: float,
) -> Office:
    """An office over these parts, with a sandbox carrier on each channel. `again`: it was open before."""
    log = DebugLog()
    async with database.write() as connection:
        for channel in () if again else Channel:
            await carriers.add(
                connection,
                organisation_id=organisation_id,
                name=f"sandbox-{channel.value}",
                kind=f"sandbox-{channel.value}",
                channel=channel,
                settings=carriers.seal(keyring, {"pace": 0, "later": 0.2}),
                now=clock.now(),
            )
        await people.update_organisation(connection, organisation_id, settings={"sender_email": "office@example.fr"})
    real = CatalogueCarriers(database, keyring, DatabaseSandboxBox(database), log)
    bell = SilentBell()
    house = House(
        url="http://localhost:8025",
        database=database,
        documents=documents,
        keyring=keyring,
        reception=Reception(MailingBook(database, clock), documents, bell),
        bell=bell,
        workshop=InlineWorkshop(),
        carriers=FixedCarriers(real),
        clock=clock,
        log=log,
        templates=TEMPLATES,
        limits=replace(LIMITS, **limits),
        secure=False,
    )
    return Office(house, organisation_id)


def dead_owner(office: Office) -> None:
    """Let every lease run out: its owner died."""
    office.clock.time += timedelta(seconds=office.house.limits.lease_seconds + 1)


__all__ = ["EventKind", "MailingState", "Office", "PlannedCarrier", "batches", "dead_owner", "open_office", "people_items"]
