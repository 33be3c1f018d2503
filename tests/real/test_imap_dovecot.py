"""Mailboxes against Dovecot: nothing lost, nothing doubled, whatever happens between two looks."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.intake.imap import Access, MailboxFailed, open_mailbox
from postoffice.pipeline import mailbox as polling
from postoffice.pipeline.mailbox import Mailboxes
from postoffice.store import carriers, mailboxes
from postoffice.store import schema as tables
from postoffice.store.mailboxes import MailboxRow
from tests.pipeline.house import Office, open_office
from tests.pipeline.returning import bounce, kept, posted, words
from tests.real.dovecot import Dovecot

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    running = Dovecot()
    yield running
    running.stop()


@pytest.fixture
def dovecot(server: Dovecot) -> Dovecot:
    server.renew()
    return server


@pytest.fixture
async def house(database: Any, documents: Any, keyring: Any, clock: Any, organisation_id: str) -> AsyncIterator[Office]:
    clock.time = datetime.now(UTC)
    opened = await open_office(database, documents, keyring, clock, organisation_id)
    yield opened
    await opened.carriers.real.close()


def plain(number: int) -> bytes:
    return f"From: x@y.example\nMessage-ID: <{number}@y.example>\nSubject: {number}\n\nNumber {number}.\n".encode()


async def set_up(house: Office, access: Access, *, afresh: bool = True) -> MailboxRow:
    settings = {name: getattr(access, name) for name in Access.__slots__}
    async with house.house.database.write() as connection:
        await mailboxes.keep(
            connection,
            house.organisation_id,
            "relay",
            house.clock.now(),
            address="",
            settings=carriers.seal(house.house.keyring, settings),
            fetching=True,
            forward_to="",
            afresh=afresh,
        )
    return await row(house)


async def row(house: Office) -> MailboxRow:
    async with house.house.database.read() as connection:
        found = await mailboxes.of_carrier(connection, house.organisation_id, "relay")
    assert found
    return found


async def count(house: Office) -> int:
    async with house.house.database.read() as connection:
        return int(await connection.scalar(sa.select(sa.func.count()).select_from(tables.mails)) or 0)


async def test_a_bounce_in_the_mailbox_reaches_its_letter_and_is_marked_as_read(house: Office, dovecot: Dovecot) -> None:
    item = await posted(house)
    await set_up(house, dovecot.access())
    dovecot.drop(bounce(item.delivery_id), plain(1))
    looking = Mailboxes(house.house, "me")
    assert await looking.turn() and not await looking.turn()  # one that was looked at waits
    await house.work()
    assert await words(house, item) == ["bounced"]
    assert [(mail.way, mail.carrier, mail.state) for mail in await kept(house)] == [
        ("mailbox", "relay", "read"),
        ("mailbox", "relay", "aside"),
    ]
    assert dovecot.flags() == ["S", "S"]
    found = await row(house)
    assert (found.last_uid, found.last_error, found.failures) == (2, None, 0) and found.last_ok_at == house.clock.now()


async def test_only_what_is_new_is_taken_in_pages(house: Office, dovecot: Dovecot) -> None:
    dovecot.drop(*(plain(number) for number in range(130)))
    await set_up(house, dovecot.access())
    assert await Mailboxes(house.house, "me").empty(await row(house)) == 0  # not ours: nobody claimed it
    looking = Mailboxes(house.house, "me")
    assert await looking.turn()
    assert await count(house) == 130 and set(dovecot.flags()) == {"S"}
    dovecot.drop(plain(500))
    house.clock.pass_by(minutes=2)
    assert await looking.turn()
    assert await count(house) == 131 and (await row(house)).last_uid == 131


async def test_a_mailbox_that_was_numbered_anew_doubles_nothing(house: Office, dovecot: Dovecot) -> None:
    await set_up(house, dovecot.access())
    dovecot.drop(plain(1), plain(2), plain(3))
    looking = Mailboxes(house.house, "me")
    await looking.turn()
    first = (await row(house)).uid_validity
    time.sleep(1.1)  # Dovecot takes the second as UIDVALIDITY
    dovecot.renew()
    dovecot.drop(plain(2), plain(4))
    house.clock.pass_by(minutes=2)
    await looking.turn()
    assert (await row(house)).uid_validity != first
    assert await count(house) == 4


async def test_who_died_after_storing_reads_again_and_stores_once(house: Office, dovecot: Dovecot) -> None:
    dovecot.drop(*(plain(number) for number in range(3)))
    await set_up(house, dovecot.access())
    looking = Mailboxes(house.house, "dead")
    async with house.house.database.write() as connection:
        claimed = await mailboxes.claim(connection, "dead", house.clock.now(), polling.LEASE, polling.EVERY, polling.AT_MOST)
    assert claimed
    with open_mailbox(dovecot.access()) as opened:  # stored, then killed before anything was noted or marked
        for slip in opened.page(0, 2):
            assert await looking._take(claimed, opened, slip)
    heir = Mailboxes(house.house, "heir")
    assert not await heir.turn()  # the dead one's lease
    house.clock.pass_by(minutes=4)
    assert await heir.turn()
    assert await count(house) == 3 and set(dovecot.flags()) == {"S"}
    assert not await looking._note(claimed, 1, 0)  # whoever lost the mailbox writes nothing any more
    assert (await row(house)).last_uid == 3


async def test_taken_mails_move_to_a_folder_with_a_name_beyond_ascii(house: Office, dovecot: Dovecot) -> None:
    await set_up(house, dovecot.access(done="Traités"))
    dovecot.drop(*(plain(number) for number in range(60)))
    await Mailboxes(house.house, "me").turn()
    assert await count(house) == 60
    assert (len(dovecot.flags()), len(dovecot.flags(".Trait&AOk-s"))) == (0, 60)


async def test_a_new_mailbox_is_looked_back_into_a_month(house: Office, dovecot: Dovecot) -> None:
    old = time.time() - 100 * 86400
    dovecot.drop(*(plain(number) for number in range(20)), arrived=old)
    dovecot.drop(plain(100), plain(101))
    await set_up(house, dovecot.access())
    await Mailboxes(house.house, "me").turn()
    assert await count(house) == 2


async def test_a_mail_of_fifty_megabytes_is_kept_by_its_beginning(house: Office, dovecot: Dovecot) -> None:
    item = await posted(house)
    await set_up(house, dovecot.access())
    dovecot.drop(bounce(item.delivery_id) + b"x" * 76 * 700_000)
    await Mailboxes(house.house, "me").turn()
    await house.work()
    assert await words(house, item) == ["bounced"]
    assert [mail.size for mail in await kept(house)] == [polling.BEGINNING]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"password": "wrong"}, "mailbox-password"),
        ({"folder": "Nowhere"}, "mailbox-folder"),
        ({"ca": ""}, "mailbox-tls"),
        ({"host": "127.0.0.1"}, "mailbox-tls"),
        ({"port": 1}, "mailbox-unreachable"),
        ({"password": ""}, "mailbox-incomplete"),
    ],
)
async def test_what_a_person_must_mend_is_told(house: Office, dovecot: Dovecot, wrong: dict[str, Any], code: str) -> None:
    dovecot.drop(plain(1))
    await set_up(house, dovecot.access(**wrong))
    looking = Mailboxes(house.house, "me")
    assert await looking.turn()
    found = await row(house)
    assert found.last_error and (found.last_error["code"], found.failures, found.last_uid) == (code, 1, 0)
    house.clock.pass_by(seconds=90)
    assert not await looking.turn()  # after a failure it waits twice as long
    house.clock.pass_by(seconds=40)
    assert await looking.turn() and (await row(house)).failures == 2
    await set_up(house, dovecot.access(), afresh=False)
    assert await looking.turn()
    assert (await row(house)).last_error is None and await count(house) == 1


def test_starttls_and_no_encryption(dovecot: Dovecot) -> None:
    dovecot.drop(plain(1))
    for security in ("starttls", "none"):
        with open_mailbox(dovecot.access(security=security, port=dovecot.port)) as opened:
            (slip,) = opened.page(0, 10)
            assert opened.fetch(slip.uid, 10) == b"From: x@y."
            assert opened.fetch(slip.uid + 1, 10) is None


def test_a_server_without_encryption_gets_no_password(dovecot: Dovecot) -> None:
    with pytest.raises(MailboxFailed) as told, open_mailbox(dovecot.access(port=dovecot.port, ca="")):
        pass
    assert told.value.code == "mailbox-tls"


async def test_two_workers_empty_one_mailbox_once(house: Office, dovecot: Dovecot) -> None:
    dovecot.drop(*(plain(number) for number in range(40)))
    await set_up(house, dovecot.access())
    worked = await asyncio.gather(*(Mailboxes(house.house, f"w{n}").turn() for n in range(4)))
    assert sorted(worked) == [False, False, False, True]
    assert await count(house) == 40
