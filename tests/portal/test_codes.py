"""One-time codes against OWASP ASVS 5.0, 6.5 and 6.6: length, life, one use, their request, and limits that survive a restart."""

import asyncio
import re
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientResponse, web
from aiohttp.test_utils import make_mocked_request

from postoffice.house import HOUSE
from postoffice.model.mailing import LinkProof
from postoffice.portal import add_portal, coding
from postoffice.portal.found import as_read
from postoffice.store import behind, codes, housekeeping
from postoffice.store import schema as tables
from tests.doors import Office, open_office
from tests.portal.conftest import Letter, belongs, dump, last_code, sandboxed, sent


async def coded(office: Office, number: int = 1, name: str = "Anne") -> list[Letter]:
    """Letters of one contact that ask for a code."""
    letters = await sent(office, number, proof=("code", ""), wanted=LinkProof.CODE)
    await belongs(letters, name)
    return letters


async def post(letter: Letter, **fields: str) -> ClientResponse:
    return await letter.office.client.post(letter.path, data=fields, allow_redirects=False)


async def asked(letter: Letter) -> str:
    """Ask for a code; the request's token that stands in the form."""
    answer = await post(letter)
    assert answer.status == 200, await answer.text()
    found = re.search(r'name="ask" value="([a-z2-7]{32})"', await answer.text())
    assert found
    return found[1]


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_link_code_letter_on_both_databases_asvs_6_5_1_and_6_5_4(office_on_both: Office) -> None:
    (letter,) = await coded(office_on_both)
    page = await (await office_on_both.client.get(letter.path)).text()
    assert "•••• 01" in page and "anne@" not in page and "+336" not in page, "enough for the owner, nothing for others"
    assert not await sandboxed(office_on_both), "looking sends nothing"
    ask = await asked(letter)
    (message,) = await sandboxed(office_on_both)
    code = await last_code(office_on_both)
    assert message.to == "+33639980001" and re.fullmatch(r"[0-9]{6}", code), "six digits, by the other road than the mail's"
    assert (await post(letter, ask=ask, code=f" {code[:3]} {code[3:]} ")).status == 303
    assert (await office_on_both.client.get("/l/document")).status == 200
    assert (await post(letter, ask=ask, code=code)).status == 422, "used once (6.5.1)"


@pytest.mark.slow
async def test_a_code_dies_after_ten_minutes_asvs_6_5_5(office: Office) -> None:
    (letter,) = await coded(office)
    ask = await asked(letter)
    assert timedelta(minutes=10) >= codes.LIFETIME
    office.clock.time += codes.LIFETIME
    assert (await post(letter, ask=ask, code=await last_code(office))).status == 422


@pytest.mark.slow
async def test_a_code_is_bound_to_its_request_and_link_asvs_6_6_2(office: Office) -> None:
    first, second = await coded(office, 2)
    ask = await asked(first)
    code = await last_code(office)
    assert (await post(second, ask=ask, code=code)).status == 422, "another link"
    assert (await post(first, ask="a" * 32, code=code)).status == 422, "another request"
    newer = await asked(first)
    assert (await post(first, ask=ask, code=code)).status == 422, "a newer request ends the older"
    assert (await post(first, ask=newer, code=await last_code(office))).status == 303


@pytest.mark.slow
async def test_the_code_is_kept_as_a_hash_that_needs_the_request_asvs_6_5_2(office: Office) -> None:
    (letter,) = await coded(office)
    ask = await asked(letter)
    async with office.house.database.read() as connection:
        kept = str((await connection.execute(sa.select(tables.codes))).all())
        trail = str([(await connection.execute(sa.select(table))).all() for table in (tables.audit, tables.tries)])
    code = await last_code(office)
    for text in (kept, trail, str(office.log.lines)):
        assert code not in text and ask not in text and "39980001" not in text


async def test_the_sixth_wrong_code_is_429_and_a_restart_forgives_nothing_asvs_6_6_3(
    office_on_both: Office, documents: Any, keyring: Any, clock: Any
) -> None:
    (letter,) = await coded(office_on_both)
    ask = await asked(letter)
    code = await last_code(office_on_both)
    for number in range(5):
        answer = await post(letter, ask=ask, code=other(code))
        assert answer.status == 422, number
    assert "no longer good" in await answer.text() or "plus valable" in await answer.text(), "five tries, then the code is dead"
    paused = await post(letter, ask=ask, code=code)
    assert paused.status == 429 and int(paused.headers["Retry-After"]) > 0
    another = await office_on_both.other_organisation()
    async with open_office(office_on_both.house.database, documents, keyring, clock, another, add_portal) as restarted:
        again = await restarted.client.post(letter.path, data={"ask": ask, "code": code}, allow_redirects=False)
        assert again.status == 429
    clock.time += timedelta(minutes=15, seconds=1)
    ask = await asked(letter)
    assert (await post(letter, ask=ask, code=await last_code(office_on_both))).status == 303


