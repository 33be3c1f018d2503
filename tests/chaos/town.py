"""A town to be wrecked: PostgreSQL, Redis, web, workers, disk and carriers, all real, each to be killed, frozen and started."""

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.commands.founding import found_office
from postoffice.commands.migrate import upgrade
from postoffice.house import House as Office
from postoffice.logs import set_up
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.item import NewItem
from postoffice.model.mailing import Ground, NewMailing, Options, Source
from postoffice.model.people import Role
from postoffice.pdf.sniff import PDF
from postoffice.settings import Settings
from postoffice.store import carriers, items, mailings, people
from postoffice.store.database import Database
from postoffice.wiring import open_house
from tests import servers
from tests.chaos import worker
from tests.chaos.clock import JumpingClock, ahead_of, set_clock
from tests.chaos.house import House
from tests.chaos.parts import Process, Redis, SmallDisk, ended
from tests.chaos.relay import Relay

LEASE = 3  #: seconds; short, so that a dead worker is noticed within the test
DISK = 48  #: megabytes
PROMOTION = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
INVOICE = Options(channel=Channel.EMAIL, purpose=Purpose.INVOICE)
TEXT = Options(channel=Channel.FAX, purpose=Purpose.INVOICE)
PAPER = Options(channel=Channel.POST, purpose=Purpose.INVOICE)
GIVEN = ("data", "redis_url", "database_url", "lease_seconds", "min_free_megabytes", "port", "ipps_port")
#: SMTP: few lines, so that a crash leaves few in doubt; `timeout`: a relay that hangs must not hold a run up
MANNERS: Mapping[str, Any] = {"security": "none", "sender": "office@example.fr", "timeout": 4.0, "connections": 2}


class Town:
    """Everything that a run needs; `close` ends every process that was started."""

    def __init__(self, folder: Path, relay: Relay, house: House, workers: int = 2) -> None:
        self.folder = folder
        self.base = servers.Cluster(lasting=True)
        self.base.start()
        self.redis = Redis()
        self.redis.start()
        self.disk = SmallDisk(folder / "data", DISK)
        self.settings = Settings(
            data=folder / "data",
            redis_url=self.redis.url,
            database_url=self.base.url,
            lease_seconds=LEASE,
            min_free_megabytes=1,
            port=servers.free_port(),
            ipps_port=-1,
        )
        self.log = folder / "office.log"
        self.leaving: list[BaseProcess | None] = []  #: workers that were asked to end
        self.clocks = [folder / f"clock{number}" for number in range(workers)]
        self.secret = asyncio.run(self._found(relay, house))
        queues, environment = "compose,email,fax,post", self._environment()
        self.workers = [Process(worker.work, [queues, str(clock)], environment, self.log) for clock in self.clocks]
        self.web = Process(worker.serve, [], environment, self.log)

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTOFFICE_")}
        environment |= {f"POSTOFFICE_{name.upper()}": str(getattr(self.settings, name)) for name in GIVEN}
        return environment | {
            "POSTOFFICE_LOG_JSON": "1",
            "POSTOFFICE_CHUNK_DELAY_MS": "30",
            "POSTOFFICE_LOG_LEVEL": "warning",
            "POSTOFFICE_CHILD_PROCESSES": "1",
        }

    async def _found(self, relay: Relay, house: House) -> str:
        await upgrade(self.settings)
        await found_office(self.settings)
        async with self.house() as opened, opened.database.write() as connection:
            organisation = await people.first_organisation(connection)
            assert organisation
            mail = {**MANNERS, "host": "127.0.0.1", "port": relay.port}
            for name, kind, channel, settings in (
                ("relay", "smtp", Channel.EMAIL, mail),
                ("house", "sftp", Channel.POST, house.settings),
            ):
                await carriers.add(
                    connection,
                    organisation_id=organisation.id,
                    name=name,
                    kind=kind,
                    channel=channel,
                    settings=carriers.seal(opened.keyring, opened.carriers.check(kind, settings)),
                    now=opened.clock.now(),
                    preferred=5,
                )
            _, secret = await people.add_api_key(
                connection,
                organisation_id=organisation.id,
                name="crm",
                live=True,
                role=Role.SENDER,
                created_by=None,
                now=opened.clock.now(),
            )
        return secret

    def house(self) -> Any:
        """The office's parts for the harness itself, by the first worker's clock."""
        return open_house(self.settings, set_up(level="error", as_json=True, process="chaos"), JumpingClock(self.clocks[0]))

    def all_stand(self) -> None:
        """Whatever was wrecked works again, what was asked to end has ended, and all clocks tell one time."""
        while self.leaving:
            ended(self.leaving.pop())
        self.disk.free()
        latest = max(map(ahead_of, self.clocks))
        for clock in self.clocks:
            set_clock(clock, latest)
        self.supervise()

    def supervise(self) -> None:
        """As a service manager does it: what ended by itself, since it found no database, is started again."""
        for process in (self.web, *self.workers):
            process.start()

    def pass_by(self, seconds: float) -> None:
        """Let time pass: every worker's clock jumps ahead."""
        for clock in self.clocks:
            set_clock(clock, ahead_of(clock) + seconds)

    def submit(self, name: str, options: Options, count: int) -> str:
        """A mailing of so many items whose button was pressed; its id. Recipients are `name-number@x.fr`."""
        return asyncio.run(self._submit(name, options, count))

    async def _submit(self, name: str, options: Options, count: int) -> str:
        async with self.house() as house:
            return await submit(house, name, options, count)

    def look(self, query: sa.Select[Any]) -> Sequence[Any]:
        """Rows of a query, by a connection of its own; none while the database is away."""

        async def rows() -> Sequence[Any]:
            base = Database(self.settings.database)
            try:
                async with base.read() as connection:
                    return (await connection.execute(query)).all()
            finally:
                await base.close()

        return asyncio.run(rows())

    def tried(self, condition: Callable[[], bool]) -> bool:
        """A condition of the database, which may be away now and then."""
        try:
            return condition()
        except (sa.exc.SQLAlchemyError, OSError):
            return False

    def close(self) -> None:
        """End what was started, frozen or not."""
        try:
            while self.leaving:
                ended(self.leaving.pop())
            for process in (self.web, *self.workers):
                process.end()
        finally:
            self.redis.kill()
            self.base.stop()
            self.disk.close()
            for folder in (self.redis.folder, self.base.folder):
                shutil.rmtree(folder, ignore_errors=True)


