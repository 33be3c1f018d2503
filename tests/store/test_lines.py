"""Lines to PostgreSQL are watched on both ends."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.store.database import Database
from postoffice.store.lines import FROZEN_MS
from tests import servers


@pytest.mark.slow
async def test_the_server_watches_every_session(postgresql_server: str) -> None:
    base = Database(postgresql_server)
    try:
        for _ in range(2):  # also when a connection comes out of the pool again
            async with base.write() as connection:
                frozen = await connection.scalar(sa.text("SELECT current_setting('idle_in_transaction_session_timeout')"))
                assert frozen == f"{FROZEN_MS // 60_000}min"
    finally:
        await base.close()


@pytest.mark.slow
async def test_both_ends_of_a_tcp_line_are_probed(tmp_path: Path) -> None:
    port = servers.free_port()
    cluster = servers.Cluster(lasting=False, port=port)
    cluster.start()
    base = Database(f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres")
    try:
        async with base.read() as connection:
            idle = await connection.scalar(sa.text("SELECT current_setting('tcp_keepalives_idle')"))
            assert idle == "15"
            table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            ours = [row for row in table if int(row[2].split(":")[1], 16) == port and row[3] == "01"]
            assert ours and all(row[5].startswith("02:") for row in ours), "a keepalive timer runs on our end"
    finally:
        await base.close()
        cluster.stop()
