"""The check before launch: over a stream of recipients, with links that are followed, and the test that staff send themselves."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

from postoffice.actions import mail_checks, mail_checks_world, trial_mail
from postoffice.actions.actor import Actor
from postoffice.actions.mail_checks import Options
from postoffice.compose.merge.content import Content, Parts
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.portal import add_portal
from postoffice.store import people, sandbox, tries
from postoffice.store import schema as tables
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from postoffice.store.tries import Limit
from tests.conftest import FixedClock
from tests.doors import Office, open_office

SENDER = {"name": "Maison", "line1": "1 rue du Port", "line2": "44000 NANTES"}
BLOCKS = '[{"kind": "text", "long": "Bonjour {{ first_name }}, [voir](https://a.example/x)"}]'
CONTENT = Content({"fr": Parts(subject="Pour {{ first_name }}", preheader="p")}, sender=SENDER, purpose="promotion").with_blocks(
    "fr", BLOCKS
)
ACTOR = Actor("user:1")


@pytest.fixture
async def office(tmp_path: Path, migrated_file: Path, keyring: Keyring, clock: FixedClock) -> AsyncIterator[Office]:
    shutil.copyfile(migrated_file, tmp_path / "office.db")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'office.db'}")
    async with database.write() as connection:
        organisation_id = await people.add_organisation(
            connection, name="Maison", slug="maison", document_key=keyring.wrap(bytes(32)), now=clock.now()
        )

    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    documents = FileDocuments(tmp_path / "documents", key_of)
    async with open_office(database, documents, keyring, clock, organisation_id, add_portal) as opened:
        yield opened
    await database.close()


async def check(office: Office, content: Content = CONTENT, rows: Any = None, options: Options | None = None) -> dict[str, Any]:
    async with office.house.database.read() as connection:
        organisation = await people.organisation(connection, office.organisation_id)
    found = await mail_checks.check_content(office.house, organisation, content, rows, options)
    return {f"{one.code}:{one.facts.get('field', '')}".rstrip(":"): one for one in found}


async def test_fields_that_some_lack_are_counted_over_a_stream(office: Office) -> None:
    async def rows() -> AsyncIterator[dict[str, str]]:
        for number in range(1203):
            yield {
                "email": f"a{number}@example.org" if number != 7 else "none",
                "first_name": "" if number in (3, 600, 1202) else "Ana",
            }

    found = await check(office, rows=rows())
    assert found["fields:first_name"].facts == {"n": 3, "total": 1203, "field": "first_name"}
    assert found["fields:first_name"].severity.value == "warning"
    assert found["fields:email"].facts["n"] == 1 and found["unreachable"].facts["n"] == 1


async def test_nobody_and_everybody(office: Office) -> None:
    assert "nobody" in await check(office, rows=[])
    found = await check(office, rows=[{"email": "a@example.org"}] * 3)
    assert found["fields:first_name"].severity.value == "error", "all of them lack it"
    assert await check(office, rows=[{"email": "a@example.org", "first_name": "Ana"}]) == {}


async def test_a_template_that_cannot_be_read_is_said_so(office: Office) -> None:
    broken = CONTENT.with_part("fr", "mjml", "<mjml><mj-body>")
    assert list(await check(office, broken)) == ["template"]
    assert "message-missing" in await check(office, options=Options(Channel.SMS))


async def test_links_are_followed_to_public_addresses_only(office: Office) -> None:
    async def answer(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name == "away":
            raise web.HTTPFound("/good")
        if name == "circle":
            raise web.HTTPFound("/circle")
        return web.Response(status={"good": 200, "gone": 404}.get(name, 500))

    app = web.Application()
    app.router.add_get("/{name}", answer)
    async with TestServer(app) as server:
        address = {name: str(server.make_url(f"/{name}")) for name in ("good", "gone", "away", "circle", "ill")}
        found = await mail_checks_world.reach(list(address.values()), inside=True)
        assert {one.facts["address"] for one in found} == {address["gone"], address["circle"], address["ill"]}
        found = await mail_checks_world.reach([address["good"], "http://169.254.169.254/x", "http://[::1]:1/", "http://localhost/"])
        assert len(found) == 4 and {one.facts["why"] for one in found} == {"it is no public address"}


async def test_a_silent_spam_filter_is_no_obstacle(office: Office) -> None:
    office.house = replace(office.house, rspamd="http://127.0.0.1:9")
    found = await check(office, options=Options(spam=True))
    assert found["spam-unknown"].severity.value == "info"


async def test_a_test_goes_to_staff_and_is_no_mailing(office: Office) -> None:
    async with office.house.database.write() as connection:
        organisation = await people.organisation(connection, office.organisation_id)
        for name in ("ana", "bob"):
            await people.add_user(
                connection,
                organisation_id=office.organisation_id,
                email=f"{name}@maison.example",
                name=name,
                password="une phrase facile à garder",
                roles=(),
                now=office.clock.now(),
            )

    async def send(*to: str) -> int:
        return await trial_mail.send(office.house, organisation, "t", CONTENT, {"first_name": "Ana"}, to, ACTOR)

    assert await send("ana@maison.example", "BOB@maison.example ", "") == 2
    async with office.house.database.read() as connection:
        box = [one for one, _copies in await sandbox.page(connection, office.organisation_id)]
        assert await connection.scalar(sa.select(sa.func.count()).select_from(tables.mailings)) == 0
    assert {one.to for one in box} == {"ana@maison.example", "bob@maison.example"}
    assert {one.subject for one in box} == {"[TEST] Pour Ana"} and "Bonjour Ana" in box[0].html + box[0].text
    for wrong in ((), ("stranger@example.org",), tuple(f"u{number}@maison.example" for number in range(6))):
        with pytest.raises(PostOfficeError, match="staff"):
            await send(*wrong)
    limit = Limit(office.house.keyring.blind(f"test-mail|{office.organisation_id}"), 99, timedelta(hours=1))
    async with office.house.database.write() as connection:
        for _ in range(38):
            await tries.count(connection, office.organisation_id, [limit], office.clock.now())
    with pytest.raises(PostOfficeError, match="Enough"):
        await send("ana@maison.example")
