"""A doubtful page of an old scan is settled at the moment at which the scan's time is over: the letter's proof is there, or none is."""

import asyncio

import pytest

from postoffice.actions import returned
from postoffice.model.channel import Channel
from postoffice.model.ports import Abilities
from postoffice.model.returned import Reason
from postoffice.store import retention, scans
from tests.meanwhile import held_up
from tests.pipeline.house import Office, PlannedCarrier
from tests.pipeline.test_returned import CLERK, sent

pytestmark = pytest.mark.slow


async def test_a_proof_is_not_named_without_its_bytes(office: Office) -> None:
    house, organisation_id = office.house, office.organisation_id
    office.carriers.mine[Channel.POST] = post = PlannedCarrier("my-post", Abilities(Channel.POST))
    await sent(office)
    (delivery_id,) = post.taken
    picture = await returned.keep_picture(house, organisation_id, b"a picture")
    async with house.database.write() as connection:
        scan = await scans.add(connection, organisation_id, Reason.UNKNOWN, "bin.pdf", picture, "Zoé", office.clock.now())
        await scans.keep(connection, organisation_id, [scans.Page(scan, 1, scans.Outcome.DOUBTFUL, document=picture)])
        await scans.change(connection, scan, state="done")
    office.clock.time += retention.SCANS_KEPT * 1.1
    async with house.database.write() as connection:
        assert await retention.sweep(connection, office.clock.now()) == [(organisation_id, picture)]
        settling = returned.settle_page(house, organisation_id, scan, 1, CLERK, delivery_id)
        settled = asyncio.create_task(settling)
        await held_up(house.database, settled)
    came = await settled
    assert came is not None and came.entry.document is None
