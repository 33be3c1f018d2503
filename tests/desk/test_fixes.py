"""Fixes at the desk: offered where there is something to mend, shown, applied, taken back; the letters are checked again."""

import io
from pathlib import Path

import pytest
from aiohttp import FormData
from PIL import Image

from postoffice.actions import pricing
from postoffice.compose.reading import read_document
from postoffice.model.address import PostalAddress
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import ItemState
from postoffice.store import items, mailings
from tests.desk.house import Browser, Office
from tests.papers import faults
from tests.papers.defects import letter, put

HTMX = {"HX-Request": "true"}


def merge(red: tuple[bool, ...] = (True, False, True)) -> bytes:
    """Three letters of letter size, or A4; here with something in their window, there not."""
    pdf = faults.paper(texts=[*letter(), (22, 130, "Pli 1")])
    used = pdf.pages[0].obj.Resources
    first = pdf.pages[0].obj.Contents.read_bytes()
    for number in range(1, len(red)):
        pdf.pages.append(pdf.pages[0])
        pdf.pages[-1].obj.Contents = pdf.make_stream(first.replace(b"3 RUE", b"%d RUE" % (3 + number)))
        pdf.pages[-1].obj.Resources = used
    for page, dirty in zip(pdf.pages, red, strict=True):
        if dirty:
            page.obj.Contents = pdf.make_stream(faults.area(170, 60, 20, 10) + b"\n" + page.obj.Contents.read_bytes())
    return faults.saved(pdf)


@pytest.fixture
async def mailing(office: Office, tmp_path: Path) -> Mailing:
    content = merge()
    reading = read_document(put(tmp_path, "merge.pdf", content))
    return await office.add_mailing(list(reading.items), content)


async def codes(office: Office, mailing: Mailing) -> list[list[str]]:
    return [[one.code for one in item.findings] for item in await office.items_of(mailing)]


async def fresh(office: Office, mailing: Mailing) -> Mailing:
    async with office.house.database.read() as connection:
        return await mailings.get(connection, mailing.id)


WORD = "clear-window"


@pytest.mark.slow
async def test_offered_shown_applied_to_one_and_taken_back(office: Office, alice: Browser, mailing: Mailing) -> None:
    first, second, _third = await office.items_of(mailing)
    base = f"/m/{mailing.id}/items/{first.id}"
    assert f"{base}/fix/{WORD}" in (await alice.get(base, **HTMX))[1]
    assert f"/fix/{WORD}" not in (await alice.get(f"/m/{mailing.id}/items/{second.id}", **HTMX))[1]
    text = (await alice.get(f"{base}/fix/{WORD}", **HTMX))[1]
    assert "Do it in all 2 letters" in text
    answer = await alice.client.get(f"{base}/fix/{WORD}/1.png")
    assert Image.open(io.BytesIO(await answer.read())).width == 1052
    assert (await alice.client.get(f"{base}/fix/{WORD}/2.png")).status == 404  # another person's page
    assert await codes(office, mailing) == [["window-not-clear"], [], ["window-not-clear"]]
    assert (await alice.post(f"{base}/fix/{WORD}"))[0] == 303
    assert await codes(office, mailing) == [[], [], ["window-not-clear"]]
    now = await fresh(office, mailing)
    assert now.document != mailing.document
    assert [(one["word"], one["pages"]) for one in now.fixes] == [(WORD, [1])]
    assert "Take back" in (await alice.get(f"/m/{mailing.id}"))[1]
    assert (await alice.post(f"/m/{mailing.id}/fixes/0/undo"))[0] == 303
    now = await fresh(office, mailing)
    assert (now.document, now.fixes) == (mailing.document, ())
    assert await codes(office, mailing) == [["window-not-clear"], [], ["window-not-clear"]]


async def test_to_all_that_it_concerns_and_a_correction_stays(office: Office, alice: Browser, mailing: Mailing) -> None:
    first = (await office.items_of(mailing))[0]
    corrected = PostalAddress(("Mme Zoé LEFÈVRE", "3 BIS RUE DU PUITS", "67000 STRASBOURG"), "67000", "STRASBOURG", "FR")
    async with office.house.database.write() as connection:
        await items.edit(connection, first, office.house.clock.now(), address=corrected, findings=first.findings)
    await alice.post(f"/m/{mailing.id}/items/{first.id}/fix/{WORD}", {"all": "1"})
    found: list[Item] = await office.items_of(mailing)
    assert await codes(office, mailing) == [[], [], []]
    assert found[0].address == corrected
    assert {one.state for one in found} == {ItemState.DRAFT}
    assert (await fresh(office, mailing)).fixes[0]["pages"] == [1, 3]


@pytest.mark.slow
async def test_of_two_fixes_the_first_can_be_taken_back(office: Office, alice: Browser, mailing: Mailing) -> None:
    first, _second, third = await office.items_of(mailing)
    for one in (first, third):
        await alice.post(f"/m/{mailing.id}/items/{one.id}/fix/{WORD}")
    assert await codes(office, mailing) == [[], [], []]
    await alice.post(f"/m/{mailing.id}/fixes/0/undo")
    assert await codes(office, mailing) == [["window-not-clear"], [], []]
    assert [one["pages"] for one in (await fresh(office, mailing)).fixes] == [[3]]


async def test_what_cannot_be_done_changes_nothing(office: Office, alice: Browser, mailing: Mailing) -> None:
    second = (await office.items_of(mailing))[1]
    for word in ("shrink", "nonsense"):
        status = (await alice.post(f"/m/{mailing.id}/items/{second.id}/fix/{word}"))[0]
        assert status == (400 if word == "nonsense" else 409)
    assert (await alice.post(f"/m/{mailing.id}/fixes/7/undo"))[0] == 409
    assert (await fresh(office, mailing)).document == mailing.document


async def test_letterhead_and_inserts_are_brought_priced_and_taken_back(office: Office, alice: Browser, mailing: Mailing) -> None:
    async def bring(**fields: object) -> int:
        data = FormData({"csrf": alice.csrf})
        for name, value in fields.items():
            kind = {"filename": "paper.pdf", "content_type": "application/pdf"} if isinstance(value, bytes) else {}
            data.add_field(name, value, **kind)
        return (await alice.client.post(f"/m/{mailing.id}/paper", data=data, allow_redirects=False)).status

    assert await bring(letterhead=faults.plain(pages=2)) == 303
    assert await bring(insert=faults.plain(pages=3)) == 303
    options = (await fresh(office, mailing)).options
    assert len(options.letterhead) == 64
    assert [one.pages for one in options.inserts] == [3]
    assert pricing.paper_of(1, options).sheets == 3  # a sheet, and two of the insert
    assert "Take back" in (await alice.get(f"/m/{mailing.id}"))[1]
    assert await bring(insert=b"no paper") == 400
    assert await bring() == 400
    assert await bring(remove="letterhead") == 303
    assert await bring(remove=options.inserts[0].document) == 303
    options = (await fresh(office, mailing)).options
    assert (options.letterhead, options.inserts) == ("", ())
