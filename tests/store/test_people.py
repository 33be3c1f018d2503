"""People, sessions, keys, printers, links, the suppression list and the sandbox's box."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.item import NewItem
from postoffice.model.mailing import NewMailing, Source
from postoffice.model.people import Grant, Right, Role
from postoffice.model.ports import Sent
from postoffice.store import behind, contacts, items, links, mailings, people, printers, sandbox, sign_ins, suppressions
from postoffice.store import schema as tables
from postoffice.store.database import Database
from postoffice.store.keys import Keyring, hash_token, new_token
from postoffice.store.sandbox import DatabaseSandboxBox

WORD = "correct horse battery staple"
IDLE, LIFE = timedelta(hours=2), timedelta(hours=12)


@pytest.fixture
async def user_id(database: Database, organisation_id: str, clock: Any) -> str:
    async with database.write() as connection:
        return await people.add_user(
            connection,
            organisation_id=organisation_id,
            email=" Anne@Example.FR ",
            name="Anne",
            password=WORD,
            roles=[Grant(Role.SENDER), Grant(Role.SENDER)],
            now=clock.now(),
        )


async def judged(database: Database, email: str, word: str) -> sign_ins.Known | None:
    """The account whose password this is."""
    async with database.read() as connection:
        account = await sign_ins.known(connection, email)
    return account if await sign_ins.fits(account, word) else None


async def test_password(database: Database, user_id: str, clock: Any) -> None:
    account = await judged(database, "ANNE@example.fr ", WORD)
    assert account and account.user_id == user_id
    assert await judged(database, "anne@example.fr", "wrong") is None
    assert await judged(database, "nobody@example.fr", WORD) is None
    async with database.write() as connection:
        user = await sign_ins.passed(connection, account, clock.now())
        assert user and user.may(Right.SEND) and not user.may(Right.MANAGE)
        stored = await connection.scalar(sa.select(tables.users.c.password_hash))
        await people.set_password(connection, user_id, "another one, longer")
        assert await sign_ins.passed(connection, account, clock.now()) is None, "changed while the old one was looked at"
    assert str(stored).startswith("$argon2id$") and WORD not in str(stored)


async def test_one_account_per_address(database: Database, user_id: str, organisation_id: str, clock: Any) -> None:
    with pytest.raises(Conflict):
        async with database.write() as connection:
            await people.add_user(
                connection, organisation_id=organisation_id, email="anne@EXAMPLE.fr", name="", password="x", roles=[], now=clock.now()
            )


async def test_sessions_end(database: Database, user_id: str, clock: Any) -> None:
    async with database.write() as connection:
        user = await people.user(connection, user_id)
        assert user
        idle, _ = await people.open_session(connection, user, clock.now(), LIFE)
        busy, csrf = await people.open_session(connection, user, clock.now(), LIFE)
        stored = list(await connection.scalars(sa.select(tables.sessions.c.token_hash)))
    assert idle not in stored and hash_token(idle) in stored
    for _ in range(11):
        clock.pass_by(hours=1)
        async with database.write() as connection:
            found = await people.session(connection, busy, clock.now(), IDLE)
            assert found and found[0].id == user_id and found[1] == csrf
            await people.touch_session(connection, busy, clock.now())
    async with database.read() as connection:
        assert await people.session(connection, idle, clock.now(), IDLE) is None
        assert await people.session(connection, new_token(), clock.now(), IDLE) is None
    clock.pass_by(hours=1, seconds=1)
    async with database.read() as connection:
        assert await people.session(connection, busy, clock.now(), IDLE) is None, "absolute end"


async def test_a_new_password_ends_all_sessions(database: Database, user_id: str, clock: Any) -> None:
    async with database.write() as connection:
        user = await people.user(connection, user_id)
        assert user
        token, _ = await people.open_session(connection, user, clock.now(), LIFE)
        await people.set_password(connection, user_id, "another one, longer")
        assert await people.session(connection, token, clock.now(), IDLE) is None
    assert await judged(database, "anne@example.fr", "another one, longer")


async def test_a_disabled_user_is_nobody(database: Database, user_id: str, clock: Any) -> None:
    async with database.write() as connection:
        user = await people.user(connection, user_id)
        assert user
        token, _ = await people.open_session(connection, user, clock.now(), LIFE)
        await connection.execute(tables.users.update().values(disabled_at=clock.now()))
        assert await people.session(connection, token, clock.now(), IDLE) is None
    assert await judged(database, "anne@example.fr", WORD) is None


async def test_api_keys(database: Database, organisation_id: str, clock: Any) -> None:
    async with database.write() as connection:
        key_id, secret = await people.add_api_key(
            connection, organisation_id=organisation_id, name="CRM", live=False, role=Role.SENDER, created_by=None, now=clock.now()
        )
        found = await people.api_key(connection, secret)
        assert found and found.id == key_id and not found.live and secret.startswith("po_test_")
        row = (await connection.execute(tables.api_keys.select())).one()
        assert secret not in map(str, row)
        await people.revoke_api_key(connection, new_id(), key_id, clock.now())
        assert await people.api_key(connection, secret), "another organisation revokes nothing"
        await people.revoke_api_key(connection, organisation_id, key_id, clock.now())
        assert await people.api_key(connection, secret) is None and await people.api_key(connection, secret[:-1]) is None


async def test_printer_tokens(database: Database, organisation_id: str, keyring: Keyring, clock: Any) -> None:
    async with database.write() as connection:
        printer_id = await printers.add(connection, organisation_id=organisation_id, name="Poste", now=clock.now())
        printer = await printers.get(connection, printer_id, organisation_id)
        one, two = [await printers.add_token(connection, keyring, printer, label=name, now=clock.now()) for name in "ab"]
        assert one != two
        opened = await printers.by_token(connection, one)
        assert opened and opened[0] == printer
        kept = list(await connection.scalars(sa.select(tables.printer_tokens.c.token_hash)))
        assert one not in kept
        known = await printers.tokens(connection, printer_id)
        assert [keyring.printer_token(token.id) for token in known] == [one, two], "can be shown again without being stored"
        await printers.revoke_token(connection, organisation_id, known[0].id, clock.now())
        assert await printers.by_token(connection, one) is None and await printers.by_token(connection, two)
        await printers.update(connection, printer_id, removed_at=clock.now())
        assert await printers.by_token(connection, two) is None
        with pytest.raises(NotFound):
            await printers.get(connection, printer_id)


def test_another_master_key_opens_nothing(keyring: Keyring) -> None:
    wrapped = keyring.wrap(b"secret")
    assert b"secret" not in wrapped and keyring.unwrap(wrapped) == b"secret"
    for bad in (Keyring(bytes(32)).wrap(b"x"), wrapped[:-1], b""):
        with pytest.raises(PostOfficeError) as caught:
            keyring.unwrap(bad)
        assert caught.value.code == "wrong-master-key" and caught.value.help


@pytest.fixture
async def link(database: Database, organisation_id: str, keyring: Keyring, clock: Any) -> tuple[str, links.Link]:
    """A secure link whose proof is the postcode 75 008."""
    token = keyring.link_token(new_id())
    async with database.write() as connection:
        mailing = await mailings.add(connection, NewMailing(organisation_id, Source.API, "x"), clock.now())
        await items.add_all(connection, organisation_id, mailing.id, [NewItem(1, 1, None)], clock.now())
        (item,) = await items.page(connection, mailing.id, items.Filter())
        value = {"organisation_id": organisation_id, "item_id": item.id, "delivery_id": new_id(), "token": token}
        value |= {"proof": "postcode", "proof_text": "75008", "created_at": clock.now()}
        value |= {"expires_at": clock.now() + timedelta(days=90)}
        await links.add_missing(connection, [value])
        await links.add_missing(connection, [value | {"proof_text": "other"}])
        found = await links.by_token(connection, token)
    assert found and "75008" not in found.proof_hash
    return token, found


async def test_link_proof_and_its_pause(database: Database, link: tuple[str, links.Link], clock: Any) -> None:
    token, found = link

    async def attempt(typed: str) -> tuple[bool, bool]:
        async with database.write() as connection:
            return await connection.run_sync(links.try_proof, found, token, typed, clock.now())

    assert await attempt(" 75 008 ") == (True, False)
    wrong = await asyncio.gather(*(attempt("75009") for _ in range(links.TRIES)))
    assert set(wrong) == {(False, False)}
    assert await attempt("75008") == (False, True), "even the right one, for a while"
    clock.time += links.TRIES_WITHIN + timedelta(seconds=1)
    assert await attempt("75008") == (True, False)


async def test_link_visits_end_with_the_link(
    database: Database, link: tuple[str, links.Link], organisation_id: str, clock: Any
) -> None:
    _token, found = link
    async with database.write() as connection:
        visit = await connection.run_sync(links.open_session, found, clock.now(), timedelta(hours=1))
        opened = await connection.run_sync(behind.by_session, visit, clock.now())
        assert opened and opened.behind.link == await links.by_token(connection, _token)
        assert await connection.run_sync(behind.by_session, visit, clock.now() + timedelta(hours=2)) is None
        assert await links.revoke_item(connection, new_id(), found.item_id, clock.now()) == 0
        assert await links.revoke_item(connection, organisation_id, found.item_id, clock.now()) == 1
        assert await connection.run_sync(behind.by_session, visit, clock.now()) is None


async def test_suppressions(database: Database, organisation_id: str, clock: Any) -> None:
    async def blocked(purpose: Purpose) -> bool:
        async with database.read() as connection:
            return bool(await suppressions.among(connection, organisation_id, purpose, {"h"}, clock.now()))

    async def block(purpose: Purpose | None) -> None:
        async with database.write() as connection:
            await suppressions.add(
                connection,
                organisation_id=organisation_id,
                channel=Channel.EMAIL,
                address_hash="h",
                reason="bounce",
                origin="c",
                now=clock.now(),
                purpose=purpose,
            )

    await block(Purpose.PROMOTION)
    await block(Purpose.PROMOTION)
    assert await blocked(Purpose.PROMOTION) and not await blocked(Purpose.INVOICE)
    await block(Purpose.OTHER)
    await block(None)
    assert await blocked(Purpose.INVOICE), "dead for every purpose, though some were blocked before"
    await block(Purpose.CONTRACT)
    async with database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(tables.suppressions)) == 3
        assert not await suppressions.among(connection, new_id(), Purpose.OTHER, {"h"}, clock.now())


async def test_sandbox_counts_copies(database: Database, organisation_id: str, clock: Any) -> None:
    box = DatabaseSandboxBox(database)
    one = Sent(new_id(), organisation_id, Channel.EMAIL, "a@b.fr", "s", "t", "", (), "", 0, 0, "delivered", clock.now())
    two = replace(one, key=new_id())
    assert await box.keep([]) == set()
    assert await box.keep([one]) == set() and await box.keep([one, two]) == {one.key}
    assert set(await box.outcomes([one.key, two.key, new_id()])) == {one.key, two.key}
    async with database.read() as connection:
        assert {sent.key: copies for sent, copies in await sandbox.page(connection, organisation_id)} == {one.key: 2, two.key: 1}
        assert await sandbox.get(connection, new_id(), one.key) is None


async def test_contacts_found_by_many_at_once(database: Database, organisation_id: str, clock: Any) -> None:
    wanted = {f"k{n}": {"name": f"Name {n}", "points": [("email", f"{n}@x.fr", None), ("email", f"{n}@x.fr", None)]} for n in range(20)}

    async def look(order: int) -> dict[str, str]:
        mine = dict(sorted(wanted.items(), reverse=bool(order % 2)))
        async with database.write() as connection:
            return await contacts.find_or_add(connection, organisation_id, mine, clock.now())

    found = await asyncio.gather(*(look(number) for number in range(4)))
    assert all(one == found[0] for one in found) and len(set(found[0].values())) == 20
    async with database.read() as connection:
        assert len(await contacts.points(connection, found[0]["k1"])) == 1
        assert [one.name for one in await contacts.search(connection, organisation_id, "name 1")][:2] == ["Name 1", "Name 10"]
        assert not await contacts.search(connection, organisation_id, "%")
