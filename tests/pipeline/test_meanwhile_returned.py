"""A doubtful page of a scan is settled by two people at once, or at the moment at which the scan's time is over."""

import asyncio

import pytest

from postoffice.actions import returned
from postoffice.model.channel import Channel
from postoffice.model.errors import NotFound
from postoffice.model.ports import Abilities
from postoffice.model.returned import Reason
from postoffice.store import retention, scans
from postoffice.store import returned as entries
from tests.meanwhile import held_up
from tests.pipeline.house import Office, PlannedCarrier
from tests.pipeline.test_returned import CLERK, sent

pytestmark = pytest.mark.slow


async def _doubtful(office: Office) -> tuple[str, str]:
    """A scan of one page that nobody could read, and its picture."""
    picture = await returned.keep_picture(office.house, office.organisation_id, b"a picture")
    async with office.house.database.write() as connection:
        scan = await scans.add(connection, office.organisation_id, Reason.UNKNOWN, "bin.pdf", picture, "Zoé", office.clock.now())
        await scans.keep(connection, office.organisation_id, [scans.Page(scan, 1, scans.Outcome.DOUBTFUL, document=picture)])
        await scans.change(connection, scan, state="done")
    return scan, picture


async def test_a_page_is_one_letter_whoever_says_which(office: Office) -> None:
    house, organisation_id = office.house, office.organisation_id
    office.carriers.mine[Channel.POST] = post = PlannedCarrier("my-post", Abilities(Channel.POST))
    await sent(office, count=3)
    scan, _picture = await _doubtful(office)
    settling = [returned.settle_page(house, organisation_id, scan, 1, CLERK, key) for key in post.taken]
    said = await asyncio.gather(*settling, return_exceptions=True)
    assert sorted(type(one).__name__ for one in said) == ["Came", "Conflict", "Conflict"]
    async with house.database.read() as connection:
        (entry,) = await entries.last(connection, organisation_id)
        (page,) = await scans.pages(connection, scan)
    assert page.delivery_id == entry.delivery_id
    again = await returned.settle_page(house, organisation_id, scan, 1, CLERK, entry.delivery_id)
    assert again is not None and again.already
    await returned.undo(house, organisation_id, entry.id, CLERK)
    other = next(key for key in post.taken if key != entry.delivery_id)
    assert await returned.settle_page(house, organisation_id, scan, 1, CLERK, other) is not None, "the first one was a mistake"


async def test_a_proof_is_not_named_without_its_bytes(office: Office) -> None:
    house, organisation_id = office.house, office.organisation_id
    office.carriers.mine[Channel.POST] = post = PlannedCarrier("my-post", Abilities(Channel.POST))
    await sent(office)
    (delivery_id,) = post.taken
    scan, picture = await _doubtful(office)
    office.clock.time += retention.SCANS_KEPT * 1.1
    async with house.database.write() as connection:
        assert await retention.sweep(connection, office.clock.now()) == [(organisation_id, picture)]
        settling = returned.settle_page(house, organisation_id, scan, 1, CLERK, delivery_id)
        settled = asyncio.create_task(settling)
        await held_up(house.database, settled)
    with pytest.raises(NotFound):
        await settled
    async with house.database.read() as connection:
        assert await entries.last(connection, organisation_id) == []
