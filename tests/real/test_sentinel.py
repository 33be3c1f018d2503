"""Redis with a replica and sentinels: the master is killed in the middle of a mailing. Nothing is lost, and the bell is heard again."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.commands.checkup.servers import redis_lines
from postoffice.commands.founding import found_office
from postoffice.commands.migrate import upgrade
from postoffice.logs import set_up
from postoffice.model.channel import Channel
from postoffice.settings import Settings
from postoffice.store import schema as tables
from postoffice.store.bell import ArqBell
from tests import servers
from tests.real.sentinels import Fleet, fleet
from tests.real.test_kill_worker import COUNT, look, states, submit, taken, worker

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(180)]


async def _hears(url: str) -> bool:
    bell = ArqBell(url, set_up(level="error", as_json=True, process="test"))
    try:
        return await bell.ping()
    finally:
        await bell.close()


def _fail_over(watched: Fleet) -> None:
    dead = watched.kill_master()
    servers.wait_for(lambda: watched.master() not in (0, dead), 40, 0.1, "another master")


def test_the_master_dies_in_the_middle(tmp_path: Path) -> None:
    with fleet() as watched:
        settings = Settings(data=tmp_path / "data", redis_url=watched.url, lease_seconds=2, min_free_megabytes=1)
        asyncio.run(upgrade(settings))
        asyncio.run(found_office(settings))
        assert asyncio.run(_hears(watched.url))
        lines = asyncio.run(redis_lines(settings))
        assert "answers" in lines[0].found, lines
        first = asyncio.run(submit(settings, Channel.POST))
        log = tmp_path / "worker.log"
        with worker(settings, log, delay_ms=300):
            servers.wait_for(lambda: taken(settings) >= 100, 60, 0.02, "100 at the carrier")
            _fail_over(watched)
            assert taken(settings) < 2 * COUNT
            second = asyncio.run(submit(settings, Channel.POST))  # rung for at the new master
            servers.wait_for(lambda: states(settings, first) == {"delivered": COUNT}, 90, 0.2, "the first mailing delivered")
            servers.wait_for(lambda: states(settings, second) == {"delivered": COUNT}, 90, 0.2, "the second mailing delivered")
            servers.wait_for(lambda: asyncio.run(_hears(watched.url)), 20, 0.2, "the bell at the new master")
        box = look(settings, sa.select(tables.sandbox_box.c.key, tables.sandbox_box.c.copies))
        assert len(box) == 2 * COUNT and all(row.copies == 1 for row in box), "each once, none shown twice"
