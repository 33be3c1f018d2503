"""The office's own road from the button to the relay: plans, leases, secure links, timelines; one process, SQLite on disk."""

import asyncio
import time
from pathlib import Path

from benchmarks.engine import work
from benchmarks.mail.job import DOMAIN, SELECTOR, SENDER
from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.channels.email.pool import Relay
from postoffice.channels.email.sign import Signer
from postoffice.channels.email.smtp import SmtpCarrier
from postoffice.model.channel import Channel
from postoffice.model.ids import new_id
from postoffice.model.mailing import Options
from postoffice.store import migrate, people
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from postoffice.wiring import SystemClock
from tests.channels.fakes import ListLog
from tests.pipeline.house import open_office, people_items

ITEMS = 2_000


def walk(folder: Path, port: int, connections: int) -> dict[str, float]:
    """Seconds from the button to the sink at `port`, and what of it is planning and dispatch. `folder` has key.pem."""
    return asyncio.run(_walk(folder, port, connections))


async def _walk(folder: Path, port: int, connections: int) -> dict[str, float]:
    database, keyring, clock = Database(f"sqlite+aiosqlite:///{folder / 'office.db'}"), Keyring(bytes(32)), SystemClock()
    await migrate.upgrade(database)
    async with database.write() as connection:
        organisation_id = await people.add_organisation(
            connection, name="Bench", slug=new_id(), document_key=keyring.wrap(bytes(32)), now=clock.now()
        )

    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    office = await open_office(database, FileDocuments(folder, key_of), keyring, clock, organisation_id)
    relay = Relay("127.0.0.1", port, "none", connections=connections, mails_per_connection=1000)
    carrier = SmtpCarrier("bench", relay, ListLog(), signers=[Signer(DOMAIN, SELECTOR, (folder / "key.pem").read_text())])
    office.carriers.mine[Channel.EMAIL] = carrier
    try:
        async with database.write() as connection:
            await people.update_organisation(connection, organisation_id, settings={"sender_email": SENDER})
        mailing = await office.drafts(people_items(ITEMS), Options(channel=Channel.EMAIL))
        started = time.perf_counter()
        await steering.send(office.house, mailing, mailing.options, OFFICE)
        planned = await work(office)
        handed = await work(office)
        seconds = time.perf_counter() - started
        states = await office.states(mailing)
        assert states == {"handed_over": ITEMS}, states
    finally:
        await carrier.close()
        await office.carriers.real.close()
        await database.close()
    return {
        "office_items": ITEMS,
        "office_button_to_sink_s": seconds,
        "office_per_second": ITEMS / seconds,
        "office_plan_s": planned,
        "office_dispatch_s": handed,
    }