@pytest.mark.slow
async def test_codes_at_the_same_time_are_judged_one_by_one_asvs_6_6_3(office_on_both: Office) -> None:
    (letter,) = await coded(office_on_both)
    ask = await asked(letter)
    code = await last_code(office_on_both)
    wrong = await asyncio.gather(*(post(letter, ask=ask, code=other(code)) for _ in range(12)))
    assert sorted(answer.status for answer in wrong) == [422] * 5 + [429] * 7
    office_on_both.clock.time += timedelta(minutes=16)
    ask = await asked(letter)
    code = await last_code(office_on_both)
    right = await asyncio.gather(*(post(letter, ask=ask, code=code) for _ in range(4)))
    assert sorted(answer.status for answer in right).count(303) == 1, "one use"


@pytest.mark.slow
async def test_sending_is_limited_by_link_and_by_number(office: Office) -> None:
    letters = await coded(office, 3)
    for _ in range(4):
        await asked(letters[0])
    assert (await post(letters[0])).status == 429, "per link"
    await asked(letters[1])
    assert (await post(letters[2])).status == 429, "per number: the sixth"
    assert len(await sandboxed(office)) == 5


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_ten_thousand_wrong_codes_from_a_thousand_addresses(office: Office) -> None:
    """Whoever guesses gets five tries a quarter of an hour, wherever they sit; the real code stays unguessed and the table small."""
    (letter,) = await coded(office)
    ask = await asked(letter)
    code = await last_code(office)

    app = web.Application()
    app[HOUSE] = office.house
    add_portal(app)
    known = await office.house.database.look(partial(behind.by_token, token=letter.token))
    assert known
    knock = make_mocked_request("POST", letter.path, app=app)
    found = await as_read(knock, known)
    knocks = [knock.clone(remote=f"10.{number // 250}.{number % 250}.7") for number in range(1_000)]
    told: Counter[str] = Counter()
    for number in range(10_000):  # what the page calls, without the page: 10,000 pages would take minutes
        guess = f"{(int(code) + 1 + number) % 1_000_000:06d}"
        result = await coding.judge(knocks[number % 1_000], found, "open", ask, guess)
        told["paused" if result.pause else "right" if result.right else "wrong"] += 1
    assert told == {"wrong": 5, "paused": 9_995}
    assert (await post(letter, ask=ask, code=code)).status == 429
    async with office.house.database.read() as connection:
        assert (await connection.scalar(sa.select(sa.func.count()).select_from(tables.tries)) or 0) < 1_100
    office.clock.time += timedelta(days=3)
    async with office.house.database.write() as connection:
        await housekeeping.tidy(connection, office.clock.now())
    async with office.house.database.read() as connection:
        assert not await connection.scalar(sa.select(sa.func.count()).select_from(tables.tries)), "pruned"
        assert not await connection.scalar(sa.select(sa.func.count()).select_from(tables.codes))


@pytest.mark.slow
async def test_wrong_proofs_over_many_links_of_one_contact_are_limited(office: Office) -> None:
    letters = await sent(office, 5)
    await belongs(letters)
    told = [(await post(letter, proof="00000")).status for letter in letters for _ in range(5)]
    assert told == [422] * 20 + [429] * 5
    assert (await post(letters[4], proof=letters[4].proof)).status == 429


@pytest.mark.slow
async def test_without_a_carrier_or_an_address_the_page_says_whom_to_ask(office: Office) -> None:
    (letter,) = await sent(office, 1, proof=("code", ""), wanted=LinkProof.CODE)
    before = dump(office)
    answer = await post(letter)
    assert answer.status == 409 and "Mairie de Test" in await answer.text() and dump(office) == before


@pytest.mark.slow
async def test_what_asks_for_a_code_is_not_reached_by_a_weaker_proof_asvs_8_2_2(office: Office) -> None:
    (secret,) = await coded(office)
    (plain,) = await sent(office, 1, subject="Plain")
    await belongs([plain])
    assert (await post(plain, proof=plain.proof)).status == 303
    listed = await (await office.client.get("/l/documents")).text()
    assert plain.item.id in listed and secret.item.id not in listed
    assert (await office.client.get(f"/l/documents/{secret.item.id}")).status == 404
    assert (await office.client.get(f"/l/documents/{secret.item.id}.pdf")).status == 404
    ask = await asked(secret)
    assert (await post(secret, ask=ask, code=await last_code(office))).status == 303
    listed = await (await office.client.get("/l/documents")).text()
    assert plain.item.id in listed and secret.item.id in listed
