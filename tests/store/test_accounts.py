"""Accounts, the audit trail and the sandbox box, as the administration asks for them, on both databases."""

from datetime import timedelta

import pytest

from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import new_id
from postoffice.model.people import Grant, Role
from postoffice.model.ports import Sent
from postoffice.store import accounts, audit, people, sandbox, sign_ins
from postoffice.store.database import Database
from postoffice.store.sandbox import DatabaseSandboxBox
from tests.conftest import FixedClock


async def add(database: Database, organisation_id: str, clock: FixedClock, email: str, *roles: Grant) -> str:
    async with database.write() as connection:
        return await people.add_user(
            connection, organisation_id=organisation_id, email=email, name=email, password="long enough", roles=roles, now=clock.now()
        )


async def disable(database: Database, organisation_id: str, user_id: str, clock: FixedClock) -> None:
    async with database.write() as connection:
        await accounts.disable(connection, user_id, clock.now())
        await accounts.keep_an_administrator(connection, organisation_id)


async def test_the_last_administrator_is_the_last_who_can_work(database: Database, organisation_id: str, clock: FixedClock) -> None:
    one = await add(database, organisation_id, clock, "one@example.org", Grant(Role.ADMINISTRATOR))
    two = await add(database, organisation_id, clock, "two@example.org", Grant(Role.ADMINISTRATOR))
    await disable(database, organisation_id, one, clock)
    with pytest.raises(Conflict):
        await disable(database, organisation_id, two, clock)
    async with database.read() as connection:
        assert not (await accounts.get(connection, two, organisation_id)).disabled
        with pytest.raises(NotFound):
            await accounts.get(connection, two, new_id())


async def test_last_seen_is_the_later_of_sign_in_and_page(database: Database, organisation_id: str, clock: FixedClock) -> None:
    user_id = await add(database, organisation_id, clock, "one@example.org", Grant(Role.VIEWER))
    async with database.write() as connection:
        assert await accounts.last_seen(connection, organisation_id) == {}
        account = await sign_ins.known(connection, "one@example.org")
        user = await sign_ins.passed(connection, account, clock.now())
        assert user is not None
        token, _csrf = await people.open_session(connection, user, clock.now(), timedelta(hours=1))
        clock.pass_by(minutes=5)
        await people.touch_session(connection, token, clock.now())
        assert await accounts.last_seen(connection, organisation_id) == {user_id: clock.now()}
        await accounts.disable(connection, user_id, clock.now())
        assert await people.session(connection, token, clock.now(), timedelta(hours=1)) is None


async def test_the_trail_pages_by_id(database: Database, organisation_id: str, clock: FixedClock) -> None:
    async with database.write() as connection:
        for number in range(5):
            await people.note(
                connection,
                organisation_id=organisation_id,
                actor="office",
                action="x",
                subject="",
                now=clock.now(),
                detail={"n": number},
            )
        first = await audit.page(connection, organisation_id, limit=3)
        rest = await audit.page(connection, organisation_id, before=first[-1].id)
        assert [line.detail["n"] for line in (*first, *rest)] == [4, 3, 2, 1, 0]
        assert await audit.page(connection, organisation_id, actor="user:x") == []


async def test_the_box_pages_and_narrows(database: Database, organisation_id: str, clock: FixedClock) -> None:
    pieces = [
        Sent(new_id(), organisation_id, Channel.SMS, "+33", "", "x", "", (), "", 0, 0, "delivered", clock.now()) for _ in range(5)
    ]
    await DatabaseSandboxBox(database).keep(pieces)
    async with database.read() as connection:
        first = [sent for sent, _copies in await sandbox.page(connection, organisation_id, limit=3)]
        before = (first[-1].sent_at, first[-1].key)
        rest = [sent for sent, _copies in await sandbox.page(connection, organisation_id, before=before)]
        assert {one.key for one in (*first, *rest)} == {one.key for one in pieces} and len(first) + len(rest) == 5
        assert await sandbox.page(connection, organisation_id, printer_ids=[], user_id=new_id()) == []
