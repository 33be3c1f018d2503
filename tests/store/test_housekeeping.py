"""What has ended is swept away, and nothing else."""

from postoffice.model.mailing import NewMailing, Source
from postoffice.model.states import MailingState
from postoffice.store import housekeeping, mailings, vitals
from postoffice.store.database import Database
from tests.conftest import FixedClock


async def test_jobs_whose_document_never_came_are_aborted(database: Database, organisation_id: str, clock: FixedClock) -> None:
    async with database.write() as connection:
        old = await mailings.add(connection, NewMailing(organisation_id, Source.PRINTER, "never"), clock.now())
    clock.pass_by(hours=25)
    async with database.write() as connection:
        young = await mailings.add(connection, NewMailing(organisation_id, Source.PRINTER, "coming"), clock.now())
        await housekeeping.tidy(connection, clock.now())
        assert (await mailings.get(connection, old.id)).state is MailingState.ABORTED
        assert (await mailings.get(connection, young.id)).state is MailingState.RECEIVING


async def test_signs_of_life_are_one_a_process_and_end(database: Database, clock: FixedClock) -> None:
    started = clock.now()
    async with database.write() as connection:
        for _ in range(3):
            clock.pass_by(seconds=10)
            await housekeeping.beat(connection, "host:1:a", "worker", ["post"], started, clock.now())
        assert len(await vitals.signs_of_life(connection, clock.now())) == 1
        clock.pass_by(hours=2)
        await housekeeping.tidy(connection, clock.now())
        assert await vitals.signs_of_life(connection, clock.now()) == []
