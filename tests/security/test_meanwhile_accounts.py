"""A password that is changed while somebody signs in with the old one, an account that is helped while somebody else uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import sqlalchemy as sa

from postoffice.desk import add_desk
from postoffice.model.people import Grant, Role, User
from postoffice.store import accounts, factors, people, sign_ins
from postoffice.store import schema as tables
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.conftest import FixedClock
from tests.doors import Office, open_office
from tests.meanwhile import Seams, held_up

pytestmark = pytest.mark.slow

OLD, NEW = "une phrase facile à garder", "a sentence that only Anne knows"


@pytest.fixture
async def office(
    database: Database, documents: FileDocuments, keyring: Keyring, clock: FixedClock, organisation_id: str
) -> AsyncIterator[Office]:
    seams = Seams(database)
    async with open_office(seams, documents, keyring, clock, organisation_id, add_desk) as built:
        yield built
    await seams.close()


async def _person(office: Office, email: str = "anne@example.fr", role: Role = Role.ADMINISTRATOR) -> User:
    values = {"name": "Anne", "password": people.hash_now(OLD), "roles": [Grant(role)], "now": office.clock.now()}
    async with office.house.database.write() as connection:
        user_id = await people.add_user(connection, organisation_id=office.organisation_id, email=email, **values)
        return await accounts.get(connection, user_id, office.organisation_id)


async def _signed_in(office: Office, user: User) -> str:
    """A session of this person in the browser; its CSRF word."""
    async with office.house.database.write() as connection:
        token, csrf = await people.open_session(connection, user, office.clock.now(), timedelta(hours=12))
    office.client.session.cookie_jar.update_cookies({"postoffice": token})
    return csrf


async def _at_the_second_step(office: Office, user: User) -> str:
    """A half-done sign-in of this person in the browser; a recovery code that would end it."""
    house, now = office.house, office.clock.now()
    async with house.database.write() as connection:
        await factors.set_app(connection, house.keyring, user.id, b"s" * 20, None)
        code = (await factors.new_recovery_codes(connection, house.keyring, user, now))[0]
        step = await sign_ins.begin(connection, house.keyring, office.organisation_id, user.id, "second", now)
    office.client.session.cookie_jar.update_cookies({"postoffice-step": step})
    return code


async def _reset(office: Office, user: User) -> None:
    """An administrator helps: another password, nothing that the old one opened stays open."""
    async with office.house.database.write() as connection:
        await people.set_password(connection, user.id, people.hash_now(NEW), must_change=True)


async def _open(office: Office, user: User) -> int:
    """Sessions and half-done sign-ins of this person."""
    async with office.house.database.read() as connection:
        return sum(
            [
                int(await connection.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.user_id == user.id)) or 0)
                for table in (tables.sessions, tables.sign_in_steps)
            ]
        )


async def _opens(office: Office, user: User, password: str) -> bool:
    async with office.house.database.read() as connection:
        return await sign_ins.fits(await sign_ins.known(connection, user.email), password)


@pytest.mark.parametrize("way", ["password", "password, then a second factor", "recovery code"])
async def test_nothing_that_the_old_password_opens_outlives_it(office: Office, way: str) -> None:
    user, seams = await _person(office), office.house.database
    assert isinstance(seams, Seams)
    for number in range(1, 6):  # before whichever of its transactions the password is changed
        async with seams.write() as connection:
            await people.set_password(connection, user.id, people.hash_now(OLD))
        path, form = "/sign-in", {"email": user.email, "password": OLD}
        if way != "password":
            code = await _at_the_second_step(office, user)
        if way == "recovery code":
            path, form = "/sign-in/second", {"code": code}
        seams.before(number, lambda: _reset(office, user))
        await office.client.post(path, data=form, allow_redirects=False)
        if seams.begun < number:
            return
        assert await _open(office, user) == 0, number
    raise AssertionError("a sign-in has fewer transactions than that")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("way", ["password", "recovery code"])
async def test_a_password_is_changed_before_or_after_a_sign_in_never_within(office: Office, way: str) -> None:
    """The browser has a session of somebody else, which ends when another begins: holding it stops a sign-in in its midst."""
    user, bea, database = await _person(office), await _person(office, "bea@example.fr"), office.house.database
    path, form = "/sign-in", {"email": user.email, "password": OLD}
    if way == "recovery code":
        path, form = "/sign-in/second", {"code": await _at_the_second_step(office, user)}
    await _signed_in(office, bea)
    async with AsyncExitStack() as stack:
        holding = await stack.enter_async_context(database.write())
        await holding.execute(tables.sessions.select().where(tables.sessions.c.user_id == bea.id).with_for_update())
        asked = asyncio.create_task(office.client.post(path, data=form, allow_redirects=False))
        await held_up(database, asked)
        changed = asyncio.create_task(_reset(office, user))
        await held_up(database, asked, changed)
    assert (await asked).status == 303
    await changed
    assert await _open(office, user) == 0


async def test_whoever_changes_an_old_password_does_not_undo_its_reset(office: Office) -> None:
    user, seams = await _person(office), office.house.database
    assert isinstance(seams, Seams)
    for number in range(2, 7):
        async with seams.write() as connection:
            await people.set_password(connection, user.id, people.hash_now(OLD))
        csrf = await _signed_in(office, user)
        seams.before(number, lambda: _reset(office, user))
        form = {"old": OLD, "new": "what an intruder likes", "again": "what an intruder likes", "csrf": csrf}
        await office.client.post("/password", data=form, allow_redirects=False)
        if seams.begun < number:
            return
        assert await _opens(office, user, NEW) and await _open(office, user) == 0, number
    raise AssertionError("a change of password has fewer transactions than that")


async def test_tries_at_one_moment_are_not_more_than_a_half_done_sign_in_has(office: Office) -> None:
    user = await _person(office)
    await _at_the_second_step(office, user)
    forms = [{"code": f"wrong-code-{number}"} for number in range(9)]
    answers = await asyncio.gather(*(office.client.post("/sign-in/second", data=form, allow_redirects=False) for form in forms))
    assert sum(answer.status == 403 for answer in answers) < sign_ins.STEP_TRIES
    async with office.house.database.read() as connection:
        assert list(await connection.scalars(sa.select(tables.sign_in_steps.c.wrong))) == [sign_ins.STEP_TRIES]


async def test_of_two_sets_of_recovery_codes_one_counts(office: Office) -> None:
    house, user, now = office.house, await _person(office), office.clock.now()

    async def make() -> list[str]:
        async with house.database.write() as connection:
            return await factors.new_recovery_codes(connection, house.keyring, user, now)

    await make()
    async with house.database.write() as connection:
        await factors.new_recovery_codes(connection, house.keyring, user, now)
        second = asyncio.create_task(make())
        await held_up(house.database, second)
    codes = await second
    async with house.database.write() as connection:
        assert await factors.recovery_codes_left(connection, user.id) == factors.RECOVERY_CODES
        assert await factors.use_recovery_code(connection, house.keyring, user.id, codes[0], now)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_two_administrators_who_take_each_others_rights_are_judged_in_turn(office: Office) -> None:
    house, now = office.house, office.clock.now()
    anne, bea = await _person(office), await _person(office, "bea@example.fr")
    both = asyncio.Barrier(2)

    async def lower(other: User) -> None:
        async with house.database.write() as connection:
            await accounts.rename(connection, other.id, other.name, "fr")
            await people.set_grants(connection, office.organisation_id, other.id, [Grant(Role.VIEWER)], now)
            await both.wait()
            await accounts.keep_an_administrator(connection, office.organisation_id)

    said = await asyncio.gather(lower(anne), lower(bea), return_exceptions=True)
    assert sorted(getattr(one, "code", type(one).__name__) for one in said) == ["NoneType", "last-administrator"]


async def test_a_setting_outlives_another_that_is_made_at_the_same_moment(office: Office) -> None:
    user, seams = await _person(office), office.house.database
    assert isinstance(seams, Seams)
    csrf, required = await _signed_in(office, user), "second-administrator"

    async def require() -> None:
        answer = await office.client.post("/admin/people/second-factor", data={required: "1", "csrf": csrf}, allow_redirects=False)
        assert answer.status == 303

    seams.before(1, require)
    form = {"colour": "#123456", "csrf": csrf}
    assert (await office.client.post("/admin/organisation/look", data=form, allow_redirects=False)).status == 303
    async with seams.read() as connection:
        settings = (await people.organisation(connection, office.organisation_id)).settings
    assert settings["colour"] == "#123456" and settings["second_factor_roles"] == ["administrator"]


@pytest.mark.parametrize("path", ["/admin/people/second-factor", "/admin/organisation/look"])
async def test_settings_are_changed_in_turn(office: Office, path: str) -> None:
    user, database = await _person(office), office.house.database
    csrf = await _signed_in(office, user)
    async with database.write() as connection:
        await people.update_organisation(connection, office.organisation_id, settings={"sender_email": "post@example.fr"})
        form = {"colour": "#123456", "second-administrator": "1", "csrf": csrf}
        asked = asyncio.create_task(office.client.post(path, data=form, allow_redirects=False))
        await held_up(database, asked)
    assert (await asked).status == 303
    async with database.read() as connection:
        settings = (await people.organisation(connection, office.organisation_id)).settings
    assert settings["sender_email"] == "post@example.fr" and len(settings) == 2
