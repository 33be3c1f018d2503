"""Earlier letters, pictures and words of pages, marks, the second link for somebody trusted, and staff's block."""

import io
import re
from datetime import timedelta

import pikepdf
import pytest
import sqlalchemy as sa
from PIL import Image

from postoffice.portal.visit import IDLE, LIFETIME
from postoffice.store import events, links, portal
from postoffice.store import schema as tables
from tests.doors import Office
from tests.portal.conftest import Letter, belongs, dump, sent

CLIENT = "comptable@cabinet.example"


async def enter(letter: Letter) -> None:
    answer = await letter.office.client.post(letter.path, data={"proof": letter.proof}, allow_redirects=False)
    assert answer.status == 303


async def share(letter: Letter, email: str = CLIENT, days: str = "7") -> str:
    """The path of a second link that the recipient made."""
    answer = await letter.office.client.post(f"/l/documents/{letter.item.id}/share", data={"email": email, "days": days})
    found = re.search(r"http://post.example(/l/[a-z2-7]{32})<", await answer.text())
    assert answer.status == 200 and found, await answer.text()
    return found[1]


async def test_history_shows_what_this_sender_sent_to_this_contact_and_nothing_else(office_on_both: Office) -> None:
    office = office_on_both
    mine, other, theirs = await sent(office, 3)
    await belongs([mine, other], "Anne")
    await belongs([theirs], "Bob", email="bob@example.net")
    async with office.house.database.write() as connection:
        await portal.mark(connection, other.item.id, "unpaid", office.clock.now())
    await enter(mine)
    text = await (await office.client.get("/l/documents", headers={"Accept-Language": "fr"})).text()
    assert mine.item.id in text and other.item.id in text and theirs.item.id not in text and "à payer" in text
    page = await office.client.get(f"/l/documents/{other.item.id}")
    assert page.status == 200 and "mark due" in await page.text()
    content = await (await office.client.get(f"/l/documents/{other.item.id}.pdf")).read()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert len(pdf.pages) == other.item.pages
    async with office.house.database.read() as connection:
        assert [one.kind.value for one in await events.of_item(connection, other.item.id)][-1] == "downloaded"
    for path in (theirs.item.id, "0" * 26, "x"):
        assert (await office.client.get(f"/l/documents/{path}")).status == 404


@pytest.mark.slow
async def test_what_was_never_sent_or_was_blocked_is_not_in_the_history(office: Office) -> None:
    mine, draft, blocked = await sent(office, 3)
    await belongs([mine, draft, blocked])
    async with office.house.database.write() as connection:
        await connection.execute(tables.items.update().where(tables.items.c.id == draft.item.id).values(state="draft"))
        await links.revoke_item(connection, office.organisation_id, blocked.item.id, office.clock.now())
    await enter(mine)
    for other in (draft, blocked):
        assert (await office.client.get(f"/l/documents/{other.item.id}")).status == 404
        assert (await office.client.get(f"/l/documents/{other.item.id}.pdf")).status == 404
        assert (await office.client.get(f"/l/documents/{other.item.id}/1.png")).status == 404


@pytest.mark.slow
async def test_pages_are_light_pictures_and_can_be_read_aloud(office: Office) -> None:
    (letter,) = await sent(office, 1)
    await enter(letter)
    page = await office.client.get("/l/document")
    text = await page.text()
    assert letter.item.address and letter.item.address.lines[-1] in text, "the words of the page, for a screen reader"
    picture = await office.client.get(f"/l/documents/{letter.item.id}/1.png")
    content = await picture.read()
    with Image.open(io.BytesIO(content)) as image:
        assert image.width == 800 and picture.content_type == "image/png"
    assert len(content) + len(text.encode()) < 100_000, "first view"
    assert (await office.client.get(f"/l/documents/{letter.item.id}/9.png")).status in (404, 503)


