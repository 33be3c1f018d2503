"""The agents' door: new pages at once, each once, own ones only."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.model.mailing import NewMailing, Source
from postoffice.model.people import Grant, Role
from postoffice.store import people, printers
from tests.doors import Office


async def _printer(office: Office, name: str = "Office", user_id: str | None = None) -> tuple[str, str]:
    house = office.house
    async with house.database.write() as connection:
        printer_id = await printers.add(connection, organisation_id=office.organisation_id, name=name, now=office.clock.now())
        token = await _token(office, connection, printer_id, user_id)
    return printer_id, token


async def _token(office: Office, connection: sa.ext.asyncio.AsyncConnection, printer_id: str, user_id: str | None) -> str:
    printer = await printers.get(connection, printer_id)
    return await printers.add_token(connection, office.house.keyring, printer, label="pc", now=office.clock.now(), user_id=user_id)


async def _print(
    office: Office, printer_id: str, *, user_id: str | None = None, automatic: bool = False, source: Source = Source.PRINTER
) -> str:
    new = NewMailing(office.organisation_id, source, "job", printer_id=printer_id, user_id=user_id, automatic=automatic)
    async with office.house.reception.intake(new) as intake:
        await intake.write(b"%PDF-1.4")
        return (await intake.accept("application/pdf")).id


async def _ask(office: Office, token: str, wait: int = 0, after: str = "") -> tuple[str, list[str]]:
    answer = await office.client.get(
        "/agent/next", params={"wait": str(wait), **({"after": after} if after else {})}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status == 200, await answer.text()
    shape = await answer.json()
    return shape["cursor"], [page["url"].rsplit("/", 1)[-1] for page in shape["pages"]]


async def test_a_page_is_told_within_a_second_and_once(office_on_both: Office) -> None:
    office = office_on_both
    printer_id, token = await _printer(office)
    before = await _print(office, printer_id)
    cursor, pages = await _ask(office, token, wait=25)
    assert pages == [], "the first answer is only a cursor"
    asking = asyncio.create_task(_ask(office, token, 20, cursor))
    await asyncio.sleep(0.3)
    fresh = await _print(office, printer_id)
    began = time.monotonic()
    cursor, pages = await asking
    assert pages == [fresh] and before not in pages and time.monotonic() - began < 2
    assert await _ask(office, token, 0, cursor) == (cursor, [])


@pytest.mark.slow
async def test_jobs_that_are_still_coming_in_are_told_when_they_are_there(office: Office) -> None:
    printer_id, token = await _printer(office)
    cursor, _ = await _ask(office, token)
    new = NewMailing(office.organisation_id, Source.PRINTER, "slow", printer_id=printer_id)
    slow = await office.house.reception.open(new)
    gone = await office.house.reception.open(new)
    quick = await _print(office, printer_id)
    await asyncio.sleep(1.05)
    cursor, pages = await _ask(office, token, 0, cursor)
    assert pages == [quick]
    async with office.house.reception.intake(new, opened=slow) as intake:
        await intake.write(b"%PDF-1.4")
        await intake.accept("application/pdf")
    await office.house.reception.book.abort_mailing(gone.id)
    cursor, pages = await _ask(office, token, 3, cursor)
    assert pages == [slow.id]
    assert (await _ask(office, token, 0, cursor))[1] == []


async def test_only_one_s_own_jobs_of_this_printer_that_wait_for_a_person(office: Office) -> None:
    printer_id, shared = await _printer(office)
    other_id, _ = await _printer(office, "Other")
    async with office.house.database.write() as connection:
        user_id = await people.add_user(
            connection,
            organisation_id=office.organisation_id,
            email="a@example.net",
            name="A",
            password="x",
            roles=[Grant(Role.SENDER)],
            now=office.clock.now(),
        )
        personal = await _token(office, connection, printer_id, user_id)
    cursor, _ = await _ask(office, shared)
    mine = await _print(office, printer_id, user_id=user_id)
    nobodys = await _print(office, printer_id)
    await _print(office, other_id)
    await _print(office, printer_id, automatic=True)
    await _print(office, printer_id, source=Source.UPLOAD)
    await asyncio.sleep(1.05)
    assert (await _ask(office, shared, 0, cursor))[1] == [nobodys]
    assert (await _ask(office, personal, 0, cursor))[1] == [mine]


@pytest.mark.slow
async def test_a_hundred_pollers_share_one_look_a_second(office: Office) -> None:
    printer_id, token = await _printer(office)
    cursor, _ = await _ask(office, token)
    looks = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "max(mailings.number)" in statement:
            looks.append(statement)

    engine = office.house.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", count)
    answers = await asyncio.gather(*(_ask(office, token, 2, cursor) for _ in range(100)))
    assert all(pages == [] for _, pages in answers) and len(looks) <= 4


async def test_bad_tokens_cursors_and_waits(office: Office) -> None:
    printer_id, token = await _printer(office)
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Basic {token}"}):
        assert (await office.client.get("/agent/next", headers=headers)).status == 401
    headers = {"Authorization": f"Bearer {token}"}
    for query in ("after=x", "after=1.", "after=-1", "after=" + "9" * 19, "wait=-1", "wait=x", "wait=1e3"):
        assert (await office.client.get(f"/agent/next?{query}", headers=headers)).status == 400, query
    async with office.house.database.write() as connection:
        known = await printers.tokens(connection, printer_id)
        await printers.revoke_token(connection, office.organisation_id, known[0].id, office.clock.now())
    assert (await office.client.get("/agent/next", headers=headers)).status == 401


async def test_the_end_of_the_server_does_not_wait_for_pollers(office: Office) -> None:
    _, token = await _printer(office)
    cursor, _ = await _ask(office, token)
    asking = asyncio.create_task(_ask(office, token, 50, cursor))
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await office.client.app.shutdown()
    assert (await asking)[1] == [] and time.monotonic() - began < 2


@pytest.mark.slow
async def test_the_agent_of_linux_understands_us(office: Office, tmp_path: Path) -> None:
    printer_id, token = await _printer(office)
    agent = Path(__file__).resolve().parents[2] / "printdrivers" / "linux" / "agent.py"
    desk = f"http://{office.client.host}:{office.client.port}"
    config = tmp_path / "agent.json"
    config.write_text(json.dumps({"desk": desk, "token": token}))
    checked = await asyncio.to_thread(
        subprocess.run, [sys.executable, agent, "--config", config, "--check"], capture_output=True, timeout=30
    )
    assert checked.returncode == 0, checked.stderr
