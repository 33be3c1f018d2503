"""One Idempotency-Key, one mailing: repeated, reused, at the same time, and after a crash at each step."""

import asyncio
from datetime import timedelta

import pytest

from postoffice.model.mailing import NewMailing, Source
from postoffice.model.states import MailingState
from postoffice.store import idempotency, mailings
from tests.api.sending import MAILINGS, post
from tests.doors import Office, letters

pytestmark = pytest.mark.slow


async def _all(office: Office) -> list[MailingState]:
    async with office.house.database.read() as connection:
        return [one.state for one in await mailings.some(connection, organisation_id=office.organisation_id)]


async def _key_id(office: Office, key: dict[str, str]) -> str:
    return str((await (await office.client.get("/api/v1/me", headers=key)).json())["key_id"])


async def test_repeating_a_request_gives_the_same_answer_and_one_mailing(office_on_both: Office) -> None:
    office = office_on_both
    key = await office.key()
    first = await post(office, key, letters(2), {"name": "a"}, Idempotency_Key="one")
    await office.work()  # the mailing moves on; the answer stays
    again = await post(office, key, letters(2), {"name": "a"}, Idempotency_Key="one")
    assert (first.status, again.status) == (201, 201) and await first.read() == await again.read()
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Location"] == again.headers["Location"] and len(await _all(office)) == 1


async def test_the_same_key_for_another_request_is_refused(office: Office) -> None:
    key = await office.key()
    await post(office, key, letters(1), {"name": "a"}, Idempotency_Key="one")
    for document, options in ((letters(2), {"name": "a"}), (letters(1), {"name": "b"}), (letters(1), None)):
        other = await post(office, key, document, options, Idempotency_Key="one")
        assert other.status == 422 and (await other.json())["code"] == "idempotency-key-reused"
    assert len(await _all(office)) == 1


async def test_keys_of_two_programs_do_not_meet(office: Office) -> None:
    for key in (await office.key(), await office.key(), await office.key(live=False)):
        assert (await post(office, key, letters(1), Idempotency_Key="one")).status == 201
    assert len(await _all(office)) == 3


async def test_twenty_at_the_same_time_make_one_mailing(office_on_both: Office) -> None:
    office = office_on_both
    key = await office.key()
    answers = await asyncio.gather(*(post(office, key, letters(1), Idempotency_Key="one") for _ in range(20)))
    made = [answer for answer in answers if answer.status == 201]
    busy = [answer for answer in answers if answer.status == 409]
    assert len(made) + len(busy) == 20 and made
    assert {(await answer.json())["code"] for answer in busy} <= {"idempotency-key-busy"}
    assert all(answer.headers["Retry-After"] for answer in busy)
    assert len({(await answer.json())["id"] for answer in made}) == 1
    states = await _all(office)
    assert [state for state in states if state is not MailingState.ABORTED] == [MailingState.RECEIVED]


async def test_a_request_that_failed_frees_its_key(office: Office) -> None:
    key = await office.key()
    assert (await post(office, key, b"", Idempotency_Key="one")).status == 422
    assert (await post(office, key, letters(1), Idempotency_Key="one")).status == 201
    assert sorted(await _all(office)) == [MailingState.ABORTED, MailingState.RECEIVED]


async def test_a_crash_before_the_bytes_were_stored(office: Office) -> None:
    """The key and its mailing stand there, nobody fills it: busy for the length of a lease, then taken over."""
    key = await office.key()
    new = NewMailing(office.organisation_id, Source.API, "dead")
    name = f"{await _key_id(office, key)}:one"
    async with office.house.database.write() as connection:
        await idempotency.claim(connection, name, "x", new, office.clock.now())
    assert (await post(office, key, letters(1), Idempotency_Key="one")).status == 409
    office.clock.time += idempotency.LEASE + timedelta(seconds=1)
    assert (await post(office, key, letters(1), Idempotency_Key="one")).status == 201
    assert sorted(await _all(office)) == [MailingState.ABORTED, MailingState.RECEIVED]


async def test_a_crash_between_storing_and_answering(office: Office) -> None:
    """The mailing has its bytes, the answer was not kept: whoever repeats gets it, and no second mailing."""
    key = await office.key()
    first = await post(office, key, letters(1), Idempotency_Key="one")
    mailing_id = (await first.json())["id"]
    name = f"{await _key_id(office, key)}:one"
    async with office.house.database.write() as connection:
        await connection.execute(idempotency.table.update().where(idempotency.table.c.key == name).values(answer=None))
    again = await post(office, key, letters(1), Idempotency_Key="one")
    assert again.status == 201 and again.headers["Idempotent-Replayed"] == "true" and (await again.json())["id"] == mailing_id
    assert len(await _all(office)) == 1


async def test_an_upload_that_breaks_off_leaves_nothing_and_frees_its_key(office: Office) -> None:
    key = await office.key()
    server = office.client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head = (
        f"POST {MAILINGS} HTTP/1.1\r\nHost: x\r\nAuthorization: {key['Authorization']}\r\nIdempotency-Key: one\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.4 and no more'
    )
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    for _ in range(400):
        await asyncio.sleep(0.05)
        if await _all(office) == [MailingState.ABORTED]:
            break
    assert await _all(office) == [MailingState.ABORTED]
    assert (await post(office, key, letters(1), Idempotency_Key="one")).status == 201


async def test_odd_keys_are_refused_and_old_ones_forgotten(office: Office) -> None:
    key = await office.key()
    for odd in ("", " ", "x" * 201, "é"):
        assert (await post(office, key, letters(1), Idempotency_Key=odd)).status == 422
    await post(office, key, letters(1), Idempotency_Key="one")
    office.clock.time += idempotency.KEPT + timedelta(days=1)
    fresh = await post(office, key, letters(1), Idempotency_Key="one")
    assert fresh.status == 201 and "Idempotent-Replayed" not in fresh.headers and len(await _all(office)) == 2
    office.clock.time += idempotency.KEPT + timedelta(days=1)
    async with office.house.database.write() as connection:
        assert await idempotency.sweep(connection, office.clock.now()) == 1
