"""A scan of 300 pages: every code found, nothing entered twice, and a worker that stops half-way leaves the rest to the next one."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from postoffice.actions import returned, steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.ids import to_bytes
from postoffice.model.mailing import Options
from postoffice.model.ports import Abilities
from postoffice.model.returned import Reason
from postoffice.pipeline import Pipeline
from postoffice.store import items, scans
from tests.papers.envelopes import envelopes
from tests.pipeline.house import InlineWorkshop, Office, PlannedCarrier, people_items

pytestmark = pytest.mark.slow
PAPER = Options(channel=Channel.POST)
PAGES = 300


class Interrupting(InlineWorkshop):
    """A workshop during whose work the worker is asked to stop, once."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after
        self.stop: Callable[[], None] = lambda: None

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.after -= 1
        if not self.after:
            self.stop()
        return await super().run(work, *args, **kwargs)


async def posted(office: Office, count: int) -> list[Any]:
    office.carriers.mine[Channel.POST] = PlannedCarrier("house", Abilities(Channel.POST))
    mailing = await office.drafts(people_items(count), PAPER)
    await steering.send(office.house, mailing, PAPER, OFFICE)
    await office.work()
    return await office.items(mailing)


def scanned(some: list[Any], pages: int) -> bytes:
    """Empty pages, and envelopes on the first, the middle (upside down) and the last one; the first letter is seen twice."""
    shown = [envelopes([(to_bytes(item.delivery_id), item.delivery_id, item.address)])[0].picture for item in some]
    paper = [Image.new("RGB", (200, 140), "white") for _ in range(pages)]
    paper[0], paper[pages // 2], paper[pages - 2], paper[pages - 1] = shown[0], shown[1].rotate(180), shown[0], shown[2]
    target = io.BytesIO()
    paper[0].save(target, "TIFF", save_all=True, append_images=paper[1:], compression="jpeg", quality=70)
    return target.getvalue()


async def bring(office: Office, content: bytes) -> tuple[str, str]:
    document = await office.house.documents.put(office.organisation_id, content)
    scan = await returned.take_scan(office.house, office.organisation_id, Reason.UNKNOWN, "bin.tif", document, OFFICE)
    (batch,) = await office.open_batches("returned")
    return scan, batch


async def test_three_hundred_pages_with_a_stop_on_the_way(office: Office) -> None:
    some = await posted(office, 3)
    workshop = Interrupting(after=PAGES // 2 + 20)
    office.house = replace(office.house, workshop=workshop)
    scan, batch = await bring(office, scanned(some, PAGES))
    first = Pipeline(office.house, "first")
    workshop.stop = first.stop.ask
    await first.work(batch)
    async with office.house.database.read() as connection:
        half = await scans.get(connection, office.organisation_id, scan)
    assert half.state == "reading" and PAGES // 2 < half.pages_read < PAGES
    assert await Pipeline(office.house, "second").work(batch)
    async with office.house.database.read() as connection:
        whole, told = await scans.get(connection, office.organisation_id, scan), await scans.counts(connection, [scan])
    assert (whole.state, whole.pages, whole.pages_read) == ("done", PAGES, PAGES)
    assert told[scan] == {scans.Outcome.ENTERED: 3, scans.Outcome.SAME: 1, scans.Outcome.NOTHING: PAGES - 4}
    async with office.house.database.read() as connection:
        after = await items.by_ids(connection, [one.id for one in some])
    assert {item.state.value for item in after.values()} == {"returned"}


async def test_more_pages_than_the_house_takes_are_refused_with_words(office: Office) -> None:
    some = await posted(office, 3)
    office.house = replace(office.house, limits=replace(office.house.limits, max_pages=8))
    scan, batch = await bring(office, scanned(some, 9))
    await Pipeline(office.house, "worker").work(batch)
    async with office.house.database.read() as connection:
        told = await scans.get(connection, office.organisation_id, scan)
    assert told.state == "failed" and told.error and told.error["code"] == "scan-too-long"
