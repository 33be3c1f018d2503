"""Carriers: their state in words, settings whose secrets stay inside, the first of a channel, test sending."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP as SMTP_SERVER

from postoffice.desk.carriers import NAME
from postoffice.model.channel import Channel
from postoffice.store import carriers
from postoffice.store.carriers import CarrierRow
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office
from tests.desk.offices import ALL, actions, other_organisation, signed_in, with_carriers

SMTP = {
    "kind": "smtp",
    "name": "relay",
    "set-host": "127.0.0.1",
    "set-port": "2525",
    "set-security": "none",
    "set-username": "post",
    "set-password": "geheim-4711",
    "set-sender": "post@example.org",
    "set-timeout": "5",
}


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[Browser]:
    async with signed_in(office, ALL) as browser:
        yield browser


async def row(office: Office, name: str) -> CarrierRow:
    async with office.house.database.read() as connection:
        return await carriers.by_name(connection, office.organisation_id, name)


async def settings(office: Office, name: str) -> dict[str, object]:
    return carriers.unseal(office.house.keyring, (await row(office, name)).sealed)


async def test_the_list_says_which_channels_stop_at_the_sandbox(office: Office, admin: Browser) -> None:
    page = (await admin.get("/admin/carriers"))[1]
    assert "Nothing leaves the office by these channels: e-mail, SMS, fax, post." in page
    await admin.post("/admin/carriers/sandbox-fax/switch", {"on": "0"})
    page = (await admin.get("/admin/carriers"))[1]
    assert "No carrier is on for: fax." in page and "switched off" in page


async def test_a_new_carrier_stands_in_reserve_until_it_is_made_the_first(office: Office, admin: Browser) -> None:
    assert (await admin.post("/admin/carriers/new", SMTP))[2] == "/admin/carriers/relay?done=made"
    used = office.house.carriers.names
    assert (await used(office.organisation_id, live=True))[Channel.EMAIL] == "sandbox-email"
    assert "in reserve" in (await admin.get("/admin/carriers/relay"))[1]
    await admin.post("/admin/carriers/relay/prefer")
    assert (await used(office.organisation_id, live=True))[Channel.EMAIL] == "relay"
    assert (await used(office.organisation_id, live=False))[Channel.EMAIL] == "sandbox-email", "trials still stop at the sandbox"
    assert "channels: SMS, fax, post." in (await admin.get("/admin/carriers"))[1]
    assert await actions(office) == ["carrier.add", "carrier.prefer"]


async def test_secrets_are_sealed_never_shown_and_kept_where_the_field_is_empty(office: Office, admin: Browser) -> None:
    await admin.post("/admin/carriers/new", SMTP)
    assert "geheim-4711" not in str((await row(office, "relay")).sealed)
    page = (await admin.get("/admin/carriers/relay"))[1]
    assert "geheim-4711" not in page and "Kept and never shown" in page and 'value="127.0.0.1"' in page
    before = await office.house.carriers.get(office.organisation_id, "relay")
    await admin.post("/admin/carriers/relay/settings", {**SMTP, "set-password": "", "set-port": "2526"})
    kept = await settings(office, "relay")
    assert (kept["password"], kept["port"]) == ("geheim-4711", 2526)
    assert await office.house.carriers.get(office.organisation_id, "relay") is not before, "built anew"
    await admin.post("/admin/carriers/relay/settings", {**SMTP, "set-password": "", "clear-password": "1", "set-username": ""})
    assert (await settings(office, "relay"))["password"] == ""
    assert "geheim-4711" not in "".join(office.log.lines)


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"set-host": ""}, "set-host", "must be given"),
        ({"set-port": "many"}, "set-port", "whole number"),
        ({"set-security": "none", "set-host": "relay.example.org"}, "set-security", "unprotected"),
        ({"set-sender": "two@at@signs"}, "set-sender", "sender"),
        ({"set-dkim_key": "nonsense", "set-dkim_domain": "example.org", "set-dkim_selector": "s"}, "set-dkim_key", "dkim_key"),
        ({"name": "Not Good"}, "name", "name cannot be used"),
        ({"name": "sandbox-sms"}, "name", "already"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_marked(
    office: Office, admin: Browser, wrong: dict[str, str], field: str, said: str
) -> None:
    status, page, _where = await admin.post("/admin/carriers/new", {**SMTP, **wrong})
    assert status in (400, 409) and said in page
    assert page.count('aria-invalid="true"') == 1
    assert 'aria-invalid="true"' in page.split(f'name="{field}"')[1].split(">")[0]
    assert "geheim-4711" not in page
    async with office.house.database.read() as connection:
        assert len(await carriers.all_of(connection, office.organisation_id)) == 4


async def test_a_bad_setting_is_named_in_french_as_the_form_names_it(office: Office) -> None:
    async with signed_in(office, ALL, language="fr") as french:
        page = (await french.post("/admin/carriers/new", {**SMTP, "set-host": ""}))[1]
        assert "« Relais »" in page
        assert "Ajouter : Relais SMTP" in (await french.get("/admin/carriers"))[1]


async def test_trouble_is_said_until_it_works_again(office: Office, admin: Browser, clock: FixedClock) -> None:
    async with office.house.database.write() as connection:
        await carriers.note_health(connection, office.organisation_id, "sandbox-sms", clock.now(), "It did not answer <b>")
    page = (await admin.get("/admin/carriers"))[1]
    assert "in trouble" in page and "It did not answer &lt;b&gt;" in page
    clock.time += timedelta(minutes=1)
    await admin.post("/admin/carriers/sandbox-sms/test", {"to": "+33612345600"})
    assert "in trouble" not in (await admin.get("/admin/carriers"))[1]


LETTER = "MME ZOE LEFEVRE\n12 RUE DE LA REPUBLIQUE\n69003 LYON"


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("sandbox-email", "zoe@example.org"),
        ("sandbox-sms", "06 12 34 56 00"),
        ("sandbox-fax", "+33139980000"),
        ("sandbox-post", LETTER),
    ],
)
async def test_a_test_goes_through_the_carrier_and_lies_in_the_box(office: Office, admin: Browser, name: str, to: str) -> None:
    status, page, _where = await admin.post(f"/admin/carriers/{name}/test", {"to": to})
    assert status == 200 and "The carrier took it." in page
    key = page.split('href="/sandbox/')[1].split('"')[0]
    status, found = await admin.get(f"/sandbox/{key}")
    assert status == 200 and "A test from the page of carriers." in found
    answer = await admin.client.get(f"/sandbox/{key}/page-1.png")
    assert answer.status == 200 and (await answer.read()).startswith(b"\x89PNG")
    assert await actions(office) == ["carrier.test"]


@pytest.mark.parametrize(
    ("name", "to", "said"),
    [
        ("sandbox-email", "refused@example.org", "The carrier refused it"),
        ("sandbox-sms", "+33612345699", "could not take it now"),
        ("sandbox-post", "MME DUPONT SANDBOX REFUSED\n12 RUE DE LA PAIX\n75002 PARIS", "The sandbox refuses this address"),
    ],
)
async def test_a_refusal_is_told_in_words(admin: Browser, name: str, to: str, said: str) -> None:
    status, page, _where = await admin.post(f"/admin/carriers/{name}/test", {"to": to})
    assert status == 200 and said in page


@pytest.mark.parametrize(
    ("name", "to", "said"),
    [
        ("sandbox-email", "", "address is needed"),
        ("sandbox-email", "nobody", "not an e-mail address"),
        ("sandbox-sms", "123", "not a valid mobile number"),
        ("sandbox-post", "MME DUPONT", "postal address cannot be used"),
    ],
)
async def test_what_is_no_address_is_not_sent(office: Office, admin: Browser, name: str, to: str, said: str) -> None:
    status, page, _where = await admin.post(f"/admin/carriers/{name}/test", {"to": to})
    assert status == 400 and said in page
    assert await actions(office) == []


async def test_a_real_relay_gets_the_test(office: Office, admin: Browser) -> None:
    class Inbox:
        mails: list[bytes] = []

        async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:
            self.mails.append(envelope.content)  # type: ignore[attr-defined]
            return "250 taken as 4711"

    server = await asyncio.get_running_loop().create_server(lambda: SMTP_SERVER(Inbox(), enable_SMTPUTF8=True), "127.0.0.1", 0)
    try:
        port = str(server.sockets[0].getsockname()[1])
        form = {**SMTP, "set-port": port, "set-username": "", "set-password": ""}
        await admin.post("/admin/carriers/new", form)
        page = (await admin.post("/admin/carriers/relay/test", {"to": "zoe@example.org"}))[1]
        assert "The carrier took it." in page
        assert b"Test of the post office of Mairie de Test" in Inbox.mails[0] and b"application/pdf" in Inbox.mails[0]
        assert (await row(office, "relay")).last_ok_at is not None
    finally:
        server.close()
        await server.wait_closed()
    await admin.post("/admin/carriers/relay/settings", form)  # nobody holds an open line to it any more
    page = (await admin.post("/admin/carriers/relay/test", {"to": "zoe@example.org"}))[1]
    assert "could not take it now" in page and (await row(office, "relay")).last_error
    await office.house.carriers.forget(office.organisation_id, "relay")


async def test_off_then_removed(office: Office, admin: Browser) -> None:
    await admin.post("/admin/carriers/new", SMTP)
    assert (await admin.post("/admin/carriers/relay/remove"))[0] == 409
    await admin.post("/admin/carriers/relay/switch", {"on": "0"})
    assert (await admin.post("/admin/carriers/relay/prefer"))[0] == 409
    assert (await admin.post("/admin/carriers/relay/test", {"to": "a@b.example"}))[0] == 409
    assert (await admin.post("/admin/carriers/relay/remove"))[0] == 303
    assert (await admin.get("/admin/carriers/relay"))[0] == 404


async def test_other_organisations_carriers_do_not_exist(office: Office, admin: Browser, clock: FixedClock) -> None:
    theirs = await other_organisation(office)
    async with office.house.database.write() as connection:
        await carriers.add(
            connection, organisation_id=theirs, name="theirs", kind="smtp", channel=Channel.EMAIL, settings={}, now=clock.now()
        )
    assert (await admin.get("/admin/carriers/theirs"))[0] == 404
    for action in ("settings", "switch", "prefer", "remove", "test"):
        assert (await admin.post(f"/admin/carriers/theirs/{action}", SMTP))[0] == 404
    assert "theirs" not in (await admin.get("/admin/carriers"))[1]


def test_names_are_safe_in_addresses() -> None:
    assert NAME.fullmatch("relay-2") and not NAME.fullmatch("../x") and not NAME.fullmatch("new\n")
