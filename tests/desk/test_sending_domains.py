"""Sending domains at the desk: keys made, records shown, checked against a name server of our own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from postoffice.channels.email.dns import DnsTools
from postoffice.house import HOUSE
from postoffice.store import dkim
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office
from tests.desk.offices import ALL, actions, signed_in, with_carriers
from tests.dns import Zone, name_server


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[tuple[Office, Zone]]:
    zone: Zone = {}
    with name_server(zone) as port:
        built = await with_carriers(tmp_path, clock)
        built.app[HOUSE] = replace(built.house, sending=DnsTools(f"127.0.0.1:{port}"))
        yield built, zone
        await built.house.database.close()


@pytest.fixture
async def admin(office: tuple[Office, Zone]) -> AsyncIterator[Browser]:
    async with signed_in(office[0], ALL) as browser:
        yield browser


async def test_from_a_domain_to_a_key_that_signs(office: tuple[Office, Zone], admin: Browser) -> None:
    house, zone = office
    assert "No domain has a signing key yet." in (await admin.get("/admin/domains"))[1]
    assert (await admin.post("/admin/domains", {"domain": "nonsense domain"}))[0] == 400
    assert (await admin.post("/admin/domains", {"domain": "Mairie.example"}))[2] == "/admin/domains?done=made"
    page = (await admin.get("/admin/domains"))[1]
    async with house.house.database.read() as connection:
        rows = await dkim.all_of(connection, house.organisation_id)
    assert all(row.record in page and f"{row.selector}._domainkey.mairie.example" in page for row in rows)
    assert "PRIVATE" not in page
    status, page, _ = await admin.post("/admin/domains/mairie.example/check")
    assert status == 200 and "The record is not there yet" in page and "Nothing says who may send" in page
    for row in rows:
        zone[f"{row.selector}._domainkey.mairie.example"] = [("TXT", row.record)]
    zone["mairie.example"] = [("TXT", "v=spf1 -all")]
    zone["_dmarc.mairie.example"] = [("TXT", "v=DMARC1; p=none")]
    page = (await admin.post("/admin/domains/mairie.example/check"))[1]
    assert "this key signs" in page and "only watches" in page
    assert (await admin.post("/admin/domains/mairie.example/rotate"))[2] == "/admin/domains?done=made"
    status, page, _ = await admin.post("/admin/domains/mairie.example/rotate")
    assert status == 409 and "still waits for its record" in page
    assert await actions(house) == ["dkim.make", "dkim.rotate"]
