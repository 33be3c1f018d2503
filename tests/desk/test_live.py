"""Live parts and pictures: one look for all viewers, one call for many pictures."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from postoffice.desk.live import LIVE, Live
from postoffice.desk.pictures import Pictures
from postoffice.model.errors import Unreadable
from postoffice.model.states import ItemState
from postoffice.store import items, mailings
from tests.desk import house
from tests.desk.house import Browser, Office

PNG = b"\x89PNG\r\n\x1a\n"


async def test_viewers_share_one_task_and_hear_each_change_once(office: Office, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1), house.piece(2, 2)], letters)
    live = Live(office.house, every=0.02)
    viewers = [live.follow(mailing.id), live.follow(mailing.id)]
    first = [await anext(viewer) for viewer in viewers]
    assert len(live._rooms) == 1
    assert all(look and look.states == {ItemState.DRAFT: 2} for look in first)
    waits = [asyncio.create_task(anext(viewer)) for viewer in viewers]
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in waits)  # nothing moved, nothing is told
    async with office.house.database.write() as connection:
        await items.set_state(connection, mailing.id, (ItemState.DRAFT,), "exclude", office.house.clock.now())
    for look in await asyncio.gather(*waits):
        assert look
        assert look.states == {ItemState.EXCLUDED: 2}
    for viewer in viewers:
        await viewer.aclose()
    assert not live._rooms


async def test_a_stream_tells_progress_and_that_the_page_is_another_one(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1)], letters)
    answer = await alice.client.get(f"/m/{mailing.id}/live?of=options&state=reading")
    assert answer.headers["Content-Type"] == "text/event-stream"
    text = (await asyncio.wait_for(answer.read(), 5)).decode()
    assert "event: look\ndata: " in text
    assert text.endswith("event: turned\ndata: \n\n")


async def test_a_board_hears_bars_and_the_house_closes_at_once(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1)], letters)
    async with office.house.database.write() as connection:
        await mailings.command(connection, mailing, "send", sent_at=office.house.clock.now())
    answer = await alice.client.get(f"/m/{mailing.id}/live?of=board&state=planning")
    await asyncio.wait_for(answer.content.readuntil(b"event: look"), 5)
    office.app[LIVE].close()
    rest = await asyncio.wait_for(answer.read(), 5)
    assert b"being prepared" in rest


async def test_pictures_are_drawn_many_at_a_time_and_kept(office: Office, letters: bytes) -> None:
    document = await office.house.documents.put(office.organisation_id, letters)
    calls: list[list[int]] = []

    def draw(_path: Path, pages: Sequence[int], _width: int) -> list[bytes]:
        calls.append(list(pages))
        return [b"%d" % page for page in pages]

    pictures = Pictures(office.house, draw)
    wanted = [pictures.get(office.organisation_id, document.sha256, page, 240) for page in range(1, 61)]
    assert await asyncio.gather(*wanted) == [b"%d" % page for page in range(1, 61)]
    assert len(calls) <= 4
    assert await pictures.get(office.organisation_id, document.sha256, 7, 240) == b"7"
    assert len(calls) <= 4
    await pictures.close()
    assert not list((Path(office.house.documents._plain)).iterdir())  # type: ignore[attr-defined]


async def test_a_damaged_page_hides_no_other(office: Office, letters: bytes) -> None:
    document = await office.house.documents.put(office.organisation_id, letters)

    def draw(_path: Path, pages: Sequence[int], _width: int) -> list[bytes]:
        if 3 in pages:
            raise Unreadable("page-unreadable", "Page 3 is damaged.", page=3)
        return [b"fine"] * len(pages)

    pictures = Pictures(office.house, draw)
    wanted = [pictures.get(office.organisation_id, document.sha256, page, 240) for page in range(1, 6)]
    found = await asyncio.gather(*wanted, return_exceptions=True)
    assert [isinstance(one, Unreadable) for one in found] == [False, False, True, False, False]
    with pytest.raises(Unreadable):
        await pictures.get(office.organisation_id, document.sha256, 3, 240)
    await pictures.close()


async def test_a_missing_document_is_said_to_everybody_who_asked(office: Office) -> None:
    pictures = Pictures(office.house)
    wanted = [pictures.get(office.organisation_id, "0" * 64, page, 240) for page in (1, 2)]
    found = await asyncio.gather(*wanted, return_exceptions=True)
    assert [getattr(one, "code", None) for one in found] == ["document-missing"] * 2
    await pictures.close()


async def test_thumbnails_over_http(office: Office, alice: Browser, letters: bytes) -> None:
    mailing = await office.add_mailing([house.piece(1, 1), house.piece(2, 2, 2)], letters)
    item = (await office.items_of(mailing))[1]
    answer = await alice.client.get(f"/m/{mailing.id}/items/{item.id}/thumb-2.png")
    assert (answer.status, (await answer.read())[:8]) == (200, PNG)
    assert (await alice.get(f"/m/{mailing.id}/items/{item.id}/page-3.png"))[0] == 404
    assert (await alice.get(f"/m/{mailing.id}/items/{item.id}/huge-1.png"))[0] == 404