async def submit(house: Office, name: str, options: Options, count: int) -> str:
    """A mailing of `count` items, each with an e-mail address, a fax number and a page, whose button was pressed; its id."""
    async with house.database.read() as connection:
        organisation = await people.first_organisation(connection)
    assert organisation
    stored = await house.documents.put(organisation.id, pages(count))
    now = house.clock.now()
    async with house.database.write() as connection:
        mailing = await mailings.add(connection, NewMailing(organisation.id, Source.API, name, options=options), now)
        await mailings.stored(connection, mailing, stored, PDF, now)
        await mailings.command(connection, mailing, "read", document=stored.sha256)
        new = [_item(name, number) for number in range(1, count + 1)]
        await items.add_all(connection, organisation.id, mailing.id, new, now)
        await mailings.command(connection, mailing, "offer", ready_at=now, items=count)
        mailing = await mailings.get(connection, mailing.id)
    await steering.send(house, mailing, mailing.options, OFFICE)
    return mailing.id


def pages(count: int) -> bytes:
    """A PDF of so many blank pages."""
    kids = " ".join(f"{3 + number} 0 R" for number in range(count))
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {count} >>", *[page] * count]
    out, places = b"%PDF-1.4\n", []
    for number, words in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{words}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
    return out + end.encode() + f"startxref\n{len(out)}\n%%EOF\n".encode()


def _item(name: str, number: int) -> NewItem:
    lines = (f"Mme Anne {number}", f"{number} rue {name}", "75011 PARIS")
    address = PostalAddress(lines, "75011", "PARIS", "FR")
    return NewItem(number, 1, address, (), f"{name}-{number}@x.fr", fax=f"+331{number:06d}70")  # the sandbox acts out other endings