async def test_a_second_link_opens_one_letter_for_who_it_was_made_for(office_on_both: Office) -> None:
    office = office_on_both
    mine, other = await sent(office, 2)
    await belongs([mine, other])
    await enter(mine)
    path = await share(mine)
    office.client.session.cookie_jar.clear()
    assert (await office.client.post(path, data={"proof": mine.proof}, allow_redirects=False)).status == 422, "not by the first proof"
    assert (await office.client.post(path, data={"proof": CLIENT.upper()}, allow_redirects=False)).status == 303
    shown = await (await office.client.get("/l/document")).text()
    assert "Facture 2026-11" in shown and "/l/choices" not in shown and "share" not in shown
    assert (await office.client.get(f"/l/documents/{mine.item.id}.pdf")).status == 200
    for closed in (f"/l/documents/{other.item.id}", f"/l/documents/{other.item.id}.pdf", "/l/choices", "/l/data", "/l/data.zip"):
        assert (await office.client.get(closed)).status == 404, closed
    async with office.house.database.read() as connection:
        kinds = [one.kind.value for one in await events.of_item(connection, mine.item.id)]
        trail = (await connection.execute(sa.select(tables.audit.c.action, tables.audit.c.detail))).all()
    assert kinds.count("clicked") == 1 and "downloaded" not in kinds, "an accountant's reading is not the recipient's"
    assert "link.shared" in [row.action for row in trail] and CLIENT not in str(trail)


@pytest.mark.slow
async def test_a_second_link_ends_by_its_time_its_maker_and_its_parent(office: Office) -> None:
    mine, _ = await sent(office, 2)
    await belongs([mine])
    await enter(mine)
    first, second = await share(mine), await share(mine, "autre@cabinet.example", "30")
    page = await (await office.client.get("/l/document")).text()
    assert "c•••@cabinet.example" in page and CLIENT not in page
    ids = re.findall(r'name="link" value="([0-9a-z]{26})"', page)
    ended = await office.client.post(f"/l/documents/{mine.item.id}/unshare", data={"link": ids[0]}, allow_redirects=False)
    assert ended.status == 303
    assert (await office.client.get(first)).status == 404 and (await office.client.get(second)).status == 200
    office.clock.time += timedelta(days=31)
    assert (await office.client.post(second, data={"proof": "autre@cabinet.example"}, allow_redirects=False)).status == 410
    await enter(mine)
    third = await share(mine, days="90")
    async with office.house.database.write() as connection:
        assert await links.revoke_item(connection, office.organisation_id, mine.item.id, office.clock.now()) >= 1
    assert (await office.client.get(third)).status == 404


@pytest.mark.slow
async def test_odd_wishes_to_share_make_no_link(office: Office) -> None:
    mine, other = await sent(office, 2)
    await belongs([mine])
    await enter(mine)
    for email in ("", "x", "a@b", "a b@c.fr", "a@c.fr\nBcc: x@y.fr", "<script>@c.fr", "x" * 300 + "@c.fr"):
        answer = await office.client.post(f"/l/documents/{mine.item.id}/share", data={"email": email})
        assert answer.status == 422, email
    assert (await office.client.post(f"/l/documents/{other.item.id}/share", data={"email": CLIENT})).status == 404
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await office.client.post(f"/l/documents/{mine.item.id}/share", data={"email": CLIENT}, headers=headers)).status == 404
    for _ in range(10):
        await share(mine)
    assert (await office.client.post(f"/l/documents/{mine.item.id}/share", data={"email": CLIENT})).status == 422


@pytest.mark.slow
async def test_a_visit_ends_when_nothing_happens_and_at_its_absolute_end_asvs_7_3(office: Office) -> None:
    (letter,) = await sent(office, 1)
    await enter(letter)
    began = office.clock.time
    while office.clock.time - began < LIFETIME - IDLE:
        office.clock.time += IDLE - timedelta(minutes=1)
        assert (await office.client.get("/l/document")).status == 200
    office.clock.time = began + LIFETIME + timedelta(seconds=1)
    assert (await office.client.get("/l/document")).status == 403, "absolute"
    await enter(letter)
    office.clock.time += IDLE + timedelta(seconds=1)
    assert (await office.client.get("/l/document")).status == 403, "idle"


@pytest.mark.slow
async def test_staff_s_preview_shows_the_letter_and_leaves_no_trace_of_a_reader(office: Office) -> None:
    mine, other = await sent(office, 2)
    await belongs([mine, other])
    async with office.house.database.write() as connection:
        link = await links.by_token(connection, mine.token)
        assert link
        value = await connection.run_sync(links.open_session, link, office.clock.now(), timedelta(minutes=10), "preview")
    before = dump(office)
    headers = {"Cookie": f"po_link={value}"}
    assert (await office.client.get("/l/document", headers=headers)).status == 200
    assert (await office.client.get("/l/document.pdf", headers=headers)).status == 200
    for path in (f"/l/documents/{other.item.id}", "/l/choices", "/l/data.zip"):
        assert (await office.client.get(path, headers=headers)).status == 404
    assert (await office.client.post("/l/choices/off", headers=headers)).status == 404
    assert dump(office) == before
