"""The promise: `kill -9` of the worker in the middle of sending 500 items loses none and sends none twice.

Real processes, a redis-server of their own, on SQLite and on PostgreSQL. The worker is killed twice at different moments and
started again; the lease is short, so that the test is.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.commands.founding import found_office
from postoffice.commands.migrate import upgrade
from postoffice.logs import set_up
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.item import NewItem
from postoffice.model.mailing import NewMailing, Options, Source
from postoffice.pdf.convert import PDF
from postoffice.settings import Settings
from postoffice.store import items, mailings, people
from postoffice.store import schema as tables
from postoffice.store.database import Database
from postoffice.wiring import open_house
from tests import servers

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(180)]
COUNT = 500
HANDED = ("handed_over", "in_production", "mailed", "delivered")


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path, redis_server: str) -> Settings:
    """A founded office with nobody at work in it."""
    url = ""
    if request.param == "postgresql":
        server = sa.make_url(request.getfixturevalue("postgresql_server"))
        name = f"kill{os.getpid()}"
        asyncio.run(_administer(server, f"CREATE DATABASE {name}"))
        url = server.set(database=name).render_as_string(hide_password=False)
    settings = Settings(data=tmp_path / "data", redis_url=redis_server, database_url=url, lease_seconds=2, min_free_megabytes=1)
    asyncio.run(upgrade(settings))
    asyncio.run(found_office(settings))
    return settings


async def _administer(url: sa.URL, statement: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(sa.text(statement))
    await engine.dispose()


@contextmanager
def worker(settings: Settings, log: Path, *, delay_ms: int) -> Iterator[subprocess.Popen[bytes]]:
    """`postoffice work` as its own process group, so that its children end with it."""
    environment = dict(
        os.environ,
        POSTOFFICE_DATA=str(settings.data),
        POSTOFFICE_REDIS_URL=settings.redis_url,
        POSTOFFICE_DATABASE_URL=settings.database_url,
        POSTOFFICE_LEASE_SECONDS="2",
        POSTOFFICE_CHUNK_DELAY_MS=str(delay_ms),
        POSTOFFICE_MIN_FREE_MEGABYTES="1",
        POSTOFFICE_LOG_JSON="1",
    )
    with open(log, "ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "postoffice", "work"], env=environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(40)


async def submit(settings: Settings, channel: Channel) -> str:
    """A mailing of COUNT items whose button was pressed; its id."""
    log = set_up(level="error", as_json=True, process="test")
    async with open_house(settings, log) as house:
        async with house.database.read() as connection:
            organisation = await people.first_organisation(connection)
        assert organisation
        stored = await house.documents.put(organisation.id, b"%PDF-1.4 not looked at")
        new = [
            NewItem(
                number,
                1,
                PostalAddress((f"Mme Anne {number}", "1 rue X", "75011 PARIS"), "75011", "PARIS", "FR"),
                (),
                f"a{number}@x.fr",
            )
            for number in range(1, COUNT + 1)
        ]
        now = house.clock.now()
        async with house.database.write() as connection:
            mailing = await mailings.add(
                connection, NewMailing(organisation.id, Source.API, "Kill", options=Options(channel=channel)), now
            )
            await mailings.stored(connection, mailing, stored, PDF, now)
            await mailings.command(connection, mailing, "read", document=stored.sha256)
            await items.add_all(connection, organisation.id, mailing.id, new, now)
            await mailings.command(connection, mailing, "offer", ready_at=now, items=COUNT)
            mailing = await mailings.get(connection, mailing.id)
        await steering.send(house, mailing, mailing.options, OFFICE)
    return mailing.id


def look(settings: Settings, query: Any) -> list[Any]:
    """Rows of a query, by a connection of its own."""

    async def rows() -> list[Any]:
        base = Database(settings.database)
        async with base.read() as connection:
            found = (await connection.execute(query)).all()
        await base.close()
        return list(found)

    return asyncio.run(rows())


def states(settings: Settings, mailing_id: str) -> dict[str, int]:
    query = sa.select(tables.items.c.state, sa.func.count()).where(tables.items.c.mailing_id == mailing_id)
    return dict(tuple(row) for row in look(settings, query.group_by(tables.items.c.state)))


def taken(settings: Settings) -> int:
    return int(look(settings, sa.select(sa.func.count()).select_from(tables.sandbox_box))[0][0])


async def kill_while_sending(settings: Settings, process: subprocess.Popen[bytes], enough: int) -> int:
    """SIGKILL as soon as a chunk is marked and at least `enough` are at the sandbox already; how many are there then."""
    sending = sa.select(sa.func.count()).select_from(tables.deliveries).where(tables.deliveries.c.state == "sending")
    there = sa.select(sa.func.count()).select_from(tables.sandbox_box)
    base = Database(settings.database)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        async with base.read() as connection:
            if int(await connection.scalar(there) or 0) >= enough and await connection.scalar(sending):
                process.send_signal(signal.SIGSTOP)  # it may have come to the end of its chunk meanwhile
                if await _still(base, sending):
                    process.kill()
                    process.wait()
                    break
                process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.002)
    else:
        raise AssertionError("no chunk was seen in the middle of sending")
    count = await _still(base, there)
    await base.close()
    return count


async def _still(base: Database, query: Any) -> int:
    async with base.read() as connection:
        return int(await connection.scalar(query) or 0)


def test_kill_nine_in_the_middle_of_sending(office: Settings, tmp_path: Path) -> None:
    channel = Channel.EMAIL if office.database_url else Channel.POST  # links are made on the way on one, none on the other
    mailing_id = asyncio.run(submit(office, channel))
    log = tmp_path / "worker.log"
    killed_at = []
    for enough in (0, 100):
        with worker(office, log, delay_ms=400) as process:
            killed_at.append(asyncio.run(kill_while_sending(office, process, enough)))
    assert killed_at[0] < COUNT and killed_at[1] < COUNT, "it was over before it could be killed"
    left = states(office, mailing_id)
    assert left.get("sending"), "it died in the middle of a chunk"
    start = time.monotonic()
    with worker(office, log, delay_ms=0):
        servers.wait_for(lambda: sum(map(states(office, mailing_id).get, HANDED, [0] * 4)) == COUNT, 60, 0.1, "all handed over")
        seconds = time.monotonic() - start
        servers.wait_for(lambda: states(office, mailing_id) == {"delivered": COUNT}, 60, 0.2, "all delivered")
    _each_exactly_once(office, mailing_id)
    print(f"\nkilled at {killed_at} of {COUNT}, left {left}; the rest handed over {seconds:.1f} s after the restart")  # noqa: T201


def _each_exactly_once(office: Settings, mailing_id: str) -> None:
    box = look(office, sa.select(tables.sandbox_box.c.key, tables.sandbox_box.c.to, tables.sandbox_box.c.copies))
    assert len(box) == COUNT and len({row.to for row in box}) == COUNT, "every recipient exactly once"
    query = sa.select(tables.deliveries.c.id, tables.deliveries.c.item_id).where(tables.deliveries.c.mailing_id == mailing_id)
    sent = look(office, query)
    assert {row.id for row in sent} == {row.key for row in box} and len({row.item_id for row in sent}) == COUNT
    repeated = {row.key for row in box if row.copies > 1}
    answers = look(office, sa.select(tables.events.c.delivery_id).where(tables.events.c.code == "already-sent"))
    assert repeated == {row.delivery_id for row in answers}, "a key was shown twice only where the carrier said that it has the piece"
    mailing = look(office, sa.select(tables.mailings.c.state).where(tables.mailings.c.id == mailing_id))
    assert mailing[0].state == "finished"
    print(f"\n{len(repeated)} of {COUNT} keys were shown to the carrier again after a crash")  # noqa: T201


@pytest.mark.parametrize("office", ["sqlite"], indirect=True)
def test_without_a_queue_server_the_worker_works_alone(office: Settings, tmp_path: Path) -> None:
    """Redis is away from the beginning: the relay finds the work and does it itself."""
    deaf = office.model_copy(update={"redis_url": f"unix://{tmp_path}/nobody.sock"})
    mailing_id = asyncio.run(submit(deaf, Channel.POST))
    with worker(deaf, tmp_path / "worker.log", delay_ms=0):
        servers.wait_for(lambda: states(deaf, mailing_id) == {"delivered": COUNT}, 90, 0.2, "all delivered without Redis")
    _each_exactly_once(deaf, mailing_id)


@pytest.mark.parametrize("office", ["sqlite"], indirect=True)
def test_a_polite_end_gives_the_rest_back(office: Settings, tmp_path: Path) -> None:
    """SIGTERM: the chunk in hand is finished, nothing is in doubt, the next worker goes on at once."""
    mailing_id = asyncio.run(submit(office, Channel.POST))
    log = tmp_path / "worker.log"
    with worker(office, log, delay_ms=300) as process:
        servers.wait_for(lambda: process.poll() is not None or taken(office) >= 100, 60, 0.02, "100 items at the sandbox")
        assert process.poll() is None, log.read_text()
        process.terminate()
        assert process.wait(20) == 0
    assert set(states(office, mailing_id)) <= {"queued", "handed_over", "in_production", "mailed", "delivered"}
    with worker(office, log, delay_ms=0):
        servers.wait_for(lambda: states(office, mailing_id) == {"delivered": COUNT}, 60, 0.2, "all delivered")
    copies = look(office, sa.select(sa.func.max(tables.sandbox_box.c.copies)))
    assert copies[0][0] == 1
